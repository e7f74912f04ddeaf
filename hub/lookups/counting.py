"""The counters of the gate: one Lua script, the same on a Redis server and in this process.

For each account: its people (exact, with the moment each was last looked up), its refusals of a day, and two rates by
the generic cell rate algorithm (ATM Forum TM 4.0, as GCRA): different people an hour, and look-ups a minute. For each
request: who asked it first a moment ago, and what was answered to the same question of the same dossier. And what
is asked just now, sealed, until the log has it (`hub.lookups.intents`).

Time is that of Redis, one clock for every process. Where it is set back, moments that lie ahead are counted as of
now, and no more than its whole hour is owed: an account is braked longer at most, never freed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError, ResponseError

from hub.lookups.deadline import within
from hub.lookups.script import SCRIPT

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()
"""The name by which Redis knows the script."""

PREFIX: Final = b"lt:"
ASKED: Final = PREFIX + b"i"
"""The look-ups that were admitted and are not in the log yet, by id."""
_STATE_MS = DAY_MS + HOUR_MS


LATER_SECONDS: Final = 0.005
"""How long something that nobody waits for may wait to travel with something else."""

_Wish = tuple[tuple[bytes, ...], "asyncio.Future[Any] | None"]
"""A command, and who waits for what it answers; ``None``: nobody."""


class Word(StrEnum):
    """What the script decided."""

    COLD = "cold"
    """Nothing is known of this account here; to be told from the log, then asked again."""
    ADMITTED = "admitted"
    STEPPED_UP = "stepped_up"
    """Past the ceiling, for a reason."""
    CACHED = "cached"
    REPEATED = "repeated"
    DENIED = "denied"
    STEP_UP_REQUIRED = "step_up_required"
    TOO_FAST = "too_fast"


_WORDS: Final = {one.value.encode(): one for one in Word}


@dataclass(slots=True)
class Counted:
    """The answer of the script."""

    word: Word
    hour: int
    """Different people within the last hour."""
    day: int
    denied: int
    """Refusals within the last day."""
    wait_ms: int
    payload: bytes | None
    """The first asker's look-up (``repeated``) or the sealed answer (``cached``)."""


@dataclass(slots=True)
class Ask:
    """What the script is asked about one look-up."""

    account_id: str
    subject: bytes
    lookup_id: str
    refused: bool
    ceiling: int
    per_minute: int
    has_reason: bool
    reason_ms: int
    first_key: bytes
    repeat_ms: int
    cache_key: bytes | None
    intent: bytes = b""
    """What is kept of it until the log has it; empty: the log has it before anybody is asked."""
    now_ms: int | None = None
    """The moment, in milliseconds since 1970; ``None``: by the clock of Redis."""


@dataclass(frozen=True, slots=True)
class History:
    """What the log says an account did within the last day, to count on from."""

    people: Sequence[tuple[bytes, int]]
    """Every look-up that was made: who, and when in milliseconds since 1970; oldest first."""
    denied: Sequence[tuple[str, int]]


