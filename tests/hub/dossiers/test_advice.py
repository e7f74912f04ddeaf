"""Advice beside an accepted call: what an officer should hear while it can still be mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.dossier import Dossier, DossierFacts
from contracts.events import Event
from contracts.states import DossierState as S
from hub.dossiers.advice import Advisor
from hub.profiles.profile import load_profile
from tests.contracts.histories import extension, facts, grow, into, new, receipt, request, result, step, withdrawal

Case = tuple[Callable[[], Dossier], "DossierFacts | Event", list[str]]

ACCEPTED = step(S.ACCEPTED, 1)
WITH_DATE = step(S.ACCEPTED, 1, due_at=step(S.ACCEPTED, 100).occurred_at)
FINISH = step(S.PROCESSING_FINISHED, 2)
RETURN = step(S.RESULT_RETURNED, 4)
IN_TIME = step(S.IN_PROCESS, 76, extension=extension(120))
TOO_LATE = step(S.IN_PROCESS, 77, extension=extension(120))

advise = Advisor(load_profile()).advise

CASES: dict[str, Case] = {
    "a plain declaration": (new, facts(), []),
    "accepted without a deadline": (lambda: new(ACCEPTED), ACCEPTED, ["due_date_missing"]),
    "accepted with a deadline": (lambda: new(WITH_DATE), WITH_DATE, []),
    "declared as received without a deadline": (
        lambda: new(received_at=ACCEPTED.occurred_at),
        facts(received_at=ACCEPTED.occurred_at),
        ["due_date_missing"],
    ),
    "finished without a result": (lambda: new(ACCEPTED, FINISH), FINISH, ["result_missing"]),
    "finished with a result": (lambda: new(ACCEPTED, result(1), FINISH), FINISH, []),
    "returned without a result": (lambda: grow(into(S.PROCESSING_FINISHED), RETURN), RETURN, ["result_missing"]),
    "returned with a result": (lambda: grow(into(S.PROCESSING_FINISHED), result(3), RETURN), RETURN, []),
    "the one supplement": (lambda: new(WITH_DATE, request(3)), request(3), ["last_supplement"]),
    "papers received": (lambda: new(WITH_DATE, request(3), receipt(4)), receipt(4), []),
    "an apology in time": (lambda: new(WITH_DATE, IN_TIME), IN_TIME, []),
    "an apology less than a day before the deadline": (
        lambda: new(WITH_DATE, TOO_LATE),
        TOO_LATE,
        ["extension_announced_late"],
    ),
    "a step of an extended dossier": (
        lambda: new(WITH_DATE, TOO_LATE, step(S.IN_PROCESS, 80)),
        step(S.IN_PROCESS, 80),
        [],
    ),
    "a withdrawal": (lambda: new(WITH_DATE, withdrawal(3)), withdrawal(3), []),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("late", [False, True])
def test_each_situation_gets_its_advice_and_no_other(name: str, *, late: bool) -> None:
    """The codes are stable; a late entry is mentioned first, whatever else there is to say."""
    dossier, content, expected = CASES[name]
    advice = advise(dossier(), content, late_entry=late)
    assert [one.code for one in advice] == [*(["late_entry"] if late else []), *expected]


def test_every_advice_is_a_sentence_in_both_languages() -> None:
    """People read them; Vietnamese ones have their diacritics."""
    seen: dict[str, Any] = {}
    for dossier, content, _ in CASES.values():
        seen |= {one.code: one for one in advise(dossier(), content, late_entry=True)}
    assert len(seen) == 5
    for one in seen.values():
        assert one.detail.endswith(".")
        assert one.detail_vi.endswith(".")
        assert any(ord(letter) > 127 for letter in one.detail_vi)
