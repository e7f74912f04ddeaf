"""Reconciliation (đối soát): our dossiers against what a partner says it holds, and the repair of what differs."""
