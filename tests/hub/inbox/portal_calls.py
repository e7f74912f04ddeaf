"""The door with the national portal's protocol behind it, on a real database, and messages to send to it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from starlette.types import Receive, Scope, Send

from adapters.national_portal.inbound import PortalInbound
from adapters.national_portal.inbound_settings import InboundMessageSettings
from hub.inbox.credentials import Doorman
from hub.inbox.desk import Desk
from hub.inbox.door import Door, Entrance
from hub.inbox.downloads import Downloads
from hub.inbox.reading import InboxService
from hub.inbox.settings import InboundAccess, InboundSettings
from hub.inbox.wiring import OutgoingClient
from hub.settings import LogSettings
from hub.store.engine import Store
from hub.web.access_log import AccessLog
from hub.web.edge import Edge

PORTAL = "national_portal"
SECRET = "mot-khoa-chung-cua-hai-ben"
NOW = datetime(2026, 10, 8, 3, 0, tzinfo=UTC)
SERVICES = ("search/call", "nhanhsdvcqg", "addtthcKhuyenMai", "nhantbthuedvcqg", "dptracuuthanhtoanhs")
NAME = "Trần Thị Mẫu"

TAX_XML = """<?xml version="1.0" encoding="UTF-8"?>
<DATA><BODY><ROW_LIST><MA_HSO>H99.12-261008-0001</MA_HSO>
<LIST><MA_SO_THUE>9999999997</MA_SO_THUE><SO_QUYET_DINH>TB-01</SO_QUYET_DINH>
<NGAY_QUYET_DINH>08-10-2026</NGAY_QUYET_DINH>
<SO_TIEN>150000</SO_TIEN><TEN_TIEU_MUC>Lệ phí trước bạ</TEN_TIEU_MUC></LIST>
</ROW_LIST></BODY></DATA>"""


def filed(**changes: Any) -> dict[str, Any]:
    """A dossier filed on the portal."""
    data = {
        "MaHoSoQG": "H99.12-261008-0001",
        "MaTTHC": "1.000001.H99",
        "TenTTHC": "Thủ tục mẫu",
        "ChuHoSo": NAME,
        "SoGiayToChuHoSo": "099199000123",
        "NgayNopHoSo": "20261008081500",
        "TaiLieuNop": [
            {"TenTepDinhKem": "don.pdf", "MaThanhPhanHoSo": "TP01", "DuongDanTaiTepTin": "https://dvcqg.example/t/1"}
        ],
    }
    return {"service": "nhanhsdvcqg", "isUpdating": "False", "refId": "REF-1", "data": data | changes}


def amended(**changes: Any) -> dict[str, Any]:
    """The same dossier, amended there."""
    data = {
        "MaHoSoQG": "H99.12-261008-0001",
        "ThongTinSuaDoi": {"NoiDungChiTietKM": "Kéo dài"},
        "LyDoDieuChinh": "Đổi ý",
    }
    return {"service": "nhanhsdvcqg", "isUpdating": "True", "data": data | changes}


def promotion(**changes: Any) -> dict[str, Any]:
    """A notice of sales promotion with two files."""
    return {
        "MaHoSo": "KM-0001",
        "MaSoThue": "9999999997",
        "TenThuongNhan": "Công ty Mẫu",
        "DiaChiDoanhNghiep": {"MaTinh": "99", "DiaChiChiTiet": "1 đường Mẫu"},
        "TenChuongTrinhKhuyenMai": "Tri ân",
        "TenTepDonDangKy": "don.pdf",
        "TepDonDangKy": base64.b64encode(b"%PDF-1.7 don").decode(),
        "TaiLieuNop": [{"TenTepDinhKem": "ban-sao.bin", "Base64": base64.b64encode(b"\x00\x01").decode()}],
    } | changes


def tax_notice(document: str | bytes = TAX_XML, **changes: Any) -> dict[str, Any]:
    """A tax notice around an XML document."""
    raw = document.encode() if isinstance(document, str) else document
    return {"Service": "x", "Ngay": "20261008", "Data": {"FileThongBaoThue": base64.b64encode(raw).decode()}} | changes


def bodies() -> dict[str, Any]:
    """A good message for every service."""
    code = "H99.12-261008-0001"
    return {
        "search/call": {"madonvi": "000.00.00.H99", "service": "TraCuuHoSo", "masohoso": code},
        "nhanhsdvcqg": filed(),
        "addtthcKhuyenMai": promotion(),
        "nhantbthuedvcqg": tax_notice(),
        "dptracuuthanhtoanhs": {"MaHoSo": code},
    }


@dataclass
class PortalCalls:
    """The portal's side of the door."""

    store: Store
    files: OutgoingClient
    access: InboundAccess
    settings: InboundSettings = field(default_factory=InboundSettings)
    messages: InboundMessageSettings = field(default_factory=InboundMessageSettings)
    now: datetime = NOW
    drifts: list[tuple[str, str]] = field(default_factory=list)

    def client(self, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Return a caller at this address."""
        downloads = Downloads(self.store, self.files, self.settings.files, connection=PORTAL)
        desk = Desk(self.store, PORTAL, downloads, clock_tolerance=timedelta(minutes=5), now=lambda: self.now)
        handler = PortalInbound(
            desk,
            self.messages,
            agency="000.00.00.H99",
            report_drift=lambda service, name: self.drifts.append((service, name)),
        )
        door = Door(
            {PORTAL: Entrance(handler, Doorman(self.access, self.settings))},
            max_body_bytes=self.settings.max_body_bytes,
            timeout_seconds=self.settings.timeout_seconds,
            now=lambda: self.now,
        )
        edge = Edge(door, AccessLog(LogSettings(level="error")))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await edge(scope, receive, send)

        transport = httpx.ASGITransport(app=app, client=(address, 50000))
        return httpx.AsyncClient(transport=transport, base_url=f"http://hub.test/inbound/{PORTAL}/")

    async def post(self, service: str, body: Any, *, secret: str | None = SECRET, address: str = "127.0.0.1") -> Any:
        """Call a service and return (status, answer)."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {} if secret is None else {"x-inbound-secret": secret}
        async with self.client(address=address) as caller:
            answer = await caller.post(service, content=content, headers=headers)
        return answer.status_code, answer.json()

    async def code(self, service: str, body: Any) -> int:
        """Call a service and return its error_code; the HTTP status is 200."""
        status, answer = await self.post(service, body)
        assert status == 200, answer
        return int(answer["error_code"])

    async def events(self, agencies: tuple[str, ...] = ("H99",), **more: Any) -> list[dict[str, Any]]:
        """Return the inbox as a client of these agencies reads it."""
        page = await InboxService(self.store).page(client_id="client-1", agencies=agencies, **more)
        found: list[dict[str, Any]] = orjson.loads(page)["events"]
        return found

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query)).fetchall()  # type: ignore[call-overload, no-any-return]


def access(**changes: Any) -> InboundAccess:
    """Loopback with one shared secret."""
    return InboundAccess(**{"networks": ["127.0.0.0/8"], "secrets": [SECRET], **changes})
