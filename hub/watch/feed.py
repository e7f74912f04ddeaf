"""What the watch reads: dossiers as they change, look-ups as they end, in the words of the engine.

A dossier exists for the watch from the moment the hub recorded it, and is closed from the moment the hub recorded its
end: what a dossier system says happened earlier explains nothing, or a look-up could be covered by a later entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

import orjson

from contracts.codes import procedure_root
from contracts.states import STATES, DossierState
from hub.dossiers.events_store import event_context
from hub.lookups.log import EndedLookup
from hub.lookups.rows import LookupOutcome, SubjectKind
from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.watch.engine import Engine
from hub.watch.parties import handling_accounts, party_numbers
from hub.watch.records import Dossier, Lookup, Outcome, Subject

OVERLAP = timedelta(seconds=30)
"""How far back events of dossiers are looked at each time: a transaction ends later than the time it records."""

LONG_OVERLAP = timedelta(minutes=10)
"""How far back now and then: clocks differ, and some transactions take long."""

BATCH = 500
"""Dossiers read at once."""

_OVER = frozenset(
    STATES.index(one) + 1
    for one in (
        DossierState.NOT_ACCEPTED,
        DossierState.WITHDRAWN_BY_CITIZEN,
        DossierState.PROCESSING_STOPPED,
        DossierState.PROCESSING_FINISHED,
        DossierState.RESULT_RETURNED,
    )
)
"""National states, by number, in which nobody needs to look anybody up for a dossier any more."""

_JUDGED = {
    LookupOutcome.FOUND.value: Outcome.FOUND.value,
    LookupOutcome.NOT_FOUND.value: Outcome.NOT_FOUND.value,
    LookupOutcome.DENIED.value: Outcome.DENIED.value,
}
"""What failed, was about somebody else, or only repeated an answer handed nothing out and is not judged."""

_ASKED_FOR_A_REASON = "step_up_required"
"""The gate's word where an honest rush passes the ceiling: work is not refused then, so it is held against nobody."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, at its moment, and how the engine is told."""

    ts: float
    tell: Callable[[Engine], None]


@dataclass(slots=True)
class _Known:
    revision: int = 0
    unit_code: str = ""
    procedure: str = ""
    parties: frozenset[str] = field(default=frozenset(), repr=False)
    accounts: frozenset[str] = frozenset()
    opened_at: float = 0.0
    changed_at: float = 0.0
    is_over: bool = False

    def dossier(self, code: str) -> Dossier:
        return Dossier(
            code=code,
            unit_code=self.unit_code,
            procedure=self.procedure,
            assigned_officers=tuple(sorted(self.accounts)),
            party_ids=tuple(sorted(self.parties)),
            opened_at=self.opened_at,
        )


Row = tuple[str, int, str, int, datetime, bytes]
"""Code, revision, kind, state number, recorded at, sealed."""

_ROWS: LiteralString = (
    "SELECT e.dossier_code, e.revision, e.kind, e.state, e.recorded_at, e.sealed FROM dossier_events e"
)


