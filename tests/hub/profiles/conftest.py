"""Where the repository is, for the page in docs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def repository_root() -> Path:
    """The checkout these tests are in."""
    return Path(__file__).resolve().parents[3]
