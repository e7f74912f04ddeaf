"""Every refusal of the rules of a dossier, with its code, its field and its words."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from contracts import history, rules
from contracts.dossier import Agency, Dossier, Procedure
from contracts.events import Event
from contracts.history import redeclare
from contracts.rules import DossierRules
from contracts.states import DossierState, PauseReason, may_follow
from tests.contracts.histories import (
    CODE,
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


@dataclass(frozen=True)
class Refused:
    """What is tried, and how it must be refused."""

    code: str
    field: str
    call: Callable[[], Any]
    conflict: bool = False


def _redeclare(dossier: Dossier, **changes: Any) -> Callable[[], Dossier]:
    return lambda: redeclare(dossier, facts(**changes), recorded_at=NOW, rules=RULES)


REFUSALS = {
    "an agency of another province": Refused(
        "agency_mismatch", "agency.code", lambda: new(agency=Agency(code="H98.12", name="UBND phường khác"))
    ),
    "an agency of another province at a later declaration": Refused(
        "agency_mismatch", "agency.code", _redeclare(new(), agency=Agency(code="G99.12", name="Bộ Mẫu"))
    ),
    "a submission in the future": Refused(
        "in_the_future", "submitted_at", lambda: new(submitted_at=NOW + timedelta(minutes=5, seconds=1))
    ),
    "a reception in the future": Refused(
        "in_the_future", "received_at", lambda: new(received_at=NOW + timedelta(days=1))
    ),
    "a step in the future": Refused(
        "in_the_future", "occurred_at", lambda: new(step(S.ACCEPTED, 12 * 24 + 1)), conflict=False
    ),
    "a cancellation in the future": Refused("in_the_future", "occurred_at", lambda: new(cancellation(12 * 24 + 1))),
    "another procedure": Refused(
        "procedure_changed",
        "procedure.code",
        _redeclare(
            new(),
            procedure=Procedure(code="1.000002.H99", name="Thủ tục khác", field_code="LV01", field_name="Lĩnh vực"),
        ),
        conflict=True,
    ),
    "a reception taken back": Refused("reception_removed", "received_at", _redeclare(new(received_at=at(1))), True),
    "a reception moved behind a step": Refused(
        "transition_not_allowed",
        "received_at",
        _redeclare(new(step(S.IN_PROCESS, 3), received_at=at(1)), received_at=at(4)),
        True,
    ),
    "a submission moved behind a step": Refused(
        "transition_not_allowed", "received_at", _redeclare(into(S.IN_PROCESS), submitted_at=at(1.5)), True
    ),
    "a step before the submission": Refused("before_submission", "occurred_at", lambda: new(step(S.ACCEPTED, -0.1))),
    "a result before the submission": Refused("before_submission", "occurred_at", lambda: new(result(-1))),
    "a withdrawal before the submission": Refused("before_submission", "occurred_at", lambda: new(withdrawal(-1))),
    "a supplement request before the submission": Refused("before_submission", "occurred_at", lambda: new(request(-1))),
    "a supplement as a plain step": Refused(
        "state_has_its_own_call", "state", lambda: grow(into(S.ACCEPTED), step(S.SUPPLEMENT_REQUESTED, 3))
    ),
    "a withdrawal as a plain step": Refused(
        "state_has_its_own_call", "state", lambda: grow(into(S.ACCEPTED), step(S.WITHDRAWN_BY_CITIZEN, 3))
    ),
    "a financial duty without the reason of its pause": Refused(
        "pause_reason_required",
        "pause",
        lambda: grow(into(S.ACCEPTED), step(S.FINANCIAL_OBLIGATION_REQUESTED, 3, pause=None)),
    ),
    "a pause where none is lawful": Refused(
        "pause_reason_not_lawful", "pause", lambda: new(step(S.ACCEPTED, 1, pause=PauseReason.AMENDMENT))
    ),
    "acceptance while papers are owed": Refused(
        "supplement_open", "state", lambda: grow(into(S.SUPPLEMENT_REQUESTED), step(S.ACCEPTED, 3)), True
    ),
    "work while papers are owed": Refused(
        "supplement_open", "state", lambda: grow(into(S.SUPPLEMENT_REQUESTED), step(S.IN_PROCESS, 3)), True
    ),
    "a deadline set by another step than acceptance": Refused(
        "due_date_not_here", "due_at", lambda: grow(into(S.ACCEPTED), step(S.IN_PROCESS, 3, due_at=at(100)))
    ),
    "a deadline before the acceptance": Refused(
        "due_date_not_here", "due_at", lambda: new(step(S.ACCEPTED, 2, due_at=at(1)))
    ),
    "an extension without a deadline": Refused(
        "extension_without_deadline",
        "extension.new_due_at",
        lambda: grow(into(S.ACCEPTED), step(S.IN_PROCESS, 3, extension=extension(300))),
    ),
    "an extension to no later date": Refused(
        "extension_without_deadline",
        "extension.new_due_at",
        lambda: new(step(S.ACCEPTED, 1, due_at=at(100)), step(S.IN_PROCESS, 3, extension=extension(100))),
    ),
    "a second extension": Refused(
        "second_extension",
        "extension",
        lambda: new(
            step(S.ACCEPTED, 1, due_at=at(100)),
            step(S.IN_PROCESS, 3, extension=extension(120)),
            step(S.IN_PROCESS, 4, extension=extension(140)),
        ),
        True,
    ),
    "a second supplement": Refused(
        "second_supplement", "kind", lambda: new(step(S.ACCEPTED, 1), request(2), receipt(3), request(4, "BS02")), True
    ),
    "two supplements of one id": Refused(
        "duplicate_id",
        "id",
        lambda: new(step(S.ACCEPTED, 1), request(2), receipt(3), request(4), rules=DossierRules(max_supplements=2)),
        True,
    ),
    "two results of one id": Refused("duplicate_id", "id", lambda: new(result(1), result(2)), True),
    "papers nobody asked for": Refused("no_open_supplement", "id", lambda: new(receipt(1)), True),
    "papers for another request": Refused(
        "no_open_supplement", "id", lambda: grow(into(S.SUPPLEMENT_REQUESTED), receipt(3, key="BS02")), True
    ),
    "papers received twice": Refused("no_open_supplement", "id", lambda: new(request(1), receipt(2), receipt(3)), True),
    "papers received before they were asked for": Refused(
        "dates_out_of_order", "occurred_at", lambda: grow(into(S.SUPPLEMENT_REQUESTED), receipt(1.5))
    ),
    "a new deadline before the papers came": Refused(
        "dates_out_of_order", "new_due_at", lambda: grow(into(S.SUPPLEMENT_REQUESTED), receipt(3, due=2.5))
    ),
    "a result handed over before the fees are paid": Refused(
        "fee_duty_open",
        "state",
        lambda: new(
            step(S.ACCEPTED, 1),
            step(S.PROCESSING_FINISHED, 2),
            step(S.RESULT_RETURNED, 3),
            fees=(fee("LP01", paid=True), fee("LP02")),
        ),
        True,
    ),
    "a move the state does not allow": Refused(
        "transition_not_allowed", "state", lambda: new(step(S.RESULT_RETURNED, 1)), True
    ),
    "a supplement of a finished dossier": Refused(
        "transition_not_allowed", "", lambda: grow(into(S.PROCESSING_FINISHED), request(3)), True
    ),
    "a withdrawal of a finished dossier": Refused(
        "transition_not_allowed", "", lambda: grow(into(S.PROCESSING_FINISHED), withdrawal(3)), True
    ),
    "a step of a cancelled dossier": Refused(
        "dossier_cancelled", "", lambda: new(cancellation(1), step(S.ACCEPTED, 2)), True
    ),
    "a second cancellation": Refused("dossier_cancelled", "", lambda: new(cancellation(1), cancellation(2)), True),
    "a declaration of a cancelled dossier": Refused("dossier_cancelled", "", _redeclare(new(cancellation(1))), True),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_breaks_a_rule_is_refused_with_its_code_its_field_and_a_sentence_in_both_languages(name: str) -> None:
    """The code is stable, the field is in the caller's own document, the sentences are for people."""
    case = REFUSALS[name]
    broken = refused(case.call)
    assert (broken.code, broken.field, broken.conflict) == (case.code, case.field, case.conflict)
    assert broken.sentence.en.endswith(".")
    assert broken.sentence.vi.endswith(".")
    assert broken.sentence.vi != broken.sentence.en
    assert any(ord(letter) > 127 for letter in broken.sentence.vi), "a Vietnamese sentence has its diacritics"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_never_quotes_the_dossier(name: str) -> None:
    """Sentences go to logs; what stands in the dossier may be a citizen's."""
    broken = refused(REFUSALS[name].call)
    said = f"{broken.sentence.en} {broken.sentence.vi} {broken}"
    for secret in ("Trần Thị Mẫu", "099199000123", OFFICER.name, "Người nộp xin rút", "Thẩm định", CODE):
        assert secret not in said


