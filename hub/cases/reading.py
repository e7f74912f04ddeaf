"""Reading cases from their tables: the queue, lists, one case with all that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from contracts.calendar import VIETNAM
from hub.access.agencies import covers
from hub.cases import parts
from hub.cases.records import COLUMNS, Case
from hub.cases.scoring import PRIORITY_SQL, budget, level_of, priority
from hub.cases.states import HELD, CaseState
from hub.cases.track import track_records
from hub.cases.views import CaseDetail, CasePage, CaseSummary, QueueView, RelatedCase
from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.watch.records import Verdict
from hub.web import cursors

MOST_RELATED = 50


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list shows; what is ``None`` does not matter."""

    state: CaseState | None = None
    unit_code: str | None = None
    rule: str | None = None
    account_id: str | None = None
    verdict: Verdict | None = None
    taken_person: str | None = None


async def page(
    conn: Connection,
    wanted: CaseFilter,
    *,
    agencies: Sequence[str],
    cursor: str | None,
    limit: int,
    now: datetime,
) -> CasePage:
    """Return cases, the newest first; a page may be short where others are hidden from the reader."""
    rows = await _rows(
        conn,
        "(%(after)s::uuid IS NULL OR c.id < %(after)s) AND (%(state)s::text IS NULL OR c.state = %(state)s)"
        " AND (%(rule)s::text IS NULL OR c.rules ? %(rule)s)"
        " AND (%(account)s::text IS NULL OR c.account_id = %(account)s)"
        " AND (%(verdict)s::text IS NULL OR c.verdict = %(verdict)s)"
        " AND (%(person)s::text IS NULL OR c.taken_person = %(person)s)"
        " ORDER BY c.id DESC LIMIT %(limit)s",
        {
            "after": None if cursor is None else cursors.id_of(cursor),
            "state": wanted.state,
            "rule": wanted.rule,
            "account": wanted.account_id,
            "verdict": wanted.verdict,
            "person": wanted.taken_person,
            "limit": limit + 1,
        },
    )
    shown = [
        one
        for one in rows[:limit]
        if _may_see(one, agencies) and (wanted.unit_code is None or covers([wanted.unit_code], one.unit_code))
    ]
    return CasePage(
        items=tuple(await summaries(conn, shown, now)),
        next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None,
    )


async def queue(conn: Connection, *, per_1000: float, agencies: Sequence[str], now: datetime) -> QueueView:
    """Return what can be judged today, the most urgent first, and how many lie below."""
    cursor = await conn.execute("SELECT unit_code FROM lookup_accounts WHERE state = 'active'")
    active = sum(not agencies or covers(agencies, row[0]) for row in await cursor.fetchall())
    midnight = now.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    cursor = await conn.execute(
        "SELECT unit_code, state = ANY(%(held)s), coalesce(greatest(taken_at, decided_at) >= %(midnight)s, false)"
        " FROM cases WHERE state = ANY(%(held)s) OR taken_at >= %(midnight)s OR decided_at >= %(midnight)s",
        {"held": [one.value for one in HELD], "midnight": midnight},
    )
    handled = [row[1:] for row in await cursor.fetchall() if not agencies or covers(agencies, row[0])]
    today = sum(is_today for _, is_today in handled)
    waiting = await _rows(
        conn,
        f"c.state = 'new' ORDER BY {PRIORITY_SQL} DESC, c.id",
        {"now": now},
    )
    visible = [one for one in waiting if _may_see(one, agencies)]
    worth = budget(per_1000, active)
    shown = visible[: max(0, worth - today)]
    return QueueView(
        budget=worth,
        active_accounts=active,
        handled_today=today,
        items=tuple(await summaries(conn, shown, now)),
        below=len(visible) - len(shown),
        in_hand=sum(is_held for is_held, _ in handled),
        oldest_waiting_since=min((one.opened_at for one in visible), default=None),
    )


async def summaries(conn: Connection, rows: Sequence[Case], now: datetime) -> list[CaseSummary]:
    """Return what a list shows of these cases, in their order."""
    if not rows:
        return []
    ids = [one.id for one in rows]
    cursor = await conn.execute(
        "SELECT DISTINCT ON (case_id) case_id, reason, reason_vi FROM watch_alerts WHERE case_id = ANY(%s)"
        " ORDER BY case_id, rule_score DESC, at",
        (ids,),
    )
    titles = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
    cursor = await conn.execute(
        "SELECT case_id, min(due_at) FROM case_questions WHERE case_id = ANY(%s) AND answered_at IS NULL"
        " AND cancelled_at IS NULL GROUP BY case_id",
        (ids,),
    )
    due: dict[UUID, datetime] = dict(await cursor.fetchall())
    return [CaseSummary(**_summary(one, titles.get(one.id, ("", "")), due.get(one.id), now)) for one in rows]


