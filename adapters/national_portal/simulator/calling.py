"""The simulated portal as a caller: it sends the province what the real one sends, on the same addresses.

Where the province is and with what secret it is called is told by ``POST inbound_target`` (the sandbox does). Each
call is asked for by name, with an own message or with a sample; the control plane is told what was answered.
"""

from __future__ import annotations

import base64
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from adapters.national_portal.settings import NationalPortalSettings
from adapters.transport.http import HttpClient, HttpSettings
from contracts.errors import LienThongError

CALLS_KEPT = 200
DEADLINE_SECONDS = 30.0
PREFIX = "calls/"
VIETNAM = timezone(timedelta(hours=7))

Message = dict[str, Any]


class Target(BaseModel):
    """Where the province takes the portal's calls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=500)]
    """Address of the connection, e.g. ``http://127.0.0.1:8480/inbound/national_portal``."""
    secret: Annotated[str, Field(max_length=500)] = ""
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")] = "x-inbound-secret"


class CallWish(BaseModel):
    """A call to be made; what is left out comes from the sample."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: Message | None = None
    """The whole message, as it is, instead of a sample."""
    code: str | None = None
    """Code of the dossier in the sample."""
    reference: str | None = None
    """The portal's own id of the message; new for each call if not given."""
    token: str | None = None
    """Random part of a one-time address, to fetch a file."""


@dataclass(frozen=True, slots=True)
class CallOut:
    """One call that was made, never its content."""

    at: datetime
    service: str
    status: int
    code: str


class NoTargetError(Exception):
    """Nobody has told where the province is."""


