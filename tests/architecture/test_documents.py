"""Documents are checked against the code they speak of."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from contracts.states import DossierState, PauseReason
from hub.exchanges.views import ConnectionState, ExchangeState
from hub.reconciliation.classify import Outcome
from hub.settings import Settings
from hub.settings_loading import ENVIRONMENT_PREFIX

READMES = ("README.md", "README.vi.md")


def _section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}.*?$(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {title!r}"
    return found[1]


def _fences(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def _first_cells(text: str) -> list[str]:
    return re.findall(r"^\| (`.+?) \|", text, flags=re.MULTILINE)


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, f"{variable}__")


def test_links_lead_somewhere(repository: Any) -> None:
    """Every link to a file of ours names a file that is there."""
    dead = [
        f"{path}: {target}"
        for path in repository.files(".md")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", repository.text(path))
        if "://" not in target and not (repository.root / path.parent / target).exists()
    ]
    assert dead == []


def test_decisions_are_numbered_pages_of_one_outline(repository: Any) -> None:
    """A decision is a page: number, title, context, decision, consequences, alternatives, in this order."""
    pages = [path for path in repository.files(".md") if path.parent == Path("docs/decisions")]
    assert pages
    for number, path in enumerate(pages, start=1):
        text = repository.text(path)
        assert path.name.startswith(f"{number:04}-"), path
        assert text.startswith(f"# {number:04}. "), path
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "Alternatives",
        ]
        assert len(text.splitlines()) <= 60, f"{path} is more than a page"


@pytest.mark.parametrize(
    ("section", "states"),
    [
        ("States of an exchange", ExchangeState),
        ("Outcomes of a reconciliation", Outcome),
        ("States of a connection", ConnectionState),
        ("States of a dossier", DossierState),
        ("Reasons of a pause", PauseReason),
    ],
)
def test_the_glossary_has_every_state(repository: Any, section: str, states: type[StrEnum]) -> None:
    """The glossary decides the words; a state it does not have cannot be shown to anybody."""
    table = _section(repository.text("docs/glossary.md"), section)
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", table, flags=re.MULTILINE)
    words = {english: (vietnamese, rest) for english, vietnamese, rest in rows[1:] if not english.startswith("-")}
    assert list(words) == [state.value.replace("_", " ") for state in states]
    for state in states:
        vietnamese, rest = words[state.value.replace("_", " ")]
        if isinstance(state, DossierState | PauseReason):
            assert vietnamese == state.vietnamese
        if isinstance(state, DossierState):
            assert rest == str(state.number)


def test_the_glossary_has_one_word_per_thing(repository: Any) -> None:
    """No English word stands twice within one section."""
    for title in re.findall(r"^## (.+)$", repository.text("docs/glossary.md"), flags=re.MULTILINE):
        english = re.findall(r"^\| (.+?) \|", _section(repository.text("docs/glossary.md"), title), flags=re.MULTILINE)
        assert len(english) == len(set(english)), title


def test_both_readmes_say_the_same(repository: Any) -> None:
    """The Vietnamese README has the commands, calls and settings of the English one, in the same order."""
    drawing = "┌"
    english, vietnamese = (repository.text(one) for one in READMES)

    def commands(text: str) -> list[str]:
        lines = [line for block in _fences(text) if drawing not in block for line in block.splitlines()]
        return [line.split(" #")[0].rstrip() for line in lines]

    assert commands(english) == commands(vietnamese)
    assert _fences(english, "toml") == _fences(vietnamese, "toml")
    assert _first_cells(english) == _first_cells(vietnamese)
    outline = [re.findall("^#+ ", text, flags=re.MULTILINE) for text in (english, vietnamese)]
    assert outline[0] == outline[1]


@pytest.mark.parametrize("document", [*READMES, "CONTRIBUTING.md"])
def test_make_targets_exist(repository: Any, document: str) -> None:
    """A document names no target that `make` does not have."""
    targets = set(re.findall(r"^([a-z-]+):", repository.text("Makefile"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", repository.text(document), flags=re.MULTILINE))
    assert named
    assert named <= targets


def test_named_variables_are_settings(repository: Any) -> None:
    """Every environment variable a document names is one the hub reads."""
    known = {f"{ENVIRONMENT_PREFIX}CONFIG", *_variables(Settings, ENVIRONMENT_PREFIX)}
    for path in repository.files(".md"):
        named = set(re.findall(rf"{ENVIRONMENT_PREFIX}[A-Z_]*[A-Z]", repository.text(path)))
        # A connection's own settings are its adapter's, under a name the deployment chooses.
        ours = {name for name in named if not name.startswith(f"{ENVIRONMENT_PREFIX}CONNECTIONS__")}
        assert ours <= known, path


def test_the_sample_configuration_is_accepted(repository: Any) -> None:
    """What a reader copies from the README is a configuration the hub takes."""
    (sample,) = _fences(repository.text("README.md"), "toml")
    settings = Settings(**tomllib.loads(sample))
    assert list(settings.connections) == ["national_portal"]


def test_the_readme_lists_every_command(repository: Any) -> None:
    """The table of commands is the command line itself, no more and no less."""
    import typer  # noqa: PLC0415
    from typer.main import get_command  # noqa: PLC0415

    from hub.cli import app  # noqa: PLC0415 - the other documents can be checked without it

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if below is None:
            yield " ".join(words)
        else:
            for name, one in below.items():
                if not one.hidden:
                    yield from walk(one, (*words, name))

    assert isinstance(app, typer.Typer)
    listed = re.findall(r"^\| `(lienthong [a-z ]+)` \|", repository.text("README.md"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(walk(get_command(app), ("lienthong",)))


def test_every_lint_exception_has_its_reason(repository: Any) -> None:
    """A rule that is off for all of the project says why on its line."""
    text = repository.text("pyproject.toml")
    (block,) = re.findall(r"^ignore = \[\n(.*?)^\]", text, flags=re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        assert re.fullmatch(r'    "[A-Z]+[0-9]+", # \S.{7,}', line), line


def test_change_notes_are_found(repository: Any, pyproject: dict[str, Any]) -> None:
    """A note whose name the release tool does not understand would be lost without a word."""
    kinds = "|".join(kind["directory"] for kind in pyproject["tool"]["towncrier"]["type"])
    notes = [path.name for path in repository.files() if path.parent == Path("changelog.d")]
    notes.remove("README.md")
    assert [name for name in notes if not re.fullmatch(rf"\+[a-z0-9-]+\.(?:{kinds})\.md", name)] == []
    listed = re.findall(r"^\| `([a-z]+)` \|", repository.text("changelog.d/README.md"), flags=re.MULTILINE)
    assert listed == kinds.split("|")


def test_the_licence_is_whole(repository: Any, pyproject: dict[str, Any]) -> None:
    """The licence that is declared is the one that is enclosed, in full."""
    text = repository.text("LICENSE")
    assert pyproject["project"]["license"] == "Apache-2.0"
    assert text.lstrip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in text
