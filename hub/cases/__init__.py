"""Cases: what a security officer opens, with its evidence."""
