"""The tree is the one docs/architecture.md describes, and every adapter has the same outline."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

DEEPEST = 3
"""How many folders deep the table of docs/architecture.md goes."""

OUTLINE = ("settings", "client", "wire", "mapping", "simulator")
"""The modules every adapter has, each a file or, when it has grown, a folder."""

LONGEST = 400
LONGER: dict[str, str] = {
    "hub/store/migrations/versions/0001_foundation.py": "one migration is one transaction, written by Alembic",
}
"""Modules over `LONGEST` lines, each with the reason why it is better in one piece."""


def _rows(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `([^`|]+)/` \| (.+?) \|$", text, flags=re.MULTILINE))


def _folders(repository: Any) -> set[str]:
    return {
        folder.as_posix()
        for path in repository.files()
        for folder in path.parents
        if folder != Path() and len(folder.parts) <= DEEPEST
    }


def _adapters(pyproject: dict[str, Any]) -> dict[str, str]:
    return dict(pyproject["project"]["entry-points"]["lienthong.adapters"])


def _pattern(row: str) -> re.Pattern[str]:
    return re.compile(re.escape(row).replace(r"\*", "[^/]+"))


def test_every_folder_has_its_reason(repository: Any) -> None:
    """A folder without a line in docs/architecture.md has not said why it is there."""
    patterns = [_pattern(row) for row in _rows(repository.text("docs/architecture.md"))]
    unexplained = [one for one in sorted(_folders(repository)) if not any(p.fullmatch(one) for p in patterns)]
    assert unexplained == []


def test_every_reason_has_its_folder(repository: Any) -> None:
    """A line about a folder that is gone misleads the newcomer."""
    folders = _folders(repository)
    rows = _rows(repository.text("docs/architecture.md"))
    assert len(rows) > 1, "the table was not found"
    assert [row for row in rows if not any(_pattern(row).fullmatch(folder) for folder in folders)] == []


def test_reasons_are_one_line_and_different(repository: Any) -> None:
    """A reason that fits two folders explains neither."""
    reasons = list(_rows(repository.text("docs/architecture.md")).values())
    assert all(10 <= len(reason) <= 120 for reason in reasons)
    assert len(set(reasons)) == len(reasons)


def test_every_adapter_has_the_outline(repository: Any, pyproject: dict[str, Any]) -> None:
    """A stranger can guess where things are: all adapters have the same files."""
    adapters = _adapters(pyproject)
    assert adapters, "no adapter is registered"
    for name, target in adapters.items():
        assert target == f"adapters.{name}:ADAPTER"
        folder = repository.root / "adapters" / name
        missing = [one for one in OUTLINE if not ((folder / f"{one}.py").is_file() or (folder / one).is_dir())]
        missing += [one for one in ("README.md", "quality.toml") if not (folder / one).is_file()]
        assert missing == [], name


def test_every_adapter_folder_is_registered(repository: Any, pyproject: dict[str, Any]) -> None:
    """Our adapters come through the same door as anybody's: the entry point."""
    folders = {path.parts[1] for path in repository.files(".py") if path.parts[0] == "adapters" and len(path.parts) > 2}
    assert folders - {"transport"} == set(_adapters(pyproject))


def test_every_adapter_exports_its_adapter_only(pyproject: dict[str, Any]) -> None:
    """The package of an adapter says ADAPTER and nothing else."""
    from importlib import import_module  # noqa: PLC0415 - tests may look where the hub may not

    for name in _adapters(pyproject):
        module = import_module(f"adapters.{name}")
        assert module.__all__ == ["ADAPTER"]
        assert module.ADAPTER.name == name


def test_quality_claims_are_answers(repository: Any, pyproject: dict[str, Any]) -> None:
    """Each maturity rule of an adapter is done, todo, or exempt with a reason; nothing in between."""

    def answers(table: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for value in table.values():
            found += answers(value) if isinstance(value, dict) and "status" not in value else [value]
        return found

    for name in _adapters(pyproject):
        claims = answers(tomllib.loads(repository.text(f"adapters/{name}/quality.toml")).get("rules", {}))
        assert claims, name
        for claim in claims:
            status = claim["status"] if isinstance(claim, dict) else claim
            assert status in {"done", "todo", "exempt"}, (name, claim)
            if status == "exempt":
                assert isinstance(claim, dict), (name, claim)
                assert len(claim.get("reason", "")) > 10, (name, claim)


def test_modules_can_be_read_in_one_sitting(repository: Any) -> None:
    """A module over 400 lines needs a reason here, and a reason that is no longer needed goes."""
    lengths = {
        path.as_posix(): len(repository.text(path).splitlines())
        for path in repository.files(".py")
        if path.parts[0] in {"contracts", "adapters", "hub", "benchmarks"}
    }
    assert {name for name, length in lengths.items() if length > LONGEST} == set(LONGER)
    assert all(len(reason) > 20 for reason in LONGER.values())


@pytest.mark.parametrize("package", ["contracts", "adapters", "hub"])
def test_tests_mirror_the_code(repository: Any, package: str) -> None:
    """Whoever looks for the tests of a folder finds them under the same name, and the other way round.

    A folder of tests may also have the name of a role, such as ``api``, that several folders of code have.
    """
    modules = [path for path in repository.files(".py") if path.parts[0] == package]
    code = {path.parts[1] for path in modules if len(path.parts) > 2}
    roles = {path.stem for path in modules}
    tests = {
        path.parts[2]
        for path in repository.files(".py")
        if path.parts[:2] == ("tests", package) and len(path.parts) > 3
    }
    assert tests - code - roles == set(), "tests of folders that do not exist"
    if package != "contracts":
        assert code - tests == set(), "folders without tests"
