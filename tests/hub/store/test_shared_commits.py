"""Commits that many callers share: everything once and in order, no more at a time than may be."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hub.store.shared_commits import SharedCommits

MOST, WRITERS = 3, 2

Wish = tuple[int, str]
"""Its number, and the key that it shares with others."""


class Database:
    """Takes as many turns of the loop for a commit as it is told, and remembers."""

    def __init__(self, turns: list[int]) -> None:
        self._turns = turns
        self.under_way: list[list[Wish]] = []
        self.written: list[Wish] = []
        self.most_under_way = 0

    async def write(self, batch: list[Wish]) -> None:
        """One commit."""
        assert 0 < len(batch) <= MOST
        self.under_way.append(batch)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        assert len(self.under_way) <= WRITERS
        keys = Counter(key for one in self.under_way for _number, key in one if key)
        assert not keys or max(keys.values()) == 1, "two of one key at a time"
        for _ in range(self._turns.pop() if self._turns else 0):
            await asyncio.sleep(0)
        self.under_way.remove(batch)
        self.written += batch


@given(
    turns=st.lists(st.integers(0, 5), max_size=10),
    groups=st.lists(st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=8), min_size=1, max_size=6),
)
def test_everything_is_written_once(turns: list[int], groups: list[list[str]]) -> None:
    """Whatever comes when, and however long commits take; those of one key in the order in which they came."""

    async def run() -> None:
        database = Database(turns)
        commits: SharedCommits[Wish] = SharedCommits(
            database.write, most=MOST, writers=WRITERS, keys_of=lambda one: (one[1],) if one[1] else ()
        )
        wishes: list[Wish] = []
        for group in groups:
            for key in group:
                wishes.append((len(wishes), key))
                commits.add(wishes[-1])
            await asyncio.sleep(0)
        await commits.aclose()
        assert sorted(database.written) == wishes
        for key in "ab":
            of_key = [one for one in database.written if one[1] == key]
            assert of_key == sorted(of_key)

    asyncio.run(run())


async def test_a_further_commit_begins_beside_one_under_way() -> None:
    """When a whole batch waits at once; with less, when nobody has anything to do; never a third."""
    held = asyncio.Event()
    batches: list[list[int]] = []

    async def write(batch: list[int]) -> None:
        batches.append(batch)
        await held.wait()

    commits: SharedCommits[int] = SharedCommits(write, most=MOST, writers=WRITERS)
    commits.add(0)
    async with asyncio.timeout(20):
        while len(batches) < 1:
            await asyncio.sleep(0)
        commits.add(1)
        while len(batches) < WRITERS:
            await asyncio.sleep(0.001)
    for one in range(2, 2 + 2 * MOST):
        commits.add(one)
    await asyncio.sleep(0.01)
    assert batches == [[0], [1]]
    held.set()
    await commits.aclose()
    assert batches == [[0], [1], [2, 3, 4], [5, 6, 7]]


async def test_a_commit_that_breaks_holds_up_nobody() -> None:
    """What comes after it is written."""
    written: list[str] = []

    async def write(batch: list[str]) -> None:
        if "bad" in batch:
            raise ValueError("bad")
        written.extend(batch)

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _what: None)
    commits: SharedCommits[str] = SharedCommits(write, most=1, writers=1, keys_of=lambda _one: ("same",))
    for one in ("good", "bad", "better"):
        commits.add(one)
    await commits.aclose()
    assert written == ["good", "better"]
