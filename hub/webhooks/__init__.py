"""Webhooks: events of the inbox, sent to the dossier systems as they come (Standard Webhooks)."""
