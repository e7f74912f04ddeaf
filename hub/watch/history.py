"""The log fed to an engine from a moment on, as it happened: to rebuild the state of the watch, and to try rules.

The same feed as live, day by day, so that memory is bounded by a day; between some hundred look-ups others get their
turn. Nothing is stored here: what the engine says is handed to the caller, or to nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from contracts.calendar import VIETNAM
from hub.accounts.watch_feed import officers_for_watch
from hub.lookups.log import COLUMNS, LogPosition, ended_lookup
from hub.profiles.calendar import working_calendar
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.watch.engine import Engine
from hub.watch.faults import Faults
from hub.watch.feed import DossierFeed, Step, in_order, lookup_step, to_lookup
from hub.watch.records import Context, Judgement, Lookup, Officer, Verdict
from hub.watch.rules import RuleSet

_log = structlog.get_logger("hub.watch")

TURN = 200
"""Steps between two turns of the loop: about ten milliseconds."""

Heard = Callable[[Judgement, Lookup | None], None]
"""Is told what the engine said, and of which look-up; ``None``: it fell due."""

_LOOKUPS: LiteralString = f"""
    SELECT {COLUMNS} FROM lookup_ends e JOIN lookups a ON a.asked_at = e.asked_at AND a.id = e.lookup_id
    WHERE e.asked_at >= %(start)s AND e.asked_at < %(end)s AND a.asked_at >= %(start)s AND a.asked_at < %(end)s
      AND (%(txid)s::text IS NULL OR (e.txid, e.lookup_id) <= (%(txid)s::text::xid8, %(lookup_id)s))
    ORDER BY e.asked_at, e.lookup_id
"""  # noqa: S608 - put together from constants

_LAST_BEFORE: LiteralString = """
    SELECT a.id, (SELECT max(l.asked_at) FROM lookups l WHERE l.account_id = a.id AND l.asked_at < %s)
    FROM lookup_accounts a
"""

_VERDICTS: LiteralString = """
    SELECT DISTINCT c.decided_at, w.engine_case, c.verdict FROM cases c JOIN watch_alerts w ON w.case_id = c.id
    WHERE c.decided_at >= %s AND c.decided_at < %s AND w.engine_case <> '' ORDER BY c.decided_at
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the log."""

    start: datetime
    end: datetime
    position: LogPosition | None = None
    """Only what was written up to there; ``None``: everything."""


def context_of(
    profile: ProfileValues, start: date, *, protected: frozenset[str] = frozenset(), units: Iterable[str] = ()
) -> Context:
    """Return the calendar and lists of a province as the engine knows them; ``units`` are those of its officers."""
    calendar = working_calendar(profile)
    return Context(
        start=start,
        timezone=str(VIETNAM),
        holidays=calendar.holidays,
        makeup_workdays=calendar.makeup_days,
        office_hours=tuple((one.start, one.end) for one in calendar.office_hours),
        saturday_morning_units=frozenset(units) if calendar.saturday_morning else frozenset(),
        protected_persons=protected,
    )


async def read_officers(store: Store, start: datetime, *, now: datetime) -> dict[str, Officer]:
    """Return every officer by account, with the last look-up before ``start``."""
    async with store.transaction() as conn:
        cursor = await conn.execute(_LAST_BEFORE, (start,))
        last: dict[str, datetime | None] = dict(await cursor.fetchall())
    return {
        one.account_id: replace(one, last_lookup_before_stream=_last_before(one, last.get(one.account_id), start))
        for one in await officers_for_watch(store, now=now)
    }


def engine_for(
    profile: ProfileValues,
    rules: RuleSet,
    officers: Mapping[str, Officer],
    *,
    first_day: date,
    protected: frozenset[str] = frozenset(),
) -> Engine:
    """Return an engine that knows the province and its officers, and nothing that happened."""
    units = {one.unit_code for one in officers.values()}
    engine = Engine(context_of(profile, first_day, protected=protected, units=units), rules)
    for one in officers.values():
        engine.learn_officer(one)
    return engine


def _last_before(one: Officer, logged: datetime | None, start: datetime) -> date | None:
    """Return the last look-up before the stretch: from the log, or older than the log by what the register says."""
    if logged is not None:
        return logged.astimezone(VIETNAM).date()
    noted = one.last_lookup_before_stream
    return noted if noted is not None and noted < start.astimezone(VIETNAM).date() else None


async def feed(
    store: Store, engine: Engine, dossiers: DossierFeed, stretch: Stretch, heard: Heard, *, faults: Faults
) -> tuple[int, float]:
    """Feed a stretch of the log; return how many look-ups were judged, and the moment of the last one."""
    async with store.transaction() as conn:
        await run(engine, await dossiers.at(conn, stretch.start), heard, faults)
    judged, last = 0, 0.0
    begin = stretch.start
    while begin < stretch.end:
        end = min(begin + timedelta(days=1), stretch.end)
        async with store.transaction() as conn:
            changes = await dossiers.between(conn, begin, end)
            lookups = await _lookups(conn, store, begin, end, stretch.position)
            verdicts = await _verdicts(conn, begin, end)
        steps = [lookup_step(one, partial(_judge, heard)) for one in lookups]
        await run(engine, in_order(changes, verdicts, steps), heard, faults)
        judged += len(lookups)
        last = lookups[-1].ts if lookups else last
        begin = end
    return judged, last


async def run(engine: Engine, steps: Sequence[Step], heard: Heard, faults: Faults) -> None:
    """Take steps in their order, letting time pass in between; others get their turn now and then.

    A step that fails is counted among ``faults``, and the next is taken; where it failed is logged once.
    """
    known = set(faults.places)
    for number, step in enumerate(steps, 1):
        with faults:
            for judgement in engine.advance(step.ts):
                heard(judgement, None)
            step.tell(engine)
        if number % TURN == 0:
            await asyncio.sleep(0)
    for place in sorted(faults.places.keys() - known):
        _log.error("watch_step_failed", place=place)


def _judge(heard: Heard, engine: Engine, lookup: Lookup) -> None:
    heard(engine.judge(lookup), lookup)


async def _lookups(
    conn: Connection, store: Store, start: datetime, end: datetime, position: LogPosition | None
) -> list[Lookup]:
    values = {
        "start": start,
        "end": end,
        "txid": None if position is None else str(position.txid),
        "lookup_id": UUID(int=0) if position is None else position.lookup_id,
    }
    cursor = await conn.execute(_LOOKUPS, values)
    found: list[Lookup] = []
    for number, row in enumerate(await cursor.fetchall(), 1):
        lookup = to_lookup(ended_lookup(row), store.sealer)
        if lookup is not None:
            found.append(lookup)
        if number % TURN == 0:
            await asyncio.sleep(0)
    return found


async def _verdicts(conn: Connection, start: datetime, end: datetime) -> list[Step]:
    cursor = await conn.execute(_VERDICTS, (start, end))
    return [_verdict(at.timestamp(), key, Verdict(verdict)) for at, key, verdict in await cursor.fetchall()]


def _verdict(ts: float, case_key: str, verdict: Verdict) -> Step:
    return Step(ts, lambda engine: engine.verdict(case_key, verdict))


def midnight(moment: datetime, *, zone: ZoneInfo = VIETNAM) -> datetime:
    """Return the beginning of the day of a moment, in Vietnam."""
    return datetime.combine(moment.astimezone(zone).date(), time(), tzinfo=zone)
