"""Trying a proposal on history: the same engine over the same log, once as it is and once as it would be."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from psycopg.types.json import Jsonb

from contracts.calendar import VIETNAM
from hub.ledger.entries import PROGRAM, record_act
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.watch import history
from hub.watch.faults import Faults
from hub.watch.feed import DossierFeed
from hub.watch.records import Judgement, Lookup, Verdict
from hub.watch.rules import RuleSet
from hub.watch.versions import ProposalKind, in_force, open_content
from hub.watch.views import PreviewOutcome, ProposalPreview, ProposalState

LEAD = timedelta(days=14)
"""History before the stretch from which an engine learns what is usual."""

LOOK_SECONDS = 5.0

_log = structlog.get_logger("hub.watch")


@dataclass(frozen=True, slots=True)
class _Decided:
    account_id: str
    opened_at: datetime
    until: datetime
    verdict: str


@dataclass(slots=True)
class _Found:
    """What one engine said."""

    begin: float
    alerts: Counter[str] = field(default_factory=Counter)
    cases: set[str] = field(default_factory=set)
    at: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lookups: int = 0

    def hear(self, judgement: Judgement, lookup: Lookup | None) -> None:
        """Count what was said in the stretch; before it the engine only learns."""
        self.lookups += lookup is not None and lookup.ts >= self.begin
        for alert in judgement.alerts:
            if alert.ts >= self.begin:
                self.alerts[str(alert.rule)] += 1
                self.cases.add(alert.case_key)
                self.at[alert.account_id].append(alert.ts)

    def finds(self, one: _Decided) -> bool:
        """Say whether this account is raised while that case ran."""
        since, until = one.opened_at.timestamp() - 86_400, one.until.timestamp()
        return any(since <= ts <= until for ts in self.at.get(one.account_id, ()))


class Previewer:
    """Replays proposals until cancelled; one that was broken off begins anew."""

    def __init__(
        self, store: Store, profile: ProfileValues, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """``profile`` gives the calendar."""
        self._store = store
        self._profile = profile
        self._now = now

    async def run(self) -> None:
        """Replay what is proposed, for ever."""
        while True:
            if not await self.step():
                await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> bool:
        """Replay the oldest proposal that waits for it; say whether there was one."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT id, kind, sealed, preview_from, preview_until FROM watch_proposals WHERE state = 'previewing'"
                " ORDER BY id LIMIT 1"
            )
            row = await cursor.fetchone()
            if row is None:
                return False
            current = await in_force(conn, self._store.sealer, row[4])
        key, kind, sealed, begin, end = row
        content = open_content(self._store.sealer, key, sealed)["content"]
        rules, protected = current.rules, current.protected
        if kind == ProposalKind.RULES.value:
            rules = RuleSet.model_validate_json(orjson.dumps(content))
        else:
            protected = (protected - set(content["remove"])) | set(content["add"])
        now = await self._replayed(current.rules, current.protected, begin, end)
        proposed = await self._replayed(rules, protected, begin, end)
        async with self._store.transaction() as conn:
            decided = await _decided(conn, begin, end)
            officers = await _active(conn)
        preview = _compared(now, proposed, decided, officers=officers, days=(end - begin) / timedelta(days=1))
        await self._keep(key, preview)
        _log.info("proposal_previewed", proposal=str(key), lookups=proposed.lookups)
        return True

    async def _replayed(self, rules: RuleSet, protected: frozenset[str], begin: datetime, end: datetime) -> _Found:
        start = history.midnight(begin - LEAD)
        officers = await history.read_officers(self._store, start, now=self._now())
        first = (start - timedelta(days=rules.warm_up_days)).astimezone(VIETNAM).date()
        engine = history.engine_for(self._profile, rules, officers, first_day=first, protected=protected)
        found = _Found(begin.timestamp())
        await history.feed(
            self._store,
            engine,
            DossierFeed(self._store.sealer),
            history.Stretch(start, end),
            found.hear,
            faults=Faults(),
        )
        return found

    async def _keep(self, key: UUID, preview: ProposalPreview) -> None:
        """Keep what was found, unless the proposal was withdrawn meanwhile."""
        shown: dict[str, Any] = preview.model_dump(mode="json")
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "UPDATE watch_proposals SET state = %s, preview = %s WHERE id = %s AND state = %s",
                (ProposalState.PREVIEWED.value, Jsonb(shown), key, ProposalState.PREVIEWING.value),
            )
            if cursor.rowcount:
                facts = {"lookups": str(preview.proposed.lookups)}
                await record_act(conn, act="watch.previewed", actor=PROGRAM, target=f"watch:{key}", facts=facts)


def _compared(
    now: _Found, proposed: _Found, decided: Sequence[_Decided], *, officers: int, days: float
) -> ProposalPreview:
    return ProposalPreview(
        now=_outcome(now, decided, officers, days),
        proposed=_outcome(proposed, decided, officers, days),
        accounts_new=len(proposed.at.keys() - now.at.keys()),
        accounts_gone=len(now.at.keys() - proposed.at.keys()),
        violations=sum(one.verdict == Verdict.VIOLATION for one in decided),
        normal=sum(one.verdict == Verdict.NORMAL for one in decided),
    )


def _outcome(found: _Found, decided: Sequence[_Decided], officers: int, days: float) -> PreviewOutcome:
    a_day = len(found.cases) / days if days else 0.0
    return PreviewOutcome(
        lookups=found.lookups,
        alerts=found.alerts.total(),
        cases=len(found.cases),
        cases_per_day_per_1000_officers=round(1000 * a_day / officers, 2) if officers else 0.0,
        alerts_by_rule=dict(sorted(found.alerts.items())),
        violations_found=sum(one.verdict == Verdict.VIOLATION and found.finds(one) for one in decided),
        normal_raised=sum(one.verdict == Verdict.NORMAL and found.finds(one) for one in decided),
    )


async def _decided(conn: Connection, begin: datetime, end: datetime) -> list[_Decided]:
    cursor = await conn.execute(
        "SELECT account_id, opened_at, until, verdict FROM cases WHERE verdict IS NOT NULL AND opened_at >= %s"
        " AND opened_at < %s",
        (begin, end),
    )
    return [_Decided(*row) for row in await cursor.fetchall()]


async def _active(conn: Connection) -> int:
    cursor = await conn.execute("SELECT count(*) FROM lookup_accounts WHERE state = 'active'")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
