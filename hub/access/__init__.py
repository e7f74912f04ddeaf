"""Access: which programs may call the hub, what they may do there, and for which agencies."""
