"""What an examination finds: one line per thing looked at, and what to do where it is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from contracts.errors import Sentence


class Verdict(Enum):
    """Whether it is as it should be."""

    GOOD = "✓"
    ATTENTION = "!"
    """Good today; somebody should look soon."""
    BAD = "✗"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """What was looked at, e.g. ``database`` or ``national_portal: port``."""
    verdict: Verdict
    sentence: Sentence
    """What was found; where it is not good, also what to do. Holds no secret."""


def good(subject: str, en: str, vi: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, Verdict.GOOD, Sentence(en, vi))


def bad(subject: str, sentence: Sentence) -> Finding:
    """Return a finding that something is wrong."""
    return Finding(subject, Verdict.BAD, sentence)
