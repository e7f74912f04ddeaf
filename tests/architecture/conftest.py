"""The repository itself, as the thing under test."""

from __future__ import annotations

import fnmatch
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Repository:
    """The tree as git would see it: without what .gitignore leaves out."""

    def __init__(self, root: Path) -> None:
        """Read the names that .gitignore leaves out; ours are plain names, so no more of its language is needed."""
        self.root = root
        lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
        self._ignored = [".git", *(line.strip().rstrip("/") for line in lines if line.strip() and line[0] != "#")]

    def files(self, *suffixes: str) -> Iterator[Path]:
        """Yield all files, relative to the root; only those with one of ``suffixes`` when any are given."""
        for folder, below, names in os.walk(self.root):
            below[:] = sorted(name for name in below if not self._is_ignored(name))
            for name in sorted(names):
                if not self._is_ignored(name) and (not suffixes or name.endswith(suffixes)):
                    yield (Path(folder) / name).relative_to(self.root)

    def text(self, path: str | Path) -> str:
        """Return a file's text, by its path relative to the root."""
        return (self.root / path).read_text(encoding="utf-8")

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in self._ignored)


@pytest.fixture(scope="session")
def repository() -> Repository:
    """Give the repository these tests lie in."""
    return Repository(ROOT)


@pytest.fixture(scope="session")
def pyproject(repository: Repository) -> dict[str, Any]:
    """Give pyproject.toml, parsed."""
    return tomllib.loads(repository.text("pyproject.toml"))
