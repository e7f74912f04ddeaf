"""What leaves on each channel, against receivers on loopback: a mail server, log servers, a webhook receiver."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import ValidationError
from standardwebhooks import Webhook

from adapters.transport.simulation.server import AsgiServer
from contracts.errors import Sentence
from hub.alerts.email import Email
from hub.alerts.message import Message
from hub.alerts.service import AlertEvent
from hub.alerts.settings import AlertSettings, EmailChannel, SyslogChannel, WebhookChannel
from hub.alerts.severity import Severity
from hub.alerts.syslog import MOST_BYTES, Syslog, render
from hub.alerts.webhook import AlertWebhook
from hub.outgoing import OutgoingClient
from hub.reach import Reach
from tests.adapters.transport.conftest import Authority, Recorder
from tests.ports import free_ports

AT = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
MESSAGE = Message(
    id=7,
    alert_id=12,
    event=AlertEvent.OPENED,
    severity=Severity.CRITICAL,
    key='cause.place "a"]:1',
    sentence=Sentence("Portal: down.\r\nBcc: x@y.example", "Cổng: mất kết nối."),
    at=AT,
    connection="portal",
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("alert-authority"), "alerts")


@pytest.fixture(scope="module")
def server_tls(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("receiver", hosts=("127.0.0.1", "localhost")))
    return context


# --- e-mail -------------------------------------------------------------------------------------------------


class Mailbox:
    """Keeps what was handed in; refuses one recipient."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - the library's name
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def mail_server(server_tls: ssl.SSLContext) -> Iterator[tuple[Mailbox, int]]:
    """A mail server that demands STARTTLS and a login."""
    mailbox = Mailbox()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=0,
        tls_context=server_tls,
        require_starttls=True,
        auth_required=True,
        authenticator=check,
        ready_timeout=30,
    )
    controller.port = free_ports()
    controller.start()
    yield mailbox, controller.port
    controller.stop()


def email(port: int, authority: Authority | None, **changes: Any) -> Email:
    values = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "ca_file": authority.file if authority is not None else None,
        "username": "hub",
        "password": "right",
        "sender": "hub@h99.example",
        "recipients": ["duty@h99.example", "head@h99.example"],
        "timeout_seconds": 20,
    }
    return Email(EmailChannel.model_validate(values | changes))


async def test_a_mail_in_both_languages(mail_server: tuple[Mailbox, int], authority: Authority) -> None:
    """One mail to all, over a line that was secured first; nothing in it can become a header."""
    mailbox, port = mail_server
    assert (await email(port, authority).tell(MESSAGE)).failure is None
    [mail] = mailbox.mails
    mailbox.mails.clear()
    assert mail.rcpt_tos == ["duty@h99.example", "head@h99.example"]
    parsed = message_from_bytes(mail.content, policy=policy.default)
    assert parsed["Subject"] == "[Liên Thông] ALERT critical: Cổng: mất kết nối."
    assert parsed["Message-ID"] == "<alert-12-opened-7@h99.example>"
    assert parsed["Bcc"] is None
    text = parsed.get_content()
    for part in ("Cổng: mất kết nối.", "Portal: down. Bcc: x@y.example", "connection: portal"):
        assert part in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "refuses our user name or password"),
        ({"recipients": ["nobody@h99.example"]}, "refuses the sender or a recipient"),
        ({"ca_file": None}, "certificate is not trusted"),
        ({"security": "tls"}, "does not answer as expected"),
        ({"host": "no-such-host.invalid"}, "does not answer as expected"),
    ],
)
async def test_mail_that_is_not_taken(
    mail_server: tuple[Mailbox, int], authority: Authority, changes: dict[str, Any], words: str
) -> None:
    """Each reason has its sentence; none of them holds the password."""
    told = await email(mail_server[1], authority, **changes).tell(MESSAGE)
    assert told.failure is not None
    assert words in told.failure.en
    assert told.failure.vi
    assert not mail_server[0].mails


# --- syslog -------------------------------------------------------------------------------------------------


def syslog(address: str, **changes: Any) -> Syslog:
    return Syslog(SyslogChannel.model_validate({"kind": "syslog", "address": address, "timeout_seconds": 20} | changes))


@contextlib.asynccontextmanager
async def log_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            received.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        server.close()


async def test_a_stream_of_syslog(authority: Authority, server_tls: ssl.SSLContext) -> None:
    """TCP and TLS count the octets of each message (RFC 6587 3.4.1, RFC 5425 4.3)."""
    for scheme, tls in (("tcp", None), ("tls", server_tls)):
        async with log_server(tls) as (port, received):
            told = await syslog(f"{scheme}://127.0.0.1:{port}", ca_file=authority.file).tell(MESSAGE)
            assert told.failure is None
            count, _, message = (await asyncio.wait_for(received.get(), 20)).partition(b" ")
            assert int(count) == len(message)
            assert message.startswith(b"<130>1 2026-10-12T03:00:00.000000Z ")
            await asyncio.sleep(0)