class CallingPortal:
    """Makes the calls. Constructing it opens nothing."""

    def __init__(self, settings: NationalPortalSettings) -> None:
        paths = settings.inbound.paths
        self._paths = paths
        self._target: Target | None = None
        self._http: HttpClient | None = None
        self._numbers = itertools.count(1)
        self.calls: deque[CallOut] = deque(maxlen=CALLS_KEPT)
        self.samples: dict[str, tuple[str, Callable[[str, str], Message]]] = {
            "file_dossier": (paths.dossier, _filed),
            "amend_dossier": (paths.dossier, _amended),
            "promotion_notice": (paths.promotion, _promotion),
            "tax_notice": (paths.tax_notice, _tax_notice),
            "search": (paths.search, _search),
            "payment": (paths.payment, _payment),
        }

    async def aim(self, target: Target) -> None:
        """Call this province from now on."""
        await self.aclose()
        self._target = target
        self._http = HttpClient(HttpSettings().allowing(target.url), connection="province")

    async def aclose(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.aclose()

    async def act(self, name: str, wish: CallWish) -> Message:
        """Make the call of this name; return the HTTP status and what was answered. Raises ``KeyError``."""
        if name == "fetch_file":
            return await self._send("GET", f"{self._paths.file}/{wish.token or 'unknown'}", None)
        path, sample = self.samples[name]
        number = next(self._numbers)
        reference = wish.reference or f"SIM-{datetime.now(UTC):%Y%m%d%H%M%S%f}-{number}"
        code = wish.code or f"H99.12-{datetime.now(VIETNAM):%y%m%d}-{9000 + number:04d}"
        message = wish.message if wish.message is not None else sample(code, reference)
        return {"sent": message, **await self._send("POST", path, orjson.dumps(message))}

    async def _send(self, method: str, path: str, body: bytes | None) -> Message:
        if self._target is None or self._http is None:
            raise NoTargetError
        headers = {"content-type": "application/json"}
        if self._target.secret:
            headers[self._target.header] = self._target.secret
        try:
            answer = await self._http.request(
                method,
                f"{self._target.url.rstrip('/')}/{path}",
                operation=path.partition("/")[0],
                deadline_seconds=DEADLINE_SECONDS,
                is_write=method == "POST",
                headers=headers,
                content=body,
            )
        except LienThongError as error:
            self._note(path, 0, type(error).__name__)
            return {"status": 0, "error": type(error).__name__}
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        document = orjson.loads(answer.content) if is_json else None
        code = str(document.get("error_code", "")) if isinstance(document, dict) else ""
        self._note(path, answer.status, code)
        return {"status": answer.status, "answer": document, "bytes": len(answer.content)}

    def _note(self, path: str, status: int, code: str) -> None:
        # The address of a file is a secret, also here.
        service = self._paths.file if path.startswith(f"{self._paths.file}/") else path
        self.calls.append(CallOut(datetime.now(UTC), service, status, code))


# --- samples ----------------------------------------------------------------------------------------------


def _now() -> str:
    return f"{datetime.now(VIETNAM):%Y%m%d%H%M%S}"


def _filed(code: str, reference: str) -> Message:
    data = {
        "MaHoSoQG": code,
        "MaTTHC": "1.000001.H99",
        "TenTTHC": "Thủ tục mẫu",
        "ChuHoSo": "Trần Thị Mẫu",
        "SoGiayToChuHoSo": "099199000123",
        "SoDienThoai": "0900000001",
        "TrichYeuHoSo": "Đề nghị cấp bản sao",
        "NgayNopHoSo": _now(),
        "KenhThucHien": "2",
        "TaiLieuNop": [
            {
                "TenTepDinhKem": "don-de-nghi.pdf",
                "MaThanhPhanHoSo": "TP01",
                "DuongDanTaiTepTin": "https://dvcqg.example/tep/1",
            }
        ],
    }
    return {"service": "nhanhsdvcqg", "isUpdating": "False", "refId": reference, "data": data}


def _amended(code: str, reference: str) -> Message:
    data = {
        "MaHoSoQG": code,
        "LyDoDieuChinh": "Bổ sung nội dung",
        "ThongTinSuaDoi": {"NoiDungChiTietKM": "Kéo dài đến cuối tháng"},
        "TenTepDangKy": "ban-sua-doi.pdf",
        "URLTepDangKy": "https://dvcqg.example/tep/2",
    }
    return {"service": "nhanhsdvcqg", "isUpdating": "True", "refId": reference, "data": data}


def _promotion(code: str, reference: str) -> Message:
    return {
        "refId": reference,
        "MaHoSo": code,
        "MaSoThue": "9999999997",
        "TenThuongNhan": "Công ty Mẫu",
        "DiaChiDoanhNghiep": {"MaTinh": "99", "MaHuyen": "", "MaXa": "99001", "DiaChiChiTiet": "1 đường Mẫu"},
        "DienThoai": "0900000002",
        "TenChuongTrinhKhuyenMai": "Tri ân khách hàng",
        "HinhThucKhuyenMai": "Giảm giá",
        "TenTepDonDangKy": "thong-bao.pdf",
        "TepDonDangKy": base64.b64encode(b"%PDF-1.7 thong bao").decode(),
        "TaiLieuNop": [{"TenTepDinhKem": "the-le.txt", "Base64": base64.b64encode(b"The le").decode()}],
    }


def _tax_notice(code: str, reference: str) -> Message:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><DATA><BODY><ROW_LIST><MA_HSO>{code}</MA_HSO><LIST>'
        f"<MA_SO_THUE>9999999997</MA_SO_THUE><SO_QUYET_DINH>TB-01</SO_QUYET_DINH>"
        f"<NGAY_QUYET_DINH>{datetime.now(VIETNAM):%d-%m-%Y}</NGAY_QUYET_DINH><SO_TIEN>150000</SO_TIEN>"
        "<TEN_TIEU_MUC>Lệ phí trước bạ</TEN_TIEU_MUC></LIST></ROW_LIST></BODY></DATA>"
    )
    notice = base64.b64encode(document.encode()).decode()
    return {
        "Service": "nhantbthuedvcqg",
        "Ngay": _now(),
        "IsUpdating": "False",
        "refId": reference,
        "Data": {"FileThongBaoThue": notice},
    }


def _search(code: str, _reference: str) -> Message:
    return {"madonvi": "000.00.00.H99", "service": "TraCuuHoSo", "masohoso": code}


def _payment(code: str, _reference: str) -> Message:
    return {"MaHoSo": code}
