"""Bodies are read within a size and a time, and refused as early as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive

from hub.errors import Refusal
from hub.web.body import ClientGone, read_body


class Wire:
    """Plays the server's ``receive``: gives one piece after the other and counts them."""

    def __init__(self, pieces: Iterable[bytes], *, ends: bool = True, pause: float = 0.0) -> None:
        self.pieces = list(pieces)
        self.ends = ends
        self.pause = pause
        self.given = 0

    async def __call__(self) -> Message:
        """Give the next piece."""
        await asyncio.sleep(self.pause)
        if self.given == len(self.pieces):
            return {"type": "http.disconnect"}
        self.given += 1
        more = self.given < len(self.pieces) or not self.ends
        return {"type": "http.request", "body": self.pieces[self.given - 1], "more_body": more}


async def read(
    receive: Receive,
    *,
    declared: int | None = None,
    max_bytes: int = 10,
    seconds: float = 5,
    has_arrived: bool = False,
) -> bytes:
    """Read with a small limit."""
    headers = {} if declared is None else {b"content-length": str(declared).encode()}
    return await read_body(receive, headers, max_bytes=max_bytes, timeout_seconds=seconds, has_arrived=has_arrived)


async def test_pieces_are_joined() -> None:
    """A body may come in any number of pieces."""
    assert await read(Wire([b"abc", b"", b"def"])) == b"abcdef"


async def test_the_limit_itself_is_accepted() -> None:
    """The limit is the largest size accepted, in one piece or in many, declared or not."""
    assert await read(Wire([b"x" * 10]), declared=10) == b"x" * 10
    assert await read(Wire([b"x"] * 10)) == b"x" * 10


async def test_a_declared_size_is_refused_before_anything_is_read() -> None:
    """Nobody has to send a gigabyte to learn that it is too much."""
    wire = Wire([b"x" * 11])
    with pytest.raises(Refusal) as refused:
        await read(wire, declared=11)
    assert (refused.value.status, refused.value.code, wire.given) == (413, "body_too_large", 0)


@pytest.mark.parametrize("declared", [None, 3])
async def test_reading_stops_at_the_first_byte_too_many(declared: int | None) -> None:
    """Neither a missing nor a false declaration gets more into memory than the limit and one piece."""
    wire = Wire([b"x" * 6] * 100)
    with pytest.raises(Refusal) as refused:
        await read(wire, declared=declared)
    assert (refused.value.status, wire.given) == (413, 2)


async def test_a_slow_body_is_refused() -> None:
    """The time counts for the whole body, so that a drip does not hold a request open for ever."""
    with pytest.raises(Refusal) as refused:
        await read(Wire([b"x"] * 9, ends=False, pause=0.03), seconds=0.1)
    assert (refused.value.status, refused.value.code) == (408, "body_too_slow")


async def test_a_body_that_is_here_is_bounded_all_the_same() -> None:
    """Without a timer, because nothing is waited for; its size and a client that went away are looked at as ever."""
    assert await read(Wire([b"x" * 10]), seconds=0, has_arrived=True) == b"x" * 10
    with pytest.raises(Refusal) as refused:
        await read(Wire([b"x" * 11]), has_arrived=True)
    assert refused.value.status == 413
    with pytest.raises(ClientGone):
        await read(Wire([]), has_arrived=True)


async def test_a_client_that_goes_away_is_not_an_error() -> None:
    """A body that ends early was not sent: nothing is read from it."""
    with pytest.raises(ClientGone):
        await read(Wire([b"{}"], ends=False))
    with pytest.raises(ClientGone):
        await read(Wire([]))
