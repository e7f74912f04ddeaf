"""How a dossier grows: dates, late entries, pauses, supplements, fees and endings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.dossier import Dossier, Procedure
from contracts.events import StepEntry
from contracts.history import is_late, redeclare
from contracts.rules import DossierRules
from contracts.states import PAUSE_REASONS_BY_STATE, TRANSITIONS, DossierState, PauseReason
from tests.contracts.histories import (
    CHIEF,
    FINAL,
    NOW,
    OFFICER,
    RULES,
    S,
    at,
    cancellation,
    extension,
    facts,
    fee,
    grow,
    into,
    new,
    receipt,
    refused,
    request,
    result,
    step,
    withdrawal,
)

# --- dates -----------------------------------------------------------------------------------------------------


def test_a_clock_a_little_ahead_is_tolerated() -> None:
    """Clocks of other machines differ by minutes; exactly the tolerance is still allowed."""
    moment = NOW + RULES.clock_skew
    assert new(submitted_at=moment).facts.submitted_at == moment
    ahead = StepEntry(state=S.ACCEPTED, handler=OFFICER, content="Tiếp nhận", occurred_at=moment)
    assert new(ahead).steps[0].occurred_at == moment


def test_a_cancellation_may_be_dated_before_the_submission() -> None:
    """Test data has any dates; it must be possible to strike it."""
    dossier = new(cancellation(-5))
    assert dossier.state is S.PROCESSING_STOPPED
    assert dossier.cancellation is not None


# --- late entries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "late"), [(23.9, False), (24, False), (24.1, True)])
def test_an_event_is_marked_late_when_entered_more_than_a_day_after(hours: float, *, late: bool) -> None:
    """LĐ 19.2: what was written on paper during an outage is accepted and marked."""
    rules = DossierRules()
    event = StepEntry(state=S.ACCEPTED, handler=OFFICER, content="Tiếp nhận", occurred_at=NOW - timedelta(hours=hours))
    assert is_late(event, NOW, rules) is late
    dossier = new(event, rules=rules)
    assert dossier.steps[0].late_entry is late
    assert dossier.steps[0].recorded_at == NOW


def test_a_late_entry_takes_its_place_in_time_and_leaves_the_present_alone() -> None:
    """The state is that of the newest happening, not of the newest entry."""
    before = new(step(S.ACCEPTED, 1, due_at=at(100)), step(S.PROCESSING_FINISHED, 10), rules=DossierRules())
    after = grow(before, step(S.IN_PROCESS, 5), rules=DossierRules())
    assert after.state is before.state is S.PROCESSING_FINISHED
    assert (after.due_at, after.finished_at, after.received_at) == (before.due_at, before.finished_at, at(1))
    assert [one.occurred_at for one in after.steps] == [at(1), at(10), at(5)], "steps keep the order of acceptance"
    assert [one.sequence for one in after.steps] == [1, 2, 3]
    assert after.steps[-1].late_entry
    assert after.revision == before.revision + 1


def test_a_late_entry_is_checked_against_what_came_before_and_after_it() -> None:
    """The whole chain must be lawful, not only the move from the present state."""
    dossier = new(step(S.ACCEPTED, 1), step(S.PROCESSING_FINISHED, 10))
    assert refused(lambda: grow(dossier, step(S.IN_PROCESS, 11))).code == "transition_not_allowed"
    assert refused(lambda: grow(dossier, step(S.NOT_ACCEPTED, 5))).code == "transition_not_allowed"
    assert refused(lambda: grow(dossier, request(5))).code == "transition_not_allowed"
    assert grow(dossier, step(S.IN_PROCESS, 5)).state is S.PROCESSING_FINISHED


def test_work_done_before_the_papers_were_asked_for_may_be_entered_while_they_are_owed() -> None:
    """An open supplement stands in the way of going on, not of writing down what was done before it (LĐ 19.2)."""
    dossier = new(step(S.ACCEPTED, 1), request(10))
    entered = grow(dossier, step(S.IN_PROCESS, 5))
    assert entered.state is S.SUPPLEMENT_REQUESTED
    assert refused(lambda: grow(dossier, step(S.IN_PROCESS, 10))).code == "supplement_open"


def test_of_two_entries_of_one_second_the_first_entered_happened_first() -> None:
    """Times are precise to the second, so equal ones are ordinary."""
    dossier = new(step(S.ACCEPTED, 1), step(S.IN_PROCESS, 1), step(S.PROCESSING_FINISHED, 1))
    assert dossier.state is S.PROCESSING_FINISHED
    assert refused(lambda: grow(dossier, step(S.IN_PROCESS, 1))).code == "transition_not_allowed"


def test_a_late_pause_ends_with_the_step_that_followed_it() -> None:
    """Pauses are derived from the order of happening."""
    dossier = new(step(S.ACCEPTED, 1), step(S.PROCESSING_FINISHED, 10))
    paused = grow(dossier, step(S.IN_PROCESS, 5, pause=PauseReason.HIGHER_AUTHORITY))
    assert [(one.since, one.until) for one in paused.pauses] == [(at(5), at(10))]
    assert paused.current_pause is None


# --- pauses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [state for state in DossierState if state not in {S.SUPPLEMENT_REQUESTED, S.WITHDRAWN_BY_CITIZEN}]
)
@pytest.mark.parametrize("reason", PauseReason)
def test_a_pause_is_lawful_in_its_state_only(state: DossierState, reason: PauseReason) -> None:
    """VP 17.2 knows four reasons; each stands in one state, reached by a plain step."""
    dossier = into(S.ACCEPTED)
    entry = step(state, 3, pause=reason)
    if reason in PAUSE_REASONS_BY_STATE.get(state, ()):
        paused = grow(dossier, entry)
        assert paused.current_pause is not None
        assert (paused.current_pause.reason, paused.current_pause.since) == (reason, at(3))
    else:
        assert refused(lambda: grow(dossier, entry)).code == "pause_reason_not_lawful"


def test_there_are_four_lawful_reasons_and_each_can_be_used() -> None:
    """A fifth reason would be unlawful, a reason without a state useless."""
    assert len(PauseReason) == 4
    assert frozenset().union(*PAUSE_REASONS_BY_STATE.values()) == frozenset(PauseReason)


def test_a_pause_ends_with_the_next_step_and_a_pause_may_follow_a_pause() -> None:
    """Each stretch has its own reason and its own end."""
    dossier = new(
        step(S.ACCEPTED, 1),
        step(S.FINANCIAL_OBLIGATION_REQUESTED, 2),
        step(S.IN_PROCESS, 4, pause=PauseReason.AMENDMENT),
        step(S.IN_PROCESS, 5),
        step(S.IN_PROCESS, 7, pause=PauseReason.HIGHER_AUTHORITY),
    )
    assert [(one.reason, one.since, one.until) for one in dossier.pauses] == [
        (PauseReason.FEE_PAYMENT, at(2), at(4)),
        (PauseReason.AMENDMENT, at(4), at(5)),
        (PauseReason.HIGHER_AUTHORITY, at(7), None),
    ]
    assert dossier.current_pause == dossier.pauses[-1]
    finished = grow(dossier, step(S.PROCESSING_FINISHED, 9))
    assert finished.pauses[-1].until == at(9)
    assert finished.current_pause is None


def test_a_new_declaration_does_not_end_a_pause() -> None:
    """Only a step moves the clock."""
    dossier = new(step(S.ACCEPTED, 1), step(S.FINANCIAL_OBLIGATION_REQUESTED, 2))
    again = redeclare(dossier, facts(summary="Đã sửa"), recorded_at=NOW, rules=RULES)
    assert again.current_pause == dossier.current_pause is not None


# --- extension, supplement, fees ---------------------------------------------------------------------------------


def test_an_extension_moves_the_deadline_once_and_keeps_the_old_one() -> None:
    """VP 16.4: one new date, with an apology letter."""
    dossier = new(step(S.ACCEPTED, 1, due_at=at(100)), step(S.IN_PROCESS, 3, extension=extension(120)))
    assert dossier.due_at == at(120)
    assert dossier.extension is not None
    assert (dossier.extension.previous_due_at, dossier.extension.announced_at) == (at(100), at(3))
    assert dossier.extension.apology_letter == "TXL01"


def test_the_deadline_of_the_declaration_can_be_extended_too() -> None:
    """A dossier declared as received carries its deadline in the declaration."""
    dossier = new(step(S.IN_PROCESS, 3, extension=extension(120)), received_at=at(1), due_at=at(100))
    assert dossier.due_at == at(120)


@pytest.mark.parametrize(("allowed", "refusal"), [(0, "second_extension"), (1, None)])
def test_a_province_may_forbid_extensions(allowed: int, refusal: str | None) -> None:
    """The number is a rule of the province."""
    rules = DossierRules(max_extensions=allowed)
    accepted = new(step(S.ACCEPTED, 1, due_at=at(100)), rules=rules)
    entry = step(S.IN_PROCESS, 3, extension=extension(120))
    if refusal is None:
        assert grow(accepted, entry, rules=rules).extension is not None
    else:
        assert refused(lambda: grow(accepted, entry, rules=rules)).code == refusal


def test_no_rule_allows_more_extensions_than_the_dossier_can_show() -> None:
    """The dossier holds one extension; a second would silently replace the first."""
    rules = DossierRules(max_extensions=10)
    dossier = new(step(S.ACCEPTED, 1, due_at=at(100)), step(S.IN_PROCESS, 3, extension=extension(120)), rules=rules)
    broken = refused(lambda: grow(dossier, step(S.IN_PROCESS, 4, extension=extension(140)), rules=rules))
    assert broken.code == "second_extension"


def test_a_supplement_is_opened_and_answered_and_the_deadline_starts_again() -> None:
    """VP 16.3: the papers come in, the dossier is accepted anew with a new date."""
    asked = new(step(S.ACCEPTED, 1, due_at=at(100)), request(2))
    assert asked.state is S.SUPPLEMENT_REQUESTED
    assert asked.open_supplement is not None
    assert asked.open_supplement.previous_due_at == at(100)
    came = grow(asked, receipt(30, due=130, note="Đã đủ"))
    assert came.state is S.ACCEPTED
    assert came.open_supplement is None
    assert came.due_at == at(130)
    (supplement,) = came.supplements
    assert (supplement.received_at, supplement.received_by, supplement.new_due_at) == (at(30), OFFICER, at(130))
    assert supplement.received_note == "Đã đủ"
    assert [one.state for one in came.steps] == [S.ACCEPTED, S.SUPPLEMENT_REQUESTED, S.ACCEPTED]
    assert came.steps[-1].content == "Đã đủ"
    assert came.received_at == at(1), "the first reception stays"


@pytest.mark.parametrize("note", ["", "   "])
def test_the_step_of_a_receipt_without_a_note_says_what_happened(note: str) -> None:
    """A step needs visible words; a blank note is no words."""
    came = new(request(2), receipt(3, note=note))
    assert came.steps[-1].content == "Tiếp nhận giấy tờ bổ sung"
    assert Dossier.model_validate_json(came.model_dump_json()) == came


def test_papers_that_never_come_end_the_dossier() -> None:
    """While papers are owed the dossier may be refused, stopped or withdrawn."""
    owed = into(S.SUPPLEMENT_REQUESTED)
    assert grow(owed, step(S.NOT_ACCEPTED, 9)).refused_at == at(9)
    assert grow(owed, step(S.PROCESSING_STOPPED, 9)).state is S.PROCESSING_STOPPED
    assert grow(owed, withdrawal(9)).state is S.WITHDRAWN_BY_CITIZEN


@pytest.mark.parametrize("allowed", [0, 1, 2, 3])
def test_as_many_supplements_as_the_province_allows_and_no_more(allowed: int) -> None:
    """The number is a rule of the province; the national score counts a second one as overdue."""
    rules = DossierRules(max_supplements=allowed)
    dossier = new(step(S.ACCEPTED, 1), rules=rules)
    for number in range(allowed):
        hours = 2 + 2 * number
        dossier = grow(dossier, request(hours, f"BS{number}"), receipt(hours + 1, key=f"BS{number}"), rules=rules)
    assert len(dossier.supplements) == allowed
    assert refused(lambda: grow(dossier, request(50, "BS99"), rules=rules)).code == "second_supplement"


FINISHED = (step(S.ACCEPTED, 1), step(S.PROCESSING_FINISHED, 2))


def test_a_result_is_returned_when_the_fees_are_paid() -> None:
    """VP 19; a fee of nothing owes nothing, and a later declaration brings the payment."""
    owing = new(*FINISHED, fees=(fee("LP01"), fee("LP02", 0)))
    assert refused(lambda: grow(owing, step(S.RESULT_RETURNED, 3))).code == "fee_duty_open"
    paid = redeclare(owing, facts(fees=(fee("LP01", paid=True), fee("LP02", 0))), recorded_at=NOW, rules=RULES)
    assert grow(paid, step(S.RESULT_RETURNED, 3)).returned_at == at(3)


def test_a_province_may_return_results_before_the_fees() -> None:
    """The rule can be switched off."""
    rules = DossierRules(fees_before_result=False)
    assert new(*FINISHED, step(S.RESULT_RETURNED, 3), rules=rules, fees=(fee(),)).state is S.RESULT_RETURNED


def test_a_fee_asked_for_with_a_supplement_is_owed_until_its_payment_is_declared() -> None:
    """A supplement's fee has no call of its own to be paid: the declaration says that it was."""
    owing = new(step(S.ACCEPTED, 1), request(2, fees=(fee("BS-LP"),)), receipt(3), step(S.PROCESSING_FINISHED, 4))
    assert refused(lambda: grow(owing, step(S.RESULT_RETURNED, 5))).code == "fee_duty_open"
    other = redeclare(owing, facts(fees=(fee("LP01", paid=True),)), recorded_at=NOW, rules=RULES)
    assert refused(lambda: grow(other, step(S.RESULT_RETURNED, 5))).code == "fee_duty_open"
    paid = redeclare(owing, facts(fees=(fee("BS-LP", paid=True),)), recorded_at=NOW, rules=RULES)
    assert grow(paid, step(S.RESULT_RETURNED, 5)).state is S.RESULT_RETURNED


