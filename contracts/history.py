"""How a dossier grows: the declaration, and the events after it.

`declare`, `redeclare` and `accept` decide once, by the rules of `contracts.rules`; `fold` only replays what was
accepted and never refuses, so that a later change of the rules cannot make an old dossier unreadable. All are
pure functions. Regulation articles: VP = Vĩnh Phúc 2024, LĐ = Lâm Đồng 1806/2024.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from pydantic import TypeAdapter

from contracts.codes import procedure_root
from contracts.dossier import (
    Cancellation,
    Dossier,
    DossierFacts,
    Extension,
    Handler,
    Pause,
    Result,
    Step,
    Supplement,
    Withdrawal,
)
from contracts.events import (
    CancellationEntry,
    Event,
    ResultEntry,
    StepEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.rules import DossierRules, RuleBroken, check_event, check_facts, refuse_cancelled
from contracts.states import DossierState, may_follow

DECLARED = "declared"
"""Kind of the event that a PUT leaves behind; all other kinds are those of `contracts.events`."""

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_NEW = Dossier.model_construct(revision=1)  # type: ignore[call-arg] # every copy is given the rest
"""Copied, because making each anew would be the dearest part of deciding a declaration."""

_SUPPLEMENT_RECEIVED = "Tiếp nhận giấy tờ bổ sung"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it was accepted: the raw body and what the hub added to it."""

    kind: str
    payload: bytes
    recorded_at: datetime
    late_entry: bool


# --- declaring --------------------------------------------------------------------------------------------


def declare(code: str, facts: DossierFacts, *, recorded_at: datetime, rules: DossierRules) -> Dossier:
    """Return revision 1 of a new dossier, or raise `RuleBroken`."""
    check_facts(code, facts, recorded_at, rules)
    # Nothing has happened yet, so what `_derive` would find is in the facts: this is the hot path of an intake.
    return _NEW.model_copy(
        update={
            "code": code,
            "state": DossierState.NEWLY_REGISTERED if facts.received_at is None else DossierState.ACCEPTED,
            "facts": facts,
            "received_at": facts.received_at,
            "due_at": facts.due_at,
        }
    )


def redeclare(dossier: Dossier, facts: DossierFacts, *, recorded_at: datetime, rules: DossierRules) -> Dossier:
    """Return the next revision with ``facts`` in place of the old ones, or raise `RuleBroken`."""
    check_facts(dossier.code, facts, recorded_at, rules)
    refuse_cancelled(dossier)
    if procedure_root(facts.procedure.code) != procedure_root(dossier.facts.procedure.code):
        raise RuleBroken(
            "procedure_changed",
            "procedure.code",
            "The procedure of a dossier cannot change. Cancel this dossier as wrong_procedure and declare a new one.",
            "Không thể đổi thủ tục của hồ sơ đã khai. Hãy huỷ hồ sơ này với lý do sai thủ tục và khai hồ sơ mới.",
            conflict=True,
        )
    if dossier.facts.received_at is not None and facts.received_at is None:
        raise RuleBroken(
            "reception_removed",
            "received_at",
            "This dossier has been declared as received; the reception cannot be taken back.",
            "Hồ sơ đã được khai là tiếp nhận; không thể xoá ngày tiếp nhận.",
            conflict=True,
        )
    candidate = dossier.model_copy(update={"facts": facts, "revision": dossier.revision + 1})
    _check_chain(candidate, field="received_at")
    return _derive(candidate)


# --- what happens afterwards --------------------------------------------------------------------------------


def is_late(event: Event, recorded_at: datetime, rules: DossierRules) -> bool:
    """Say whether the event is entered well after it happened and is to be marked as such (LĐ 19.2)."""
    return recorded_at - event.occurred_at > rules.late_entry_after


def accept(dossier: Dossier, event: Event, *, recorded_at: datetime, rules: DossierRules) -> Dossier:
    """Return the next revision of the dossier with this event, or raise `RuleBroken`."""
    check_event(dossier, event, recorded_at, rules)
    late = is_late(event, recorded_at, rules)
    candidate = _with_event(dossier, event, recorded_at=recorded_at, late=late)
    if len(candidate.steps) > len(dossier.steps) and not isinstance(event, CancellationEntry):
        _check_chain(candidate, field="state" if isinstance(event, StepEntry) else "")
    return _derive(candidate)


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """A stored event with its body read."""

    stored: StoredEvent
    content: DossierFacts | Event
    """The facts of a declaration, or what happened."""


def open_event(stored: StoredEvent) -> OpenedEvent:
    """Read the body of a stored event."""
    if stored.kind == DECLARED:
        return OpenedEvent(stored, DossierFacts.model_validate_json(stored.payload))
    return OpenedEvent(stored, _EVENT.validate_json(stored.payload))


