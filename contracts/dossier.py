"""The canonical dossier: what the dossier system declares, what has happened to it, and the whole.

`DossierFacts` is what ``PUT /v1/dossiers/{code}`` carries; what happens later is an event of `contracts.events`.
`Dossier` is the facts with all events folded in and is never written by hand: every fact that the national score
reads is a typed field backed by an event or by the declaration.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.codes import AgencyCode, DossierCode, ProcedureCode
from contracts.people import Applicant, RelatedPerson, Submitter
from contracts.states import DossierState, PauseReason
from contracts.text import Code, Line, Model, Moment, Nfc, Note, Paragraph, VisibleNfc, personal

# --- what the dossier system declares -------------------------------------------------------------------


class Channel(StrEnum):
    """How the dossier was handed in; a missing channel counts as direct in the score, so it is required."""

    DIRECT = "direct"
    ONLINE = "online"
    POSTAL = "postal"


class SubmissionPlace(StrEnum):
    """Where an online dossier was handed in."""

    NATIONAL_PORTAL = "national_portal"
    PROVINCIAL_SYSTEM = "provincial_system"


class ResultDelivery(StrEnum):
    """How the applicant wants the result."""

    DIRECT = "direct"
    POSTAL = "postal"


class Reuse(StrEnum):
    """Whether a component was reused from earlier digitised data; the wire knows two unnamed degrees."""

    NONE = "none"
    FIRST_DEGREE = "first_degree"
    SECOND_DEGREE = "second_degree"


class FileRef(Model):
    """A file, by the address from which it can be fetched; the bytes do not pass through the dossier."""

    id: Code
    name: Annotated[str, StringConstraints(min_length=1, max_length=255), VisibleNfc] = personal()
    """The file name with its extension; it often names the citizen."""
    url: Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[^\s]+$"), Nfc] = (
        personal()
    )
    """Where the portal can fetch the file; http or https."""
    media_type: (
        Annotated[str, StringConstraints(max_length=127, pattern=r"^[0-9A-Za-z_.+-]+/[0-9A-Za-z_.+-]+$")] | None
    ) = None
    """IANA media type."""
    size_bytes: Annotated[int, Field(ge=0, le=10**13)] | None = None
    """Size in bytes."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the file, in lower-case hexadecimal."""


class Digitisation(Model):
    """What is true of a component's digital form (Thông tư 01/2023/TT-VPCP)."""

    digitised: bool = False
    """Whether the component was digitised at reception; needs a file."""
    reuse: Reuse = Reuse.NONE
    from_personal_store: bool = False
    """Whether the file came from the citizen's store of e-documents."""
    replaced_by_result_code: Code | None = None
    """The result paper (MaKetQua) that replaces this component, when the applicant need not hand it in."""


class Component(Model):
    """One component of the dossier (thành phần hồ sơ) with all of its files, not only the first."""

    code: Code
    name: Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc]
    """The name of the component in the procedure."""
    files: Annotated[tuple[FileRef, ...], Field(max_length=100)] = ()
    digitisation: Digitisation = Digitisation()

    @model_validator(mode="after")
    def _digitised_has_a_file(self) -> Component:
        backed = self.files or self.digitisation.replaced_by_result_code
        if (self.digitisation.digitised or self.digitisation.from_personal_store) and not backed:
            raise PydanticCustomError(
                "digitised_without_file", "a digitised component needs a file or the result paper that replaces it"
            )
        return self


class OtherPaper(Model):
    """A paper handed in that is no component of the procedure."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc] = personal()
    """What the paper is; it may name the citizen."""
    quantity: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many sheets or copies."""
    kind: Annotated[str, StringConstraints(max_length=64), Nfc] = ""
    """Original, copy, certified copy … in the words of the dossier system."""


class FeeKind(StrEnum):
    """Phí (fee) pays for a service, lệ phí (charge) is fixed by law."""

    FEE = "fee"
    CHARGE = "charge"


class FeeCollection(StrEnum):
    """How a fee is collected."""

    DIRECT = "direct"
    ONLINE = "online"
    POSTAL = "postal"


