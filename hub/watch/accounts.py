"""What the engine remembers of one account, its role and its unit."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from hub.watch.days import number_of
from hub.watch.explain import UNEXPLAINED, Finding, is_slip
from hub.watch.rates import Rate, Rates
from hub.watch.records import Lookup, Officer, Outcome, Subject
from hub.watch.register import KnownDossier
from hub.watch.scoring import Case, Told

HISTORY_DAYS = 28


class Kind(IntEnum):
    """What is counted each day beside look-ups, to know how often it happens to honest people."""

    UNRELATED = 0
    NO_DOSSIER = 1
    CODE_UNKNOWN = 2
    CODE_OTHER_UNIT = 3
    CODE_CLOSED = 4
    CODE_CLOSED_PARTY = 5
    NOT_FOUND = 6
    DENIED = 7
    OFF_HOURS = 8
    ELSEWHERE = 9
    REPEATED = 10
    CODE_FOREIGN = 11


KINDS = len(Kind)


class Entry:
    """A look-up that its dossier does not (fully) explain, for as long as it matters."""

    __slots__ = (
        "account",
        "code",
        "day",
        "dossier",
        "fault",
        "grade",
        "is_off_hours",
        "is_on_roster",
        "lookup_id",
        "outcome",
        "settled",
        "subject",
        "subject_id",
        "ts",
        "unit_code",
        "w",
    )

    def __init__(
        self,
        account: AccountState,
        lookup: Lookup,
        day: int,
        *,
        finding: Finding,
        is_off_hours: bool,
        is_on_roster: bool,
    ) -> None:
        self.account = account
        self.ts = lookup.ts
        self.day = day
        self.subject_id = lookup.subject_id
        self.subject: Subject | None = lookup.subject
        self.w = finding.w
        self.grade = finding.grade
        self.code = lookup.dossier_code
        self.dossier = finding.dossier
        self.fault = finding.fault
        self.is_off_hours = is_off_hours
        self.is_on_roster = is_on_roster
        """On duty while the offices are closed: nobody is there who could register a dossier."""
        self.lookup_id = lookup.lookup_id
        self.outcome = lookup.outcome
        self.unit_code = lookup.unit_code
        self.settled = False
        """Whether it is decided; until then a registration may still explain it."""

    @property
    def household_id(self) -> str:
        """The household, or nothing."""
        return self.subject.household_id if self.subject is not None else ""

    def is_mended_by(self, number: str, code: str | None) -> bool:
        """Say whether a look-up of this number, under this code, shows that the entry was a slip."""
        if self.w < UNEXPLAINED or self.subject_id == number:
            return False
        if is_slip(self.subject_id, number):
            return True
        return self.outcome == Outcome.NOT_FOUND and self.code == code


class CodeHabit:
    """How a unit uses codes that no dossier of the province has."""

    __slots__ = ("accounts", "days", "rate")

    def __init__(self) -> None:
        self.rate = Rate()
        self.days: deque[int] = deque(maxlen=HISTORY_DAYS)
        """On which days, newest last."""
        self.accounts: set[str] = set()


class Group:
    """What is usual in a role or a unit."""

    __slots__ = ("codes", "kinds", "late", "lookups", "unexplained")

    def __init__(self) -> None:
        self.lookups = Rate()
        self.unexplained = Rate()
        self.codes = (CodeHabit(), CodeHabit())
        """Codes that no dossier has: written like another system's, and written like ours."""
        self.kinds = Rates(KINDS)
        self.late = Rate()
        """Of look-ups without a dossier: how many were registered within 45 minutes."""

    def discount(self, by: float) -> None:
        """Let a day pass."""
        codes = (one.rate for one in self.codes)
        for one in (self.lookups, self.unexplained, self.late, *codes):
            one.count *= by
            one.exposure *= by
        self.kinds.discount(by)


class Day:
    """One account's day."""

    __slots__ = ("codes", "count", "kinds", "seen", "spike_at", "unexplained", "waiting")

    def __init__(self) -> None:
        self.count = 0
        self.unexplained = 0.0
        self.codes = [0, 0]
        """Codes that no dossier has: like another system's, like ours."""
        self.kinds = [0] * KINDS
        self.waiting = 0
        """Look-ups without a dossier that may still be registered."""
        self.spike_at = 0.0
        """How many look-ups make it worth while to ask whether they are too many."""
        self.seen: dict[str, float] = {}
        """People not fully explained today, with what stays unexplained: each counts once."""


