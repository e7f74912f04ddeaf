"""What came in: the events of the inbox, one canonical body for each kind.

An event is read with ``GET /v1/inbox`` or sent to a webhook. Its body is one of the models here; ``kind`` says
which, and ``schema_version`` grows only with a breaking change. Bodies may hold citizens' data: such fields are
marked, and a body is stored sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.codes import AgencyCode, DossierCode
from contracts.text import Code, Line, Model, Moment, Nfc, Note, VisibleNfc, personal


class InboxKind(StrEnum):
    """What an event tells; the body that belongs to each is in `BODIES`."""

    DOSSIER_FILED = "dossier.filed"
    """A citizen or enterprise filed a dossier on the national portal."""
    DOSSIER_AMENDED = "dossier.amended"
    """A dossier was amended on the portal."""
    PROMOTION_NOTICE = "promotion_notice.received"
    """An enterprise announced a sales promotion (thông báo khuyến mại)."""
    TAX_NOTICE = "tax_notice.received"
    """The tax office told what is to be paid for a land dossier (thông báo thuế)."""
    PAYMENT_ASKED = "payment.asked"
    """The partner asked what is to be paid for a dossier."""
    PAYMENT_RECEIVED = "payment.received"
    """A payment was confirmed."""
    QUESTION_RECEIVED = "question.received"
    """A question of a citizen came in."""
    EARLY_WARNING = "warning.raised"
    """The hub warns before a deadline is missed or a point is lost."""
    MAINTENANCE_ANNOUNCED = "maintenance.announced"
    """A connection will rest at an announced time, or that announcement was taken back."""
    ACCOUNTS_LOCKED = "accounts.locked"
    """Accounts for population data were locked because nobody used them."""
    WEBHOOK_DISABLED = "webhook.disabled"
    """The hub stopped calling a webhook that failed too often."""


PartnerCode = Annotated[str, StringConstraints(min_length=1, max_length=100), VisibleNfc]
"""A dossier number as the partner writes it; it need not be of our form."""


class ReceivedFile(Model):
    """A file that came with an event.

    Its bytes are at ``GET /v1/inbox/{id}/files/{number}``, unless only an address was told.
    """

    number: Annotated[int, Field(ge=1, le=1000)]
    """Place among the files of the event, from 1."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=4000), VisibleNfc] = personal()
    """The name as sent, for people: never a path, and it often names the citizen."""
    component_code: Code | None = None
    """The component of the dossier this file is, where the partner says so."""
    size_bytes: Annotated[int, Field(ge=0)] | None = None
    """Size in bytes; null where the partner sent only an address."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the bytes, in lower-case hexadecimal; null where the partner sent only an address."""
    media_type: Annotated[str, StringConstraints(max_length=127)] = "application/octet-stream"
    """Found from the first bytes, never believed from the name."""
    url: Annotated[str, StringConstraints(max_length=2000)] | None = personal(default=None)
    """The partner's own address of the file, where it sent one instead of the bytes."""


class ReportedField(Model):
    """A field as the partner spelt it, for what the canonical body has no place for."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200), VisibleNfc]
    """Path of the field in the partner's message, e.g. ``ThongTinSuaDoi.NoiDungChiTietKM``."""
    value: Annotated[str, StringConstraints(max_length=20_000), Nfc] = personal()
    """The value as text; numbers and truth values as JSON writes them."""


class Declarant(Model):
    """The citizen or enterprise behind a message, as far as it says."""

    name: Annotated[str, StringConstraints(max_length=500), Nfc] = personal(default="")
    """Name of the person or enterprise."""
    identifier: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    """Personal number, enterprise code or tax number, unchecked."""
    phone: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    """Telephone number as written by the declarant."""
    email: Annotated[str, StringConstraints(max_length=254), Nfc] = personal(default="")
    """Electronic mail address as written by the declarant."""
    fax: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    """Fax number as written by the declarant."""
    address: Annotated[str, StringConstraints(max_length=1000), Nfc] = personal(default="")
    """Postal address in one line."""
    contact_person: Annotated[str, StringConstraints(max_length=500), Nfc] = personal(default="")
    """Whom to ask, where the declarant is an enterprise."""


class _PortalMessage(Model):
    schema_version: Literal["1"] = "1"
    partner_code: PartnerCode
    """The partner's number of the dossier."""
    dossier_code: DossierCode | None = None
    """The same as a dossier code, where it is one."""
    procedure_code: Annotated[str, StringConstraints(max_length=64), Nfc] = ""
    """The procedure, as the partner writes it."""
    declarant: Declarant = Declarant()
    submitted_at: Moment | None = None
    files: Annotated[tuple[ReceivedFile, ...], Field(max_length=200)] = ()
    other: Annotated[tuple[ReportedField, ...], Field(max_length=1000)] = ()
    """Every other field of the message, so that nothing is lost."""


class DossierFiled(_PortalMessage):
    """A dossier was filed on the portal; the dossier system takes it in and declares it with PUT."""

    procedure_name: Annotated[str, StringConstraints(max_length=1000), Nfc] = ""
    """The name of the procedure, where the partner says it."""
    summary: Annotated[str, StringConstraints(max_length=4000), Nfc] = personal(default="")
    """What the dossier is about."""


class DossierAmended(_PortalMessage):
    """What was changed on the portal in a dossier filed there earlier."""

    reason: Annotated[str, StringConstraints(max_length=4000), Nfc] = personal(default="")
    """Why it was changed, in the words of the declarant."""
    changes: Annotated[tuple[ReportedField, ...], Field(max_length=1000)] = ()
    """The changed fields, as spelt by the partner."""


