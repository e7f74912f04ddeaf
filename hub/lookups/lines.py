"""Where the counters are asked: over one connection to Redis that many callers share.

redis-py opens the connection: it knows addresses, TLS, users and databases. What is then said on it is packed and read
by hiredis, the Redis project's own parser, without a task, a stream and an awaited read for each answer: those cost
more than what is asked, see docs/decisions/0030. Without a Redis, `hub.lookups.stand_in` takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import hiredis
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoScriptError, RedisError, ResponseError

LATER_SECONDS: Final = 0.005
"""How long something that nobody waits for may wait to travel with something else."""

FAILURES: Final = (RedisError, OSError, TimeoutError)
"""What is raised where Redis does not answer, or refuses to."""

_AWAY: Final = "Redis does not answer"
_INCOMPLETE: Final = object()

Command = tuple[bytes | int, ...]
"""A command of Redis and its arguments."""


class Line(Protocol):
    """Takes commands, and carries them out in the order in which it takes them."""

    def do(self, *command: bytes | int) -> Awaitable[Any]:
        """Return what it answers. Waiting raises one of `FAILURES`."""
        ...

    def post(self, *command: bytes | int) -> None:
        """Have it done soon; nobody waits for it, and nobody is told where that fails."""
        ...

    def join(self, head: Command, member: bytes) -> None:
        """As `post`, of a command that takes many members: those of the same ``head`` are one command."""
        ...

    async def aclose(self) -> None:
        """Do what was taken, and close."""
        ...


class RedisLine(asyncio.Protocol):
    """`Line` to a Redis server. What comes while answers are under way travels together after them.

    A connection that breaks, or is silent for too long, fails what is on its way; what comes next opens another.
    """

    def __init__(self, client: redis.asyncio.Redis, *, timeout_seconds: float) -> None:
        """``client`` is closed by `aclose`; answers that take longer than ``timeout_seconds`` are a failure."""
        self._client = client
        self._timeout = timeout_seconds
        self._waiting: list[tuple[bytes, asyncio.Future[Any] | None]] = []
        self._joined: dict[Command, list[bytes]] = {}
        self._sent: deque[asyncio.Future[Any] | None] = deque()
        self._reader = _reader()
        # The one that redis-py has opened; it would close the transport if nobody kept it.
        self._opened: Any = None
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None

    def do(self, *command: bytes | int) -> asyncio.Future[Any]:
        """See `Line`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((_packed(command), future))
        if not self._sent and not self._is_due:
            # One turn of the loop lets those who have already come travel too.
            self._is_due = True
            loop.call_soon(self._send)
        return future

    def post(self, *command: bytes | int) -> None:
        """See `Line`."""
        self._waiting.append((_packed(command), None))
        self._send_later()

    def join(self, head: Command, member: bytes) -> None:
        """See `Line`."""
        self._joined.setdefault(head, []).append(member)
        self._send_later()

    async def aclose(self) -> None:
        """See `Line`; what cannot be done any more is given up."""
        if self._waiting or self._joined or self._sent or self._opening is not None:
            with contextlib.suppress(*FAILURES):
                # Answers come in order: this is the last one.
                await self.do(b"PING")
        self._hang_up(RedisConnectionError(_AWAY))
        if self._later is not None:
            self._later.cancel()
        await self._client.aclose()

    # --- sending ----------------------------------------------------------------------------------------------

    def _send_later(self) -> None:
        if self._later is None and not self._sent and not self._is_due:
            self._later = asyncio.get_running_loop().call_later(LATER_SECONDS, self._send)

    def _send(self) -> None:
        self._is_due = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._sent or self._opening is not None:
            return
        if self._joined:
            for head, members in self._joined.items():
                self._waiting.append((_packed((*head, *members)), None))
            self._joined = {}
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._opening = loop.create_task(self._open(), name="connect to Redis")
            return
        waiting, self._waiting = self._waiting, []
        self._sent.extend([future for _command, future in waiting])
        self._overdue = loop.call_later(self._timeout, self._hang_up, TimeoutError(_AWAY))
        self._transport.write(b"".join([command for command, _future in waiting]))

    async def _open(self) -> None:
        pool: Any = self._client.connection_pool
        opened = pool.make_connection()
        try:
            async with asyncio.timeout(self._timeout):
                await opened.connect()
        except BaseException as error:
            self._opening = None
            with contextlib.suppress(*FAILURES):
                await opened.disconnect(nowait=True)
            self._fail(error)
            if isinstance(error, Exception):
                return
            raise
        self._opening = None
        self._opened, self._reader = opened, _reader()
        self._transport = opened._writer.transport  # noqa: SLF001 - redis-py hands it to nobody
        self._transport.set_protocol(self)
        self._send()

    # --- hearing ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Hand out the answers that are complete."""
        reader, sent = self._reader, self._sent
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not _INCOMPLETE:
                future = sent.popleft()
                if future is None or future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        except (RedisError, IndexError):
            # No Redis, or more answers than there were questions: which belongs to whom is anybody's guess.
            self._hang_up(InvalidResponse(_AWAY))
            return
        if sent:
            return
        if self._overdue is not None:
            self._overdue.cancel()
        if any(future is not None for _command, future in self._waiting):
            self._send()
        elif self._waiting or self._joined:
            self._send_later()

    def connection_lost(self, _error: Exception | None) -> None:
        """Fail what is on its way."""
        self._hang_up(RedisConnectionError(_AWAY))

    def _hang_up(self, error: Exception) -> None:
        """Give the connection up: what is still on its way there belongs to nobody."""
        transport, self._transport = self._transport, None
        opened, self._opened = self._opened, None
        if transport is not None:
            # What it still has to say is of no connection that is opened from here on.
            transport.set_protocol(asyncio.Protocol())
            transport.abort()
        if opened is not None:
            # Nothing is left to wait for; without these two it would complain that nobody closed it.
            opened._reader = opened._writer = None  # noqa: SLF001 - as redis-py itself does it
        if self._overdue is not None:
            self._overdue.cancel()
        sent, self._sent = self._sent, deque()
        for future in sent:
            _refuse(future, error)
        if self._waiting or self._joined:
            self._send()

    def _fail(self, error: BaseException) -> None:
        """Fail what waits for a connection."""
        waiting, self._waiting, self._joined = self._waiting, [], {}
        for _command, future in waiting:
            _refuse(future, error)


def _packed(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type] # its stub knows tuples of one only
    return packed


def _reader() -> hiredis.Reader:
    return hiredis.Reader(protocolError=InvalidResponse, replyError=_refusal, notEnoughData=_INCOMPLETE)


def _refusal(words: str) -> RedisError:
    # Redis may quote what it was told, so its words are not handed on.
    return NoScriptError("no such script") if words.startswith("NOSCRIPT") else ResponseError("Redis refused a command")


def _refuse(future: asyncio.Future[Any] | None, error: BaseException) -> None:
    if future is None or future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif isinstance(error, FAILURES):
        future.set_exception(type(error)(_AWAY))
    else:
        future.set_exception(error)
