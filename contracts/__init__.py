"""The language everyone here speaks: canonical models, codes, ports and errors. Imports nothing of ours."""
