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
from hub.exchanges.outbox import HELD_UNKNOWN, WAKE_CHANNEL
from hub.exchanges.views import (
    AttemptView,
    ConnectionList,
    ConnectionState,
    ConnectionView,
    ExchangeDetail,
    ExchangePage,
    ExchangeState,
    ExchangeSummary,
)
from hub.store.engine import Store

_NO_EXCHANGE = Sentence("There is no exchange with this id.", "Không có lượt trao đổi nào với mã này.")
_NO_CONNECTION = Sentence("There is no connection with this id in this deployment.", "Không có kết nối nào với mã này.")
_BAD_CURSOR = Sentence(
    "This cursor is not one the API gave; start again without it.",
    "Con trỏ trang không hợp lệ; hãy bắt đầu lại từ trang đầu.",
)
_MOST = 500


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What the configuration says of a connection."""

    id: str
    adapter: str
    title: Sentence
    repeat_classes: Mapping[str, RepeatClass]


_SUMMARY_COLUMNS = """
    e.id, e.connection, e.operation, e.subject, e.revision, e.state, e.accepted_at, e.ended_at, e.attempts,
    CASE WHEN e.ended_at IS NULL THEN l.due_at END AS next_attempt_at, e.upstream_code, e.reason, e.reason_vi,
    e.dismissed_by, e.dismissed_reason
