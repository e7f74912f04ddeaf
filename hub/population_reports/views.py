"""Reports as they are shown: figures, agencies and accounts; nothing of a citizen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hub.population_reports.periods import PeriodKind

Count = Annotated[int, Field(ge=0)]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PeriodView(_View):
    """A period."""

    period: str
    """As it is asked for, e.g. ``2026-Q4``."""
    kind: PeriodKind
    title: str
    """In Vietnamese, e.g. Quý IV năm 2026."""
    first_day: date
    last_day: date
    complete: bool
    """Whether it was over when the report was made."""


class DuePeriods(_View):
    """Which reports the province owes by its profile (VP 29.8b)."""

    items: tuple[PeriodView, ...]
    """The newest complete period of each kind it reports, the shortest first."""


class UseFigures(_View):
    """How the population database was used."""

    lookups: Count
    """All that were asked for, those that the gate refused included."""
    found: Count
    not_found: Count
    denied: Count
    """Refused by the gate; nobody was asked."""
    failed: Count
    """No answer: a partner or line that did not work."""
    mismatch: Count
    """The partner answered about somebody else; nothing was handed out."""
    repeated: Count
    """The same request again within seconds, answered once."""
    unended: Count
    """Asked, and no end on record."""
    break_glass: Count
    """Without a dossier, with a reason."""
    people: Count
    """Different people, of all that was not refused."""
    accounts: Count
    """Different accounts that asked."""
    judged: Count
    """Look-ups that the watch has judged."""
    explained: Count
    """Of those judged: less than half of it stays unexplained."""
    explained_share: Annotated[float, Field(ge=0, le=1)] | None
    """``explained / judged``; ``null`` where none was judged."""


class UseLine(UseFigures):
    """A line of a table: the parts of its key that the table has."""

    unit_code: str | None = None
    account_id: str | None = None
    role: str | None = None
    """Of the account when it asked last in the period."""
    officer_code: str | None = None
    month: str | None = None
    quarter: str | None = None
    kind: str | None = None
    """What was asked: ``find_citizen``, ``find_household``, ``confirm:…``."""


class RefusalLine(_View):
    """How often the gate refused for one reason."""

    code: str
    lookups: Count
    accounts: Count


class AccountsLine(_View):
    """The accounts of an agency as they stand when the report is made."""

    unit_code: str | None
    active: Count
    requested: Count
    suspended: Count
    locked: Count
    locked_dormant: Count
    """Of those locked: for disuse (VP 8.4)."""
    revoked: Count
    dormant: Count
    """Active, and not used for as long as the profile allows."""


class ClosedAccount(_View):
    """An account taken out of use in the period."""

    account_id: str
    unit_code: str
    officer_code: str
    at: datetime
    act: str
    """``suspend``, ``lock`` or ``revoke``."""
    because: str
    """``disuse``, ``case`` or ``person``."""
    document_number: str
    state: str
    """As it stands when the report is made."""


class DormantAccount(_View):
    """An active account that nobody has used for as long as the profile allows."""

    account_id: str
    unit_code: str
    officer_code: str
    idle_since: datetime


class CaseFigures(_View):
    """Cases of the period."""

    unit_code: str | None
    opened: Count
    decided: Count
    violations: Count
    normal: Count
    not_enough_evidence: Count
    open: Count
    """Not decided at the end of the period, or when the report was made."""


class PopulationUseReport(_View):
    """The use of the population database in a period."""

    period: PeriodView
    made_at: datetime
    agency: str | None
    """The agency it was asked for, with all below it; ``null``: all that the reader may see."""
    units: tuple[str, ...]
    """The agencies the reader is confined to; none: the whole province."""
    due: bool
    """Whether the province owes reports of this kind by its profile."""
    total: UseLine
    by_unit: tuple[UseLine, ...]
    by_account: tuple[UseLine, ...]
    by_month: tuple[UseLine, ...]
    by_quarter: tuple[UseLine, ...]
    by_unit_and_month: tuple[UseLine, ...]
    by_kind: tuple[UseLine, ...]
    refusals: tuple[RefusalLine, ...]
    accounts_total: AccountsLine
    accounts: tuple[AccountsLine, ...]
    closed_accounts: tuple[ClosedAccount, ...]
    dormant_accounts: tuple[DormantAccount, ...]
    cases_total: CaseFigures
    cases: tuple[CaseFigures, ...]
