"""The canonical models at the door: everything wrong is refused at its field, with a stable error type."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.dossier import DossierFacts
from contracts.events import Event, SupplementEntry
from contracts.examples import dossier_body
from contracts.text import Model
from tests.contracts.strategies import (
    REFUSED_TEXTS,
    dossier_facts,
    events,
    example_cancellation,
    example_events,
    example_facts,
    example_result,
    example_step,
    example_withdrawal,
)

REMOVED: Any = object()
"""Stands for a field that is left out."""

_ANY_EVENT: TypeAdapter[Any] = TypeAdapter(Event)


def changed(body: Any, path: str, value: Any) -> Any:
    """Return the JSON value with one place changed; a path is field names and indices, joined by dots."""
    result = copy.deepcopy(body)
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node = result
    for part in above:
        node = node[part]
    if value is REMOVED:
        del node[last]
    else:
        node[last] = value
    return result


def errors(model: type[BaseModel], body: Any) -> list[tuple[str, str]]:
    """Return place and type of every error with which a JSON body is refused."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(body, ensure_ascii=False))
    return [(".".join(map(str, error["loc"])), error["type"]) for error in caught.value.errors()]


FACTS = json.loads(dossier_body())
PERSON = "applicant.person"
IDENTIFIER = "applicant.identifiers.0"
IDENTIFIER_AT = "applicant.person.identifiers.0"

