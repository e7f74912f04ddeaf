"""The facts of one dossier: pure, exact, and the same whether worked out revision by revision or at once."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import CatalogueProcedure, ProcessingTime, SubmissionWay
from contracts.dossier import Channel
from contracts.events import Event
from contracts.history import DECLARED, StoredEvent, fold
from contracts.states import DossierState as S
from hub.profiles.profile import load_profile
from hub.score.facts import FactReader
from hub.score.lines import Counts, Line, add, rates
from hub.score.terms import ProcedureTerm, term_of
from tests.contracts.histories import (
    CODE,
    NOW,
    at,
    cancellation,
    facts,
    fee,
    new,
    receipt,
    request,
    result,
    step,
    withdrawal,
)

READER = FactReader(load_profile())
ACCEPTED = step(S.ACCEPTED, 1, due_at=at(240))


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ((ACCEPTED,), None),
        ((ACCEPTED, step(S.PROCESSING_FINISHED, 5), step(S.RESULT_RETURNED, 9)), at(5)),
        ((step(S.NOT_ACCEPTED, 2),), at(2)),
        ((ACCEPTED, step(S.PROCESSING_STOPPED, 7)), at(7)),
        ((ACCEPTED, withdrawal(6)), at(6)),
        ((ACCEPTED, cancellation(8)), at(8)),
        # A finished dossier that is cancelled afterwards had ended when it was finished.
        ((ACCEPTED, step(S.PROCESSING_FINISHED, 5), step(S.RESULT_RETURNED, 9), cancellation(10)), at(5)),
    ],
)
def test_the_end_is_that_of_state_9_else_10_else_a_stop(events: tuple[Event, ...], ended: datetime | None) -> None:
    """Line 2.1 as the paper has it; a withdrawal ends the work too."""
    assert READER.read(new(*events)).ended_at == ended


def test_the_first_answer_is_any_answer() -> None:
    """Accepted, refused, papers or the fee asked: the applicant has heard (VP 15.2a)."""
    for event in (ACCEPTED, step(S.NOT_ACCEPTED, 1), request(1), step(S.FINANCIAL_OBLIGATION_REQUESTED, 1)):
        assert READER.read(new(event)).answered_at == at(1)
    assert READER.read(new(ACCEPTED, step(S.IN_PROCESS, 9))).answered_at == at(1)
    assert READER.read(new()).answered_at is None


def test_terms_run_only_where_they_apply() -> None:
    """Reception for online dossiers; a payment term only while the fee is what is waited for."""
    assert READER.read(new(channel=Channel.POSTAL)).reception_due_at is None
    assert READER.read(new(step(S.FINANCIAL_OBLIGATION_REQUESTED, 1))).fee_due_at is not None
    paid = new(step(S.FINANCIAL_OBLIGATION_REQUESTED, 1), step(S.IN_PROCESS, 2))
    assert READER.read(paid).fee_due_at is None
    assert not READER.read(paid).clock_stopped
    assert READER.read(new(ACCEPTED, request(3))).clock_stopped
    assert READER.read(new(ACCEPTED)).longest_due_at is None


def test_paid_online_is_what_the_portal_is_told() -> None:
    """Nothing asked is no payment; while anything is owed it is unpaid."""
    assert (READER.read(new()).fee_asked, READER.read(new()).paid_online) == (False, False)
    for fees, paid in (((fee(paid=True),), True), ((fee(paid=True), fee("LP02")), False), ((fee(amount=0),), False)):
        read = READER.read(new(fees=fees))
        assert (read.fee_asked, read.paid_online) == (fees[0].amount_vnd > 0, paid)


def test_a_supplement_that_moved_the_due_date_is_renewed() -> None:
    """Its time is in the new date already; where the date stayed it is not."""
    moved = READER.read(new(ACCEPTED, request(3), receipt(4, due=300)))
    stayed = READER.read(new(ACCEPTED, request(3), receipt(4, due=240)))
    assert (moved.supplement_renewed, stayed.supplement_renewed) == (True, False)
    assert (moved.supplements, moved.supplement_requested_at, moved.supplement_received_at) == (1, at(3), at(4))


EVENTS = st.lists(
    st.sampled_from(
        [
            ("step", step(S.ACCEPTED, 1, due_at=at(240))),
            ("step", step(S.IN_PROCESS, 2)),
            ("supplement_request", request(3)),
            ("supplement_receipt", receipt(4)),
            ("result", result(5)),
            ("step", step(S.PROCESSING_FINISHED, 6)),
            ("step", step(S.RESULT_RETURNED, 7)),
            (DECLARED, facts(channel=Channel.DIRECT)),
        ]
    ),
    max_size=9,
)


@given(EVENTS, st.sets(st.integers(1, 10)))
def test_rows_cover_what_is_wanted_and_hold_what_is_true(happened: list[tuple[str, object]], wanted: set[int]) -> None:
    """Every wanted revision and the newest lie in exactly one row, and its facts are those of the dossier then."""
    stored = [
        StoredEvent(kind, body.model_dump_json().encode(), NOW, late_entry=False)  # type: ignore[attr-defined]
        for kind, body in [(DECLARED, facts()), *happened]
    ]
    revisions = {one for one in wanted if one <= len(stored)}
    rows = READER.rows(CODE, stored, revisions=revisions)
    assert [row.newest for row in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[-1].through == len(stored)
    for revision in revisions | {len(stored)}:
        (row,) = [one for one in rows if one.revision <= revision <= one.through]
        assert row.facts == READER.read(fold(CODE, stored[:revision]))


# --- the longest time of a procedure ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "term"),
    [
        ([("5", "Ngày làm việc")], ProcedureTerm(working_days=5)),
        ([("4", "giờ làm việc")], ProcedureTerm(working_days=0.5)),
        ([("2,5", " ngày  LÀM VIỆC ")], ProcedureTerm(working_days=2.5)),
        ([("10", "Ngày"), ("1", "Tháng"), ("3", "Ngày làm việc")], ProcedureTerm(working_days=3, calendar_days=30)),
        # What is no number, no known unit, nothing or absurd is not guessed at.
        ([("vài", "Ngày"), ("3", "tuần trăng"), ("0", "Ngày"), ("-1", "Ngày"), ("99999", "Ngày"), ("", "")], None),
        ([("nan", "Ngày"), ("inf", "Ngày")], None),
        ([], None),
    ],
)
def test_the_longest_published_time_counts(published: list[tuple[str, str]], term: ProcedureTerm | None) -> None:
    """Working days and calendar days are kept apart: which ends later depends on the day."""
    times = tuple(ProcessingTime(duration=duration, unit=unit) for duration, unit in published)
    procedure = CatalogueProcedure(code="1.000001", name="Thủ tục mẫu", ways=(SubmissionWay(times=times),))
    assert term_of(procedure) == term


# --- rates ----------------------------------------------------------------------------------------------------


def _counts() -> st.SearchStrategy[Counts]:
    pairs = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted).map(tuple)
    lines = st.fixed_dictionaries({line: pairs for line in Line if line is not Line.SYNCHRONISED})
    return st.builds(Counts, held=st.integers(0, 50), received=st.integers(0, 50), lines=lines)


@given(_counts(), st.integers(0, 100))
def test_no_rate_leaves_its_bounds(counts: Counts, expected: int) -> None:
    """Whatever was reported: between 0 and 1, none where there is nothing to count, and 3.3 never above 1.4."""
    found = rates(counts, expected=expected)
    assert list(found) == list(Line)
    for one in found.values():
        assert (one.rate is None) == (one.of == 0)
        assert one.rate is None or 0 <= one.rate <= 1
    online, synchronised = found[Line.ONLINE].rate, found[Line.SYNCHRONISED].rate
    assert online is None or online <= (synchronised or 0)


@given(_counts(), _counts(), _counts())
def test_agencies_add_up_in_any_order(one: Counts, two: Counts, three: Counts) -> None:
    """The total of a province does not depend on which agency comes first; nothing added changes nothing."""
    assert add(add(one, two), three) == add(one, add(three, two))
    assert add(one, Counts()) == one
