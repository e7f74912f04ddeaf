"""Translation between the canonical query, papers and result papers and the store's messages, without any I/O.

The requester is always the officer. A query whose officer is missing or is the owner is refused before anything is
sent, whatever was checked before: a known client sent the owner's number as that of a citizen who asks.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from adapters.personal_store import wire
from contracts.document_store import (
    Officer,
    OwnerKind,
    PaperQuery,
    ResultPaperEntry,
    StoredFile,
    StoredPaper,
    ValidityScope,
)
from contracts.errors import Sentence, Unsupported

Drift = Callable[[str], None]
"""Called with the path of a value that we cannot take as it is."""

_FORMATS = {"yyyyMMdd": "%Y%m%d", "yyyyMMddHHmmss": "%Y%m%d000000", "dd/MM/yyyy": "%d/%m/%Y"}
_NAME_MAX = 255
_LOCATION_MAX = 4000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_BASE64_LINE_ENDS = str.maketrans("", "", "\r\n")

NO_NAME = "tep"
"""The name of a file whose own name says nothing once folders are taken away."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The value lists and forms that are configuration."""

    owner_kinds: Mapping[OwnerKind, str]
    scopes: Mapping[ValidityScope, str]
    date_format: str
    databases_as: str


def query_to_wire(query: PaperQuery) -> wire.TraCuuGiayTo:
    """Return a query in the name of the officer; raises `Unsupported` where that is nobody or the owner."""
    require_officer(query.officer, query.owner_number)
    return {
        "SoDinhDanhChuSoHuu": query.owner_number,
        "HoTenNguoiYeuCau": query.officer.name,
        "KenhThucHien": wire.OFFICER,
        "SoDinhDanhNguoiYeuCau": query.officer.number,
        "MaThuTuc": query.procedure_code,
        "DanhSachDanhMucKetQua": [
            {"MaKetQua": one.catalogue_code, "SoKyHieu": one.paper_number} for one in query.wanted
        ],
    }


def require_officer(officer: Officer, owner_number: str) -> None:
    """Refuse a request whose requester is missing or is the owner of the papers."""
    if not officer.number.strip() or officer.number == owner_number:
        raise Unsupported(_NOT_AN_OFFICER, field="officer.number")


def paper_to_wire(paper: ResultPaperEntry, vocabulary: Vocabulary) -> wire.GiayToKetQua:
    """Return a result paper as the store takes it."""
    require_officer(paper.officer, paper.owner_number)
    return {
        "LoaiDinhDanhCHS": vocabulary.owner_kinds[paper.owner_kind],
        "MaChuGiayTo": paper.owner_number,
        "MaCoQuan": paper.agency_code,
        "MaGiayToKetQua": paper.catalogue_code,
        "SoKyHieu": paper.paper_number,
        "TrichYeuNoiDung": paper.summary,
        "NgayCap": _day(paper.issued_on, vocabulary),
        "ThoiHanHieuLuc": _day(paper.valid_until, vocabulary),
        "PhamViHieuLuc": vocabulary.scopes[paper.scope],
        "TenFileGiayToKetQuaDinhKem": paper.file_name,
        "NgaySoHoa": _day(paper.digitised_on, vocabulary),
        "MaCSDLDaKetNoi": list(paper.databases) if vocabulary.databases_as == "list" else ",".join(paper.databases),
    }


def found_paper(item: wire.GiayTo, drift: Drift) -> StoredPaper:
    """Return a paper that was found; raises pydantic's ``ValidationError`` for texts beyond every measure."""
    files = []
    for one in item.DanhSachTepDinhKem or ():
        name = safe_file_name(text(one.TenTep))
        if name != one.TenTep:
            drift("DanhSachTepDinhKem.TenTep")
        if not 0 < len(one.DuongDan) <= _LOCATION_MAX:
            drift("DanhSachTepDinhKem.DuongDan")
            continue
        files.append(StoredFile(name=name, location=one.DuongDan))
    return StoredPaper(
        catalogue_code=text(item.MaKetQua),
        name=text(item.TenGiayTo),
        paper_number=text(item.SoKyHieu),
        owner_agency=text(item.CoQuanChuQuan),
        files=tuple(files),
    )


def safe_file_name(name: str) -> str:
    """Return a foreign file name for people: its last part only, printable, never a folder or a hidden file."""
    last = re.split(r"[/\\]", _UNPRINTABLE.sub("", name))[-1].strip().lstrip(".").strip()
    return last[:_NAME_MAX] or NO_NAME


def file_bytes(encoded: str) -> bytes | None:
    """Return the bytes of a base64 text (RFC 4648 §4, lines allowed), or ``None`` where it is none."""
    plain = encoded.translate(_BASE64_LINE_ENDS)
    if len(plain) % 4:
        return None
    try:
        return base64.b64decode(plain.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def text(value: str | int | None) -> str:
    """Return a foreign value as text in normal form C; nothing for null."""
    return "" if value is None else _UNPRINTABLE.sub("", unicodedata.normalize("NFC", str(value)))


def _day(day: date | None, vocabulary: Vocabulary) -> str:
    return "" if day is None else day.strftime(_FORMATS[vocabulary.date_format])


_NOT_AN_OFFICER = Sentence(
    en="The request names no officer other than the owner of the papers; the store is asked by officers only.",
    vi="Yêu cầu không có số định danh của cán bộ khác với chủ giấy tờ; chỉ cán bộ mới được tra cứu kho dữ liệu.",
)
