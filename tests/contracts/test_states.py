"""The ten national states, the moves between them, and the four reasons of a pause."""

from __future__ import annotations

import itertools

import pytest

from contracts.states import (
    PAUSE_REASONS_BY_STATE,
    TRANSITIONS,
    DossierState,
    PauseReason,
    may_follow,
)

WORDS = {
    1: "Mới đăng ký",
    2: "Được tiếp nhận",
    3: "Không được tiếp nhận",
    4: "Đang xử lý",
    5: "Yêu cầu bổ sung giấy tờ",
    6: "Yêu cầu thực hiện nghĩa vụ tài chính",
    7: "Công dân yêu cầu rút hồ sơ",
    8: "Dừng xử lý",
    9: "Đã xử lý xong",
    10: "Đã trả kết quả",
}
"""The national list, character by character."""

MOVES = """
      1  2  3  4  5  6  7  8  9 10
 1    .  x  x  .  x  x  x  x  .  .   VP 15.2a: within 8 hours accepted, refused or asked for papers; VP 17.2b: the fee
 2    .  x  .  x  x  x  x  x  x  .   VP 16: in work; simple dossiers are finished in one go
 3    .  .  .  .  .  .  .  .  .  .   VP 15: a refusal is the end; the citizen files anew
 4    .  .  .  x  x  x  x  x  x  .   VP 16.3, 17.2: each step of work, a supplement, the land-finance duty
 5    .  x  x  x  .  .  x  x  .  .   VP 16.3: the papers are there, or they never come
 6    .  x  x  x  .  x  x  x  x  .   VP 17.2b: paid, or refused after 10 working days
 7    .  .  .  .  .  .  .  .  .  .   VP 17.1: withdrawn is the end
 8    .  .  .  .  .  .  .  .  .  .   VP 20: stopped is the end
 9    .  .  .  .  .  .  .  .  x  x   VP 19: the result is confirmed, then returned
10    .  .  .  .  .  .  .  .  .  .   VP 19: returned is the end
"""
"""Row: from; column: to. Nothing leads back, except out of 5 and 6 when the papers or the money are there."""


def moves() -> dict[tuple[int, int], bool]:
    """Read the table above."""
    rows = [line.split()[:11] for line in MOVES.strip().splitlines()[1:]]
    return {(int(row[0]), column): mark == "x" for row in rows for column, mark in enumerate(row[1:], start=1)}


@pytest.mark.parametrize(
    "pair", list(itertools.product(DossierState, DossierState)), ids=lambda p: f"{p[0].number}-{p[1].number}"
)
def test_every_one_of_the_hundred_moves_is_as_the_regulation_says(pair: tuple[DossierState, DossierState]) -> None:
    """The whole table, not a sample: a move the score punishes must not slip in."""
    before, after = pair
    assert may_follow(before, after) is moves()[before.number, after.number]


def test_the_numbers_and_the_words_are_those_of_the_national_list() -> None:
    """Partners compare both, so neither may drift."""
    assert {state.number: state.vietnamese for state in DossierState} == WORDS


def test_the_final_states_are_those_from_which_nothing_leads_on() -> None:
    """Refused, withdrawn, stopped and returned dossiers are over."""
    assert {state.number for state in DossierState if state.is_final} == {3, 7, 8, 10}


def test_every_state_has_its_row_and_can_be_reached() -> None:
    """The table is total, and no state is dead."""
    assert set(TRANSITIONS) == set(DossierState)
    assert set(moves()) == set(itertools.product(range(1, 11), repeat=2))
    reached = {DossierState.NEWLY_REGISTERED}
    while more := {after for before in reached for after in TRANSITIONS[before]} - reached:
        reached |= more
    assert reached == set(DossierState)


def test_there_are_four_reasons_for_a_pause_and_each_stands_in_one_state() -> None:
    """VP 17.2 and VP 16.3 allow no fifth; state 5 is never a pause, because it would count as a supplement."""
    assert {reason.value: reason.vietnamese for reason in PauseReason} == {
        "land_finance_duty": "Thực hiện nghĩa vụ tài chính về đất đai",
        "fee_payment": "Nộp phí, lệ phí",
        "amendment": "Sửa đổi hồ sơ đã hợp lệ",
        "higher_authority": "Xin ý kiến cấp có thẩm quyền",
    }
    placed = [reason for reasons in PAUSE_REASONS_BY_STATE.values() for reason in reasons]
    assert sorted(placed) == sorted(PauseReason)
    assert {state.number: set(reasons) for state, reasons in PAUSE_REASONS_BY_STATE.items()} == {
        6: {PauseReason.LAND_FINANCE_DUTY, PauseReason.FEE_PAYMENT},
        4: {PauseReason.AMENDMENT, PauseReason.HIGHER_AUTHORITY},
    }
