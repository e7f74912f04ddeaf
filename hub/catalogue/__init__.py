"""The national catalogue of procedures: synchronised, kept in versions, its differences shown."""
