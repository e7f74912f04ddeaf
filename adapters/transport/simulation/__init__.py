"""The other side of the shared wires, for tests, the sandbox and integrators: servers, gates and faults."""
