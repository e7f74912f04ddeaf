"""Dossiers: taken in, kept as events, read back, and handed to the couriers that publish them."""