# --- endings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", DossierState)
def test_a_dossier_is_cancelled_from_any_state(state: DossierState) -> None:
    """VP 20: out of the statistics whatever it had reached; only what had not ended yet gets a last step."""
    before = into(state)
    struck = grow(before, cancellation(20))
    assert struck.state is S.PROCESSING_STOPPED
    assert struck.cancellation is not None
    assert (struck.cancellation.requested_by, struck.cancellation.approved_by) == (OFFICER, CHIEF)
    assert struck.revision == before.revision + 1
    assert struck.current_pause is None
    assert (struck.finished_at, struck.returned_at) == (before.finished_at, before.returned_at), (
        "it is kept for look-up"
    )
    if state.is_final:
        assert struck.steps == before.steps, "nothing follows a final state"
    else:
        assert struck.steps[:-1] == before.steps
        assert struck.steps[-1].state is S.PROCESSING_STOPPED
        assert (struck.steps[-1].handler, struck.steps[-1].content) == (CHIEF, "Nhập trùng")


def test_a_cancellation_entered_with_an_earlier_date_still_ends_the_dossier() -> None:
    """What is struck is struck, whatever is dated after it."""
    struck = grow(into(S.IN_PROCESS), cancellation(1.5))
    assert struck.state is S.PROCESSING_STOPPED


