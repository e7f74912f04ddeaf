"""The promises of `contracts.inbound.ServesInbound`: what a partner sends is kept once, whole, or answered with a no.

::

    played partner ──POST /calls/…──▶ calls ──▶ doorway of the suite ──▶ handler ──▶ desk of the suite
          ▲                                                                 │           new, duplicate, conflict,
          └────────────── an answer in its own protocol ◀───────────────────┘           or an error of the hub
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from contracts.conformance import examples
from contracts.conformance.safety import assert_silent, personal_texts
from contracts.conformance.stage import Stage, staged
from contracts.conformance.subject import InboundCall, Subject
from contracts.dossier import Dossier
from contracts.inbound import (
    GivesFileAddresses,
    InboundAnswer,
    InboundFault,
    InboundHandler,
    InboundMessage,
    InboundRequest,
    OpenedFile,
    Receipt,
    ServesInbound,
)
from contracts.inbox import BODIES

_TOKEN = "moi-dia-chi-mot-lan-8d2e41"  # noqa: S105 - invented, and looked for in what is answered
_FILE = b"%PDF-1.7 tep mau"
_PREFIX = "/inbound"
_NONSENSE: tuple[bytes, ...] = (
    b"",
    b"<html><body>Bad Gateway</body></html>",
    b'{"data": {"a": ',
    b'{"a": "\xff\xfe"}',
    b"[" * 100_000,
    b"null",
    b"9" * 5000,
    b'"\\"{}\\""',
    b'{"data": [[[]]], "\\u0000": {}}',
)
"""Bodies that are no message of anybody."""


class HubLost(Exception):  # noqa: N818 - what the desk raises when the database is gone
    """The hub could not do its part; an adapter lets it through."""


@dataclass
class Desk:
    """A desk as the hub's: says of each message what it is told to say."""

    receipt: Receipt = Receipt.NEW
    dossier: Dossier | None = None
    lost: bool = False
    """Whether everything fails, as when the database is gone."""
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """What a message waits for until it is durable."""
    kept: list[InboundMessage] = field(default_factory=list)
    refused: int = 0
    asked: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_go_on.set()

    async def receive(self, message: InboundMessage) -> Receipt:
        """Keep a message."""
        self._fail()
        await self.may_go_on.wait()
        self.kept.append(message)
        return self.receipt

    async def refuse_message(self, body: bytes, *, service: str) -> None:
        """Count a refusal."""
        del body, service
        self._fail()
        self.refused += 1

    async def find_dossier(self, code: str, *, service: str) -> Dossier | None:
        """Return the dossier there is, whatever its code."""
        del service
        self._fail()
        self.asked.append(code)
        return self.dossier

    async def open_file(self, token: str) -> OpenedFile | None:
        """Open the one file there is."""
        self._fail()
        self.opened.append(token)
        return OpenedFile("application/pdf", _pieces()) if token == _TOKEN else None

    def _fail(self) -> None:
        if self.lost:
            raise HubLost


async def _pieces() -> AsyncGenerator[bytes]:
    yield _FILE[:5]
    yield _FILE[5:]


@dataclass
class Doorway:
    """The partner's calls, as they came over loopback, and what it was answered."""

    stage: Stage
    desk: Desk
    handler: InboundHandler
    requests: list[InboundRequest] = field(default_factory=list)
    answers: list[InboundAnswer] = field(default_factory=list)

    async def make_call(self, call: InboundCall) -> InboundRequest:
        """Let the partner make this call, and return it as it came."""
        before = len(self.requests)
        status, told = await self.stage.control("POST", f"/calls/{call.name}", dict(call.wish))
        assert status == 200, f"{call.name}: {told}"
        assert len(self.requests) > before, f"{call.name}: the partner did not call"
        return self.requests[before]

    async def serve(self, request: InboundRequest) -> tuple[int, bytes]:
        """Hand a call to the handler once more, and return status and body of its answer."""
        return await _whole(await self.handler.serve(request))


@asynccontextmanager
async def doorway(subject: Subject) -> AsyncGenerator[Doorway]:
    """Play the partner, aim it at a door of the suite, and lend both for the length of the block."""
    async with staged(subject) as stage:
        assert isinstance(stage.connection, ServesInbound)
        desk = Desk()
        way = Doorway(stage, desk, stage.connection.inbound(desk))

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                request = await _read(reader)
                way.requests.append(request)
                answer = await way.handler.serve(request)
                way.answers.append(answer)
                status, body = await _whole(answer)
                head = f"HTTP/1.1 {status} OK\r\ncontent-type: {answer.media_type}\r\ncontent-length: {len(body)}"
                writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
                await writer.drain()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            target = {"url": f"http://127.0.0.1:{port}{_PREFIX}", "secret": "only-in-the-suite"}
            status, told = await stage.control("POST", "/inbound_target", target)
            assert status == 200, told
            yield way
        finally:
            server.close()


