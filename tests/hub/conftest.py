"""A database for each test that asks, cheap to get.

One embedded server serves a whole test run, also when pytest-xdist runs several processes. The migrations run
once into a template database; `database_url` and `store` lend each test that asks a clone of it, which is emptied
and lent again (`tests/hub/databases.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from hub.settings import Settings
from hub.store import schema
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import Store, _open_sealer
from hub.store.key_file import KeyFile
from tests.hub.databases import Databases, create, drop

_TEMPLATE = "hub_template"

# Test data may be lost with the machine; everything else is as in production.
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "logging_collector": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}

_ENOUGH_MEMORY = 2 << 30
_PREFIX = "lienthong-tests-"


def _quick_place() -> Path:
    """Where data files go in tests: in memory where there is plenty, because making a database syncs a lot.

    Not below pytest's own temporary directories: those are closed to the system user of the server.
    """
    memory = Path("/dev/shm")  # noqa: S108 - only looked at here; directories in it get random names
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ENOUGH_MEMORY:
        return memory
    return Path(tempfile.gettempdir())


@pytest.fixture
def quick_directory() -> Iterator[Path]:
    """A directory of this test's own for a server of its own; servers left in it are killed."""
    directory = Path(tempfile.mkdtemp(prefix="lienthong-test-", dir=_quick_place()))
    yield directory
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == "postgres" and process.cwd().startswith(f"{directory}/"):
                process.kill()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server() -> Iterator[EmbeddedPostgres]:
    """The embedded server of this test run, shared by all its processes and stopped by the last."""
    for left in _quick_place().glob(f"{_PREFIX}*"):  # by a run that was killed
        if EmbeddedPostgres(left).stop_if_unused():
            shutil.rmtree(left, ignore_errors=True)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    directory = _quick_place() / f"{_PREFIX}{run[:12]}"
    server = EmbeddedPostgres(directory, settings=_FAST)
    server.start_or_attach()
    yield server
    if server.release():
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_template(database_server: EmbeddedPostgres) -> str:
    """Name of the database that holds the migrated, empty tables."""
    with (database_server.data_dir / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(database_server.url, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_TEMPLATE,)).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {_TEMPLATE}_new")
                schema.upgrade(database_server.url_of(f"{_TEMPLATE}_new"))
                connection.execute(f"ALTER DATABASE {_TEMPLATE}_new RENAME TO {_TEMPLATE}")
    return _TEMPLATE


@pytest.fixture(scope="session")
def databases(database_server: EmbeddedPostgres, database_template: str) -> Iterator[Databases]:
    """The databases that this process lends to its tests, one after the other."""
    pool = Databases(database_server, database_template)
    yield pool
    pool.close()


@pytest.fixture
def database_url(database_server: EmbeddedPostgres, databases: Databases) -> Iterator[str]:
    """URL of a database of this test alone, with all tables and no rows."""
    name = databases.lend()
    yield database_server.url_of(name)
    databases.take_back(name)


@pytest.fixture
def empty_database_url(database_server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a database of this test alone, without any table."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database_server.url, autocommit=True) as admin:
        create(admin, name, "template1")
        yield database_server.url_of(name)
        drop(admin, name)


@pytest.fixture(scope="session")
def made_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file that every test of this process gets a copy of: making one waits for the disk."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    KeyFile.create(path)
    return path


@pytest.fixture
def make_settings(database_url: str, made_key_file: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Builds settings that point at this test's database and at a key file of its own; keywords are put above."""
    key_file = Path(shutil.copy(made_key_file, tmp_path))

    def make(**overrides: Any) -> Settings:
        return Settings(**{"data_dir": tmp_path, "database_url": database_url, "key_file": key_file, **overrides})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with every default, on this test's database."""
    return make_settings()


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """An open store on a database of this test alone.

    As `open_store` gives it, without looking at the server's version and the tables again: both are ours.
    """
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    opened = Store(
        url=url,
        key_file=settings.resolved_key_file,
        sealer=await _open_sealer(url, settings.resolved_key_file, may_create=False),
        pool_settings=settings.store,
    )
    async with opened:
        await opened.open()
        yield opened
