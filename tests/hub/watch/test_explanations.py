"""Layer 1: each look-up gets the best explanation that is known at its moment, and what it leaves unexplained."""

from __future__ import annotations

import pytest

from hub.watch.explain import Grade, is_slip
from tests.hub.watch.desk import COLLEAGUE, ELSEWHERE, ME, THERE, UNIT, Desk, moment, number

CODE = f"{UNIT}-260601-0001"


@pytest.fixture
def desk() -> Desk:
    """One open dossier of `ME` with one party (1001), whose household and address are known."""
    desk = Desk()
    party = desk.person(1001, household="HK1001", hamlet=5)
    desk.dossier(CODE, moment(0, "08:00"), party)
    desk.look(moment(0, "08:01"), party, CODE)
    return desk


def test_a_party_of_the_officers_own_dossier_is_explained(desk: Desk) -> None:
    """Nothing stays unexplained, and the dossier is the evidence."""
    explanation = desk.look(moment(0, "09:00"), number(1001), CODE).explanation
    assert explanation is not None
    assert (explanation.grade, explanation.w, explanation.evidence) == (Grade.PARTY_ASSIGNED, 0.0, {"dossier": CODE})


def test_a_colleague_of_the_unit_stands_in(desk: Desk) -> None:
    """The dossier is assigned to somebody of the same unit."""
    assert desk.grade(moment(0, "09:00"), number(1001), CODE, account=COLLEAGUE) == (Grade.STAND_IN, 0.10)


def test_another_units_dossier_explains_half(desk: Desk) -> None:
    """A real party under another unit's dossier is neither work nor nothing; a stranger under it is nothing."""
    assert desk.grade(moment(0, "09:00"), number(1001), CODE, account=THERE, unit=ELSEWHERE, ip="10.20.2.5") == (
        Grade.OTHER_UNIT_PARTY,
        0.5,
    )
    assert desk.grade(moment(0, "09:05"), number(77), CODE, account=THERE, unit=ELSEWHERE, ip="10.20.2.5") == (
        Grade.UNEXPLAINED,
        1.0,
    )


def test_somebody_who_lives_with_a_party_is_nearly_explained(desk: Desk) -> None:
    """The population database has answered for both, and the household is the same."""
    relative = desk.person(1002, household="HK1001")
    assert desk.grade(moment(0, "09:00"), relative, CODE) == (Grade.HOUSEHOLD, 0.10)


def test_the_family_is_explained_when_the_party_is_looked_up_after_it() -> None:
    """What was not known at the look-up of the relative is known at that of the party: decided late."""
    desk = Desk()
    party, relative = desk.person(1, household="HK1"), desk.person(2, household="HK1")
    desk.dossier(CODE, moment(0, "08:00"), party)
    assert desk.grade(moment(0, "08:10"), relative, CODE)[1] >= 0.5
    desk.look(moment(0, "08:12"), party, CODE)
    desk.until(moment(0, "08:13"))
    late = [one.explanation for one in desk.late if one.explanation is not None]
    assert [(one.grade, one.w, one.decided_late) for one in late] == [(Grade.HOUSEHOLD, 0.10, True)]


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("099199000123", "099199000124", True),
        ("099199000123", "099199000132", True),
        ("099199000123", "099199000123", False),
        ("099199000123", "099199000145", False),
        ("099199000123", "09919900012", False),
    ],
)
def test_a_slip_is_one_digit_or_one_swap(right: str, wrong: str, *, expected: bool) -> None:
    """Nothing more: two strangers' numbers may differ by two digits."""
    assert is_slip(right, wrong) is expected


def test_a_mistyped_party_is_nearly_explained(desk: Desk) -> None:
    """One digit wrong, whether anybody has that number or not."""
    wrong = number(1001)[:-1] + ("1" if number(1001)[-1] != "1" else "2")
    assert desk.grade(moment(0, "09:00"), wrong, CODE, outcome="not_found") == (Grade.TYPING_SLIP, 0.03)


def test_a_number_corrected_within_a_minute_is_explained_late(desk: Desk) -> None:
    """Nobody was found, and within the minute the party was: the first was the same errand. After it, it was not."""
    desk.look(moment(0, "09:00"), "099100000000", CODE, outcome="not_found")
    desk.look(moment(0, "09:00:40"), number(1001), CODE)
    desk.look(moment(0, "10:00"), "099100000001", CODE, outcome="not_found")
    desk.look(moment(0, "10:02"), number(1001), CODE)
    desk.until(moment(0, "10:03"))
    late = [one.explanation.grade for one in desk.late if one.explanation is not None]
    assert late == [Grade.CORRECTED]


def test_a_party_of_another_open_dossier_counts_by_whose_it_is(desk: Desk) -> None:
    """Of the officer's own, or of the unit's; with no dossier given or a wrong one."""
    assert desk.grade(moment(0, "09:00"), number(1001)) == (Grade.OWN_OTHER_DOSSIER, 0.10)
    assert desk.grade(moment(0, "09:01"), number(1001), account=COLLEAGUE) == (Grade.UNIT_OTHER_DOSSIER, 0.25)


