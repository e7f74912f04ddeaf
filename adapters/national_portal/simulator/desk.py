"""The portal's questions, ratings and technical ids, written from the wire facts §2.2 and nothing else.

Where the facts are silent (fields of a question, whether an answer replaces the one before) this side follows the
settings, as the real connection does, and adds what it gets to what it has, which is the less comfortable guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator.fields import Rule, find_fault
from adapters.national_portal.simulator.refusal import ERROR, Refusal

Rows = list[dict[str, Any]]
Service = tuple[frozenset[str], Callable[[dict[str, Any]], Rows]]
"""Fields of a request besides the envelope, and what answers it: the rows of ``result``."""

_TEXT = Rule(required=True)
_KEY = Rule(required=True, filled=True)
_SHARE = re.compile(r"(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)")
_MONTH = re.compile(r"(?:[1-9]|1[0-2])-20[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{10}(?:-[0-9]{3})?|[0-9]{12}|[0-9]{9}")

ANSWER: Mapping[str, Rule] = {
    "HOIDAPID": _KEY,
    "MADONVI": _KEY,
    "NGUOITRALOI": _KEY,
    "CHUCVUNGUOITRALOI": _TEXT,
    "NGAYTRALOI": Rule(required=True, filled=True, is_date=True),
    "NOIDUNGTRALOI": _KEY,
}

_RATING_TEXTS: Mapping[str, Rule] = {
    "NgayTongHop": Rule(required=True, filled=True, pattern=_MONTH),
    "TongSoNguoiDanhGia": Rule(required=True, filled=True, number_too=True, pattern=re.compile(r"[0-9]+")),
    "MaThuTuc": _KEY,
    "NoiDung": _TEXT,
    "Madonvi": _KEY,
    "TenDonVi": _KEY,
}
_GRADES = ("PhanTramDanhGiaRatHaiLong", "PhanTramDanhGiaHaiLong", "PhanTramDanhGiaChuaHaiLong")
_ROUNDING = 0.1
_SHARE_RULE = Rule(required=True, filled=True, number_too=True, pattern=_SHARE)

TECHNICAL_IDS: Mapping[str, str] = {
    "099199000123": "00000000-0000-4000-8000-000000000001",
    "9999999997": "00000000-0000-4000-8000-000000000002",
}
"""Invented accounts: one citizen, one enterprise."""


class Desk:
    """Holds questions, answers, ratings and accounts."""

    def __init__(self, settings: NationalPortalSettings, has_procedure: Callable[[str], bool]) -> None:
        self._settings = settings
        self._has_procedure = has_procedure
        self.questions: dict[str, Rows] = {"portal": [], "agency": []}
        self.answers: dict[str, Rows] = {}
        self.ratings: dict[tuple[str, str], Rows] = {}
        """What came by month and root of the procedure, oldest first."""
        self.technical_ids: dict[str, str] = dict(TECHNICAL_IDS)

    def services(self) -> dict[str, Service]:
        """Return the services of this part."""
        data = frozenset({"data"})
        return {
            "LayDanhSachHoiDapGuiTuDVCQG": (frozenset(), lambda _call: self.questions["portal"]),
            "LayDanhSachHoiDapBoCoQuan": (frozenset(), lambda _call: self.questions["agency"]),
            "LayNoiDungTraLoiTheoCauHoi": (frozenset({"cauhoiid"}), self._read_answers),
            "DongBoKetQuaHoiDapGuiTuDVCQG": (data, lambda call: self._take_answers(call, "portal")),
            "DongBoHoiDap": (data, lambda call: self._take_answers(call, "agency")),
            "DongBoDanhGia": (data if self._settings.rating_in_data else self._rating_fields(), self._take_rating),
            "TraCuuTechID": (frozenset({"provider", "mstorcmnd"}), self._find_technical_id),
        }

    def reset(self) -> None:
        """Forget everything but the invented accounts."""
        self.questions = {"portal": [], "agency": []}
        self.answers.clear()
        self.ratings.clear()
        self.technical_ids = dict(TECHNICAL_IDS)

    def state(self) -> dict[str, int]:
        """Return what is held, in figures."""
        return {
            "questions": sum(map(len, self.questions.values())),
            "answers": sum(map(len, self.answers.values())),
            "ratings": sum(map(len, self.ratings.values())),
        }

    # --- questions --------------------------------------------------------------------------------------

    def ask(self, origin: str, question_id: str, **fields: str) -> None:
        """Let somebody ask; ``fields`` by the canonical names of the settings."""
        names = self._settings.question_fields.model_dump()
        self.questions[origin].append({names["id"]: question_id, **{names[name]: fields[name] for name in fields}})

    def _known(self, origin: str) -> set[str]:
        name = self._settings.question_fields.id
        return {str(one.get(name)) for one in self.questions[origin]}

    def _read_answers(self, call: dict[str, Any]) -> Rows:
        wanted = str(call["cauhoiid"])
        if wanted not in self._known("portal") | self._known("agency"):
            raise Refusal(self._settings.not_found_codes[0], "Không tìm thấy câu hỏi")
        return self.answers.get(wanted, [])

    def _take_answers(self, call: dict[str, Any], origin: str) -> Rows:
        items = call["data"]
        if not isinstance(items, list) or not items:
            raise Refusal(ERROR, "data phải là danh sách có ít nhất một phần tử")
        for item in items:
            fault = find_fault(item, ANSWER)
            if fault is not None:
                raise Refusal(ERROR, fault)
            if item["HOIDAPID"] not in self._known(origin):
                raise Refusal(ERROR, f"Không tìm thấy câu hỏi mà {item['NGUOITRALOI']} trả lời")
        for item in items:
            self.answers.setdefault(item["HOIDAPID"], []).append(dict(item))
        return []

    # --- ratings ----------------------------------------------------------------------------------------

    def _rating_fields(self) -> frozenset[str]:
        return frozenset({*_RATING_TEXTS, *_GRADES, *self._service_grades(), "DanhSachNoiDungYKien"})

    def _service_grades(self) -> tuple[str, ...]:
        return tuple(self._settings.service_rating_fields.model_dump().values())

    def _take_rating(self, call: dict[str, Any]) -> Rows:
        body = call["data"] if self._settings.rating_in_data else call
        if not isinstance(body, dict):
            raise Refusal(ERROR, "data không phải là đối tượng")
        rating = {name: value for name, value in body.items() if name not in {"session", "madonvi", "service"}}
        opinions = rating.pop("DanhSachNoiDungYKien", None)
        shares = dict.fromkeys((*_GRADES, *self._service_grades()), _SHARE_RULE)
        fault = find_fault(rating, {**_RATING_TEXTS, **shares})
        if fault is not None:
            raise Refusal(ERROR, fault)
        if not isinstance(opinions, list) or not all(isinstance(one, str) and one for one in opinions):
            raise Refusal(ERROR, "DanhSachNoiDungYKien phải là danh sách ý kiến")
        for names in (_GRADES, self._service_grades()):
            total = sum(float(rating[name]) for name in names)
            if total and abs(total - 100) > _ROUNDING:
                raise Refusal(ERROR, f"Tổng {names[0]} và các mức khác không bằng 100")
        if not self._has_procedure(str(rating["MaThuTuc"])):
            raise Refusal(ERROR, "Thủ tục không tồn tại")
        key = (str(rating["NgayTongHop"]), str(rating["MaThuTuc"])[:8])
        held = self.ratings.setdefault(key, [])
        if self._settings.rating_repeat == "idempotent":
            held.clear()
        held.append({**rating, "DanhSachNoiDungYKien": opinions})
        return []

    # --- technical ids ----------------------------------------------------------------------------------

    def _find_technical_id(self, call: dict[str, Any]) -> Rows:
        if call["provider"] != self._settings.technical_id_provider:
            raise Refusal(ERROR, "provider không hợp lệ")
        number = call["mstorcmnd"]
        if not isinstance(number, str) or _NUMBER.fullmatch(number) is None:
            raise Refusal(ERROR, "Số định danh hoặc mã số thuế không hợp lệ")
        found = self.technical_ids.get(number)
        return [] if found is None else [{"TECHNICALID": found}]