async def _read(reader: asyncio.StreamReader) -> InboundRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.rstrip().split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path = target.removeprefix(_PREFIX).strip("/")
    return InboundRequest(method=method, path=path, headers=headers, body=body, at=datetime.now(UTC))


async def _whole(answer: InboundAnswer) -> tuple[int, bytes]:
    if isinstance(answer.content, bytes):
        return answer.status, answer.content
    return answer.status, b"".join([piece async for piece in answer.content])


def _messages(subject: Subject) -> list[InboundCall]:
    return [one for one in subject.inbound if one.keeps and not one.asks]


class InboundSuite:
    """Inherited beside `AdapterSuite` where the partner calls us; ``Subject.inbound`` names its calls."""

    @pytest.mark.asyncio
    async def test_what_the_partner_sends_is_kept_whole_and_in_canonical_form(self, subject: Subject) -> None:
        """Of the kind it is, in the model of that kind, with an id of the partner's, every file under its digest."""
        async with doorway(subject) as way:
            for call in subject.inbound:
                way.desk.kept.clear()
                await way.make_call(call)
                assert {one.kind for one in way.desk.kept} == call.keeps, call.name
                for one in way.desk.kept:
                    assert type(one.body) is BODIES[one.kind], call.name
                    assert type(one.body).model_validate_json(one.body.model_dump_json()) == one.body, call.name
                    assert one.their_id.strip() == one.their_id != "", call.name
                    assert one.subject is not None or one.agency_code, f"{call.name}: nobody's event"
                    said = one.body.model_dump_json()
                    numbers = [file.number for file in one.files]
                    assert len(set(numbers)) == len(numbers), call.name
                    for file in one.files:
                        assert hashlib.sha256(file.content).hexdigest() in said, f"{call.name}: a file nobody names"
            assert way.desk.refused == 0
            assert bool(way.desk.asked) is any(one.asks for one in subject.inbound)

    @pytest.mark.asyncio
    async def test_the_same_message_has_the_same_id(self, subject: Subject) -> None:
        """Sent again it is known again; sent anew it is another."""
        async with doorway(subject) as way:
            for call in _messages(subject):
                request = await way.make_call(call)
                first = [(one.kind, one.their_id, one.body) for one in way.desk.kept]
                way.desk.kept.clear()
                await way.serve(request)
                assert [(one.kind, one.their_id, one.body) for one in way.desk.kept] == first, call.name
                way.desk.kept.clear()
                await way.make_call(call)
                assert not {one.their_id for one in way.desk.kept} & {one[1] for one in first}, call.name
                way.desk.kept.clear()

    @pytest.mark.asyncio
    async def test_a_yes_is_said_only_after_the_message_is_durable(self, subject: Subject) -> None:
        """The handler waits for the desk; and what the hub could not do is never told as done."""
        async with doorway(subject) as way:
            for call in subject.inbound:
                request = await way.make_call(call)
                if call.keeps:
                    way.desk.may_go_on.clear()
                    answer = asyncio.ensure_future(way.serve(request))
                    for _ in range(20):
                        await asyncio.sleep(0)
                    assert not answer.done(), f"{call.name}: answered before it was kept"
                    way.desk.may_go_on.set()
                    await answer
                way.desk.lost = True
                with pytest.raises(HubLost):
                    await way.serve(request)
                way.desk.lost = False

    @pytest.mark.asyncio
    async def test_a_conflict_is_a_no(self, subject: Subject) -> None:
        """New and kept before are a yes; another content under the same id is told apart from both."""
        async with doorway(subject) as way:
            for call in _messages(subject):
                request = await way.make_call(call)
                said = {}
                for receipt in Receipt:
                    way.desk.receipt = receipt
                    said[receipt] = await way.serve(request)
                way.desk.receipt = Receipt.NEW
                assert said[Receipt.CONFLICT] not in (said[Receipt.NEW], said[Receipt.DUPLICATE]), call.name

    @pytest.mark.asyncio
    async def test_every_refusal_is_spoken_in_the_protocol(self, subject: Subject) -> None:
        """At every address, for every fault of the hub: bounded, never like a yes, and silent about the message."""
        async with doorway(subject) as way:
            for call in subject.inbound:
                request = await way.make_call(call)
                yes = await way.serve(request)
                personal = personal_texts(*(one.body for one in way.desk.kept))
                for fault in InboundFault:
                    answer = way.handler.refuse(request.path, fault)
                    assert isinstance(answer.content, bytes), (call.name, fault)
                    assert 200 <= answer.status < 600, (call.name, fault)
                    assert (answer.status, answer.content) != yes, (call.name, fault)
                    assert len(answer.content) < 4096, (call.name, fault)
                    assert_silent(answer.content.decode(), personal)
                if not call.asks:
                    assert_silent(yes[1].decode(), personal)

    @pytest.mark.asyncio
    async def test_nonsense_is_refused_and_nothing_of_it_kept(
        self, subject: Subject, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """HTML, half a message, brackets without end, another encoding: answered, recorded as refused, not kept."""
        caplog.set_level("DEBUG")
        async with doorway(subject) as way:
            for call in subject.inbound:
                request = await way.make_call(call)
                yes = await way.serve(request)
                personal = personal_texts(*(one.body for one in way.desk.kept))
                way.desk.kept.clear()
                for body in (*_NONSENSE, request.body[: len(request.body) // 2]):
                    way.desk.refused = 0
                    broken = InboundRequest(request.method, request.path, request.headers, body, request.at)
                    status, said = await way.serve(broken)
                    assert (status, said) != yes, f"{call.name}: a yes to {body[:20]!r}"
                    assert way.desk.kept == [], f"{call.name} kept {body[:20]!r}"
                    assert way.desk.refused == 1, f"{call.name} did not record {body[:20]!r}"
                assert_silent("".join((caplog.text, *capfd.readouterr(), str(way.stage.drift))), personal)

    @pytest.mark.asyncio
    async def test_what_is_no_service_is_refused(self, subject: Subject) -> None:
        """Another path, another method, a path that leads upwards: refused, nothing kept, nothing asked."""
        async with doorway(subject) as way:
            request = await way.make_call(subject.inbound[0])
            yes = await way.serve(request)
            way.desk.kept.clear()
            way.desk.asked.clear()
            for method, path in (
                (request.method, "khong/co"),
                (request.method, ""),
                (request.method, f"{request.path}/../{request.path}x"),
                (request.method, f"{request.path}/"),
                ("DELETE", request.path),
            ):
                assert await way.serve(InboundRequest(method, path, {}, request.body, request.at)) != yes, path
            assert (way.desk.kept, way.desk.asked, way.desk.opened) == ([], [], [])

    @pytest.mark.asyncio
    async def test_a_question_is_answered_of_what_there_is(self, subject: Subject) -> None:
        """Told apart: a dossier that is there and one that is not; and nobody's number is told."""
        async with doorway(subject) as way:
            dossier = examples.dossier()
            for call in [one for one in subject.inbound if one.asks]:
                request = await way.make_call(call)
                without = await way.serve(request)
                way.desk.dossier = dossier
                found = await way.serve(request)
                way.desk.dossier = None
                assert found != without, call.name
                numbers = {str(one.value) for one in getattr(dossier.facts.applicant, "identifiers", ())}
                assert_silent(found[1].decode(), numbers)

    @pytest.mark.asyncio
    async def test_a_one_time_address_opens_its_file_and_no_other(self, subject: Subject) -> None:
        """Only below its own path is an address the secret; what opens nothing is told by the status too."""
        async with doorway(subject) as way:
            connection = way.stage.connection
            paths = {(await way.make_call(call)).path for call in subject.inbound}
            assert not any(way.handler.opens_by_address(path) for path in paths)
            if not isinstance(connection, GivesFileAddresses):
                return
            address = f"{connection.file_path}/{_TOKEN}"
            assert way.handler.opens_by_address(address)
            get = InboundRequest("GET", address, {}, b"", datetime.now(UTC))
            assert await way.serve(get) == (200, _FILE)
            for method, path in (("GET", f"{address}x"), ("GET", f"{connection.file_path}/"), ("POST", address)):
                status, said = await way.serve(InboundRequest(method, path, {}, b"", get.at))
                assert status >= 400, path
                assert_silent(said.decode(), {_TOKEN})
            assert set(way.desk.opened) <= {_TOKEN, f"{_TOKEN}x", ""}

    @pytest.mark.asyncio
    async def test_making_a_handler_does_nothing(self, subject: Subject) -> None:
        """No task, no call; two handlers of one connection know nothing of each other."""
        async with staged(subject) as stage:
            before = asyncio.all_tasks()
            one, other = Desk(), Desk()
            handlers = [stage.connection.inbound(desk) for desk in (one, other)]
            assert asyncio.all_tasks() == before
            assert all(callable(handler.serve) for handler in handlers)
            nothing = InboundRequest("POST", "khong/co", {}, json.dumps({}).encode(), datetime.now(UTC))
            await handlers[0].serve(nothing)
            assert (other.refused, other.kept, other.asked) == (0, [], [])
            _, state = await stage.control("GET", "/state")
            assert state["counts"] == []
