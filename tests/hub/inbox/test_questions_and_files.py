"""What the portal asks for: a dossier, what is to be paid, a file by its one-time address."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest

from adapters.national_portal import ADAPTER
from adapters.national_portal.connection import NationalPortalConnection
from contracts.dossier import Dossier, DossierFacts
from contracts.examples import dossier_body
from contracts.history import DECLARED
from contracts.ports import AdapterContext, CallReport, DossierPush
from hub.dossiers.events_store import event_context, read_dossiers
from hub.inbox.downloads import files_of, make_addresses
from hub.inbox.handing_out import AddressGivingPublisher, publisher_of, with_addresses
from hub.inbox.settings import FileSourceSettings, InboundSettings
from hub.registry import OpenConnection
from hub.settings import ConnectionSettings, Settings, SettingsError
from hub.store.engine import Store
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import MemorySessions
from tests.hub.inbox.portal_calls import NAME, NOW, PORTAL, PortalCalls

CODE = "H99.12-261008-0001"
CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 40


@dataclass
class Source:
    """A file host of the province: answers as it is told."""

    url: str
    content: bytes = CONTENT
    status: int = 200
    stop_after: int | None = None
    asked: int = 0


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    """A file host on loopback."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        found.asked += 1
        writer.write(f"HTTP/1.1 {found.status} x\r\nContent-Length: {len(found.content)}\r\n\r\n".encode())
        writer.write(found.content[: found.stop_after])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    found = Source(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield found


async def declare(portal: PortalCalls, **changes: Any) -> Dossier:
    """Write the published example into the store, as an intake leaves it; return it."""
    facts = DossierFacts.model_validate_json(orjson.dumps(orjson.loads(dossier_body()) | changes))
    body = facts.model_dump_json().encode()
    async with portal.store.transaction() as conn:
        await conn.execute(
            "INSERT INTO dossiers (code, agency_code, procedure_root, state, revision, declared_hash, submitted_at,"
            " recorded_at) VALUES (%s, 'H99.12', '1.000001', 2, 1, '', %s, %s)",
            (CODE, NOW, NOW),
        )
        await conn.execute(
            "INSERT INTO dossier_events (dossier_code, revision, kind, state, occurred_at, recorded_at, late_entry,"
            " client_id, body_hash, sealed) VALUES (%s, 1, %s, 2, %s, %s, false, 'client-1', '', %s)",
            (CODE, DECLARED, NOW, NOW, portal.store.sealer.seal(body, event_context(CODE, 1))),
        )
        return (await read_dossiers(conn, portal.store.sealer, [CODE]))[CODE]


def file_at(source: Source, **more: Any) -> list[dict[str, Any]]:
    """One component with one file, at this source."""
    file = {"id": "101", "name": "don.pdf", "url": f"{source.url}/101", **more}
    return [{"code": "TP01", "name": "Đơn", "files": [file]}]


async def address(portal: PortalCalls, **changes: Any) -> str:
    """Make an address of the file 101; return its random part."""
    settings = FileSourceSettings(**changes)
    async with portal.store.transaction() as conn:
        (token,) = await make_addresses(conn, [(CODE, "101")], connection=PORTAL, settings=settings, now=portal.now)
    return token


async def fetch(portal: PortalCalls, token: str) -> tuple[int, bytes]:
    """Open an address, without the shared secret; a transfer that broke counts as 0."""
    async with portal.client() as caller:
        try:
            answer = await caller.get(f"downloadfile/{token}")
        except AssertionError:  # httpx on an answer that was left without its end
            return 0, b""
    return answer.status_code, answer.content


# --- search and payment -----------------------------------------------------------------------------------


async def test_the_portal_finds_a_dossier_with_the_fields_of_the_protocol(portal: PortalCalls) -> None:
    """Nine fields and no citizen; asked for what is not here it hears -1 with HTTP 200. Both are in the ledger."""
    await declare(portal)
    _, answer = await portal.post("search/call", {"madonvi": "x", "service": "TraCuuHoSo", "masohoso": CODE})
    assert answer["error_code"] == 0
    assert answer["result"] == {
        "MaHoSo": CODE,
        "MaTTHC": "1.000001.H99",
        "TenTTHC": "Đăng ký khai sinh có yếu tố nước ngoài (thủ tục mẫu)",
        "MaLinhVuc": "G99-LV01",
        "TenLinhVuc": "Hộ tịch",
        "LoaiDoiTuong": "1",
        "TrangThaiHoSo": "2",
        "HinhThuc": "1",
        "DonViXuLy": "Trung tâm Phục vụ hành chính công phường Mẫu",
    }
    assert [await portal.code("search/call", {"masohoso": one}) for one in ("H99.12-261008-0002", "x' OR 1=1")] == [
        -1
    ] * 2
    entries = await portal.rows("SELECT subject, facts FROM ledger_queue ORDER BY id")
    assert [orjson.loads(row[1])["found"] for row in entries] == ["true", "false", "false"]
    assert entries[2][0] == "not-a-dossier-code"


async def test_answers_follow_the_settings_of_the_protocol(portal: PortalCalls) -> None:
    """Whether codes are text and where a found dossier stands is not public, so it is configured."""
    await declare(portal)
    portal.messages = portal.messages.model_validate({"code_type": "text", "found_in": "top"})
    _, answer = await portal.post("search/call", {"masohoso": CODE})
    assert (answer["error_code"], answer["MaHoSo"]) == ("0", CODE)


async def test_what_is_to_be_paid_is_told_and_becomes_one_event_a_day(portal: PortalCalls) -> None:
    """1 with the bill while something is unpaid, 0 when nothing is, -1 for an unknown dossier; names nobody."""
    fee = {"code": "LP01", "name": "Lệ phí", "kind": "charge", "collection": "online", "amount_vnd": 75000}
    await declare(portal, fees=[fee, fee | {"code": "LP02", "amount_vnd": 25000}])
    answers = [(await portal.post("dptracuuthanhtoanhs", {"MaHoSo": CODE}))[1] for _ in range(2)]
    bill = answers[0]["message"]
    assert [one["error_code"] for one in answers] == [1, 1]
    assert (bill["SoTien"], len(bill["PhiLePhi"])) == ("100000", 2)
    assert bill["MaTraCuuTT"] == f"{CODE}20261008100000"
    assert NAME not in str(bill)
    (event,) = await portal.events()
    assert event["kind"] == "payment.asked"
    assert event["body"]["due_vnd"] == 100_000


async def test_nothing_to_pay_and_unknown_dossiers_are_told_apart(portal: PortalCalls) -> None:
    """0 and -1."""
    await declare(portal)
    codes = [await portal.code("dptracuuthanhtoanhs", {"MaHoSo": one}) for one in (CODE, "H99.12-261008-0002")]
    assert codes == [0, -1]


# --- files ------------------------------------------------------------------------------------------------


async def test_an_address_opens_its_file_once(portal: PortalCalls, source: Source) -> None:
    """The whole file, then nothing any more; the random part is stored as a digest only."""
    await declare(portal, components=file_at(source, sha256=hashlib.sha256(CONTENT).hexdigest()))
    token = await address(portal)
    assert await fetch(portal, token) == (200, CONTENT)
    assert (await fetch(portal, token))[0] == 404
    ((row, fetched, refused),) = await portal.rows(
        "SELECT row_to_json(a)::text, fetched, refused FROM download_addresses a"
    )
    assert (fetched, refused) == (1, 1)
    assert token not in row


async def test_bad_missing_old_and_foreign_addresses_open_nothing(portal: PortalCalls, source: Source) -> None:
    """404 in the protocol for each, whoever asks; from a network that is not the portal's it is 403."""
    await declare(portal, components=file_at(source))
    token = await address(portal, address_lifetime_minutes=60)
    for wrong in (str(uuid.uuid4()), "..%2f..%2fetc%2fpasswd", token.upper() + "x"):
        assert (await fetch(portal, wrong))[0] == 404
    async with portal.client(address="192.0.2.1") as stranger:
        assert (await stranger.get(f"downloadfile/{token}")).status_code == 403
    portal.now = NOW + timedelta(minutes=61)
    assert (await fetch(portal, token))[0] == 404
    assert source.asked == 0


@pytest.mark.parametrize("fault", [{"status": 500}, {"stop_after": 100}, {"content": b"another file"}])
async def test_a_transfer_that_broke_gives_the_use_back(
    portal: PortalCalls, source: Source, fault: dict[str, Any]
) -> None:
    """A source that fails, breaks off or gives another file: no whole answer, and the portal may come again."""
    await declare(portal, components=file_at(source, sha256=hashlib.sha256(CONTENT).hexdigest()))
    token = await address(portal)
    before = dict(vars(source))
    vars(source).update(fault)
    assert (await fetch(portal, token))[0] in {0, 503}
    vars(source).update(before)
    assert await fetch(portal, token) == (200, CONTENT)


async def test_a_file_larger_than_allowed_is_cut_off(portal: PortalCalls, source: Source) -> None:
    """The size is bounded while it flows, whatever the source declares."""
    await declare(portal, components=file_at(source))
    portal.settings = InboundSettings(files=FileSourceSettings(max_bytes=1024))
    assert (await fetch(portal, await address(portal)))[0] == 0


async def test_only_listed_hosts_are_asked_for_files(portal: PortalCalls, source: Source) -> None:
    """The address of a file comes from outside: another host is never called, and the use is given back."""
    await declare(portal, components=file_at(source, url="http://192.0.2.9/101"))
    token = await address(portal)
    assert (await fetch(portal, token))[0] == 503
    assert await portal.rows("SELECT uses_left FROM download_addresses") == [(1,)]


def test_handing_out_files_needs_an_address_of_ours_and_an_adapter_that_serves_them(store: Store) -> None:
    """Off by default; where it is wanted and nobody could open an address, the hub does not start."""
    context = AdapterContext(PORTAL, MemorySessions(), lambda _message, _field: None, lambda: NOW)
    portal = NationalPortalConnection(context, s.settings())

    def publisher(access: dict[str, Any], **more: Any) -> object:
        configured = ConnectionSettings.model_validate({"adapter": "national_portal", "inbound": access})
        one = OpenConnection(PORTAL, ADAPTER, configured, s.settings(), portal)
        return publisher_of(one, store, Settings(**more))

    assert publisher({}) is portal
    with pytest.raises(SettingsError, match="public_url"):
        publisher({"hand_out_files": True})
    giver = publisher({"hand_out_files": True}, inbound={"public_url": "https://hub.h99.example/"})
    assert isinstance(giver, AddressGivingPublisher)
    assert giver.operations == portal.operations


async def test_a_publisher_hands_out_addresses_that_open_the_files(portal: PortalCalls, source: Source) -> None:
    """Published with our addresses: each opens its own file; a file the hub may not reach keeps its address."""
    files = [
        *file_at(source),
        {"code": "TP02", "name": "Khác", "files": [{"id": "102", "name": "b", "url": "https://x.example/2"}]},
    ]
    dossier = await declare(portal, components=files)
    told: list[DossierPush] = []
    settings = InboundSettings(files=FileSourceSettings(allow=("127.0.0.0/8",), allow_plain_http=True))

    class Inner:
        async def push_dossiers(self, pushes: list[DossierPush]) -> CallReport:
            told.extend(pushes)
            return CallReport(1, 1)

    giver = AddressGivingPublisher(
        Inner(),
        portal.store,
        settings,
        connection=PORTAL,
        base="http://hub.test/x",
        now=lambda: NOW,  # type: ignore[arg-type]
    )
    await giver.push_dossiers([DossierPush("1", dossier, known_there=True)])
    ours, theirs = (one.url for one in files_of(told[0].dossier))
    assert theirs == "https://x.example/2"
    assert (await fetch(portal, ours.removeprefix("http://hub.test/x/")))[0] == 200
    assert with_addresses(dossier, {}) == dossier
