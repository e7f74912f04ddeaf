"""One small stream, made once and read by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watch_evaluation.generate import SHAPES, generate
from tests.watch_evaluation.records import Stream

SEED = 5


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Path]:
    """A tiny stream and the folder with its files."""
    folder = tmp_path_factory.mktemp("stream")
    return generate(SEED, SHAPES["tiny"], folder), folder
