"""Layer 2: every rule fires at the look-up that completes it, and stays quiet for its honest twin."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from hub.watch.explain import Grade
from hub.watch.rules import Rule, RuleSet
from tests.hub.watch.desk import COLLEAGUE, ELSEWHERE, ME, PROTECTED, THERE, UNIT, Desk, moment, number, officer

LOUD = RuleSet(warm_up_days=0, alert_from=0.0)
"""Tells of every case, so that one rule can be seen alone."""
CODE = f"{UNIT}-260601-0001"


@pytest.fixture
def desk() -> Desk:
    """Two weeks of honest work behind everybody, so that what is usual is known."""
    desk = Desk(rules=LOUD)
    for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
        desk.work(day)
        desk.work(day, account=COLLEAGUE)
        desk.work(day, account=THERE, ip="10.20.2.5", unit=ELSEWHERE)
    assert not desk.rules()
    return desk


DAY = 14
"""The Monday after."""


def test_own_record(desk: Desk) -> None:
    """Oneself: in full when unexplained, less when a colleague's dossier explains it, not at all under one's own."""
    desk.person(number(1))
    own = desk.dossier(CODE, moment(DAY, "07:40"), number(1))
    desk.look(moment(DAY, "07:50"), number(1), own)
    assert Rule.OWN_RECORD not in desk.rules()
    desk.close(own, moment(DAY, "08:00"))
    theirs = desk.dossier(f"{UNIT}-260601-0002", moment(DAY, "08:01"), number(1), assigned=COLLEAGUE)
    desk.look(moment(DAY, "08:10"), number(1), theirs)
    partly = desk.first(Rule.OWN_RECORD)
    assert partly is not None
    desk.close(theirs, moment(DAY, "08:20"))
    desk.look(moment(DAY + 7, "08:20"), number(1), f"{UNIT}-260601-0777")
    desk.until(moment(DAY + 7, "09:30"))
    in_full = max(one.rule_score for one in desk.alerts if one.rule == Rule.OWN_RECORD)
    assert partly.rule_score < in_full


def test_own_household_and_colleague(desk: Desk) -> None:
    """Whom one lives and works with; a look-up that a dossier explains is nobody's business."""
    wife = desk.person(501, household="HK1", hamlet=3)
    explained = desk.dossier(CODE, moment(DAY, "08:00"), wife)
    desk.look(moment(DAY, "08:05"), wife, explained)
    assert not desk.rules()
    desk.close(explained, moment(DAY, "08:10"))
    other = desk.dossier(f"{UNIT}-260601-0002", moment(DAY, "08:11"), desk.person(502))
    desk.look(moment(DAY + 7, "09:00"), wife, other)
    desk.look(moment(DAY + 7, "09:10"), number(2), other)
    assert {Rule.OWN_HOUSEHOLD, Rule.COLLEAGUE} <= desk.rules()
    household, colleague = desk.first(Rule.OWN_HOUSEHOLD), desk.first(Rule.COLLEAGUE)
    assert household is not None
    assert colleague is not None
    assert (household.ts, colleague.ts) == (moment(DAY + 7, "09:00"), moment(DAY + 7, "09:10"))
    assert household.subject_ids == (wife,)


def test_neighbours() -> None:
    """People of one's own hamlet, where the unit's work does not lead; where it leads anyway they say nothing."""
    desk = Desk(rules=LOUD, officers=[officer("canbo88", 88, home_commune="Y44")])
    for day in (0, 1, 2, 3, 4):
        desk.work(day, account="canbo88")
        desk.work(day)
    here = desk.dossier(CODE, moment(7, "07:50"), desk.person(502), assigned="canbo88")
    desk.look(moment(7, "09:00"), desk.person(600, hamlet=3, commune="Y44"), here, account="canbo88")
    alert = desk.first(Rule.NEIGHBOUR)
    assert alert is not None
    assert alert.ts == moment(7, "09:00")
    common = desk.dossier(f"{UNIT}-260608-0002", moment(7, "08:00"), desk.person(503), assigned=ME)
    desk.look(moment(7, "09:30"), desk.person(601, hamlet=3), common)
    scores = {one.account_id: one.rule_score for one in desk.alerts if one.rule == Rule.NEIGHBOUR}
    assert scores.get(ME, 0.0) < scores["canbo88"]


