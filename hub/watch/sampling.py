"""What supervisors justify: the monthly random sample, and look-ups without a dossier (break-glass).

The sample is the only unbiased estimate of what the watch misses.

Drawn are the accounts with the smallest SHA-256 of month, account and seed. The seed is the root of the ledger's newest
checkpoint at the draw: nobody can choose it, and it is published with the draw, so that anybody can repeat it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, LiteralString
from uuid import UUID

import structlog

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.cases import asking
from hub.cases.opening import CaseOpener, Finding
from hub.cases.settings import CaseSettings
from hub.ledger import log
from hub.ledger.entries import PROGRAM, record_act
from hub.lookups.log import SubjectHasher
from hub.profiles.calendar import working_calendar
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.watch.settings import WatchSettings
from hub.watch.storing import forget_explanations
from hub.watch.versions import in_force

RULES = {"sample": "random_sample", "break_glass": "break_glass"}
"""What a supervisor did not justify, by the purpose of the question, as it is named among the rules."""

BREAK_GLASS_WAIT = timedelta(hours=1)
"""After this time no dossier registered afterwards can explain a look-up any more."""

BREAK_GLASS_BACK = timedelta(days=14)
"""How far back look-ups without a dossier are looked for."""

MOST_ASKED = 100
"""Look-ups in one question."""

SCORE = 4.0
TIMES_THE_CLOCK = 5
"""A supervisor has so many times the working hours that an officer has."""

LOOK_SECONDS = 300.0

_QUESTION = (
    "Tài khoản này được chọn ngẫu nhiên trong tháng {month}. Đề nghị người phụ trách đối chiếu các lượt tra cứu sau"
    " với công việc được giao và xác nhận (justified) kèm nội dung."
)

_BREAK_GLASS_QUESTION = (
    "Các lượt tra cứu sau không gắn với hồ sơ nào. Đề nghị người phụ trách đối chiếu lý do đã nêu với công việc được"
    " giao và xác nhận (justified) kèm nội dung."
)

_BREAK_GLASS: LiteralString = """
    SELECT l.account_id, l.unit_code, array_agg(l.id ORDER BY l.asked_at)
    FROM lookups l JOIN lookup_ends e ON e.asked_at = l.asked_at AND e.lookup_id = l.id
    WHERE l.break_glass AND l.asked_at >= %(since)s AND l.asked_at < %(until)s AND e.asked_at >= %(since)s
      AND e.outcome IN ('found', 'not_found')
      AND NOT EXISTS (SELECT FROM case_questions q
          WHERE q.purpose = 'break_glass' AND q.asked_at >= %(since)s AND l.id = ANY(q.lookup_ids))
      AND coalesce((SELECT x.w FROM lookup_explanations x WHERE x.lookup_id = l.id
          ORDER BY x.late DESC LIMIT 1), 1) >= 0.5
    GROUP BY l.account_id, l.unit_code
