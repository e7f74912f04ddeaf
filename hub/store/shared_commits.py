"""Commits that many callers share: who comes while one is under way joins the next.

Few large commits cost less than many small ones. So a further one begins beside the one under way only when a whole
batch waits, or when the process has nothing else to do (docs/decisions/0029).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from hub.store.idle_turn import IdleTurn

T = TypeVar("T")


class SharedCommits(Generic[T]):
    """Writes what is added to it, in the order of adding and in batches; finish it with `aclose`."""

    def __init__(
        self,
        write: Callable[[list[T]], Awaitable[None]],
        *,
        most: int,
        writers: int,
        least_beside: int = 1,
        keys_of: Callable[[T], Iterable[Hashable]] | None = None,
    ) -> None:
        """``write`` makes one commit of up to ``most`` and tells every caller of it; it raises nothing.

        ``writers`` are the commits under way at once: while one waits for the disk the next one is prepared. A writer
        that has finished goes on beside another with ``least_beside`` and more, and leaves fewer to the other. What
        has one of ``keys_of`` in common is in one batch, or under way at once, never.
        """
        self._write = write
        self._most = most
        self._most_writers = writers
        self._least_beside = least_beside
        self._keys_of = keys_of
        self._waiting: deque[T] = deque()
        self._busy: set[Hashable] = set()
        self._writers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_turn = IdleTurn(
            self._begin, is_wanted=lambda: bool(self._waiting) and self._writers < self._most_writers
        )

    def add(self, wish: T) -> None:
        """Have this written; a commit is under way when this returns, or begins as soon as there is a reason."""
        self._waiting.append(wish)
        self._begin_if_worth_it()

    async def aclose(self) -> None:
        """Finish what was added."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin_if_worth_it(self) -> None:
        if not self._writers or (self._writers < self._most_writers and len(self._waiting) >= self._most):
            self._begin()
        else:
            self._idle_turn.wait()

    def _begin(self) -> None:
        self._writers += 1
        task = asyncio.create_task(self._write_waiting())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_waiting(self) -> None:
        try:
            # One turn of the loop lets the calls that have already arrived join this batch.
            await asyncio.sleep(0)
            while batch := self._next_batch():
                try:
                    await self._write(batch)
                finally:
                    if self._keys_of is not None:
                        self._busy.difference_update(key for one in batch for key in self._keys_of(one))
                if self._writers > 1 and len(self._waiting) < self._least_beside:
                    return  # the other one takes them
                # Those just told answer first; what they make room for joins the next batch.
                await asyncio.sleep(0)
        finally:
            self._writers -= 1
            if any(map(self._is_free, self._waiting)):
                self._begin_if_worth_it()

    def _next_batch(self) -> list[T]:
        """Take what waits; what shares a key with something under way waits on."""
        waiting, keys_of = self._waiting, self._keys_of
        if keys_of is None:
            return [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
        batch: list[T] = []
        later: deque[T] = deque()
        while waiting and len(batch) < self._most:
            one = waiting.popleft()
            if self._is_free(one):
                self._busy.update(keys_of(one))
                batch.append(one)
            else:
                later.append(one)
        later.extend(waiting)
        self._waiting = later
        return batch

    def _is_free(self, one: T) -> bool:
        return self._keys_of is None or self._busy.isdisjoint(self._keys_of(one))
