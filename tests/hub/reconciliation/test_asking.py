"""Asking: the rate is never exceeded, silence is never an answer, a partner that is down is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
    Unsupported,
)
from contracts.ports import Operation, PartnerDossier, RepeatClass
from contracts.states import DossierState
from hub.reconciliation.asking import Asker, Pace, PartnerDown, Silence, Told
from hub.reconciliation.jobs import last_due
from hub.reconciliation.settings import ReconciliationSettings
from hub.store.errors import StoreUnavailable

SAID = Sentence("Said.", "Đã nói.")
HELD = PartnerDossier("H99.12-251008-0001", DossierState.ACCEPTED, None)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Partner:
    """Answers as it is told, and counts the questions of each code."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.answer = answer
        self.questions: list[str] = []
        self.at_once = self.most_at_once = 0

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"find_dossier": Operation("find_dossier", RepeatClass.SAFE, 0.05)}

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        self.questions.append(code)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            answer = self.answer(code)
            if answer is None or isinstance(answer, PartnerDossier):
                return answer
            if answer == "silence":
                await asyncio.sleep(10)
            raise answer
        finally:
            self.at_once -= 1


def asker(answer: Callable[[str], Any], *, most_failures: int = 100, in_flight: int = 4) -> tuple[Asker, Partner]:
    """An asker that does not wait for turns."""
    partner = Partner(answer)
    return Asker(partner, Pace(1e9), in_flight=in_flight, most_failures=most_failures), partner  # type: ignore[arg-type]


@settings(max_examples=50)
@given(rate=st.floats(0.1, 500), gaps=st.lists(st.floats(0, 3), min_size=2, max_size=60), window=st.floats(0.1, 10))
def test_no_window_of_time_sees_more_than_the_rate(rate: float, gaps: list[float], window: float) -> None:
    """However the questions come, any stretch of time sees at most rate × length + 1 of them."""
    clock = Clock()
    pace = Pace(rate, clock=clock, sleep=clock.sleep)
    turns: list[float] = []

    async def take() -> None:
        for gap in gaps:
            clock.now += gap
            await pace.turn()
            turns.append(clock.now)

    asyncio.run(take())
    for start in turns:
        assert sum(start <= one < start + window for one in turns) <= rate * window + 1 + 1e-6


async def test_questions_at_once_are_bounded() -> None:
    """Never more at the same time than configured, and each dossier once."""
    made, partner = asker(lambda _: HELD, in_flight=3)
    codes = [f"c{number}" for number in range(20)]
    answers = await made.ask(codes)
    assert answers == dict.fromkeys(codes, Told(HELD))
    assert sorted(partner.questions) == sorted(codes)
    assert partner.most_at_once == 3
    assert made.asked == 20


@pytest.mark.parametrize(
    ("error", "silence", "questions"),
    [
        ("silence", Silence.NO_ANSWER, 2),
        (TryLater(SAID), Silence.NO_ANSWER, 2),
        (OutcomeUnknown(SAID), Silence.NO_ANSWER, 2),
        (Unsupported(SAID), Silence.NO_ANSWER, 2),
        (Malformed(SAID), Silence.BROKEN_ANSWER, 2),
        (Rejected(SAID), Silence.REFUSED_TO_ANSWER, 1),
        (KeyError("secret"), Silence.HUB_FAULT, 2),
    ],
)
async def test_silence_of_one_is_no_answer(error: Any, silence: Silence, questions: int) -> None:
    """Each way of not answering is told apart from "not found", and tried once more where that may help."""
    made, partner = asker(lambda code: error if code == "bad" else None)
    assert await made.ask(["good", "bad"]) == {"good": Told(None), "bad": silence}
    assert partner.questions.count("bad") == questions


async def test_silence_of_all_is_a_partner_that_is_down() -> None:
    """Even one dossier alone: where nothing is answered nothing is concluded."""
    made, _ = asker(lambda _: TryLater(SAID))
    with pytest.raises(PartnerDown):
        await made.ask(["one"])


async def test_failures_in_a_row_stop_the_asking() -> None:
    """After as many failures as open the breaker no further question leaves."""
    made, partner = asker(lambda _: Malformed(SAID), most_failures=3, in_flight=1)
    with pytest.raises(PartnerDown) as down:
        await made.ask([f"c{number}" for number in range(50)])
    assert len(partner.questions) == 3
    assert down.value.sentence == SAID


@pytest.mark.parametrize(
    ("error", "after"),
    [(NeedsPerson(SAID), None), (TryLater(SAID, after=timedelta(minutes=7)), timedelta(minutes=7))],
)
async def test_a_partner_that_names_a_time_or_a_person_is_obeyed_at_once(
    error: LienThongError, after: timedelta | None
) -> None:
    """Wrong credentials lock accounts when repeated; a Retry-After is an order."""
    made, partner = asker(lambda _: error, in_flight=1)
    with pytest.raises(PartnerDown) as down:
        await made.ask(["one", "two", "three"])
    assert len(partner.questions) == 1
    assert down.value.after == after


async def test_our_own_database_is_not_the_partner() -> None:
    """The adapter keeps its session in our database; that it is away says nothing about the partner."""
    made, _ = asker(lambda _: StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        await made.ask(["one"])


def test_the_rate_is_a_share_of_the_delivery() -> None:
    """The own rate holds, and never more than the share of the connection's."""
    made = ReconciliationSettings(rate_per_second=5, share_of_delivery_rate=0.25)
    assert [made.questions_per_second(rate) for rate in (None, 100.0, 20.0, 4.0)] == [5, 5, 5, 1]


def test_an_unknown_field_cannot_be_ignored() -> None:
    """A typing mistake would silently compare everything."""
    with pytest.raises(ValidationError):
        ReconciliationSettings(ignored_fields=("procedure.nmae",))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2025-10-08T18:29:59+00:00", "2025-10-07T18:30:00+00:00"),
        ("2025-10-08T18:30:00+00:00", "2025-10-08T18:30:00+00:00"),
        ("2025-10-09T10:00:00+00:00", "2025-10-08T18:30:00+00:00"),
    ],
)
def test_the_night_is_vietnams(now: str, due: str) -> None:
    """Half past one in Vietnam is half past six in the evening in UTC, the day before."""
    assert last_due(time(1, 30), datetime.fromisoformat(now)).astimezone(UTC) == datetime.fromisoformat(due)
