"""Speed as ratios: each benchmark runs the hub against a reference in the same minutes on the same machine."""
