"""What the rules of layer 2 share: windows of look-ups, and a rule's claim before it is raised."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from hub.watch.accounts import AccountState, Entry
from hub.watch.casebook import CaseBook
from hub.watch.rules import Rule

WEEK = 7 * 86_400.0
_SHOWN = 20
"""Look-ups and people named in one alert."""


class Claim(NamedTuple):
    """What one rule says of a look-up."""

    rule: Rule
    score: float
    entries: Iterable[Entry]
    n: float


def window(kept: deque[Entry], entry: Entry, seconds: float) -> int:
    """Add a look-up to those of a time; return how many there are. What an earlier case has shown does not count."""
    state = entry.account
    case = state.case
    shown = case.until if case is not None and entry.ts >= case.until else state.evidence_from
    since = max(entry.ts - seconds, shown)
    while kept and kept[0].ts < since:
        kept.popleft()
    kept.append(entry)
    return len(kept)


def households(entries: Iterable[Entry]) -> int:
    """Return how many households the people are of: a family is one errand."""
    return len({one.household_id or one.subject_id for one in entries})


def raise_claim(
    book: CaseBook, state: AccountState, claim: Claim, ts: float, day: int, *, is_fresh: bool = True
) -> None:
    """Raise what a rule says, naming the latest look-ups that it rests on."""
    shown = list(claim.entries)[-_SHOWN:]
    book.raise_alert(
        state,
        claim.rule,
        claim.score,
        ts,
        day,
        subjects=tuple(dict.fromkeys(one.subject_id for one in shown)),
        lookups=tuple(one.lookup_id for one in shown),
        n=claim.n,
        is_fresh=is_fresh,
    )
