"""Carrying out runs and repairs at one connection: chunk by chunk, within the rate, patient with a partner that rests.

Whatever ends the process between two chunks, the next one goes on where the last chunk was written; one chunk at most
is asked about twice. One process at a time works at a connection (`gate.alone`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import structlog
from psycopg import AsyncConnection

from contracts.errors import Sentence
from contracts.ports import DossierPublisher
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.reconciliation import reading, recording
from hub.reconciliation.asking import Asker, Pace, PartnerDown
from hub.reconciliation.examining import Examiner
from hub.reconciliation.gate import Closed, alone, closed
from hub.reconciliation.reading import Place
from hub.reconciliation.recording import Overtaken, Progress
from hub.reconciliation.repairing import RepairWork
from hub.reconciliation.service import Reconcilable
from hub.reconciliation.settings import ReconciliationSettings
from hub.reconciliation.views import RunState
from hub.settings import DeliverySettings
from hub.store.engine import Store

DOSSIERS, CANDIDATES, OPEN, CODES = "dossiers", "candidates", "open", "codes"
"""Phases of a run: ours by reception, what they must hold and we do not, older differences; or a list of codes."""

_MOST_PER_CHUNK = 100
_CHUNK_SECONDS = 5.0
"""A chunk takes about so long, so that a crash repeats little and a person sees progress."""

_log = structlog.get_logger("hub.reconciliation")

_INTERRUPTED = Sentence(
    "Interrupted: the partner could not be asked for too long. What was found so far stands; start it again later.",
    "Bị gián đoạn: quá lâu không tra cứu được bên nhận. Kết quả đến lúc này vẫn giữ; hãy đối soát lại sau.",
)


@dataclass(frozen=True, slots=True)
class Waits:
    """How a partner that rests is waited for: doubling from the first wait."""

    first: float = 5.0
    longest: float = 300.0


class Work(Protocol):
    """A run or a repair that has not ended."""

    @property
    def moved_at(self) -> datetime:
        """When it last came a chunk further."""
        ...

    async def chunk(self) -> bool:
        """Do the next chunk; return whether that was the last. Raises `PartnerDown` and `Overtaken`."""
        ...

    async def waits(self, why: Sentence) -> None:
        """Note that it waits."""
        ...

    async def interrupt(self, why: Sentence) -> None:
        """End it as interrupted."""
        ...


class Reconciler:
    """Compares and repairs at one connection."""

    def __init__(
        self,
        store: Store,
        connection: str,
        publisher: DossierPublisher,
        settings: ReconciliationSettings,
        delivery: DeliverySettings,
        *,
        waits: Waits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``delivery`` bounds the rate and says when a partner counts as down."""
        self.store = store
        self.connection = connection
        self.settings = settings
        self._delivery_rate = delivery.rate_per_second
        self.rate = settings.questions_per_second(delivery.rate_per_second)
        self.chunk_size = max(1, min(_MOST_PER_CHUNK, int(self.rate * _CHUNK_SECONDS)))
        self.now = now
        self._waits = waits if waits is not None else Waits()
        self._sleep = sleep
        self.asker = Asker(
            publisher,
            Pace(self.rate),
            in_flight=min(settings.in_flight, delivery.max_in_flight),
            most_failures=delivery.breaker_failures,
        )
        self.examiner = Examiner(store, connection, self.asker, frozenset(settings.ignored_fields))

    @property
    def reconcilable(self) -> Reconcilable:
        """What the service needs to know of this connection."""
        return Reconcilable(self.connection, self.rate, self._delivery_rate)

    async def work(self) -> bool:
        """Do what is open at this connection until nothing is; ``False`` when another process does it.

        Raises ``StoreUnavailable`` as the store does; what was written stays, and the next call goes on.
        """
        async with alone(self.store, self.connection) as mine:
            if not mine:
                return False
            while (work := await self._next()) is not None:
                try:
                    await self._drive(work)
                except Overtaken:
                    return False
        return True

    async def _next(self) -> Work | None:
        async with self.store.transaction() as conn:
            run = await recording.open_run(conn, self.connection)
            if run is not None:
                return _Run(self, run)
        return await RepairWork.open(self.store, self.connection, self.examiner, self.chunk_size, self.now)

    async def _drive(self, work: Work) -> None:
        wait = self._waits.first
        while True:
            now = self.now()
            async with self.store.transaction() as conn:
                shut = await closed(conn, self.connection, now)
            if shut is None:
                try:
                    if await work.chunk():
                        return
                    wait = self._waits.first
                    continue
                except PartnerDown as down:
                    shut = Closed(down.sentence, None if down.after is None else now + down.after)
            if now - work.moved_at > timedelta(minutes=self.settings.patience_minutes):
                await work.interrupt(Sentence(f"{_INTERRUPTED.en} {shut.why.en}", f"{_INTERRUPTED.vi} {shut.why.vi}"))
                return
            await work.waits(shut.why)
            # A pause may end at any moment, a window when it says: neither is slept past by much.
            until = self._waits.longest if shut.until is None else max(0.1, (shut.until - now).total_seconds())
            await self._sleep(min(wait, until))
            wait = min(2 * wait, self._waits.longest)


