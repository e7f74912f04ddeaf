"""Reading the watch from its tables: rules in force, explained shares, samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from hub.access.agencies import covers
from hub.cases.track import track_records
from hub.store.engine import Store
from hub.watch.settings import WatchSettings
from hub.watch.shares import LOOK_BACK, explained_shares
from hub.watch.versions import in_force
from hub.watch.views import DrawView, RulesView, SampleView, SharesView

MOST_DRAWS = 24
"""Months of samples shown."""


class WatchReader:
    """Answers what security staff ask about the watch."""

    def __init__(self, store: Store, settings: WatchSettings) -> None:
        self.store = store
        self._settings = settings

    async def rules(self, *, now: datetime) -> RulesView:
        """Return the rules in force, how each has done, and how far the watch has come."""
        async with self.store.transaction() as conn:
            found = await in_force(conn, self.store.sealer, now)
            records = await track_records(conn, now=now)
            cursor = await conn.execute("SELECT judged_until, worked_at FROM watch_progress WHERE id = 1")
            progress = await cursor.fetchone()
        judged_until, worked_at = progress if progress is not None else (None, None)
        return RulesView(
            version=found.rules_version,
            protected_people_version=found.people_version,
            protected_people=len(found.protected),
            rules=found.rules.model_dump(mode="json"),
            track_records=tuple(records),
            judged_until=judged_until,
            worked_at=worked_at,
        )

    async def shares(self, *, agencies: Sequence[str], now: datetime) -> SharesView:
        """Return the explained share of each unit over seven days."""
        async with self.store.transaction() as conn:
            units = await explained_shares(conn, since=now - LOOK_BACK, until=now, agencies=agencies)
        return SharesView(
            since=now - LOOK_BACK, until=now, least=self._settings.explained_share_least, units=tuple(units)
        )

    async def draws(self, *, agencies: Sequence[str]) -> tuple[DrawView, ...]:
        """Return the monthly samples, the newest first; a reader that has agencies sees the accounts of theirs."""
        async with self.store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT month, seed, accounts, drawn, drawn_at FROM watch_draws ORDER BY month DESC LIMIT %s",
                (MOST_DRAWS,),
            )
            draws = await cursor.fetchall()
            cursor = await conn.execute(
                "SELECT s.month, s.account_id, s.unit_code, s.question_id::text, q.answered_at, q.justified"
                " FROM watch_samples s LEFT JOIN case_questions q ON q.id = s.question_id"
                " WHERE s.month = ANY(%s) ORDER BY s.month, s.account_id",
                ([row[0] for row in draws],),
            )
            samples: defaultdict[str, list[SampleView]] = defaultdict(list)
            for month, account_id, unit, question, answered_at, justified in await cursor.fetchall():
                samples[month].append(
                    SampleView(
                        account_id=account_id,
                        unit_code=unit,
                        explanation_id=question,
                        answered_at=answered_at,
                        justified=justified,
                    )
                )
        return tuple(
            DrawView(
                month=month,
                seed=seed,
                accounts=accounts,
                drawn=count,
                drawn_at=drawn_at,
                justified=sum(one.justified is True for one in samples[month]),
                not_justified=sum(one.justified is False for one in samples[month]),
                open=sum(one.explanation_id is not None and one.answered_at is None for one in samples[month]),
                items=tuple(one for one in samples[month] if not agencies or covers(agencies, one.unit_code)),
            )
            for month, seed, accounts, count, drawn_at in draws
        )
