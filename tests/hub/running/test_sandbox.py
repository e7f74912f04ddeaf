"""The sandbox plays every partner, leads connections to it, and misbehaves on demand, on the wire too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tomllib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from contracts.errors import NeedsPerson, Sentence, TryLater
from contracts.ports import Adapter, AdapterContext, DossierPublisher
from hub.health.probing import NO_SUCH_DOSSIER
from hub.health.sessions import OwnSession
from hub.registry import load_adapters, open_connections, read_connection_settings
from hub.running import sandbox
from hub.running.command_error import CommandError
from hub.running.sandbox import ControlPlane, Played, cast, connection_tables, play, to_toml
from hub.settings import ConnectionSettings, Settings, SettingsError

PORTAL = "national_portal"
SECRET = "only-in-this-test"


@pytest.fixture
async def played() -> AsyncIterator[list[Played]]:
    """Every partner that can be played, with nothing configured."""
    async with play(cast(Settings(), load_adapters()), secret=SECRET, ports={}) as partners:
        yield partners


def settings_for(played: list[Played]) -> Settings:
    """Return a configuration that leads to the played partners."""
    return Settings(connections=connection_tables(played, whole=True))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def connect(settings: Settings) -> AsyncGenerator[DossierPublisher]:
    """Lend the connection to the played portal, without a database."""

    def context(name: str) -> AdapterContext:
        return AdapterContext(name, OwnSession(), lambda _message, _field: None, lambda: datetime.now(UTC))

    connection = open_connections(settings, load_adapters(), context)[PORTAL].connection
    assert isinstance(connection, DossierPublisher)
    try:
        yield connection
    finally:
        await connection.aclose()


Ask = Callable[..., Any]


@pytest.fixture
def ask(played: list[Played]) -> Ask:
    """Call the control plane as an ASGI application; returns status and JSON, or text."""
    plane = ControlPlane(played)

    async def call(method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        status, parts = 0, []

        async def receive() -> Any:
            content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        await plane(
            {"type": "http", "method": method, "path": path, "headers": [], "query_string": query.encode()},
            receive,
            send,
        )
        text = b"".join(parts).decode()
        return status, json.loads(text) if text[:1] in "[{" else text

    return call


# --- what is played -----------------------------------------------------------------------------------------


def test_every_adapter_with_a_simulator_is_played() -> None:
    """An integrator gets all partners without configuring anything; a connection without one is left out."""
    adapters = load_adapters()
    mute = Adapter("mute", Sentence("Mute", "Câm"), BaseModel, lambda _context, _settings: None)  # type: ignore[arg-type,return-value]
    parts = cast(Settings(connections={"quiet": ConnectionSettings(adapter="mute")}), {**adapters, "mute": mute})
    assert [part.connection_id for part in parts] == [name for name, one in adapters.items() if one.sandbox]
    assert all(one.simulator is None or one.sandbox is not None for one in adapters.values())


def test_configured_connections_are_played_under_their_own_names() -> None:
    """What is configured is played as configured; what is switched off is not."""
    settings = Settings(
        connections={
            "portal_a": ConnectionSettings(adapter=PORTAL),
            "portal_b": ConnectionSettings(adapter=PORTAL, enabled=False),
        }
    )
    names = [part.connection_id for part in cast(settings, load_adapters()) if part.adapter.name == PORTAL]
    assert names == ["portal_a"]


async def test_the_deployments_secret_is_not_used() -> None:
    """A simulator demands the sandbox's secret, so the real one is neither asked for nor shown."""
    configured = ConnectionSettings(
        adapter=PORTAL,
        settings={
            "username": "000.00.00.H98",
            "password": "the-real-one",
            "madonvi": "000.00.00.H98",
            "dossiers_per_call": 3,
            "forward": {"adapter_url": "https://real.example/forward", "dstcode": "VN:GOV:X", "file_hosts": ["a.vn"]},
        },
    )
    parts = cast(Settings(connections={PORTAL: configured}), load_adapters())
    async with play(parts, secret=SECRET, ports={}) as played:
        table = connection_tables(played, whole=True)[PORTAL]["settings"]
    assert table["password"] == SECRET
    assert table["forward"]["adapter_url"].startswith("http://127.0.0.1:")
    assert "the-real-one" not in json.dumps(table)
    assert (table["username"], table["madonvi"], table["dossiers_per_call"]) == ("000.00.00.H98", "000.00.00.H98", 3)
    assert table["forward"]["file_hosts"] == ["a.vn", "tep.h99.example"]


