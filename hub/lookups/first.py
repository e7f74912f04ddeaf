"""The same request again while the first one is still on its way: it waits, and gets the first one's answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.lookups.gate import Gate, first_key

T = TypeVar("T")

POLL_SECONDS = 0.03
"""How often another process's answer is looked for."""

_FIRST_FAILED = Sentence(
    "The same request of a moment ago has had no answer; try again.",
    "Yêu cầu giống hệt vừa gửi trước đó chưa có kết quả; hãy thử lại.",
)


def first_failed() -> Refusal:
    """503: whoever asked first, in another process, got no answer."""
    return Refusal(503, "first_request_failed", _FIRST_FAILED)


class Firsts(Generic[T]):
    """Who asked what first in this process, and where other processes leave their answers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._pending: dict[bytes, asyncio.Future[T]] = {}

    def begin(self, same: bytes) -> asyncio.Future[T]:
        """Be the first with this request, from this moment on; `end` it with what is set here."""
        future = self._pending[same] = asyncio.get_running_loop().create_future()
        return future

    def end(self, same: bytes, future: asyncio.Future[T]) -> None:
        """Be first no more; those who wait have heard."""
        if not future.done():
            future.set_exception(first_failed())
        if not future.cancelled():
            future.exception()  # perhaps nobody else asked
        if self._pending.get(same) is future:
            del self._pending[same]

    async def answer(
        self, same: bytes, keys: Sequence[bytes], opened: Callable[[bytes, bytes], T | None], *, seconds: float
    ) -> T:
        """Return the first one's answer; raises what the first one was told, `Refusal` where nobody knows."""
        pending = self._pending.get(same)
        if pending is not None:
            try:
                return await asyncio.shield(pending)
            except Refusal:
                raise
            except Exception as error:
                raise first_failed() from error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    still_first, *found = await self._gate.read(first_key(same), *keys)
                    for key, sealed in zip(keys, found, strict=True):
                        kept = None if sealed is None else opened(key, sealed)
                        if kept is not None:
                            return kept
                    if still_first is None:
                        break
                    await asyncio.sleep(POLL_SECONDS)
        raise first_failed()
