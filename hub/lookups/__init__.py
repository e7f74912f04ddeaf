"""Look-ups of people: each recorded before it is answered."""
