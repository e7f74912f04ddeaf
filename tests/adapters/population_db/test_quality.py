"""What quality.toml claims of the shape of this adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import adapters.population_db as package
from adapters.population_db import mapping, templates, wire
from adapters.population_db.settings import ElementNames, IntegrationCodes
from contracts.population import (
    Address,
    Asker,
    BirthDate,
    CitizenQuestion,
    Confirmation,
    ConfirmationKind,
    MaritalStatus,
    Relative,
)
from tests.adapters.national_portal.test_quality import imports_of
from tests.adapters.population_db.worlds import ASKER, QUESTION, words

FOLDER = Path(package.__file__).parent

UNSENT_OF_ASKER = {
    "dossier_code": "goes as X-Road-Issue where that is configured, and stands in our own look-up log",
    "purpose": "the message has no element for it; it stands in our own look-up log",
    "lookup_id": "becomes the request id, see request_ids",
    "officer_code": "goes as MaCanBo where that is configured",
}


def sent(question: CitizenQuestion = QUESTION, asker: Asker = ASKER, **changes: Any) -> bytes:
    """Return the usual request."""
    changes.setdefault("unit_elements", True)
    return templates.render(mapping.citizen_request(question, asker, wire.Call.LOOK_UP, "x", words(**changes)))


def test_every_field_of_a_question_is_accounted_for() -> None:
    """Each changes what is sent, or is one of those that do not, with the reason."""
    asker = {
        "account_id": "canbo-2",
        "officer_number": "099188000456",
        "unit_code": "H99.2",
        "phone": "0900000001",
        "procedure_code": "1.000002.H99",
    }
    assert asker.keys() | UNSENT_OF_ASKER.keys() == Asker.model_fields.keys()
    for name, value in asker.items():
        assert sent(asker=ASKER.model_copy(update={name: value})) != sent(), name
    code = {"officer_code": "CB-0002"}
    assert sent(asker=ASKER.model_copy(update=code)) == sent()
    by_code = {"officer_id": "officer_code"}
    assert sent(asker=ASKER.model_copy(update=code), **by_code) != sent(**by_code)
    question = {"number": "099199000124", "name": "Lê Văn Thử", "birth": BirthDate(year=1999)}
    assert question.keys() | {"identity_card_9"} == CitizenQuestion.model_fields.keys()
    for name, other in question.items():
        assert sent(QUESTION.model_copy(update={name: other})) != sent(), name
    assert sent(QUESTION.model_copy(update={"number": None, "identity_card_9": "099000123"})) != sent()


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (ConfirmationKind.RELATIVE, "relative", Relative(number="099069000121", name="A")),
        (ConfirmationKind.GUARDIAN, "relative", Relative(identity_card_9="099000121")),
        (ConfirmationKind.HOUSEHOLD_HEAD, "relative", Relative(name="Trần Văn Thử", relation="Cha", nationality="VN")),
        (ConfirmationKind.PRESENT_RESIDENCE, "address", Address(commune_code="99001", detail="Số 1 & <2>")),
        (ConfirmationKind.MARITAL_STATUS, "marital_status", MaritalStatus.MARRIED),
    ],
)
def test_what_is_to_be_confirmed_comes_last(kind: ConfirmationKind, field: str, value: Any) -> None:
    """Every field of a relative and an address is sent, in an element of the configured name."""
    asked = Confirmation.model_validate({"kind": kind, "citizen": QUESTION, field: value})
    request = mapping.confirmation_request(asked, ASKER, "x", words(element_names={kind.value: "Khac"}))
    assert [name for name, _ in request.elements[:-1]][-1] == "NgayThangNamSinh"
    name, told = request.elements[-1]
    assert name == "Khac"
    given = [one for one in value.model_dump().values() if one] if hasattr(value, "model_dump") else [value]
    assert len([one for one in told if one[1]] if isinstance(told, tuple) else [told]) == len(given)


def test_settings_have_a_code_for_every_call_and_a_name_for_every_subject() -> None:
    """A call that is added needs its permission."""
    assert set(IntegrationCodes.model_fields) == {one.name.lower() for one in wire.Call}
    with_subject = {one.value for one in ConfirmationKind} - {"identity", "death"}
    assert set(ElementNames.model_fields) == with_subject


@pytest.mark.parametrize(
    "module", ["mapping.py", "mapping_answers.py", "names.py", "wire.py", "templates.py", "request_ids.py"]
)
def test_the_mapping_imports_nothing_that_talks(module: str) -> None:
    """Translation is pure: no network, no clock, no file."""
    ours = imports_of(FOLDER / module)
    assert {name.split(".")[0] for name in ours} <= {
        "__future__", "adapters", "collections", "contracts", "dataclasses", "datetime", "enum", "functools", "html",
        "lxml", "re", "typing", "unicodedata",
    }  # fmt: skip
    assert not any(
        part in name for name in ours for part in (".client", ".ways", ".settings", "transport", "simulator")
    )


def test_the_simulator_shares_no_message_with_the_client() -> None:
    """What the simulator takes and writes comes from the facts and not from what our client happens to do."""
    for path in (FOLDER / "simulator").glob("*.py"):
        ours = {name for name in imports_of(path) if name.startswith("adapters.population_db.")}
        assert {name for name in ours if ".simulator" not in name and ".settings." not in name} == set(), path.name