def fold(code: str, stored: Sequence[StoredEvent]) -> Dossier:
    """Rebuild the dossier from all of its events, the declaration first; revision = number of events."""
    return fold_opened(code, [open_event(one) for one in stored])


def fold_opened(code: str, opened: Sequence[OpenedEvent]) -> Dossier:
    """Do what `fold` does, where the bodies have been read already."""
    facts = opened[0].content
    if not isinstance(facts, DossierFacts):
        raise ValueError("the first event of a dossier is its declaration")  # noqa: TRY004 - wrong data, not a wrong type
    # Plain steps, which most events are, change nothing but the list of steps: they need no copy each.
    plain = 1
    while plain < len(opened) and _is_plain_step(opened[plain].content):
        plain += 1
    dossier = Dossier.model_construct(
        code=code,
        revision=len(opened),
        state=DossierState.NEWLY_REGISTERED,
        facts=facts,
        steps=fold_steps(code, opened[1:plain]),
    )
    for one in opened[plain:]:
        if isinstance(one.content, DossierFacts):
            # Every declaration in its turn: an extension keeps the deadline that was in force when it came.
            dossier = dossier.model_copy(update={"facts": one.content})
        else:
            dossier = _with_event(
                dossier,
                one.content,
                recorded_at=one.stored.recorded_at,
                late=one.stored.late_entry,
                revision=len(opened),
            )
    return _derive(dossier)


def _is_plain_step(content: DossierFacts | Event) -> bool:
    return isinstance(content, StepEntry) and content.extension is None


def fold_steps(code: str, opened: Sequence[OpenedEvent]) -> tuple[Step, ...]:
    """Return the steps that `fold_opened` would give, without folding where steps do not depend on the rest."""
    # Whether a cancellation is a step depends on the state it met.
    if any(isinstance(one.content, CancellationEntry) for one in opened):
        return fold_opened(code, opened).steps
    steps: list[Step] = []
    for one in opened:
        if not isinstance(one.content, DossierFacts):
            steps.extend(
                _steps_of(
                    one.content,
                    len(steps) + 1,
                    recorded_at=one.stored.recorded_at,
                    late=one.stored.late_entry,
                    has_ended=False,
                )
            )
    return tuple(steps)


# --- deriving -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment at which the dossier entered a state, by a step or by the declaration (``sequence`` 0)."""

    at: datetime
    sequence: int
    state: DossierState
    step: Step | None = None


def _marks(dossier: Dossier) -> list[_Mark]:
    """List the moments in the order in which they happened; late entries stand where they belong."""
    marks = [_Mark(dossier.facts.submitted_at, -1, DossierState.NEWLY_REGISTERED)]
    if dossier.facts.received_at is not None:
        marks.append(_Mark(dossier.facts.received_at, 0, DossierState.ACCEPTED))
    marks.extend(_Mark(step.occurred_at, step.sequence, step.state, step) for step in dossier.steps)
    marks.sort(key=lambda mark: (mark.at, mark.sequence))
    return marks


def _check_chain(dossier: Dossier, *, field: str) -> None:
    marks = _marks(dossier)
    for before, after in pairwise(marks):
        if not may_follow(before.state, after.state):
            raise RuleBroken(
                "transition_not_allowed",
                field,
                f"A dossier in state {before.state.number} ({before.state}) cannot move to state"
                f" {after.state.number} ({after.state}).",
                f"Hồ sơ đang ở trạng thái {before.state.number} ({before.state.vietnamese}) không thể chuyển sang"
                f" trạng thái {after.state.number} ({after.state.vietnamese}).",
                conflict=True,
            )


def _derive(dossier: Dossier) -> Dossier:
    """Compute what follows from the facts and the steps: state, dates and pauses, in the order of happening."""
    marks = _marks(dossier)
    first: dict[DossierState, datetime] = {}
    deadlines: list[tuple[datetime, datetime]] = []
    pauses: list[Pause] = []
    for mark in marks:
        first.setdefault(mark.state, mark.at)
        if pauses and pauses[-1].until is None and mark.step is not None:
            pauses[-1] = pauses[-1].model_copy(update={"until": mark.at})
        if mark.step is not None and mark.step.pause is not None:
            pauses.append(Pause.model_construct(reason=mark.step.pause, since=mark.at, until=None))
        if mark.step is not None and mark.step.due_at is not None:
            deadlines.append((mark.at, mark.step.due_at))
    if dossier.extension is not None:
        deadlines.append((dossier.extension.announced_at, dossier.extension.new_due_at))
    deadlines.sort()
    # A cancelled dossier is out of the statistics whatever it had reached (VP 20): for the nation it is stopped.
    struck = dossier.cancellation is not None
    return dossier.model_copy(
        update={
            "state": DossierState.PROCESSING_STOPPED if struck else marks[-1].state,
            "received_at": dossier.facts.received_at or first.get(DossierState.ACCEPTED),
            "due_at": deadlines[-1][1] if deadlines else dossier.facts.due_at,
            "finished_at": first.get(DossierState.PROCESSING_FINISHED),
            "returned_at": first.get(DossierState.RESULT_RETURNED),
            "refused_at": first.get(DossierState.NOT_ACCEPTED),
            "pauses": tuple(pauses),
        }
    )


