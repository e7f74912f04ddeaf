"""The claims of quality.toml are checked: a rule is done only when what proves it is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import adapters.national_portal as package

FOLDER = Path(package.__file__).parent
TESTS = Path(__file__).parent


def imports_of(path: Path) -> set[str]:
    """Return the modules a file imports, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


@pytest.mark.parametrize(
    "module", ["mapping.py", "mapping_catalogue.py", "mapping_desk.py", "values.py", "fields.py", "wire.py"]
)
def test_the_mapping_imports_nothing_that_talks(module: str) -> None:
    """Translation is pure: no network, no clock, no file, no other part of the adapter that has them."""
    roots = {name.split(".")[0] for name in imports_of(FOLDER / module)}
    assert roots <= {
        "__future__",
        "adapters",
        "collections",
        "contracts",
        "dataclasses",
        "datetime",
        "enum",
        "decimal",
        "hashlib",
        "json",
        "orjson",
        "pydantic",
        "re",
        "typing",
        "unicodedata",
    }
    ours = {name for name in imports_of(FOLDER / module) if name.startswith("adapters.")}
    assert not any(
        part in name for name in ours for part in ("client", "publisher", "settings", "transport", "simulator")
    )


def test_the_simulator_shares_no_message_with_the_client() -> None:
    """What the simulator accepts comes from the wire facts and not from what our client happens to send."""
    for path in (FOLDER / "simulator").glob("*.py"):
        ours = {name for name in imports_of(path) if name.startswith("adapters.national_portal.")}
        shared = {name for name in ours if ".simulator" not in name and ".settings." not in name}
        assert shared == set(), path.name


def test_the_readme_has_its_parts() -> None:
    """System, legal basis, flows, set-up, failures, open questions, removal."""
    text = (FOLDER / "README.md").read_text("utf-8")
    parts = ("System and legal basis", "What flows", "Set-up", "When it fails", "Open questions", "Simulator")
    for heading in (*parts, "How to remove"):
        assert f"\n## {heading}" in text
    for service in ("DongBoHoSoMC", "CapNhatTienDoHoSoMC", "TraCuuHoSo", "LayDanhSachTTHC"):
        assert service in text
