"""Deliveries that arrived are removed after a while; what did not arrive holds its event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.inbox import InboxKind
from hub.inbox.reading import InboxService
from hub.inbox.retention import Forgotten, Retention
from hub.webhooks.endpoints import ReplayFilter
from tests.hub.webhooks.conftest import Webhooks

# Ids of events are made from the clock, moments of deliveries from the test's own.
LATER = max(datetime.now(UTC), Webhooks.now) + timedelta(days=1000)


def retention(webhooks: Webhooks, most: int = 500) -> Retention:
    """The job under the usual limits."""
    return Retention(webhooks.store, events_for=timedelta(days=730), deliveries_for=timedelta(days=90), most=most)


async def rows(webhooks: Webhooks, query: str) -> list[Any]:
    """Ask the database."""
    async with webhooks.store.transaction() as conn:
        return await (await conn.execute(query)).fetchall()


async def acknowledge_all(webhooks: Webhooks) -> None:
    """Take every event over."""
    for (event,) in await rows(webhooks, "SELECT id FROM inbox_events"):
        await InboxService(webhooks.store).acknowledge(
            event, client_id=webhooks.client_id, agencies=("H99",), now=webhooks.now
        )


async def test_deliveries_that_arrived_go_first_and_their_events_after(webhooks: Webhooks) -> None:
    """With their attempts, for every endpoint; nothing is sent again, and replaying what is left works as before."""
    first, _ = await webhooks.add(), await webhooks.add()
    for number in range(3):
        await webhooks.event(number, InboxKind.EARLY_WARNING)
    await webhooks.round()
    assert len(webhooks.receiver.messages) == 6
    job = retention(webhooks, most=2)
    assert await job.forget(webhooks.now + timedelta(days=89)) == Forgotten()
    assert await job.forget(LATER) == Forgotten(deliveries=4, more=True)
    assert await job.forget(LATER) == Forgotten(deliveries=2)
    assert await rows(webhooks, "SELECT FROM webhook_attempts") == []
    await webhooks.round(timedelta(hours=1))
    assert len(webhooks.receiver.messages) == 6
    await acknowledge_all(webhooks)
    assert await job.forget(LATER) == Forgotten(events=2, more=True)
    since = ReplayFilter(since=datetime(2020, 1, 1, tzinfo=UTC))
    done = await webhooks.endpoints.replay(first.endpoint.id, None, since, actor="test", now=webhooks.now)
    assert (done.events, done.complete) == (1, True)


async def test_what_arrived_and_was_removed_has_not_failed(webhooks: Webhooks) -> None:
    """A replay of what failed sends what an endpoint never took, and nothing that it took long ago."""
    endpoint = (await webhooks.add(InboxKind.EARLY_WARNING)).endpoint
    await rows(webhooks, "UPDATE webhook_endpoints SET created_at = '2000-01-01' RETURNING 1")
    for number, answer in enumerate((b"204 No Content", b"500 No", b"204 No Content")):
        webhooks.receiver.answer = b"HTTP/1.1 %b\r\n\r\n" % answer
        await webhooks.event(number, InboxKind.EARLY_WARNING)
        await webhooks.round(timedelta(seconds=2))
    await webhooks.event(3, InboxKind.TAX_NOTICE)  # not one of its kinds, so never sent
    await webhooks.round()
    assert (await retention(webhooks).forget(LATER)).deliveries == 2
    everything = (InboxKind.EARLY_WARNING, InboxKind.TAX_NOTICE)
    for failed_only, count in ((True, 2), (False, 4)):
        wanted = ReplayFilter(datetime(2020, 1, 1, tzinfo=UTC), kinds=everything, failed_only=failed_only)
        done = await webhooks.endpoints.replay(endpoint.id, None, wanted, actor="test", now=webhooks.now)
        assert done.events == count


async def test_what_has_not_arrived_is_kept(webhooks: Webhooks) -> None:
    """Neither a delivery that waits or has failed, nor its event, nor what an endpoint has not come to yet."""
    await webhooks.add()
    webhooks.receiver.answer = b"HTTP/1.1 500 No\r\n\r\n"
    for number in range(3):
        await webhooks.event(number, InboxKind.EARLY_WARNING)
    await webhooks.round()
    await rows(
        webhooks,
        "UPDATE webhook_deliveries SET state = 'failed', due_at = NULL, ended_at = now() WHERE position = 2"
        " RETURNING 1",
    )
    await acknowledge_all(webhooks)
    assert await retention(webhooks).forget(LATER) == Forgotten()
    await rows(webhooks, "DELETE FROM webhook_deliveries RETURNING 1")
    await rows(webhooks, "UPDATE webhook_endpoints SET position = 1 RETURNING 1")
    assert await retention(webhooks).forget(LATER) == Forgotten(events=1)
