"""The track record of each rule: what people decided about the cases it was part of."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import LiteralString

from hub.cases.views import TrackRecord
from hub.store.connections import Connection

LOOK_BACK = timedelta(days=365)

_QUERY: LiteralString = """
    SELECT w.rule, bool_or(w.hard), count(DISTINCT w.id), count(DISTINCT c.id),
        count(DISTINCT c.id) FILTER (WHERE c.verdict = 'violation'),
        count(DISTINCT c.id) FILTER (WHERE c.verdict = 'normal'),
        count(DISTINCT c.id) FILTER (WHERE c.verdict = 'not_enough_evidence')
    FROM watch_alerts w JOIN cases c ON c.id = w.case_id
    WHERE w.at >= %(since)s AND w.at < %(until)s AND (%(rules)s::text[] IS NULL OR w.rule = ANY(%(rules)s))
    GROUP BY w.rule ORDER BY w.rule
"""


async def track_records(
    conn: Connection,
    *,
    now: datetime,
    rules: Collection[str] | None = None,
    since: datetime | None = None,
) -> list[TrackRecord]:
    """Return the records of these rules (``None``: of all that raised anything) from ``since``, or the last year."""
    start = since if since is not None else now - LOOK_BACK
    cursor = await conn.execute(
        _QUERY, {"since": start, "until": now + timedelta(days=1), "rules": None if rules is None else list(rules)}
    )
    found: list[TrackRecord] = []
    for rule, hard, alerts, cases, violations, normal, open_end in await cursor.fetchall():
        judged = violations + normal
        found.append(
            TrackRecord(
                rule=rule,
                hard=hard,
                alerts=alerts,
                cases=cases,
                violations=violations,
                normal=normal,
                not_enough_evidence=open_end,
                undecided=cases - judged - open_end,
                precision=round(violations / judged, 3) if judged else None,
            )
        )
    return found
