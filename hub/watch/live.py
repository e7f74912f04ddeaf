"""The watch, live: follows ended look-ups and dossiers, explains each look-up, raises alerts, opens cases.

One clerk at a time. What is in memory follows from the log alone: after a start, a failure or a change of the rules it
is rebuilt by feeding the log since a bounded horizon, without storing anything a second time. What is stored and how
far the watch has come are one commit, so a look-up is never judged and forgotten; every row has a key that follows
from what it says, so judging again adds nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from contracts.calendar import VIETNAM
from hub.cases.opening import CaseOpener, Finding
from hub.cases.settings import CaseSettings
from hub.lookups.log import BEGINNING, EndedLookup, SubjectHasher, ended_since
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.watch import history, metrics
from hub.watch.engine import Engine
from hub.watch.faults import Faults
from hub.watch.feed import LONG_OVERLAP, OVERLAP, DossierFeed, Step, in_order, lookup_step, to_lookup
from hub.watch.lag import tell_faults, tell_lag
from hub.watch.records import Alert, Judgement, Lookup, Officer, Verdict
from hub.watch.rules import HARD_RULES, RATE_RULES, Rule
from hub.watch.settings import WatchSettings
from hub.watch.shares import publish_shares
from hub.watch.storing import Explained, read_progress, store_explanations, write_progress
from hub.watch.versions import InForce, in_force

SETTLED = timedelta(seconds=5)
"""Time is let pass up to so long ago: a look-up under way may still end with an earlier moment."""

LOOK_AGAIN = 60.0
"""Seconds after which events of dossiers are looked for further back, officers are compared, shares are published."""

_NEEDS_HISTORY = RATE_RULES | {Rule.TWO_NETWORKS}
"""Rules that say nothing until the log is as old as their warm-up; all others speak from the first look-up on."""

_log = structlog.get_logger("hub.watch")


class LiveWatch:
    """Judges look-ups as they end, until cancelled; may be begun anew at any moment."""

    def __init__(
        self,
        store: Store,
        profile: ProfileValues,
        settings: WatchSettings,
        cases: CaseSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``profile`` gives the calendar; ``cases`` how much evidence is frozen."""
        self._store = store
        self._profile = profile
        self._settings = settings
        self._cases = cases
        self._now = now
        self._opener: CaseOpener | None = None
        self._engine: Engine | None = None
        self._dossiers = DossierFeed(store.sealer)
        self._officers: dict[str, Officer] = {}
        self._register = -1
        self._version: InForce | None = None
        self._position = BEGINNING
        self._young_until = 0.0
        self._followed_until = self._rebuilt_until = datetime.fromtimestamp(0, UTC)
        self._ahead: list[Step] = []
        self._looked_at = float("-inf")
        self._forgotten = 0.0
        self._where: dict[str, str] = {}
        self._verdicts: set[tuple[UUID, datetime]] = set()
        self._explained: list[Explained] = []
        self._findings: list[Finding] = []
        self._faults = Faults()

    async def run(self) -> None:
        """Watch, for ever. Where it fails, the operators are told how far it had come."""
        while True:
            try:
                taken = await self.step()
            except Exception:
                async with self._store.transaction() as conn:
                    progress = await read_progress(conn)
                position = BEGINNING if progress is None else progress.position
                await tell_lag(self._store, position, now=self._now())
                raise
            if taken < self._settings.batch:
                await asyncio.sleep(self._settings.poll_seconds)

    async def step(self) -> int:
        """Judge what has ended since the last time, at most a batch; return how many look-ups were read."""
        now = self._now()
        async with self._store.transaction() as conn:
            version = await in_force(conn, self._store.sealer, now, self._version)
        if self._engine is None or version is not self._version:
            self._version = version
            await self._rebuild(now)
        try:
            return await self._work(now)
        except BaseException:
            self._engine = None  # it has seen what was not stored: begin anew from what was
            raise

    # --- rebuilding -------------------------------------------------------------------------------------------

    async def _rebuild(self, now: datetime) -> None:
        """Feed the log since the horizon, up to where the watch had come; nothing of it is stored again."""
        begun = time.monotonic()
        assert self._version is not None  # noqa: S101 - read by the step that calls
        if self._opener is None:
            hasher = await SubjectHasher.open(self._store)
            most = self._cases.evidence_lookups
            self._opener = CaseOpener(self._store.sealer, hasher, evidence_lookups=most)
        start = history.midnight(now - timedelta(days=self._settings.horizon_days))
        async with self._store.transaction() as conn:
            progress = await read_progress(conn)
            cursor = await conn.execute("SELECT min(asked_at) FROM lookups WHERE asked_at >= %s", (start,))
            row = await cursor.fetchone()
        rules = self._version.rules
        # The engine itself raises from the first day on; what needs history is held back here until there is some.
        first = (start - timedelta(days=rules.warm_up_days)).astimezone(VIETNAM).date()
        oldest = row[0] if row is not None and row[0] is not None else now
        self._young_until = (oldest + timedelta(days=rules.warm_up_days)).timestamp()
        self._officers = await history.read_officers(self._store, start, now=now)
        self._register = -1
        engine = history.engine_for(
            self._profile, rules, self._officers, first_day=first, protected=self._version.protected
        )
        self._dossiers = DossierFeed(self._store.sealer)
        self._position = progress.position if progress is not None else BEGINNING
        until = progress.judged_until if progress is not None and progress.judged_until is not None else oldest
        end = max(start, until + timedelta(microseconds=1))
        stretch = history.Stretch(start, end, self._position)
        self._faults = Faults()
        judged, _ = await history.feed(self._store, engine, self._dossiers, stretch, _to_nobody, faults=self._faults)
        self._followed_until = self._rebuilt_until = end
        self._ahead = []
        self._verdicts = set()
        self._engine = engine
        self._looked_at = float("-inf")
        _log.info("watch_rebuilt", lookups=judged, seconds=round(time.monotonic() - begun, 2), rules=rules.version)

    # --- judging ----------------------------------------------------------------------------------------------

    async def _work(self, now: datetime) -> int:
        engine, version, opener = self._engine, self._version, self._opener
        assert engine is not None and version is not None and opener is not None  # noqa: S101, PT018 - rebuilt
        long = time.monotonic() - self._looked_at > LOOK_AGAIN
        async with self._store.transaction() as conn:
            ended = await ended_since(conn, self._position, self._settings.batch)
        async with self._store.transaction() as conn:
            # Later than the look-ups: whatever was committed before one of them is known when it is judged.
            since = min(self._followed_until, now) - (LONG_OVERLAP if long else OVERLAP)
            changes = [*self._ahead, *await self._dossiers.changes(conn, since)]
            verdicts = await self._fresh_verdicts(conn, since)
            register = await _register_version(conn)
        if register != self._register:
            await self._learn(engine, now)
            self._register = register
        lookups = self._lookups(ended)
        # After a stop there is a backlog: no dossier is told before the look-ups that came earlier.
        behind = len(ended) == self._settings.batch
        reached = max((one.ts for one in lookups), default=0.0) if behind else now.timestamp()
        self._ahead = [one for one in changes if one.ts > reached]
        told = [one for one in changes if one.ts <= reached]
        steps = [lookup_step(one, self._judge) for one in lookups]
        self._explained, self._findings = [], []
        taken = in_order(told, verdicts, steps)
        if not behind:
            taken.append(Step((now - SETTLED).timestamp(), _time_passes))
        await history.run(engine, taken, lambda judgement, _: self._hear(None, judgement), self._faults)
        self._followed_until = now
        await self._store_all(ended, version, opener, now)
        if long:
            await publish_shares(self._store, self._settings, now=now)
            await tell_lag(self._store, self._position, now=now)
            await tell_faults(self._store, self._faults, now=now)
            self._looked_at = time.monotonic()
            self._forget(engine, now)
        lag = (now - ended[0].ended_at).total_seconds() if ended else 0.0
        metrics.judged(len(lookups), lag_seconds=lag, faults=self._faults.count)
        return len(ended)

    def _lookups(self, ended: Sequence[EndedLookup]) -> list[Lookup]:
        found: list[Lookup] = []
        for one in ended:
            lookup = to_lookup(one, self._store.sealer)
            if lookup is not None:
                found.append(lookup)
                self._where[lookup.account_id] = lookup.unit_code
        return found

    def _judge(self, engine: Engine, lookup: Lookup) -> None:
        self._hear(lookup, engine.judge(lookup))

    def _hear(self, lookup: Lookup | None, judgement: Judgement) -> None:
        """Keep what the engine said, to be stored at the end of the step."""
        one = judgement.explanation
        if one is not None:
            unit = lookup.unit_code if lookup is not None else self._unit_of(one.account_id)
            self._explained.append(Explained(one, unit))
        for alert in judgement.alerts:
            if alert.ts < self._young_until and alert.rule in _NEEDS_HISTORY:
                continue
            completing = lookup.lookup_id if lookup is not None else "" if one is None else one.lookup_id
            self._findings.append(self._finding(alert, completing))

    def _finding(self, alert: Alert, completing: str) -> Finding:
        unit = self._where.get(alert.account_id) or self._unit_of(alert.account_id)
        last = completing or (alert.lookup_ids[-1] if alert.lookup_ids else str(int(alert.ts)))
        return Finding(
            key=f"{alert.rule}:{alert.account_id}:{last}",
            at=datetime.fromtimestamp(alert.ts, UTC),
            account_id=alert.account_id,
            unit_code=unit,
            rule=str(alert.rule),
            rule_score=alert.rule_score,
            hard=alert.rule in HARD_RULES,
            people=alert.subject_ids,
            reason=alert.reason,
            lookup_ids=[UUID(key) for key in dict.fromkeys((*alert.lookup_ids, completing)) if key],
            engine_case=alert.case_key,
            score=alert.score,
        )

    def _unit_of(self, account_id: str) -> str:
        officer = self._officers.get(account_id)
        return "" if officer is None else officer.unit_code

    async def _store_all(
        self,
        ended: Sequence[EndedLookup],
        version: InForce,
        opener: CaseOpener,
        now: datetime,
    ) -> None:
        """Store what was said and how far the watch has come, in one commit."""
        if not (ended or self._explained or self._findings):
            return
        position = ended[-1].position if ended else self._position
        judged_until = max((one.asked_at for one in ended), default=None)
        async with self._store.transaction() as conn:
            # First the explanations: the evidence of a case quotes them.
            await store_explanations(conn, self._explained, rules_version=str(version.rules_version), now=now)
            touched = await opener.take_in(conn, self._findings, rules=version.rules, now=now)
            await write_progress(conn, position, judged_until, now=now)
        self._position = position
        metrics.raised(len(self._findings))
        if touched:
            _log.info("cases_touched", cases=len(set(touched)), alerts=len(self._findings))

    # --- what changes beside look-ups -------------------------------------------------------------------------

    async def _learn(self, engine: Engine, now: datetime) -> None:
        """Tell the engine which officers have changed; when they last looked somebody up it knows better."""
        start = history.midnight(now - timedelta(days=self._settings.horizon_days))
        for account_id, one in (await history.read_officers(self._store, start, now=now)).items():
            known = self._officers.get(account_id)
            fresh = one
            if known is not None:
                fresh = replace(one, last_lookup_before_stream=known.last_lookup_before_stream)
            if fresh != known:
                engine.learn_officer(fresh)
                self._officers[account_id] = fresh

    async def _fresh_verdicts(self, conn: Connection, since: datetime) -> list[Step]:
        """Return verdicts from a moment on that the engine has not been told."""
        cursor = await conn.execute(
            "SELECT c.id, c.decided_at, c.verdict, array_agg(DISTINCT w.engine_case) FROM cases c"
            " JOIN watch_alerts w ON w.case_id = c.id WHERE c.decided_at >= %s AND w.engine_case <> ''"
            " GROUP BY c.id ORDER BY c.decided_at",
            (max(since, self._rebuilt_until),),
        )
        steps: list[Step] = []
        for case_id, decided_at, verdict, keys in await cursor.fetchall():
            if (case_id, decided_at) in self._verdicts:
                continue
            self._verdicts.add((case_id, decided_at))
            for key in keys:
                told = partial(_tell_verdict, case_key=key, verdict=Verdict(verdict))
                steps.append(Step(decided_at.timestamp(), told))
        return steps

    def _forget(self, engine: Engine, now: datetime) -> None:
        """Bound the memory of a process that runs for months: once a day."""
        moment = now.timestamp()
        if moment - self._forgotten > timedelta(days=1).total_seconds():
            before = (now - timedelta(days=self._settings.horizon_days)).timestamp()
            engine.forget(before)
            self._dossiers.forget(before)
            self._verdicts = {one for one in self._verdicts if now - one[1] < LONG_OVERLAP}
            self._forgotten = moment


def _tell_verdict(engine: Engine, *, case_key: str, verdict: Verdict) -> None:
    engine.verdict(case_key, verdict)


def _time_passes(_engine: Engine) -> None:
    """Tell nothing but the time."""


def _to_nobody(_judgement: Judgement, _lookup: Lookup | None) -> None:
    """Hear nothing: it was stored when it was said first."""


async def _register_version(conn: Connection) -> int:
    cursor = await conn.execute("SELECT version FROM lookup_account_register WHERE id = 1")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
