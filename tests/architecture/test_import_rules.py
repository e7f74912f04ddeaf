"""The import rules of pyproject.toml hold, and each of them bites when it is broken."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

LAWFUL = {
    "contracts/errors.py": "import datetime\n",
    "contracts/conformance/stage.py": "import asyncio\nimport socket\nimport contracts.errors\n",
    "adapters/transport/http.py": "import httptools\nimport httpx\nimport contracts.errors\n",
    "adapters/national_portal/client.py": "import adapters.transport.http\n",
    "adapters/national_portal/mapping.py": "import contracts.errors\n",
    "adapters/population_db/client.py": "from adapters.transport import http\n",
    "adapters/population_db/mapping.py": "import zoneinfo\n",
    "hub/registry.py": "import contracts.errors\nimport importlib.metadata\n",
}
"""A small tree with the outline of ours that keeps every rule."""

BREAKS = [
    ("contracts imports nothing of ours", "contracts/errors.py", "import hub.registry"),
    ("contracts imports nothing of ours", "contracts/errors.py", "import adapters.transport.http"),
    ("contracts does no input or output", "contracts/errors.py", "import asyncio"),
    ("contracts does no input or output", "contracts/errors.py", "import psycopg"),
    ("the contract suite is for tests", "adapters/national_portal/client.py", "import contracts.conformance.stage"),
    ("the contract suite is for tests", "hub/registry.py", "import contracts.conformance.stage"),
    ("adapters know nothing of the hub", "adapters/national_portal/client.py", "import hub.registry"),
    ("adapters know nothing of the hub", "adapters/transport/http.py", "import hub.registry"),
    (
        "adapters know nothing of each other",
        "adapters/population_db/client.py",
        "import adapters.national_portal.client",
    ),
    ("adapters know nothing of each other", "adapters/transport/http.py", "import adapters.national_portal.mapping"),
    ("the hub finds adapters by entry point only", "hub/registry.py", "import adapters.national_portal"),
    ("the hub finds adapters by entry point only", "hub/registry.py", "import adapters.transport.http"),
    ("mapping is pure translation", "adapters/national_portal/mapping.py", "import httpx"),
    ("mapping is pure translation", "adapters/national_portal/mapping.py", "import socket"),
    # Through another module is no way around it.
    ("mapping is pure translation", "adapters/population_db/mapping.py", "import adapters.population_db.client"),
    ("aiohttp is known to hub.outgoing alone", "adapters/transport/http.py", "import aiohttp"),
    ("aiohttp is known to hub.outgoing alone", "hub/registry.py", "import aiohttp"),
]

CODE_THAT_READS_OR_WRITES = {"open", "urllib.request", "http.client", "requests", "threading", "os", "pathlib"}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def _lay_out(folder: Path, configuration: str) -> None:
    """Write `LAWFUL` beside our own configuration."""
    (folder / "pyproject.toml").write_text(configuration, encoding="utf-8")
    for name, code in LAWFUL.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
        for parent in path.relative_to(folder).parents:
            if parent != Path():
                (folder / parent / "__init__.py").touch()


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory, repository: Any) -> dict[str, str]:
    """What the linter says of the small tree with every line of `BREAKS` in it, by rule: one run for all."""
    tree = tmp_path_factory.mktemp("broken")
    _lay_out(tree, repository.text("pyproject.toml"))
    for _, file, line in BREAKS:
        with (tree / file).open("a", encoding="utf-8") as code:
            code.write(f"{line}\n")
    result = _lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    titles = list(re.finditer(r"^(.+)\n-{3,}$", result.stdout, re.MULTILINE))
    ends = [title.start() for title in titles[1:]] + [len(result.stdout)]
    return {title[1]: result.stdout[title.end() : end] for title, end in zip(titles, ends, strict=True)}


def test_this_repository_keeps_the_rules(repository: Any) -> None:
    """The packages as they are break no import rule."""
    result = _lint(repository.root)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_lawful_tree_passes(tmp_path: Path, repository: Any) -> None:
    """The rules forbid no more than they should: adapters share the transport, and the transport does the I/O."""
    _lay_out(tmp_path, repository.text("pyproject.toml"))
    result = _lint(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(("rule", "file", "line"), BREAKS)
def test_each_rule_bites(findings: dict[str, str], rule: str, file: str, line: str) -> None:
    """Each forbidden import in an otherwise lawful tree is found, and by the rule that is meant for it."""
    importer = file.removesuffix(".py").replace("/", ".")
    imported = line.removeprefix("import ")
    assert re.search(rf"^- +{importer} -> {imported} \(l\.", findings[rule], re.MULTILINE), findings[rule]


def test_every_rule_is_broken_by_some_test(pyproject: dict[str, Any]) -> None:
    """A rule added to pyproject.toml comes with a tree that breaks it."""
    names = {contract["name"] for contract in pyproject["tool"]["importlinter"]["contracts"]}
    assert names == {rule for rule, _, _ in BREAKS}


@pytest.mark.slow
def test_the_hub_names_no_adapter_module(repository: Any) -> None:
    """The hub does not get around the rule with a module name in a string either."""
    found = [
        f"{path}:{node.lineno}"
        for path in repository.files(".py")
        if path.parts[0] == "hub"
        for node in ast.walk(ast.parse(repository.text(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"adapters\.\w", node.value)
    ]
    assert found == []


def test_mapping_opens_nothing(repository: Any) -> None:
    """Translation is a function of its arguments: no file, no address, no thread, nothing asynchronous."""
    mappings = [
        path
        for path in repository.files(".py")
        if path.parts[0] == "adapters" and "mapping" in (path.stem, *path.parts)
    ]
    assert mappings, "no adapter has a mapping"
    for path in mappings:
        tree = ast.parse(repository.text(path))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not (imported | called) & CODE_THAT_READS_OR_WRITES, path
        assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree)), path
