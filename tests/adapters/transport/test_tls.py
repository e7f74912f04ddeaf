"""Certificates are always checked, and every failure of the check is a person's work with its own sentence."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from adapters.transport.http import HttpAnswer, HttpClient, HttpSettings
from adapters.transport.simulation.server import AsgiServer
from contracts.errors import LienThongError, NeedsPerson, OutcomeUnknown, TryLater

CONNECTION = "ngsp"


def _server_context(certificate: tuple[Path, Path], *, clients_from: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients_from is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_from)
    return context


async def _ask(url: str, **settings: Any) -> HttpAnswer | LienThongError:
    client = HttpClient(HttpSettings(**settings).allowing(url), connection=CONNECTION)
    try:
        return await client.request(
            "POST", f"{url}/a", operation="push", deadline_seconds=30, is_write=True, content=b"{}"
        )
    except LienThongError as exc:
        return exc
    finally:
        await client.aclose()


async def _with_server(app: Any, context: ssl.SSLContext, host: str = "127.0.0.1", **settings: Any) -> Any:
    async with AsgiServer(app, tls=context) as server:
        return await _ask(server.url.replace("127.0.0.1", host), **settings)


def test_our_trust_store_is_enough(run: Any, recorder: Any, authority: Any) -> None:
    """A private network's own authority is trusted by its file alone."""
    context = _server_context(authority.issue("good", hosts=("127.0.0.1",)))
    answer = run(_with_server(recorder, context, ca_file=authority.file))
    assert answer.status == 200


