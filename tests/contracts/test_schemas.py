"""The published JSON Schemas: current, valid, in agreement with the models, and never breaking their users."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from contracts import schemas
from contracts.dossier import Dossier, DossierFacts
from contracts.examples import dossier_body
from contracts.schemas import PUBLISHED, PublishedModel
from contracts.schemas.__main__ import main
from contracts.schemas.compatibility import find_breaks
from contracts.text import Line, Model
from tests.contracts.dossier_strategies import dossiers
from tests.contracts.strategies import dossier_facts, events, example_events


@cache
def by_model() -> dict[type[BaseModel], Draft202012Validator]:
    """The validator of each published model; made by the test that asks, not by every process that collects."""
    return {one.model: Draft202012Validator(one.schema()) for one in PUBLISHED}


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A schema folder of its own, written and published."""
    schemas.write_current(tmp_path)
    schemas.publish(tmp_path)
    return tmp_path


def rewrite(path: Path, change: Any) -> None:
    """Apply a change to a schema file."""
    schema = json.loads(path.read_text("utf-8"))
    change(schema)
    path.write_text(json.dumps(schema, ensure_ascii=False), "utf-8")


def test_the_checked_in_schemas_say_what_the_models_say() -> None:
    """Who changes a model runs ``python -m contracts.schemas`` and reads the difference."""
    assert schemas.stale_files() == []


def test_the_models_keep_what_was_promised_to_users() -> None:
    """A breaking change needs a new version: see contracts/schemas/README.md."""
    assert [str(each) for each in schemas.breaking_changes()] == []


def test_every_model_users_rely_on_is_promised() -> None:
    """A model without a promise could be changed at will."""
    promises = {path.relative_to(schemas.DIRECTORY) for path in schemas.DIRECTORY.glob("published/**/*.json")}
    assert promises == {one.promise for one in PUBLISHED}


def test_the_page_says_what_each_schema_is() -> None:
    """A file that the README does not name is one nobody finds; a name without a file leads nowhere."""
    named = re.findall(r"`([a-z*-]+\.schema\.json)`", (schemas.DIRECTORY / "README.md").read_text("utf-8"))
    files = {one.file_name for one in PUBLISHED}
    assert {file for file in files if any(fnmatch(file, name) for name in named)} == files
    assert [name for name in named if name != "*.schema.json" and not any(fnmatch(f, name) for f in files)] == []


def test_a_dossier_names_the_version_it_is_written_in() -> None:
    """Readers tell versions apart by schema_version."""
    assert Dossier.model_fields["schema_version"].default == schemas.VERSION


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda one: one.name)
def test_a_schema_is_valid_and_speaks_of_every_field(published: PublishedModel) -> None:
    """Draft 2020-12; each object and each field has words, its own or those of its type."""
    schema = published.schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:lienthong:schema:v1:{published.name}"

    def is_described(node: dict[str, Any]) -> bool:
        if "description" in node or "const" in node or node.get("type") == "null":
            return True
        if "$ref" in node:
            return is_described(schema["$defs"][node["$ref"].rpartition("/")[2]])
        forms = node.get("anyOf", node.get("oneOf", []))
        return all(map(is_described, forms)) if forms else is_described(node["items"]) if "items" in node else False

    for model in (schema, *schema.get("$defs", {}).values()):
        assert "title" in model
        assert is_described(model), model["title"]
        for name, node in model.get("properties", {}).items():
            assert is_described(node), f"{model['title']}.{name}"


@given(dossier_facts())
def test_what_the_model_accepts_the_schema_accepts(facts: DossierFacts) -> None:
    """A sender who checks against the published schema is never stricter than we are."""
    by_model()[DossierFacts].validate(json.loads(facts.model_dump_json()))


@given(events())
def test_what_the_event_models_accept_their_schemas_accept(event: Any) -> None:
    """The same for every event."""
    by_model()[type(event)].validate(json.loads(event.model_dump_json()))


@given(dossiers())
def test_what_the_hub_answers_is_as_published(dossier: Dossier) -> None:
    """A reader who checks an answer against the published schema finds it valid."""
    by_model()[Dossier].validate(json.loads(dossier.model_dump_json()))
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state",), "accepted"),
        (("agency", "code"), "99.12"),
        (("procedure", "code"), "TS_lop1"),
        (("applicant", "kind"), "household"),
        (("applicant", "identifiers"), []),
        (("applicant", "identifiers", 0, "value"), "099000123"),
        (("applicant", "name"), ""),
        (("channel",), "ONLINE"),
        (("fees", 0, "amount_vnd"), "75000"),
        (("fees", 0, "amount_vnd"), -1),
        (("summary",), "x" * 1001),
    ],
)
def test_the_schema_finds_the_plain_mistakes_too(path: tuple[Any, ...], value: Any) -> None:
    """Types, limits, patterns, enums, unknown fields: a sender finds them before sending."""
    body = json.loads(dossier_body())
    assert by_model()[DossierFacts].is_valid(body)
    node = body
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    assert not by_model()[DossierFacts].is_valid(body)


def test_the_schema_asks_for_the_tag_of_a_tagged_union() -> None:
    """The API refuses an applicant without a kind, so the schema must not call it optional."""
    body = json.loads(dossier_body())
    del body["applicant"]["kind"]
    assert not by_model()[DossierFacts].is_valid(body)


