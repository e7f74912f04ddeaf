"""The citizen's own view: who looked them up, and for what."""