class Counters:
    """The script on one Redis, or on a stand-in inside this process."""

    def __init__(self, client: redis.asyncio.Redis, *, timeout_seconds: float) -> None:
        """``client`` is closed by `aclose`; an answer that takes longer than ``timeout_seconds`` is a failure."""
        self._client = client
        self._timeout = timeout_seconds
        self._connection: Any = None
        self._waiting: list[_Wish] = []
        self._written: list[bytes] = []
        self._rounds: set[asyncio.Task[None]] = set()
        self._running = False
        self._later: asyncio.TimerHandle | None = None

    async def ask(self, ask: Ask) -> Counted:
        """Ask the script, in one round trip that other callers may share.

        Raises ``RedisError``, ``OSError`` or ``TimeoutError`` where Redis does not answer.
        """
        account = ask.account_id.encode()
        found: bytes = await self._do(
            b"EVALSHA",
            _SHA,
            b"6",
            PREFIX + b"p:" + account,
            PREFIX + b"s:" + account,
            PREFIX + b"d:" + account,
            ask.first_key,
            ask.cache_key or ask.first_key,
            ASKED,
            b"" if ask.now_ms is None else b"%d" % ask.now_ms,
            ask.subject,
            ask.lookup_id.encode(),
            b"1" if ask.refused else b"0",
            b"%d" % ask.ceiling,
            b"%d" % ask.per_minute,
            b"1" if ask.has_reason else b"0",
            b"%d" % ask.reason_ms,
            b"%d" % ask.repeat_ms,
            b"0" if ask.cache_key is None else b"1",
            ask.intent,
        )
        word, hour, day, denied, wait, payload = found.split(b"|", 5)
        return Counted(_WORDS[word], int(hour), int(day), int(denied), int(wait), payload or None)

    async def tell(self, ask: Ask, history: History) -> None:
        """Count what the log knows of an account; what is counted already is not counted twice."""
        account = ask.account_id.encode()
        now_ms = ask.now_ms if ask.now_ms is not None else await self._time_ms()
        owed = rate_owed(history.people, ask.ceiling, now_ms)
        people = PREFIX + b"p:" + account
        state = PREFIX + b"s:" + account
        denied = PREFIX + b"d:" + account
        newest = {subject: moment for subject, moment in history.people if moment > now_ms - DAY_MS}
        wishes: list[tuple[bytes, ...]] = []
        day = b"%d" % DAY_MS
        if newest:
            wishes += [(b"ZADD", people, b"GT", *_pairs((at, who) for who, at in newest.items()))]
            wishes += [(b"PEXPIRE", people, day)]
        if history.denied:
            wishes += [(b"ZADD", denied, b"GT", *_pairs((at, what.encode()) for what, at in history.denied))]
            wishes += [(b"PEXPIRE", denied, day)]
        wishes += [(b"HSETNX", state, b"people", b"%d" % owed), (b"PEXPIRE", state, b"%d" % _STATE_MS)]
        await asyncio.gather(*(self._do(*one) for one in wishes))

    async def forget(self, account_id: str) -> None:
        """Make an account cold: the next question about it is answered from the log first."""
        await self._do(b"DEL", PREFIX + b"s:" + account_id.encode())

    def keep_soon(self, key: bytes, value: bytes, *, for_ms: int) -> None:
        """Keep an answer; nobody waits for it, and nobody is told where that fails."""
        self._post((b"SET", key, value, b"PX", b"%d" % for_ms), None)

    def drop_soon(self, key: bytes) -> None:
        """Forget who asked first: the question failed and may be asked again."""
        self._post((b"DEL", key), None)

    def written_soon(self, lookup_id: str) -> None:
        """Keep a look-up no longer: the log has it. Where that is not heard, the clerk finds it there."""
        self._written.append(lookup_id.encode())
        if not self._running:
            self._begin_later()

    async def read(self, *keys: bytes) -> list[bytes | None]:
        """Return what is kept under these keys."""
        found: list[bytes | None] = await self._do(b"MGET", *keys)
        return found

    async def ping(self) -> None:
        """Raise what `ask` raises where Redis does not answer."""
        await self._do(b"PING")

    async def aclose(self) -> None:
        """Close the client."""
        while self._waiting or self._written or self._rounds:
            self._begin_round()
            await asyncio.wait(self._rounds)
        await self._hang_up()
        await self._client.aclose()

    # --- one round trip for all that wait ---------------------------------------------------------------------

    async def _do(self, *command: bytes) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._post(command, future)
        return await future

    def _post(self, command: tuple[bytes, ...], future: asyncio.Future[Any] | None) -> None:
        self._waiting.append((command, future))
        if self._running:
            return
        if future is not None:
            self._begin_round()
        else:
            self._begin_later()

    def _begin_later(self) -> None:
        # Nobody waits for these, so they go with the next question, if there is one soon.
        if (self._waiting or self._written) and self._later is None:
            self._later = asyncio.get_running_loop().call_later(LATER_SECONDS, self._begin_round)

    def _begin_round(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if (self._waiting or self._written) and not self._running:
            self._running = True
            task = asyncio.create_task(self._go_round())
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _go_round(self) -> None:
        try:
            while self._waiting or self._written:
                wishes, self._waiting = self._waiting, []
                if self._written:
                    wishes.append(((b"HDEL", ASKED, *self._written), None))
                    self._written = []
                await self._send(wishes)
                if all(future is None for _command, future in self._waiting):
                    break
        finally:
            self._running = False
            self._begin_later()

    async def _send(self, wishes: list[_Wish]) -> None:
        try:
            with within(self._timeout):
                found = await self._answers([command for command, _future in wishes])
        except asyncio.CancelledError:
            await self._hang_up()
            for waiting in (one for _command, one in wishes if one is not None):
                waiting.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            await self._hang_up()
            is_away = isinstance(error, (RedisError, OSError, TimeoutError))
            for waiting in (one for _command, one in wishes if one is not None and not one.done()):
                waiting.set_exception(type(error)("Redis does not answer") if is_away else error)
            return
        for one, (_command, future) in zip(found, wishes, strict=True):
            if future is None or future.done():
                continue
            if isinstance(one, Exception):
                future.set_exception(one)
            else:
                future.set_result(one)

    async def _answers(self, commands: Sequence[tuple[bytes, ...]]) -> list[Any]:
        found = await self._exchange(commands)
        lacking = [at for at, one in enumerate(found) if isinstance(one, NoScriptError)]
        if lacking:
            # The server was started anew since the script was loaded; nothing of these was counted.
            await self._exchange([(b"SCRIPT", b"LOAD", SCRIPT.encode())])
            again = await self._exchange([commands[at] for at in lacking])
            for at, one in zip(lacking, again, strict=True):
                found[at] = one
        return found

    async def _exchange(self, commands: Sequence[tuple[bytes, ...]]) -> list[Any]:
        """Send these commands at once and return their answers, an error in the place of an answer.

        On one connection that is kept, past the client's own pool, retries and packing: they cost more than the script.
        """
        connection = self._connection
        if connection is None:
            pool: Any = self._client.connection_pool
            connection = self._connection = await pool.get_connection()
        await connection.send_packed_command([packed(one) for one in commands], check_health=False)
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response(disable_decoding=True))
            except ResponseError as error:
                answers.append(error)
        return answers

    async def _hang_up(self) -> None:
        """Give the connection up: what is still on its way there belongs to nobody."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await connection.disconnect(nowait=True)
            await self._client.connection_pool.release(connection)

    async def _time_ms(self) -> int:
        seconds, micros = await self._do(b"TIME")
        return int(seconds) * 1000 + int(micros) // 1000


def rate_owed(people: Iterable[tuple[bytes, int]], ceiling: int, now_ms: int) -> int:
    """Return until when the hour is used up, as the script would have it after these look-ups, oldest first."""
    share = HOUR_MS / ceiling
    owed = 0.0
    seen: dict[bytes, int] = {}
    for subject, moment in people:
        if moment > now_ms or moment <= now_ms - 2 * HOUR_MS:
            continue
        if moment - seen.get(subject, -HOUR_MS) >= HOUR_MS:
            owed = min(max(owed, moment) + share, moment + HOUR_MS)
        seen[subject] = moment
    return int(owed)


def packed(command: Sequence[bytes]) -> bytes:
    """Return a command as Redis reads it (RESP)."""
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%b\r\n" % (len(one), one) for one in command]
    return b"".join(parts)


def _pairs(pairs: Iterable[tuple[int, bytes]]) -> list[bytes]:
    return [part for moment, member in pairs for part in (b"%d" % moment, member)]
