"""The store's side of the wire: an ASGI application that plays it, for tests, the sandbox and integrators."""

from adapters.personal_store.simulator.app import SimulatorApp, build

__all__ = ["SimulatorApp", "build"]