async def detail(conn: Connection, sealer: Sealer, one: Case, *, agencies: Sequence[str], now: datetime) -> CaseDetail:
    """Return one case with all that belongs to it, people masked."""
    [summary] = await summaries(conn, [one], now)
    cursor = await conn.execute("SELECT state FROM lookup_accounts WHERE id = %s", (one.account_id,))
    state = await cursor.fetchone()
    return CaseDetail(
        **summary.model_dump(),
        score=round(one.score, 3),
        rule_scores=dict(sorted(one.rules.items(), key=lambda item: -item[1])),
        earlier_violations=one.earlier_violations,
        verdict_by=one.verdict_by,
        verdict_person=one.verdict_person,
        account_state=None if state is None else state[0],
        alerts=await parts.alerts(conn, sealer, one.id),
        acts=await parts.acts(conn, sealer, one.id),
        evidence=await parts.pieces(conn, one.id),
        questions=await parts.questions(conn, sealer, one.id, now=now),
        reveals=await parts.reveals(conn, sealer, one.id),
        packages=await parts.packages(conn, one.id),
        related=await related(conn, one, agencies=agencies),
        track_records=tuple(await track_records(conn, now=now, rules=list(one.rules))),
    )


_RELATED: LiteralString = """
    WITH mine AS (SELECT kind, mark FROM case_marks WHERE case_id = %(id)s),
    shared AS (
        SELECT m.case_id, count(*) FILTER (WHERE m.kind = 'person') AS people,
            count(*) FILTER (WHERE m.kind = 'network') AS networks
        FROM case_marks m JOIN mine USING (kind, mark) WHERE m.case_id <> %(id)s GROUP BY m.case_id
    )
    SELECT c.id, coalesce(s.people, 0) AS people, coalesce(s.networks, 0) AS networks
    FROM cases c LEFT JOIN shared s ON s.case_id = c.id
    WHERE c.id <> %(id)s AND (s.case_id IS NOT NULL OR c.unit_code = %(unit)s OR c.account_id = %(account)s)
    ORDER BY c.account_id = %(account)s DESC, coalesce(s.people, 0) DESC, coalesce(s.networks, 0) DESC, c.id DESC
    LIMIT %(most)s
"""


async def related(conn: Connection, one: Case, *, agencies: Sequence[str]) -> tuple[RelatedCase, ...]:
    """Return cases of the same account, about the same people, from the same network, of one unit: in this order."""
    cursor = await conn.execute(
        _RELATED, {"id": one.id, "unit": one.unit_code, "account": one.account_id, "most": MOST_RELATED}
    )
    shared = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
    rows = {row.id: row for row in await _rows(conn, "c.id = ANY(%(ids)s)", {"ids": list(shared)})}
    return tuple(
        RelatedCase(
            id=str(key),
            number=rows[key].number,
            state=rows[key].stands,
            verdict=None if (verdict := rows[key].verdict) is None else Verdict(verdict),
            unit_code=rows[key].unit_code,
            same_account=rows[key].account_id == one.account_id,
            same_unit=rows[key].unit_code == one.unit_code,
            people=people,
            networks=networks,
        )
        for key, (people, networks) in shared.items()
        if _may_see(rows[key], agencies)
    )


def _summary(one: Case, title: tuple[str, str], due_at: datetime | None, now: datetime) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "number": one.number,
        "state": one.stands,
        "level": level_of(one.score),
        "priority": priority(one.score, opened_at=one.opened_at, earlier_violations=one.earlier_violations, now=now),
        "account_id": one.account_id,
        "unit_code": one.unit_code,
        "title": title[0],
        "title_vi": title[1],
        "rules": _strongest_first(one.rules),
        "lookups": one.lookups,
        "opened_at": one.opened_at,
        "until": one.until,
        "taken_by": one.taken_by,
        "taken_person": one.taken_person,
        "verdict": None if one.verdict is None else Verdict(one.verdict),
        "decided_at": one.decided_at,
        "suppressed_until": one.suppressed_until,
        "recurs_after": None if one.recurs_after is None else str(one.recurs_after),
        "explanation_due_at": due_at,
        "explanation_overdue": due_at is not None and due_at < now,
    }


def _strongest_first(rules: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(rules, key=lambda rule: (-rules[rule], rule)))


async def _rows(conn: Connection, condition: LiteralString, values: Mapping[str, Any]) -> list[Case]:
    cursor = await conn.cursor(row_factory=class_row(Case)).execute(
        f"SELECT {COLUMNS} FROM cases c WHERE {condition}",  # noqa: S608 - constants
        values,
    )
    return await cursor.fetchall()


def _may_see(one: Case, agencies: Sequence[str]) -> bool:
    return not agencies or covers(agencies, one.unit_code)
