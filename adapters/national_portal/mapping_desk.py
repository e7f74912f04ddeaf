"""Translation of questions, answers and ratings, both ways, without any I/O.

Nothing is cut: what is longer than a canonical field takes is drift, and the question is left out and counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from adapters.national_portal import wire_desk as w
from adapters.national_portal.mapping import VIETNAM, wire_time
from contracts.questions import Answer, GivenAnswer, Question, QuestionOrigin
from contracts.ratings import MonthlyRating

Drift = Callable[[str], None]
"""Called with the name of a field whose value we cannot take."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FORMATS = (
    (re.compile(r"[0-9]{14}"), "%Y%m%d%H%M%S"),
    (re.compile(r"[0-9]{8}"), "%Y%m%d"),
    (re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}"), "%d/%m/%Y"),
    (re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}"), "%d/%m/%Y %H:%M"),
    (re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"), "%d/%m/%Y %H:%M:%S"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"), "%Y-%m-%dT%H:%M:%S"),
)
"""Forms of a moment seen on this wire and its neighbours; which one questions use is not public."""


def question(
    row: Mapping[str, Any], origin: QuestionOrigin, names: Mapping[str, str], *, own_agency: str, drift: Drift
) -> Question | None:
    """Return a question, or ``None`` for one without an id or with a text that we cannot take.

    ``names`` gives the portal's field for each canonical one. A question of an agency that cannot be read is
    taken for ours; a moment that cannot be read is left out. Both are drift.
    """
    values = {name: foreign_text(row.get(field)) for name, field in names.items()}
    moment = read_moment(values["asked_at"])
    if moment is None and values["asked_at"]:
        drift(names["asked_at"])
    fields: dict[str, Any] = {**values, "origin": origin, "asked_at": moment}
    fields["agency_code"] = values["agency_code"] or own_agency
    for _ in range(2):
        try:
            return Question.model_validate(fields)
        except ValidationError as error:
            wrong = {str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False)}
            for name in sorted(wrong):
                drift(names.get(name, name))
            if wrong != {"agency_code"}:
                return None
            fields["agency_code"] = own_agency
    return None


def answer_to_wire(answer: Answer) -> w.TraLoi:
    """Return an answer as ``DongBoHoiDap`` and ``DongBoKetQuaHoiDapGuiTuDVCQG`` take it."""
    return {
        "HOIDAPID": answer.question_id,
        "MADONVI": answer.agency_code,
        "NGUOITRALOI": answer.officer_name,
        "CHUCVUNGUOITRALOI": answer.officer_title,
        "NGAYTRALOI": wire_time(answer.answered_at),
        "NOIDUNGTRALOI": answer.content,
    }


def given_answer(item: w.TraLoiDaGhi, drift: Drift) -> GivenAnswer:
    """Return an answer the portal holds; a moment that cannot be read is left out and is drift."""
    moment = read_moment(foreign_text(item.NGAYTRALOI))
    if moment is None and item.NGAYTRALOI:
        drift("NGAYTRALOI")
    return GivenAnswer(
        officer_name=foreign_text(item.NGUOITRALOI),
        officer_title=foreign_text(item.CHUCVUNGUOITRALOI),
        agency_code=foreign_text(item.MADONVI),
        answered_at=moment,
        content=foreign_text(item.NOIDUNGTRALOI),
    )


def rating_to_wire(rating: MonthlyRating, service_fields: Mapping[str, str]) -> dict[str, Any]:
    """Return a rating as ``DongBoDanhGia`` takes it; ``service_fields`` names the grades of the service."""
    year, month = rating.month.split("-")
    known: w.TrungBinhDanhGia = {
        "NgayTongHop": f"{int(month)}-{year}",
        "TongSoNguoiDanhGia": str(rating.raters),
        "PhanTramDanhGiaRatHaiLong": share(rating.officers.very_satisfied),
        "PhanTramDanhGiaHaiLong": share(rating.officers.satisfied),
        "PhanTramDanhGiaChuaHaiLong": share(rating.officers.not_satisfied),
        "DanhSachNoiDungYKien": list(rating.opinions),
        "MaThuTuc": rating.procedure_code,
        "NoiDung": rating.content,
        "Madonvi": rating.agency.code,
        "TenDonVi": rating.agency.name,
    }
    service = rating.service
    return {
        **known,
        service_fields["very_satisfied"]: share(service.very_satisfied),
        service_fields["satisfied"]: share(service.satisfied),
        service_fields["not_satisfied"]: share(service.not_satisfied),
    }


def share(value: Decimal) -> str:
    """Return a share in percent with two places."""
    return f"{value:.2f}"


def foreign_text(value: Any) -> str:
    """Return a foreign value as canonical text: normal form C, no control characters, nothing for null."""
    if value is None or isinstance(value, bool | float | list | dict):
        return ""
    return _CONTROL.sub("", unicodedata.normalize("NFC", str(value)))


def read_moment(value: str) -> datetime | None:
    """Return a moment of Vietnam, or ``None`` where the text is none."""
    for pattern, form in _FORMATS:
        if pattern.fullmatch(value):
            try:
                return datetime.strptime(value.replace(" ", "T") if "T" in form else value, form).replace(
                    tzinfo=VIETNAM
                )
            except ValueError:
                return None
    return None
