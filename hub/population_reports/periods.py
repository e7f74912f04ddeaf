"""Periods of reports: a month, quarter, half-year or year, by the calendar of Vietnam (VP 29.8b).

Written as ``2026-10``, ``2026-Q4``, ``2026-H2`` and ``2026``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.errors import Refusal

MONTHS = 12


class PeriodKind(StrEnum):
    """How long a period is; the words of the profile's ``population_report_periods``."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"

    @property
    def months(self) -> int:
        """Its length in months."""
        return {"month": 1, "quarter": 3, "half_year": 6, "year": MONTHS}[self.value]


_FORM = re.compile(r"(?P<year>20[0-9]{2})(?:-(?:(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4])|H(?P<half>[12])))?")
_ROMAN = ("I", "II", "III", "IV")


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of whole months."""

    kind: PeriodKind
    year: int
    number: int
    """Which one of the year, from 1."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` writes; refuse (422 ``period_invalid``) anything else."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise Refusal(
                422,
                "period_invalid",
                Sentence(
                    en="A period is written as 2026-10 (month), 2026-Q4 (quarter), 2026-H2 (half-year) or 2026 (year).",
                    vi="Kỳ báo cáo viết theo dạng 2026-10 (tháng), 2026-Q4 (quý), 2026-H2 (6 tháng) hoặc 2026 (năm).",
                ),
                field="period",
            )
        kinds = {"month": PeriodKind.MONTH, "quarter": PeriodKind.QUARTER, "half": PeriodKind.HALF_YEAR}
        for name, kind in kinds.items():
            if found[name] is not None:
                return cls(kind, int(found["year"]), int(found[name]))
        return cls(PeriodKind.YEAR, int(found["year"]), 1)

    @classmethod
    def of(cls, kind: PeriodKind, day: date) -> Self:
        """Return the period of this kind that holds a day."""
        return cls(kind, day.year, (day.month - 1) // kind.months + 1)

    def __str__(self) -> str:
        """Return it as it is written in addresses and on the command line."""
        match self.kind:
            case PeriodKind.MONTH:
                return f"{self.year}-{self.number:02}"
            case PeriodKind.QUARTER:
                return f"{self.year}-Q{self.number}"
            case PeriodKind.HALF_YEAR:
                return f"{self.year}-H{self.number}"
            case PeriodKind.YEAR:
                return str(self.year)

    @property
    def vietnamese(self) -> str:
        """Return it as a heading names it."""
        match self.kind:
            case PeriodKind.MONTH:
                return f"Tháng {self.number}/{self.year}"
            case PeriodKind.QUARTER:
                return f"Quý {_ROMAN[self.number - 1]} năm {self.year}"
            case PeriodKind.HALF_YEAR:
                return f"6 tháng {'đầu' if self.number == 1 else 'cuối'} năm {self.year}"
            case PeriodKind.YEAR:
                return f"Năm {self.year}"

    @property
    def first_day(self) -> date:
        """The first day."""
        return date(self.year, (self.number - 1) * self.kind.months + 1, 1)

    @property
    def last_day(self) -> date:
        """The last day."""
        return self.end.astimezone(VIETNAM).date() - timedelta(days=1)

    @property
    def start(self) -> datetime:
        """The moment it begins."""
        return _midnight(self.first_day)

    @property
    def end(self) -> datetime:
        """The moment it is over; the next one begins then."""
        month = self.number * self.kind.months
        return _midnight(date(self.year + month // MONTHS, month % MONTHS + 1, 1))

    @property
    def before(self) -> Period:
        """The one before it."""
        return Period.of(self.kind, self.first_day - timedelta(days=1))


def newest_due(kinds: Iterable[str], now: datetime) -> tuple[Period, ...]:
    """Return the newest complete period of each kind that a province reports, the shortest kind first."""
    today = now.astimezone(VIETNAM).date()
    wanted = sorted((PeriodKind(one) for one in kinds), key=lambda one: one.months)
    return tuple(Period.of(kind, today).before for kind in wanted)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
