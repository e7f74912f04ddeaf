"""The portal itself: logins, sessions, dossiers, steps. Decides what is accepted; knows nothing of HTTP.

What it accepts is what the wire facts say. Every call is atomic: it is carried out whole or not at all. It
is as awkward as the real one: business errors look like successes from afar, ``error_code`` is a number in
one answer and a text in the next, and a refusal quotes the name of the citizen.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator import catalogue
from adapters.national_portal.simulator.desk import Desk, Service
from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from adapters.national_portal.simulator.refusal import ERROR, OK, Refusal

CALLS_KEPT = 1000

Answer = dict[str, Any]

_ENVELOPE = frozenset({"session", "madonvi", "service"})
_NATIONAL_CODE = re.compile(r"[0-9]\.[0-9]{6}(?:\..+)?")
_LOOK_UP_FIELDS = (
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "LoaiDoiTuong",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
)
_LOOK_UP_MORE = (
    "ChuHoSo",
    "TrichYeuHoSo",
    "SoBienNhan",
    "KenhThucHien",
    "HoSoCoThanhPhanSoHoa",
    "TaiKhoanDuocXacThucVoiVNeID",
    "NgayNopHoSo",
    "NgayTiepNhan",
    "NgayHenTra",
    "NgayKetThucXuLy",
    "NgayTra",
    "NgayTuChoi",
)
"""What a portal might tell besides; the facts say no more than "dossier or error"."""


@dataclass(slots=True)
class HeldDossier:
    """A dossier as the portal holds it: the last content, kept as bytes, and the steps as they arrived."""

    body: bytes
    state: str
    creates: int = 0
    updates: int = 0
    steps: list[bytes] = field(default_factory=list)

    @property
    def repeated_steps(self) -> int:
        """How many steps arrived that had arrived before."""
        return len(self.steps) - len(set(self.steps))


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call: what was asked and what came of it, never its content."""

    at: datetime
    service: str
    code: str
    items: int
    is_updating: str
    request_bytes: int


