"""Masking: what is marked as a citizen's data never leaves through a log, a page or an error."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from pydantic import BaseModel

from contracts.dossier import Dossier, DossierFacts
from contracts.events import StepEntry
from contracts.people import Contact
from contracts.personal_data import MASK, mask, mask_value, personal_paths
from contracts.schemas import PUBLISHED
from contracts.text import PERSONAL_DATA_MARK, Model, personal
from tests.contracts.strategies import dossier_facts, events, example_facts


def values_at(path: str, dumped: Any) -> list[Any]:
    """Return the values that a path of `personal_paths` leads to, an independent walk of our own."""
    nodes = [dumped]
    for part in path.removeprefix("$.").replace("[*]", ".[*]").split("."):
        if part == "[*]":
            nodes = [item for node in nodes for item in node]
        else:
            nodes = [node[part] for node in nodes if isinstance(node, dict) and part in node]
    return nodes


def strings(value: Any) -> list[str]:
    """Return all texts of a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def check_masked(model: BaseModel) -> None:
    """Assert that masking hides every marked value and changes nothing else."""
    before, after = model.model_dump(mode="json"), mask(model)
    hidden = []
    for path in personal_paths(type(model)):
        for plain, shown in zip(values_at(path, before), values_at(path, after), strict=True):
            assert shown == mask_value(plain)
            if plain not in (None, ""):
                assert shown.startswith(MASK)
                assert shown != plain or plain == MASK
                hidden.append(plain)
    left = [text for text in strings(after) if MASK not in text]
    shared = set(strings(json.loads(json.dumps(before)))) - set(hidden)
    assert set(left) <= shared | set(hidden) & set(left) & _unmarked(model, before)
    assert before == model.model_dump(mode="json")


def _unmarked(model: BaseModel, before: Any) -> set[str]:
    """Return the texts that stand in unmarked places, where the same words may happen to stand too."""
    copy = json.loads(json.dumps(before))
    for path in personal_paths(type(model)):
        above, _, last = path.rpartition(".")
        for node in values_at(above, copy) if above != "$" else [copy]:
            if isinstance(node, dict):
                node.pop(last, None)
    return set(strings(copy))


@given(dossier_facts())
def test_no_marked_value_of_a_declaration_survives_masking(facts: DossierFacts) -> None:
    """Every marked place is masked, and a text that is left stands in an unmarked place."""
    check_masked(facts)


@given(events())
def test_no_marked_value_of_an_event_survives_masking(event: BaseModel) -> None:
    """The same for what happens later."""
    check_masked(event)


def test_the_example_is_masked_as_a_page_shows_it() -> None:
    """Two people can still be told apart; absent and empty values say nothing and stay."""
    masked = mask(example_facts())
    assert masked["applicant"]["name"] == "•••"
    assert masked["applicant"]["identifiers"][0]["value"] == "•••••••••123"
    assert masked["submitter"]["identifiers"][0]["value"] == "•••••••••456"
    assert masked["applicant"]["contact"] == {"phone": "•••", "email": "•••", "fax": None, "address": "•••"}
    assert masked["components"][0]["files"][0]["url"] == "•••"
    assert masked["other_papers"][0]["name"] == "•••"
    assert masked["applicant"]["other_information"] == ""
    assert masked["agency"] == {"code": "H99.12", "name": "Ủy ban nhân dân phường Mẫu"}
    assert masked["fees"][0]["amount_vnd"] == 75_000
    text = json.dumps(masked, ensure_ascii=False)
    assert not any(part in text for part in ("Trần Thị", "Lê Văn", "099199000", "0900000001", "@h99"))


def test_the_personal_paths_of_a_dossier_are_these() -> None:
    """A list to read: who adds a field of a citizen's without a mark will not find it here."""
    assert personal_paths(StepEntry) == {"$.handler.name", "$.content", "$.extension.reason"}
    assert personal_paths(Contact) == {"$.phone", "$.email", "$.fax", "$.address"}
    facts = personal_paths(DossierFacts)
    assert {
        "$.applicant.name",
        "$.applicant.identifiers[*].value",
        "$.applicant.registration_number",
        "$.applicant.portal_account.technical_id",
        "$.submitter.contact.phone",
        "$.components[*].files[*].url",
        "$.other_papers[*].name",
        "$.summary",
    } <= facts
    assert {path.replace("$", "$.facts", 1) for path in facts} <= personal_paths(Dossier)
    assert personal_paths(DossierFacts) is facts


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda one: one.name)
def test_the_published_schema_carries_the_same_marks(published: Any) -> None:
    """Partners mask by the schema, we by the models: both must name the same fields."""
    schema = published.schema()

    def marked(node: Any, path: str) -> set[str]:
        node = {**schema["$defs"][node["$ref"].rpartition("/")[2]], **node} if "$ref" in node else node
        if node.get(PERSONAL_DATA_MARK):
            return {path}
        found = {hit for form in node.get("anyOf", []) + node.get("oneOf", []) for hit in marked(form, path)}
        found |= {hit for name, inner in node.get("properties", {}).items() for hit in marked(inner, f"{path}.{name}")}
        return found | (marked(node["items"], f"{path}[*]") if "items" in node else set())

    assert marked(schema, "$") == personal_paths(published.model)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("099199000123", "•••••••••123"),
        ("099000123", "•••"),
        ("Trần Thị Mẫu", "•••"),
        ("x" * 500, "•••"),
        (1999, "•••"),
        (True, "•••"),
        (["Trần Thị Mẫu"], "•••"),
        ({"ten": "Mẫu"}, "•••"),
        ("", ""),
        (None, None),
        ([], []),
    ],
)
def test_a_masked_value_tells_neither_length_nor_type(value: Any, shown: Any) -> None:
    """Only a personal number keeps its last three digits."""
    assert mask_value(value) == shown


def test_a_mark_deep_inside_a_type_masks_the_whole_field() -> None:
    """A mark is never lost because of where it was put."""

    class Card(Model):
        numbers: tuple[Annotated[str, personal()], ...]
        owner: Contact | None = None
        others: tuple[Contact, ...] = ()

    assert personal_paths(Card) >= {"$.numbers", "$.owner.phone", "$.others[*].phone"}
    card = Card(numbers=("1", "2"), others=(Contact(phone="0900000001"),))
    assert mask(card) == {
        "numbers": "•••",
        "owner": None,
        "others": [{"phone": "•••", "email": None, "fax": None, "address": None}],
    }


def test_models_in_a_mapping_are_refused_because_marks_in_them_would_be_lost() -> None:
    """Better no such model than one that masks half."""

    class Book(Model):
        entries: dict[str, Contact]

    with pytest.raises(TypeError, match="tuple of models"):
        personal_paths(Book)
    with pytest.raises(TypeError, match="tuple of models"):
        mask(Book(entries={}))
