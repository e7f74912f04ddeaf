"""Reading exchanges and connections, and what a person may do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.ports import RepeatClass
from hub.errors import Refusal
from hub.exchanges import stops
from hub.exchanges.listing import SUMMARY_COLUMNS, ExchangeFilter, read_page
from hub.exchanges.ordering import by_deadline
from hub.exchanges.ownership import is_visible
from hub.exchanges.reopening import Candidate, dismiss, lock, reopen
from hub.exchanges.views import (
    AttemptView,
    ConnectionList,
    ConnectionView,
    ExchangeDetail,
    ExchangePage,
    ExchangeState,
    ExchangeSummary,
)
from hub.health.facts import read_facts
from hub.health.judgement import Facts, judge
from hub.health.settings import HealthSettings
from hub.ledger.entries import record_act
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.web import cursors
from hub.web.ids import id_or

_NO_EXCHANGE = Sentence("There is no exchange with this id.", "Không có lượt trao đổi nào với mã này.")
_NO_CONNECTION = Sentence("There is no connection with this id in this deployment.", "Không có kết nối nào với mã này.")
_MOST = 500


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What the configuration says of a connection."""

    id: str
    adapter: str
    title: Sentence
    repeat_classes: Mapping[str, RepeatClass]
    rate_per_second: float | None = None
    """Most calls a second; ``None`` where there is no limit."""
    contact: str = ""
    """Whom to call about it, in one line."""


class ExchangeService:
    """Lists and shows exchanges; replays or dismisses one."""

    def __init__(self, store: Store, connections: Sequence[ConnectionInfo]) -> None:
        """``connections`` give the repeat class of each operation."""
        self._store = store
        self._connections = {one.id: one for one in connections}

    async def page(
        self,
        *,
        connection: str | None = None,
        state: ExchangeState | None = None,
        operation: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
        agencies: Sequence[str] = (),
    ) -> ExchangePage:
        """Return exchanges newest first; ``cursor`` continues where the page before ended.

        A page may be short, even empty, and still have a ``next_cursor``: see `hub.exchanges.listing`. ``agencies`` are
        those the reader is confined to; none: all. So in every method here.
        """
        wanted = ExchangeFilter(connection, state, operation, subject, since, until, agencies)
        after = cursors.id_of(cursor) if cursor else None
        async with self._store.transaction() as conn:
            page = await read_page(conn, wanted, after=after, limit=min(max(limit, 1), _MOST))
        return ExchangePage(
            items=tuple(ExchangeSummary(**self._summary(row)) for row in page.rows),
            next_cursor=None if page.next_cursor is None else str(page.next_cursor),
        )

    async def get(
        self, exchange_id: str, *, agencies: Sequence[str] = (), within: Connection | None = None
    ) -> ExchangeDetail:
        """Return one exchange with its attempts, or refuse with 404."""
        key = id_or(exchange_id, _no_exchange)
        async with joined(self._store, within) as conn:
            await self._require_visible(conn, key, agencies)
            row = await (
                await conn.cursor(row_factory=dict_row).execute(
                    f"SELECT {SUMMARY_COLUMNS} FROM exchanges e WHERE e.id = %s",  # noqa: S608 - a constant
                    (key,),
                )
            ).fetchone()
            if row is None:
                raise _no_exchange()
            attempts = await (
                await conn.cursor(row_factory=dict_row).execute(
                    "SELECT number, started_at, duration_ms, outcome, upstream_code, reason, reason_vi, request_bytes,"
                    " answer_bytes, worker FROM attempts WHERE exchange_id = %s ORDER BY number",
                    (key,),
                )
            ).fetchall()
        return ExchangeDetail(
            **self._summary(row),
            attempt_list=tuple(AttemptView(**attempt) for attempt in attempts),
            dismissed_by=row["dismissed_by"],
            dismissed_reason=row["dismissed_reason"],
        )

    async def replay(
        self,
        exchange_id: str,
        *,
        actor: str,
        reason: str = "",
        agencies: Sequence[str] = (),
        within: Connection | None = None,
    ) -> ExchangeDetail:
        """Open an ended exchange again under its own id; the partner is asked first where that is needed.

        ``within`` is the transaction to do it in.
        """
        async with joined(self._store, within) as conn:
            one = await self._lock(conn, exchange_id, agencies)
            if not one.may_be_replayed:
                raise Refusal(
                    409,
                    "not_replayable",
                    Sentence(
                        "Only an exchange that was refused, quarantined, given up or left undecided can be replayed.",
                        "Chỉ gửi lại được lượt trao đổi bị từ chối, cách ly, ngừng gửi hoặc chưa rõ kết quả.",
                    ),
                    exchange_id=exchange_id,
                )
            await reopen(conn, [one], actor=actor)
            await record_act(conn, act="exchange.replayed", actor=actor, target=str(one.id), reason=reason)
            return await self.get(exchange_id, within=conn)

    async def dismiss(
        self,
        exchange_id: str,
        *,
        actor: str,
        reason: str,
        agencies: Sequence[str] = (),
        within: Connection | None = None,
    ) -> ExchangeDetail:
        """End an exchange for good without delivery; who and why stay on record. Arguments as `replay`."""
        if not reason.strip():
            raise Refusal(
                422,
                "reason_required",
                Sentence("Dismissing needs a reason.", "Bỏ qua phải ghi lý do."),
                field="reason",
            )
        async with joined(self._store, within) as conn:
            one = await self._lock(conn, exchange_id, agencies)
            if not one.may_be_dismissed:
                raise Refusal(
                    409,
                    "not_dismissible",
                    Sentence(
                        "This exchange has ended or is being sent right now.",
                        "Lượt trao đổi này đã kết thúc hoặc đang được gửi.",
                    ),
                    exchange_id=exchange_id,
                )
            await dismiss(conn, [one], actor=actor, reason=reason)
            await record_act(conn, act="exchange.dismissed", actor=actor, target=str(one.id), reason=reason)
            return await self.get(exchange_id, within=conn)

    async def _lock(self, conn: Connection, exchange_id: str, agencies: Sequence[str]) -> Candidate:
        key = id_or(exchange_id, _no_exchange)
        await self._require_visible(conn, key, agencies)
        one = (await lock(conn, [key])).get(key)
        if one is None:
            raise _no_exchange()
        return one

    @staticmethod
    async def _require_visible(conn: Connection, key: UUID, agencies: Sequence[str]) -> None:
        # To whom it is closed it does not exist: a refusal of another kind would tell that it does.
        if agencies and not await is_visible(conn, key, agencies):
            raise _no_exchange()

    def _summary(self, row: Mapping[str, Any]) -> dict[str, Any]:
        info = self._connections.get(row["connection"])
        classes = info.repeat_classes if info else {}
        values = {key: value for key, value in row.items() if not key.startswith("dismissed")}
        values["id"] = str(row["id"])
        values["state"] = ExchangeState(row["state"])
        # Of a connection that is no longer configured nothing is known, so nothing is repeated by itself.
        values["repeat_class"] = classes.get(row["operation"], RepeatClass.NEVER)
        return values


