"""The vocabulary of the watch: what the engine is told, and what it says.

Equal in names and meaning to the files of a replay, so that live and replay feed the same engine. Moments are seconds
since 1970 (UTC). Numbers of citizens stand in `Lookup`, `Dossier`, `Officer`, `Subject` and `Alert.subject_ids`; they
are shown by no ``repr``, and stand in no reason and in no evidence of an explanation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import NamedTuple

from contracts.errors import Sentence


class Outcome(StrEnum):
    """How a look-up ended, as far as the watch judges it; one that failed is not judged."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    DENIED = "denied"


class Verdict(StrEnum):
    """What a person decided about a case."""

    VIOLATION = "violation"
    NORMAL = "normal"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as the population database answered at one look-up; never known before."""

    subject_id: str = field(repr=False)
    commune: str = field(default="", repr=False)
    hamlet: int | None = field(default=None, repr=False)
    household_id: str = field(default="", repr=False)


@dataclass(slots=True)
class Lookup:
    """One look-up that ended; they come in order of ``ts``."""

    ts: float
    account_id: str
    officer_role: str
    unit_code: str
    ip: str
    dossier_code: str | None
    purpose: str
    subject_id: str = field(repr=False)
    outcome: str
    """A value of `Outcome`."""
    lookup_id: str = ""
    """Live: the id in the log; in a replay the number of the line."""
    subject: Subject | None = field(default=None, repr=False)
    """What was answered, when the person was found."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier as it was registered. Only replays read ``closed_at``; live, a closing is told when it happens."""

    code: str
    unit_code: str
    procedure: str
    assigned_officers: tuple[str, ...]
    party_ids: tuple[str, ...] = field(repr=False)
    opened_at: float
    closed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Officer:
    """An account and the person behind it."""

    account_id: str
    officer_role: str
    unit_code: str
    own_subject_id: str = field(default="", repr=False)
    household_id: str = field(default="", repr=False)
    home_commune: str = field(default="", repr=False)
    home_hamlet: int | None = field(default=None, repr=False)
    account_created: date | None = None
    last_lookup_before_stream: date | None = None
    """The last look-up before the first that the engine sees; ``None`` where there was none or it is not known."""
    role_change: tuple[date, str] | None = None
    """When the role changes, and to which."""
    duty_dates: frozenset[date] = frozenset()
    """Days on which the officer is on a roster, and so may work at night or on a day off."""


@dataclass(frozen=True, slots=True)
class Context:
    """Calendar and lists of the province; ``start`` is the first day that the engine sees."""

    start: date
    days: int = 0
    """How many days a replay has; 0 where nobody knows (live)."""
    timezone: str = "Asia/Ho_Chi_Minh"
    holidays: frozenset[date] = frozenset()
    makeup_workdays: frozenset[date] = frozenset()
    office_hours: tuple[tuple[time, time], ...] = ((time(7, 30), time(11, 30)), (time(13, 30), time(17, 0)))
    saturday_morning_units: frozenset[str] = frozenset()
    protected_persons: frozenset[str] = field(default=frozenset(), repr=False)
    """Numbers of people on the list kept by the provincial police."""
    communes: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()


class Explanation(NamedTuple):
    """The best explanation found for one look-up."""

    lookup_id: str
    grade: str
    """A value of `hub.watch.explain.Grade`."""
    w: float
    """How much stays unexplained: 0 nothing, 1 all."""
    evidence: Mapping[str, str | int | float]
    """Why: codes of dossiers, distances, days; never a number of a citizen."""
    decided_late: bool = False
    account_id: str = ""
    ts: float = 0.0
    """The moment of the look-up, not of the decision."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a reviewer should see, raised at the look-up that completes it."""

    ts: float
    account_id: str
    score: float
    """The score of the case at this moment: to rank by."""
    rule: str
    rule_score: float
    subject_ids: tuple[str, ...] = field(repr=False)
    reason: Sentence
    lookup_ids: tuple[str, ...]
    case_key: str


class Judgement(NamedTuple):
    """What one look-up, or time alone, made the engine say."""

    explanation: Explanation | None
    """``None`` where only time has passed."""
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleScore:
    """What one rule gives to a case."""

    rule: str
    score: float
    """The best of the rule in this case, capped."""
    ts: float
    lookup_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One account over seven days: each rule once, the best first."""

    case_key: str
    account_id: str
    unit_code: str
    opened_at: float
    until: float
    score: float
    rules: Sequence[RuleScore]
    lookup_ids: Sequence[str]
    """The look-ups that carry the case, oldest first; bounded by `RuleSet.case_lookups_kept`."""
