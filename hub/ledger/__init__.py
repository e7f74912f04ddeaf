"""The tamper-evident record: what happened, in a Merkle tree whose checkpoints anyone can verify offline."""