class SimulatedPortal:
    """State and rules of the simulated portal. One instance is one portal, used from one event loop."""

    def __init__(
        self,
        settings: NationalPortalSettings,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._random = random.Random(seed)  # noqa: S311 - reproducible tokens are the point
        self._clock = clock
        self._answers = 0
        self._look_ups = 0
        self.sessions: dict[str, float] = {}
        self.logins = 0
        self.refused_logins = 0
        self.dossiers: dict[str, HeldDossier] = {}
        self.procedures = catalogue.procedures()
        self.desk = Desk(settings, lambda code: code[:8] in self._roots)
        self.calls: deque[CallRecord] = deque(maxlen=CALLS_KEPT)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._services: dict[str, tuple[frozenset[str], Callable[[Answer], Answer]]] = {
            "DongBoHoSoMC": (frozenset({"isUpdating", "data"}), self._sync_dossiers),
            "CapNhatTienDoHoSoMC": (frozenset({"data"}), self._add_steps),
            "TraCuuHoSo": (frozenset({"mahoso"}), self._look_up),
            "LayDanhSachTTHC": (frozenset(), self._list_procedures),
            "LayThuTuc": (frozenset({"maTTHC"}), self._procedure),
            "LayDanhMucLinhVuc": (frozenset(), self._list_fields),
            "LayDanhMucCoQuan": (frozenset(), self._list_agencies),
            "LayDVC": (frozenset(), self._list_services),
            **{name: self._of_desk(service) for name, service in self.desk.services().items()},
        }
        self._roots = self._known_roots()

    # --- doors ------------------------------------------------------------------------------------------

    def login(self, body: bytes) -> Answer:
        """Answer ``mapi/login``."""
        credentials = _object(body)
        wanted = {"username": self._settings.username, "password": self._settings.password.get_secret_value()}
        if credentials != wanted:
            self.refused_logins += 1
            return self._record("login", body, self._answer(ERROR, "Sai tên đăng nhập hoặc mật khẩu"), ERROR)
        self.logins += 1
        now = self._clock()
        self.sessions = {token: end for token, end in self.sessions.items() if end > now}
        token = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.sessions[token] = now + self._settings.sandbox.session_lifetime_seconds
        return self._record("login", body, self._answer(OK, "", session=token), OK)

    def serve(self, body: bytes) -> Answer:
        """Answer a call of the services."""
        call = _object(body)
        try:
            answer = self._carry_out(call)
            code = OK
        except Refusal as refusal:
            answer, code = self._answer(refusal.code, refusal.message), refusal.code
        return self._record(_service_of(call), body, answer, code, call)

    def expire_sessions(self) -> None:
        """Forget every session, as after a restart of the portal."""
        self.sessions.clear()

    def already_exists(self) -> Answer:
        """Return an answer that says "already there" of a dossier that is not; never with code 0, a plain lie."""
        return self._answer(self._settings.already_exists_codes[0], "Hồ sơ đã tồn tại")

    def session_refusal(self) -> Answer:
        """Return the answer to a call whose session is not known."""
        return self._answer(self._settings.session_error_codes[0], "Phiên làm việc đã hết hạn")

    def add_procedure(self, code: str, name: str) -> None:
        """Add a procedure to the catalogue."""
        self.procedures[code] = catalogue.procedure(code, name, 0)
        self._roots = self._known_roots()

    def withdraw_procedure(self, code: str) -> None:
        """Take a procedure out of the catalogue."""
        self.procedures.pop(code, None)
        self._roots = self._known_roots()

    def add_dossier(self, dossier: dict[str, Any]) -> None:
        """Put a dossier there as if it had been created on the portal; raises `Refusal` for a bad one."""
        fault = find_fault(dossier, DOSSIER)
        if fault is not None:
            raise Refusal(ERROR, fault)
        self.dossiers[dossier["MaHoSo"]] = HeldDossier(orjson.dumps(dossier), str(dossier["TrangThaiHoSo"]))

    def reset(self) -> None:
        """Forget everything: sessions, dossiers, counts, additions to the catalogue."""
        self.sessions.clear()
        self.dossiers.clear()
        self.calls.clear()
        self.counts.clear()
        self.logins = self.refused_logins = 0
        self.procedures = catalogue.procedures()
        self.desk.reset()
        self._roots = self._known_roots()

    # --- envelope ---------------------------------------------------------------------------------------

    def _carry_out(self, call: Answer) -> Answer:
        known = self._services.get(_service_of(call))
        if known is None:
            raise Refusal(ERROR, "Dịch vụ không tồn tại")
        token = call.get("session")
        if not isinstance(token, str) or self.sessions.get(token, 0.0) <= self._clock():
            raise Refusal(self._settings.session_error_codes[0], "Phiên làm việc đã hết hạn")
        if call.get("madonvi") != self._settings.madonvi:
            raise Refusal(ERROR, "Mã đơn vị không hợp lệ")
        fields, service = known
        if call.keys() != _ENVELOPE | fields:
            raise Refusal(ERROR, "Thông điệp thiếu trường hoặc có trường không xác định")
        return service(call)

    def _record(self, service: str, body: bytes, answer: Answer, code: str, call: Answer | None = None) -> Answer:
        data = (call or {}).get("data")
        self.counts[service, code] += 1
        self.calls.append(
            CallRecord(
                at=datetime.now(UTC),
                service=service,
                code=code,
                items=len(data) if isinstance(data, list) else 0,
                is_updating=str((call or {}).get("isUpdating", ""))[:5],
                request_bytes=len(body),
            )
        )
        return answer

    def _answer(self, code: str, message: str, **more: Any) -> Answer:
        self._answers += 1
        written = {"number": True, "text": False, "alternate": self._answers % 2 == 1}[self._settings.sandbox.code_type]
        return {"error_code": int(code) if written else code, "message": message, **more}

    # --- dossiers and steps -------------------------------------------------------------------------------

    def _sync_dossiers(self, call: Answer) -> Answer:
        dossiers = call["data"]
        updating = call["isUpdating"]
        if updating not in {"True", "False"}:
            raise Refusal(ERROR, 'isUpdating phải là "True" hoặc "False"')
        _require_items(dossiers, DOSSIER)
        for one in dossiers:
            if one["MaTTHC"][:8] not in self._roots:
                raise Refusal(ERROR, f"Hồ sơ của {one['ChuHoSo']}: thủ tục không tồn tại")
        codes = [one["MaHoSo"] for one in dossiers]
        if updating == "True":
            self._update(codes, dossiers)
        else:
            self._create(codes, dossiers)
        return self._answer(OK, "Đồng bộ thành công", result=[])

    def _create(self, codes: list[str], dossiers: list[dict[str, Any]]) -> None:
        if len(set(codes)) != len(codes) or any(code in self.dossiers for code in codes):
            raise Refusal(self._settings.sandbox.duplicate_code, "Hồ sơ đã tồn tại")
        for code, one in zip(codes, dossiers, strict=True):
            self.dossiers[code] = HeldDossier(orjson.dumps(one), str(one["TrangThaiHoSo"]), creates=1)

    def _update(self, codes: list[str], dossiers: list[dict[str, Any]]) -> None:
        for code, one in zip(codes, dossiers, strict=True):
            if code not in self.dossiers:
                raise Refusal(ERROR, f"Không tìm thấy hồ sơ của {one['ChuHoSo']}")
        for code, one in zip(codes, dossiers, strict=True):
            held = self.dossiers[code]
            held.body, held.state = orjson.dumps(one), str(one["TrangThaiHoSo"])
            held.updates += 1

    def _add_steps(self, call: Answer) -> Answer:
        steps = call["data"]
        _require_items(steps, STEP)
        for one in steps:
            if one["MaHoSo"] not in self.dossiers:
                raise Refusal(ERROR, "Không tìm thấy hồ sơ")
        for one in steps:
            self.dossiers[one["MaHoSo"]].steps.append(orjson.dumps(one))
        return self._answer(OK, "Cập nhật thành công", result=[])

    def _look_up(self, call: Answer) -> Answer:
        held = self.dossiers.get(call["mahoso"]) if isinstance(call["mahoso"], str) else None
        if held is None:
            raise Refusal(ERROR, "Không tìm thấy hồ sơ")
        self._look_ups += 1
        body = orjson.loads(held.body)
        found = {name: body[name] for name in _LOOK_UP_FIELDS}
        if self._settings.sandbox.lookup_extent == "whole":
            found |= {name: body[name] for name in _LOOK_UP_MORE if name in body}
        if self._look_ups % 2:
            found["TrangThaiHoSo"] = int(held.state)
        if self._settings.lookup_steps_field:
            found[self._settings.lookup_steps_field] = [orjson.loads(step) for step in held.steps]
        shape = self._settings.sandbox.lookup_shape
        as_list = shape == "list" or (shape == "alternate" and self._look_ups % 2 == 0)
        return self._answer(OK, "", result=[found] if as_list else found)

    # --- catalogue ----------------------------------------------------------------------------------------

    def _known_roots(self) -> set[str]:
        return {code[:8] for code in self.procedures if _NATIONAL_CODE.fullmatch(code)}

    def _list_procedures(self, _call: Answer) -> Answer:
        rows = [
            {name: one[name] for name in ("MATTHC", "TENTTHC", "TRANGTHAI", "LINHVUCTHUCHIEN")}
            for one in self.procedures.values()
        ]
        return self._answer(OK, "", result=rows)

    def _procedure(self, call: Answer) -> Answer:
        wanted = str(call["maTTHC"])[:8]
        found = [one for code, one in self.procedures.items() if code[:8] == wanted]
        if not found:
            raise Refusal(ERROR, "Không tìm thấy thủ tục")
        return self._answer(OK, "", result=found[:1])

    def _list_services(self, _call: Answer) -> Answer:
        # The one list that comes as an object (wire facts §2.2).
        return self._answer(OK, "", result={"data": catalogue.services(self.procedures.values())})

    def _of_desk(self, service: Service) -> tuple[frozenset[str], Callable[[Answer], Answer]]:
        fields, act = service
        return fields, lambda call: self._answer(OK, "", result=act(call))

    def _list_fields(self, _call: Answer) -> Answer:
        rows = [{"MALINHVUC": code, "TENLINHVUC": name, "MANGANH": "G99"} for code, name in catalogue.FIELDS]
        return self._answer(OK, "", result=rows)

    def _list_agencies(self, _call: Answer) -> Answer:
        rows = [{"MADONVI": self._settings.madonvi, "TENDONVI": "Tỉnh Mẫu", "CAPDONVI": "1"}]
        return self._answer(OK, "", result=rows)


def _object(body: bytes) -> Answer:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _service_of(call: Answer) -> str:
    service = call.get("service")
    return service if isinstance(service, str) and service.isascii() and service.isalpha() else "?"


def _require_items(items: Any, table: Any) -> None:
    if not isinstance(items, list) or not items:
        raise Refusal(ERROR, "data phải là danh sách có ít nhất một phần tử")
    for item in items:
        fault = find_fault(item, table)
        if fault is not None:
            owner = item.get("ChuHoSo") or item.get("NguoiXuLy") if isinstance(item, dict) else ""
            raise Refusal(ERROR, f"{fault} ({owner})" if owner else fault)
