"""Each layer of a probe is told from the others, against partners on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.ports import TlsFiles
from hub.health import layers
from hub.health.blame import Blame
from hub.health.certificates import SeenCertificate, judge_dates
from hub.health.layers import Layer, Passed, Wire, date_of, examine_address, judge_clock
from tests.adapters.transport.conftest import Authority, serve_raw
from tests.adapters.transport.test_tls import _refusing_partner as refusing_partner
from tests.hub.health.partners import NOW, clock, http, partner

LIMIT, SOON = timedelta(minutes=2), timedelta(days=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("probe-authority"), "ours")


def context(files: tuple[Path, Path], client_ca: Path | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    if client_ca is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(client_ca)
    return made


async def examine(url: str, tls: TlsFiles | None = None, *, now: Any = None) -> Wire:
    return await examine_address(
        url, tls or TlsFiles(), skew_limit=LIMIT, soon=SOON, now=now or (lambda: datetime.now(UTC))
    )


def last(wire: Wire) -> tuple[Layer, Passed, Blame]:
    one = wire.results[-1]
    assert one.sentence.en
    assert one.sentence.vi
    return one.layer, one.passed, one.blame


async def test_a_name_that_does_not_resolve() -> None:
    """The first layer; nothing behind it is tried."""
    wire = await examine("http://no-such-host.invalid/x")
    assert last(wire) == (Layer.NAME, Passed.NO, Blame.NETWORK)
    assert wire.results[-1].place == "no-such-host.invalid"
    assert len(wire.results) == 1


async def test_a_refused_port_is_the_partners_and_a_silent_one_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who refuses is there; who says nothing may be behind a firewall."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken and not listening: connections are refused
        assert last(await examine(f"http://127.0.0.1:{taken.getsockname()[1]}/")) == (
            Layer.PORT,
            Passed.NO,
            Blame.PARTNER,
        )

    async def never(*_arguments: Any, **_named: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(layers, "TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(asyncio, "open_connection", never)
    assert last(await examine("http://127.0.0.1:9/")) == (Layer.PORT, Passed.NO, Blame.NETWORK)


@pytest.mark.parametrize(("minutes", "words"), [(10, "10 minutes ahead of"), (-10, "10 minutes behind")])
async def test_a_clock_ten_minutes_off(minutes: int, words: str) -> None:
    """Told by the Date of an answer, in minutes and direction."""
    async with partner(http(NOW + timedelta(minutes=minutes))) as port:
        wire = await examine(f"http://127.0.0.1:{port}/", now=clock)
    assert last(wire) == (Layer.CLOCK, Passed.NO, Blame.CLOCK)
    assert words in wire.results[-1].sentence.en
    assert wire.clock_skew == pytest.approx(minutes * 60 + 0.5)


@pytest.mark.parametrize(
    "answer", [http(), http(None), b"not HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: never\r\n\r\n"]
)
async def test_a_clock_that_agrees_or_is_not_told(answer: bytes) -> None:
    """Whoever does not tell the time is not to blame for it."""
    async with partner(answer) as port:
        assert last(await examine(f"http://127.0.0.1:{port}/", now=clock)) == (Layer.CLOCK, Passed.YES, Blame.NOBODY)


async def test_a_partner_that_says_nothing_is_left_to_the_real_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to answer a question for the time is no fault of the clock."""
    monkeypatch.setattr(layers, "CLOCK_TIMEOUT_SECONDS", 0.05)
    async with partner(None) as port:
        wire = await examine(f"http://127.0.0.1:{port}/", now=clock)
    assert last(wire) == (Layer.CLOCK, Passed.YES, Blame.NOBODY)
    assert wire.clock_skew is None


