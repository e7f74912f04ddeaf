"""Repairs: what a run found is asked about once more, and what is still proven becomes new exchanges.

A finding may be hours old, so nothing is sent on its word: right before, the partner is asked again and both sides are
compared anew, within the same rate. Only then, in one transaction with the lane locked, the exchanges are written.
A dossier is taken on once in a repair, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.exchanges.outbox import PUSH_DOSSIER, PUSH_STEP, NewExchange, enqueue, new_exchange_id
from hub.reconciliation.classify import Exclusion, Outcome, RepairKind, repair_of
from hub.reconciliation.examining import Examined, Examiner
from hub.reconciliation.reading import Standing, read_standings
from hub.reconciliation.recording import Overtaken
from hub.reconciliation.views import RunState
from hub.store.engine import Store


def decide(examined: Examined, now_standing: Standing) -> RepairKind | Exclusion:
    """Return what is sent for a dossier that was examined, or why nothing is; ``now_standing`` read under its lock."""
    if examined.standing != now_standing or now_standing.is_in_flight:
        return Exclusion.IN_FLIGHT
    decision = repair_of(examined.judgement)
    if isinstance(decision, Exclusion):
        return decision
    if now_standing.is_held:
        return Exclusion.HELD
    return Exclusion.AMENDED_THERE if now_standing.amended_there else decision


def exchanges_for(kind: RepairKind, examined: Examined, connection: str) -> list[NewExchange]:
    """Return the new exchanges, in the order in which they must arrive.

    A partner must know a dossier before its steps, and ends in the state that the newest snapshot says.
    """
    code, revision = examined.standing.code, examined.standing.revision or 0

    def one(operation: str, step: int | None = None) -> NewExchange:
        return NewExchange(new_exchange_id(), connection, code, operation, revision, step)

    steps = [one(PUSH_STEP, number) for number in examined.judgement.missing_steps]
    match kind:
        case RepairKind.CREATE if steps:
            return [one(PUSH_DOSSIER), *steps, one(PUSH_DOSSIER)]
        case RepairKind.STEPS:
            return [*steps, one(PUSH_DOSSIER)]
        case _:
            return [one(PUSH_DOSSIER)]


@dataclass(slots=True)
class RepairWork:
    """One repair under way."""

    id: UUID
    run_id: UUID
    cursor: str
    chunks: int
    moved_at: datetime
    _store: Store
    _connection: str
    _examiner: Examiner
    _limit: int
    _now: Callable[[], datetime]

    @classmethod
    async def open(
        cls, store: Store, connection: str, examiner: Examiner, limit: int, now: Callable[[], datetime]
    ) -> Self | None:
        """Return the repair of this connection that was started and has not ended, if there is one."""
        async with store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT id, run_id, cursor_code, chunks, coalesce(moved_at, started_at) FROM reconciliation_repairs"
                " WHERE connection = %s AND state IN ('running', 'waiting')",
                (connection,),
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        return cls(row[0], row[1], row[2], row[3], row[4], store, connection, examiner, limit, now)

    async def chunk(self) -> bool:
        """Repair the next dossiers; return whether these were the last."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT code FROM reconciliation_findings WHERE run_id = %s AND code > %s AND repair_outcome IS NULL"
                " AND outcome <> %s ORDER BY code LIMIT %s",
                (self.run_id, self.cursor, Outcome.NOT_ANSWERED.value, self._limit),
            )
            codes = [row[0] for row in await cursor.fetchall()]
        examined = {one.standing.code: one for one in await self._examiner.examine(codes)} if codes else {}
        last, now = len(codes) < self._limit, self._now()
        async with self._store.transaction() as conn:
            await self._fence(conn, codes[-1] if codes else self.cursor, now, last=last)
            decisions = await self._decide(conn, examined)
            await self._send(conn, examined, decisions, now)
            await self._record(conn, decisions, now)
        self.cursor, self.chunks, self.moved_at = codes[-1] if codes else self.cursor, self.chunks + 1, now
        return last

    async def waits(self, why: Sentence) -> None:
        """Note that it waits."""
        await self._set(RunState.WAITING, why, None)

    async def interrupt(self, why: Sentence) -> None:
        """End it; what it came to stands, and the rest can be previewed and started again."""
        await self._set(RunState.INTERRUPTED, why, self._now())

    async def _set(self, state: RunState, why: Sentence, ended_at: datetime | None) -> None:
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE reconciliation_repairs SET state = %s, why = %s, why_vi = %s, ended_at = %s"
                " WHERE id = %s AND chunks = %s AND ended_at IS NULL",
                (state.value, why.en, why.vi, ended_at, self.id, self.chunks),
            )

    async def _fence(self, conn: AsyncConnection[Any], cursor_code: str, now: datetime, *, last: bool) -> None:
        cursor = await conn.execute(
            "UPDATE reconciliation_repairs SET cursor_code = %s, chunks = chunks + 1, moved_at = %s, why = '',"
            " why_vi = '', state = %s, ended_at = %s WHERE id = %s AND chunks = %s AND ended_at IS NULL",
            (
                cursor_code,
                now,
                (RunState.COMPLETED if last else RunState.RUNNING).value,
                now if last else None,
                self.id,
                self.chunks,
            ),
        )
        if cursor.rowcount != 1:
            raise Overtaken

    async def _decide(
        self, conn: AsyncConnection[Any], examined: Mapping[str, Examined]
    ) -> dict[str, RepairKind | Exclusion]:
        codes = sorted(examined)
        # In the order of the intake, dossiers before lanes, so that neither waits for the other in a circle.
        await conn.execute("SELECT code FROM dossiers WHERE code = ANY(%s) ORDER BY code FOR SHARE", (codes,))
        await conn.execute(
            "SELECT id FROM lanes WHERE subject = ANY(%s) AND connection = %s ORDER BY subject FOR UPDATE",
            (codes, self._connection),
        )
        standings = await read_standings(conn, self._connection, codes)
        return {code: decide(examined[code], standings[code]) for code in codes}

    async def _send(
        self,
        conn: AsyncConnection[Any],
        examined: Mapping[str, Examined],
        decisions: Mapping[str, RepairKind | Exclusion],
        now: datetime,
    ) -> None:
        # They said that they do not hold it: what earlier exchanges proved is proven no longer, and a create goes out.
        lost = [code for code, what in decisions.items() if what is RepairKind.CREATE]
        await conn.execute(
            "UPDATE lanes SET known_there = false, confirmed_revision = NULL, confirmed_state = NULL,"
            " confirmed_at = NULL WHERE connection = %s AND subject = ANY(%s)",
            (self._connection, lost),
        )
        new = [
            one
            for code, what in decisions.items()
            if isinstance(what, RepairKind)
            for one in exchanges_for(what, examined[code], self._connection)
        ]
        await enqueue(conn, new, now=now)

    async def _record(
        self, conn: AsyncConnection[Any], decisions: Mapping[str, RepairKind | Exclusion], now: datetime
    ) -> None:
        await conn.execute(
            "UPDATE reconciliation_findings f SET repair_id = %s, repair_outcome = t.outcome"
            " FROM unnest(%s::text[], %s::text[]) AS t(code, outcome) WHERE f.run_id = %s AND f.code = t.code",
            (self.id, list(decisions), [what.value for what in decisions.values()], self.run_id),
        )
        await conn.execute(
            "UPDATE reconciliation_differences SET repair_id = %s, repaired_at = %s"
            " WHERE connection = %s AND code = ANY(%s) AND resolved_at IS NULL",
            (self.id, now, self._connection, _codes(decisions, RepairKind)),
        )
        await conn.execute(
            "UPDATE reconciliation_differences SET resolved_at = %s"
            " WHERE connection = %s AND code = ANY(%s) AND resolved_at IS NULL",
            (now, self._connection, [code for code, what in decisions.items() if what in _SETTLED]),
        )


_SETTLED = frozenset({Exclusion.SAME_BY_NOW, Exclusion.GONE})


def _codes(decisions: Mapping[str, RepairKind | Exclusion], kind: type[RepairKind]) -> Sequence[str]:
    return [code for code, what in decisions.items() if isinstance(what, kind)]