class PaymentPlatform(StrEnum):
    """Through what a fee was paid; only the first two count as online payment in the score."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"
    CASH = "cash"
    TRANSFER = "transfer"


class FeePayment(Model):
    """The proof that a fee was paid."""

    platform: PaymentPlatform
    paid_at: Moment
    reference: Code


class Fee(Model):
    """A fee or charge; amounts are whole đồng."""

    code: Code
    name: Line
    """The name of the fee as published with the procedure."""
    kind: FeeKind
    collection: FeeCollection
    amount_vnd: Annotated[int, Field(ge=0, le=10**13)]
    """Amount in whole đồng."""
    payment: FeePayment | None = None


class Procedure(Model):
    """The administrative procedure, by its national code."""

    code: ProcedureCode
    name: Annotated[str, StringConstraints(min_length=1, max_length=1000), VisibleNfc]
    """The published name of the procedure."""
    field_code: Code
    field_name: Line
    """The field (lĩnh vực) the procedure belongs to."""


class Agency(Model):
    """A state agency, by its electronic code."""

    code: AgencyCode
    name: Line
    """The name of the agency."""


class DatabaseConsultation(Model):
    """A national database that was really consulted for this dossier, and when."""

    database_code: Code
    consulted_at: Moment


class DossierFacts(Model):
    """What the dossier system says of a dossier: the body of ``PUT /v1/dossiers/{code}``.

    A later PUT replaces all of it. State, steps, supplements, results and endings are not here; they are
    events with an actor and a time.
    """

    procedure: Procedure
    agency: Agency
    processing_unit: Line
    """The unit that works on the dossier (đơn vị xử lý)."""
    applicant: Applicant
    submitter: Submitter | None = None
    channel: Channel
    submission_place: SubmissionPlace = SubmissionPlace.PROVINCIAL_SYSTEM
    result_delivery: ResultDelivery = ResultDelivery.DIRECT
    summary: Annotated[str, StringConstraints(max_length=1000), Nfc] = personal(default="")
    """What the dossier is about (trích yếu hồ sơ)."""
    note: Note = personal(default="")
    """A remark for the portal (ghi chú)."""
    receipt_number: Annotated[str, StringConstraints(max_length=64), Nfc] = ""
    """The number of the receipt handed to the applicant (số biên nhận)."""
    return_information: Note = personal(default="")
    """Where and how the result is handed over (thông tin trả)."""
    submitted_at: Moment
    received_at: Moment | None = None
    due_at: Moment | None = None
    components: Annotated[tuple[Component, ...], Field(max_length=200)] = ()
    other_papers: Annotated[tuple[OtherPaper, ...], Field(max_length=200)] = ()
    fees: Annotated[tuple[Fee, ...], Field(max_length=100)] = ()
    databases_consulted: Annotated[tuple[DatabaseConsultation, ...], Field(max_length=50)] = ()
    related_people: Annotated[tuple[RelatedPerson, ...], Field(max_length=500)] = ()
    """Further people whose data may be needed; kept in the province, no national system is told."""
    assigned_accounts: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    """Accounts of the officers the dossier is assigned to: their look-ups of its parties need no other explanation."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> DossierFacts:
        if self.received_at is not None and self.received_at < self.submitted_at:
            raise PydanticCustomError("dates_out_of_order", "received_at must not be before submitted_at")
        if self.due_at is not None and self.due_at < (self.received_at or self.submitted_at):
            raise PydanticCustomError("dates_out_of_order", "due_at must not be before reception")
        return self

    @model_validator(mode="after")
    def _files_are_distinct(self) -> DossierFacts:
        ids = [file.id for component in self.components for file in component.files]
        if len(ids) != len(set(ids)):
            raise PydanticCustomError("duplicate_file_id", "each file of a dossier needs an id of its own")
        return self


# --- what has happened ------------------------------------------------------------------------------------


class Handler(Model):
    """The officer who acted, as the dossier system names them; sent to the portal as such."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=50), VisibleNfc] = personal()
    """The officer's full name."""
    title: Annotated[str, StringConstraints(max_length=255), Nfc] = ""
    """The officer's title (chức danh)."""
    department: Line
    """The officer's department (phòng ban xử lý)."""
    account_id: Code | None = None


