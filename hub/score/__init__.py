"""Score guard: what the national score (QĐ 766) reads of our dossiers, and warnings before a point is lost."""
