"""Layers 3 and 4: counts against what is usual with the work in hand, and the arithmetic of cases."""

from __future__ import annotations

from math import comb, isclose

import pytest

from hub.watch.rates import Rate, surprise, tail
from hub.watch.records import Verdict
from hub.watch.rules import RATE_RULES, Rule, RuleSet
from hub.watch.scoring import combine
from tests.hub.watch.desk import COLLEAGUE, ME, UNIT, Desk, moment, number

LOUD = RuleSet(warm_up_days=0, alert_from=0.0)
WORKDAYS = (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)


@pytest.mark.parametrize(("count", "mean", "shape"), [(5, 2.0, 3), (12, 3.0, 2), (30, 10.0, 12), (4, 0.01, 4)])
def test_the_tail_is_that_of_the_negative_binomial(count: int, mean: float, shape: int) -> None:
    """Equal to the sum of the probabilities below, by the textbook's formula."""
    success = mean / (mean + shape)
    below = sum(comb(k + shape - 1, k) * (1 - success) ** shape * success**k for k in range(count))
    assert isclose(tail(count, mean, shape), 1 - below, rel_tol=2e-3, abs_tol=1e-12)


def test_the_tail_says_nothing_of_what_is_not_much() -> None:
    """At the mean and below it is 1; the surprise of it is 0, and never more than 1."""
    assert tail(3, 3.0, 2.0) == 1.0
    assert tail(0, 0.5, 2.0) == 1.0
    assert surprise(2, 5.0, shape=4.0, full_at=4.0) == 0.0
    assert surprise(1_000, 0.001, shape=4.0, full_at=4.0) == 1.0


def test_a_rate_forgets_and_begins_at_its_prior() -> None:
    """Nothing learnt: the prior; much learnt: the count; long ago: less."""
    rate = Rate()
    assert rate.mean(0.3, 10.0) == pytest.approx(0.3)
    rate.learn(90.0, 100.0, 0.97)
    assert rate.mean(0.3, 10.0) == pytest.approx((90 + 3) / 110)
    for _ in range(300):
        rate.learn(0.0, 0.0, 0.97)
    assert rate.mean(0.3, 10.0) == pytest.approx(0.3, rel=0.01)


def test_a_case_counts_each_rule_once_capped_the_best_first() -> None:
    """Sum of s_i / i^1.5 with the cap at 6."""
    assert combine([9.0], cap=6.0, decay=1.5) == 6.0
    assert combine([2.0, 4.0], cap=6.0, decay=1.5) == pytest.approx(4.0 + 2.0 / 2**1.5)


def busy(desk: Desk, *, with_dossiers: bool) -> None:
    """Do 60 look-ups in a morning, each for a dossier of its own or for none that is open."""
    code = desk.dossier(f"{UNIT}-260615-9999", moment(14, "07:30"), desk.person(90_000))
    for at in range(60):
        ts = moment(14, f"{8 + at // 30:02}:{at * 2 % 60:02}")
        who = desk.person(91_000 + at)
        if with_dossiers:
            desk.look(ts + 20, who, desk.dossier(f"{UNIT}-260615-8{at:03}", ts, who))
        else:
            desk.look(ts + 20, who, code)


def test_a_rush_with_its_dossiers_stays_quiet_and_one_without_does_not() -> None:
    """Ten times the usual number, explained by as many dossiers, is work; unexplained it is not."""
    loud, quiet = Desk(rules=LOUD), Desk(rules=LOUD)
    for desk in (loud, quiet):
        for day in WORKDAYS:
            desk.work(day)
            desk.work(day, account=COLLEAGUE)
    busy(quiet, with_dossiers=True)
    busy(loud, with_dossiers=False)
    assert not quiet.rules()
    assert {Rule.SPIKE, Rule.UNEXPLAINED} <= loud.rules()


def test_more_than_can_be_registered_is_seen_before_the_time_is_over() -> None:
    """Walk-ins are given 45 minutes; of sixty at one desk in an hour most cannot be registered any more."""
    seen = []
    for at_once in (10_000, 10):
        rates = LOUD.rates.model_copy(update={"awaited_at_once": at_once})
        desk = Desk(rules=LOUD.model_copy(update={"rates": rates}))
        for day in WORKDAYS:
            desk.work(day)
            for at in range(4):
                walk_in = desk.person(90_000 + day * 10 + at)
                desk.look(moment(day, f"15:{at:02}"), walk_in)
                desk.dossier(f"{UNIT}-2606{day:02}-80{at:02}", moment(day, f"15:{at:02}:30"), walk_in)
        for at in range(60):
            desk.look(moment(14, f"09:{at:02}"), desk.person(95_000 + at))
        alert = desk.first(Rule.UNEXPLAINED)
        assert alert is not None
        seen.append((alert.ts - moment(14, "09:00")) / 60)
    given_time, bounded = seen
    assert bounded < given_time
    assert bounded < 30


