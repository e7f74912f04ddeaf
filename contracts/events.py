"""What can happen to a dossier: the bodies of the POST calls, each with an actor and a time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.dossier import CancellationReason, Fee, FileRef, Handler, OtherPaper
from contracts.states import DossierState, PauseReason
from contracts.text import Code, Model, Moment, Nfc, Note, Paragraph, VisibleNfc, personal


class ExtensionEntry(Model):
    """A new date, at most once per dossier (VP 16.4)."""

    new_due_at: Moment
    reason: Paragraph = personal()
    """Why the dossier is late, as told to the applicant."""
    apology_letter: Code


class StepEntry(Model):
    """``POST …/steps``: a step of processing, with the state the dossier is in after it.

    A pause is declared by the step that begins it and ends with the next step that has none. The states 5,
    7 and those of a cancellation have calls of their own, because they carry more than a step.
    """

    kind: Literal["step"] = "step"
    state: DossierState
    handler: Handler
    content: Paragraph = personal()
    """What was done (nội dung xử lý)."""
    occurred_at: Moment
    started_at: Moment | None = None
    planned_end_at: Moment | None = None
    due_at: Moment | None = None
    """The legal deadline, given by the step that accepts the dossier."""
    pause: PauseReason | None = None
    extension: ExtensionEntry | None = None

    @model_validator(mode="after")
    def _times_in_order(self) -> StepEntry:
        if self.started_at is not None and self.started_at > self.occurred_at:
            raise PydanticCustomError("dates_out_of_order", "started_at must not be after occurred_at")
        return self


class SupplementRequestEntry(Model):
    """``POST …/supplements``, first form: the agency asks for more papers."""

    kind: Literal["supplement_request"]
    id: Code
    handler: Handler
    content: Paragraph = personal()
    """What is missing or wrong, as told to the applicant."""
    occurred_at: Moment
    papers: Annotated[tuple[OtherPaper, ...], Field(max_length=100)] = ()
    fees: Annotated[tuple[Fee, ...], Field(max_length=100)] = ()


class SupplementReceiptEntry(Model):
    """``POST …/supplements``, second form: the papers have come; the deadline starts again."""

    kind: Literal["supplement_receipt"]
    id: Code
    handler: Handler
    note: Note = personal(default="")
    """A remark made when the papers came in."""
    occurred_at: Moment
    new_due_at: Moment


SupplementEntry = Annotated[SupplementRequestEntry | SupplementReceiptEntry, Field(discriminator="kind")]


class ResultEntry(Model):
    """``POST …/results``: a result paper; without catalogue code or file it does not count and is refused."""

    kind: Literal["result"] = "result"
    id: Code
    handler: Handler
    name: Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc] = personal()
    """The name of the result paper."""
    catalogue_code: Code
    component_code: Code | None = None
    paper_number: Annotated[str, StringConstraints(max_length=64), Nfc] = personal(default="")
    """The number and sign of the paper (số, ký hiệu)."""
    occurred_at: Moment
    files: Annotated[tuple[FileRef, ...], Field(min_length=1, max_length=20)]


class WithdrawalEntry(Model):
    """``POST …/withdrawals``: the applicant takes the dossier back, with a reason (VP 17.1)."""

    kind: Literal["withdrawal"] = "withdrawal"
    handler: Handler
    reason: Paragraph = personal()
    """Why the applicant takes the dossier back."""
    requested_at: Moment
    occurred_at: Moment

    @model_validator(mode="after")
    def _times_in_order(self) -> WithdrawalEntry:
        if self.requested_at > self.occurred_at:
            raise PydanticCustomError("dates_out_of_order", "requested_at must not be after occurred_at")
        return self


class CancellationEntry(Model):
    """``POST …/cancellations``: struck from the statistics, with reason and approval (VP 20)."""

    kind: Literal["cancellation"] = "cancellation"
    reason: CancellationReason
    explanation: Paragraph = personal()
    """The reason in the officer's words."""
    requested_by: Handler
    requested_at: Moment
    approved_by: Handler
    occurred_at: Moment
    """When it was approved."""

    @model_validator(mode="after")
    def _four_eyes(self) -> CancellationEntry:
        if self.requested_at > self.occurred_at:
            raise PydanticCustomError("dates_out_of_order", "requested_at must not be after the approval")
        if self.requested_by == self.approved_by:
            raise PydanticCustomError("same_person", "the approval must come from another person than the request")
        return self


Event = Annotated[
    StepEntry | SupplementRequestEntry | SupplementReceiptEntry | ResultEntry | WithdrawalEntry | CancellationEntry,
    Field(discriminator="kind"),
]
"""Everything that can follow the declaration of a dossier."""
