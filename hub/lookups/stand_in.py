"""Redis inside this process, for the counters where no server is set or none answers.

By itself, because only the gate needs it: every process that reads what Redis keeps would load it otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import fakeredis
from redis.exceptions import RedisError

from hub.lookups.lines import Command


class StandIn:
    """`hub.lookups.lines.Line` to no server: the same commands, carried out in this process."""

    def __init__(self) -> None:
        self._client = fakeredis.FakeRedis(server=fakeredis.FakeServer())

    def do(self, *command: bytes | int) -> asyncio.Future[Any]:
        """See `hub.lookups.lines.Line`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self._client.execute_command(*command))  # type: ignore[no-untyped-call]
        except RedisError as error:
            future.set_exception(error)
        return future

    def post(self, *command: bytes | int) -> None:
        """See `hub.lookups.lines.Line`."""
        with contextlib.suppress(RedisError):
            self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def join(self, head: Command, member: bytes) -> None:
        """See `hub.lookups.lines.Line`."""
        self.post(*head, member)

    async def aclose(self) -> None:
        """See `hub.lookups.lines.Line`."""
        self._client.close()