class Step(Model):
    """One step of processing, in the order in which the hub accepted it."""

    sequence: Annotated[int, Field(ge=1)]
    """Place of the step in the dossier, from 1."""
    state: DossierState
    handler: Handler
    content: Paragraph = personal()
    """What was done (nội dung xử lý)."""
    occurred_at: Moment
    started_at: Moment | None = None
    planned_end_at: Moment | None = None
    due_at: Moment | None = None
    """The legal deadline this step set, if it set one."""
    pause: PauseReason | None = None
    """Why the clock stands still from this step to the next; none means that it runs."""
    recorded_at: Moment
    late_entry: bool = False
    """Entered well after it happened, as after an outage worked through on paper (LĐ 19.2)."""


class Supplement(Model):
    """A request for more papers and, once it is there, the answer; at most one per dossier (VP 16.3)."""

    id: Code
    requested_by: Handler
    content: Paragraph = personal()
    """What is missing or wrong, as told to the applicant."""
    requested_at: Moment
    papers: tuple[OtherPaper, ...] = ()
    fees: tuple[Fee, ...] = ()
    previous_due_at: Moment | None = None
    received_by: Handler | None = None
    received_at: Moment | None = None
    received_note: Note = personal(default="")
    """A remark made when the papers came in."""
    new_due_at: Moment | None = None

    @property
    def is_open(self) -> bool:
        """Whether the applicant still owes the papers."""
        return self.received_at is None


class Pause(Model):
    """A stretch during which the clock stands still, for one of the four lawful reasons (VP 17.2)."""

    reason: PauseReason
    since: Moment
    until: Moment | None = None


class Extension(Model):
    """The one new date a late dossier may get, with its apology letter (VP 16.4)."""

    previous_due_at: Moment
    new_due_at: Moment
    reason: Paragraph = personal()
    """Why the dossier is late, as told to the applicant."""
    announced_at: Moment
    apology_letter: Code


class Withdrawal(Model):
    """The applicant takes the dossier back (VP 17.1)."""

    reason: Paragraph = personal()
    """Why the applicant takes the dossier back."""
    requested_at: Moment
    confirmed_by: Handler
    confirmed_at: Moment


class CancellationReason(StrEnum):
    """Why a dossier leaves the statistics but is kept for look-up (VP 20)."""

    TEST_DATA = "test_data"
    DUPLICATE = "duplicate"
    WRONG_PROCEDURE = "wrong_procedure"


class Cancellation(Model):
    """A dossier entered by mistake, struck from the statistics after approval (VP 20)."""

    reason: CancellationReason
    explanation: Paragraph = personal()
    """The reason in the officer's words."""
    requested_by: Handler
    requested_at: Moment
    approved_by: Handler
    approved_at: Moment


class Result(Model):
    """A result paper, with the catalogue code and the file the score asks for (QĐ 766, 3.3 and 4.1)."""

    id: Code
    name: Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc] = personal()
    """The name of the result paper."""
    catalogue_code: Code
    component_code: Code | None = None
    paper_number: Annotated[str, StringConstraints(max_length=64), Nfc] = personal(default="")
    """The number and sign of the paper (số, ký hiệu)."""
    issued_at: Moment
    files: Annotated[tuple[FileRef, ...], Field(min_length=1, max_length=20)]


class Dossier(Model):
    """A dossier as of one revision: the facts with every event folded in, in the order of acceptance."""

    schema_version: Literal["1"] = "1"
    code: DossierCode
    revision: Annotated[int, Field(ge=1)]
    """Grows by one with every declaration and every event, from 1."""
    state: DossierState
    facts: DossierFacts
    received_at: Moment | None = None
    due_at: Moment | None = None
    finished_at: Moment | None = None
    returned_at: Moment | None = None
    refused_at: Moment | None = None
    steps: tuple[Step, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    pauses: tuple[Pause, ...] = ()
    extension: Extension | None = None
    withdrawal: Withdrawal | None = None
    cancellation: Cancellation | None = None
    results: tuple[Result, ...] = ()

    @property
    def current_pause(self) -> Pause | None:
        """The pause in force, if the clock stands still now."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].until is None else None

    @property
    def open_supplement(self) -> Supplement | None:
        """The supplement the applicant still owes, if any."""
        return next((one for one in self.supplements if one.is_open), None)

    @property
    def fees_asked(self) -> tuple[Fee, ...]:
        """The declared fees, and those of supplements, which the declaration carries once they are paid."""
        paid = {fee.code for fee in self.facts.fees if fee.payment is not None}
        later = (fee for one in self.supplements for fee in one.fees if fee.code not in paid)
        return (*self.facts.fees, *later)