class DossierFeed:
    """Follows the events of dossiers. Holds for each which revision it has told, and what it told."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._known: dict[str, _Known] = {}
        self._gone: set[str] = set()

    async def changes(self, conn: Connection, since: datetime) -> list[Step]:
        """Return what was recorded since a moment and not told yet, in order of the moments recorded."""
        cursor = await conn.execute(
            "SELECT dossier_code, max(revision) FROM dossier_events WHERE recorded_at >= %s GROUP BY dossier_code",
            (since,),
        )
        found = await cursor.fetchall()
        behind = {code for code, revision in found if code not in self._gone and self._revision(code) < revision}
        steps: list[Step] = []
        codes = sorted(behind)
        for begin in range(0, len(codes), BATCH):
            part = codes[begin : begin + BATCH]
            cursor = await conn.execute(
                f"{_ROWS} JOIN unnest(%s::text[], %s::int[]) AS k (code, revision)"
                " ON k.code = e.dossier_code AND e.revision > k.revision ORDER BY e.dossier_code, e.revision",
                (part, [self._revision(code) for code in part]),
            )
            steps += self.take(await cursor.fetchall())
        return sorted(steps, key=lambda one: one.ts)

    async def at(self, conn: Connection, moment: datetime) -> list[Step]:
        """Return the dossiers that were there and not over at a moment; those over before it are left out."""
        cursor = await conn.execute(
            "SELECT code FROM dossiers WHERE recorded_at >= %s OR NOT (cancelled OR state = ANY(%s)) ORDER BY code",
            (moment, sorted(_OVER)),
        )
        codes = [row[0] for row in await cursor.fetchall()]
        steps: list[Step] = []
        for begin in range(0, len(codes), BATCH):
            cursor = await conn.execute(
                f"{_ROWS} WHERE e.dossier_code = ANY(%s) AND e.recorded_at < %s ORDER BY e.dossier_code, e.revision",
                (codes[begin : begin + BATCH], moment),
            )
            for code in sorted(set(self._work_in(await cursor.fetchall()))):
                known = self._known[code]
                if not known.is_over:
                    steps.append(_opening(known.opened_at, known.dossier(code)))
        return sorted(steps, key=lambda one: one.ts)

    async def between(self, conn: Connection, start: datetime, end: datetime) -> list[Step]:
        """Return what was recorded from ``start`` to before ``end``, in order of the moments recorded."""
        cursor = await conn.execute(
            f"{_ROWS} WHERE e.recorded_at >= %s AND e.recorded_at < %s ORDER BY e.dossier_code, e.revision",
            (start, end),
        )
        return sorted(self.take(await cursor.fetchall()), key=lambda one: one.ts)

    def take(self, rows: Iterable[Row]) -> list[Step]:
        """Return what events say, given by dossier in the order of revisions; those told already are passed over."""
        return [step for row in rows if (step := self._step(row)) is not None]

    def forget(self, before: float) -> None:
        """Bound the memory: of dossiers that were over before a moment only the code is kept, to tell none anew."""
        over = [code for code, known in self._known.items() if known.is_over and known.changed_at < before]
        for code in over:
            del self._known[code]
        self._gone.update(over)

    def _revision(self, code: str) -> int:
        known = self._known.get(code)
        return 0 if known is None else known.revision

    def _work_in(self, rows: Iterable[Row]) -> Iterable[str]:
        for row in rows:
            self._step(row)
            yield row[0]

    def _step(self, row: Row) -> Step | None:
        code, revision, kind, state, recorded_at, sealed = row
        known = self._known.setdefault(code, _Known())
        if revision <= known.revision:
            return None
        ts = recorded_at.timestamp()
        is_new = known.revision == 0
        before = (known.parties, known.accounts, known.unit_code)
        was_over = known.is_over
        self._read(known, kind, orjson.loads(self._sealer.open(sealed, event_context(code, revision))))
        known.revision, known.changed_at = revision, ts
        known.is_over = kind == "cancellation" or was_over or state in _OVER
        if is_new:
            known.opened_at = ts
            if not known.is_over:
                return _opening(ts, known.dossier(code))
            return _both(ts, known.dossier(code))
        if known.is_over:
            return None if was_over else Step(ts, lambda engine: engine.close_dossier(code, ts))
        if (known.parties, known.accounts, known.unit_code) == before:
            return None
        dossier = known.dossier(code)
        return Step(ts, lambda engine: engine.amend_dossier(dossier, ts))

    @staticmethod
    def _read(known: _Known, kind: str, content: dict[str, Any]) -> None:
        if kind == "declared":
            procedure = content["procedure"]
            known.unit_code = content["agency"]["code"]
            known.procedure = f"{procedure_root(procedure['code'])} {procedure['field_name']} {procedure['name']}"
            known.parties = party_numbers(content)
        # Whoever was assigned once has worked on it; a later declaration without them takes nothing back.
        known.accounts |= handling_accounts(content)


def to_lookup(one: EndedLookup, sealer: Sealer) -> Lookup | None:
    """Return a look-up as the engine judges it; ``None`` where it does not."""
    outcome = _JUDGED.get(one.outcome)
    if outcome is None or one.subject_kind != SubjectKind.PERSON.value or one.denied_code == _ASKED_FOR_A_REASON:
        return None
    subject = _subject(one.answered(sealer))
    # Asked for by an old card, a person is known by the number that was answered.
    number = subject.subject_id if subject is not None else one.subject_number(sealer)
    if not number:
        return None
    return Lookup(
        ts=one.asked_at.timestamp(),
        account_id=one.account_id,
        officer_role=one.role,
        unit_code=one.unit_code,
        ip=one.ip or "",
        dossier_code=one.dossier_code,
        purpose=one.purpose,
        subject_id=number,
        outcome=outcome,
        lookup_id=str(one.id),
        subject=subject,
    )


def lookup_step(lookup: Lookup, judged: Callable[[Engine, Lookup], None]) -> Step:
    """Return the step that lets the engine judge a look-up."""
    return Step(lookup.ts, lambda engine: judged(engine, lookup))


def in_order(*parts: Sequence[Step]) -> list[Step]:
    """Return steps in the order of their moments; at one moment in the order given, dossiers before look-ups."""
    return sorted((step for part in parts for step in part), key=lambda one: one.ts)


def _subject(answered: dict[str, Any] | None) -> Subject | None:
    if not answered or not answered.get("subject_id"):
        return None
    hamlet = answered.get("hamlet")
    return Subject(
        subject_id=str(answered["subject_id"]),
        commune=answered.get("commune") or "",
        hamlet=hamlet if isinstance(hamlet, int) else None,
        household_id=answered.get("household_id") or "",
    )


def _opening(ts: float, dossier: Dossier) -> Step:
    return Step(ts, lambda engine: engine.open_dossier(dossier))


def _both(ts: float, dossier: Dossier) -> Step:
    def tell(engine: Engine) -> None:
        engine.open_dossier(dossier)
        engine.close_dossier(dossier.code, ts)

    return Step(ts, tell)