async def test_wrong_settings_are_named() -> None:
    """A sandbox of a wrong configuration says which key is wrong, as the hub itself would."""
    configured = ConnectionSettings(adapter=PORTAL, settings={"madonvi": "nowhere"})
    with pytest.raises(SettingsError) as caught:
        async with play(cast(Settings(connections={PORTAL: configured}), load_adapters()), secret=SECRET, ports={}):
            pass
    assert caught.value.key == "connections.national_portal.settings.madonvi"


async def test_a_port_that_is_taken_is_named() -> None:
    """Two sandboxes on one port would share the calls between them; the second is refused."""
    parts = cast(Settings(), load_adapters())
    async with play(parts, secret=SECRET, ports={}) as first:
        port = first[0].partner.port
        with pytest.raises(CommandError, match=f"Port {port} "):
            async with play(parts, secret=SECRET, ports={PORTAL: port}):
                pass
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} "):
            async with play(parts, secret=SECRET, ports={PORTAL: port}):
                pass


# --- the configuration that leads there ---------------------------------------------------------------------


async def test_the_block_for_the_configuration_is_accepted(played: list[Played]) -> None:
    """What an integrator pastes is TOML, has every key that is needed, and reaches the simulator."""
    pasted = Settings(**tomllib.loads(to_toml(connection_tables(played, whole=False))))
    checked = read_connection_settings(pasted, load_adapters())
    assert list(checked) == [one.connection_id for one in played]
    async with connect(pasted) as connection:
        assert await connection.find_dossier(NO_SUCH_DOSSIER) is None


async def test_a_whole_table_hides_what_it_replaces(played: list[Played]) -> None:
    """Merged over another configuration nothing of that shines through: every key is written, none left out."""
    (one,) = [one for one in played if one.connection_id == PORTAL]
    table = connection_tables(played, whole=True)[PORTAL]["settings"]
    assert set(table) == set(type(one.partner.settings).model_fields)
    assert table["forward"]["provider_url"] is None
    assert read_connection_settings(settings_for(played), load_adapters())[PORTAL] == one.partner.settings


# --- the control plane --------------------------------------------------------------------------------------


async def test_the_list_says_what_is_played_and_what_came(played: list[Played], ask: Ask) -> None:
    """Addresses, titles in both languages and figures; no secret."""
    async with connect(settings_for(played)) as connection:
        await connection.find_dossier(NO_SUCH_DOSSIER)
    status, listed = await ask("GET", "/_sandbox/simulators")
    assert status == 200
    (portal,) = [one for one in listed if one["connection"] == PORTAL]
    assert portal["title_vi"] == "Cổng Dịch vụ công quốc gia"
    assert portal["address"].startswith("http://127.0.0.1:")
    assert portal["state"]["logins"] == 1
    assert SECRET not in json.dumps(listed)


async def test_the_page_is_there_and_leads_to_the_simulators(ask: Ask) -> None:
    """A person finds every simulator from one page."""
    status, page = await ask("GET", "/_sandbox")
    assert status == 200
    assert 'href="/_sandbox/national_portal"' in page
    assert "Môi trường giả lập" in page
    status, own = await ask("GET", "/_sandbox/national_portal")
    assert status == 200
    assert "hồ sơ" in own


async def test_what_is_not_there_is_404(ask: Ask) -> None:
    """An unknown address, connection or method is an answer, not a crash."""
    assert (await ask("GET", "/_sandbox/elsewhere/state"))[0] == 404
    assert (await ask("GET", "/elsewhere"))[0] == 404
    assert (await ask("PUT", "/_sandbox/faults"))[0] == 405
    assert (await ask("POST", "/_sandbox/faults", {"connection": "elsewhere", "kind": "slow"}))[0] == 404
    assert (await ask("GET", "/_sandbox/faults", query="connection=elsewhere"))[0] == 404


