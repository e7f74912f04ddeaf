"""Invented examples, shared by the documentation, the benchmarks and the tests."""

from __future__ import annotations

from pathlib import Path

DIRECTORY = Path(__file__).parent


def dossier_body() -> bytes:
    """Return the body of a ``PUT /v1/dossiers/{code}``, about 2.8 KB: the size of an ordinary dossier."""
    return (DIRECTORY / "dossier.json").read_bytes()
