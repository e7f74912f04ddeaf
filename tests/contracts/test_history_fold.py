"""The fold of what was stored equals what was accepted, whatever was accepted and whatever the rules are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.dossier import Dossier, DossierFacts
from contracts.events import Event
from contracts.history import DECLARED, StoredEvent, accept, declare, fold, fold_steps, is_late, open_event, redeclare
from contracts.rules import DossierRules, RuleBroken
from contracts.states import PAUSE_REASONS_BY_STATE, TRANSITIONS, DossierState, PauseReason, may_follow
from tests.contracts.histories import (
    CODE,
    NOW,
    RULES,
    SUBMITTED,
    S,
    at,
    cancellation,
    extension,
    facts,
    fee,
    receipt,
    request,
    result,
    step,
    withdrawal,
)
from tests.contracts.strategies import dossier_facts, events, texts


def stored(item: DossierFacts | Event, recorded_at: datetime, rules: DossierRules) -> StoredEvent:
    """Return what the hub keeps of an accepted declaration or event."""
    if isinstance(item, DossierFacts):
        return StoredEvent(DECLARED, item.model_dump_json().encode(), recorded_at, late_entry=False)
    return StoredEvent(item.kind, item.model_dump_json().encode(), recorded_at, is_late(item, recorded_at, rules))


def test_the_fold_keeps_the_deadline_that_was_in_force_when_it_was_extended() -> None:
    """A later declaration must not rewrite what an extension or a supplement replaced."""
    items: list[DossierFacts | Event] = [
        facts(received_at=at(1), due_at=at(100)),
        step(S.IN_PROCESS, 2, extension=extension(120)),
        request(3),
        facts(received_at=at(1), due_at=at(110), note="Sửa ngày hẹn"),
    ]
    first, *rest = items
    assert isinstance(first, DossierFacts)
    dossier = declare(CODE, first, recorded_at=NOW, rules=RULES)
    for item in rest:
        dossier = (
            redeclare(dossier, item, recorded_at=NOW, rules=RULES)
            if isinstance(item, DossierFacts)
            else accept(dossier, item, recorded_at=NOW, rules=RULES)
        )
    assert dossier.extension is not None
    assert dossier.extension.previous_due_at == at(100)
    assert fold(CODE, [stored(item, NOW, RULES) for item in items]) == dossier


def test_the_fold_of_a_beginning_is_the_dossier_of_then() -> None:
    """An exchange names a revision; what it carries must not change with what came later."""
    items = [facts(received_at=at(1)), step(S.IN_PROCESS, 2), facts(received_at=at(1), note="Sau"), result(4)]
    kept = [stored(item, NOW, RULES) for item in items]
    assert [fold(CODE, kept[:length]).facts.note for length in (1, 2, 3, 4)] == [
        facts().note,
        facts().note,
        "Sau",
        "Sau",
    ]
    assert [fold(CODE, kept[:length]).revision for length in (1, 2, 3, 4)] == [1, 2, 3, 4]


_RULES = st.builds(
    DossierRules,
    max_supplements=st.integers(0, 3),
    max_extensions=st.integers(0, 2),
    late_entry_after=st.sampled_from([timedelta(0), timedelta(hours=24), timedelta(days=400)]),
    fees_before_result=st.booleans(),
)
_HOURS = st.integers(-1, 200)
_FEES = st.sampled_from([(), (fee(),), (fee(paid=True),), (fee("LP02", 0), fee("BS-LP", paid=True))])


@st.composite
def _declarations(draw: st.DrawFn, received_at: datetime | None = None) -> DossierFacts:
    received = draw(st.sampled_from([received_at, received_at, None, at(1), at(3), at(20)]))
    due = draw(st.none() | st.integers(20, 400).map(at))
    return facts(
        submitted_at=at(draw(st.sampled_from([0, 0, 0, -2]))),
        received_at=received,
        due_at=None if due is None or (received is not None and due < received) else due,
        summary=draw(texts(min_size=0)),
        fees=draw(_FEES),
    )


_KINDS = (
    ("move",) * 9 + ("declared",) * 3 + ("request", "receipt", "receipt", "result", "any step", "withdraw", "cancel")
)


@st.composite
def _happenings(draw: st.DrawFn, dossier: Dossier) -> DossierFacts | Event:
    """Draw what may come next: mostly a lawful move after the last one, now and then anything at any time."""
    latest = max([one.occurred_at for one in dossier.steps], default=dossier.received_at or dossier.facts.submitted_at)
    now = (latest - SUBMITTED) / timedelta(hours=1)
    hours = draw(_HOURS) if draw(st.integers(0, 3)) == 3 else now + draw(st.integers(0, 10))
    kind = draw(st.sampled_from(_KINDS))
    if kind == "move" and dossier.state is S.SUPPLEMENT_REQUESTED:
        kind = "receipt"
    match kind:
        case "declared":
            return draw(_declarations(dossier.facts.received_at))
        case "move" | "any step":
            return draw(_moves(dossier, hours, lawful=kind == "move"))
        case "receipt":
            key = dossier.open_supplement.id if dossier.open_supplement else "BS01"
            return receipt(hours, hours + 50, key, note=draw(st.sampled_from(["", "  ", "Đủ"])))
        case _:
            number = draw(st.sampled_from(["01", "02", "03"]))
            others: dict[str, Event] = {
                "request": request(hours, number, fees=draw(_FEES)),
                "result": result(hours, number),
                "withdraw": withdrawal(hours),
                "cancel": cancellation(hours),
            }
            return others[kind]


@st.composite
def _moves(draw: st.DrawFn, dossier: Dossier, hours: float, *, lawful: bool) -> Event:
    """Draw a step with all that a step may bring; a supplement where that is the move."""
    onward = sorted(state for state in TRANSITIONS[dossier.state] if not state.is_final)
    state = draw(st.sampled_from(onward if lawful and onward else list(DossierState)))
    if lawful and state is S.SUPPLEMENT_REQUESTED:
        return request(hours, draw(st.sampled_from(["01", "02", "03"])), fees=draw(_FEES))
    changes: dict[str, Any] = {}
    if state in PAUSE_REASONS_BY_STATE:
        reasons: list[PauseReason | None] = [*sorted(PAUSE_REASONS_BY_STATE[state])]
        changes["pause"] = draw(st.sampled_from([*reasons, None] if state is S.IN_PROCESS else reasons))
    if state is S.ACCEPTED:
        changes["due_at"] = draw(st.none() | st.integers(1, 50).map(lambda more: at(hours + more)))
    if dossier.due_at is not None and draw(st.integers(0, 2)) == 2:
        changes["extension"] = extension((dossier.due_at - SUBMITTED) / timedelta(hours=1) + draw(st.integers(0, 9)))
    return step(state, hours, **changes)


def _chain_is_lawful(dossier: Dossier) -> bool:
    """Judge the order of states anew, without the code under test; a cancellation may strike any of them."""
    struck = dossier.cancellation.approved_at if dossier.cancellation else None
    marks = [(dossier.facts.submitted_at, -1, S.NEWLY_REGISTERED)]
    if dossier.facts.received_at is not None:
        marks.append((dossier.facts.received_at, 0, S.ACCEPTED))
    marks += [
        (one.occurred_at, one.sequence, one.state)
        for one in dossier.steps
        if not (one.state is S.PROCESSING_STOPPED and one.occurred_at == struck)
    ]
    return all(may_follow(before[2], after[2]) for before, after in pairwise(sorted(marks)))


@given(rules=_RULES, first=_declarations(), data=st.data())
def test_the_fold_of_any_lawful_history_is_the_dossier_that_was_accepted(
    rules: DossierRules, first: DossierFacts, data: st.DataObject
) -> None:
    """Whatever is accepted in whatever order: reading it back gives exactly what acceptance answered."""
    recorded_at = NOW
    dossier = declare(CODE, first, recorded_at=recorded_at, rules=rules)
    kept = [stored(first, recorded_at, rules)]
    accepted = [dossier]
    for _ in range(data.draw(st.integers(0, 14), label="count")):
        item = data.draw(_happenings(dossier), label="item")
        recorded_at += timedelta(minutes=data.draw(st.integers(0, 600), label="minutes"))
        try:
            dossier = (
                redeclare(dossier, item, recorded_at=recorded_at, rules=rules)
                if isinstance(item, DossierFacts)
                else accept(dossier, item, recorded_at=recorded_at, rules=rules)
            )
        except RuleBroken:
            continue
        kept.append(stored(item, recorded_at, rules))
        accepted.append(dossier)
        if dossier.cancellation is not None:
            break
        assert len(dossier.supplements) <= rules.max_supplements
        assert _chain_is_lawful(dossier)
        assert (dossier.extension is None) or rules.max_extensions > 0
    for length, expected in enumerate(accepted, start=1):
        assert fold(CODE, kept[:length]) == expected
        assert fold_steps(CODE, [open_event(one) for one in kept[:length]]) == expected.steps
    _holds_together(dossier)
    assert dossier.revision == len(kept)


def _holds_together(dossier: Dossier) -> None:
    """Check what is true of every dossier, however it came about."""
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier
    assert [one.sequence for one in dossier.steps] == list(range(1, len(dossier.steps) + 1))
    assert all(one.until is not None for one in dossier.pauses[:-1]), "only the last pause may be open"
    assert all(before.until <= after.since for before, after in pairwise(dossier.pauses) if before.until)
    if dossier.cancellation is not None:
        assert dossier.state is S.PROCESSING_STOPPED


@given(first=dossier_facts(), happened=st.lists(st.one_of(events(), dossier_facts()), max_size=6), late=st.booleans())
@pytest.mark.slow
def test_whatever_was_once_accepted_can_be_read_whatever_the_rules_are_now(
    first: DossierFacts, happened: Sequence[DossierFacts | Event], *, late: bool
) -> None:
    """The fold asks no rule: even a history that today's rules would refuse throughout is read and written."""
    kept = [stored(item, NOW, DossierRules()) for item in (first, *happened)]
    kept = [StoredEvent(one.kind, one.payload, one.recorded_at, late) for one in kept]
    dossier = fold(CODE, kept)
    assert dossier.revision == len(kept)
    _holds_together(dossier)


def test_stricter_rules_of_tomorrow_do_not_touch_the_dossiers_of_today() -> None:
    """What was lawful when it was accepted stays; only what is new is measured by the new rules."""
    lenient = DossierRules(max_supplements=3, fees_before_result=False)
    items = [
        facts(fees=(fee(),)),
        request(1),
        receipt(2),
        request(3, "BS02"),
        receipt(4, key="BS02"),
        step(S.PROCESSING_FINISHED, 5),
        step(S.RESULT_RETURNED, 6),
    ]
    first, *rest = items
    assert isinstance(first, DossierFacts)
    dossier = declare(CODE, first, recorded_at=NOW, rules=lenient)
    for event in rest:
        dossier = accept(dossier, event, recorded_at=NOW, rules=lenient)  # type: ignore[arg-type]
    read = fold(CODE, [stored(item, NOW, lenient) for item in items])
    assert read == dossier
    strict = DossierRules(max_supplements=0, max_extensions=0)
    again = redeclare(read, facts(fees=(fee(paid=True),)), recorded_at=NOW, rules=strict)
    assert len(again.supplements) == 2
