"""The example adapter, built as a package of its own and installed where only these tests see it."""

from __future__ import annotations

import contextlib
import importlib
import os
import zipfile
from pathlib import Path

import pytest

from tests.hub.conftest import database_server, database_template, database_url, databases, made_key_file, make_settings

__all__ = ["database_server", "database_template", "database_url", "databases", "made_key_file", "make_settings"]

PROJECT = Path(__file__).parent


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds the example and nothing else; built by its own build backend."""
    from hatchling import build  # noqa: PLC0415 - needed for these tests only

    wheels, folder = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    before = Path.cwd()
    os.chdir(PROJECT)  # a build backend works in the folder of its project: PEP 517
    try:
        with contextlib.redirect_stdout(None):
            wheel = wheels / build.build_wheel(str(wheels))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the example for the length of a test; returns the folder of its package."""
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    return site / "so_mau"