class ConnectionService:
    """Shows connections, and stops and starts them."""

    def __init__(
        self, store: Store, connections: Sequence[ConnectionInfo], health: HealthSettings | None = None
    ) -> None:
        """``connections`` in the order of configuration; ``health`` says for how long a proof holds."""
        self._store = store
        self._connections = {one.id: one for one in connections}
        self._health = health if health is not None else HealthSettings()

    async def register(self) -> None:
        """Make sure that every configured connection has its row."""
        async with self._store.transaction() as conn:
            await stops.register(conn, list(self._connections), [one.adapter for one in self._connections.values()])

    async def list(self) -> ConnectionList:
        """Return every configured connection."""
        rows = await self._rows(list(self._connections))
        async with self._store.transaction() as conn:
            stop = await stops.stop_of_all(conn)
        return ConnectionList(items=tuple(_view(info, rows[key]) for key, info in self._connections.items()), stop=stop)

    async def get(self, connection_id: str) -> ConnectionView:
        """Return one connection, or refuse with 404."""
        info = self._require(connection_id)
        return _view(info, (await self._rows([connection_id]))[connection_id])

    async def pause(self, connection_id: str, *, actor: str, reason: str) -> ConnectionView:
        """Stop sending at once; what is accepted meanwhile waits."""
        self._require(connection_id)
        _require_reason(reason)
        await self.register()  # without its row the pause would be lost
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE connections SET paused = true, paused_reason = %s, paused_by = %s, paused_at = now()"
                " WHERE id = %s",
                (reason, actor, connection_id),
            )
            await record_act(conn, act="connection.paused", actor=actor, target=connection_id, reason=reason)
        return await self.get(connection_id)

    async def resume(self, connection_id: str, *, actor: str, by_deadline: bool = False) -> ConnectionView:
        """Send again from where it stopped, or with ``by_deadline`` in the order of the dossiers' due dates."""
        self._require(connection_id)
        await self._go_on(connection_id, [connection_id] if by_deadline else [], actor)
        return await self.get(connection_id)

    async def stop(self, connection_id: str, *, actor: str, reason: str) -> ConnectionView:
        """Emergency stop of one connection: when this returns, only calls already under way finish."""
        self._require(connection_id)
        await self._stop(connection_id, actor, reason)
        return await self.get(connection_id)

    async def stop_all(self, *, actor: str, reason: str) -> ConnectionList:
        """Emergency stop of every connection, those registered later included."""
        await self._stop(None, actor, reason)
        return await self.list()

    async def resume_all(self, *, actor: str, by_deadline: bool = False) -> ConnectionList:
        """End every emergency stop; a connection paused for a reason of its own stays paused."""
        async with self._store.transaction() as conn:
            stopped = await stops.stopped_ids(conn)
        await self._go_on(None, stopped if by_deadline else [], actor)
        return await self.list()

    async def _stop(self, connection_id: str | None, actor: str, reason: str) -> None:
        _require_reason(reason)
        await self.register()
        async with self._store.transaction() as conn:
            await stops.stop(conn, connection_id, actor=actor, reason=reason, now=datetime.now(UTC))
        await stops.claims_ended(self._store)

    async def _go_on(self, connection_id: str | None, ordered: Sequence[str], actor: str) -> None:
        # In order first, while nothing leaves.
        for one in ordered:
            await by_deadline(self._store, one)
        async with self._store.transaction() as conn:
            await stops.resume(conn, connection_id, actor=actor, now=datetime.now(UTC), by_deadline=bool(ordered))

    def _require(self, connection_id: str) -> ConnectionInfo:
        info = self._connections.get(connection_id)
        if info is None:
            raise Refusal(404, "connection_not_found", _NO_CONNECTION, field="id")
        return info

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                """
                SELECT c.*, s.open_exchanges, s.held_lanes, s.in_flight, s.oldest_due_age
                FROM connections c CROSS JOIN LATERAL (
                    SELECT coalesce(sum(open_count), 0)::bigint AS open_exchanges,
                           count(held_reason) AS held_lanes,
                           count(*) FILTER (WHERE lease_token IS NOT NULL AND due_at > now()) AS in_flight,
                           extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now()))::float
                               AS oldest_due_age
                    FROM lanes WHERE connection = c.id AND open_count > 0
                ) s
                WHERE c.id = ANY(%s)
                """,
                (list(ids),),
            )
            found = {row["id"]: row for row in await cursor.fetchall()}
            contacts = {one: self._connections[one].contact for one in ids}
            known = await read_facts(conn, contacts, self._health, datetime.now(UTC))
            for key, row in found.items():
                row["facts"] = known[key].facts
        missing = [one for one in ids if one not in found]
        if missing:
            await self.register()
            return await self._rows(ids)
        return found