class PromotionNotice(_PortalMessage):
    """A notice of sales promotion; the first file is the signed form where the partner sent one."""

    programme: Annotated[str, StringConstraints(max_length=4000), Nfc] = ""
    """Name of the programme."""
    form: Annotated[str, StringConstraints(max_length=4000), Nfc] = ""
    """Form of the promotion, in words."""


class TaxDecision(Model):
    """One sum to be paid."""

    tax_number: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    """Tax number of the payer."""
    number: Annotated[str, StringConstraints(max_length=200), Nfc]
    """Number of the decision."""
    decided_on: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    """Day of the decision, as YYYY-MM-DD."""
    amount_vnd: Annotated[int, Field(ge=0, le=10**15)] = personal()
    """Amount in whole đồng."""
    item: Annotated[str, StringConstraints(max_length=1000), Nfc] = ""
    """Name of the budget item (tiểu mục)."""


class TaxNotice(_PortalMessage):
    """What the tax office decided for one dossier; the original XML is file 1."""

    decisions: Annotated[tuple[TaxDecision, ...], Field(max_length=500)] = ()


class PaymentAsked(Model):
    """The partner asked what is to be paid for a dossier, and what it was told."""

    schema_version: Literal["1"] = "1"
    partner_code: PartnerCode
    """The number the partner asked with."""
    found: bool
    """Whether the hub knows a dossier of this number."""
    due_vnd: Annotated[int, Field(ge=0)] = 0
    """What is still to be paid, in whole đồng."""


class PaymentReceived(Model):
    """A payment that a partner confirmed."""

    schema_version: Literal["1"] = "1"
    partner_code: PartnerCode
    """The number of the dossier the payment is for."""
    reference: Code
    """The partner's number of the payment."""
    amount_vnd: Annotated[int, Field(ge=0)]
    """Amount in whole đồng."""
    paid_at: Moment


class QuestionReceived(Model):
    """A question that a citizen asked at the portal, with the day by which it must be answered."""

    schema_version: Literal["1"] = "1"
    question_id: Code
    """The partner's number of the question."""
    title: Annotated[str, StringConstraints(max_length=2000), Nfc] = personal(default="")
    """Title of the question."""
    content: Annotated[str, StringConstraints(max_length=50_000), Nfc] = personal(default="")
    """The question itself."""
    asker: Declarant = Declarant()
    asked_at: Moment | None = None
    answer_by: Moment | None = None
    """Last moment for the answer by the province's profile."""


class EarlyWarning(Model):
    """Something that will cost the agency a deadline or a point, while there is still time."""

    schema_version: Literal["1"] = "1"
    rule: Code
    """Which rule warns, e.g. ``not_received_in_time``."""
    dossier_code: DossierCode | None = None
    due_at: Moment | None = None
    """When it will be too late."""
    sentence: Line
    """What will happen and what to do, in English."""
    sentence_vi: Line
    """The same in Vietnamese."""


class MaintenanceAnnounced(Model):
    """When nothing leaves for a connection; what is declared meanwhile is taken in and leaves afterwards."""

    schema_version: Literal["1"] = "1"
    window_id: Annotated[int, Field(ge=1)]
    """Id of the window; the same in its cancellation."""
    connection: Annotated[str, StringConstraints(max_length=64)]
    """Id of the connection."""
    starts_at: Moment
    ends_at: Moment
    cancelled: bool = False
    """Whether the announcement is taken back, or the window ended early."""
    short_notice: bool = False
    """Whether it was announced later than the province's profile demands."""
    sentence: Note
    """What will happen and what to do, in English."""
    sentence_vi: Note
    """The same in Vietnamese."""


class AccountsLocked(Model):
    """Accounts of one agency that were locked for disuse (VP 8.4: the list goes to the agency)."""

    schema_version: Literal["1"] = "1"
    agency_code: AgencyCode
    locked_at: Moment
    account_ids: Annotated[tuple[Code, ...], Field(max_length=1000)]
    """Login names in the dossier system."""
    dormant_days: Annotated[int, Field(ge=1)]
    """Days on end without a look-up."""
    sentence: Note
    """What happened and what to do, in English."""
    sentence_vi: Note
    """The same in Vietnamese."""


class WebhookDisabled(Model):
    """A webhook failed too often and is not called any more until a person enables it again."""

    schema_version: Literal["1"] = "1"
    endpoint_id: Annotated[str, StringConstraints(max_length=64)]
    """Id of the endpoint."""
    failures: Annotated[int, Field(ge=1)]
    """Failures in a row."""
    failing_since: Moment
    sentence: Note
    """What happened and what to do, in English."""
    sentence_vi: Note
    """The same in Vietnamese."""


BODIES: Mapping[InboxKind, type[Model]] = {
    InboxKind.DOSSIER_FILED: DossierFiled,
    InboxKind.DOSSIER_AMENDED: DossierAmended,
    InboxKind.PROMOTION_NOTICE: PromotionNotice,
    InboxKind.TAX_NOTICE: TaxNotice,
    InboxKind.PAYMENT_ASKED: PaymentAsked,
    InboxKind.PAYMENT_RECEIVED: PaymentReceived,
    InboxKind.QUESTION_RECEIVED: QuestionReceived,
    InboxKind.EARLY_WARNING: EarlyWarning,
    InboxKind.MAINTENANCE_ANNOUNCED: MaintenanceAnnounced,
    InboxKind.ACCOUNTS_LOCKED: AccountsLocked,
    InboxKind.WEBHOOK_DISABLED: WebhookDisabled,
}
"""The body of each kind; a new kind gets its row here."""
