"""Layer 3: what is usual, and how improbable today is.

Counts are Poisson with a rate that is itself uncertain (Gamma), so what is to be expected is negative binomial. All
functions are pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log, log1p, log10

_NEGLIGIBLE = 1e-4
"""A further term smaller than this share of the sum changes nothing that is shown."""


def tail(count: float, mean: float, shape: float) -> float:
    """Return the probability of at least ``count`` under a negative binomial; 1 where the count is not above the mean.

    Args:
        count: What was counted; sums of weights are allowed and rounded down.
        mean: What was to be expected, greater than 0.
        shape: The smaller, the more days differ; towards infinity it becomes Poisson.
    """
    n = int(count)
    if n <= mean or n == 0:
        return 1.0
    success = mean / (mean + shape)
    term = exp(lgamma(n + shape) - lgamma(n + 1) - lgamma(shape) - shape * log1p(mean / shape) + n * log(success))
    total = term
    while term > total * _NEGLIGIBLE:
        term *= (n + shape) / (n + 1) * success
        n += 1
        total += term
    return min(1.0, total)


def decades(probability: float) -> float:
    """Return how many powers of ten lie below 1, bounded."""
    return -log10(max(probability, 1e-30))


def surprise(count: float, mean: float, *, shape: float, full_at: float) -> float:
    """Return how far a count is from what chance brings: 0 not at all, 1 as far as need be.

    ``full_at`` is how many powers of ten the probability of so many must lie below 1 for the full weight.
    """
    return min(1.0, decades(tail(count, max(mean, 1e-9), shape)) / full_at)


class Rates:
    """Rates of several kinds over the same exposure, learnt like a `Rate` each."""

    __slots__ = ("counts", "exposure")

    def __init__(self, kinds: int) -> None:
        self.counts = [0.0] * kinds
        self.exposure = 0.0

    def learn(self, counts: Sequence[float], exposure: float, discount: float) -> None:
        """Take one day in."""
        self.counts = [held * discount + count for held, count in zip(self.counts, counts, strict=True)]
        self.exposure = self.exposure * discount + exposure

    def add(self, counts: Sequence[float], exposure: float) -> None:
        """Add without a day having passed."""
        held = self.counts
        for kind, count in enumerate(counts):
            if count:
                held[kind] += count
        self.exposure += exposure

    def discount(self, by: float) -> None:
        """Let a day pass."""
        self.counts = [held * by for held in self.counts]
        self.exposure *= by

    def mean(self, kind: int, prior_mean: float, prior_exposure: float) -> float:
        """Return the posterior's mean of one kind under a Gamma prior of the given mean and weight."""
        return (self.counts[kind] + prior_mean * prior_exposure) / (self.exposure + prior_exposure)

    def clear(self) -> None:
        """Forget all: the prior alone speaks again."""
        self.counts = [0.0] * len(self.counts)
        self.exposure = 0.0


class Rate:
    """A rate per exposure that is learnt day by day, older days counting less."""

    __slots__ = ("count", "exposure")

    def __init__(self) -> None:
        self.count = 0.0
        self.exposure = 0.0

    def learn(self, count: float, exposure: float, discount: float) -> None:
        """Take one day in."""
        self.count = self.count * discount + count
        self.exposure = self.exposure * discount + exposure

    def add(self, count: float, exposure: float) -> None:
        """Add without a day having passed."""
        self.count += count
        self.exposure += exposure

    def mean(self, prior_mean: float, prior_exposure: float) -> float:
        """Return the posterior's mean under a Gamma prior of the given mean and weight."""
        return (self.count + prior_mean * prior_exposure) / (self.exposure + prior_exposure)

    def shape(self, prior_mean: float, prior_exposure: float, largest: float) -> float:
        """Return the posterior's shape, never surer than ``largest``."""
        return max(0.5, min(largest, self.count + prior_mean * prior_exposure))

    def clear(self) -> None:
        """Forget all: the prior alone speaks again."""
        self.count = self.exposure = 0.0