CASES = {
    "untrusted": ("theirs", ("127.0.0.1",), (-1, 1), "not trusted"),
    "expired": ("ours", ("127.0.0.1",), (-3, -2), "expired"),
    "not valid yet": ("ours", ("127.0.0.1",), (2, 3), "not valid yet"),
    "other address": ("ours", ("127.0.0.2",), (-1, 1), "another IP address"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_each_bad_certificate_needs_a_person(
    run: Any, recorder: Any, authority: Any, other_authority: Any, case: str
) -> None:
    """Nothing is sent to a partner whose certificate does not hold, and the sentence says why."""
    issuer, hosts, days, words = CASES[case]
    by = authority if issuer == "ours" else other_authority
    certificate = by.issue(case, hosts=hosts, valid=(timedelta(days=days[0]), timedelta(days=days[1])))
    outcome = run(_with_server(recorder, _server_context(certificate), ca_file=authority.file))
    assert type(outcome) is NeedsPerson
    assert words in outcome.sentence.en
    assert outcome.upstream_code.startswith("X509:")
    assert recorder.seen == []


def test_the_host_name_is_checked(run: Any, recorder: Any, authority: Any) -> None:
    """A good certificate of another host is no certificate for this one."""
    context = _server_context(authority.issue("named", hosts=("portal.h99.example",)))
    outcome = run(_with_server(recorder, context, host="localhost", ca_file=authority.file))
    assert type(outcome) is NeedsPerson
    assert "another host name" in outcome.sentence.en


def test_our_trust_store_replaces_the_systems(run: Any, recorder: Any, authority: Any, other_authority: Any) -> None:
    """Whoever names an authority trusts that one only."""
    context = _server_context(authority.issue("replaced", hosts=("127.0.0.1",)))
    assert type(run(_with_server(recorder, context, ca_file=other_authority.file))) is NeedsPerson


def test_without_a_trust_store_the_systems_is_used(run: Any, recorder: Any, authority: Any) -> None:
    """No file means the system's authorities, never "no check"."""
    context = _server_context(authority.issue("system", hosts=("127.0.0.1",)))
    assert type(run(_with_server(recorder, context))) is NeedsPerson


def test_our_client_certificate_is_shown(run: Any, recorder: Any, authority: Any) -> None:
    """A partner that asks for a client certificate gets ours."""
    context = _server_context(authority.issue("mutual", hosts=("127.0.0.1",)), clients_from=authority.file)
    certificate, key = authority.issue("hub", for_client=True)
    answer = run(
        _with_server(
            recorder, context, ca_file=authority.file, client_certificate_file=certificate, client_key_file=key
        )
    )
    assert answer.status == 200


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@contextmanager
def _refusing_partner(context: ssl.SSLContext) -> Iterator[str]:
    """Serve handshakes on a thread with a blocking socket, which tells the client why it refuses it.

    asyncio's server resets the connection without a word instead.
    """

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.settimeout(5)
            shaking = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with suppress(OSError), shaking:
                try:
                    shaking.do_handshake()
                except ssl.SSLError:
                    # The refusal is on its way; reading what still comes keeps a reset from overtaking it.
                    socket.socket.shutdown(shaking, socket.SHUT_WR)
                    while socket.socket.recv(shaking, 4096):
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture(params=VERSIONS, ids=["TLS 1.2", "TLS 1.3"])
def asking_for_clients(request: pytest.FixtureRequest, authority: Any) -> ssl.SSLContext:
    """A partner's context that accepts only clients of our authority."""
    context = _server_context(authority.issue("strict", hosts=("127.0.0.1",)), clients_from=authority.file)
    context.minimum_version = context.maximum_version = request.param
    return context


@pytest.fixture(params=["none", "of another authority", "expired"])
def bad_client_certificate(request: pytest.FixtureRequest, authority: Any, other_authority: Any) -> dict[str, Path]:
    """Settings with a client certificate the partner does not accept."""
    if request.param == "none":
        return {}
    days = (timedelta(days=-3), timedelta(days=-2)) if request.param == "expired" else (timedelta(-1), timedelta(1))
    by = authority if request.param == "expired" else other_authority
    certificate, key = by.issue("stranger", for_client=True, valid=days)
    return {"client_certificate_file": certificate, "client_key_file": key}


def test_a_client_certificate_that_is_refused_needs_a_person(
    run: Any, authority: Any, asking_for_clients: ssl.SSLContext, bad_client_certificate: dict[str, Path]
) -> None:
    """Also with TLS 1.3, where the refusal comes after our side of the handshake, in place of the answer."""
    with _refusing_partner(asking_for_clients) as url:
        outcome = run(_ask(url, ca_file=authority.file, **bad_client_certificate))
    assert type(outcome) is NeedsPerson
    assert "handshake" in outcome.sentence.en


def test_a_refusal_without_a_word_never_makes_a_sent_write_look_unsent(
    run: Any, recorder: Any, authority: Any, asking_for_clients: ssl.SSLContext
) -> None:
    """A reset tells nothing: during a TLS 1.2 handshake nothing was sent, after one of TLS 1.3 it was."""
    outcome = run(_with_server(recorder, asking_for_clients, ca_file=authority.file))
    is_early = asking_for_clients.maximum_version is ssl.TLSVersion.TLSv1_2
    assert type(outcome) is (TryLater if is_early else OutcomeUnknown)
    assert recorder.seen == []


def test_an_old_tls_version_is_refused(run: Any, authority: Any) -> None:
    """Nothing below TLS 1.2 is spoken."""
    context = _server_context(authority.issue("old", hosts=("127.0.0.1",)))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with _refusing_partner(context) as url:
        assert type(run(_ask(url, ca_file=authority.file))) is NeedsPerson


def test_https_to_a_port_that_speaks_http_is_nothing_sent(run: Any, recorder: Any, authority: Any) -> None:
    """A wrong port in the configuration never makes a write doubtful."""

    async def scenario() -> Any:
        async with AsgiServer(recorder) as server:
            return await _ask(server.url.replace("http:", "https:"), ca_file=authority.file)

    assert type(run(scenario())) in {NeedsPerson, TryLater}


def test_a_line_cut_during_the_handshake_is_tried_later(run: Any, serve_raw: Any, authority: Any) -> None:
    """A partner that restarts in the middle of a handshake is no reason to call a person."""

    async def cut(reader: Any, _writer: Any) -> None:
        await reader.read(10)

    async def scenario() -> Any:
        async with serve_raw(cut) as partner:
            return await _ask(partner.url.replace("http:", "https:"), ca_file=authority.file)

    assert type(run(scenario())) is TryLater


def test_each_file_of_ours_that_cannot_be_used_needs_a_person(run: Any, authority: Any, tmp_path: Path) -> None:
    """The sentence names the setting, so the operator knows which file."""
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("not a certificate")
    certificate, key = authority.issue("pair", for_client=True)
    _, other_key = authority.issue("other", for_client=True)
    cases: list[tuple[dict[str, Path], str]] = [
        ({"ca_file": tmp_path / "missing.pem"}, "ca_file"),
        ({"ca_file": nonsense}, "ca_file"),
        ({"client_certificate_file": nonsense, "client_key_file": key}, "client_certificate_file"),
        ({"client_certificate_file": tmp_path / "missing.pem"}, "client_certificate_file"),
        ({"client_certificate_file": certificate, "client_key_file": other_key}, "client_certificate_file"),
    ]
    for settings, field in cases:
        outcome = run(_ask("https://127.0.0.1:1", **settings))
        assert type(outcome) is NeedsPerson
        assert outcome.field == field
        assert (outcome.connection, outcome.operation) == (CONNECTION, "push")
        assert str(tmp_path) not in outcome.sentence.en


def test_a_key_with_a_password_is_refused_instead_of_asking_on_the_terminal(
    run: Any, authority: Any, tmp_path: Path
) -> None:
    """A server has nobody at its terminal: OpenSSL's question would hang it."""
    certificate, key = authority.issue("locked", for_client=True)
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    outcome = run(_ask("https://127.0.0.1:1", client_certificate_file=certificate, client_key_file=locked))
    assert type(outcome) is NeedsPerson
