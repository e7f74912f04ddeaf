"""The account of canonical fields is complete, not stale, and true of what the mapping does."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel

from adapters.national_portal import mapping
from adapters.national_portal.fields import CARRIED, NOT_CARRIED, STEP_CARRIED, STEP_NOT_CARRIED
from contracts import dossier as d
from contracts import people as p
from contracts.errors import Unsupported
from tests.adapters.national_portal import situations as s

VOCABULARY = s.settings().vocabulary()


def leaves(annotation: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field that is no model itself, through lists, unions and options."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from leaves(typing.get_args(annotation)[0], path)
    elif origin is tuple:
        yield from leaves(typing.get_args(annotation)[0], f"{path}[]")
    elif origin in {typing.Union, types.UnionType}:
        for one in typing.get_args(annotation):
            if one is not type(None):
                yield from leaves(one, path)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield from leaves(field.annotation, f"{path}.{name}" if path else name)
    else:
        yield path


def covers(entry: str, path: str) -> bool:
    return path == entry or path.startswith((f"{entry}.", f"{entry}[]"))


ACCOUNTS = {
    "dossier": (d.Dossier, CARRIED, NOT_CARRIED),
    "step": (d.Step, STEP_CARRIED, STEP_NOT_CARRIED),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_every_canonical_field_is_accounted_for_once(name: str) -> None:
    """A field that is neither carried nor excused, or both, is a field somebody forgot."""
    model, carried, excused = ACCOUNTS[name]
    entries = [*carried, *excused]
    for path in set(leaves(model)):
        assert [entry for entry in entries if covers(entry, path)] != [], f"{path} is not accounted for"
        assert len([entry for entry in entries if covers(entry, path)]) == 1, f"{path} is accounted for twice"


@pytest.mark.parametrize("name", ACCOUNTS)
def test_no_entry_of_the_account_is_stale(name: str) -> None:
    """An entry that names no field any more misleads."""
    model, carried, excused = ACCOUNTS[name]
    paths = set(leaves(model))
    for entry in [*carried, *excused]:
        assert any(covers(entry, path) for path in paths), entry
    assert all(len(reason) > 10 for reason in excused.values())


# --- the claims are true -----------------------------------------------------------------------------------


def changed(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Enum):
        members = list(type(value))
        return members[(members.index(value) + 1) % len(members)]
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("8" if value[-1:] != "8" else "9")
    return value + timedelta(hours=1)


def variants(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, copy of the model with this one field changed) for every field that holds a value."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            for where, other in variants(inner, f"{path}.{name}" if path else name):
                yield where, value.model_copy(update={name: other})
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            for where, other in variants(item, f"{path}[]"):
                yield where, (*value[:index], other, *value[index + 1 :])
    elif value is not None:
        yield path, changed(value)


def with_applicant(applicant: Any) -> d.Dossier:
    return s.full_dossier(facts=s.full_facts(applicant=applicant))


def paid_by(platform: d.PaymentPlatform) -> d.Dossier:
    return s.full_dossier(
        facts=s.full_facts(fees=(s.fee(paid=platform),)),
        supplements=(s.supplement(fees=(s.fee("LP02", paid=platform),)),),
    )


CANCELLED = s.full_dossier(cancellation=s.cancellation())
SUBJECTS = (
    s.full_dossier(),
    paid_by(d.PaymentPlatform.CASH),
    paid_by(d.PaymentPlatform.TRANSFER),
    with_applicant(p.EnterpriseApplicant(name="CÔNG TY TNHH MẪU", enterprise_code="9999999997")),
    with_applicant(p.AgencyApplicant(name="Sở Mẫu", agency_code="H99.14")),
    with_applicant(p.OtherApplicant(name="Hội Mẫu", registration_number="01/HM")),
    with_applicant(s.person(identifiers=(p.PassportIdentifier(value="B1234567", country="VN"),))),
)

_FIXED = {"facts.applicant.kind", "facts.applicant.identifiers[].kind", "schema_version"}
"""Tags of a union: they cannot change without the model around them; `test_mapping` covers them one by one."""


def said(dossier: d.Dossier) -> Any:
    return mapping.dossier_to_wire(dossier, VOCABULARY, lambda url, _path: url)


def test_what_is_claimed_to_be_carried_changes_the_message() -> None:
    """Changing a carried field changes what the portal is told; changing any other field does not."""
    seen: dict[str, bool] = {}
    for subject in SUBJECTS:
        before = said(subject)
        for path, other in variants(subject):
            if path not in _FIXED:
                seen[path] = seen.get(path, False) or said(other) != before
    for path, other in variants(CANCELLED):
        if path.startswith("cancellation"):
            seen[path] = said(other) != said(CANCELLED)
    wrong = {path: told for path, told in seen.items() if told is not any(covers(entry, path) for entry in CARRIED)}
    assert wrong == {}
    silent = {path for path in set(leaves(d.Dossier)) - _FIXED if path not in seen}
    assert silent == set(), "the subjects hold no value for these"


def test_what_is_claimed_of_a_step_is_true() -> None:
    """The same for steps."""
    before = mapping.step_to_wire(s.CODE, s.step())
    told = {path: mapping.step_to_wire(s.CODE, other) != before for path, other in variants(s.step())}
    assert told == {path: any(covers(entry, path) for entry in STEP_CARRIED) for path in told}
    assert set(told) == set(leaves(d.Step))


def test_a_submitter_with_a_passport_does_not_disturb() -> None:
    """What the wire cannot take of the submitter is excused, not refused."""
    assert s.full_facts().submitter is not None
    try:
        said(s.full_dossier())
    except Unsupported:
        pytest.fail("the submitter is not on the wire and cannot be refused")