class _Run:
    """One run under way."""

    def __init__(self, reconciler: Reconciler, progress: Progress) -> None:
        self._of = reconciler
        self._progress = progress
        self._counted = reconciler.asker.asked
        self._agencies: list[str] | None = None

    @property
    def moved_at(self) -> datetime:
        return self._progress.moved_at

    async def chunk(self) -> bool:
        run, of = self._progress, self._of
        async with of.store.transaction() as conn:
            codes, place, last = await self._page(conn)
        examined = await of.examiner.examine(codes) if codes else []
        now = of.now()
        phase = self._phase_after() if last else run.phase
        if last:
            place = Place(None, "")
        async with of.store.transaction() as conn:
            await recording.advance(
                conn, run, examined, phase=phase or run.phase, place=place, asked=self._asked(), now=now
            )
            following = await recording.open_run(conn, of.connection)
            if following is None:
                raise Overtaken
            self._progress = following
            if phase is None:
                await recording.end_run(conn, following, RunState.COMPLETED, now=now)
                await _tell(conn, of.connection, now)
                await recording.forget(conn, of.connection, before=now - timedelta(days=of.settings.keep_days))
        if phase is None:
            _log.info("reconciliation_completed", connection=of.connection, run=str(run.id))
        return phase is None

    async def waits(self, why: Sentence) -> None:
        async with self._of.store.transaction() as conn:
            await recording.wait_for(conn, self._progress.id, why, asked=self._asked())

    async def interrupt(self, why: Sentence) -> None:
        now = self._of.now()
        async with self._of.store.transaction() as conn:
            await recording.end_run(conn, self._progress, RunState.INTERRUPTED, now=now, why=why)
            await _tell(conn, self._of.connection, now, interrupted=True)
        _log.warning("reconciliation_interrupted", connection=self._of.connection, run=str(self._progress.id))

    def _asked(self) -> int:
        """Return how many questions were put since this was last asked for."""
        before, self._counted = self._counted, self._of.asker.asked
        return self._counted - before

    def _phase_after(self) -> str | None:
        match self._progress.phase:
            case "dossiers":
                return CANDIDATES
            case "candidates" if self._progress.origin == "nightly":
                return OPEN
            case _:
                return None

    async def _page(self, conn: AsyncConnection[Any]) -> tuple[list[str], Place, bool]:
        run, limit = self._progress, self._of.chunk_size
        if run.phase == DOSSIERS:
            if run.agency is not None and self._agencies is None:
                self._agencies = await reading.agencies_within(conn, run.agency)
            return await reading.next_page(
                conn, days=self._days(), after=run.place, agencies=self._agencies, limit=limit
            )
        after, connection = run.place.code, run.connection
        if run.phase == CANDIDATES:
            codes, end, last = await reading.next_candidates(
                conn, connection, after=after, agency=run.agency, limit=limit
            )
        elif run.phase == OPEN:
            codes, end, last = await reading.next_open(
                conn,
                connection,
                run_id=run.id,
                before=run.requested_at,
                days=self._days(),
                agency=run.agency,
                after=after,
                limit=limit,
            )
        else:
            codes, end, last = await reading.next_listed(conn, run.id, after=after, limit=limit)
        return codes, Place(None, end), last

    def _days(self) -> tuple[date, date]:
        if self._progress.from_day is None or self._progress.to_day is None:
            raise LookupError("a run over days has its days")
        return self._progress.from_day, self._progress.to_day


async def _tell(conn: AsyncConnection[Any], connection: str, now: datetime, *, interrupted: bool = False) -> None:
    """Open or close the alert about this connection's differences."""
    key = f"reconciliation.{connection}"
    cursor = await conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE outcome = 'missing_there') FROM reconciliation_differences"
        " WHERE connection = %s AND resolved_at IS NULL",
        (connection,),
    )
    row = await cursor.fetchone()
    differing, missing = (0, 0) if row is None else (row[0], row[1])
    if interrupted:
        said = Sentence(
            "The comparison with the partner was interrupted: it could not be asked for too long.",
            "Đối soát với bên nhận bị gián đoạn: quá lâu không tra cứu được.",
        )
    elif differing:
        said = Sentence(
            f"Reconciliation: {differing} dossiers differ from what the partner holds, {missing} of them are missing"
            " there. Look at the report and preview a repair.",
            f"Đối soát: {differing} hồ sơ khác với dữ liệu ở bên nhận, trong đó {missing} hồ sơ không có ở đó."
            " Hãy xem báo cáo và xem trước việc gửi bù.",
        )
    else:
        await clear_alert(conn, key, now=now)
        return
    await raise_alert(conn, Alert(key, Severity.WARNING, said, connection), now=now)