def test_protected_person(desk: Desk) -> None:
    """On the list, and not explained; explained it is work."""
    known = desk.person(PROTECTED)
    own = desk.dossier(CODE, moment(DAY, "08:00"), known)
    desk.look(moment(DAY, "08:05"), known, own)
    assert not desk.rules()
    desk.look(moment(DAY, "08:10"), known, f"{ELSEWHERE}-260612-0001", account=COLLEAGUE)
    desk.look(moment(DAY, "08:12"), known, f"{ELSEWHERE}-260601-9999", account=THERE, unit=ELSEWHERE, ip="10.20.2.5")
    desk.until(moment(DAY, "09:30"))
    assert Rule.PROTECTED_PERSON in desk.rules()


@pytest.mark.parametrize(
    ("last", "score"),
    [
        (date(2025, 5, 1), 6.0),
        (date(2025, 10, 1), 4.5),
        (date(2026, 4, 1), None),
        (None, None),
    ],
)
def test_dormant_account(last: date | None, score: float | None) -> None:
    """Unused for more than a year, for more than 200 days, for less; and new, which is not dormant."""
    created = date(2024, 1, 1) if last else date(2026, 5, 28)
    sleeper = officer("canbo77", 77, last_lookup_before_stream=last, account_created=created)
    desk = Desk(rules=LOUD, officers=[sleeper])
    desk.work(1, account="canbo77")
    alert = desk.first(Rule.DORMANT_ACCOUNT)
    assert (alert.rule_score if alert else None) == score
    assert alert is None or alert.ts == moment(1, "08:00") + 30


def test_outside_network(desk: Desk) -> None:
    """Any address that is not the state's, at its first look-up; however the state's are written."""
    for ip in ("10.20.1.77", "::ffff:10.20.1.78", ""):
        desk.look(moment(DAY, "08:00"), number(41), ip=ip)
    assert Rule.OUTSIDE_NETWORK not in desk.rules()
    desk.look(moment(DAY, "09:00"), number(42), ip="113.160.1.2")
    alert = desk.first(Rule.OUTSIDE_NETWORK)
    assert alert is not None
    assert (alert.rule_score, alert.ts) == (6.5, moment(DAY, "09:00"))


def test_two_networks(desk: Desk) -> None:
    """Another office's network within a quarter of an hour; an hour later one may have walked over."""
    party = desk.person(700)
    code = desk.dossier(CODE, moment(DAY, "08:00"), party)
    desk.look(moment(DAY, "08:05"), party, code)
    desk.look(moment(DAY, "10:05"), party, code, ip="10.20.2.7")
    assert Rule.TWO_NETWORKS not in desk.rules()
    desk.look(moment(DAY, "10:15"), desk.person(701), code)
    alert = desk.first(Rule.TWO_NETWORKS)
    assert alert is not None
    assert [name.partition("@")[2] for name in alert.lookup_ids] == [
        f"{moment(DAY, clock):.0f}" for clock in ("10:05", "10:15")
    ]


def test_a_secondment_is_learnt(desk: Desk) -> None:
    """Who works in another office for days, named by its unit or by its network, stays quiet."""
    for day in range(DAY, DAY + 4):
        for at in range(6):
            party = desk.person(8_000 + day * 10 + at)
            code = desk.dossier(
                f"{ELSEWHERE}-2606{day}-7{at:03}", moment(day, f"09:{at * 5:02}"), party, assigned=THERE, unit=ELSEWHERE
            )
            desk.look(moment(day, f"09:{at * 5 + 2:02}"), party, code, ip="10.20.2.9")
    assert not desk.rules()


def test_all_networks_of_an_office_are_one_place() -> None:
    """Who is seconded to an office is in its place on every floor; in another office still is not."""
    third = officer("canbo77", 77, unit="H99.33")
    desk = Desk(rules=LOUD, officers=[third])
    party = desk.person(700)
    code = desk.dossier(f"{UNIT}-260601-7001", moment(0, "07:00"), party)
    for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
        desk.work(day)
        desk.work(day, account=THERE, ip=f"10.30.{day % 2}.5", unit=ELSEWHERE)
        desk.work(day, account="canbo77", ip="10.40.0.5", unit="H99.33")
        if day in {7, 8, 9}:
            desk.look(moment(day, "11:00"), party, code, ip="10.30.0.9")
    desk.look(moment(DAY, "09:00"), party, code, ip="10.30.0.9")
    desk.look(moment(DAY, "09:05"), party, code, ip="10.30.1.9")
    assert Rule.TWO_NETWORKS not in desk.rules()
    desk.look(moment(DAY, "09:10"), party, code, ip="10.40.0.9")
    assert Rule.TWO_NETWORKS in desk.rules()


