"""The tour's step for the other direction: a dossier filed on the portal arrives in the inbox and by webhook."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from contracts.errors import Sentence
from hub.demo.tour import Step, Tour, must, must_be

_SERVICE_CODES = {"new": 0, "again": 1, "conflict": -1}


@dataclass(slots=True)
class Receiver:
    """A dossier system's side of a webhook: takes messages on loopback and keeps them with their headers."""

    url: str = ""
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Listen while the context is open."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/lien-thong"
        async with server:
            yield

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.messages.append((headers, body))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()


class Incoming:
    """The steps of what comes in."""

    def __init__(self, tour: Tour) -> None:
        """``tour`` has the API and the portal."""
        self._tour = tour

    def steps(self) -> list[Step]:
        """Return them."""
        title = Sentence(
            "A dossier filed on the portal arrives in the inbox and by webhook",
            "Hồ sơ nộp trên Cổng vào hộp thư đến và được gửi qua webhook",
        )
        return [Step(title, self.filed_there)]

    async def filed_there(self) -> str:
        """Once in the inbox whatever the portal repeats, and signed to the receiver."""
        api, portal = self._tour.api, self._tour.portal
        receiver = Receiver()
        async with receiver.listening():
            made = await api.send(
                "POST",
                "/v1/webhooks",
                {"url": receiver.url, "kinds": ["dossier.filed"]},
                **{"Idempotency-Key": "demo-webhook"},
            )
            must_be(made, 201)
            after = (await api.get("/v1/inbox?limit=1&after=0")).document["next_after"]
            sent = await portal.act("file_dossier")
            _must_say(sent, _SERVICE_CODES["new"])
            _must_say(await portal.act("file_dossier", message=sent["sent"]), _SERVICE_CODES["again"])
            changed = {**sent["sent"], "data": {**sent["sent"]["data"], "TrichYeuHoSo": "Khác"}}
            _must_say(await portal.act("file_dossier", message=changed), _SERVICE_CODES["conflict"])
            event = await self._in_inbox(after, sent["sent"]["data"])
            await self._tour.until("the webhook was called", lambda: _has(receiver))
            verified = _verify(made.document["secret"], receiver, event)
            await api.send("POST", f"/v1/webhooks/{made.document['endpoint']['id']}/disable", **_key("demo-disable"))
        done = await api.send("POST", f"/v1/inbox/{event['id']}/ack", **_key("demo-ack"))
        must_be(done, 200)
        left = (await api.get(f"/v1/inbox?after={after}&unacknowledged=true&kind=dossier.filed")).document["events"]
        must(not left, "an acknowledged event is still waiting")
        return f"0, repeated 1, changed -1; one event {event['kind']}; {verified}; acknowledged"

    async def _in_inbox(self, after: int, data: dict[str, Any]) -> dict[str, Any]:
        page = await self._tour.api.get(f"/v1/inbox?after={after}&kind=dossier.filed")
        must_be(page, 200)
        events = page.document["events"]
        must(len(events) == 1, f"{len(events)} events instead of 1")
        event: dict[str, Any] = events[0]
        must(event["subject"] == data["MaHoSoQG"], "the event is about another dossier")
        must(event["body"]["declarant"]["name"] == data["ChuHoSo"], "the event has another declarant")
        must(event["body"]["files"][0]["url"] == data["TaiLieuNop"][0]["DuongDanTaiTepTin"], "the file is another one")
        return event


def _verify(secret: str, receiver: Receiver, event: dict[str, Any]) -> str:
    """Verify the message as any receiver does, with the public library."""
    must(len(receiver.messages) == 1, f"the webhook was called {len(receiver.messages)} times")
    headers, body = receiver.messages[0]
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError as error:
        must(condition=False, what=f"the signature does not hold: {error}")
    with contextlib.suppress(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"dossier", b"dossiez"), headers)
        must(condition=False, what="a changed message was verified")
    message = json.loads(body)
    must(headers["webhook-id"] == event["id"] == message["data"]["id"], "the message has another id than the event")
    must(message["data"]["body"] == event["body"], "the message has another body than the event")
    return "the webhook's signature holds, a changed body's does not"


def _must_say(called: dict[str, Any], code: int) -> None:
    must(called.get("status") == 200, f"the hub answered {called.get('status')}")  # noqa: PLR2004 - also for a no
    must(called["answer"]["error_code"] == code, f"error_code {called['answer']['error_code']} instead of {code}")


async def _has(receiver: Receiver) -> bool:
    return bool(receiver.messages)


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}
