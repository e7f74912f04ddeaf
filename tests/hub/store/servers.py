"""What tests of the embedded server ask of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from hub.store import postmaster
from hub.store.embedded import EmbeddedPostgres
from hub.store.errors import StoreStartError

SMALL = {"shared_buffers": "16MB"}
"""Settings of a server of one test."""

Make = Callable[[Path], EmbeddedPostgres]
"""The fixture `make_server`."""


def ask(server: EmbeddedPostgres, query: str) -> list[tuple[object, ...]]:
    """Execute a statement as the hub's user."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def process_of(server: EmbeddedPostgres) -> psutil.Process:
    """Return the process of the running server."""
    found = postmaster.find(server.data)
    assert found is not None
    return found.process


def refusal(server: EmbeddedPostgres) -> str:
    """Return the code with which it does not start: told in two languages, without its password, and nothing left."""
    with pytest.raises(StoreStartError) as caught:
        server.start_or_attach()
    error = caught.value
    assert error.sentence.en.endswith(".")
    assert error.sentence.vi.endswith(".")
    assert error.sentence.en != error.sentence.vi
    password = server.data_dir / "postgres.password"
    if password.is_file():
        assert password.read_text().strip() not in str(error)
    assert postmaster.find(server.data) is None
    return error.code
