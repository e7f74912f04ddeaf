"""Reports on the use of the population database (VP 8.4, 29.8b)."""