@pytest.mark.parametrize("body", [b"not json", [], {}, {"kind": "slow"}, {"connection": ["x"]}])
async def test_a_wish_without_form_is_refused(ask: Ask, body: Any) -> None:
    """A wish that names no connection is 422 and adds nothing."""
    assert (await ask("POST", "/_sandbox/faults", body))[0] == 422
    assert await ask("GET", "/_sandbox/faults") == (200, [])


async def test_a_wish_the_simulator_does_not_know_is_refused(ask: Ask) -> None:
    """The field at fault is named by the simulator itself."""
    wish = {"connection": PORTAL, "kind": "slow", "share": 2}
    status, answer = await ask("POST", "/_sandbox/faults", wish)
    assert (status, answer["field"]) == (422, "share")


async def test_a_wish_can_be_taken_back(ask: Ask) -> None:
    """DELETE clears the faults of one connection, or of all."""
    for kind in ("slow", "server_500"):
        assert (await ask("POST", "/_sandbox/faults", {"connection": PORTAL, "kind": kind, "share": 0.5}))[0] == 201
    status, listed = await ask("GET", "/_sandbox/faults")
    assert status == 200
    assert [(one["connection"], one["kind"]) for one in listed] == [(PORTAL, "slow"), (PORTAL, "server_500")]
    assert await ask("DELETE", "/_sandbox/faults", query=f"connection={PORTAL}") == (200, [])
    assert await ask("GET", "/_sandbox/faults") == (200, [])


# --- faults -------------------------------------------------------------------------------------------------


async def test_a_fault_of_the_wire_strikes_and_ends(played: list[Played], ask: Ask) -> None:
    """Every call is reset before anything is done; once the wish is taken back, calls go through."""
    async with connect(settings_for(played)) as connection:
        await ask("POST", "/_sandbox/faults", {"connection": PORTAL, "kind": "reset_before"})
        with pytest.raises(TryLater):
            await connection.find_dossier(NO_SUCH_DOSSIER)
        _, (rule,) = await ask("GET", "/_sandbox/faults")
        assert rule["hits"] >= 1
        await ask("DELETE", "/_sandbox/faults")
        assert await connection.find_dossier(NO_SUCH_DOSSIER) is None


async def test_a_fault_of_one_operation_leaves_the_others_alone(played: list[Played], ask: Ask) -> None:
    """A wish for one service strikes that service, not the login that comes first."""
    async with connect(settings_for(played)) as connection:
        wish = {"connection": PORTAL, "kind": "reset_before", "operation": "TraCuuHoSo"}
        await ask("POST", "/_sandbox/faults", wish)
        with pytest.raises(TryLater):
            await connection.find_dossier(NO_SUCH_DOSSIER)
        _, listed = await ask("GET", "/_sandbox/simulators")
        (portal,) = [one for one in listed if one["connection"] == PORTAL]
        assert portal["state"]["logins"] == 1


@pytest.mark.slow
async def test_a_closed_port_opens_again(played: list[Played], ask: Ask) -> None:
    """Nobody listens for a while; afterwards the partner is where it was."""
    async with connect(settings_for(played)) as connection:
        await ask("POST", "/_sandbox/faults", {"connection": PORTAL, "kind": "refuse", "duration_seconds": 3})
        with pytest.raises(TryLater):
            await connection.find_dossier(NO_SUCH_DOSSIER)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(TryLater):
                    assert await connection.find_dossier(NO_SUCH_DOSSIER) is None
                    break
                await asyncio.sleep(0.05)


async def test_a_wrong_secret_is_refused(played: list[Played]) -> None:
    """The simulator is as strict as the partner: a wrong password needs a person."""
    tables = connection_tables(played, whole=True)
    tables[PORTAL]["settings"]["password"] = "wrong"
    async with connect(Settings(connections=tables)) as connection:  # type: ignore[arg-type]
        with pytest.raises(NeedsPerson):
            await connection.find_dossier(NO_SUCH_DOSSIER)


def test_reserved_names_are_not_played() -> None:
    """A connection named like an address of the control plane could not be told from it."""
    settings = Settings(connections={"faults": ConnectionSettings(adapter=PORTAL)})
    assert "faults" not in [part.connection_id for part in cast(settings, load_adapters())]
    assert sandbox.ROOT == "/_sandbox"