FACTS_MISTAKES: list[tuple[str, Any, str, str]] = [
    # unknown, missing and mistyped
    ("state", "accepted", "state", "extra_forbidden"),
    ("applicant.sex", "female", f"{PERSON}.sex", "extra_forbidden"),
    ("procedure.fee", 1, "procedure.fee", "extra_forbidden"),
    ("procedure", REMOVED, "procedure", "missing"),
    ("channel", REMOVED, "channel", "missing"),
    ("submitted_at", REMOVED, "submitted_at", "missing"),
    ("applicant.identifiers", [], f"{PERSON}.identifiers", "too_short"),
    ("channel", None, "channel", "enum"),
    ("channel", "ONLINE", "channel", "enum"),
    ("channel", "trực tuyến", "channel", "enum"),
    ("channel", 2, "channel", "enum"),
    ("agency", "H99.12", "agency", "model_type"),
    ("agency", [], "agency", "model_type"),
    ("components", {}, "components", "tuple_type"),
    ("components.0.digitisation.digitised", "true", "components.0.digitisation.digitised", "bool_type"),
    ("components.0.digitisation.digitised", 1, "components.0.digitisation.digitised", "bool_type"),
    ("fees.0.amount_vnd", "75000", "fees.0.amount_vnd", "int_type"),
    ("fees.0.amount_vnd", 75000.5, "fees.0.amount_vnd", "int_type"),
    ("fees.0.amount_vnd", True, "fees.0.amount_vnd", "int_type"),
    ("fees.0.amount_vnd", -1, "fees.0.amount_vnd", "greater_than_equal"),
    ("fees.0.amount_vnd", 10**13 + 1, "fees.0.amount_vnd", "less_than_equal"),
    ("other_papers.0.quantity", 0, "other_papers.0.quantity", "greater_than_equal"),
    ("components.0.files.0.size_bytes", 10**300, "components.0.files.0.size_bytes", "less_than_equal"),
    # codes and identifiers
    ("agency.code", "99.12", "agency.code", "agency_code"),
    ("procedure.code", "TS_lop1", "procedure.code", "procedure_code"),
    (f"{IDENTIFIER}.value", "099000123", f"{IDENTIFIER_AT}.personal_number.value", "personal_number"),
    (f"{IDENTIFIER}.value", 99199000123, f"{IDENTIFIER_AT}.personal_number.value", "string_type"),
    (f"{IDENTIFIER}.value", "99199000123", f"{IDENTIFIER_AT}.personal_number.value", "personal_number"),
    (f"{IDENTIFIER}.kind", "identity_card_9", f"{IDENTIFIER_AT}.identity_card_9.value", "identity_card_9"),
    (f"{IDENTIFIER}.kind", "driving_licence", IDENTIFIER_AT, "union_tag_invalid"),
    (f"{IDENTIFIER}.kind", REMOVED, IDENTIFIER_AT, "union_tag_not_found"),
    ("applicant.kind", "household", "applicant", "union_tag_invalid"),
    ("applicant.kind", REMOVED, "applicant", "union_tag_not_found"),
    ("applicant", {"kind": "enterprise", "name": "Công ty Mẫu", "enterprise_code": "9999999996"},
     "applicant.enterprise.enterprise_code", "enterprise_code"),
    ("applicant.contact.phone", "số máy lẻ 1", f"{PERSON}.contact.phone", "string_pattern_mismatch"),
    ("applicant.contact.email", "mau@h99", f"{PERSON}.contact.email", "string_pattern_mismatch"),
    ("components.0.files.0.url", "ftp://tep.h99.example/101", "components.0.files.0.url", "string_pattern_mismatch"),
    ("components.0.files.0.url", "https://tep.h99.example/\x01", "components.0.files.0.url", "control_character"),
    ("components.0.files.0.sha256", "ABC", "components.0.files.0.sha256", "string_pattern_mismatch"),
    ("components.0.files.0.id", "tệp 1", "components.0.files.0.id", "string_pattern_mismatch"),
    # text
    ("processing_unit", "", "processing_unit", "string_too_short"),
    ("processing_unit", "x" * 256, "processing_unit", "string_too_long"),
    ("summary", "ệ" * 1001, "summary", "string_too_long"),
    ("note", "ệ" * 2001, "note", "string_too_long"),
    ("components.0.name", "  ", "components.0.name", "blank"),
    *(("applicant.name", text, f"{PERSON}.name", kind) for text, kind in REFUSED_TEXTS.values()),
    # dates
    ("submitted_at", "2026-10-08T08:15:00", "submitted_at", "timezone_aware"),
    ("submitted_at", "20261008081500", "submitted_at", "datetime_parsing"),
    ("submitted_at", "2026-02-30T08:15:00+07:00", "submitted_at", "datetime_from_date_parsing"),
    ("submitted_at", "1989-12-31T08:15:00+07:00", "submitted_at", "impossible_date"),
    ("due_at", "2100-01-01T08:15:00+07:00", "due_at", "impossible_date"),
    # rules across fields
    ("received_at", "2026-10-08T08:14:59+07:00", "", "dates_out_of_order"),
    ("due_at", "2026-10-08T08:59:59+07:00", "", "dates_out_of_order"),
    ("components.1.files.0.id", "101", "", "duplicate_file_id"),
    ("components.1.files", [], "components.1", "digitised_without_file"),
    ("components.1", {"code": "TP02", "name": "Giấy chứng sinh", "digitisation": {"from_personal_store": True}},
     "components.1", "digitised_without_file"),
    ("components.1", {"code": "TP02", "name": "Giấy chứng sinh", "digitisation": {"digitised": True}},
     "components.1", "digitised_without_file"),
    ("components", [FACTS["components"][1]] * 201, "components", "too_long"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "place", "kind"),
    FACTS_MISTAKES,
    ids=[f"{row[0]}-{row[3]}-{index}" for index, row in enumerate(FACTS_MISTAKES)],
)
def test_each_mistake_in_a_declaration_is_refused_at_its_place(path: str, value: Any, place: str, kind: str) -> None:
    """One mistake, one error: the type is what the API translates, the place is what the sender corrects."""
    first, *others = errors(DossierFacts, changed(FACTS, path, value))
    assert first == (place, kind)
    # pydantic counts only the good items of an array, so a wrong only item is followed by "too_short".
    assert all(place.startswith(array) and follows == "too_short" for array, follows in others)


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", '"x"', "1", '{"a": 1', '{"a": 1}}', "\ufeff{}", '{"channel": NaN}']
)
def test_what_is_no_json_object_is_refused(body: str) -> None:
    """Truncated, doubled, empty or of another type: an error of validation, never another exception."""
    with pytest.raises(ValidationError):
        DossierFacts.model_validate_json(body)


def test_bytes_that_are_no_utf8_are_refused() -> None:
    """Old systems send TCVN3 or Windows-1258."""
    with pytest.raises(ValidationError) as caught:
        DossierFacts.model_validate_json(dossier_body().replace("Mẫu".encode(), "Mẫu".encode("utf-16-le")))
    assert caught.value.errors()[0]["type"] == "json_invalid"


def test_deep_nesting_is_refused() -> None:
    """A bomb of brackets costs one error, not the process."""
    with pytest.raises(ValidationError) as caught:
        DossierFacts.model_validate_json('{"components":' + "[" * 100_000)
    assert caught.value.errors()[0]["type"] == "json_invalid"


STEP = example_step().model_dump(mode="json")
RESULT = example_result().model_dump(mode="json")
WITHDRAWAL = example_withdrawal().model_dump(mode="json")
CANCELLATION = example_cancellation().model_dump(mode="json")