"""

_REASONS = {
    "sample": Sentence(
        "A supervisor could not justify look-ups drawn at random.",
        "Người phụ trách không xác nhận được lượt tra cứu được chọn ngẫu nhiên.",
    ),
    "break_glass": Sentence(
        "A supervisor could not justify look-ups made without a dossier.",
        "Người phụ trách không xác nhận được lượt tra cứu không gắn với hồ sơ.",
    ),
}

_log = structlog.get_logger("hub.watch")


def drawn(month: str, accounts: Iterable[str], seed: str, share: float) -> list[str]:
    """Return the accounts drawn from these, at least one where there is any: anybody can repeat it."""
    ranked = sorted(set(accounts), key=lambda one: rank(month, one, seed))
    return ranked[: math.ceil(share * len(ranked))]


def rank(month: str, one: str, seed: str) -> bytes:
    """Return by what accounts, and look-ups of one account, are put in order."""
    return hashlib.sha256(f"{month}\n{one}\n{seed}".encode()).digest()


class Sampler:
    """Draws once a month, and follows up what a supervisor does not justify; until cancelled."""

    def __init__(
        self,
        store: Store,
        profile: ProfileValues,
        settings: WatchSettings,
        cases: CaseSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``profile`` gives the clock and for how long the log is kept."""
        self._store = store
        self._settings = settings
        self._most = cases.evidence_lookups
        self._calendar = working_calendar(profile)
        self._term = TIMES_THE_CLOCK * timedelta(hours=profile.explanation_working_hours)
        self._kept = timedelta(days=31 * profile.lookup_log_retention_months)
        self._now = now

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self.step()
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Draw where it is due, open cases of what was not justified, drop explanations of look-ups long gone."""
        now = self._now()
        begin, end = month_before(now)
        async with self._store.transaction() as conn:
            await self._draw(conn, begin, end, now)
        async with self._store.transaction() as conn:
            await self._ask_about_break_glass(conn, now)
            await self._follow_up(conn, now)
        async with self._store.transaction() as conn:
            await forget_explanations(conn, now - self._kept)

    # --- drawing ----------------------------------------------------------------------------------------------

    async def _draw(self, conn: Connection, begin: datetime, end: datetime, now: datetime) -> None:
        month = f"{begin:%Y-%m}"
        cursor = await conn.execute("SELECT FROM watch_draws WHERE month = %s", (month,))
        if await cursor.fetchone() is not None:
            return
        cursor = await conn.execute(
            "SELECT DISTINCT a.id, a.unit_code FROM lookup_accounts a JOIN lookups l ON l.account_id = a.id"
            " WHERE l.asked_at >= %s AND l.asked_at < %s",
            (begin, end),
        )
        units: dict[str, str] = dict(await cursor.fetchall())
        seed = await _seed(conn)
        chosen = drawn(month, units, seed, self._settings.sample_share)
        await conn.execute(
            "INSERT INTO watch_draws (month, seed, accounts, drawn, drawn_at) VALUES (%s, %s, %s, %s, %s)",
            (month, seed, len(units), len(chosen), now),
        )
        for account_id in chosen:
            question = await self._ask(conn, month, account_id, units[account_id], seed, (begin, end), now)
            await conn.execute(
                "INSERT INTO watch_samples (month, account_id, unit_code, drawn_at, question_id)"
                " VALUES (%s, %s, %s, %s, %s)",
                (month, account_id, units[account_id], now, question),
            )
        facts = {"seed": seed, "accounts": str(len(units)), "drawn": str(len(chosen))}
        await record_act(conn, act="watch.sample_drawn", actor=PROGRAM, target=f"sample:{month}", facts=facts, at=now)
        _log.info("sample_drawn", month=month, accounts=len(units), drawn=len(chosen))

    async def _ask(  # noqa: PLR0917 - the parts of one question
        self,
        conn: Connection,
        month: str,
        account_id: str,
        unit_code: str,
        seed: str,
        between: tuple[datetime, datetime],
        now: datetime,
    ) -> UUID | None:
        cursor = await conn.execute(
            "SELECT id FROM lookups WHERE account_id = %s AND asked_at >= %s AND asked_at < %s"
            " AND subject_kind = 'person'",
            (account_id, *between),
        )
        ids = sorted((row[0] for row in await cursor.fetchall()), key=lambda one: rank(month, str(one), seed))
        if not ids:
            return None
        return await self._insert(
            conn,
            "sample",
            account_id,
            unit_code,
            ids[: self._settings.sample_lookups],
            question=_QUESTION.format(month=month),
            now=now,
        )

    async def _insert(
        self,
        conn: Connection,
        purpose: str,
        account_id: str,
        unit_code: str,
        lookup_ids: Sequence[UUID],
        *,
        question: str,
        now: datetime,
    ) -> UUID:
        return await asking.insert(
            conn,
            self._store.sealer,
            case_id=None,
            purpose=purpose,
            account_id=account_id,
            unit_code=unit_code,
            lookup_ids=lookup_ids,
            question=question,
            asked_by=PROGRAM,
            now=now,
            due_at=self._calendar.add_working_hours(now, self._term),
        )

    # --- break-glass ------------------------------------------------------------------------------------------

    async def _ask_about_break_glass(self, conn: Connection, now: datetime) -> None:
        """Put every look-up without a dossier before the supervisor, unless a dossier has explained it meanwhile."""
        cursor = await conn.execute(_BREAK_GLASS, {"since": now - BREAK_GLASS_BACK, "until": now - BREAK_GLASS_WAIT})
        for account_id, unit_code, ids in await cursor.fetchall():
            for begin in range(0, len(ids), MOST_ASKED):
                part = ids[begin : begin + MOST_ASKED]
                await self._insert(
                    conn, "break_glass", account_id, unit_code, part, question=_BREAK_GLASS_QUESTION, now=now
                )

    # --- following up -----------------------------------------------------------------------------------------

    async def _follow_up(self, conn: Connection, now: datetime) -> None:
        cursor = await conn.execute(
            "SELECT q.id, q.account_id, q.unit_code, q.lookup_ids, q.purpose FROM case_questions q"
            " WHERE q.purpose <> 'case' AND q.justified = false"
            " AND NOT EXISTS (SELECT FROM watch_alerts w WHERE w.key = 'not_justified:' || q.id::text)"
        )
        rows = await cursor.fetchall()
        if not rows:
            return
        opener = CaseOpener(self._store.sealer, await SubjectHasher.open(self._store), evidence_lookups=self._most)
        rules = (await in_force(conn, self._store.sealer, now)).rules
        await opener.take_in(conn, [_finding(row, now) for row in rows], rules=rules, now=now)


def month_before(now: datetime) -> tuple[datetime, datetime]:
    """Return the last whole month in Vietnam: its beginning, and the beginning of the next one."""
    end = datetime.combine(now.astimezone(VIETNAM).date().replace(day=1), time(), tzinfo=VIETNAM)
    begin = (end - timedelta(days=1)).replace(day=1)
    return begin, end


async def _seed(conn: Connection) -> str:
    """Return the root of the newest checkpoint; before the first one, chance."""
    signed = await log.checkpoint(conn, None)
    return secrets.token_hex(32) if signed is None else signed.root.hex()


def _finding(row: tuple[Any, ...], now: datetime) -> Finding:
    question_id, account_id, unit_code, lookup_ids, purpose = row
    return Finding(
        key=f"not_justified:{question_id}",
        at=now,
        account_id=account_id,
        unit_code=unit_code,
        rule=RULES[purpose],
        rule_score=SCORE,
        hard=True,
        people=(),
        reason=_REASONS[purpose],
        lookup_ids=lookup_ids,
    )
