"""The breaker and the token bucket against models that are plain to read."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.exchanges.breaker import Breaker, BreakerState, TokenBucket
from hub.exchanges.reactions import Signal

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def breaker(failures: int = 3) -> Breaker:
    return Breaker(failures=failures, cooldown=10.0, max_cooldown=60.0)


def opened() -> Breaker:
    """A breaker that opened at 100 and rests until 110."""
    one = breaker(1)
    assert one.observe(Signal.TROUBLE, 100.0)
    assert one.open_until == 110.0
    return one


def test_troubles_in_a_row_open_it_and_a_success_between_starts_the_count_again() -> None:
    """A partner that fails now and then is not down."""
    one = breaker()
    for signal in (Signal.TROUBLE, Signal.TROUBLE, Signal.ALIVE, Signal.TROUBLE, Signal.TROUBLE, Signal.SILENT):
        assert not one.observe(signal, 1.0)
    assert one.allowance(1.0, 16) == 16
    assert one.observe(Signal.TROUBLE, 1.0)
    assert (one.state, one.allowance(1.0, 16)) == (OPEN, 0)


def test_after_the_rest_one_call_tries_and_no_second_beside_it() -> None:
    """A thousand waiting calls must not fall upon a partner that may just be getting up."""
    one = opened()
    assert one.allowance(109.9, 16) == 0
    assert one.allowance(110.0, 16) == 1
    assert one.state is HALF_OPEN
    assert [one.allowance(now, 16) for now in (110.0, 111.0, 9999.0)] == [0, 0, 0]


def test_a_successful_trial_closes_it_and_forgets_the_past() -> None:
    """The next rest begins with the first length again."""
    one = opened()
    one.allowance(110.0, 1)
    one.observe(Signal.TROUBLE, 111.0)
    assert one.open_until == 111.0 + 20.0
    one.allowance(131.0, 1)
    assert one.observe(Signal.ALIVE, 132.0)
    assert (one.state, one.allowance(132.0, 16)) == (CLOSED, 16)
    one.observe(Signal.TROUBLE, 200.0)
    assert one.open_until == 210.0


def test_rests_double_up_to_the_longest() -> None:
    """10, 20, 40, then 60 for ever."""
    one = opened()
    rests = []
    now = 110.0
    for _ in range(5):
        assert one.allowance(now, 1) == 1
        one.observe(Signal.TROUBLE, now)
        rests.append(one.open_until - now)
        now = one.open_until
    assert rests == [20.0, 40.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize("signal", [Signal.SILENT, None])
def test_a_trial_that_never_left_makes_room_for_another_at_once(signal: Signal | None) -> None:
    """Otherwise a connection would stay half open for ever."""
    one = opened()
    one.allowance(110.0, 1)
    if signal is None:
        one.trial_abandoned()
    else:
        one.observe(signal, 110.5)
    assert one.state is OPEN
    assert one.allowance(110.5, 16) == 1


def test_what_needs_a_person_rests_the_longest_from_the_first_time() -> None:
    """Repeating a login with a wrong password locks the account."""
    one = breaker(5)
    assert one.observe(Signal.NEEDS_PERSON, 100.0)
    assert one.open_until == 160.0
    one.allowance(160.0, 1)
    one.observe(Signal.NEEDS_PERSON, 161.0)
    assert one.open_until == 221.0


def test_calls_that_left_before_it_opened_do_not_prolong_the_rest() -> None:
    """Sixteen calls in flight that all fail are one failure of the partner."""
    one = opened()
    for late in (101.0, 105.0, 109.0):
        assert not one.observe(Signal.TROUBLE, late)
    assert one.open_until == 110.0
    assert one.observe(Signal.ALIVE, 109.5), "and one that succeeds shows that it lives"
    assert one.allowance(109.5, 16) == 16


class BreakerMachine(RuleBasedStateMachine):
    """Any order of asking, outcomes and passing time; the model keeps only what the rules speak of."""

    @initialize(failures=st.integers(1, 4), cooldown=st.integers(1, 8), factor=st.integers(1, 10))
    def begin(self, failures: int, cooldown: int, factor: int) -> None:
        self.breaker = Breaker(failures=failures, cooldown=float(cooldown), max_cooldown=float(cooldown * factor))
        self.now = 1000.0
        self.streak = 0
        self.trial = False
        """Whether a call on trial is under way."""
        self.may_try_from: float | None = None
        """While open: from when one call may try."""

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(wanted=st.integers(1, 50))
    def ask(self, wanted: int) -> None:
        allowed = self.breaker.allowance(self.now, wanted)
        if self.may_try_from is None:
            assert allowed == wanted, "closed: everything may leave"
        elif self.trial or self.now < self.may_try_from:
            assert allowed == 0
        else:
            assert allowed == 1
            self.trial = True

    @rule()
    def call_succeeds(self) -> None:
        self.breaker.observe(Signal.ALIVE, self.now)
        self.streak, self.trial, self.may_try_from = 0, False, None

    @rule(signal=st.sampled_from([Signal.TROUBLE, Signal.NEEDS_PERSON]))
    def call_fails(self, signal: Signal) -> None:
        was_open = self.may_try_from is not None and not self.trial
        before = self.may_try_from
        changed = self.breaker.observe(signal, self.now)
        self.streak += signal is Signal.TROUBLE
        opens = signal is Signal.NEEDS_PERSON or self.trial or self.streak >= self.breaker.failures
        if was_open:
            assert not changed
            assert self.breaker.open_until == before
        elif opens:
            assert changed
            rest = self.breaker.open_until - self.now
            assert self.breaker.cooldown - 1e-6 <= rest <= self.breaker.max_cooldown + 1e-6
            if signal is Signal.NEEDS_PERSON:
                assert math.isclose(rest, self.breaker.max_cooldown)
            self.trial, self.may_try_from = False, self.breaker.open_until
        else:
            assert not changed

    @rule()
    def call_says_nothing(self) -> None:
        self.breaker.observe(Signal.SILENT, self.now)
        self.trial = False

    @precondition(lambda self: self.trial)
    @rule()
    def trial_never_leaves(self) -> None:
        self.breaker.trial_abandoned()
        self.trial = False

    @invariant()
    def its_state_is_the_models(self) -> None:
        if hasattr(self, "breaker"):
            expected = CLOSED if self.may_try_from is None else HALF_OPEN if self.trial else OPEN
            assert self.breaker.state is expected


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(stateful_step_count=30, deadline=None)


# --- the bucket ------------------------------------------------------------------------------------------------------


def test_a_bucket_starts_full_and_fills_with_time() -> None:
    """Two a second, at most four at once."""
    bucket = TokenBucket(rate=2.0, capacity=4.0)
    assert bucket.take_up_to(10, 100.0) == 4
    assert bucket.take_up_to(10, 100.4) == 0
    assert bucket.take_up_to(10, 100.5) == 1
    assert bucket.take_up_to(1, 102.5) == 1
    assert bucket.take_up_to(10, 102.5) == 3
    assert bucket.take_up_to(10, 10_000.0) == 4


def test_a_rate_below_one_a_second_adds_up_to_whole_calls() -> None:
    """One call in four seconds is a rate a partner may ask for."""
    bucket = TokenBucket(rate=0.25, capacity=1.0)
    assert [bucket.take_up_to(5, 100.0 + seconds) for seconds in range(9)] == [1, 0, 0, 0, 1, 0, 0, 0, 1]


class BucketMachine(RuleBasedStateMachine):
    """Whatever is asked and given back: never more leaves than was there, and never is any lost."""

    @initialize(rate=st.integers(0, 50), capacity=st.integers(1, 20))
    def begin(self, rate: int, capacity: int) -> None:
        self.bucket = TokenBucket(rate=rate / 4, capacity=float(capacity))
        self.now = self.start = 1000.0
        self.level = float(capacity)
        self.filled_at = self.now
        self.granted = float(capacity)
        self.taken = 0

    @rule(quarters=st.integers(0, 40))
    def time_passes(self, quarters: int) -> None:
        self.now += quarters / 4

    @rule(wanted=st.integers(0, 30))
    def take(self, wanted: int) -> None:
        taken = self.bucket.take_up_to(wanted, self.now)
        # The model is filled when it is looked at, as the bucket is; the numbers are exact in binary.
        self.level = min(self.bucket.capacity, self.level + (self.now - self.filled_at) * self.bucket.rate)
        self.filled_at = self.now
        assert taken == min(wanted, math.floor(self.level))
        self.level -= taken
        self.taken += taken

    @rule(tokens=st.integers(0, 12))
    def grant(self, tokens: int) -> None:
        self.bucket.add(tokens / 4)
        self.level = min(self.bucket.capacity, self.level + tokens / 4)
        self.granted += tokens / 4

    @precondition(lambda self: self.taken)
    @rule()
    def give_back(self) -> None:
        self.bucket.give_back(1)
        self.level = min(self.bucket.capacity, self.level + 1)
        self.taken -= 1

    @invariant()
    def no_more_leaves_than_was_granted(self) -> None:
        if hasattr(self, "bucket"):
            assert self.taken <= self.granted + (self.now - self.start) * self.bucket.rate


TestBucketMachine = BucketMachine.TestCase
TestBucketMachine.settings = settings(stateful_step_count=30, deadline=None)
