"""The order in which the inbox is read: nothing appears behind a reader, and everybody sees only what is theirs."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from contracts.inbox import EarlyWarning, InboxKind
from hub.errors import Refusal
from hub.inbox.reading import InboxService
from hub.inbox.receiving import Inbound, announce, receive
from hub.store.connections import Connection
from hub.store.engine import Store
from tests.hub.inbox.portal_calls import NOW, PortalCalls, promotion


def message(number: int, *, subject: str | None = "H99.12-261008-0001", agency: str | None = None) -> Inbound:
    """A message of its own."""
    return Inbound("portal", f"REF-{number}", InboxKind.DOSSIER_FILED, subject, b'{"n":%d}' % number, NOW, (), agency)


async def add(store: Store, *numbers: int) -> None:
    """Take messages in."""
    async with store.transaction() as conn:
        for number in numbers:
            await receive(conn, message(number), sealer=store.sealer)


async def read(
    store: Store, after: int = 0, limit: int = 100, agencies: tuple[str, ...] = ("H99",)
) -> tuple[list[int], int]:
    """Return the numbers of the messages on a page and the cursor after it."""
    page = await InboxService(store).page(client_id="c", agencies=agencies, after=after, limit=limit)
    found = orjson.loads(page)
    return [one["body"]["n"] for one in found["events"]], found["next_after"]


async def test_a_slow_transaction_is_never_overtaken_by_a_reader(store: Store) -> None:
    """A message written earlier and committed later comes after what has been read, not before it."""
    async with store.transaction() as slow:
        await receive(slow, message(1), sealer=store.sealer)
        await add(store, 2)
        seen, cursor = await read(store)
        assert seen == [2]
        assert await read(store, cursor) == ([], cursor)
    assert (await read(store, cursor))[0] == [1]


async def test_a_message_that_was_rolled_back_leaves_no_gap(store: Store) -> None:
    """Numbers are given after the commit, so what never was has none."""

    async def breaks() -> None:
        async with store.transaction() as conn:
            await receive(conn, message(1), sealer=store.sealer)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await breaks()
    await add(store, 2, 3)
    assert await read(store) == ([2, 3], 2)


async def test_pages_follow_each_other_without_repeating(store: Store) -> None:
    """The cursor goes on where the page ended, also over events of others and over an empty page."""
    await add(store, *range(5))
    first, cursor = await read(store, limit=2)
    second, cursor = await read(store, cursor, limit=2)
    third, cursor = await read(store, cursor, limit=2)
    assert first + second + third == list(range(5))
    assert await read(store, cursor, limit=2) == ([], 5)
    assert await read(store, agencies=("H98",)) == ([], 5)


async def test_a_client_sees_its_agencies_and_what_belongs_to_none(store: Store) -> None:
    """By the agency in the dossier code, by one told apart, or by none: then every client with the scope."""
    async with store.transaction() as conn:
        for number, subject, agency in (
            (1, "H99.12-261008-0001", None),
            (2, "000.00.13.H99-261008-0001", None),
            (3, None, "000.00.00.H99"),
            (4, None, None),
        ):
            await receive(conn, message(number, subject=subject, agency=agency), sealer=store.sealer)
    assert [(await read(store, agencies=one))[0] for one in (("H99",), ("H99.12",), ("H99.13",), ("H98",))] == [
        [1, 2, 3, 4],
        [1, 4],
        [2, 4],
        [4],
    ]


async def test_acknowledging_is_each_client_s_own_and_counts_once(portal: PortalCalls) -> None:
    """The first time stays; another client's inbox does not change; others' events are as if they were not."""
    await portal.code("addtthcKhuyenMai", promotion())
    (event,) = await portal.events()
    inbox, event_id = InboxService(portal.store), UUID(event["id"])
    first = await inbox.acknowledge(event_id, client_id="client-1", agencies=("H99",), now=NOW)
    again = await inbox.acknowledge(event_id, client_id="client-1", agencies=("H99",), now=NOW.replace(hour=9))
    assert first == again
    assert await portal.events(open_only=True) == []
    page = await inbox.page(client_id="client-2", agencies=("H99",), open_only=True)
    assert len(orjson.loads(page)["events"]) == 1
    with pytest.raises(Refusal, match="no such event"):
        await inbox.acknowledge(event_id, client_id="client-3", agencies=("H98",), now=NOW)
    assert (await inbox.file(event_id, 1, agencies=("H99",))).content.startswith(b"%PDF")
    for number, agencies in ((3, ("H99",)), (1, ("H98",))):
        with pytest.raises(Refusal):
            await inbox.file(event_id, number, agencies=agencies)


async def test_the_hub_announces_once_per_key(store: Store) -> None:
    """An early warning found again tomorrow is the same event; it is read like any other."""

    async def warn(conn: Connection, key: str) -> bool:
        body = EarlyWarning(rule="not_received", sentence="Receive it.", sentence_vi="Hãy tiếp nhận.")
        return await announce(
            conn, sealer=store.sealer, kind=InboxKind.EARLY_WARNING, subject=None, key=key, body=body, now=NOW
        )

    async with store.transaction() as conn:
        assert [await warn(conn, key) for key in ("a", "a", "b")] == [True, False, True]
    page = orjson.loads(await InboxService(store).page(client_id="c", agencies=("H99",)))
    assert [one["system"] for one in page["events"]] == ["hub", "hub"]
    assert page["events"][0]["body"]["rule"] == "not_received"
