"""Reading replays from their tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from contracts.errors import Sentence
from hub.exchanges.views import ExchangeState
from hub.health.windows import in_maintenance
from hub.replays.filters import ExchangeSelection
from hub.replays.selection import Action, Exclusion
from hub.replays.views import (
    ExcludedView,
    ItemView,
    Preview,
    Progress,
    ReplayDetail,
    ReplayState,
    ReplaySummary,
    WaitView,
)

_COLUMNS = """
    id, action, state, filter, reason, agencies, preview, needs_approval, created_by, created_at, approved_by,
    approved_at, started_by, started_at, changed_by, changed_at, ended_at
"""


async def summaries(
    conn: AsyncConnection[Any], *, after: UUID | None, limit: int
) -> list[tuple[ReplaySummary, Sequence[str]]]:
    """Return replays newest first, those that move with their progress; each with the agencies it was narrowed to."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        f"SELECT {_COLUMNS} FROM replays WHERE %(after)s::uuid IS NULL OR id < %(after)s"  # noqa: S608 - constants
        " ORDER BY id DESC LIMIT %(limit)s",
        {"after": after, "limit": limit},
    )
    found: list[tuple[ReplaySummary, Sequence[str]]] = []
    for row in await cursor.fetchall():
        values = _values(row)
        moving = values["state"] in {ReplayState.RUNNING, ReplayState.PAUSED}
        progress = await _progress(conn, row["id"]) if moving else None
        found.append((ReplaySummary(**values, progress=progress), row["agencies"]))
    return found


async def detail(conn: AsyncConnection[Any], key: UUID, *, now: datetime) -> tuple[ReplayDetail, Sequence[str]] | None:
    """Return one replay with its progress and what it waits for, and the agencies it was narrowed to."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        f"SELECT {_COLUMNS} FROM replays WHERE id = %s",  # noqa: S608 - constants
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    values = _values(row)
    progress = await _progress(conn, key)
    waits: tuple[WaitView, ...] = ()
    if values["state"] is ReplayState.RUNNING and values["action"] is Action.REPLAY and progress.pending:
        waits = await _waits(conn, key, now)
    return ReplayDetail(**values, progress=progress, waits=waits), row["agencies"]


async def items(conn: AsyncConnection[Any], key: UUID, *, after: int, limit: int) -> list[ItemView]:
    """Return the exchanges of a replay in the order of the run."""
    cursor = await conn.cursor(row_factory=class_row(ItemView)).execute(
        "SELECT position, exchange_id::text, connection, due_at, state, outcome FROM replay_items"
        " WHERE replay_id = %s AND position > %s ORDER BY position LIMIT %s",
        (key, after, limit),
    )
    return await cursor.fetchall()


def _values(row: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name != "agencies"}
    return values | {
        "id": str(row["id"]),
        "action": Action(row["action"]),
        "state": ReplayState(row["state"]),
        "filter": ExchangeSelection.model_validate_json(orjson.dumps(row["filter"])),
        "preview": Preview.model_validate_json(orjson.dumps(row["preview"])),
    }


async def _progress(conn: AsyncConnection[Any], key: UUID) -> Progress:
    cursor = await conn.execute(
        "SELECT state, outcome, count(*) FROM replay_items WHERE replay_id = %s AND state NOT IN ('excluded', 'handed')"
        " GROUP BY state, outcome ORDER BY state, outcome",
        (key,),
    )
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for state, outcome, count in await cursor.fetchall():
        counted[state][outcome] += count
    # What is on its way is looked at now: a replay that does not run takes no note of ends.
    cursor = await conn.execute(
        "SELECT CASE WHEN e.ended_at IS NULL AND l.held_reason IS NULL THEN '' ELSE e.state END, count(*)"
        " FROM replay_items i JOIN exchanges e ON e.id = i.exchange_id JOIN lanes l ON l.id = e.lane_id"
        " WHERE i.replay_id = %s AND i.state = 'handed' GROUP BY 1",
        (key,),
    )
    for outcome, count in await cursor.fetchall():
        counted["ended" if outcome else "handed"][outcome] += count
    return Progress(
        pending=counted["pending"].total(),
        on_the_way=counted["handed"].total(),
        ended={ExchangeState(outcome): count for outcome, count in counted["ended"].items()},
        skipped=tuple(
            ExcludedView(
                reason=Exclusion(why),
                count=count,
                sentence=Exclusion(why).sentence.en,
                sentence_vi=Exclusion(why).sentence.vi,
            )
            for why, count in counted["skipped"].items()
        ),
    )


async def hindrance(conn: AsyncConnection[Any], connection: str, now: datetime) -> Sentence | None:
    """Return why nothing may be handed over for a connection at this moment; ``None`` where it may."""
    cursor = await conn.execute(
        "SELECT paused, breaker <> 'closed' AND breaker_until > %s FROM connections WHERE id = %s", (now, connection)
    )
    row = await cursor.fetchone()
    if row is not None and row[0]:
        return Sentence(
            "The connection is paused; the replay goes on when it is resumed.",
            "Kết nối đang tạm dừng; đợt gửi lại chạy tiếp khi kết nối được mở lại.",
        )
    if await in_maintenance(conn, connection, now) is not None:
        return Sentence(
            "The connection is in a maintenance window; the replay goes on after it.",
            "Kết nối đang trong khung giờ bảo trì; đợt gửi lại chạy tiếp sau đó.",
        )
    if row is not None and row[1]:
        return Sentence(
            "The connection fails and rests; the replay goes on with its next trial.",
            "Kết nối đang lỗi và tạm nghỉ; đợt gửi lại chạy tiếp ở lần thử kế tiếp.",
        )
    return None


async def is_failing(conn: AsyncConnection[Any], connection: str) -> bool:
    """Say whether the breaker of a connection is not closed: one exchange at a time is enough to try it."""
    cursor = await conn.execute("SELECT breaker <> 'closed' FROM connections WHERE id = %s", (connection,))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def _waits(conn: AsyncConnection[Any], key: UUID, now: datetime) -> tuple[WaitView, ...]:
    cursor = await conn.execute(
        "SELECT DISTINCT connection FROM replay_items WHERE replay_id = %s AND state = 'pending' ORDER BY connection",
        (key,),
    )
    found = [(row[0], await hindrance(conn, row[0], now)) for row in await cursor.fetchall()]
    return tuple(WaitView(connection=one, sentence=why.en, sentence_vi=why.vi) for one, why in found if why is not None)