@pytest.mark.parametrize("state", [state for state in DossierState if S.WITHDRAWN_BY_CITIZEN in TRANSITIONS[state]])
def test_the_applicant_may_withdraw_until_the_end(state: DossierState) -> None:
    """VP 17.1; reason and confirmation are kept."""
    dossier = grow(into(state), withdrawal(20))
    assert dossier.state is S.WITHDRAWN_BY_CITIZEN
    assert dossier.withdrawal is not None
    assert dossier.withdrawal.confirmed_at == at(20)
    assert dossier.steps[-1].content == dossier.withdrawal.reason


@pytest.mark.parametrize("state", FINAL)
def test_nothing_but_a_cancellation_follows_a_final_state(state: DossierState) -> None:
    """The four ends are ends; results may still be recorded, because they are no move."""
    dossier = into(state)
    for event in (step(S.IN_PROCESS, 20), request(20, "BS99"), withdrawal(20)):
        assert refused(lambda event=event: grow(dossier, event)).conflict
    assert grow(dossier, result(20)).state is state


def test_a_result_is_kept_and_moves_nothing() -> None:
    """A result paper is a fact beside the steps."""
    before = into(S.PROCESSING_FINISHED)
    after = grow(before, result(5), result(6, "KQ02"))
    assert [one.id for one in after.results] == ["KQ01", "KQ02"]
    assert after.results[0].issued_at == at(5)
    assert (after.state, after.steps, after.revision) == (before.state, before.steps, before.revision + 2)