"""


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
    ) -> ExchangePage:
        """Return exchanges newest first; ``cursor`` continues after the last one of the page before."""
        conditions: list[str] = []
        values: dict[str, Any] = {"limit": min(max(limit, 1), _MOST) + 1}
        for name, column, value in (
            ("connection", "e.connection = %(connection)s", connection),
            ("state", "e.state = %(state)s", state.value if state else None),
            ("operation", "e.operation = %(operation)s", operation),
            ("subject", "e.subject = %(subject)s", subject),
            ("since", "e.accepted_at >= %(since)s", since),
            ("until", "e.accepted_at < %(until)s", until),
            ("cursor", "e.id < %(cursor)s", _uuid(cursor, _BAD_CURSOR, "cursor", 400) if cursor else None),
        ):
            if value is not None:
                conditions.append(column)
                values[name] = value
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        async with self._store.transaction() as conn:
            rows = await (
                await conn.cursor(row_factory=dict_row).execute(
                    f"SELECT {_SUMMARY_COLUMNS} FROM exchanges e JOIN lanes l ON l.id = e.lane_id {where}"  # noqa: S608 - columns and conditions are constants
                    " ORDER BY e.id DESC LIMIT %(limit)s",
                    values,
                )
            ).fetchall()
        shown = rows[: values["limit"] - 1]
        more = len(rows) > len(shown)
        return ExchangePage(
            items=tuple(ExchangeSummary(**self._summary(row)) for row in shown),
            next_cursor=str(shown[-1]["id"]) if more else None,
        )

    async def get(self, exchange_id: str) -> ExchangeDetail:
        """Return one exchange with its attempts, or refuse with 404."""
        key = _uuid(exchange_id, _NO_EXCHANGE, "id", 404)
        async with self._store.transaction() as conn:
            row = await (
                await conn.cursor(row_factory=dict_row).execute(
                    f"SELECT {_SUMMARY_COLUMNS} FROM exchanges e JOIN lanes l ON l.id = e.lane_id WHERE e.id = %s",  # noqa: S608
                    (key,),
                )
            ).fetchone()
            if row is None:
                raise Refusal(404, "exchange_not_found", _NO_EXCHANGE, field="id")
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

    async def replay(self, exchange_id: str, *, actor: str) -> ExchangeDetail:
        """Open an ended exchange again under its own id; the partner is asked first where that is needed."""
        key = _uuid(exchange_id, _NO_EXCHANGE, "id", 404)
        async with self._store.transaction() as conn:
            row = await self._lock(conn, key)
            held = row[1] == ExchangeState.UNKNOWN and row[2] is not None
            replayable = {ExchangeState.REFUSED, ExchangeState.QUARANTINED, ExchangeState.GIVEN_UP}
            if not held and row[1] not in replayable:
                raise Refusal(
                    409,
                    "not_replayable",
                    Sentence(
                        "Only an exchange that was refused, quarantined, given up or left undecided can be replayed.",
                        "Chỉ gửi lại được lượt trao đổi bị từ chối, cách ly, ngừng gửi hoặc chưa rõ kết quả.",
                    ),
                    exchange_id=exchange_id,
                )
            # A quarantined write may have been done: it is asked about first. A person who replays an
            # undecided one has looked at the partner and says that it is not there.
            state = ExchangeState.UNKNOWN if row[1] == ExchangeState.QUARANTINED else ExchangeState.ACCEPTED
            await conn.execute(
                "UPDATE exchanges SET state = %s, ended_at = NULL, replayed_at = now(), doubts = 0, reason = %s,"
                " reason_vi = %s WHERE id = %s",
                (state.value, f"Replayed by {actor}.", f"Được gửi lại bởi {actor}.", key),
            )
            await conn.execute(
                "UPDATE lanes SET open_count = open_count + %s, held_reason = NULL,"
                " due_at = CASE WHEN lease_token IS NULL THEN now() ELSE due_at END WHERE id = %s",
                (0 if held else 1, row[0]),
            )
            await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
        return await self.get(exchange_id)

    async def dismiss(self, exchange_id: str, *, actor: str, reason: str) -> ExchangeDetail:
        """End an exchange for good without delivery; who and why stay on record."""
        key = _uuid(exchange_id, _NO_EXCHANGE, "id", 404)
        if not reason.strip():
            raise Refusal(
                422,
                "reason_required",
                Sentence("Dismissing needs a reason.", "Bỏ qua phải ghi lý do."),
                field="reason",
            )
        async with self._store.transaction() as conn:
            row = await self._lock(conn, key)
            if row[1] in {ExchangeState.DELIVERED, ExchangeState.SUPERSEDED, ExchangeState.DISMISSED} or row[3]:
                raise Refusal(
                    409,
                    "not_dismissible",
                    Sentence(
                        "This exchange has ended or is being sent right now.",
                        "Lượt trao đổi này đã kết thúc hoặc đang được gửi.",
                    ),
                    exchange_id=exchange_id,
                )
            was_open = ExchangeState(row[1]).is_open
            await conn.execute(
                "UPDATE exchanges SET state = 'dismissed', ended_at = now(), dismissed_by = %s, dismissed_reason = %s"
                " WHERE id = %s",
                (actor, reason, key),
            )
            # Only the end of the exchange that was in doubt ends the doubt; and steps of a dossier that the partner
            # does not know wait on. A worker that sends another exchange of the lane keeps its lease.
            held = None if row[1] == ExchangeState.UNKNOWN and row[2] == HELD_UNKNOWN else row[2]
            await conn.execute(
                """
                UPDATE lanes SET
                    open_count = open_count - %(n)s,
                    held_reason = CASE WHEN open_count > %(n)s THEN %(held)s END,
                    lease_token = CASE WHEN due_at > now() THEN lease_token END,
                    leased_by = CASE WHEN due_at > now() THEN leased_by END,
                    due_at = CASE WHEN open_count <= %(n)s OR %(held)s::text IS NOT NULL THEN NULL
                                  WHEN lease_token IS NOT NULL AND due_at > now() THEN due_at
                                  WHEN %(n)s > 0 OR due_at IS NULL THEN now() ELSE due_at END
                WHERE id = %(id)s
                """,
                {"n": 1 if was_open else 0, "id": row[0], "held": held},
            )
            await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
        return await self.get(exchange_id)

    async def _lock(self, conn: Any, key: UUID) -> tuple[int, str, str | None, bool]:
        cursor = await conn.execute(
            "SELECT l.id, e.state, l.held_reason,"
            " l.lease_token IS NOT NULL AND l.due_at > now() AND e.state = 'sending'"
            " FROM lanes l JOIN exchanges e ON e.lane_id = l.id WHERE e.id = %s FOR UPDATE OF l, e",
            (key,),
        )
        row: tuple[int, str, str | None, bool] | None = await cursor.fetchone()
        if row is None:
            raise Refusal(404, "exchange_not_found", _NO_EXCHANGE, field="id")
        return row

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

    def __init__(self, store: Store, connections: Sequence[ConnectionInfo]) -> None:
        """``connections`` in the order of configuration."""
        self._store = store
        self._connections = {one.id: one for one in connections}

    async def register(self) -> None:
        """Make sure that every configured connection has its row."""
        async with self._store.transaction() as conn:
            await conn.execute(
                "INSERT INTO connections (id, adapter) SELECT * FROM unnest(%s::text[], %s::text[])"
                " ON CONFLICT (id) DO UPDATE SET adapter = excluded.adapter"
                " WHERE connections.adapter <> excluded.adapter",
                (list(self._connections), [one.adapter for one in self._connections.values()]),
            )

    async def list(self) -> ConnectionList:
        """Return every configured connection."""
        rows = await self._rows(list(self._connections))
        return ConnectionList(items=tuple(_view(info, rows[key]) for key, info in self._connections.items()))

    async def get(self, connection_id: str) -> ConnectionView:
        """Return one connection, or refuse with 404."""
        info = self._require(connection_id)
        return _view(info, (await self._rows([connection_id]))[connection_id])

    async def pause(self, connection_id: str, *, actor: str, reason: str) -> ConnectionView:
        """Stop sending at once; what is accepted meanwhile waits."""
        self._require(connection_id)
        if not reason.strip():
            raise Refusal(
                422, "reason_required", Sentence("A pause needs a reason.", "Tạm dừng phải ghi lý do."), field="reason"
            )
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE connections SET paused = true, paused_reason = %s, paused_by = %s, paused_at = now()"
                " WHERE id = %s",
                (reason, actor, connection_id),
            )
        return await self.get(connection_id)

    async def resume(self, connection_id: str, *, actor: str) -> ConnectionView:
        """Send again from where it stopped."""
        self._require(connection_id)
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE connections SET paused = false, paused_reason = NULL, paused_by = %s, paused_at = NULL"
                " WHERE id = %s",
                (actor, connection_id),
            )
            await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
        return await self.get(connection_id)

    def _require(self, connection_id: str) -> ConnectionInfo:
        info = self._connections.get(connection_id)
        if info is None:
            raise Refusal(404, "connection_not_found", _NO_CONNECTION, field="id")
        return info

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                """
                SELECT c.*, s.open_exchanges, s.held_lanes, s.oldest_due_age
                FROM connections c CROSS JOIN LATERAL (
                    SELECT coalesce(sum(open_count), 0)::bigint AS open_exchanges,
                           count(held_reason) AS held_lanes,
                           extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now()))::float
                               AS oldest_due_age
                    FROM lanes WHERE connection = c.id AND open_count > 0
                ) s
                WHERE c.id = ANY(%s)
                """,
                (list(ids),),
            )
            found = {row["id"]: row for row in await cursor.fetchall()}
        missing = [one for one in ids if one not in found]
        if missing:
            await self.register()
            return await self._rows(ids)
        return found


def _view(info: ConnectionInfo, row: Mapping[str, Any]) -> ConnectionView:
    state, sentence = _judge(row)
    return ConnectionView(
        id=info.id,
        adapter=info.adapter,
        title=info.title.en,
        title_vi=info.title.vi,
        state=state,
        sentence=sentence.en,
        sentence_vi=sentence.vi,
        since=row["state_since"],
        paused=row["paused"],
        paused_reason=row["paused_reason"],
        paused_by=row["paused_by"] if row["paused"] else None,
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


_PROVEN_WITHIN_SECONDS = 3600


def _judge(row: Mapping[str, Any]) -> tuple[ConnectionState, Sentence]:
    """Say what the connection is now, from what the workers recorded; never better than what was proven."""
    success: datetime | None = row["last_success_at"]
    failure: datetime | None = row["last_failure_at"]
    if row["paused"]:
        return ConnectionState.MAINTENANCE, Sentence(
            f"Paused by {row['paused_by']}: {row['paused_reason']}. Accepted exchanges wait until it is resumed.",
            f"Tạm dừng bởi {row['paused_by']}: {row['paused_reason']}. Các lượt trao đổi chờ đến khi mở lại.",
        )
    if failure is not None and (success is None or failure > success):
        why, why_vi = row["last_failure_reason"], row["last_failure_reason_vi"]
        if row["breaker"] == "closed":
            return ConnectionState.DEGRADED, Sentence(
                f"The last call failed: {why} It is tried again by itself.",
                f"Lần gọi gần nhất lỗi: {why_vi} Hệ thống tự thử lại.",
            )
        return ConnectionState.DOWN, Sentence(
            f"Cannot be used: {why} One exchange tries again after each rest; nothing is lost.",
            f"Không dùng được: {why_vi} Hệ thống thử lại định kỳ; không mất dữ liệu.",
        )
    if success is None or (datetime.now(UTC) - success).total_seconds() > _PROVEN_WITHIN_SECONDS:
        return ConnectionState.UNVERIFIED, Sentence(
            "Not proven by a real exchange within the last hour.",
            "Chưa được kiểm chứng bằng lượt trao đổi thật trong một giờ qua.",
        )
    return ConnectionState.WORKING, Sentence("Works; the last exchange arrived.", "Hoạt động; lượt gần nhất đã giao.")


def _uuid(value: str, sentence: Sentence, field: str, status: int) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise Refusal(
            status, "bad_cursor" if field == "cursor" else "exchange_not_found", sentence, field=field
        ) from error
