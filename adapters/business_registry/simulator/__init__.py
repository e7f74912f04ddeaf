"""The database's side of the wire: an ASGI application that plays it, for tests, the sandbox and integrators."""

from adapters.business_registry.simulator.app import SimulatorApp, build

__all__ = ["SimulatorApp", "build"]
