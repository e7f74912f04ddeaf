"""What of an answer is handed out, what the watch is told of it, and whether it is about the person asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from contracts.business import Enterprise
from contracts.population import (
    CitizenQuestion,
    CitizenRecord,
    ConfirmationKind,
    DataGroup,
    Household,
    HouseholdMember,
    Relative,
)

GROUP_FIELDS: Final[Mapping[DataGroup, tuple[str, ...]]] = {
    DataGroup.IDENTITY: ("number", "name", "birth", "sex"),
    DataGroup.OLD_CARD: ("identity_card_9",),
    DataGroup.ORIGIN: ("birth_registration", "native_place", "ethnicity", "religion", "nationality"),
    DataGroup.RESIDENCE: ("permanent_residence", "present_residence"),
    DataGroup.MARITAL: ("marital_status",),
    DataGroup.FAMILY: ("father", "mother", "spouse", "representative"),
    DataGroup.HOUSEHOLD: ("household_head", "household_book"),
    DataGroup.BLOOD_GROUP: ("blood_group",),
}
"""Which fields of a citizen's record each group holds; together all of them."""

NAMING_FIELDS: Final[Mapping[DataGroup, tuple[str, ...]]] = {
    DataGroup.FAMILY: ("father", "mother", "spouse", "representative"),
    DataGroup.HOUSEHOLD: ("household_head",),
}
"""Which fields of a citizen's record name somebody else, with their number."""

CONFIRMED_GROUP: Final[Mapping[ConfirmationKind, DataGroup]] = {
    ConfirmationKind.IDENTITY: DataGroup.IDENTITY,
    ConfirmationKind.RELATIVE: DataGroup.FAMILY,
    ConfirmationKind.GUARDIAN: DataGroup.FAMILY,
    ConfirmationKind.HOUSEHOLD_HEAD: DataGroup.HOUSEHOLD,
    ConfirmationKind.PRESENT_RESIDENCE: DataGroup.RESIDENCE,
    ConfirmationKind.MARITAL_STATUS: DataGroup.MARITAL,
    ConfirmationKind.DEATH: DataGroup.IDENTITY,
}
"""Which group of data each confirmation tells something of."""

_EMPTY: Final = len(b",}")

# Where people live in the province is told by numbered hamlets, neighbourhood groups and villages.
_DIGIT = re.compile(r"[0-9]")
_HAMLET = re.compile(r"\b(?:thon|xom|ap|ban|buon|khom|khu pho|khu|to dan pho|to|kp|tdp)\s*(?:so\s*)?([0-9]{1,3})\b")


def minimised(record: CitizenRecord, groups: Iterable[DataGroup]) -> CitizenRecord:
    """Return the record with these groups and nothing else."""
    names = [name for group in groups for name in GROUP_FIELDS[group]]
    # Every value was checked when the record was made.
    return CitizenRecord.model_construct(None, **{name: getattr(record, name) for name in names})


@lru_cache(maxsize=256)
def _parts(groups: tuple[DataGroup, ...]) -> tuple[set[str], bytes]:
    """Return which fields these groups hold, and the others as JSON members that say nothing."""
    names = {name for group in groups for name in GROUP_FIELDS[group]}
    others = set(CitizenRecord.model_fields) - names
    return names, b"," + orjson.dumps(CitizenRecord().model_dump(mode="json", include=others))[1:]


def minimised_json(record: CitizenRecord, groups: Sequence[DataGroup]) -> bytes:
    """Return `minimised` as JSON; several times as fast, on a way that every look-up takes."""
    names, others = _parts(tuple(groups))
    given = CitizenRecord.__pydantic_serializer__.to_json(record, include=names)
    return given if len(others) <= _EMPTY else given[:-1] + others


def minimised_household(household: Household, groups: Sequence[DataGroup]) -> Household:
    """Return the household with these groups of each member, and the head as far as they allow."""
    return Household.model_construct(
        None,
        head=household.head if DataGroup.HOUSEHOLD in groups else None,
        members=tuple(
            HouseholdMember.model_construct(None, person=minimised(one.person, groups), relation=one.relation)
            for one in household.members
        ),
    )


# --- who else is told of ------------------------------------------------------------------------------------


def named_in(record: CitizenRecord, groups: Iterable[DataGroup]) -> set[str]:
    """Return the personal numbers of others in what these groups hold of a record."""
    relatives = (getattr(record, name) for group in groups for name in NAMING_FIELDS.get(group, ()))
    return {one.number for one in relatives if one is not None and one.number is not None} - {record.number}


def people_of(household: Household, groups: Sequence[DataGroup]) -> set[str]:
    """Return the personal numbers of everybody of whom `minimised_household` says something."""
    people = {one.person.number for one in household.members if one.person.number is not None}
    people.update(*(named_in(one.person, groups) for one in household.members))
    if DataGroup.HOUSEHOLD in groups and household.head is not None and household.head.number is not None:
        people.add(household.head.number)
    return people


# --- is it the person asked for -----------------------------------------------------------------------------


def plain_name(name: str) -> str:
    """Return a name without marks, spaces and case, as far as two writings of one name agree in."""
    decomposed = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d"))
    return "".join(one for one in decomposed if one.isalnum()).upper()


def is_about(question: CitizenQuestion, record: CitizenRecord) -> bool:
    """Say whether a record is that of the person asked for: by the number, and where it has none by name and birth."""
    if question.number is not None and record.number is not None:
        return record.number == question.number
    if question.identity_card_9 is not None and record.identity_card_9 is not None:
        return record.identity_card_9 == question.identity_card_9
    # An old record without the number that was asked for: name and year must both be there and agree.
    return (
        record.birth is not None
        and record.birth.year == question.birth.year
        and plain_name(record.name) == plain_name(question.name)
    )


def is_household_of(question: CitizenQuestion, household: Household) -> bool:
    """Say whether the person asked for belongs to a household."""
    head = household.head
    if head is not None and _is_relative(question, head):
        return True
    return any(is_about(question, one.person) for one in household.members)


def _is_relative(question: CitizenQuestion, head: Relative) -> bool:
    if question.number is not None:
        return head.number == question.number
    return head.identity_card_9 is not None and head.identity_card_9 == question.identity_card_9


def is_enterprise(code: str, enterprise: Enterprise) -> bool:
    """Say whether an enterprise is the one asked for."""
    return enterprise.code == code


# --- what the watch is told ---------------------------------------------------------------------------------


def watched(record: CitizenRecord) -> dict[str, Any]:
    """Return where a person lives and in which household, as answered; sealed, for the watch alone."""
    residence = record.present_residence or record.permanent_residence
    head = record.household_head
    return {
        "subject_id": record.number or "",
        "commune": residence.commune_code if residence is not None else "",
        "hamlet": hamlet_of(residence.detail) if residence is not None else None,
        "household_id": (head.number if head is not None else None) or record.household_book,
    }


def hamlet_of(detail: str) -> int | None:
    """Return the number of the hamlet in the line of an address, where there is one: 5 for ``Thôn 5, xã Mẫu``."""
    if _DIGIT.search(detail) is None:
        return None
    decomposed = unicodedata.normalize("NFD", detail.replace("Đ", "D").replace("đ", "d"))
    found = _HAMLET.search("".join(one for one in decomposed if not unicodedata.combining(one)).lower())
    return int(found[1]) if found is not None else None
