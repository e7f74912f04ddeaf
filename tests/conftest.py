"""What every test stands on. The fixtures of the database are in ``tests/hub/conftest.py``."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never depends on the LIENTHONG_* variables of whoever runs it."""
    for name in list(os.environ):
        if name.upper().startswith("LIENTHONG_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection to another machine, so that a wrong address fails instead of calling somebody."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and not ipaddress.ip_address(host).is_loopback:
            raise AssertionError("a test tried to connect to another machine")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
