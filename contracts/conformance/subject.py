"""An adapter as its author presents it to the suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from contracts.inbox import InboxKind
from contracts.ports import Adapter


class Capability(Enum):
    """What not every partner can do. A test that needs one is skipped by its absence, never by a name."""

    LOGIN = "it gives sessions, and may declare one expired; the call is named `login` in `Subject.calls`"
    ASKS_FIRST = "before a create of an unknown dossier the partner is asked, with the call of `find_dossier`"
    SAYS_ALREADY_THERE = "it answers a create of what it holds with 'already there'"
    LISTS_STEPS = "`find_dossier` lists the steps it holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundCall:
    """A call the played partner makes to us on demand (``POST /calls/<name>``)."""

    name: str
    keeps: frozenset[InboxKind] = frozenset()
    """The kinds of events it becomes; none for a question that leaves no event."""
    asks: bool = False
    """Whether it asks about a dossier."""
    wish: Mapping[str, Any] = field(default_factory=dict)
    """The body of ``POST /calls/<name>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the suite must know of an adapter to try it."""

    adapter: Adapter
    folder: Path
    """Of its package: where ``quality.toml`` and ``README.md`` lie."""
    tests: Path
    """Of its tests: where the proofs of ``quality.toml`` are looked for."""
    calls: Mapping[str, str]
    """Operation of a port → the call on the wire that carries it out; faults are aimed at that call."""
    hasty: Mapping[str, Any]
    """Settings put above those of the played partner, with which a call gives up before a slow answer, which takes two
    seconds. A write needs a second: given up before it was sent, it is no unknown outcome."""
    capabilities: frozenset[Capability] = frozenset()
    configured: Mapping[str, Any] = field(default_factory=dict)
    """The adapter's own keys as a deployment would have them, for the sandbox."""
    inbound: tuple[InboundCall, ...] = ()
    """The calls of a partner that calls us: for `InboundSuite`."""
