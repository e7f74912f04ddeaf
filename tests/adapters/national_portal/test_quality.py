"""The claims of quality.toml are checked: a rule is done only when what proves it is there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

import adapters.national_portal as package

FOLDER = Path(package.__file__).parent
TESTS = Path(__file__).parent
RULES: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "quality.toml").read_text("utf-8"))["rules"]


def imports_of(path: Path) -> set[str]:
    """Return the modules a file imports, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


@pytest.mark.parametrize("rule", RULES)
def test_a_claim_has_its_proof_or_its_reason(rule: str) -> None:
    """Done names a test that exists and asserts; todo and exempt say why."""
    claim = RULES[rule]
    if claim["status"] != "done":
        assert claim["status"] in {"todo", "exempt"}
        assert len(claim["reason"]) > 20
        return
    file, _, name = claim["proof"].partition("::")
    functions = {
        node.name: node
        for node in ast.parse((TESTS / file).read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in functions
    assert any(isinstance(node, ast.Assert) for node in ast.walk(functions[name])), "a proof that asserts nothing"


def test_the_package_exports_its_adapter_only() -> None:
    """The hub finds one thing here."""
    assert package.__all__ == ["ADAPTER"]
    assert package.ADAPTER.name == FOLDER.name
    assert package.ADAPTER.title.vi == "Cổng Dịch vụ công quốc gia"


@pytest.mark.parametrize("module", ["mapping.py", "values.py", "fields.py", "wire.py"])
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
        "hashlib",
        "orjson",
        "pydantic",
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
