"""The adapters: one folder per national system, and the wires they share."""