def test_night_without_a_roster() -> None:
    """21:00 to 05:30, whatever explains it; on duty it is work, also after midnight."""
    on_duty = officer("canbo55", 55, duty_dates=frozenset({date(2026, 6, 3)}))
    desk = Desk(rules=LOUD, officers=[on_duty])
    party = desk.person(700)
    code = desk.dossier(CODE, moment(2, "08:00"), party, assigned="canbo55")
    desk.look(moment(2, "22:30"), party, code, account="canbo55")
    desk.look(moment(3, "02:30"), party, code, account="canbo55")
    assert Rule.NIGHT not in desk.rules()
    desk.look(moment(3, "22:30"), party, code, account="canbo55")
    alert = desk.first(Rule.NIGHT)
    assert alert is not None
    assert alert.rule_score == 3.2


def test_off_hours_count_what_is_unexplained(desk: Desk) -> None:
    """An evening's overtime on one's dossiers is work; strangers in the evening are not, at the first."""
    party = desk.person(700)
    code = desk.dossier(CODE, moment(DAY, "16:00"), party)
    desk.look(moment(DAY, "18:30"), party, code)
    assert Rule.OFF_HOURS not in desk.rules()
    desk.look(moment(DAY, "18:40"), desk.person(701))
    alert = desk.first(Rule.OFF_HOURS)
    assert alert is not None
    assert alert.ts == moment(DAY, "18:40")


def test_a_roster_lasts_until_the_morning() -> None:
    """The night that begins on a day of duty belongs to it; the evening after it does not."""
    desk = Desk(rules=LOUD, officers=[officer("canbo55", 55, duty_dates=frozenset({date(2026, 6, 15)}))])
    for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
        desk.work(day, account="canbo55")
        desk.work(day)
        desk.work(day, account=COLLEAGUE)
    desk.look(moment(DAY + 1, "01:10"), desk.person(701), account="canbo55")
    desk.until(moment(DAY + 1, "03:00"))
    assert Rule.OFF_HOURS not in desk.rules()
    desk.look(moment(DAY + 1, "20:10"), desk.person(702), account="canbo55")
    assert Rule.OFF_HOURS in desk.rules()


def test_wrong_codes(desk: Desk) -> None:
    """Invented, another unit's, or closed long ago: known when the code cannot be registered any more."""
    for at in range(3):
        desk.look(moment(DAY, f"09:{at * 10:02}"), desk.person(700 + at), f"{UNIT}-260601-99{at:02}")
    assert Rule.DOSSIER_CODE not in desk.rules()
    desk.until(moment(DAY, "11:00"))
    assert Rule.DOSSIER_CODE in desk.rules()
    alert = desk.first(Rule.DOSSIER_CODE)
    assert alert is not None
    assert alert.ts == moment(DAY, "09:45")


def test_several_people_under_one_wrong_code(desk: Desk) -> None:
    """The code is one mistake, however many were looked up under it; that nobody of them belongs there is not."""
    closed = desk.dossier(CODE, moment(DAY - 7, "08:00"), desk.person(700))
    desk.close(closed, moment(DAY - 7, "09:00"))
    for at in range(4):
        desk.look(moment(DAY, f"09:0{at}"), desk.person(710 + at), closed)
    alert = desk.first(Rule.UNRELATED_PEOPLE)
    assert alert is not None
    assert len(alert.subject_ids) > 1


def test_sequence(desk: Desk) -> None:
    """Four numbers in a row, at once; a list that a dossier explains may be as consecutive as it likes."""
    numbers = [f"0991990{at:05}" for at in range(100, 112)]
    listed = desk.dossier(CODE, moment(DAY, "08:00"), *(desk.person(one) for one in numbers[:6]))
    for at, one in enumerate(numbers[:6]):
        desk.look(moment(DAY, f"08:1{at}"), one, listed)
    assert not desk.rules()
    for at, one in enumerate(numbers[8:]):
        desk.look(moment(DAY, f"09:0{at}"), one, outcome="not_found")
    alert = desk.first(Rule.SEQUENCE)
    assert alert is not None
    assert alert.ts == moment(DAY, "09:03")


