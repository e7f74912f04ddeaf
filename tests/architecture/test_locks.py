"""The locks install what pyproject.toml declares, from any mirror, and nothing that was not hashed."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUNTIME = "requirements/runtime.txt"
DEV = "requirements/dev.txt"

LOCKED = re.compile(
    r"""^(?P<name>[a-z0-9]([a-z0-9._-]*[a-z0-9])?)==(?P<version>[0-9][0-9a-zA-Z.+!-]*)
        (?:[ ];[ ](?P<marker>[a-z_]+[ ][<>=!]+[ ]'[^']*'(?:[ ](?:and|or)[ ][a-z_]+[ ][<>=!]+[ ]'[^']*')*))?
        (?P<hashes>(?:[ ]\\\n[ ]{4}--hash=sha256:[0-9a-f]{64})+)\n""",
    re.MULTILINE | re.VERBOSE,
)


def _locked(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    return {
        canonicalize_name(match["name"]): (match["version"], frozenset(re.findall("[0-9a-f]{64}", match["hashes"])))
        for match in LOCKED.finditer(text)
    }


def _declared(pyproject: dict[str, Any], group: str) -> list[Requirement]:
    found: list[Requirement] = []
    for entry in pyproject["dependency-groups"][group]:
        if isinstance(entry, dict):
            found += _declared(pyproject, entry["include-group"])
        else:
            found.append(Requirement(entry))
    return found


@pytest.mark.parametrize("lock", [RUNTIME, DEV])
def test_a_lock_holds_hashed_versions_and_nothing_else(repository: Any, lock: str) -> None:
    """Every line is a version or its hash: so no host, no path of a machine, no option, nothing without a hash."""
    assert LOCKED.sub("", repository.text(lock)) == ""


@pytest.mark.parametrize("lock", [RUNTIME, DEV])
def test_a_lock_names_everything_once(repository: Any, lock: str) -> None:
    """One version for every Python: what is tested on one is what runs on another."""
    names = [canonicalize_name(match["name"]) for match in LOCKED.finditer(repository.text(lock))]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "line",
    [
        "httpx==0.28.1\n",
        "httpx>=0.28 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "--index-url https://mirror.example/simple\n",
        "--find-links /somewhere/wheels\n",
        "httpx @ file:///somewhere/httpx.whl \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "httpx==0.28.1 \\\n    --hash=md5:" + "0" * 32 + "\n",
        "    # via /home/somebody/pyproject.toml\n",
    ],
)
def test_the_check_itself_bites(line: str) -> None:
    """What the check above is there to refuse, it refuses."""
    assert LOCKED.sub("", line) == line


def test_the_runtime_lock_satisfies_what_is_declared(repository: Any, pyproject: dict[str, Any]) -> None:
    """Each dependency, and what builds the package without isolation, is locked at a version it admits."""
    locked = _locked(repository.text(RUNTIME))
    wanted = [Requirement(one) for one in pyproject["project"]["dependencies"]] + _declared(pyproject, "build")
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        assert name in locked, name
        assert requirement.specifier.contains(locked[name][0]), name


def test_the_dev_lock_satisfies_what_is_declared(repository: Any, pyproject: dict[str, Any]) -> None:
    """What tests and checks need is locked at a version they admit."""
    locked = _locked(repository.text(DEV))
    for requirement in _declared(pyproject, "dev"):
        name = canonicalize_name(requirement.name)
        assert name in locked, name
        assert requirement.specifier.contains(locked[name][0]), name


def test_the_dev_lock_is_the_runtime_lock_and_more(repository: Any) -> None:
    """What is tested is what runs: same versions, same files."""
    runtime, dev = _locked(repository.text(RUNTIME)), _locked(repository.text(DEV))
    assert runtime.items() <= dev.items()
    assert len(dev) > len(runtime)


def test_the_build_group_is_what_builds(pyproject: dict[str, Any]) -> None:
    """The editable install runs without build isolation, so the lock must bring the build back end."""
    wanted = sorted(pyproject["build-system"]["requires"])
    assert sorted(str(one) for one in _declared(pyproject, "build")) == wanted


def test_this_environment_is_the_locked_one(repository: Any) -> None:
    """Tests speak about the locked versions: what is installed here and locked is installed as locked."""
    installed = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    locked = {name: version for name, (version, _) in _locked(repository.text(DEV)).items()}
    common = installed.keys() & locked.keys()
    assert {name: installed[name] for name in common} == {name: locked[name] for name in common}
