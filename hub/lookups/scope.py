"""Whether an officer may make this look-up at all: account, scope, dossier, purpose. Pure; denies unless allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from contracts.calendar import VIETNAM
from contracts.codes import agency_of_dossier, procedure_root
from contracts.lookups import Lookup
from contracts.population import DataGroup
from hub.access.agencies import covers
from hub.accounts.directory import Account
from hub.accounts.states import AccountState
from hub.lookups.settings import LookupSettings

_BY_STATE: Mapping[AccountState, str] = {
    AccountState.REQUESTED: "account_unapproved",
    AccountState.REFUSED: "account_unapproved",
    AccountState.SUSPENDED: "account_suspended",
    AccountState.LOCKED: "account_locked",
    AccountState.REVOKED: "account_revoked",
}


@dataclass(frozen=True, slots=True)
class DossierHead:
    """What the gate knows of a dossier."""

    code: str
    agency_code: str
    procedure_root: str
    closed_at: datetime | None
    """When it ended, was withdrawn or cancelled; ``None``: it has not."""
    assigned: frozenset[str] | None = None
    """Accounts it is assigned to; ``None``: not looked at."""


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """What the settings and the profile add to the account's own scope."""

    settings: LookupSettings
    dormant: timedelta

    def check_account(  # noqa: PLR0911 - one for each rule
        self, account: Account | None, lookup: Lookup, operation: str, now: datetime
    ) -> str | None:
        """Return the code of the refusal, ``None`` where the account may make this kind of look-up now."""
        if account is None:
            return "account_unknown"
        refused = state_refusal(account)
        if refused is not None:
            return refused
        if not account.is_valid_on(now.astimezone(VIETNAM).date()):
            return "account_not_valid"
        if now - account.idle_since > self.dormant:
            return "account_dormant"
        unit = lookup.actor.unit_code
        if unit != account.unit_code and not account.scope.covers_unit(unit):
            return "unit_outside_scope"
        if operation not in account.scope.operations:
            return "operation_outside_scope"
        if not lookup.purpose.strip():
            return "purpose_missing"
        return None

    def check_dossier(  # noqa: PLR0911 - one for each rule
        self, account: Account, lookup: Lookup, head: DossierHead | None, now: datetime
    ) -> str | None:
        """Return the code of the refusal, ``None`` where the dossier is a reason for this officer to look up."""
        code = lookup.dossier_code
        if code is None:
            return None if lookup.break_glass is not None else "dossier_required"
        if head is None:
            if lookup.break_glass is not None or covers(self.settings.accepted_issuers, agency_of_dossier(code)):
                return None
            return "dossier_unknown"
        if lookup.procedure_code is not None and procedure_root(lookup.procedure_code) != head.procedure_root:
            return "procedure_mismatch"
        if head.closed_at is not None and lookup.break_glass is None:
            lasts = timedelta(days=self.settings.closed_dossier_days)
            if now - head.closed_at > lasts:
                return "dossier_closed"
        if account.scope.covers_unit(head.agency_code) or (head.assigned is not None and account.id in head.assigned):
            return None
        return "dossier_of_another_unit"

    def check_procedure(self, account: Account, root: str | None) -> str | None:
        """Return the code of the refusal, ``None`` where the procedure is within the account's scope."""
        if root is None:
            return "procedure_required"
        return None if account.scope.covers_procedure(root) else "procedure_outside_scope"

    def fields(
        self, account: Account, root: str | None, *, has_dossier: bool, wanted: Sequence[DataGroup] | None
    ) -> tuple[tuple[DataGroup, ...], tuple[DataGroup, ...]]:
        """Return which groups of data are given, and which of the wanted ones are not; in the order of `DataGroup`.

        Given is what the procedure needs, the account may have, and the caller wants.
        """
        settings = self.settings
        own = settings.field_sets.get(root) if has_dossier and root is not None else None
        needed = own if own is not None else settings.default_fields
        return _fields(needed, account.scope.data_groups, None if wanted is None else tuple(wanted))


@lru_cache(maxsize=1024)
def _fields(
    needed: tuple[DataGroup, ...], allowed: frozenset[DataGroup], wanted: tuple[DataGroup, ...] | None
) -> tuple[tuple[DataGroup, ...], tuple[DataGroup, ...]]:
    may = allowed.intersection(needed)
    asked = may if wanted is None else frozenset(wanted)
    return tuple(one for one in DataGroup if one in may & asked), tuple(one for one in DataGroup if one in asked - may)


def state_refusal(account: Account) -> str | None:
    """Return the code of the refusal where an account is in no state to look anything up."""
    return None if account.state is AccountState.ACTIVE else _BY_STATE[account.state]


def root_of(lookup: Lookup, head: DossierHead | None) -> str | None:
    """Return the root of the procedure a look-up is for: the dossier's, else the one it names."""
    if head is not None:
        return head.procedure_root
    return None if lookup.procedure_code is None else procedure_root(lookup.procedure_code)