def test_a_little_more_every_day_is_creep() -> None:
    """Going through the dossiers of colleagues, a dozen a day: no single day stands out, together they do."""
    desk = Desk(rules=LOUD)
    for day in WORKDAYS:
        desk.work(day)
        desk.work(day, account=COLLEAGUE)
    theirs = [desk.person(92_000 + at) for at in range(20)]
    desk.dossier(f"{UNIT}-260615-7777", moment(14, "07:00"), *theirs, assigned=COLLEAGUE)
    days = (14, 15, 16, 17, 18, 21, 22, 23, 24)
    for day in days:
        desk.work(day)
        for at in range(14):
            desk.look(moment(day, f"14:{at:02}"), theirs[at])
    alert = desk.first(Rule.CREEP)
    assert alert is not None
    assert moment(days[2], "00:00") < alert.ts <= moment(days[-1], "14:14")
    assert desk.rules() <= RATE_RULES


def test_nothing_is_raised_during_the_warm_up() -> None:
    """The first 14 days teach; what is done in them is remembered all the same."""
    desk = Desk(rules=RuleSet())
    for day in (2, 3):
        desk.look(moment(day, "23:00"), number(1), ip="113.160.1.2")
    assert not desk.alerts
    assert not desk.rules()
    desk.look(moment(14, "23:00"), number(1), ip="113.160.1.2")
    assert desk.first(Rule.OUTSIDE_NETWORK) is not None


def test_a_case_lasts_seven_days_and_its_score_is_told_with_the_alert() -> None:
    """One account, seven days from the first alert; the case can be read while it grows."""
    desk = Desk(rules=LOUD)
    desk.look(moment(0, "09:00"), number(50), ip="113.160.1.2")
    desk.look(moment(6, "09:00"), number(51), ip="113.160.1.2")
    desk.look(moment(7, "09:00:01"), number(52), ip="113.160.1.2")
    keys = [one.case_key for one in desk.alerts if one.rule == Rule.OUTSIDE_NETWORK]
    assert len(set(keys)) == 2
    case = desk.engine.case(keys[0])
    assert case is not None
    assert case.score >= 6.0
    assert case.until - case.opened_at == 7 * 86_400
    assert desk.engine.case("nobody@0") is None


def test_an_account_already_in_the_queue_leaves_the_budget_to_others() -> None:
    """The first day tells the case's score; later days are told, ranked below what is new."""
    desk = Desk(rules=LOUD)
    for day in range(3):
        desk.look(moment(day, "09:00"), number(50 + day), ip="113.160.1.2")
    scores = {}
    for one in desk.alerts:
        scores.setdefault(int((one.ts - moment(0, "00:00")) // 86_400), []).append(one.score)
    assert max(scores[0]) >= 6.0
    assert all(2.0 < max(scores[day]) < 4.5 for day in (1, 2))


def test_confirmed_misuse_is_left_out_of_what_is_usual_and_honest_days_are_taken_in() -> None:
    """The days of an open case are held back; a verdict of normal teaches them, one of violation drops them."""
    states = {}
    for verdict in (Verdict.VIOLATION, Verdict.NORMAL):
        desk = Desk(rules=LOUD)
        for day in WORKDAYS:
            desk.work(day)
        desk.look(moment(14, "07:45"), number(50), ip="113.160.1.2")
        busy(desk, with_dossiers=False)
        desk.until(moment(15, "00:10"))
        before = desk.engine._accounts[ME].unexplained.count
        desk.engine.verdict(desk.alerts[0].case_key, verdict)
        states[verdict] = desk.engine._accounts[ME].unexplained.count - before
        assert desk.engine.track_record(Rule.OUTSIDE_NETWORK) == {verdict: 1}
    assert states[Verdict.VIOLATION] == 0.0
    assert states[Verdict.NORMAL] > 0.0


def test_memory_is_bounded_by_forgetting() -> None:
    """Closed dossiers, the people of none that is left, and old cases go; what is open stays."""
    desk = Desk(rules=LOUD)
    old = desk.dossier(f"{UNIT}-260601-0001", moment(0, "08:00"), desk.person(1_001))
    desk.look(moment(0, "08:01"), number(1_001), old)
    desk.close(old, moment(1, "08:00"))
    kept = desk.dossier(f"{UNIT}-260601-0002", moment(1, "08:00"), desk.person(1_002))
    desk.look(moment(1, "08:01"), number(1_002), kept)
    desk.look(moment(1, "08:02"), number(7_777), ip="113.160.1.2")
    desk.until(moment(40, "08:00"))
    desk.engine.forget(moment(39, "08:00"))
    register = desk.engine._register
    assert set(register.dossiers) == {kept}
    assert set(register.subjects) == {number(1_002)}
    assert not desk.engine.cases()
