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
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from redis.exceptions import NoScriptError

from hub.lookups.lines import Command, Line
from hub.lookups.script import SCRIPT

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()
"""The name by which Redis knows the script."""

PREFIX: Final = b"lt:"
ASKED: Final = PREFIX + b"i"
"""The look-ups that were admitted and are not in the log yet, by id."""
_STATE_MS = DAY_MS + HOUR_MS

_WRITTEN: Final = (b"HDEL", ASKED)


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
    """The script on one Redis, or on its stand-in inside this process."""

    def __init__(self, line: Line) -> None:
        """``line`` is closed by `aclose`."""
        self._line = line

    async def ask(self, ask: Ask) -> Counted:
        """Ask the script, in one round trip that other callers may share.

        Raises ``RedisError``, ``OSError`` or ``TimeoutError`` where Redis does not answer.
        """
        account = ask.account_id.encode()
        command = (
            b"EVALSHA",
            _SHA,
            6,
            PREFIX + b"p:" + account,
            PREFIX + b"s:" + account,
            PREFIX + b"d:" + account,
            ask.first_key,
            ask.cache_key or ask.first_key,
            ASKED,
            b"" if ask.now_ms is None else ask.now_ms,
            ask.subject,
            ask.lookup_id.encode(),
            int(ask.refused),
            ask.ceiling,
            ask.per_minute,
            int(ask.has_reason),
            ask.reason_ms,
            ask.repeat_ms,
            int(ask.cache_key is not None),
            ask.intent,
        )
        found: bytes
        try:
            found = await self._line.do(*command)
        except NoScriptError:
            # The server was started anew since the script was loaded; nothing of this was counted.
            await self._line.do(b"SCRIPT", b"LOAD", SCRIPT.encode())
            found = await self._line.do(*command)
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
        wishes: list[Command] = []
        if newest:
            wishes += [(b"ZADD", people, b"GT", *_pairs((at, who) for who, at in newest.items()))]
            wishes += [(b"PEXPIRE", people, DAY_MS)]
        if history.denied:
            wishes += [(b"ZADD", denied, b"GT", *_pairs((at, what.encode()) for what, at in history.denied))]
            wishes += [(b"PEXPIRE", denied, DAY_MS)]
        wishes += [(b"HSETNX", state, b"people", owed), (b"PEXPIRE", state, _STATE_MS)]
        await asyncio.gather(*(self._line.do(*one) for one in wishes))

    async def forget(self, account_id: str) -> None:
        """Make an account cold: the next question about it is answered from the log first."""
        await self._line.do(b"DEL", PREFIX + b"s:" + account_id.encode())

    def keep_soon(self, key: bytes, value: bytes, *, for_ms: int) -> None:
        """Keep an answer; nobody waits for it, and nobody is told where that fails."""
        self._line.post(b"SET", key, value, b"PX", for_ms)

    def drop_soon(self, key: bytes) -> None:
        """Forget who asked first: the question failed and may be asked again."""
        self._line.post(b"DEL", key)

    def written_soon(self, lookup_id: str) -> None:
        """Keep a look-up no longer: the log has it. Where that is not heard, the clerk finds it there."""
        self._line.join(_WRITTEN, lookup_id.encode())

    async def read(self, *keys: bytes) -> list[bytes | None]:
        """Return what is kept under these keys."""
        found: list[bytes | None] = await self._line.do(b"MGET", *keys)
        return found

    async def ping(self) -> None:
        """Raise what `ask` raises where Redis does not answer."""
        await self._line.do(b"PING")

    async def aclose(self) -> None:
        """Do what was asked for, and close."""
        await self._line.aclose()

    async def _time_ms(self) -> int:
        seconds, micros = await self._line.do(b"TIME")
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


def _pairs(pairs: Iterable[tuple[int, bytes]]) -> list[bytes | int]:
    return [part for moment, member in pairs for part in (moment, member)]
