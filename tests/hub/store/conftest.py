"""Servers of a test's own, made quickly."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.store.embedded import EmbeddedPostgres
from tests.hub.store.servers import SMALL


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a data directory that was started once and stopped: unpacking it is quicker than making one."""
    archive = tmp_path_factory.mktemp("seed") / "seed.tar"
    with tempfile.TemporaryDirectory(prefix="lienthong-seed-") as directory:
        server = EmbeddedPostgres(Path(directory) / "data", settings={**SMALL, "fsync": "off"})
        assert server.start_or_attach()
        server.release()
        subprocess.run(["tar", "-C", directory, "-cf", str(archive), "data"], check=True)
    return archive


@pytest.fixture
def place(quick_directory: Path) -> Path:
    """A directory of its own for the test; every server left in it is ended."""
    return quick_directory


@pytest.fixture
def data_dir(seed: Path, place: Path) -> Path:
    """A data directory with an initialised, stopped database."""
    subprocess.run(["tar", "-C", str(place), "-xpf", str(seed)], check=True)
    return place / "data"


@pytest.fixture
def make_server(place: Path) -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    """Makes servers and stops them in the end."""
    made: list[EmbeddedPostgres] = []

    def make(directory: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(directory, settings=SMALL))
        return made[-1]

    yield make
    for server in made:
        server.stop()
