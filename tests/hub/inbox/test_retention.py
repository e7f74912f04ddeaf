"""What is removed when its time is over, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from contracts.inbound import Receipt
from contracts.inbox import InboxKind
from hub.errors import Refusal
from hub.inbox.reading import InboxService, number_events
from hub.inbox.receiving import Inbound, InboundFile, receive
from hub.inbox.retention import Forgotten, Retention
from hub.store.engine import Store

KEPT = timedelta(days=730)
CODE = "H99.12-261008-0001"
BEGIN = datetime.now(UTC)  # ids of events are made from the clock
LATER = BEGIN + KEPT + timedelta(days=1)


def retention(store: Store, most: int = 500) -> Retention:
    """The job under the usual limits."""
    return Retention(store, events_for=KEPT, deliveries_for=timedelta(days=90), most=most)


async def add(
    store: Store, number: int, kind: InboxKind = InboxKind.EARLY_WARNING, subject: str | None = None
) -> Receipt:
    """Take a message in, with a file."""
    file = InboundFile(1, "application/pdf", b"%PDF")
    inbound = Inbound("portal", f"REF-{number}", kind, subject, b'{"n":%d}' % number, BEGIN, (file,), "H99.12")
    async with store.transaction() as conn:
        receipt = await receive(conn, inbound, sealer=store.sealer)
    async with store.transaction() as conn:
        await number_events(conn)
    return receipt


async def rows(store: Store, query: str, *values: Any) -> list[Any]:
    """Ask the database."""
    async with store.transaction() as conn:
        return await (await conn.execute(query, values)).fetchall()


async def event_of(store: Store, number: int) -> UUID:
    """Return the id of an event."""
    [(found,)] = await rows(store, "SELECT id FROM inbox_events WHERE their_id = %s", f"REF-{number}")
    return UUID(str(found))


async def acknowledge(store: Store, *numbers: int, at: datetime = BEGIN, client: str = "motcua") -> None:
    """Take events over."""
    for number in numbers:
        event = await event_of(store, number)
        await InboxService(store).acknowledge(event, client_id=client, agencies=("H99",), now=at)


async def left(store: Store, table: str = "inbox_events") -> list[int]:
    """Return the numbers of the events that are kept, or that still have rows in ``table``."""
    column = "id" if table == "inbox_events" else "event_id"
    found = await rows(
        store,
        f"SELECT DISTINCT e.their_id FROM {table} t JOIN inbox_events e ON e.id = t.{column}",  # noqa: S608
    )
    return sorted(int(row[0].removeprefix("REF-")) for row in found)


async def acts(store: Store) -> list[dict[str, str]]:
    """Return the acts of the job in the ledger's queue."""
    found = await rows(store, "SELECT facts FROM ledger_queue WHERE kind = 'act' ORDER BY id")
    return [facts for row in found if (facts := orjson.loads(row[0]))["act"] == "inbox.forgotten"]


async def page(store: Store, after: int) -> tuple[list[int], int]:
    """Return the numbers of the events on a page of a reader, and its cursor."""
    read = orjson.loads(await InboxService(store).page(client_id="motcua", agencies=("H99",), after=after))
    return [one["body"]["n"] for one in read["events"]], read["next_after"]


async def test_only_what_was_taken_over_long_ago_is_removed(store: Store) -> None:
    """With its files and acknowledgements, as one act; the newest event stays, whatever happened to it."""
    for number in range(5):
        await add(store, number)
    await acknowledge(store, 0, 2, 4)
    await acknowledge(store, 3, at=BEGIN)
    await acknowledge(store, 3, at=BEGIN + timedelta(days=2), client="bao-cao")
    job = retention(store)
    assert await job.forget(BEGIN + KEPT - timedelta(days=1)) == Forgotten()
    assert await acts(store) == []
    assert await job.forget(LATER) == Forgotten(events=2)
    for table in ("inbox_events", "inbox_files"):
        assert await left(store, table) == [1, 3, 4], "1: of nobody; 3: the other client had it later; 4: the newest"
    assert await left(store, "inbox_acknowledgements") == [3, 4]
    assert await job.forget(LATER) == Forgotten()
    [act] = await acts(store)
    assert (act["actor"], act["events"], act["deliveries"]) == ("lienthong (program)", "2", "0")
    assert act["events_until"] == (LATER - KEPT).isoformat()


