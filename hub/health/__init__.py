"""Health: what machines ask the hub about itself (alive, ready, metrics)."""
