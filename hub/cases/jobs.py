"""What the clerk does for cases: clocks of explanations, ends of suppressions, cases nobody takes, their size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from psycopg.rows import class_row

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.cases.evidence import count_lookups
from hub.cases.notices import tell_of_case
from hub.cases.opening import wake
from hub.cases.records import COLUMNS, Case
from hub.cases.settings import CaseSettings
from hub.ledger.entries import PROGRAM, record_act
from hub.store.connections import Connection
from hub.store.engine import Store

OVERDUE = "cases.explanations"
"""Key of the notice about explanations that are overdue."""

UNTAKEN = "cases.untaken"
"""Key of the notice about urgent cases nobody has taken in time."""

URGENT = 4.5
"""From this score on; what lies below the budget of the queue waits by design."""


class CaseClock:
    """Looks at the clocks of cases until cancelled; any moment is a good one to end it."""

    def __init__(
        self, store: Store, settings: CaseSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self.step()
            await asyncio.sleep(self._settings.clock_seconds)

    async def step(self) -> None:
        """Look once."""
        now = self._now()
        async with self._store.transaction() as conn:
            await count_lookups(conn)
            await self._wake(conn, now)
            await self._overdue(conn, now)
            await self._untaken(conn, now)

    async def _wake(self, conn: Connection, now: datetime) -> None:
        cursor = await conn.cursor(row_factory=class_row(Case)).execute(
            f"SELECT {COLUMNS} FROM cases c WHERE c.state = 'suppressed' AND c.suppressed_until <= %s"  # noqa: S608 - constants
            " ORDER BY c.id FOR UPDATE SKIP LOCKED",
            (now,),
        )
        for one in await cursor.fetchall():
            await wake(conn, self._store.sealer, one, now=now, why="its_day")
            await tell_of_case(conn, one.id, now=now)

    async def _overdue(self, conn: Connection, now: datetime) -> None:
        """Put each overdue explanation on record once, and say how many there are while there are any."""
        cursor = await conn.execute(
            "UPDATE case_questions SET overdue_told = true WHERE due_at < %s AND answered_at IS NULL"
            " AND cancelled_at IS NULL AND NOT overdue_told RETURNING id, unit_code, purpose",
            (now,),
        )
        for question_id, unit, purpose in await cursor.fetchall():
            facts = {"unit": unit, "purpose": purpose}
            await record_act(
                conn,
                act="explanation.overdue",
                actor=PROGRAM,
                target=f"explanation:{question_id}",
                facts=facts,
                at=now,
            )
        cursor = await conn.execute(
            "SELECT count(*), count(DISTINCT unit_code) FROM case_questions"
            " WHERE due_at < %s AND answered_at IS NULL AND cancelled_at IS NULL",
            (now,),
        )
        row = await cursor.fetchone()
        if row is None or row[0] == 0:
            await clear_alert(conn, OVERDUE, now=now)
            return
        sentence = Sentence(
            f"{row[0]} explanations of look-ups are overdue, in {row[1]} units; see the requests for explanations.",
            f"{row[0]} yêu cầu giải trình tra cứu đã quá hạn, tại {row[1]} đơn vị; xem danh sách yêu cầu giải trình.",
        )
        await raise_alert(conn, Alert(OVERDUE, Severity.WARNING, sentence), now=now)

    async def _untaken(self, conn: Connection, now: datetime) -> None:
        hours = self._settings.untaken_hours
        cursor = await conn.execute(
            "SELECT count(*) FROM cases WHERE state = 'new' AND score >= %s AND changed_at < %s",
            (URGENT, now - timedelta(hours=hours)),
        )
        row = await cursor.fetchone()
        if row is None or row[0] == 0:
            await clear_alert(conn, UNTAKEN, now=now)
            return
        sentence = Sentence(
            f"{row[0]} urgent cases have waited for more than {hours:g} hours and nobody has taken them.",
            f"{row[0]} vụ việc mức cao đã chờ quá {hours:g} giờ mà chưa có người nhận.",
        )
        await raise_alert(conn, Alert(UNTAKEN, Severity.WARNING, sentence), now=now)
