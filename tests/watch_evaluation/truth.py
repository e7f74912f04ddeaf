"""What the scorer knows of a stream: who did what wrong and when, which windows are honest, who was active when."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.watch_evaluation import records
from tests.watch_evaluation.days import WARM_UP, ZONE


@dataclass(frozen=True)
class Wrong:
    """One labelled incident: its look-ups as (moment, account), in order."""

    id: str
    kind: str
    lookups: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Quiet:
    """One honest window: accounts, first moment, end."""

    id: str
    kind: str
    accounts: frozenset[str]
    since: float
    until: float


@dataclass(frozen=True)
class Truth:
    """One stream's labels."""

    base: float
    """The moment at which the first day begins."""
    days: int
    officers: int
    wrongs: tuple[Wrong, ...]
    windows: tuple[Quiet, ...]
    counts: dict[str, dict[int, int]]
    """Look-ups by account and day."""
    warm_up: int = WARM_UP

    @property
    def judged(self) -> int:
        """How many days are judged."""
        return self.days - self.warm_up

    def day(self, moment: float) -> int:
        """Return the number of a moment's day."""
        return int((moment - self.base) // 86_400)


@dataclass(frozen=True)
class Alert:
    """One alert as the replay writes it; `score` is the case's score at that moment."""

    ts: float
    account: str
    score: float
    rule: str = ""


def read_truth(folder: Path) -> Truth:
    """Read the labels of a written stream."""
    context = json.loads((folder / records.CONTEXT).read_text("utf-8"))
    start = dt.date.fromisoformat(context["start"])
    base = _midnight(start)
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    number = {str(start + dt.timedelta(days=day)): day for day in range(context["days"] + 1)}
    for one in records.read_lines(folder / records.EVENTS):
        counts[one["account_id"]][number[one["ts"][:10]]] += 1
    return Truth(
        base=base,
        days=context["days"],
        officers=sum(1 for _ in records.read_lines(folder / records.OFFICERS)),
        wrongs=tuple(
            Wrong(
                one["incident"],
                one["kind"],
                tuple((records.moment(lookup["ts"]), lookup["account_id"]) for lookup in one["lookups"]),
            )
            for one in records.read_lines(folder / records.LABELS)
        ),
        windows=tuple(
            Quiet(
                one["window"],
                one["kind"],
                frozenset(one["accounts"]),
                _midnight(dt.date.fromisoformat(one["from"])),
                _midnight(dt.date.fromisoformat(one["to"])) + 86_400,
            )
            for one in records.read_lines(folder / records.WINDOWS)
        ),
        counts={account: dict(days) for account, days in counts.items()},
    )


def read_alerts(path: Path) -> Sequence[Alert]:
    """Read what `lienthong detect replay` wrote."""
    return [
        Alert(records.moment(one["ts"]), one["account_id"], float(one["score"]), one["rule"])
        for one in records.read_lines(path)
    ]


def _midnight(date: dt.date) -> float:
    return dt.datetime.combine(date, dt.time(), ZONE).timestamp()