def _with_event(
    dossier: Dossier, event: Event, *, recorded_at: datetime, late: bool, revision: int | None = None
) -> Dossier:
    """Return the dossier with the event's own record added; what follows from it is derived later."""
    update: dict[str, object] = {"revision": revision or dossier.revision + 1}
    steps = _steps_of(
        event,
        len(dossier.steps) + 1,
        recorded_at=recorded_at,
        late=late,
        has_ended=isinstance(event, CancellationEntry) and _derive(dossier).state.is_final,
    )
    if steps:
        update["steps"] = (*dossier.steps, *steps)
    match event:
        case StepEntry():
            if event.extension is not None:
                update["extension"] = Extension.model_construct(
                    previous_due_at=_derive(dossier).due_at or event.extension.new_due_at,
                    new_due_at=event.extension.new_due_at,
                    reason=event.extension.reason,
                    announced_at=event.occurred_at,
                    apology_letter=event.extension.apology_letter,
                )
        case SupplementRequestEntry():
            update["supplements"] = (
                *dossier.supplements,
                Supplement.model_construct(
                    id=event.id,
                    requested_by=event.handler,
                    content=event.content,
                    requested_at=event.occurred_at,
                    papers=event.papers,
                    fees=event.fees,
                    previous_due_at=_derive(dossier).due_at,
                ),
            )
        case SupplementReceiptEntry():
            update["supplements"] = tuple(
                one.model_copy(
                    update={
                        "received_by": event.handler,
                        "received_at": event.occurred_at,
                        "received_note": event.note,
                        "new_due_at": event.new_due_at,
                    }
                )
                if one.id == event.id
                else one
                for one in dossier.supplements
            )
        case ResultEntry():
            update["results"] = (
                *dossier.results,
                Result.model_construct(
                    id=event.id,
                    name=event.name,
                    catalogue_code=event.catalogue_code,
                    component_code=event.component_code,
                    paper_number=event.paper_number,
                    issued_at=event.occurred_at,
                    files=event.files,
                ),
            )
        case WithdrawalEntry():
            update["withdrawal"] = Withdrawal.model_construct(
                reason=event.reason,
                requested_at=event.requested_at,
                confirmed_by=event.handler,
                confirmed_at=event.occurred_at,
            )
        case CancellationEntry():
            update["cancellation"] = Cancellation.model_construct(
                reason=event.reason,
                explanation=event.explanation,
                requested_by=event.requested_by,
                requested_at=event.requested_at,
                approved_by=event.approved_by,
                approved_at=event.occurred_at,
            )
    return dossier.model_copy(update=update)


def _steps_of(event: Event, sequence: int, *, recorded_at: datetime, late: bool, has_ended: bool) -> Iterable[Step]:
    """Return the step that the event is, if it is one: who did what, when, and the state after it.

    ``has_ended`` says that the dossier was in a final state before; a cancellation is no step then.
    """
    state: DossierState
    handler: Handler
    content: str
    started_at = planned_end_at = due_at = None
    pause = None
    match event:
        case StepEntry():
            state, handler, content = event.state, event.handler, event.content
            started_at, planned_end_at = event.started_at, event.planned_end_at
            due_at, pause = event.due_at, event.pause
        case SupplementRequestEntry():
            state, handler, content = DossierState.SUPPLEMENT_REQUESTED, event.handler, event.content
        case SupplementReceiptEntry():
            state, handler, content = DossierState.ACCEPTED, event.handler, event.note
            if not content.strip():
                content = _SUPPLEMENT_RECEIVED
            due_at = event.new_due_at
        case WithdrawalEntry():
            state, handler, content = DossierState.WITHDRAWN_BY_CITIZEN, event.handler, event.reason
        case CancellationEntry():
            if has_ended:
                return ()
            state, handler, content = DossierState.PROCESSING_STOPPED, event.approved_by, event.explanation
        case ResultEntry():
            return ()
    return (
        Step.model_construct(
            sequence=sequence,
            state=state,
            handler=handler,
            content=content,
            occurred_at=event.occurred_at,
            started_at=started_at,
            planned_end_at=planned_end_at,
            due_at=due_at,
            pause=pause,
            recorded_at=recorded_at.astimezone(UTC),
            late_entry=late,
        ),
    )