def test_each_example_event_is_valid_by_its_own_schema_only() -> None:
    """The schemas of the events do not overlap."""
    for event in example_events():
        body = json.loads(event.model_dump_json())
        fitting = [model for model, validator in by_model().items() if validator.is_valid(body)]
        assert fitting == [type(event)]


def test_an_answer_may_gain_fields_and_a_body_may_not() -> None:
    """Readers must ignore what they do not know; senders must not send it."""

    def objects(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for child in node.values():
                yield from objects(child)
        elif isinstance(node, list):
            for child in node:
                yield from objects(child)

    for one in PUBLISHED:
        closed = {found.get("additionalProperties", True) for found in objects(one.schema())}
        assert closed == ({False} if one.direction == "input" else {True}), one.name


def test_the_check_passes_on_a_fresh_folder_and_names_what_is_wrong(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stale, surplus and missing files are found; writing mends them."""
    assert main(["--check"], root) == 0
    rewrite(root / "step.schema.json", lambda schema: schema.update(title="khác"))
    (root / "result.schema.json").unlink()
    (root / "old.schema.json").write_text("{}", "utf-8")
    assert main(["--check"], root) == 1
    assert schemas.stale_files(root) == ["old.schema.json", "result.schema.json", "step.schema.json"]
    assert "stale: step.schema.json" in capsys.readouterr().err
    assert main([], root) == 0
    assert schemas.stale_files(root) == []


def test_a_broken_promise_is_named_and_not_published(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The promise made earlier allowed a shorter body than today's models ask for."""
    promise = root / "published/v1/dossier-facts.schema.json"
    rewrite(promise, lambda schema: schema["required"].remove("channel"))
    before = promise.read_text("utf-8")
    assert main(["--check"], root) == 1
    assert main(["--publish"], root) == 1
    assert "dossier-facts.channel: field became required" in capsys.readouterr().err
    assert promise.read_text("utf-8") == before
    with pytest.raises(ValueError, match="field became required"):
        schemas.publish(root)


def test_a_compatible_change_is_published(root: Path) -> None:
    """A field the promise did not know becomes part of it, and is protected from then on."""
    promise = root / "published/v1/dossier-facts.schema.json"
    full = promise.read_text("utf-8")
    rewrite(promise, lambda schema: schema["properties"].pop("note"))
    assert main(["--publish"], root) == 0
    assert promise.read_text("utf-8") == full


def test_a_promise_without_a_model_is_a_break(root: Path) -> None:
    """A published form cannot disappear."""
    (root / "published/v1/gone.schema.json").write_text("{}", "utf-8")
    assert [str(each) for each in schemas.breaking_changes(root)] == [
        "v1/gone.schema.json: schema removed (no model stands behind it)"
    ]


def test_a_new_version_keeps_the_promise_of_the_old_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under version 2 a model may change at will, while that of version 1 stays guarded until it is withdrawn."""

    class StepOfVersion2(Model):
        """Nothing like the step of version 1."""

        colour: Line

    old = next(one for one in PUBLISHED if one.name == "step")
    rest = tuple(replace(one, version="2") for one in PUBLISHED if one is not old)
    new = replace(old, model=StepOfVersion2, version="2")
    monkeypatch.setattr(schemas, "VERSION", "2")

    monkeypatch.setattr(schemas, "PUBLISHED", (*rest, new))
    assert {each.rule for each in schemas.breaking_changes(root)} == {"schema removed"}

    monkeypatch.setattr(schemas, "PUBLISHED", (*PUBLISHED, *rest, new))
    assert main(["--publish"], root) == 0
    assert {path.name for path in root.glob("step*.json")} == {"step.schema.json", "step.v1.schema.json"}
    assert json.loads((root / "published/v2/step.schema.json").read_text("utf-8"))["title"] == "StepOfVersion2"
    assert json.loads((root / "published/v1/step.schema.json").read_text("utf-8"))["title"] == "StepEntry"


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda one: one.name)
@pytest.mark.slow
def test_taking_any_single_thing_out_of_a_real_schema_is_noticed(published: PublishedModel) -> None:
    """Not one field, enum value or personal-data mark can go without a break being found."""
    promised = published.schema()
    tried = 0
    for changed, what in _without_one_thing(promised):
        tried += 1
        assert find_breaks(promised, changed, published.direction) or _only_loosens(what, published), what
    assert tried >= len(published.model.model_fields)


def _without_one_thing(schema: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield copies of a schema that lack one thing each, with the name of the thing."""
    whole = json.dumps(schema)  # reading it is the quickest way to copy it
    for model in ("", *schema.get("$defs", {})):
        node = schema["$defs"][model] if model else schema
        for name in node.get("properties", {}):
            changed = json.loads(whole)
            target = changed["$defs"][model] if model else changed
            del target["properties"][name]
            target["required"] = [other for other in target.get("required", []) if other != name]
            yield changed, f"field {model}.{name}"
            if node["properties"][name].get("x-personal-data"):
                changed = json.loads(whole)
                del (changed["$defs"][model] if model else changed)["properties"][name]["x-personal-data"]
                yield changed, f"mark {model}.{name}"
        for value in node.get("enum", ()):
            changed = json.loads(whole)
            changed["$defs"][model]["enum"].remove(value)
            yield changed, f"value {model}.{value}"


def _only_loosens(what: str, published: PublishedModel) -> bool:
    """Say whether the thing taken out leaves readers of an output with nothing unexpected."""
    return published.direction == "output" and what.startswith("value ")