def _view(info: ConnectionInfo, row: Mapping[str, Any]) -> ConnectionView:
    facts: Facts = row["facts"]
    judged = judge(facts)
    return ConnectionView(
        id=info.id,
        adapter=info.adapter,
        title=info.title.en,
        title_vi=info.title.vi,
        state=judged.state,
        blame=judged.blame,
        sentence=judged.sentence.en,
        sentence_vi=judged.sentence.vi,
        since=judged.since,
        contact=info.contact or None,
        maintenance_until=facts.window.until if facts.window is not None else None,
        probed_at=facts.probe.at if facts.probe is not None else None,
        paused=row["paused"],
        paused_reason=row["paused_reason"],
        paused_by=row["paused_by"] if row["paused"] else None,
        stopped=row["stopped"],
        in_flight=row["in_flight"],
        breaker=row["breaker"],
        breaker_until=row["breaker_until"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        last_failure_code=row["last_failure_code"],
        open_exchanges=row["open_exchanges"],
        held_lanes=row["held_lanes"],
        oldest_due_age_seconds=row["oldest_due_age"],
        drift_fields=len(row["drift"]),
    )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Refusal(
            422, "reason_required", Sentence("A stop needs a reason.", "Dừng kết nối phải ghi lý do."), field="reason"
        )


def _no_exchange() -> Refusal:
    return Refusal(404, "exchange_not_found", _NO_EXCHANGE, field="id")
