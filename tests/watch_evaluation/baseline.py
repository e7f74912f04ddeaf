"""The baseline beside the engine: a z-score on daily counts, as most products that watch accounts do it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.watch_evaluation.days import DAY
from tests.watch_evaluation.truth import Alert, Truth

LEAST = 5
"""Days an account must have been active before its count can be unusual."""


def z_scores(truth: Truth) -> Sequence[Alert]:
    """Raise an alert at the end of every day on which an account's count is above its own mean so far."""
    alerts: list[Alert] = []
    for account, counts in truth.counts.items():
        number = total = squares = 0.0
        for day in sorted(counts):
            count = counts[day]
            if number >= LEAST and day >= truth.warm_up:
                mean = total / number
                spread = max(0.0, squares / number - mean * mean) ** 0.5
                z = (count - mean) / max(spread, 1.0)
                if z > 0.5:
                    alerts.append(Alert(truth.base + (day + 1) * DAY - 1, account, z, "z"))
            number += 1
            total += count
            squares += count * count
    return alerts
