"""The shared wires: HTTP, the forward adapter of the security server, the LGSP token; and their simulators."""
