"""The list of exchanges: the same answers as a plain query, while each page examines a bounded number of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncCursor

from contracts.codes import agency_of_dossier
from hub.access.agencies import covers
from hub.exchanges.listing import ExchangeFilter, first_id_at, read_page
from hub.exchanges.views import ExchangeState
from hub.store.engine import Store

E = ExchangeState
BEGIN = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
COUNT = 400

_SEED = """
WITH lane AS (
    INSERT INTO lanes (connection, subject, open_count)
    SELECT 'portal', CASE WHEN n %% 5 = 4 THEN 'H99.13' WHEN n = 33 THEN '000.00.12.H99' ELSE 'H99.12' END
                     || '-261008-' || lpad(n::text, 4, '0'), 0 FROM generate_series(0, 39) AS n
    RETURNING id, subject
), rows AS (
    SELECT n, lane.id AS lane_id, lane.subject, %(begin)s + n * interval '1 minute' AS at
    FROM generate_series(0, %(count)s - 1) AS n
    JOIN lane ON lane.subject LIKE '%%-261008-' || lpad((n %% 40)::text, 4, '0')
)
INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at, ended_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || '8000'
        || lpad(to_hex(n), 12, '0'))::uuid,
       lane_id, CASE WHEN n %% 50 = 0 THEN 'rare' ELSE 'portal' END, subject,
       CASE WHEN n %% 3 = 0 THEN 'push_step' ELSE 'push_dossier' END, 1, s.state, at,
       CASE WHEN s.state NOT IN ('accepted', 'waiting', 'unknown') THEN at END
FROM rows CROSS JOIN LATERAL (SELECT CASE WHEN n %% 97 = 5 THEN 'refused' WHEN n %% 101 = 7 THEN 'unknown'
    WHEN n %% 89 = 3 THEN 'waiting' WHEN n > 380 THEN 'accepted' ELSE 'delivered' END AS state) s
"""


@pytest.fixture
async def seeded(store: Store) -> Store:
    """Four hundred exchanges, one a minute."""
    async with store.transaction() as conn:
        await conn.execute(_SEED, {"begin": BEGIN, "count": COUNT})
    return store


FILTERS: list[dict[str, Any]] = [
    {},
    {"connection": "rare"},
    {"connection": "nothing"},
    {"operation": "push_step"},
    {"subject": "H99.12-261008-0007"},
    *({"state": one} for one in E),
    {"state": E.REFUSED, "operation": "push_step"},
    {"state": E.WAITING, "connection": "portal"},
    {"since": BEGIN + timedelta(minutes=390)},
    {"until": BEGIN + timedelta(minutes=10)},
    {"since": BEGIN + timedelta(minutes=100), "until": BEGIN + timedelta(minutes=110), "connection": "rare"},
    {"subject": "H99.12-261008-0007", "state": E.DELIVERED, "operation": "push_dossier", "until": BEGIN},
    {"agencies": ("H99",)},
    {"agencies": ("H99.12",)},
    {"agencies": ("H98", "H99.13.2")},
    {"agencies": ("000.00.13.H99",), "state": E.WAITING},
    {"agencies": ("H99.13",), "subject": "H99.12-261008-0007"},
    {"agencies": ("H99.13",), "state": E.REFUSED, "connection": "portal"},
]


@pytest.mark.parametrize("most", [17, 5000])
async def test_pages_together_are_the_plain_list(seeded: Store, most: int) -> None:
    """For every filter, with few rows examined per page as with many: nothing twice, nothing missing, newest first."""
    async with seeded.transaction() as conn:
        everything = await (
            await conn.execute(
                "SELECT id, connection, state, operation, subject, accepted_at FROM exchanges ORDER BY id DESC"
            )
        ).fetchall()
        for wanted in FILTERS:
            expected = [row[0] for row in everything if _matches(row, wanted)]
            found: list[UUID] = []
            after: UUID | None = None
            for _ in range(COUNT):
                page = await read_page(conn, ExchangeFilter(**wanted), after=after, limit=7, max_examined=most)
                assert len(page.rows) <= 7
                found += [row["id"] for row in page.rows]
                after = page.next_cursor
                if after is None:
                    break
            assert after is None
            assert found == expected, wanted


def _matches(row: Any, wanted: dict[str, Any]) -> bool:
    named = dict(zip(("id", "connection", "state", "operation", "subject", "accepted_at"), row, strict=True))
    return all(
        covers(value, agency_of_dossier(named["subject"]))
        if name == "agencies"
        else named["accepted_at"] >= value
        if name == "since"
        else named["accepted_at"] < value
        if name == "until"
        else named[name] == value
        for name, value in wanted.items()
    )


async def test_no_page_examines_more_than_it_may(seeded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the filter: counted in the plans as the database executed them."""
    async with seeded.transaction() as conn:
        await conn.execute("ANALYZE exchanges")
        asked: list[tuple[Any, Any]] = []
        execute = AsyncCursor.execute

        async def watched(cursor: Any, query: Any, values: Any = None, **options: Any) -> Any:
            asked.append((query, values))
            return await execute(cursor, query, values, **options)

        for wanted in FILTERS:
            with monkeypatch.context() as patch:
                patch.setattr(AsyncCursor, "execute", watched)
                await read_page(conn, ExchangeFilter(**wanted), after=None, limit=7, max_examined=20)
            assert asked
            while asked:
                query, values = asked.pop()
                row = await (await conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", values)).fetchone()
                assert row is not None
                assert max(_examined(row[0][0]["Plan"]), default=0) <= 20, wanted


def _examined(node: dict[str, Any]) -> list[int]:
    """Return how many rows of the exchanges each scan of a plan looked at."""
    inner = [count for child in node.get("Plans", ()) for count in _examined(child)]
    if node.get("Relation Name") != "exchanges":
        return inner
    return [int(node["Actual Rows"]) + int(node.get("Rows Removed by Filter", 0)), *inner]


def test_ids_follow_moments() -> None:
    """The bound of a moment lies below every id made from then on, and above those of before."""
    earlier, later = first_id_at(BEGIN), first_id_at(BEGIN + timedelta(milliseconds=1))
    assert earlier < later
    assert earlier.int >> 80 == int(BEGIN.timestamp() * 1000)
    assert first_id_at(datetime(1960, 1, 1, tzinfo=UTC)).int == 0
