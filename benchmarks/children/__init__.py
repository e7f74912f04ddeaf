"""The processes that a benchmark starts: each reads one JSON argument and answers with lines of JSON."""