async def test_datagrams_of_syslog(tmp_path: Path) -> None:
    """UDP and the socket of this machine carry one message each."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        assert (await syslog(f"udp://127.0.0.1:{receiver.getsockname()[1]}").tell(MESSAGE)).failure is None
        over_udp = await asyncio.to_thread(receiver.recv, 65_535)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(20)
        assert (await syslog(f"unix://{tmp_path / 'log'}").tell(MESSAGE)).failure is None
        assert await asyncio.to_thread(receiver.recv, 65_535) == over_udp


async def test_log_servers_that_are_not_there(server_tls: ssl.SSLContext, tmp_path: Path) -> None:
    """Not there, not trusted: each says what to look at."""
    for address in ("tcp://127.0.0.1:9", f"unix://{tmp_path / 'none'}"):
        told = await syslog(address).tell(MESSAGE)
        assert told.failure is not None
        assert "does not take messages" in told.failure.en
    async with log_server(server_tls) as (port, _):
        told = await syslog(f"tls://127.0.0.1:{port}").tell(MESSAGE)
        await asyncio.sleep(0.01)
    assert told.failure is not None
    assert "not trusted" in told.failure.en


def test_the_form_of_rfc_5424() -> None:
    """Header, structured data with its three escapes, the mark of UTF-8, one line; cut at a whole character."""
    line = render(MESSAGE, 16, "vi").decode()
    head, _, text = line.partition("\ufeff")
    assert head.startswith("<130>1 2026-10-12T03:00:00.000000Z ")
    assert (
        ' OPENED [lienthong@32473 alert="12" event="opened" key="cause.place \\"a\\"\\]:1" connection="portal"] '
        in head
    )
    assert text == "CẢNH BÁO critical: Cổng: mất kết nối."
    long = render(replace(MESSAGE, sentence=Sentence("x", "ế" * 3000)), 16, "vi")
    assert MOST_BYTES - 3 <= len(long) <= MOST_BYTES
    assert long.decode().endswith("ế")


# --- webhook ------------------------------------------------------------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def webhook(url: str) -> WebhookChannel:
    return WebhookChannel.model_validate({"kind": "webhook", "url": url, "secret": SECRET})


async def test_a_webhook_is_signed_and_goes_where_it_may() -> None:
    """Standard Webhooks: a receiver verifies it with their library; an address that is not listed is never called."""
    recorder = Recorder(status=204, body=b"")
    async with AsgiServer(recorder) as server:
        url = f"{server.url}/alerts"
        async with OutgoingClient(Reach(["127.0.0.0/8"], plain_http=True)) as http:
            assert (await AlertWebhook(webhook(url), http).tell(MESSAGE)).failure is None
            recorder.status = 500
            refused = await AlertWebhook(webhook(url), http).tell(MESSAGE)
        async with OutgoingClient(Reach([])) as http:
            forbidden = await AlertWebhook(webhook(url), http).tell(MESSAGE)
    first, second = recorder.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "alert-12-opened-7"
    body = Webhook(SECRET).verify(first.body, first.headers)
    assert orjson.loads(first.body) == body
    assert body["type"] == "alert.opened"
    assert body["data"]["sentence_vi"] == "Cổng: mất kết nối."
    assert refused.failure is not None
    assert "500" in refused.failure.en
    assert forbidden.failure is not None
    assert "webhooks.allow" in forbidden.failure.vi


# --- settings -----------------------------------------------------------------------------------------------

MAIL = {"kind": "email", "host": "mail.example", "sender": "a@h99.example", "recipients": ["b@h99.example"]}


@pytest.mark.parametrize(
    "channel",
    [
        {"kind": "pigeon"},
        {},
        MAIL | {"security": "none"},
        MAIL | {"security": "none", "host": "localhost", "password": "x"},
        MAIL | {"recipients": []},
        MAIL | {"recipients": ["b@h99.example, c@h99.example"]},
        {"kind": "syslog", "address": "http://x"},
        {"kind": "syslog", "address": "udp://"},
        {"kind": "webhook", "url": "ftp://x", "secret": SECRET},
        {"kind": "webhook", "url": "https://u:p@x.example", "secret": SECRET},
        {"kind": "webhook", "url": "https://x.example", "secret": "whsec_" + base64.b64encode(b"short").decode()},
    ],
)
def test_channels_that_cannot_be(channel: dict[str, Any]) -> None:
    """A mistake in the settings is found when they are read, and no secret is repeated."""
    with pytest.raises(ValidationError) as caught:
        AlertSettings.model_validate({"channels": {"one": channel}})
    assert SECRET not in str(caught.value)