async def test_cursors_stay_right(store: Store) -> None:
    """One from before what is left goes on at the oldest that is; numbers are never given again."""
    for number in range(3):
        await add(store, number)
    await acknowledge(store, 0, 1, 2)
    assert await page(store, 0) == ([0, 1, 2], 3)
    assert (await retention(store).forget(LATER)).events == 2
    assert await page(store, 0) == ([2], 3)
    assert await page(store, 1) == ([2], 3)
    assert await page(store, 3) == ([], 3)
    await add(store, 3)
    assert await page(store, 3) == ([3], 4)
    await acknowledge(store, 3)
    assert (await retention(store).forget(LATER)).events == 1
    assert await page(store, 3) == ([3], 4), "the newest was not removed, so the next one goes on behind it"


async def test_what_reconciliation_reads_is_kept(store: Store) -> None:
    """A partner's word on a dossier that we hold not at all, or older than the word."""
    for number, (kind, code) in enumerate(
        (
            (InboxKind.DOSSIER_FILED, "H99.12-261008-0001"),
            (InboxKind.DOSSIER_AMENDED, "H99.12-261008-0002"),
            (InboxKind.DOSSIER_AMENDED, "H99.12-261008-0003"),
            (InboxKind.TAX_NOTICE, "H99.12-261008-0004"),
            (InboxKind.EARLY_WARNING, None),
        )
    ):
        await add(store, number, kind, code)
    for code, recorded in (("H99.12-261008-0002", -1), ("H99.12-261008-0003", 1)):
        await rows(
            store,
            "INSERT INTO dossiers (code, agency_code, procedure_root, state, revision, declared_hash, submitted_at,"
            " recorded_at) VALUES (%s, 'H99.12', '1.000001', 1, 1, '', %s, %s) RETURNING 1",
            code,
            BEGIN,
            BEGIN + timedelta(hours=recorded),
        )
    await acknowledge(store, *range(5))
    assert (await retention(store).forget(LATER)).events == 2
    assert await left(store) == [0, 1, 4]


async def test_a_run_is_bounded_and_the_next_goes_on(store: Store) -> None:
    """What stays is passed over, so that it never keeps a run from what is behind it; then it begins anew."""
    for number in range(7):
        await add(store, number)
    await acknowledge(store, 2, 3, 5)
    job = retention(store, most=2)
    found = [await job.forget(LATER) for _ in range(4)]
    assert [(one.events, one.more) for one in found] == [(0, True), (2, True), (1, True), (0, False)]
    await acknowledge(store, 0)
    assert await job.forget(LATER) == Forgotten(events=1, more=True)
    assert [act["events"] for act in await acts(store)] == ["2", "1", "1"]


async def test_an_event_in_use_is_passed_over(store: Store) -> None:
    """Whoever is just acknowledging it keeps it; whoever comes too late is told that it is not there."""
    for number in range(2):
        await add(store, number)
    await acknowledge(store, 0)
    event = await event_of(store, 0)
    inbox = InboxService(store)
    async with store.transaction() as conn:
        await conn.execute("SELECT FROM inbox_events WHERE id = %s FOR KEY SHARE", (event,))
        assert await retention(store).forget(LATER) == Forgotten()
    assert await retention(store).forget(LATER) == Forgotten(events=1)
    for attempt in (
        inbox.acknowledge(event, client_id="bao-cao", agencies=("H99",), now=LATER),
        inbox.file(event, 1, agencies=("H99",)),
    ):
        with pytest.raises(Refusal) as caught:
            await attempt
        assert (caught.value.status, caught.value.code) == (404, "inbox_event_not_found")
    assert await add(store, 0) is Receipt.NEW, "what was forgotten is not known to be a duplicate"
    assert await add(store, 1) is Receipt.DUPLICATE
