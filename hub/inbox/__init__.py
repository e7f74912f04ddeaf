"""The inbox: what partners told us and what the hub has to say, kept until the dossier systems have read it."""