EVENT_MISTAKES: list[tuple[Any, str, Any, str, str]] = [
    (STEP, "state", "done", "step.state", "enum"),
    (STEP, "state", 4, "step.state", "enum"),
    (STEP, "pause", "holiday", "step.pause", "enum"),
    (STEP, "handler.name", "x" * 51, "step.handler.name", "string_too_long"),
    (STEP, "handler", REMOVED, "step.handler", "missing"),
    (STEP, "content", "", "step.content", "string_too_short"),
    (STEP, "occurred_at", "2026-10-09T09:00:00", "step.occurred_at", "timezone_aware"),
    (STEP, "started_at", "2027-01-01T00:00:00Z", "step", "dates_out_of_order"),
    (STEP, "kind", "jump", "", "union_tag_invalid"),
    (STEP, "kind", REMOVED, "", "union_tag_not_found"),
    (RESULT, "files", [], "result.files", "too_short"),
    (RESULT, "catalogue_code", REMOVED, "result.catalogue_code", "missing"),
    (WITHDRAWAL, "reason", " ", "withdrawal.reason", "blank"),
    (WITHDRAWAL, "requested_at", "2027-01-01T00:00:00Z", "withdrawal", "dates_out_of_order"),
    (CANCELLATION, "reason", "mistake", "cancellation.reason", "enum"),
    (CANCELLATION, "approved_by", CANCELLATION["requested_by"], "cancellation", "same_person"),
    (CANCELLATION, "requested_at", "2027-01-01T00:00:00Z", "cancellation", "dates_out_of_order"),
]


@pytest.mark.parametrize(
    ("body", "path", "value", "place", "kind"),
    EVENT_MISTAKES,
    ids=[f"{row[1]}-{row[4]}-{index}" for index, row in enumerate(EVENT_MISTAKES)],
)
def test_each_mistake_in_an_event_is_refused_at_its_place(
    body: Any, path: str, value: Any, place: str, kind: str
) -> None:
    """The same promise as for declarations."""
    with pytest.raises(ValidationError) as caught:
        _ANY_EVENT.validate_json(json.dumps(changed(body, path, value)))
    found = [(".".join(map(str, error["loc"])), error["type"]) for error in caught.value.errors()]
    assert found == [(place, kind)]


def test_a_digitised_component_may_be_replaced_by_a_result_paper() -> None:
    """What the state holds already need not be handed in again (LĐ 7.2d): the paper's code stands for the file."""
    digitisation = {"digitised": True, "replaced_by_result_code": "KQ.G99.000001"}
    body = changed(changed(FACTS, "components.1.files", []), "components.1.digitisation", digitisation)
    assert DossierFacts.model_validate_json(json.dumps(body)).components[1].files == ()


def test_a_supplement_is_asked_for_or_received_and_nothing_else() -> None:
    """The two forms of one call are told apart by their kind alone."""
    supplement: TypeAdapter[Any] = TypeAdapter(SupplementEntry)
    request, receipt = example_events()[1:3]
    for entry in (request, receipt):
        assert supplement.validate_json(entry.model_dump_json()) == entry
    with pytest.raises(ValidationError):
        supplement.validate_json(example_step().model_dump_json())


@given(dossier_facts())
def test_a_declaration_survives_json_exactly(facts: DossierFacts) -> None:
    """What is stored and sent on is what came in."""
    assert DossierFacts.model_validate_json(facts.model_dump_json()) == facts
    assert DossierFacts.model_validate(facts.model_dump()) == facts


@given(events())
def test_an_event_survives_json_exactly(event: Any) -> None:
    """By its own class, and by its kind among all."""
    assert type(event).model_validate_json(event.model_dump_json()) == event
    assert _ANY_EVENT.validate_json(event.model_dump_json()) == event


def test_values_cannot_be_changed_after_they_were_checked() -> None:
    """A checked value stays checked."""
    facts = example_facts()
    with pytest.raises(ValidationError):
        setattr(facts, "note", "khác")  # noqa: B010 - mypy refuses the plain assignment, rightly
    assert isinstance(facts.components, tuple)


def test_every_model_of_the_contract_is_strict_frozen_and_closed() -> None:
    """A subclass that loosens the base would accept what the others refuse."""
    models = list(Model.__subclasses__())
    for model in models:
        models.extend(model.__subclasses__())
        own = {key: model.model_config.get(key) for key in ("strict", "frozen", "extra")}
        assert own == {"strict": True, "frozen": True, "extra": "forbid"}, model
    assert len(models) > 20
