"""Delivery of events: signed, once per event and id, in order, on a schedule, and stopped when nobody takes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from contracts.inbox import InboxKind
from hub.access import clients
from hub.outgoing import OutgoingClient
from hub.webhooks import schedule
from hub.webhooks.dispatch import Dispatcher
from hub.webhooks.endpoints import ReplayFilter
from hub.webhooks.sending import Outcome, send
from tests.hub.webhooks.conftest import SETTINGS, Receiver, Webhooks

LATER = timedelta(hours=30)
NOW = datetime(2026, 10, 8, tzinfo=UTC)


def verify(secret: str | None, message: tuple[dict[str, str], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify a message with the public library, at the time the message was signed."""
    headers, body = message
    # Its tolerance of five minutes is about the real clock, which a test must not depend on.
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda _self, text: _moment(text))
    Webhook(secret or "").verify(body, headers)


def _moment(text: str) -> object:
    return datetime.fromtimestamp(float(text), tz=UTC)


async def test_events_arrive_signed_in_order_and_only_those_wanted(
    webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's agencies and the kinds asked for; from the registration on."""
    await webhooks.event(0)
    made = await webhooks.add(InboxKind.DOSSIER_FILED)
    for number in range(1, 5):
        await webhooks.event(number)
    await webhooks.event(5, InboxKind.TAX_NOTICE)
    await webhooks.event(6, code="H99.13-261008-0001")
    await webhooks.round()
    bodies = [json.loads(body) for _, body in webhooks.receiver.messages]
    assert [one["data"]["body"]["n"] for one in bodies] == [1, 2, 3, 4]
    assert {one["type"] for one in bodies} == {"dossier.filed"}
    assert [one["data"]["id"] for one in bodies] == webhooks.receiver.ids
    for message in webhooks.receiver.messages:
        verify(made.secret, message, monkeypatch)
    await webhooks.round(LATER)
    assert len(webhooks.receiver.messages) == 4


async def test_a_rotated_secret_signs_beside_the_former_until_the_overlap_ends(
    webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two signatures, then one; a second rotation ends the oldest at once."""
    first = await webhooks.add()
    second = await webhooks.endpoints.rotate(first.endpoint.id, None, actor="test", now=webhooks.now)
    await webhooks.event(1)
    await webhooks.round()
    for made in (first, second):
        verify(made.secret, webhooks.receiver.messages[-1], monkeypatch)
    third = await webhooks.endpoints.rotate(first.endpoint.id, None, actor="test", now=webhooks.now)
    await webhooks.event(2)
    await webhooks.round()
    assert len(webhooks.receiver.messages[-1][0]["webhook-signature"].split()) == 2
    await webhooks.event(3)
    await webhooks.round(timedelta(hours=25))
    assert len(webhooks.receiver.messages[-1][0]["webhook-signature"].split()) == 1
    verify(third.secret, webhooks.receiver.messages[-1], monkeypatch)


async def test_a_receiver_that_hangs_costs_its_time_and_nothing_else(webhooks: Webhooks) -> None:
    """One attempt, bounded; the event waits, and no other is sent after it while the endpoint rests."""
    made = await webhooks.add()
    webhooks.receiver.hangs = True
    webhooks.settings = SETTINGS.model_copy(update={"timeout_seconds": 1.5})  # in which the message at least arrives
    await webhooks.event(1)
    await webhooks.event(2)
    await webhooks.round()
    assert len(webhooks.receiver.messages) == 1
    shown = await webhooks.endpoints.deliveries(made.endpoint.id)
    assert [one.outcome for delivery in shown.deliveries for one in delivery.attempts] == ["timeout"]
    webhooks.receiver.hangs = False
    webhooks.settings = SETTINGS
    await webhooks.round(timedelta(seconds=10))
    assert webhooks.receiver.ids[0] == webhooks.receiver.ids[1] != webhooks.receiver.ids[2]
    assert (await webhooks.endpoints.get(made.endpoint.id)).failures == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Outcome.REFUSED),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Outcome.REDIRECTED),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", Outcome.GONE),
        (b"nonsense\r\n\r\n", Outcome.UNREACHABLE),
        (b"", Outcome.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", Outcome.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nabc", Outcome.DELIVERED),
    ],
)
async def test_every_answer_has_an_outcome(
    receiver: Receiver, http: OutgoingClient, answer: bytes, outcome: Outcome
) -> None:
    """2xx is taken; a redirection is never followed; what is no HTTP is no answer; a body is not waited for."""
    receiver.answer = answer
    sent = await send(
        http,
        url=receiver.url,
        secrets=[b"x" * 32],
        id="evt-1",
        at=NOW,
        body=b"{}",
        timeout_seconds=30,
    )
    assert sent.outcome is outcome


async def test_addresses_that_are_not_allowed_are_not_called(http: OutgoingClient) -> None:
    """Also when the setting changed after the endpoint was made; and a closed port is unreachable."""
    for url, outcome in (
        ("http://192.0.2.1/x", Outcome.NOT_ALLOWED),
        ("http://localhost:1/x", Outcome.NOT_ALLOWED),
        ("ftp://127.0.0.1/x", Outcome.NOT_ALLOWED),
        ("http://127.0.0.1:1/x", Outcome.UNREACHABLE),
        ("https://127.0.0.1:1/x", Outcome.UNREACHABLE),
    ):
        sent = await send(http, url=url, secrets=[b"x" * 32], id="e", at=NOW, body=b"{}", timeout_seconds=30)
        assert sent.outcome is outcome, url


async def test_an_endpoint_that_fails_too_often_is_disabled_with_a_notice(webhooks: Webhooks) -> None:
    """An alert, an event in the inbox, an act in the ledger; its events wait until a person enables it again."""
    made = await webhooks.add(InboxKind.DOSSIER_FILED)
    webhooks.receiver.answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    await webhooks.event(1)
    for _ in range(3):
        await webhooks.round(timedelta(hours=1))
    found = await webhooks.endpoints.get(made.endpoint.id)
    assert (found.disabled_by, found.waiting) == ("hub", 1)
    async with webhooks.store.transaction() as conn:
        alerts = await (await conn.execute("SELECT key FROM alerts WHERE cleared_at IS NULL")).fetchall()
        kinds = await (await conn.execute("SELECT kind FROM inbox_events ORDER BY id")).fetchall()
        acts = await (await conn.execute("SELECT facts FROM ledger_queue WHERE kind = 'act' ORDER BY id")).fetchall()
    assert alerts == [(f"webhook-disabled:{made.endpoint.id}",)]
    assert kinds == [("dossier.filed",), ("webhook.disabled",)]
    assert [json.loads(row[0])["act"] for row in acts][-1] == "webhook.disabled"
    calls = len(webhooks.receiver.messages)
    await webhooks.round(LATER)
    assert len(webhooks.receiver.messages) == calls
    webhooks.receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    await webhooks.endpoints.enable(made.endpoint.id, None, actor="test", now=webhooks.now)
    await webhooks.round()
    assert len(webhooks.receiver.messages) == calls + 1
    async with webhooks.store.transaction() as conn:
        assert await (await conn.execute("SELECT key FROM alerts WHERE cleared_at IS NULL")).fetchall() == []


async def test_a_receiver_that_says_gone_is_disabled_at_once(webhooks: Webhooks) -> None:
    """410 is its word for: no more messages."""
    made = await webhooks.add()
    webhooks.receiver.answer = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    await webhooks.event(1)
    await webhooks.round()
    assert (await webhooks.endpoints.get(made.endpoint.id)).disabled_by == "hub"


async def test_what_was_never_taken_fails_after_the_schedule_and_can_be_replayed(webhooks: Webhooks) -> None:
    """Ten attempts; a replay sends it again under its old id, and events from before the webhook too."""
    await webhooks.event(0)
    made = await webhooks.add()
    webhooks.receiver.answer = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    began = webhooks.now
    await webhooks.event(1)
    await webhooks.endpoints.enable(made.endpoint.id, None, actor="test", now=webhooks.now)
    for _ in range(12):
        await webhooks.round(LATER)
        await webhooks.endpoints.enable(made.endpoint.id, None, actor="test", now=webhooks.now)
    assert len(webhooks.receiver.messages) >= 10
    states = [one.state.value for one in (await webhooks.endpoints.deliveries(made.endpoint.id)).deliveries]
    assert states.count("failed") >= 1
    webhooks.receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    webhooks.receiver.messages.clear()
    wanted = ReplayFilter(began - timedelta(days=365), kinds=[InboxKind.DOSSIER_FILED])
    done = await webhooks.endpoints.replay(made.endpoint.id, None, wanted, actor="test", now=webhooks.now)
    assert (done.events, done.complete) == (2, True)
    await webhooks.round(LATER)
    bodies = [json.loads(body)["data"]["body"] for _, body in webhooks.receiver.messages]
    assert [one["n"] for one in bodies if "n" in one] == [0, 1]
    # Taken by now: a replay of what failed finds nothing.
    failed = ReplayFilter(began - timedelta(days=365), kinds=[InboxKind.DOSSIER_FILED], failed_only=True)
    assert (await webhooks.endpoints.replay(made.endpoint.id, None, failed, actor="t", now=webhooks.now)).events == 0


async def test_a_disabled_client_gets_nothing_any_more(webhooks: Webhooks) -> None:
    """Its webhooks end with its access, without a second switch."""
    await webhooks.add()
    await clients.disable(webhooks.store, webhooks.client_id)
    await webhooks.event(1)
    await webhooks.round()
    assert webhooks.receiver.messages == []


def test_the_schedule_is_the_documented_one() -> None:
    """Ten attempts over about three days; the jitter is a tenth; an endpoint rests at most five minutes."""
    chance = random.Random(7)
    delays = [schedule.delay_after(tries, chance=chance) for tries in range(1, 11)]
    assert delays[9] is None
    total = sum((one for one in delays if one is not None), timedelta(0))
    assert timedelta(days=2.8) < total < timedelta(days=3.5)
    assert all(
        abs(one / base - 1) <= 0.1 for one, base in zip(delays, schedule.DELAYS, strict=False) if one is not None
    )
    assert [schedule.rest_after(one).total_seconds() for one in (0, 1, 2, 3, 100)] == [0, 1, 2, 4, 300]


async def test_a_hanging_receiver_does_not_hold_the_others(webhooks: Webhooks) -> None:
    """While one endpoint is waited for, another gets what comes meanwhile; the job stops when it is told to."""
    slow = Receiver("", hangs=True)
    server = await asyncio.start_server(slow.take, "127.0.0.1", 0)
    async with server:
        slow.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await webhooks.endpoints.add(
            client_id=webhooks.client_id, url=slow.url, kinds=(), actor="test", now=webhooks.now
        )
        await webhooks.add()
        patient = SETTINGS.model_copy(update={"timeout_seconds": 60.0})
        job = asyncio.create_task(Dispatcher(webhooks.store, webhooks.http, patient, now=lambda: webhooks.now).run())
        try:
            async with asyncio.timeout(50):
                for number in (1, 2):
                    await webhooks.event(number)
                    while len(webhooks.receiver.messages) < number:
                        await asyncio.sleep(0.01)
                while not slow.messages:
                    await asyncio.sleep(0.01)
        finally:
            job.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await job
    assert len(slow.messages) == 1


async def test_a_secret_that_does_not_open_holds_its_own_endpoint_only(webhooks: Webhooks) -> None:
    """A damaged row is logged and the endpoint rests; the others are served, and the job goes on."""
    broken = await webhooks.add()
    await webhooks.add()
    async with webhooks.store.transaction() as conn:
        await conn.execute(
            "UPDATE webhook_secrets SET sealed = 'damaged' WHERE endpoint_id = %s", (broken.endpoint.id,)
        )
    await webhooks.event(1)
    await webhooks.round()
    await webhooks.round()
    assert len(webhooks.receiver.messages) == 1
    assert (await webhooks.endpoints.get(broken.endpoint.id)).waiting == 1