# --- declaring again -----------------------------------------------------------------------------------------------


def test_a_later_declaration_replaces_the_facts_and_keeps_what_happened() -> None:
    """Everything that happened stays; the same procedure under another suffix is the same procedure."""
    before = new(step(S.ACCEPTED, 1), result(2))
    procedure = Procedure(code="1.000001", name="Tên mới", field_code="LV01", field_name="Lĩnh vực")
    after = redeclare(before, facts(procedure=procedure, note="Mới"), recorded_at=NOW, rules=RULES)
    assert after.facts.note == "Mới"
    assert (after.steps, after.results, after.state) == (before.steps, before.results, before.state)
    assert after.revision == before.revision + 1


def test_a_reception_may_be_declared_later_and_corrected() -> None:
    """The declaration may bring the reception after the fact, and mend its time."""
    declared = redeclare(new(), facts(received_at=at(1)), recorded_at=NOW, rules=RULES)
    assert (declared.state, declared.received_at) == (S.ACCEPTED, at(1))
    mended = redeclare(declared, facts(received_at=at(2)), recorded_at=NOW, rules=RULES)
    assert mended.received_at == at(2)


@pytest.mark.parametrize("state", FINAL)
def test_the_facts_of_an_ended_dossier_can_still_be_corrected(state: DossierState) -> None:
    """A missing digitisation flag found after the end must reach the portal."""
    after = redeclare(into(state), facts(note="Sửa sau"), recorded_at=NOW, rules=RULES)
    assert (after.state, after.facts.note) == (state, "Sửa sau")
