"""The gate: one round trip to Redis for each look-up, and never blind.

Where Redis does not answer, this process counts by itself, with the same script, on from what the look-up log says;
look-ups go on, and every one of them is marked as counted so. When Redis is back, what it missed is told to it from the
log. The same holds for an account of which Redis knows nothing, because it was started anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import redis.asyncio
import structlog

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.lookups import metrics
from hub.lookups.ceilings import Ceilings
from hub.lookups.counting import Ask, Counted, Counters, History, Word
from hub.lookups.lines import FAILURES, RedisLine
from hub.lookups.settings import LookupSettings
from hub.lookups.stand_in import StandIn
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

ALERT: Final = "lookups.counters"

PROBE_SECONDS: Final = 1.0
"""How often a Redis that did not answer is tried again."""

BELIEVE_SECONDS: Final = 15.0
"""For how long counters of this process alone are believed before they are told anew what the log says."""

MOST_HISTORY: Final = 20_000

_COLD_TRIES: Final = 3

LOST: Final = Sentence(
    "Redis does not answer, so each process counts look-ups by itself, on from the look-up log. Look-ups go on; bring"
    " Redis back, nothing else needs to be done.",
    "Redis không trả lời nên mỗi tiến trình tự đếm lượt tra cứu dựa trên nhật ký. Việc tra cứu vẫn tiếp tục; chỉ cần"
    " khôi phục Redis.",
)

_HISTORY = """
    SELECT a.subject_hash, a.asked_at, a.id::text, e.outcome, e.denied_code
    FROM lookups a LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
    WHERE a.account_id = %s AND a.asked_at > %s
    ORDER BY a.asked_at DESC LIMIT %s
