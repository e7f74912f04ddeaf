"""Replays: previewed and frozen, approved by a second person, started, paused, stopped. `hub.replays.jobs` runs them.

A preview stores which exchanges it means; nothing that happens later adds to them. What has changed until an
exchange's turn comes can only take it out. Everything a person does here is an act in the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.types.json import Jsonb

from contracts.ports import RepeatClass
from hub.access.agencies import covers
from hub.exchanges.reopening import CANDIDATE, CANDIDATE_ROW, Candidate
from hub.exchanges.service import ConnectionInfo
from hub.ledger.entries import record_act
from hub.replays import reading, refusals
from hub.replays.filters import ARRIVED, ExchangeSelection, conditions
from hub.replays.selection import Action, Exclusion, repeat_class, sort_out
from hub.replays.settings import ReplaySettings
from hub.replays.views import ExcludedView, ItemPage, Preview, ReplayDetail, ReplayPage, ReplayState
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.web import cursors
from hub.web.ids import id_or


class ReplayService:
    """What operators do with replays, and what they see of them."""

    def __init__(self, store: Store, connections: Sequence[ConnectionInfo], settings: ReplaySettings) -> None:
        """``connections`` give the repeat classes and rates."""
        self._store = store
        self._settings = settings
        self._classes = {one.id: one.repeat_classes for one in connections}
        self._paces = {one.id: pace_of(one, settings) for one in connections}

    # --- reading ----------------------------------------------------------------------------------------------

    async def get(
        self, replay_id: str, *, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ReplayDetail:
        """Return one replay with its progress, or refuse with 404.

        ``agencies`` are those the reader is confined to; none: all. So in every method here.
        """
        async with joined(self._store, within) as conn:
            found = await reading.detail(conn, id_or(replay_id, refusals.not_found), now=datetime.now(UTC))
        if found is None or not _visible(found[1], agencies):
            raise refusals.not_found()
        return found[0]

    async def page(self, *, cursor: str | None = None, limit: int = 50, agencies: Sequence[str] = ()) -> ReplayPage:
        """Return replays, newest first; a page may be short where others are hidden from the reader."""
        async with self._store.transaction() as conn:
            rows = await reading.summaries(conn, after=cursors.id_of(cursor) if cursor else None, limit=limit + 1)
        shown = rows[:limit]
        return ReplayPage(
            items=tuple(summary for summary, confined in shown if _visible(confined, agencies)),
            next_cursor=shown[-1][0].id if len(rows) > limit else None,
        )

    async def items(
        self, replay_id: str, *, after: int = -1, limit: int = 100, agencies: Sequence[str] = ()
    ) -> ItemPage:
        """Return the exchanges of a replay in the order of the run, those left out at the preview last."""
        found = await self.get(replay_id, agencies=agencies)
        async with self._store.transaction() as conn:
            rows = await reading.items(conn, UUID(found.id), after=after, limit=limit + 1)
        return ItemPage(items=tuple(rows[:limit]), next_after=rows[limit - 1].position if len(rows) > limit else None)

    # --- previewing -------------------------------------------------------------------------------------------

    async def preview(
        self,
        action: Action,
        wanted: ExchangeSelection,
        *,
        reason: str,
        actor: str,
        agencies: Sequence[str] = (),
        within: Connection | None = None,
    ) -> ReplayDetail:
        """Freeze what the filter matches now, and say what would happen. Nothing is sent.

        Raises `Refusal`: no reason, a state nothing can be done to, or more than `ReplaySettings.most` exchanges.
        """
        if not reason.strip():
            raise refusals.reason_required()
        if not ARRIVED.isdisjoint(wanted.states):
            raise refusals.not_selectable()
        now = datetime.now(UTC)
        key = uuid_utils.compat.uuid7()
        async with joined(self._store, within) as conn:
            candidates = await self._select(conn, wanted, agencies)
            included, excluded = sort_out(action, candidates, self._classes)
            preview = self._describe(action, included, excluded, now)
            await conn.execute(
                "INSERT INTO replays (id, action, state, filter, reason, agencies, preview, total, needs_approval,"
                " created_by, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    key,
                    action.value,
                    ReplayState.PREVIEWED.value,
                    Jsonb(orjson.loads(wanted.model_dump_json())),
                    reason,
                    list(agencies),
                    Jsonb(orjson.loads(preview.model_dump_json())),
                    len(included),
                    len(included) > self._settings.second_person_above,
                    actor,
                    now,
                ),
            )
            await _store_items(conn, key, included, excluded)
            facts = {"action": action.value, "count": str(len(included))}
            await record_act(conn, act="replay.previewed", actor=actor, target=str(key), reason=reason, facts=facts)
            return await self.get(str(key), within=conn)

    async def _select(self, conn: Connection, wanted: ExchangeSelection, agencies: Sequence[str]) -> list[Candidate]:
        condition, values = conditions(wanted, agencies)
        # Soonest legal deadline first; exchanges of one dossier in the order of their lane.
        cursor = await conn.cursor(row_factory=CANDIDATE_ROW).execute(
            f"SELECT * FROM ({CANDIDATE} WHERE {condition} LIMIT %(most)s) c"  # noqa: S608 - conditions are constants
            " ORDER BY due_at NULLS LAST, subject, position",
            {**values, "most": self._settings.most + 1},
        )
        found = await cursor.fetchall()
        if len(found) > self._settings.most:
            raise refusals.too_large(self._settings.most)
        if agencies:
            return [one for one in found if covers(agencies, one.subject.partition("-")[0])]
        return found

    def _describe(
        self,
        action: Action,
        included: Sequence[Candidate],
        excluded: dict[Candidate, Exclusion],
        now: datetime,
    ) -> Preview:
        by_connection = Counter(one.connection for one in included)
        due = [one.due_at for one in included if one.due_at is not None]
        classes = Counter(repeat_class(one, self._classes) or RepeatClass.NEVER for one in included)
        # Connections work beside each other; a dismissal sends nothing.
        seconds = max((n / self._paces.get(one, 1.0) for one, n in by_connection.items()), default=0.0)
        return Preview(
            count=len(included),
            by_repeat_class=dict(classes),
            by_connection=dict(by_connection),
            by_state=dict(Counter(one.state for one in included)),
            excluded=tuple(
                ExcludedView(reason=why, count=n, sentence=why.sentence.en, sentence_vi=why.sentence.vi)
                for why, n in sorted(Counter(excluded.values()).items())
            ),
            snapshots_after=0
            if action is Action.DISMISS
            else len({one.lane_id for one in included if one.goes_out_of_turn}),
            estimated_seconds=0.0 if action is Action.DISMISS else round(seconds, 1),
            oldest_due_at=min(due, default=None),
            overdue=sum(one < now for one in due),
        )

    # --- steering ---------------------------------------------------------------------------------------------

    async def approve(
        self, replay_id: str, *, actor: str, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ReplayDetail:
        """Approve a preview; refused for the one who made it, whoever that is."""
        async with joined(self._store, within) as conn:
            one = await self._locked(conn, replay_id, agencies)
            if one.created_by == actor:
                raise refusals.second_person()
            if one.state is not ReplayState.PREVIEWED:
                raise refusals.wrong_state(one.state)
            if one.approved_by is not None:
                raise refusals.approved_already()
            self._require_fresh(one)
            await conn.execute(
                "UPDATE replays SET approved_by = %s, approved_at = now() WHERE id = %s", (actor, one.id)
            )
            await self._record(conn, "replay.approved", one, actor)
            return await self.get(one.id, within=conn)

    async def start(
        self, replay_id: str, *, actor: str, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ReplayDetail:
        """Start a preview, or let a paused replay go on."""
        async with joined(self._store, within) as conn:
            one = await self._locked(conn, replay_id, agencies)
            if one.state is ReplayState.PREVIEWED:
                self._require_fresh(one)
                if one.preview.count == 0:
                    raise refusals.nothing_selected()
                if one.needs_approval and one.approved_by is None:
                    raise refusals.approval_required(self._settings.second_person_above)
                await conn.execute(
                    "UPDATE replays SET state = 'running', started_by = %s, started_at = now() WHERE id = %s",
                    (actor, one.id),
                )
                await self._record(conn, "replay.started", one, actor)
            elif one.state is ReplayState.PAUSED:
                await self._move(conn, one, ReplayState.RUNNING, "replay.resumed", actor)
            else:
                raise refusals.wrong_state(one.state)
            return await self.get(one.id, within=conn)

    async def pause(
        self, replay_id: str, *, actor: str, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ReplayDetail:
        """Hand over nothing more until it is started again; what is on its way ends."""
        async with joined(self._store, within) as conn:
            one = await self._locked(conn, replay_id, agencies)
            if one.state is not ReplayState.RUNNING:
                raise refusals.wrong_state(one.state)
            await self._move(conn, one, ReplayState.PAUSED, "replay.paused", actor)
            return await self.get(one.id, within=conn)

    async def stop(
        self, replay_id: str, *, actor: str, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ReplayDetail:
        """End it for good, before or while it runs; what is on its way ends, the rest stays as it was."""
        async with joined(self._store, within) as conn:
            one = await self._locked(conn, replay_id, agencies)
            if one.state in {ReplayState.STOPPED, ReplayState.FINISHED}:
                raise refusals.wrong_state(one.state)
            await self._move(conn, one, ReplayState.STOPPED, "replay.stopped", actor)
            await conn.execute("UPDATE replays SET ended_at = now() WHERE id = %s", (one.id,))
            return await self.get(one.id, within=conn)

    async def _locked(self, conn: Connection, replay_id: str, agencies: Sequence[str]) -> ReplayDetail:
        """Lock the replay, so that it moves one step at a time and never while a batch is handed over."""
        await conn.execute("SELECT 1 FROM replays WHERE id = %s FOR UPDATE", (id_or(replay_id, refusals.not_found),))
        return await self.get(replay_id, agencies=agencies, within=conn)

    def _require_fresh(self, one: ReplayDetail) -> None:
        if datetime.now(UTC) - one.created_at > timedelta(hours=self._settings.valid_hours):
            raise refusals.preview_too_old(self._settings.valid_hours)

    async def _move(self, conn: Connection, one: ReplayDetail, state: ReplayState, act: str, actor: str) -> None:
        await conn.execute(
            "UPDATE replays SET state = %s, changed_by = %s, changed_at = now() WHERE id = %s",
            (state.value, actor, one.id),
        )
        await self._record(conn, act, one, actor)

    async def _record(self, conn: Connection, act: str, one: ReplayDetail, actor: str) -> None:
        facts = {"action": one.action.value, "count": str(one.preview.count)}
        await record_act(conn, act=act, actor=actor, target=one.id, reason=one.reason, facts=facts)


def pace_of(connection: ConnectionInfo, settings: ReplaySettings) -> float:
    """Return how many exchanges a second a replay may hand over for a connection."""
    rate = connection.rate_per_second
    return settings.per_second if rate is None else rate * settings.share_of_rate


async def _store_items(
    conn: Connection, key: UUID, included: Sequence[Candidate], excluded: dict[Candidate, Exclusion]
) -> None:
    rows: list[tuple[Candidate, str, str]] = [
        *((one, "pending", "") for one in included),
        *((one, "excluded", why.value) for one, why in excluded.items()),
    ]
    columns: list[list[Any]] = [
        [one.id for one, _, _ in rows],
        [one.connection for one, _, _ in rows],
        [one.due_at for one, _, _ in rows],
        [state for _, state, _ in rows],
        [outcome for _, _, outcome in rows],
    ]
    await conn.execute(
        "INSERT INTO replay_items (replay_id, position, exchange_id, connection, due_at, state, outcome)"
        " SELECT %s, v.n - 1, v.id, v.connection, v.due_at, v.state, v.outcome"
        " FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::text[]) WITH ORDINALITY"
        " AS v (id, connection, due_at, state, outcome, n)",
        (key, *columns),
    )


def _visible(confined: Sequence[str], agencies: Sequence[str]) -> bool:
    """Say whether a reader confined to ``agencies`` may see a replay that was narrowed to ``confined``."""
    return not agencies or (bool(confined) and all(covers(agencies, one) for one in confined))
