"""Every value of a profile changes what the hub does: what each does with the default's, and with another.

A value that nothing uses would be a promise on paper; `EFFECTS` is compared with the model, so a new one needs a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.calendar import VIETNAM
from contracts.dossier import Channel
from contracts.events import CancellationEntry, Event, WithdrawalEntry
from contracts.history import is_late
from contracts.rules import DossierRules, RuleBroken
from contracts.states import DossierState as S
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.accounts.dormancy import AccountUpkeep
from hub.accounts.frame import Register
from hub.accounts.states import Party
from hub.accounts.wiring import resources
from hub.app import _reconciliation_job, dossier_rules
from hub.cases.service import CaseService
from hub.dossiers.advice import Advisor
from hub.health.windows import latest_announcement
from hub.lookups.jobs import LogKeeper
from hub.lookups.wiring import jobs as lookup_jobs
from hub.profiles.calendar import working_calendar
from hub.profiles.profile import Profile, load_profile
from hub.profiles.values import ProfileValues
from hub.questions.watching import QuestionWatch
from hub.reconciliation.jobs import last_due
from hub.score.facts import FactReader, ScoreFacts
from hub.settings import RuleSettings, Settings
from hub.store.engine import Store
from hub.web.resources import Operation
from tests.contracts.histories import at, cancellation, extension, fee, new, receipt, request, step, withdrawal

Effect = tuple[Callable[[Profile], Any], Any, Any, Any]
"""What is looked at; what it is by default; the other value; what it is then."""


def vn(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def _rules(profile: Profile) -> DossierRules:
    return dossier_rules(RuleSettings(late_entry_after_hours=24 * 30), profile)


def _taken(*events: Event, **changes: Any) -> Callable[[Profile], str]:
    """Whether these events are taken, or the code of the refusal."""

    def look(profile: Profile) -> str:
        try:
            new(*events, rules=_rules(profile), **changes)
        except RuleBroken as refusal:
            return refusal.code
        return "taken"

    return look


def _advised(event: Event, *before: Event) -> Callable[[Profile], set[str]]:
    """The advice beside the event, but for the one that is always there."""

    def look(profile: Profile) -> set[str]:
        given = Advisor(profile).advise(new(*before, event), event, late_entry=False)
        return {one.code for one in given} - {"last_supplement"}

    return look


def _fact(name: str, *events: Event, **changes: Any) -> Callable[[Profile], Any]:
    """A fact of a dossier submitted on Thursday, October 8th 2026, at 8 o'clock."""

    def look(profile: Profile) -> Any:
        facts: ScoreFacts = FactReader(profile).read(new(*events, channel=Channel.ONLINE, **changes))
        return getattr(facts, name)

    return look


def _works(day: date, hour: int) -> Callable[[Profile], bool]:
    moment = datetime.combine(day, time(hour), VIETNAM)
    return lambda profile: working_calendar(profile).is_working_time(moment)


def _answer_due(profile: Profile) -> datetime:
    watch = QuestionWatch(cast("Store", None), {}, Settings().questions, profile)
    return watch.due_at(vn("2026-10-08 09:00"))


def _announced_by(profile: Profile) -> datetime:
    days = profile.maintenance_notice_working_days
    return latest_announcement(working_calendar(profile), vn("2026-10-16 22:00"), days)


def _register(profile: Profile) -> Register:
    return Register(cast("Store", None), profile, Settings().accounts)


def _approval(profile: Profile) -> Operation:
    found = resources(Settings(), cast("Store", None), cast("Guard", None), profile)
    (approve,) = (one for one in found if one.path == "/v1/accounts/{id}/approve")
    return approve.operations["POST"]


def _idle_limit(profile: Profile) -> timedelta:
    return AccountUpkeep(cast("Store", None), profile, Settings().accounts).limit


def _cases(profile: Profile) -> CaseService:
    return CaseService(cast("Store", None), Settings().cases, profile)


def _months_kept(profile: Profile) -> int:
    (job,) = lookup_jobs(Settings(), cast("Store", None), profile)
    keeper = cast("Any", job.run).__self__
    assert isinstance(keeper, LogKeeper)
    return keeper._retention_months


ACCEPTED = step(S.ACCEPTED, 1, due_at=at(10 * 24))
WITH_DATE = {"received_at": at(0), "due_at": vn("2026-10-15 17:00")}
LONG_WITHDRAWAL: WithdrawalEntry = withdrawal(30).model_copy(update={"requested_at": at(1)})
LONG_CANCELLATION: CancellationEntry = cancellation(50).model_copy(update={"requested_at": at(1)})
EXTENDED = step(S.IN_PROCESS, 10 * 24 - 36, extension=extension(20 * 24))
SECOND = (ACCEPTED, request(3), receipt(4, due=20 * 24), request(5, "BS02"))

