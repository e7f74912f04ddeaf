"""Replays: many exchanges sent again, or dismissed, after a preview that a second person may have to approve."""