async def test_a_trusted_certificate(authority: Authority) -> None:
    """All layers are passed, and the certificate is kept for the forecast; one that ends soon wants attention."""
    files = authority.issue("soon", hosts=("127.0.0.1",))
    async with partner(http(datetime.now(UTC)), context(files)) as port:
        wire = await examine(f"https://127.0.0.1:{port}/", TlsFiles(authority.file))
    found = {one.layer: one.passed for one in wire.results}
    assert found == {Layer.PORT: Passed.YES, Layer.CERTIFICATE: Passed.ATTENTION, Layer.CLOCK: Passed.YES}
    [seen] = wire.certificates
    assert (seen.kind, seen.place) == ("server", f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "expired on"),
        ("not yet valid", "valid only from"),
        ("self-signed", "is not trusted"),
        ("another name", "is for another name"),
    ],
)
async def test_certificates_that_do_not_hold(authority: Authority, kind: str, words: str) -> None:
    """Dates are looked at first, then trust, then the name; nothing is sent to such a server."""
    days = timedelta(days=1)
    valid = {"expired": (-9 * days, -1 * days), "not yet valid": (1 * days, 9 * days)}.get(kind, (-1 * days, 1 * days))
    host = "other.example" if kind == "another name" else "127.0.0.1"
    files = authority.issue(kind.replace(" ", "-"), hosts=(host,), valid=valid)
    trusted = TlsFiles() if kind == "self-signed" else TlsFiles(authority.file)
    async with partner(http(datetime.now(UTC)), context(files)) as port:
        wire = await examine(f"https://127.0.0.1:{port}/", trusted)
    assert last(wire) == (Layer.CERTIFICATE, Passed.NO, Blame.CERTIFICATE)
    assert words in wire.results[-1].sentence.en
    assert wire.certificates
    assert wire.results[-1].place == f"certificate {wire.certificates[0].fingerprint}"


async def test_our_certificate(authority: Authority, tmp_path: Path) -> None:
    """Ours is looked at too: expired, unreadable, not accepted by them, accepted."""
    server = context(authority.issue("mutual", hosts=("127.0.0.1",)), client_ca=authority.file)
    good = authority.issue("client", for_client=True)
    old = authority.issue("old-client", for_client=True, valid=(timedelta(days=-9), timedelta(days=-1)))
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("x")
    async with partner(http(datetime.now(UTC)), server) as port:
        url = f"https://127.0.0.1:{port}/"
        for files, passed, words in (
            (TlsFiles(authority.file, *good), True, "clock"),
            (TlsFiles(authority.file, *old), False, "Our client certificate expired on"),
            (TlsFiles(authority.file, rubbish), False, "cannot be read"),
        ):
            wire = await examine(url, files)
            assert wire.failed is not passed, words
            assert words in wire.results[-1].sentence.en
            if not passed:
                assert last(wire) == (Layer.CERTIFICATE, Passed.NO, Blame.CERTIFICATE)
        assert {one.kind for one in (await examine(url, TlsFiles(authority.file, *good))).certificates} == {
            "client",
            "server",
        }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_our_certificate_is_refused(authority: Authority, version: ssl.TLSVersion) -> None:
    """With TLS 1.2 the greeting fails, with 1.3 the first answer does; it is the certificate either way."""
    server = context(authority.issue(f"strict-{version.name}", hosts=("127.0.0.1",)), client_ca=authority.file)
    server.minimum_version = server.maximum_version = version
    with refusing_partner(server) as url:
        wire = await examine(url, TlsFiles(authority.file))
    assert last(wire) == (Layer.CERTIFICATE, Passed.NO, Blame.CERTIFICATE)
    assert "does not accept our client certificate" in wire.results[-1].sentence.en


async def test_https_to_a_server_that_speaks_plain_http() -> None:
    """That is a wrong address, so it is ours."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serve_raw(plain) as server:
        wire = await examine(f"https://127.0.0.1:{server.port}/")
    assert last(wire) == (Layer.CERTIFICATE, Passed.NO, Blame.US)


def test_dates_of_certificates() -> None:
    """A month before its end somebody should know."""
    for begins, ends, blame in ((-10, 100, Blame.NOBODY), (-10, 5, Blame.CERTIFICATE), (-10, 0, Blame.CERTIFICATE)):
        seen = SeenCertificate("server", "h:1", "ab", NOW + timedelta(days=begins), NOW + timedelta(days=ends))
        assert judge_dates(seen, soon=SOON, now=NOW).blame is blame


def test_whose_clock_is_said() -> None:
    """With other partners to compare, the sentence says which clock to mend."""
    ours = judge_clock(600, "h:1", LIMIT, whose="ours")
    assert "ours is wrong" in ours.sentence.en
    assert ours.place == "ours"
    assert "theirs is wrong" in judge_clock(600, "h:1", LIMIT, whose="theirs").sentence.en
    assert "cannot be told" in judge_clock(600, "h:1", LIMIT).sentence.en


def test_the_date_of_an_answer() -> None:
    """Only the Date of an HTTP head is read, whatever its case."""
    assert date_of(http().lower().replace(b"http/1.1", b"HTTP/1.1")) == NOW
    assert date_of(b"") is None
    assert date_of(b"Date: Mon, 12 Oct 2026 03:00:00 GMT\r\n\r\n") is None