class AccountState:
    """One account."""

    __slots__ = (
        "bad_codes",
        "case",
        "closings",
        "codes",
        "creep",
        "creep_days",
        "day",
        "denied",
        "duty",
        "elsewhere",
        "evidence_from",
        "held",
        "held_exposure",
        "history",
        "id",
        "in_hand",
        "kinds",
        "last_day",
        "last_other_lookup",
        "last_other_network",
        "last_other_ts",
        "last_other_w",
        "last_own_lookup",
        "last_own_network",
        "last_own_ts",
        "last_ts",
        "lookups",
        "miss",
        "neighbours",
        "networks",
        "night",
        "night_count",
        "no_dossier",
        "not_found",
        "off_hours",
        "officer",
        "opened_day",
        "opened_today",
        "rate",
        "recent",
        "recent_ts",
        "relations",
        "role",
        "role_change_day",
        "shams",
        "shape",
        "strangers",
        "today",
        "told",
        "unexplained",
        "unit",
        "usual_count",
        "week",
        "woke_after",
        "woke_at",
    )

    def __init__(self, officer: Officer) -> None:  # noqa: PLR0915 - one line for each thing remembered
        self.id = officer.account_id
        self.role = officer.officer_role
        self.take(officer)
        last = officer.last_lookup_before_stream or officer.account_created
        self.last_day = number_of(last) if last is not None else None
        self.last_ts = 0.0
        self.day = -1
        self.today = Day()
        # The work in hand.
        self.in_hand = 0
        self.opened_day = -1
        self.opened_today = 0
        # What is usual, as of this morning.
        self.lookups = Rate()
        self.unexplained = Rate()
        self.codes = (Rate(), Rate())
        self.kinds = Rates(KINDS)
        self.history: deque[int] = deque(maxlen=HISTORY_DAYS)
        self.week: deque[tuple[int, int]] = deque(maxlen=7)
        """Look-ups of the latest days: day and count."""
        self.rate = 1.0
        self.shape = 1.0
        self.miss = 0.05
        self.usual_count = 0.0
        self.creep = 0.0
        self.creep_days = 0
        self.held: deque[Day] = deque(maxlen=60)
        """Days not learnt, because of an open case."""
        self.held_exposure: deque[float] = deque(maxlen=60)
        # What happened lately.
        self.recent: deque[Entry] = deque(maxlen=200)
        self.recent_ts = float("-inf")
        """The moment of the latest of them."""
        self.networks: dict[str, list[int]] = {}
        """Networks used: the last day of use, and on how many days."""
        self.last_own_ts = 0.0
        self.last_own_network = ""
        self.last_own_lookup = ""
        self.last_other_ts = 0.0
        self.last_other_network = ""
        self.last_other_lookup = ""
        self.last_other_w = 0.0
        self.not_found: deque[Entry] = deque(maxlen=100)
        self.denied: deque[tuple[float, str]] = deque(maxlen=100)
        self.bad_codes: deque[Entry] = deque(maxlen=100)
        self.no_dossier: deque[Entry] = deque(maxlen=100)
        self.elsewhere: deque[Entry] = deque(maxlen=100)
        self.relations: dict[str, deque[Entry]] = {}
        self.off_hours: deque[Entry] = deque(maxlen=100)
        self.neighbours: deque[Entry] = deque(maxlen=100)
        self.strangers: deque[Entry] = deque(maxlen=100)
        self.shams: deque[tuple[float, KnownDossier]] = deque(maxlen=50)
        """Short-lived dossiers nobody else touched: when closed, which."""
        self.closings: deque[tuple[float, str]] = deque(maxlen=5_000)
        """Of dossiers assigned to the officer: when, and of which procedure."""
        self.night = -1
        self.night_count = 0
        self.woke_at = 0.0
        self.woke_after = 0
        self.case: Case | None = None
        self.told = Told()
        self.evidence_from = 0.0
        """The end of the last case: what it has shown is not counted again."""

    def take(self, officer: Officer) -> None:
        """Take in what has become of the officer."""
        self.officer = officer
        self.unit = officer.unit_code
        self.duty = frozenset(number_of(one) for one in officer.duty_dates)
        change = officer.role_change
        self.role_change_day = number_of(change[0]) if change is not None else None

    def is_beginner(self, day: int, days: int) -> bool:
        """Say whether the account, or its role, is younger than so many days."""
        created, change = self.officer.account_created, self.role_change_day
        is_new = created is not None and number_of(created) > day - days
        return is_new or (change is not None and day - days < change <= day)
