"""A database that somebody else runs: each thing that can be wrong is told apart, and no password shows."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from hub.settings import Settings
from hub.store import external
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import open_store
from hub.store.errors import StoreStartError

_PASSWORD = "correct-horse"


@pytest.fixture
def url_for(database_server: EmbeddedPostgres) -> Iterator[Callable[..., str]]:
    """Builds URLs of the test server for an ordinary role with a known password.

    The server is shared with the tests of other processes, so the role has a name that no other has.
    """
    ordinary = f"ordinary_{uuid.uuid4().hex[:12]}"
    role = sql.Identifier(ordinary)
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(_PASSWORD)))
        directory = connection.info.host

    def build(*, user: str = ordinary, password: str = _PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={quote(directory, safe='')}"

    yield build
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, nor can during the test: it is bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def _refusal(url: str) -> StoreStartError:
    with pytest.raises(StoreStartError) as caught:
        await external.check(url)
    assert _PASSWORD not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.sentence.en != caught.value.sentence.vi
    return caught.value


@pytest.mark.slow
async def test_a_database_that_fits_is_accepted(url_for: Callable[..., str]) -> None:
    """An ordinary role on an existing database is all the hub asks for."""
    await external.check(url_for())


async def test_an_unreachable_server_is_named(closed_port: int) -> None:
    """Nobody listens there: the sentence says where."""
    error = await _refusal(f"postgresql://u:secret@127.0.0.1:{closed_port}/d")
    assert error.code == "database_unreachable"
    assert f"127.0.0.1:{closed_port}" in error.sentence.vi


@pytest.mark.slow
async def test_something_that_is_no_database_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that answers in another protocol, or hangs up, is no PostgreSQL."""
    monkeypatch.setattr(external, "PING_SECONDS", 1)

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await _refusal(f"postgresql://u:secret@127.0.0.1:{port}/d")
    assert error.code == "database_unreachable"


@pytest.mark.parametrize("wrong", [{"password": "secret"}, {"user": "unknown"}])
async def test_a_refused_user_is_told_from_a_missing_database(
    url_for: Callable[..., str], wrong: dict[str, str]
) -> None:
    """Password and role are one answer, so that nothing is revealed; the user is named."""
    error = await _refusal(url_for(**wrong))
    assert error.code == "database_refused"
    assert wrong.get("user", "ordinary_") in error.sentence.en


async def test_a_missing_database_is_told_apart(url_for: Callable[..., str]) -> None:
    """The role is good and the database is not there: create it."""
    error = await _refusal(url_for(database="nowhere"))
    assert error.code == "database_missing"
    assert "nowhere" in error.sentence.vi


async def test_an_old_server_is_refused(url_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub uses what version 15 brought."""
    assert external.OLDEST_VERSION == 15
    monkeypatch.setattr(external, "OLDEST_VERSION", 99)
    assert (await _refusal(url_for())).code == "database_too_old"


@pytest.mark.slow
async def test_a_standby_is_refused(quick_directory: Path) -> None:
    """Nothing can be written on a standby, so the start says so instead of the first dossier."""
    server = EmbeddedPostgres(quick_directory, settings={"shared_buffers": "16MB", "wal_level": "replica"})
    try:
        await asyncio.to_thread(server.start_or_attach)
        await asyncio.to_thread(server.stop)
        (server.data / "standby.signal").touch()
        await asyncio.to_thread(server.start_or_attach)
        assert (await _refusal(server.url)).code == "database_read_only"
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("url", ["postgresql://u:secret@[::1/d", "postgresql://u:secret@h:port/d"])
async def test_a_malformed_address_is_refused_without_quoting_it(url: str) -> None:
    """The address holds the password, so not even a wrong one is shown."""
    error = await _refusal(url)
    assert error.code in {"database_url_wrong", "database_unreachable"}
    assert error.__cause__ is None


async def test_opening_a_store_checks_first(make_settings: Callable[..., Settings], closed_port: int) -> None:
    """The operator gets the sentence, not a pool that waits."""
    with pytest.raises(StoreStartError) as caught:
        await open_store(make_settings(database_url=f"postgresql://u:secret@127.0.0.1:{closed_port}/d"))
    assert caught.value.code == "database_unreachable"