def test_a_registration_within_45_minutes_explains_late(desk: Desk) -> None:
    """Looked up first, registered after: nothing stays unexplained, and nothing is raised."""
    walk_in = desk.person(55)
    assert desk.grade(moment(0, "09:00"), walk_in) == (Grade.AWAITING_REGISTRATION, 1.0)
    desk.dossier(f"{UNIT}-260601-0002", moment(0, "09:44"), walk_in)
    desk.until(moment(0, "11:00"))
    late = [one.explanation for one in desk.late if one.explanation is not None]
    assert [(one.grade, one.w, one.decided_late) for one in late] == [(Grade.REGISTERED_AFTERWARDS, 0.0, True)]


def test_a_registration_too_late_or_elsewhere_explains_nothing(desk: Desk) -> None:
    """After 45 minutes it is decided; another unit's dossier was never awaited."""
    walk_in = desk.person(55)
    desk.look(moment(0, "09:00"), walk_in)
    desk.dossier(f"{ELSEWHERE}-260601-0002", moment(0, "09:10"), walk_in, assigned=THERE, unit=ELSEWHERE)
    desk.until(moment(0, "09:46"))
    desk.dossier(f"{UNIT}-260601-0003", moment(0, "09:50"), walk_in)
    desk.until(moment(0, "11:00"))
    late = [one.explanation for one in desk.late if one.explanation is not None]
    assert [(one.grade, one.w, one.decided_late) for one in late] == [(Grade.UNEXPLAINED, 1.0, True)]


def test_a_dossier_explains_a_little_less_for_four_days_after_its_end(desk: Desk) -> None:
    """Then its code is worth half for a party, and nothing for anybody else."""
    desk.close(CODE, moment(0, "16:00"))
    assert desk.grade(moment(2, "09:00"), number(1001), CODE) == (Grade.PARTY_ASSIGNED, 0.15)
    assert desk.grade(moment(5, "09:00"), number(1001), CODE) == (Grade.CLOSED_PARTY, 0.5)
    assert desk.grade(moment(5, "09:10"), number(66), CODE)[1] == 1.0


def test_neighbours_are_half_explained_in_a_land_dossier_only(desk: Desk) -> None:
    """By the name of the procedure; the next hamlet counts, one further away does not."""
    party = desk.person(300, hamlet=4)
    land = desk.dossier(f"{UNIT}-260601-0009", moment(0, "08:30"), party, procedure="dat_dai.cap_doi")
    desk.look(moment(0, "08:31"), party, land)
    assert desk.grade(moment(0, "09:00"), desk.person(301, hamlet=5), land) == (Grade.NEIGHBOURING_HAMLET, 0.5)
    assert desk.grade(moment(0, "09:01"), desk.person(302, hamlet=6), land) == (Grade.UNEXPLAINED, 1.0)
    assert desk.grade(moment(0, "09:02"), desk.person(303, hamlet=5), CODE) == (Grade.UNEXPLAINED, 1.0)


def test_a_land_procedure_without_a_telling_name_is_known_by_its_habit() -> None:
    """Several officers look up neighbours of its parties, and hardly anybody else: that is the work."""
    desk = Desk()
    for at in range(10):
        account = f"canbo{at % 5:02}"
        party = desk.person(2_000 + at, hamlet=4)
        code = desk.dossier(
            f"{UNIT}-260601-1{at:03}", moment(0, f"08:{at:02}"), party, procedure="1.012781", assigned=account
        )
        desk.look(moment(0, f"09:{at:02}"), party, code, account=account)
        neighbour = desk.person(3_000 + at, hamlet=5)
        grade, _ = desk.grade(moment(0, f"10:{at:02}"), neighbour, code, account=account)
    assert grade is Grade.NEIGHBOURING_HAMLET


def test_codes_of_another_system_count_by_the_units_habit() -> None:
    """A unit that has used them for days is trusted, one that never did is not."""
    desk = Desk()
    assert desk.grade(moment(0, "08:30"), number(1), "BHXH.99.2606.000001") == (Grade.OTHER_SYSTEM, 0.5)
    for day in range(1, 6):
        desk.work(day)
        desk.look(moment(day, "14:00"), number(day), "BHXH.99.2606.000002")
    desk.work(7)
    assert desk.grade(moment(7, "14:00"), number(50), "BHXH.99.2606.000003") == (Grade.OTHER_SYSTEM_STEADY, 0.05)


def test_evidence_never_holds_a_number(desk: Desk) -> None:
    """Evidence is stored in clear and shown: dossier codes and days only; records show no number when printed."""
    judged = desk.look(moment(0, "09:00"), number(1001), CODE)
    assert judged.explanation is not None
    assert number(1001) not in repr(judged)
    assert number(1001) not in str(dict(judged.explanation.evidence))
    assert ME in repr(judged.explanation)


def test_two_parties_with_numbers_alike_are_no_slip_of_each_other(desk: Desk) -> None:
    """Both are awaited, both are in the dossier that comes: each is explained by it."""
    one, other = (desk.person(who) for who in ("099199000810", "099199000811"))
    desk.look(moment(0, "09:00"), other)
    desk.look(moment(0, "09:00:20"), one)
    desk.dossier(f"{UNIT}-260601-0002", moment(0, "09:10"), one, other)
    desk.until(moment(0, "11:00"))
    late = [one.explanation for one in desk.late if one.explanation is not None]
    assert [(one.grade, one.w) for one in late] == [(Grade.REGISTERED_AFTERWARDS, 0.0)] * 2