@pytest.mark.parametrize(("outcome", "rule"), [("not_found", Rule.NOT_FOUND_BURST), ("denied", Rule.DENIED_BURST)])
def test_bursts(desk: Desk, outcome: str, rule: Rule) -> None:
    """Two misses are slips; a dozen is trying."""
    code = desk.dossier(CODE, moment(DAY, "08:00"), desk.person(700))
    for at in range(2):
        desk.look(moment(DAY, f"08:1{at}"), number(10_000 + at), code, outcome=outcome)
    assert rule not in desk.rules()
    for at in range(12):
        desk.look(moment(DAY, f"09:{at:02}"), number(11_000 + at), code, outcome=outcome)
    assert rule in desk.rules()


def test_numbers_that_nobody_has_count_at_once(desk: Desk) -> None:
    """Nothing is awaited of them; where one is registered all the same, it is explained and counts no more."""
    for at in range(7):
        desk.look(moment(DAY, f"09:0{at}"), number(11_000 + at), outcome="not_found")
    assert Rule.NOT_FOUND_BURST in desk.rules()
    late = Desk(rules=LOUD)
    late.work(0)
    grade, _ = late.grade(moment(1, "09:00"), number(11_000), outcome="not_found")
    assert grade is Grade.UNEXPLAINED
    late.dossier(f"{UNIT}-260602-0001", moment(1, "09:20"), number(11_000))
    late.until(moment(1, "11:00"))
    explained = [(one.explanation.grade, one.explanation.w) for one in late.late if one.explanation is not None]
    assert explained == [(Grade.REGISTERED_AFTERWARDS, 0.0)]


@pytest.mark.parametrize(("created", "is_raised"), [(date(2025, 1, 1), True), (date(2026, 6, 12), False)])
def test_a_beginner_is_refused_more_often(created: date, is_raised: bool) -> None:  # noqa: FBT001 - a table
    """Three refusals a day are many for whoever knows the work, and few in the first two weeks; they are one rule."""
    rules = RuleSet(warm_up_days=0, alert_from=1.5)
    desk = Desk(rules=rules, officers=[officer("canbo66", 66, account_created=created)])
    for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
        desk.work(day)
    desk.work(DAY, 3, account="canbo66")
    for at in range(3):
        desk.look(moment(DAY, f"15:0{at}"), number(11_000 + at), account="canbo66", outcome="denied")
    desk.until(moment(DAY, "17:00"))
    assert (desk.first(Rule.DENIED_BURST) is not None) is is_raised
    assert Rule.NO_DOSSIER not in desk.rules()


def test_the_same_person_again(desk: Desk) -> None:
    """On a third day it is no coincidence; of two people on two days each it is said of neither."""
    code = desk.dossier(CODE, moment(DAY, "08:00"), desk.person(700))
    aim = desk.person(701)
    for day in range(3):
        desk.look(moment(DAY + day, "09:00"), aim, code)
    alert = next(one for one in reversed(desk.alerts) if one.rule == Rule.REPEATED_PERSON)
    assert alert.ts == moment(DAY + 2, "09:00")
    assert alert.subject_ids == (aim,)
    assert len(alert.lookup_ids) == 3


def test_one_person_of_whom_everybody_wants_to_know() -> None:
    """The second officer completes it, the third makes it worse."""
    desk = Desk(rules=LOUD, officers=[officer(f"canbo6{at}", 60 + at) for at in range(3)])
    code = desk.dossier(CODE, moment(0, "08:00"), desk.person(700))
    aim = desk.person(701)
    for at in range(3):
        desk.look(moment(0, f"09:0{at}"), aim, code, account=f"canbo6{at}")
    told = [one for one in desk.alerts if one.rule == Rule.SHARED_PERSON]
    assert {one.account_id for one in told} == {"canbo60", "canbo61", "canbo62"}
    assert min(one.ts for one in told) == moment(0, "09:01")


