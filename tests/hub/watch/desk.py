"""A small province for tests of the watch: one office, its officers, and a clock in Vietnam time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hub.watch.engine import Engine
from hub.watch.explain import Grade
from hub.watch.records import Alert, Context, Dossier, Judgement, Lookup, Officer, Subject
from hub.watch.rules import Rule, RuleSet

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
START = date(2026, 6, 1)
"""A Monday."""
UNIT, ELSEWHERE = "H99.31", "H99.32"
ME, COLLEAGUE, THERE = "canbo01", "canbo02", "canbo09"
HOME = "X01"
PROTECTED = "099199000900"


def number(at: int) -> str:
    """Return an invented personal number; neighbouring arguments give numbers far apart."""
    return f"0991{at * 7_919_717 % 100_000_000:08}"


def moment(day: int, clock: str) -> float:
    """Return a moment: a day after the start, the clock in Vietnam."""
    hour, minute = clock.split(":")[:2]
    second = clock.split(":")[2] if clock.count(":") == 2 else "0"
    at = datetime(START.year, START.month, START.day, int(hour), int(minute), int(second), tzinfo=VIETNAM)
    return (at + timedelta(days=day)).astimezone(UTC).timestamp()


def officer(account_id: str, at: int, *, unit: str = UNIT, **more: object) -> Officer:
    """Make an officer who lives in commune X01, hamlet 3."""
    values = {
        "own_subject_id": number(at),
        "household_id": f"HK{at}",
        "home_commune": HOME,
        "home_hamlet": 3,
        "account_created": date(2025, 1, 1),
        "last_lookup_before_stream": date(2026, 5, 29),
    }
    return Officer(account_id, "one_stop", unit, **(values | more))  # type: ignore[arg-type]


class Desk:
    """An engine with officers, and look-ups in one line each. Alerts are gathered by rule."""

    def __init__(self, *, rules: RuleSet | None = None, officers: Iterable[Officer] = ()) -> None:
        self.context = Context(START, 60, protected_persons=frozenset({PROTECTED}))
        self.engine = Engine(self.context, rules or RuleSet(warm_up_days=0))
        self.alerts: list[Alert] = []
        self.late: list[Judgement] = []
        self.people: dict[str, Subject] = {}
        own = (officer(ME, 1), officer(COLLEAGUE, 2, home_hamlet=8), officer(THERE, 9, unit=ELSEWHERE))
        for one in (*own, *officers):
            self.engine.learn_officer(one)

    def person(self, at: int | str, *, household: str = "", hamlet: int = 5, commune: str = HOME) -> str:
        """Make somebody the population database knows."""
        number_ = at if isinstance(at, str) else number(at)
        self.people[number_] = Subject(number_, commune, hamlet, household or f"HK-{number_}")
        return number_

    def dossier(
        self,
        code: str,
        at: float,
        *parties: str,
        assigned: str = ME,
        unit: str = UNIT,
        procedure: str = "1.001193",
    ) -> str:
        """Register a dossier."""
        self.until(at)
        self.engine.open_dossier(Dossier(code, unit, procedure, (assigned,), parties, at))
        return code

    def close(self, code: str, at: float) -> None:
        """End a dossier."""
        self.until(at)
        self.engine.close_dossier(code, at)
        self.until(at)

    def until(self, at: float) -> None:
        """Let time pass."""
        judged = self.engine.advance(at)
        self.late += judged
        self.alerts += [alert for one in judged for alert in one.alerts]

    def look(
        self,
        at: float,
        who: str,
        code: str | None = None,
        *,
        account: str = ME,
        ip: str = "10.20.1.5",
        outcome: str = "found",
        unit: str = UNIT,
    ) -> Judgement:
        """Look somebody up."""
        self.until(at)
        subject = self.people.get(who) if outcome == "found" else None
        if outcome == "found" and subject is None:
            subject = self.people[self.person(who)]
        name = f"{len(self.alerts)}@{at:.0f}"
        judged = self.engine.judge(
            Lookup(at, account, "one_stop", unit, ip, code, "handling", who, outcome, name, subject)
        )
        self.alerts += judged.alerts
        return judged

    def grade(self, at: float, who: str, code: str | None = None, **more: str) -> tuple[Grade, float]:
        """Look somebody up and return how it is explained."""
        explanation = self.look(at, who, code, **more).explanation
        assert explanation is not None
        return Grade(explanation.grade), explanation.w

    def work(self, day: int, count: int = 8, *, account: str = ME, ip: str = "10.20.1.5", unit: str = UNIT) -> None:
        """Do an honest day's work: dossiers of one party each, looked up when they are registered."""
        for at in range(count):
            ts = moment(day, f"{8 + at // 12:02}:{at * 5 % 60:02}")
            party = self.person(100_000 + day * 500 + at * 3 + sum(map(ord, account)) * 40_000, hamlet=at % 9 + 1)
            code = self.dossier(f"{unit}-2606{day:02}-{account[-2:]}{at:03}", ts, party, assigned=account, unit=unit)
            self.look(ts + 30, party, code, account=account, ip=ip, unit=unit)

    def rules(self) -> set[Rule]:
        """Return the rules of every open case, told of or not."""
        return {Rule(one.rule) for case in self.engine.cases() for one in case.rules}

    def first(self, rule: Rule) -> Alert | None:
        """Return the first alert of a rule."""
        return next((one for one in self.alerts if one.rule == rule), None)
