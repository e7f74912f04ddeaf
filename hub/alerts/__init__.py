"""Alerts: what a person should look at, told once through every channel that is configured."""