EFFECTS: Mapping[str, Effect] = {
    "reception_working_hours": (_fact("reception_due_at"), vn("2026-10-09 08:00"), 4, vn("2026-10-08 13:30")),
    "reception_warning_working_hours": (_fact("reception_warn_at"), vn("2026-10-08 13:30"), 2, vn("2026-10-08 10:00")),
    "max_supplements": (_taken(*SECOND), "second_supplement", 2, "taken"),
    "supplement_request_working_days": (_advised(request(30), ACCEPTED), set(), 1, {"supplement_requested_late"}),
    "max_extensions": (_taken(ACCEPTED, EXTENDED), "taken", 0, "second_extension"),
    "apology_letter_days_ahead": (_advised(EXTENDED, ACCEPTED), set(), 2, {"extension_announced_late"}),
    "fee_payment_working_days": (
        _fact("fee_due_at", step(S.FINANCIAL_OBLIGATION_REQUESTED, 0)),
        vn("2026-10-22 08:00"),
        5,
        vn("2026-10-15 08:00"),
    ),
    "fees_before_result": (
        _taken(ACCEPTED, step(S.PROCESSING_FINISHED, 2), step(S.RESULT_RETURNED, 3), fees=(fee(),)),
        "fee_duty_open",
        False,
        "taken",
    ),
    "warning_ahead_working_hours": (
        _fact("due_warn_at", **WITH_DATE),
        vn("2026-10-14 17:00"),
        16,
        vn("2026-10-13 17:00"),
    ),
    "withdrawal_working_days": (_advised(LONG_WITHDRAWAL, ACCEPTED), set(), 1, {"withdrawal_settled_late"}),
    "cancellation_approval_working_days": (
        _advised(LONG_CANCELLATION, ACCEPTED),
        set(),
        1,
        {"cancellation_approved_late"},
    ),
    "late_entry_after_hours": (
        lambda profile: is_late(step(S.ACCEPTED, 1), at(13), dossier_rules(RuleSettings(), profile)),
        False,
        6,
        True,
    ),
    "feedback_answer_working_days": (_answer_due, vn("2026-10-22 17:00"), 3, vn("2026-10-13 17:00")),
    "account_requested_by": (
        lambda profile: _register(profile).requested_by,
        Party.AGENCY,
        "provincial_office",
        Party.PROVINCIAL_OFFICE,
    ),
    "account_approved_by": (
        lambda profile: _approval(profile).access,
        Scope.ACCOUNTS_APPROVE_POLICE,
        "provincial_office",
        Scope.ACCOUNTS_APPROVE_OFFICE,
    ),
    "account_police_consent": (lambda profile: _register(profile).needs_consent, False, True, True),
    "account_dormant_days": (_idle_limit, timedelta(days=365), 90, timedelta(days=90)),
    "explanation_working_hours": (
        lambda profile: _cases(profile).due_at(vn("2026-10-08 09:00")),
        vn("2026-10-09 09:00"),
        2,
        vn("2026-10-08 11:00"),
    ),
    # What the queue does with the budget is shown in tests/hub/cases/test_cases.py.
    "cases_per_day_per_1000_officers": (lambda profile: _cases(profile)._per_1000, 5, 8, 8),
    # What the job does with the months is shown in tests/hub/lookups/test_log.py.
    "lookup_log_retention_months": (_months_kept, 60, 24, 24),
    # For Friday evening: five whole working days before it leave until Thursday a week ago, two until Tuesday.
    "maintenance_notice_working_days": (_announced_by, vn("2026-10-09 00:00"), 2, vn("2026-10-14 00:00")),
    "reconciliation_at": (
        lambda profile: last_due(profile.reconciliation_at, vn("2026-10-08 12:00")),
        vn("2026-10-08 02:00"),
        time(23, 30),
        vn("2026-10-07 23:30"),
    ),
    "office_hours": (_works(date(2026, 10, 8), 12), False, ((time(8), time(17)),), True),
    "saturday_morning": (_works(date(2026, 10, 10), 9), False, True, True),
    "extra_holidays": (_works(date(2026, 10, 8), 9), True, (date(2026, 10, 8),), False),
    "makeup_days": (_works(date(2026, 10, 10), 15), False, (date(2026, 10, 10),), True),
}


ELSEWHERE = {
    "population_report_periods": "tests/hub/population_reports",
    "usage_shows_officer": "tests/hub/usage",
}
"""Values whose effect takes a database to see: they are tested, by their name, with the subject they change."""


def test_every_value_has_its_test(repository_root: Path) -> None:
    """And no other has."""
    assert set(EFFECTS) | set(ELSEWHERE) == set(ProfileValues.model_fields)
    for name, folder in ELSEWHERE.items():
        texts = [path.read_text("utf-8") for path in (repository_root / folder).glob("*.py")]
        assert any(name in text for text in texts), f"{folder} must show what {name} changes"


@pytest.mark.parametrize("name", EFFECTS)
def test_the_value_changes_what_the_hub_does(name: str) -> None:
    """With the default's value and with another one."""
    look, by_default, other, with_other = EFFECTS[name]
    profile = load_profile()
    assert look(profile) == by_default
    assert look(profile.model_copy(update={name: other})) == with_other


def test_what_the_deployment_sets_itself_wins() -> None:
    """`[rules]` is above the profile; what is unset there is the profile's."""
    profile = load_profile().model_copy(update={"max_supplements": 3, "fees_before_result": False})
    assert dossier_rules(RuleSettings(), profile).max_supplements == 3
    own = dossier_rules(RuleSettings(max_supplements=0, late_entry_after_hours=1), profile)
    assert (own.max_supplements, own.late_entry_after, own.fees_before_result) == (0, timedelta(hours=1), False)


def test_the_nightly_comparison_is_wired_to_the_profile() -> None:
    """The composition root takes the hour from the profile that the settings name."""
    job = _reconciliation_job(Settings(), cast("Store", None), {})
    assert job._nightly == load_profile().reconciliation_at
