"""From the class of an error to what becomes of its exchange; words never matter."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import errors
from contracts.errors import (
    REACTIONS,
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
    Unsupported,
)
from contracts.ports import RepeatClass
from hub.exchanges.reactions import (
    GAVE_UP,
    NEEDS_PERSON_DELAY,
    RetryPolicy,
    Signal,
    Verdict,
    delay_before,
    react,
    signal_of,
)
from hub.exchanges.views import ExchangeState as E

WORDS = Sentence("Said.", "Đã nói.")
NOW = datetime(2026, 10, 20, tzinfo=UTC)
POLICY = RetryPolicy(malformed_limit=3, settle_delay=timedelta(seconds=5))


def dice(seed: int = 7) -> random.Random:
    """Return dice that fall the same way each time."""
    return random.Random(seed)


WRITES = [one for one in RepeatClass if one is not RepeatClass.SAFE]


def verdict(error: LienThongError, repeat: RepeatClass = RepeatClass.IDEMPOTENT, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "attempts": 1,
        "doubts": 0,
        "accepted_at": NOW - timedelta(hours=1),
        "now": NOW,
        "policy": POLICY,
        "dice": dice(),
    }
    return react(error, repeat=repeat, **(values | changes))


# --- the table: error × repeat class --------------------------------------------------------------------------------

TABLE: dict[type[LienThongError], dict[RepeatClass, E]] = {
    TryLater: dict.fromkeys(RepeatClass, E.WAITING),
    NeedsPerson: dict.fromkeys(RepeatClass, E.WAITING),
    Rejected: dict.fromkeys(RepeatClass, E.REFUSED),
    Unsupported: dict.fromkeys(RepeatClass, E.REFUSED),
    Malformed: {RepeatClass.SAFE: E.WAITING} | dict.fromkeys(WRITES, E.UNKNOWN),
    OutcomeUnknown: {RepeatClass.SAFE: E.WAITING} | dict.fromkeys(WRITES, E.UNKNOWN),
}
SIGNALS = {
    TryLater: Signal.TROUBLE,
    NeedsPerson: Signal.NEEDS_PERSON,
    Rejected: Signal.ALIVE,
    Unsupported: Signal.SILENT,
    Malformed: Signal.TROUBLE,
    OutcomeUnknown: Signal.TROUBLE,
}


def test_every_reaction_there_is_has_its_line_in_the_table() -> None:
    """A seventh class of error needs a seventh reaction."""
    assert set(TABLE) == set(SIGNALS) == set(REACTIONS)


@pytest.mark.parametrize("repeat", RepeatClass)
@pytest.mark.parametrize("error", REACTIONS)
def test_the_class_of_the_error_decides(error: type[LienThongError], repeat: RepeatClass) -> None:
    """Open states wait for another try, ended ones for nothing; sentence and code are those of the error."""
    answer = verdict(error(WORDS, upstream_code="-9"), repeat)  # type: ignore[call-arg]
    assert answer.state is TABLE[error][repeat]
    assert (answer.retry_in is not None) == answer.state.is_open
    assert (answer.sentence, answer.upstream_code) == (WORDS, "-9")


@pytest.mark.parametrize("error", REACTIONS)
def test_what_an_error_says_of_the_connection(error: type[LienThongError]) -> None:
    """A refusal proves that the partner lives; what never left says nothing."""
    assert signal_of(error(WORDS)) is SIGNALS[error]


@pytest.mark.parametrize("error", REACTIONS)
def test_each_reaction_has_an_outcome_of_its_own(error: type[LienThongError]) -> None:
    """The attempt records it; statistics tell the classes apart by it."""
    outcomes = {kind: verdict(kind(WORDS)).outcome for kind in REACTIONS}
    assert len(set(outcomes.values())) == len(REACTIONS)
    assert outcomes[error].replace("_", "").isalpha()


def test_an_error_outside_the_six_is_a_mistake_of_ours() -> None:
    """The base class has no reaction: the program stops rather than guesses."""
    with pytest.raises(TypeError, match="LienThongError"):
        verdict(LienThongError(WORDS))


def test_no_reaction_is_exported_that_the_table_does_not_know() -> None:
    """The table follows `contracts.errors`, not our memory of it."""
    classes = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, LienThongError) and one is not LienThongError
    }
    assert classes == set(TABLE)


# --- waits ---------------------------------------------------------------------------------------------------------


def test_the_partners_own_wish_is_followed() -> None:
    """`Retry-After` goes before our schedule, also when it is longer than our longest wait."""
    assert verdict(TryLater(WORDS, after=timedelta(hours=3))).retry_in == timedelta(hours=3)
    assert verdict(TryLater(WORDS, after=timedelta(0))).retry_in == timedelta(0)


def test_waiting_for_a_person_takes_minutes() -> None:
    """Asking again every few seconds with wrong credentials locks the account."""
    assert verdict(NeedsPerson(WORDS), attempts=1).retry_in == NEEDS_PERSON_DELAY


@pytest.mark.parametrize("error", [Malformed, OutcomeUnknown])
def test_a_write_in_doubt_is_not_asked_about_at_once(error: type[LienThongError]) -> None:
    """The partner may still be working on it; "not there" said too early would send it twice."""
    eager = RetryPolicy(first_delay=timedelta(milliseconds=1), settle_delay=timedelta(seconds=5))
    assert verdict(error(WORDS), policy=eager).retry_in == timedelta(seconds=5)
    patient = RetryPolicy(first_delay=timedelta(minutes=5), settle_delay=timedelta(seconds=5))
    assert (verdict(error(WORDS), policy=patient).retry_in or timedelta(0)) >= timedelta(minutes=2)


# --- age -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TryLater, NeedsPerson])
def test_what_waits_too_long_is_given_up_to_a_person(error: type[LienThongError]) -> None:
    """The age limit counts the next wait too: a try after the limit would never come."""
    old = NOW - POLICY.max_age + timedelta(seconds=1)
    answer = verdict(error(WORDS, upstream_code="5"), accepted_at=old, attempts=20)  # type: ignore[call-arg]
    assert (answer.state, answer.retry_in, answer.sentence) == (E.GIVEN_UP, None, GAVE_UP)
    assert answer.upstream_code == "5", "the record keeps what happened last"
    assert answer.outcome == verdict(error(WORDS)).outcome


def test_a_wish_beyond_the_age_limit_is_giving_up_now() -> None:
    """Waiting for a try that may not be made helps nobody."""
    assert verdict(TryLater(WORDS, after=POLICY.max_age)).state is E.GIVEN_UP


@pytest.mark.parametrize("repeat", WRITES)
@pytest.mark.parametrize("error", [Malformed, OutcomeUnknown])
def test_an_unknown_write_never_becomes_given_up(error: type[LienThongError], repeat: RepeatClass) -> None:
    """Giving up reads as "was not delivered", which nobody knows: it stays unknown and waits for a person."""
    answer = verdict(error(WORDS), repeat, accepted_at=NOW - POLICY.max_age, attempts=20)
    assert (answer.state, answer.retry_in) == (E.UNKNOWN, None)
    assert answer.sentence == WORDS


def test_a_question_in_doubt_is_given_up_by_age_like_any_other() -> None:
    """Of a question nothing can have happened."""
    answer = verdict(OutcomeUnknown(WORDS), RepeatClass.SAFE, accepted_at=NOW - POLICY.max_age)
    assert answer.state is E.GIVEN_UP


@pytest.mark.parametrize("error", [Rejected, Unsupported])
def test_an_answer_is_an_answer_at_any_age(error: type[LienThongError]) -> None:
    """A refusal is not turned into giving up."""
    assert verdict(error(WORDS), accepted_at=NOW - 2 * POLICY.max_age).state is E.REFUSED


# --- doubts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeat", RepeatClass)
@pytest.mark.parametrize("doubts", range(5))
def test_answers_that_break_the_contract_end_in_quarantine(doubts: int, repeat: RepeatClass) -> None:
    """The limit counts this answer too."""
    answer = verdict(Malformed(WORDS), repeat, doubts=doubts)
    if doubts + 1 >= POLICY.malformed_limit:
        assert (answer.state, answer.retry_in) == (E.QUARANTINED, None)
    else:
        assert answer.state is TABLE[Malformed][repeat]
        assert answer.retry_in is not None


@pytest.mark.parametrize("error", [one for one in REACTIONS if one is not Malformed])
def test_other_errors_never_quarantine(error: type[LienThongError]) -> None:
    """Only broken answers count as doubts."""
    assert verdict(error(WORDS), doubts=99).state is not E.QUARANTINED


# --- the schedule ----------------------------------------------------------------------------------------------------

_POLICIES = st.builds(
    RetryPolicy,
    first_delay=st.timedeltas(timedelta(milliseconds=1), timedelta(hours=1)),
    max_delay=st.timedeltas(timedelta(hours=1), timedelta(days=1)),
)


@given(attempt=st.one_of(st.integers(-3, 50), st.just(10_000)), policy=_POLICIES, seed=st.integers(0, 99))
def test_a_wait_lies_between_half_the_ceiling_and_the_ceiling(attempt: int, policy: RetryPolicy, seed: int) -> None:
    """The ceiling doubles from the first wait and stops at the longest; half of it is random."""
    ceiling = policy.first_delay
    for _ in range(attempt - 1):
        ceiling = min(policy.max_delay, ceiling * 2)
    wait = delay_before(attempt, policy, dice(seed))
    # timedeltas are whole microseconds, so that a half may be rounded.
    assert ceiling / 2 - timedelta(microseconds=1) <= wait <= ceiling
    assert timedelta(0) < wait <= policy.max_delay


@given(attempt=st.integers(1, 100), policy=_POLICIES)
def test_waits_never_shrink_as_tries_fail(attempt: int, policy: RetryPolicy) -> None:
    """With the same dice a later wait is at least as long, until all are the longest."""
    seed = attempt
    before = delay_before(attempt, policy, dice(seed))
    after = delay_before(attempt + 1, policy, dice(seed))
    assert before <= after
    longest = delay_before(10_000, policy, dice(seed))
    assert longest >= policy.max_delay / 2 - timedelta(microseconds=1)


def test_waits_are_spread() -> None:
    """A thousand exchanges that failed together must not come back together."""
    same = dice(1)
    waits = [delay_before(5, RetryPolicy(), same).total_seconds() for _ in range(1000)]
    ceiling = 2.0 * 2**4
    assert min(waits) < 0.55 * ceiling
    assert max(waits) > 0.95 * ceiling
    assert len({round(wait, 3) for wait in waits}) > 900


@given(
    error=st.sampled_from(REACTIONS),
    repeat=st.sampled_from(RepeatClass),
    attempts=st.integers(1, 1000),
    doubts=st.integers(0, 20),
    age=st.timedeltas(timedelta(0), timedelta(days=20)),
)
def test_whatever_happens_no_try_comes_after_the_age_limit(
    error: type[LienThongError], repeat: RepeatClass, attempts: int, doubts: int, age: timedelta
) -> None:
    """And every verdict is consistent: what ended has no next try."""
    answer = verdict(error(WORDS), repeat, attempts=attempts, doubts=doubts, accepted_at=NOW - age)
    if answer.retry_in is not None:
        assert answer.state.is_open
        assert age + answer.retry_in <= POLICY.max_age
    else:
        assert not answer.state.is_open or answer.state is E.UNKNOWN
