"""The days of a stream: which are worked, when the offices are open, and how a moment is written."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

DAY = 86_400
OFFSET = dt.timedelta(hours=7)
ZONE = dt.timezone(OFFSET)
WARM_UP = 14
"""Days at the start that are never judged (lookup-monitoring §3)."""

MORNING, AFTERNOON = (7 * 3600 + 1800, 11 * 3600 + 1800), (13 * 3600 + 1800, 17 * 3600)
SATURDAY = 5

STARTS = {
    # Tết 2026 is on 17 February, so that the weeks after it lie in the judged part of the stream.
    "winter": dt.date(2026, 1, 5),
    "summer": dt.date(2026, 6, 8),
    "autumn": dt.date(2026, 8, 10),
}
HOLIDAYS = {
    "winter": tuple(dt.date(2026, 2, day) for day in range(16, 21)),
    "summer": (),
    "autumn": (dt.date(2026, 9, 1), dt.date(2026, 9, 2)),
}
MAKE_UP = {"winter": (dt.date(2026, 2, 28),), "summer": (), "autumn": (dt.date(2026, 8, 22),)}


@dataclass(frozen=True)
class Days:
    """The calendar of one stream. A day is its number from the start, a moment is seconds since the epoch (UTC)."""

    season: str
    count: int

    @property
    def start(self) -> dt.date:
        """The first day."""
        return STARTS[self.season]

    @cached_property
    def base(self) -> int:
        """The moment at which the first day begins, local time."""
        return int(dt.datetime.combine(self.start, dt.time(), ZONE).timestamp())

    @cached_property
    def dates(self) -> Sequence[dt.date]:
        """The date of every day, and of a good month after the end, for what is planned beyond it."""
        return tuple(self.start + dt.timedelta(days=day) for day in range(self.count + 60))

    @cached_property
    def full(self) -> Sequence[bool]:
        """Whether all offices work on the day."""
        off, on = HOLIDAYS[self.season], MAKE_UP[self.season]
        return tuple((day.weekday() < SATURDAY and day not in off) or day in on for day in self.dates)

    def saturday(self, day: int) -> bool:
        """Whether the day is a Saturday on which only the Saturday offices work, in the morning."""
        return (
            self.dates[day].weekday() == SATURDAY
            and not self.full[day]
            and self.dates[day] not in HOLIDAYS[self.season]
        )

    def worked(self, day: int, *, saturdays: bool) -> bool:
        """Whether an office works on the day."""
        return self.full[day] or (saturdays and self.saturday(day))

    @cached_property
    def after_holidays(self) -> Sequence[int]:
        """The first six working days after a holiday of three days or more; none if there is no such holiday."""
        if len(HOLIDAYS[self.season]) <= 2:
            return ()
        last = max(HOLIDAYS[self.season])
        return tuple(day for day in range(self.count) if self.full[day] and self.dates[day] > last)[:6]

    def of(self, moment: float) -> int:
        """Return the day of a moment."""
        return int(moment - self.base) // DAY

    def at(self, day: int, second: float) -> int:
        """Return the moment of a second of a day."""
        return self.base + day * DAY + int(second)

    def office_second(self, day: int, rng: random.Random) -> int:
        """Draw a second of the office hours; the middle of each half-day is busiest."""
        half = MORNING if self.saturday(day) or rng.random() < 0.54 else AFTERNOON
        return int(half[0] + (half[1] - half[0]) * (rng.random() + rng.random()) / 2)

    def in_office(self, moment: int, latest: int = AFTERNOON[1] + 1500) -> int:
        """Move a moment that fell into lunch or past the evening back into work of the same day."""
        day, second = divmod(moment - self.base, DAY)
        if MORNING[1] + 900 < second < AFTERNOON[0]:
            second = AFTERNOON[0] + (second - MORNING[1]) % 1800
        return self.base + day * DAY + min(second, latest)

    def written(self, moment: int) -> str:
        """Write a moment as ISO 8601 with offset."""
        day, second = divmod(moment - self.base, DAY)
        hour, rest = divmod(second, 3600)
        date = self.dates[day] if day >= 0 else self.start + dt.timedelta(days=day)
        return f"{date}T{hour:02}:{rest // 60:02}:{rest % 60:02}+07:00"


def poisson(rng: random.Random, mean: float) -> int:
    """Draw from a Poisson distribution (Knuth's way; the means here are small)."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    limit, product, count = 2.718281828459045**-mean, rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
