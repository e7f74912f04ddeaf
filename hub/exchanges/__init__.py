"""Exchanges: the transactional outbox, its lanes and leases, and the workers that empty it."""
