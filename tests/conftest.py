"""What every test stands on. The fixtures of the database are in ``tests/hub/conftest.py``."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.plain_logging import log_plainly, logging_put_back

# A quick look at each property with every change, a long one in `make test` and before a release:
# `pytest -m hypothesis --hypothesis-profile thorough`. What a test says of its own (`max_examples`) holds in both.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=250, deadline=None)
settings.load_profile("quick")

log_plainly()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the pages that tests check be written by them."""
    parser.addoption("--write-pages", action="store_true", help="write the tables that tests generate into docs/")


def pytest_collection_finish() -> None:
    """Take the collected tests out of the garbage collector's rounds: they live as long as the process."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A test that runs a program within this process leaves the next ones no silence."""
    with logging_put_back():
        yield


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
