"""The store itself: logins, sessions, papers, files. Decides what it gives; knows nothing of HTTP.

It refuses what the regulation forbids and one known client did: a requester who is the owner of the papers. All
people and papers in it are invented.
"""

from __future__ import annotations

import base64
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from adapters.personal_store.settings import DocumentStoreSettings

OK, ERROR = "0", "-9"

Answer = dict[str, Any]
Sign = Callable[[bytes], bytes]

_PAPER_FIELDS = frozenset(
    {
        "LoaiDinhDanhCHS",
        "MaChuGiayTo",
        "MaCoQuan",
        "MaGiayToKetQua",
        "SoKyHieu",
        "TrichYeuNoiDung",
        "NgayCap",
        "ThoiHanHieuLuc",
        "PhamViHieuLuc",
        "TenFileGiayToKetQuaDinhKem",
        "NgaySoHoa",
        "MaCSDLDaKetNoi",
    }
)
_MAY_BE_EMPTY = frozenset({"ThoiHanHieuLuc", "MaCSDLDaKetNoi"})
_QUERY_FIELDS = frozenset(
    {
        "SoDinhDanhChuSoHuu",
        "HoTenNguoiYeuCau",
        "KenhThucHien",
        "SoDinhDanhNguoiYeuCau",
        "MaThuTuc",
        "DanhSachDanhMucKetQua",
    }
)
_TWELVE = re.compile(r"[0-9]{12}")

OWNER = "099199000123"
_FILE = b"%PDF-1.4\n% giay to mau\n"


