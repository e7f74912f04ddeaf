"""``exchange-list``: what one page of the list of exchanges costs with a million stored, against ten thousand.

Every filter that the API offers is asked, alone and combined, rare and common, from the first page and from the
middle. Compared are the slowest page of all (``exchange-list``: no filter leads to a page slower than with few) and
the median one (``usual``). A filter that matches almost nothing of few examines more of many, up to the bound. The
database is vacuumed and analysed after each seeding, as autovacuum does in the long run.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.deployment import CONNECTION, Deployment, deployment
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from hub.exchanges.service import ExchangeService
from hub.exchanges.views import ExchangeState

BAR = 2.0
_PAGE = 50
_NOISE_MS = 0.5
"""Added to both sides: a page of a millisecond is not judged by the noise of a tenth."""

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=200)
_SEED_LANES = """
INSERT INTO lanes (connection, subject, open_count)
SELECT connection, subject, 0 FROM (
    SELECT DISTINCT CASE WHEN n %% 20000 = 19 THEN 'rare' WHEN n %% 50 = 1 THEN 'other' ELSE %(connection)s END
                        AS connection,
           'H99.12-260101-' || lpad((n / 4)::text, 7, '0') AS subject
    FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS named
ON CONFLICT DO NOTHING
"""

# Spread over the same days whatever their number; ids made as `new_exchange_id` makes them, from the moment.
_SEED_EXCHANGES = """
INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at, ended_at, attempts)
SELECT (lpad(to_hex((extract(epoch FROM v.at) * 1000)::bigint), 12, '0') || '70008000'
        || lpad(to_hex(v.n), 12, '0'))::uuid,
       l.id, v.connection, v.subject, CASE WHEN v.n %% 4 = 0 THEN 'push_dossier' ELSE 'push_step' END, 1, v.state,
       v.at, CASE WHEN v.state NOT IN ('accepted', 'waiting', 'unknown') THEN v.at END, 1
FROM (
    SELECT n, %(begin)s::timestamptz + %(span)s::interval * (n::float / %(last)s) AS at,
           CASE WHEN n %% 20000 = 19 THEN 'rare' WHEN n %% 50 = 1 THEN 'other' ELSE %(connection)s END AS connection,
           'H99.12-260101-' || lpad((n / 4)::text, 7, '0') AS subject,
           CASE WHEN n %% 499 = 7 THEN 'refused' WHEN n %% 997 = 8 THEN 'given_up' WHEN n %% 4999 = 9 THEN 'unknown'
                WHEN n %% 2003 = 10 THEN 'waiting' WHEN n %% 30 = 11 THEN 'superseded' ELSE 'delivered' END AS state
    FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS v
JOIN lanes l ON l.connection = v.connection AND l.subject = v.subject
ORDER BY v.n
"""

_RECENT, _EARLY, _LATE = _BEGIN + _SPAN * 0.99, _BEGIN + _SPAN * 0.4, _BEGIN + _SPAN * 0.6
_E = ExchangeState
FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "common connection": {"connection": CONNECTION},
    "rare connection": {"connection": "rare"},
    "unknown connection": {"connection": "nobody"},
    "operation": {"operation": "push_dossier"},
    "subject": {"subject": "H99.12-260101-0000017"},
    "delivered": {"state": _E.DELIVERED},
    "refused": {"state": _E.REFUSED},
    "unknown": {"state": _E.UNKNOWN},
    "waiting": {"state": _E.WAITING},
    "sending": {"state": _E.SENDING},
    "quarantined": {"state": _E.QUARANTINED},
    "since": {"since": _RECENT},
    "days in the middle": {"since": _EARLY, "until": _LATE},
    "refused at a rare connection": {"state": _E.REFUSED, "connection": "rare"},
    "superseded steps of a rare connection long ago": {
        "state": _E.SUPERSEDED,
        "operation": "push_step",
        "connection": "rare",
        "until": _EARLY,
    },
    "an agency": {"agencies": ("H99.12",)},
    "an agency without any": {"agencies": ("H98", "H99.13")},
    "refused of an agency without any": {"agencies": ("H98",), "state": _E.REFUSED},
    "dossier in a state": {"subject": "H99.12-260101-0000017", "state": _E.DELIVERED},
}


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure."""
    async with deployment() as made:
        await _seed(made, 1, sizes.list_few)
        few = await _costs(made, sizes.list_pages)
        await _seed(made, sizes.list_few + 1, sizes.list_many)
        many = await _costs(made, sizes.list_pages)
    grew = max(few, key=lambda name: many[name] / few[name])
    slow = {"few": max(few, key=lambda name: few[name]), "many": max(many, key=lambda name: many[name])}
    print(
        f"exchange-list: grew most: {grew}, {few[grew]:.1f} to {many[grew]:.1f} ms; slowest: {slow['few']} of few,"
        f" {slow['many']} of many",
        flush=True,
    )
    return [
        Measurement.cost("exchange-list", many[slow["many"]], few[slow["few"]], unit="ms", bar=BAR),
        Measurement.cost_of("exchange-list, usual", list(many.values()), list(few.values()), unit="ms", bar=BAR),
    ]


async def _seed(made: Deployment, first: int, last: int) -> None:
    values = {"connection": CONNECTION, "first": first, "last": last, "begin": _BEGIN, "span": _SPAN}
    async with made.store.transaction() as conn:
        await conn.execute("SET LOCAL synchronous_commit TO off")
        if first > 1:
            # Ids follow the days, and both sizes spread over the same days: what was there makes room.
            await conn.execute("TRUNCATE attempts, exchanges, lanes")
            values["first"] = 1
        await conn.execute(_SEED_LANES, values)
        await conn.execute(_SEED_EXCHANGES, values)
    async with await psycopg.AsyncConnection.connect(made.store.url, autocommit=True) as tidy:
        await tidy.execute("VACUUM ANALYZE lanes")
        await tidy.execute("VACUUM ANALYZE exchanges")
        await tidy.execute("CHECKPOINT")


async def _costs(made: Deployment, pages: int) -> dict[str, float]:
    """Return the milliseconds of a page for each filter, from the beginning and from the middle.

    The least of several, which lie apart: of so many figures the largest is taken, which would be that of the noise.
    """
    service = ExchangeService(made.store, [])
    async with made.store.transaction() as conn:
        row = await (
            await conn.execute(
                "SELECT id::text FROM exchanges WHERE accepted_at >= %s ORDER BY id LIMIT 1", (_BEGIN + _SPAN / 2,)
            )
        ).fetchone()
    middle = None if row is None else row[0]
    places = {"": None, ", from the middle": middle}
    costs: dict[str, float] = {}
    for turn in range(pages + 1):
        for name, wanted in FILTERS.items():
            for place, cursor in places.items():
                began = time.perf_counter()
                await service.page(**wanted, cursor=cursor, limit=_PAGE)
                spent = (time.perf_counter() - began) * 1000 + _NOISE_MS
                if turn:  # the first one finds nothing at hand
                    costs[name + place] = min(spent, costs.get(name + place, spent))
    return costs
