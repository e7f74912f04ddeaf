"""What the API says about accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.accounts import AccountFacts
from hub.accounts.states import AccountState, Party, RequestKind


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountSummary(View):
    """One line of the register; the officer's number and telephone are not in it."""

    id: str
    state: AccountState
    full_name: Annotated[str, Field(json_schema_extra={"x-personal-data": True})]
    officer_code: str
    unit_code: str
    """Where the officer works today; during a secondment there."""
    role: str
    purpose: str
    valid_from: date
    valid_until: date | None
    created_at: datetime
    approved_at: datetime | None
    state_since: datetime
    last_used_at: datetime | None
    """The last look-up, to within ten minutes."""
    dormant_locked_at: datetime | None
    """When it was locked for disuse; null: not, or given back since."""
    pending: RequestKind | None
    """What waits for the other party."""


class AccountPage(View):
    """A page of the register, by id."""

    items: tuple[AccountSummary, ...]
    next_cursor: str | None


class PendingView(View):
    """A request that waits for the other party."""

    number: int
    """Say it in the decision."""
    kind: RequestKind
    requested_at: datetime
    requested_by: str
    """Id of the client."""
    person: str
    party: Party
    document_number: str
    reason: str
    changed: tuple[str, ...]
    """Names of the fields that would change."""
    wanted: dict[str, object]
    """What is asked for, whole."""


class RoleView(View):
    """A role and unit of the officer over time."""

    since: date
    until: date | None
    role: str
    unit_code: str


class AccountDetail(View):
    """An account, whole. Holds the officer's personal data."""

    id: str
    state: AccountState
    facts: AccountFacts
    """As granted; before the first grant as requested."""
    role_today: str
    unit_today: str
    created_at: datetime
    approved_at: datetime | None
    activated_at: datetime | None
    state_since: datetime
    last_used_at: datetime | None
    dormant_locked_at: datetime | None
    dormant_on: date | None
    """The day on which disuse would lock it; null where it is not in use."""
    roles: tuple[RoleView, ...]
    duty_days: tuple[date, ...]
    """From a month ago on."""
    pending: PendingView | None


class Standing(View):
    """Where an account stands; the answer to every act. Holds nothing of the officer."""

    id: str
    state: AccountState
    state_since: datetime
    pending: RequestKind | None
    """What waits for the other party."""
    request_number: int | None
    """Number of what waits."""


class Declared(View):
    """What became of a declaration."""

    account: Standing
    outcome: str
    """``requested``: waits for the other party; ``amended``: taken over at once; ``unchanged``."""


class ActView(View):
    """Something that was done to an account."""

    id: UUID
    at: datetime
    act: str
    client_id: str
    person: str
    party: Party
    reason: str
    document_number: str
    consent_document: str
    from_state: AccountState | None
    to_state: AccountState
    request_number: int | None
    case_id: UUID | None


class History(View):
    """What was done to an account, newest first."""

    items: tuple[ActView, ...]
    next_cursor: str | None


class DormantAccount(View):
    """An account that nobody uses."""

    id: str
    officer_code: str
    state: AccountState
    idle_since: datetime
    locked_at: datetime | None
    """When it was locked for it; null: it will be."""


class DormantAgency(View):
    """The accounts of one agency that nobody uses, for that agency (VP 8.4)."""

    unit_code: str
    accounts: tuple[DormantAccount, ...]


class DormantList(View):
    """Accounts locked for disuse, and those that soon will be, by agency."""

    as_of: datetime
    dormant_days: int
    agencies: tuple[DormantAgency, ...]


class ImportReport(View):
    """What an import did."""

    rows: int
    requested: int
    """Accounts and changes that wait for the other party."""
    amended: int
    unchanged: int
    applied: bool
    """False where it was tried only."""
