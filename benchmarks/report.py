"""What a benchmark measured, as a table for people and as JSON for comparison."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure of ours beside the same of its reference, taken in one run."""

    name: str
    ours: float
    reference: float
    ratio: float
    unit: str
    bar: float | None
    """What the ratio must reach, or must not pass where less is better; ``None`` where it is shown only."""
    less_is_better: bool

    @classmethod
    def rate(
        cls, name: str, ours: Sequence[float], reference: Sequence[float], *, unit: str, bar: float | None
    ) -> Self:
        """Compare two rates, round by round: the ratio is the median of the rounds' ratios."""
        ratio = statistics.median(a / b for a, b in zip(ours, reference, strict=True))
        return cls(name, statistics.median(ours), statistics.median(reference), ratio, unit, bar, less_is_better=False)

    @classmethod
    def cost(cls, name: str, ours: float, reference: float, *, unit: str, bar: float | None) -> Self:
        """Compare two costs, of which the smaller is the better."""
        return cls(name, ours, reference, ours / reference, unit, bar, less_is_better=True)

    @classmethod
    def cost_of(
        cls, name: str, ours: Sequence[float], reference: Sequence[float], *, unit: str, bar: float | None
    ) -> Self:
        """Compare two costs, round by round: the ratio is the median of the rounds' ratios."""
        ratio = statistics.median(a / b for a, b in zip(ours, reference, strict=True))
        return cls(name, statistics.median(ours), statistics.median(reference), ratio, unit, bar, less_is_better=True)

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is met; ``None`` without a bar."""
        if self.bar is None:
            return None
        return self.ratio <= self.bar if self.less_is_better else self.ratio >= self.bar


def show(measurements: Sequence[Measurement]) -> None:
    """Print the table."""
    table = Table(title="Benchmarks, ratios taken in one run")
    for heading in ("benchmark", "ours", "reference", "unit", "ratio", "bar", "met"):
        table.add_column(heading, justify="left" if heading in {"benchmark", "unit"} else "right")
    for one in measurements:
        sign = "≤" if one.less_is_better else "≥"
        table.add_row(
            one.name,
            f"{one.ours:,.2f}",
            f"{one.reference:,.2f}",
            one.unit,
            f"{one.ratio:.2f} ×",
            "–" if one.bar is None else f"{sign} {one.bar:g} ×",
            {True: "yes", False: "NO", None: "–"}[one.is_met],
        )
    Console(width=110).print(table)


def write(path: Path, measurements: Sequence[Measurement]) -> None:
    """Write the measurements as JSON."""
    rows = [{**asdict(one), "is_met": one.is_met} for one in measurements]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
