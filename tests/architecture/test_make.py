"""`make` on a fresh machine: what the targets run, and how Debian packages are asked for."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

TARGETS = {"run", "demo", "test", "test-fast", "bench", "lint", "lock", "help"}


def _make(repository: Any, *arguments: str) -> str:
    # A make that runs these tests hands its own flags down; they are none of this one's business.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=repository.root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_make_alone_lists_every_target(repository: Any) -> None:
    """The Makefile is the one entry point, and it says what it offers."""
    listed = re.findall(r"^  ([a-z-]+) +\S", _make(repository), flags=re.MULTILINE)
    assert set(listed) == TARGETS
    assert len(listed) == len(TARGETS)


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("run", ".venv/bin/lienthong up --sandbox --demo-traffic"),
        ("demo", ".venv/bin/lienthong demo"),
        ("bench", ".venv/bin/python -m benchmarks"),
    ],
)
def test_targets_run_the_fixed_commands(repository: Any, target: str, command: str) -> None:
    """README, tests and users rely on these commands."""
    assert command in _make(repository, "--dry-run", target).splitlines()


def test_lint_comes_before_the_tests_and_both_suites_run(repository: Any) -> None:
    """`make test` is everything: style and rules first, because they are quick, then the fast and the slow suite."""
    printed = _make(repository, "--dry-run", "test")
    order = [
        "ruff check .",
        "ruff format --check .",
        "bin/mypy",
        "lint-imports",
        "deptry .",
        '-m "not slow"',
        '-m "slow or hypothesis" --hypothesis-profile thorough',
    ]
    places = [printed.index(one) for one in order]
    assert places == sorted(places)


@pytest.mark.slow
def test_installs_are_locked(repository: Any) -> None:
    """Nothing is installed without a hash, except this project itself, and that brings nothing along."""
    printed = _make(repository, "--dry-run", "--always-make", "test")
    installs = [line for line in printed.splitlines() if "pip install" in line]
    assert installs
    for line in installs:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation --editable ." in line, line


def test_ci_runs_the_readmes_test_command(repository: Any) -> None:
    """CI and a reader of the README run the same command."""
    lines = [
        line for line in repository.text(".ci/run").splitlines() if line and not line.startswith(("#", "set ", "cd "))
    ]
    assert lines == ["exec make test"]
    assert re.search(r"^make test\b", repository.text("README.md"), flags=re.MULTILINE)
    assert os.access(repository.root / ".ci" / "run", os.X_OK)


class FakeDebian:
    """A PATH on which the Debian tools only write down what they were asked."""

    def __init__(self, folder: Path, *, uid: int, installed: set[str]) -> None:
        """Answer `id -u` with ``uid`` and know ``installed`` packages."""
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        known = " ".join(f'"{one}") printf installed ;;' for one in sorted(installed))
        self._write("id", f"echo {uid}")
        self._write("dpkg-query", f'for last; do :; done; case "$last" in {known} *) exit 1 ;; esac')
        self._write("apt-get", f'echo "apt-get $*" >> "{self.log}"')

    def _write(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def install(self, script: Path, *packages: str) -> subprocess.CompletedProcess[str]:
        """Run the script as this machine."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        return subprocess.run(
            ["sh", script, *packages], env=environment, capture_output=True, text=True, check=False, timeout=30
        )


@pytest.fixture
def script(repository: Any) -> Path:
    """Give the script that installs Debian packages."""
    path: Path = repository.root / "requirements" / "debian-install.sh"
    return path


def test_root_gets_what_is_missing(tmp_path: Path, script: Path) -> None:
    """As root the missing packages, and only those, come through apt."""
    machine = FakeDebian(tmp_path, uid=0, installed={"tzdata"})
    result = machine.install(script, "tzdata", "softhsm2", "poppler-utils")
    assert result.returncode == 0, result.stderr
    assert machine.log.read_text(encoding="utf-8").splitlines() == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends softhsm2 poppler-utils",
    ]


def test_everybody_else_is_told(tmp_path: Path, script: Path) -> None:
    """Without root nothing is touched; the sentence names the packages, and make stops there."""
    machine = FakeDebian(tmp_path, uid=1000, installed={"tzdata"})
    result = machine.install(script, "tzdata", "softhsm2")
    assert result.returncode == 1
    assert "apt-get install softhsm2" in result.stderr
    assert machine.log.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("packages", [(), ("tzdata",)])
def test_nothing_missing_asks_nobody(tmp_path: Path, script: Path, packages: tuple[str, ...]) -> None:
    """A machine that has everything needs no root and no network."""
    machine = FakeDebian(tmp_path, uid=1000, installed={"tzdata"})
    assert machine.install(script, *packages).returncode == 0
    assert machine.log.read_text(encoding="utf-8") == ""


def test_debian_packages_have_reasons(repository: Any) -> None:
    """Each Debian package the tests need says what for, on its line."""
    for line in repository.text("requirements/debian-test.txt").splitlines():
        assert not line.strip() or line.startswith("#") or re.fullmatch(r"[a-z0-9][a-z0-9+.-]+ +# \S.{9,}", line), line
