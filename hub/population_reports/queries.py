"""The figures of a report, counted in the database: one pass over the look-ups of the period for all tables of use.

``%(start)s`` and ``%(end)s`` bound the period, ``%(units)s`` lists the agencies that count. What is counted are
look-ups of citizens in the population database, by what was asked; of a look-up that was judged twice the late
judgement counts.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row

_KINDS: Final[LiteralString] = "(a.kind IN ('find_citizen', 'find_household') OR a.kind LIKE 'confirm:%%')"
_PERIOD: Final[LiteralString] = "a.asked_at >= %(start)s AND a.asked_at < %(end)s"

UNITS: Final[LiteralString] = f"""
    SELECT DISTINCT a.unit_code FROM lookups a WHERE {_PERIOD} AND {_KINDS}
    UNION SELECT unit_code FROM lookup_accounts
    UNION SELECT unit_code FROM cases WHERE opened_at < %(end)s AND (decided_at IS NULL OR decided_at >= %(start)s)
"""  # noqa: S608 - put together from constants
"""The agencies that a report of the period could have a line of."""

USE: Final[LiteralString] = f"""
WITH judged AS (
    SELECT lookup_id, coalesce(max(w) FILTER (WHERE late), max(w)) AS w FROM lookup_explanations
    WHERE asked_at >= %(start)s AND asked_at < %(end)s GROUP BY lookup_id
), asked AS MATERIALIZED (
    SELECT a.kind, a.account_id, a.unit_code, a.break_glass, x.w,
           to_char(a.asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM') AS month,
           to_char(a.asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-"Q"Q') AS quarter,
           to_char(a.asked_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || a.role AS role_then,
           coalesce(e.outcome, 'unended') AS outcome,
           CASE WHEN e.outcome IS DISTINCT FROM 'denied' AND coalesce(e.subject_hash, a.subject_hash) IS NOT NULL
               THEN dense_rank() OVER (ORDER BY coalesce(e.subject_hash, a.subject_hash)) END AS person
    FROM lookups a LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
        AND e.asked_at >= %(start)s AND e.asked_at < %(end)s
    LEFT JOIN judged x ON x.lookup_id = a.id
    WHERE {_PERIOD} AND {_KINDS} AND a.unit_code = ANY(%(units)s)
)
SELECT grouping(unit_code, account_id, month, quarter, kind) AS grain, unit_code, account_id, month, quarter, kind,
       substr(max(role_then), 21) AS role,
       count(*) AS lookups,
       count(*) FILTER (WHERE outcome = 'found') AS found,
       count(*) FILTER (WHERE outcome = 'not_found') AS not_found,
       count(*) FILTER (WHERE outcome = 'denied') AS denied,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'mismatch') AS mismatch,
       count(*) FILTER (WHERE outcome = 'repeated') AS repeated,
       count(*) FILTER (WHERE outcome = 'unended') AS unended,
       count(*) FILTER (WHERE break_glass) AS break_glass,
       count(DISTINCT person) AS people,
       count(DISTINCT account_id) AS accounts,
       count(w) AS judged,
       count(*) FILTER (WHERE w < 0.5) AS explained
FROM asked
GROUP BY GROUPING SETS ((), (unit_code), (unit_code, account_id), (month), (quarter), (unit_code, month), (kind))
ORDER BY unit_code, account_id, month, quarter, kind
"""  # noqa: S608 - put together from constants

# People are numbered once: numbers are told apart faster than hashes, and that is done for seven tables.

GRAINS: Final = {0b11111: "total", 0b01111: "unit", 0b00111: "account", 0b11011: "month", 0b11101: "quarter"} | {
    0b01011: "unit_month",
    0b11110: "kind",
}
"""What the bits of ``grain`` mean: a bit is set where the rows of a group differ in that column."""

REFUSALS: Final[LiteralString] = f"""
    SELECT coalesce(e.denied_code, '') AS code, count(*) AS lookups, count(DISTINCT a.account_id) AS accounts
    FROM lookups a JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
    WHERE {_PERIOD} AND {_KINDS} AND a.unit_code = ANY(%(units)s) AND e.outcome = 'denied'
    GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608 - put together from constants

_IDLE: Final[LiteralString] = "greatest(created_at, activated_at, last_used_at)"

ACCOUNTS: Final[LiteralString] = f"""
    SELECT unit_code,
           count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state = 'requested') AS requested,
           count(*) FILTER (WHERE state = 'suspended') AS suspended,
           count(*) FILTER (WHERE state = 'locked') AS locked,
           count(*) FILTER (WHERE state = 'locked' AND dormant_locked_at IS NOT NULL) AS locked_dormant,
           count(*) FILTER (WHERE state = 'revoked') AS revoked,
           count(*) FILTER (WHERE state = 'active' AND {_IDLE} < %(idle_before)s) AS dormant
    FROM lookup_accounts WHERE unit_code = ANY(%(units)s)
    GROUP BY GROUPING SETS ((), (unit_code)) ORDER BY unit_code NULLS FIRST
"""  # noqa: S608 - put together from constants

CODES: Final[LiteralString] = "SELECT id, officer_code FROM lookup_accounts WHERE id = ANY(%(ids)s)"

CLOSED: Final[LiteralString] = """
    SELECT t.account_id, a.unit_code, a.officer_code, t.at, t.act, t.document_number, a.state,
           CASE WHEN t.case_id IS NOT NULL THEN 'case' WHEN t.party = 'program' THEN 'disuse' ELSE 'person' END
               AS because
    FROM lookup_account_acts t JOIN lookup_accounts a ON a.id = t.account_id
    WHERE t.at >= %(start)s AND t.at < %(end)s AND t.act IN ('suspend', 'lock', 'revoke')
        AND a.unit_code = ANY(%(units)s)
    ORDER BY a.unit_code, t.at, t.id LIMIT %(most)s
"""

DORMANT: Final[LiteralString] = f"""
    SELECT id AS account_id, unit_code, officer_code, {_IDLE} AS idle_since
    FROM lookup_accounts WHERE state = 'active' AND {_IDLE} < %(idle_before)s AND unit_code = ANY(%(units)s)
    ORDER BY unit_code, id LIMIT %(most)s
"""  # noqa: S608 - put together from constants

CASES: Final[LiteralString] = """
    SELECT unit_code,
           count(*) FILTER (WHERE opened_at >= %(start)s) AS opened,
           count(*) FILTER (WHERE decided_at >= %(start)s AND decided_at < %(end)s) AS decided,
           count(*) FILTER (WHERE verdict = 'violation' AND decided_at >= %(start)s AND decided_at < %(end)s)
               AS violations,
           count(*) FILTER (WHERE verdict = 'normal' AND decided_at >= %(start)s AND decided_at < %(end)s) AS normal,
           count(*) FILTER (WHERE verdict = 'not_enough_evidence' AND decided_at >= %(start)s
               AND decided_at < %(end)s) AS not_enough_evidence,
           count(*) FILTER (WHERE decided_at IS NULL OR decided_at >= %(end)s) AS open
    FROM cases
    WHERE opened_at < %(end)s AND (decided_at IS NULL OR decided_at >= %(start)s) AND unit_code = ANY(%(units)s)
    GROUP BY GROUPING SETS ((), (unit_code)) ORDER BY unit_code NULLS FIRST
"""


async def rows(conn: AsyncConnection[Any], query: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one of these queries."""
    cursor = await conn.cursor(row_factory=dict_row).execute(query, values)
    return await cursor.fetchall()