def test_every_refusal_there_is_stands_in_the_table() -> None:
    """A new rule needs its line in the table above."""
    tree = ast.parse(inspect.getsource(history) + inspect.getsource(rules))
    codes = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "RuleBroken"
        and isinstance(node.args[0], ast.Constant)
    }
    assert codes == {case.code for case in REFUSALS.values()}


@pytest.mark.parametrize("before", DossierState)
@pytest.mark.parametrize("after", DossierState)
def test_steps_move_a_dossier_as_the_national_list_allows_and_not_otherwise(
    before: DossierState, after: DossierState
) -> None:
    """Every pair of the ten states, through the call that leads to the second."""
    dossier = into(before)
    event: Event
    match after:
        case S.SUPPLEMENT_REQUESTED:
            event = request(10, "BS09")
        case S.WITHDRAWN_BY_CITIZEN:
            event = withdrawal(10)
        case S.ACCEPTED | S.IN_PROCESS if dossier.open_supplement is not None:
            event = receipt(10)
            after = S.ACCEPTED
        case _:
            event = step(after, 10)
    if may_follow(before, after):
        assert grow(dossier, event).state is after
    else:
        second = before is after is S.SUPPLEMENT_REQUESTED
        broken = refused(lambda: grow(dossier, event))
        assert broken.code == ("second_supplement" if second else "transition_not_allowed")
