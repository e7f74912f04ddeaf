"""Running the hub: its processes, the supervisor that watches them, and the sandbox that plays the partners."""