class Refusal(Exception):  # noqa: N818 - the store's way of saying no
    """A call is refused; nothing of it was carried out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class SimulatedStore:
    """State and rules of the simulated store."""

    def __init__(
        self,
        settings: DocumentStoreSettings,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._random = random.Random(seed)  # noqa: S311 - reproducible tokens are the point
        self._clock = clock
        self._answers = 0
        self.sign: Sign = lambda _result: b"chua-ky"
        """How answers are signed: the one public client never looked."""
        self.sessions: dict[str, float] = {}
        self.logins = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.queries: list[Answer] = []
        """The queries that were answered, as they came."""
        self.handed_in: list[Answer] = []
        self.papers: dict[str, list[Answer]] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        self.reset()

    def reset(self) -> None:
        """Begin again with one invented paper of one invented citizen."""
        self.sessions.clear()
        self.counts.clear()
        self.queries.clear()
        self.handed_in.clear()
        self.papers.clear()
        self.files.clear()
        self.logins = 0
        self.add_paper(OWNER, "KQ.G99.000002", "Giấy khai sinh (mẫu)", "01/2020", {"khai-sinh.pdf": _FILE})

    def add_paper(self, owner: str, code: str, name: str, number: str, files: dict[str, bytes]) -> None:
        """Put a paper into the store; ``files`` by name."""
        listed = []
        for file_name, content in files.items():
            location = f"/kho/{uuid.UUID(int=self._random.getrandbits(128), version=4)}"
            self.files["000.00.00.H99", location] = content
            listed.append({"TenTep": file_name, "DuongDan": location})
        self.papers.setdefault(owner, []).append(
            {
                "MaKetQua": code,
                "TenGiayTo": name,
                "SoKyHieu": number,
                "CoQuanChuQuan": "000.00.00.H99",
                "DanhSachTepDinhKem": listed,
            }
        )

    def expire_sessions(self) -> None:
        """Forget every session."""
        self.sessions.clear()

    # --- doors ------------------------------------------------------------------------------------------

    def login(self, call: Answer, _token: str | None) -> Answer:
        """Answer the login."""
        wanted = {"username": self._settings.username, "password": self._settings.password.get_secret_value()}
        if call != wanted:
            raise Refusal(ERROR, "Sai tên đăng nhập hoặc mật khẩu")
        self.logins += 1
        token = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.sessions[token] = self._clock() + self._settings.sandbox.session_lifetime_seconds
        return self.answer(OK, "", **{self._settings.session_field: token})

    def query(self, call: Answer, token: str | None) -> Answer:
        """Answer a query."""
        self._require(call, token, _QUERY_FIELDS)
        if call["KenhThucHien"] not in {"1", "2"}:
            raise Refusal(ERROR, "KenhThucHien không hợp lệ")
        owner, requester = call["SoDinhDanhChuSoHuu"], call["SoDinhDanhNguoiYeuCau"]
        if not isinstance(requester, str) or _TWELVE.fullmatch(requester) is None:
            raise Refusal(ERROR, "Thiếu số định danh người yêu cầu")
        if requester == owner:
            raise Refusal(ERROR, f"Cán bộ {call['HoTenNguoiYeuCau']} trùng với chủ giấy tờ")
        wanted = [(one.get("MaKetQua"), one.get("SoKyHieu", "")) for one in call["DanhSachDanhMucKetQua"]]
        found = [
            paper
            for paper in self.papers.get(str(owner), [])
            if not wanted
            or any(paper["MaKetQua"] == code and number in {"", paper["SoKyHieu"]} for code, number in wanted)
        ]
        self.queries.append(call)
        if not found:
            raise Refusal(self._settings.not_found_codes[0], "Không tìm thấy giấy tờ")
        result = {"DanhSachGiayToKetQua": found}
        signature = base64.b64encode(self.sign(orjson.dumps(result))).decode()
        return self.answer(OK, "", signature=signature, result=result)

    def file(self, call: Answer, token: str | None) -> str:
        """Return a file as base64."""
        self._require(call, token, frozenset({"CoQuanChuQuan", "DuongDan"}))
        found = self.files.get((str(call["CoQuanChuQuan"]), str(call["DuongDan"])))
        if found is None:
            raise Refusal(self._settings.not_found_codes[0], "Không tìm thấy tệp")
        return base64.b64encode(found).decode()

    def take(self, call: Answer, token: str | None) -> Answer:
        """Take a result paper; the same one again is added once more, as nothing says that it is not."""
        self._require(call, token, _PAPER_FIELDS)
        for name in _PAPER_FIELDS - _MAY_BE_EMPTY:
            if not isinstance(call[name], str) or not call[name]:
                raise Refusal(ERROR, f"Trường {name} không được để trống")
        if "/" in call["TenFileGiayToKetQuaDinhKem"] or "\\" in call["TenFileGiayToKetQuaDinhKem"]:
            raise Refusal(ERROR, "Tên tệp không hợp lệ")
        self.handed_in.append({name: call[name] for name in _PAPER_FIELDS})
        self.add_paper(
            call["MaChuGiayTo"],
            call["MaGiayToKetQua"],
            call["TrichYeuNoiDung"],
            call["SoKyHieu"],
            {call["TenFileGiayToKetQuaDinhKem"]: _FILE},
        )
        return self.answer(OK, "Tiếp nhận thành công")

    def session_refusal(self) -> Answer:
        """Return the answer to a call whose session is not known."""
        return self.answer(self._settings.session_error_codes[0], "Phiên làm việc đã hết hạn")

    def answer(self, code: str, message: str, **more: Any) -> Answer:
        """Return an answer; the code is a number in one and a text in the next."""
        self._answers += 1
        return {"errorCode": int(code) if self._answers % 2 else code, "message": message, **more}

    def _require(self, call: Answer, token: str | None, fields: frozenset[str]) -> None:
        session = call.pop(self._settings.session_field, None) if self._settings.session_in == "body" else token
        if not isinstance(session, str) or self.sessions.get(session, 0.0) <= self._clock():
            raise Refusal(self._settings.session_error_codes[0], "Phiên làm việc đã hết hạn")
        if call.keys() != fields:
            raise Refusal(ERROR, "Thông điệp thiếu trường hoặc có trường không xác định")