def test_sham_dossiers(desk: Desk) -> None:
    """Registered, used and closed within minutes by one officer alone, for people of no relation.

    One that is registered again for the same person was a mistake; that takes 45 minutes to know.
    """
    for at in range(120):  # how long such dossiers live
        code = desk.dossier(f"{UNIT}-260612-5{at:03}", moment(11, "13:00") + at, desk.person(4_000 + at), procedure="p")
        desk.close(code, moment(13, "13:00") + at * 60)
    for at in range(4):
        again = desk.person(5_000 + at)
        desk.dossier(
            f"{UNIT}-260615-1{at:03}", moment(DAY, f"08:{at * 10:02}"), again, procedure="p", assigned=COLLEAGUE
        )
        desk.look(moment(DAY, f"08:{at * 10 + 1:02}"), again, f"{UNIT}-260615-1{at:03}", account=COLLEAGUE)
        desk.close(f"{UNIT}-260615-1{at:03}", moment(DAY, f"08:{at * 10 + 3:02}"))
        desk.dossier(
            f"{UNIT}-260615-2{at:03}", moment(DAY, f"08:{at * 10 + 4:02}"), again, procedure="p", assigned=COLLEAGUE
        )
    desk.until(moment(DAY, "09:45"))
    assert Rule.SHAM_DOSSIER not in desk.rules()
    for at in range(4):
        aim = desk.person(6_000 + at)
        code = desk.dossier(f"{UNIT}-260615-3{at:03}", moment(DAY, f"10:{at * 10:02}"), aim, procedure="p")
        desk.look(moment(DAY, f"10:{at * 10 + 1:02}"), aim, code)
        desk.close(code, moment(DAY, f"10:{at * 10 + 6:02}"))
    assert Rule.SHAM_DOSSIER not in desk.rules()  # the first of them may still be registered again
    desk.until(moment(DAY, "11:30"))
    alert = next(one for one in reversed(desk.alerts) if one.rule == Rule.SHAM_DOSSIER)
    assert alert.account_id == ME
    assert set(alert.subject_ids) <= {number(6_000 + at) for at in range(4)}


def test_a_new_procedure_is_no_sham() -> None:
    """On the first day of enrolment what is quick is done first: that says nothing of how long its dossiers live."""
    rules = {}
    for many in (2, 60):
        desk = Desk(rules=LOUD)
        for at in range(120):
            code = desk.dossier(f"{UNIT}-260601-5{at:03}", moment(0, "08:00") + at, desk.person(4_000 + at))
            desk.close(code, moment(4, "13:00") + at * 60)
        opened = []
        for at in range(6 + many):
            who = desk.person(6_000 + at)
            code = desk.dossier(f"{UNIT}-260615-3{at:03}", moment(DAY, "08:00") + at * 60, who, procedure="enrolment")
            desk.look(moment(DAY, "08:00") + at * 60 + 20, who, code)
            opened.append(code)
        for at, code in enumerate(opened[:6]):
            desk.close(code, moment(DAY, f"09:2{at}"))
        desk.until(moment(DAY, "11:30"))
        rules[many] = Rule.SHAM_DOSSIER in desk.rules()
    assert rules == {2: True, 60: False}


def test_the_habit_of_other_systems_codes_is_learnt_from_all_of_them() -> None:
    """Also from those whose person is party of a dossier in hand, so that the next stranger's is usual."""
    desk = Desk(rules=LOUD)
    for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
        for account in (ME, COLLEAGUE):
            desk.work(day, account=account)
            for at in range(2):
                party = desk.person(70_000 + day * 10 + at + (5 if account == ME else 0))
                desk.dossier(f"{UNIT}-2606{day:02}-7{account[-1]}{at}", moment(day, "13:40"), party, assigned=account)
                desk.look(moment(day, f"14:0{at}"), party, f"000.00.0{at}.G06-{day}-1", account=account)
    grade, w = desk.grade(moment(DAY, "09:00"), desk.person(711), "000.00.07.G06-15-2")
    assert (grade, w) == (Grade.OTHER_SYSTEM_STEADY, 0.05)