"""

_log = structlog.get_logger("hub.lookups")

_MADE: Final = frozenset({Word.ADMITTED, Word.STEPPED_UP})


@dataclass(slots=True)
class GateRequest:
    """One look-up before the gate."""

    account_id: str
    role: str
    lookup_id: str
    subject: bytes
    """Keyed hash of the number."""
    same: bytes
    """Digest of all that makes another request the same one: account, dossier, subject, operation, question."""
    question: bytes | None
    """Digest under which an answer may be found: dossier and question; ``None``: no answer may be kept."""
    denied_code: str | None = None
    """Why it is refused already; it is then only counted."""
    has_reason: bool = False
    """Whether the officer gave a reason for more people than usual."""
    intent: bytes = field(default=b"", repr=False)
    """What is asked, sealed: kept by the counters where they are shared, until `Gate.written_soon`."""


@dataclass(slots=True)
class GateVerdict:
    """What the gate decided, and on what."""

    word: Word
    hour: int
    """Different people of the account within the last hour, as far as counted."""
    day: int
    denied: int
    """Refusals of the account within the last day."""
    ceiling: int
    wait_seconds: float
    """When it may go on without a reason; 0 where it may now."""
    degraded: bool
    first: str | None
    """The look-up that asked the same a moment ago (``repeated``)."""
    answer: bytes | None
    """The sealed answer (``cached``)."""
    is_kept: bool
    """Whether what is asked is kept outside of this process now; else the log must have it before anybody is asked."""

    def facts(self) -> dict[str, int | str | bool]:
        """Return what stands in the log."""
        return {
            "code": self.word.value,
            "hour": self.hour,
            "day": self.day,
            "denied": self.denied,
            "ceiling": self.ceiling,
            "degraded": self.degraded,
        }


def answer_key(same: bytes) -> bytes:
    """Return the key of what a request was answered, for those who ask the same within seconds."""
    return b"lt:a:" + same


def first_key(same: bytes) -> bytes:
    """Return the key of who asked first."""
    return b"lt:1:" + same


def cache_key(question: bytes) -> bytes:
    """Return the key of an answer kept for a dossier."""
    return b"lt:c:" + question


class Gate:
    """Admits look-ups; one for each process, closed with `aclose`."""

    def __init__(
        self,
        store: Store,
        settings: LookupSettings,
        *,
        redis_url: str | None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """``redis_url`` unset counts inside this process. ``clock`` takes the place of Redis's own, for tests."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self.ceilings = Ceilings(store, settings)
        timeout = settings.redis_timeout_seconds
        self._shared: Counters | None = None
        if redis_url is not None:
            # In version 2 of its protocol Redis answers what it is asked, in that order, and says nothing else.
            client = redis.asyncio.Redis.from_url(redis_url, socket_connect_timeout=timeout, retry=None, protocol=2)
            self._shared = Counters(RedisLine(client, timeout_seconds=timeout))
        self._own = Counters(StandIn())
        self._lost = False
        self._told: dict[str, float] = {}
        self._missed: set[str] = set()
        self._probing: asyncio.Task[None] | None = None

    @property
    def degraded(self) -> bool:
        """Whether this process counts by itself although it should not."""
        return self._lost

    @property
    def keeps(self) -> bool:
        """Whether what is asked can be kept outside of this process just now."""
        return self._shared is not None and not self._lost

    @property
    def counters(self) -> Counters:
        """The counters in use."""
        return self._own if self._shared is None or self._lost else self._shared

    async def admit(self, request: GateRequest) -> GateVerdict:
        """Decide; counts the look-up, or its refusal.

        Raises ``StoreUnavailable`` where an account must be counted on from the log and the log cannot be read.
        """
        ceiling = await self.ceilings.of(request.role)
        ask = self._ask(request, ceiling)
        if self._shared is not None and not self._lost:
            try:
                return self._verdict(await self._counted(self._shared, ask), ask, degraded=False)
            except FAILURES as error:
                self._lose(error)
        ask.intent = b""  # what this process counts dies with it
        if self._lost:
            self._missed.add(request.account_id)
        if time.monotonic() - self._told.get(request.account_id, float("-inf")) > BELIEVE_SECONDS:
            # Other processes count too, each by itself; the log knows of all of them.
            await self._own.forget(request.account_id)
            self._told[request.account_id] = time.monotonic()
        return self._verdict(await self._counted(self._own, ask), ask, degraded=self._lost)

    def keep_soon(self, key: bytes, value: bytes, *, seconds: float) -> None:
        """Keep a sealed answer, with the next round trip, if that is possible."""
        self.counters.keep_soon(key, value, for_ms=round(seconds * 1000))

    def written_soon(self, lookup_id: str) -> None:
        """Keep a look-up no longer, with the next round trip: the log has it."""
        self.counters.written_soon(lookup_id)

    def drop_soon(self, same: bytes) -> None:
        """Let the same be asked again: it failed."""
        self.counters.drop_soon(first_key(same))

    async def read(self, *keys: bytes) -> list[bytes | None]:
        """Return what is kept under these keys; nothing where that is not possible just now."""
        with contextlib.suppress(*FAILURES):
            return await self.counters.read(*keys)
        return [None] * len(keys)

    async def aclose(self) -> None:
        """Close the counters."""
        if self._probing is not None:
            self._probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probing
        await self.ceilings.aclose()
        if self._shared is not None:
            with contextlib.suppress(*FAILURES):
                await self._shared.aclose()
        await self._own.aclose()

    def _ask(self, request: GateRequest, ceiling: int) -> Ask:
        settings = self._settings
        return Ask(
            account_id=request.account_id,
            subject=request.subject,
            lookup_id=request.lookup_id,
            refused=request.denied_code is not None,
            ceiling=ceiling,
            per_minute=settings.most_per_minute,
            has_reason=request.has_reason,
            reason_ms=round(settings.step_up_minutes * 60_000),
            first_key=first_key(request.same),
            repeat_ms=round(settings.repeat_seconds * 1000),
            cache_key=None if request.question is None else cache_key(request.question),
            intent=request.intent,
            now_ms=None if self._clock is None else round(self._clock().timestamp() * 1000),
        )

    def _verdict(self, counted: Counted, ask: Ask, *, degraded: bool) -> GateVerdict:
        repeated = counted.word is Word.REPEATED and counted.payload is not None
        return GateVerdict(
            word=counted.word,
            hour=counted.hour,
            day=counted.day,
            denied=counted.denied,
            ceiling=ask.ceiling,
            wait_seconds=counted.wait_ms / 1000,
            degraded=degraded,
            first=counted.payload.decode() if repeated and counted.payload is not None else None,
            answer=counted.payload if counted.word is Word.CACHED else None,
            is_kept=bool(ask.intent) and counted.word in _MADE,
        )

    async def _counted(self, counters: Counters, ask: Ask) -> Counted:
        for _ in range(_COLD_TRIES):
            counted = await counters.ask(ask)
            if counted.word is not Word.COLD:
                return counted
            await counters.tell(ask, await self._history(ask))
        raise TimeoutError("the counters forget what they are told")

    async def _history(self, ask: Ask) -> History:
        now = datetime.now(UTC) if ask.now_ms is None else datetime.fromtimestamp(ask.now_ms / 1000, UTC)
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_HISTORY, (ask.account_id, now - timedelta(days=1), MOST_HISTORY))
            rows = (await cursor.fetchall())[::-1]
        made = [row for row in rows if row[3] != "denied" and row[0] is not None]
        refused = [row for row in rows if row[3] == "denied" and row[4] != Word.STEP_UP_REQUIRED]
        return History(
            people=[(bytes(row[0]), round(row[1].timestamp() * 1000)) for row in made],
            denied=[(row[2], round(row[1].timestamp() * 1000)) for row in refused],
        )

    # --- without Redis ----------------------------------------------------------------------------------------

    def _lose(self, error: BaseException) -> None:
        if not self._lost:
            self._lost = True
            self._told.clear()
            metrics.gate_degraded(True)
            _log.warning("lookup_counters_lost", error=type(error).__name__)
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe(), name="probe Redis")

    async def _probe(self) -> None:
        # Lost again while its return is told, it is told and tried again: nobody else begins another probe meanwhile.
        while self._lost:
            await self._alert(lost=True)
            while self._lost:
                await asyncio.sleep(PROBE_SECONDS)
                with contextlib.suppress(*FAILURES):
                    await self.try_again()
            await self._alert(lost=False)

    async def try_again(self) -> None:
        """Use the shared counters again, told of what they missed; raises where they still do not answer."""
        if self._shared is None or not self._lost:
            return
        await self._shared.ping()
        missed, self._missed = self._missed, set()
        try:
            await asyncio.gather(*(self._shared.forget(one) for one in missed))
        except FAILURES:
            self._missed |= missed
            raise
        self._lost = False
        metrics.gate_degraded(False)
        _log.info("lookup_counters_back", accounts=len(missed))

    async def _alert(self, *, lost: bool) -> None:
        now = datetime.now(UTC)
        with contextlib.suppress(StoreUnavailable):
            async with self._store.transaction() as conn:
                if lost:
                    await raise_alert(conn, Alert(ALERT, Severity.WARNING, LOST), now=now)
                else:
                    await clear_alert(conn, ALERT, now=now)