def test_what_is_waited_for_falls_due_in_the_order_of_its_moments() -> None:
    """However time is sliced: look-ups that wait for a registration, and dossiers that may be registered again."""
    said = []
    for minutes in (1, 120):
        desk = Desk(rules=LOUD)
        for at in range(120):
            code = desk.dossier(f"{UNIT}-260612-5{at:03}", moment(11, "13:00") + at, desk.person(4_000 + at))
            desk.close(code, moment(13, "13:00") + at * 60)
        for at in range(4):
            aim = desk.person(6_000 + at)
            code = desk.dossier(f"{UNIT}-260615-3{at:03}", moment(DAY, f"10:{at * 10:02}"), aim)
            desk.look(moment(DAY, f"10:{at * 10 + 1:02}"), aim, code)
            desk.look(moment(DAY, f"10:{at * 10 + 2:02}"), desk.person(7_000 + at))
            desk.close(code, moment(DAY, f"10:{at * 10 + 6:02}"))
        for step in range(0, 121, minutes):
            desk.until(moment(DAY, "10:40") + step * 60)
        assert {Rule.SHAM_DOSSIER, Rule.NO_DOSSIER} <= desk.rules()
        said.append((desk.alerts, desk.engine.cases()))
    assert said[0] == said[1]


def test_unrelated_people_under_a_real_dossier(desk: Desk) -> None:
    """One stranger is a slip of the code; three under the same code are not."""
    code = desk.dossier(CODE, moment(DAY, "08:00"), desk.person(700))
    desk.look(moment(DAY, "08:01"), number(700), code)
    for at in range(3):
        desk.look(moment(DAY, f"09:0{at}"), desk.person(710 + at), code)
    alert = next(one for one in reversed(desk.alerts) if one.rule == Rule.UNRELATED_PEOPLE)
    assert alert.ts == moment(DAY, "09:02")
    assert len(alert.subject_ids) == 3


def test_look_ups_without_a_dossier(desk: Desk) -> None:
    """Break-glass that no registration follows is counted when the 45 minutes are over."""
    for at in range(4):
        desk.look(moment(DAY, f"09:0{at}"), desk.person(710 + at))
    assert Rule.NO_DOSSIER not in desk.rules()
    desk.until(moment(DAY, "10:00"))
    assert Rule.NO_DOSSIER in desk.rules()


def test_nobody_registers_dossiers_at_night() -> None:
    """On a roster, when the offices are closed, look-ups without a dossier weigh less than the same by day."""
    scores = {}
    for clock in ("14", "23"):
        on_duty = officer("canbo55", 55, duty_dates=frozenset({date(2026, 6, 15)}))
        desk = Desk(rules=LOUD, officers=[on_duty])
        for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11):
            desk.work(day)
            desk.work(day, account="canbo55")
            walk_in = desk.person(90_000 + day)
            desk.look(moment(day, "16:00"), walk_in)
            desk.dossier(f"{UNIT}-2606{day:02}-8001", moment(day, "16:20"), walk_in)
        for at in range(3):
            desk.look(moment(DAY, f"{clock}:0{at}"), desk.person(710 + at), account="canbo55")
        desk.until(moment(DAY + 1, "03:00"))
        scores[clock] = max(
            (rule.score for case in desk.engine.cases() for rule in case.rules if rule.rule == Rule.NO_DOSSIER),
            default=0.0,
        )
    assert scores["23"] < scores["14"]


def test_people_from_far_away(desk: Desk) -> None:
    """Strangers from communes that the unit has nothing to do with weigh more than strangers from its own."""
    code = desk.dossier(CODE, moment(DAY, "08:00"), desk.person(700))
    near, far = Desk(rules=LOUD), desk
    del near
    for at in range(3):
        far.look(moment(DAY, f"09:0{at}"), far.person(710 + at, commune=f"Z{at}"), code)
    assert far.rules() & {Rule.OUT_OF_AREA, Rule.UNRELATED_PEOPLE}


def test_hard_rules_cannot_be_switched_off() -> None:
    """Rules about rates may be; a hard rule in the list is refused."""
    assert RuleSet(disabled=frozenset({Rule.SPIKE})).disabled == {Rule.SPIKE}
    with pytest.raises(ValidationError, match="only rules about rates"):
        RuleSet(disabled=frozenset({Rule.NIGHT}))
    assert RuleSet.model_validate_json(LOUD.model_dump_json()) == LOUD
