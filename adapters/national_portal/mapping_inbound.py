"""Translation of what the portal sends into the events of the inbox, without any I/O.

Every field of a message ends in a place of its own, or in ``other`` under the name the portal spells it: nothing is
lost. Fields that no public source knows are told as drift besides. Sources: wire facts §2.9 and §9.1, and the two
public clients' models of the promotion notices; a dossier filed on the portal is read with the names of §2.3, which
is inferred.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from adapters.national_portal import fields_inbound
from adapters.national_portal.foreign import MAX_REPORTED, BadMessageError, Fields, unpacked
from adapters.national_portal.inbound_settings import InboundMessageSettings
from adapters.transport.xml import XmlNode, XmlRefusedError, read_xml
from contracts.codes import parse_dossier_code
from contracts.inbound import InboundContent, InboundMessage
from contracts.inbox import (
    Declarant,
    DossierAmended,
    DossierFiled,
    InboxKind,
    PromotionNotice,
    ReceivedFile,
    ReportedField,
    TaxDecision,
    TaxNotice,
)
from contracts.text import Model

VIETNAM = timezone(timedelta(hours=7))

_M = TypeVar("_M", bound=Model)

Drift = Callable[[str], None]
"""Told the name of a field that no public source knows."""

_ENVELOPE = frozenset({"service", "Service", "madonvi", "isUpdating", "IsUpdating", "session", "data", "Data"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message taken out of its envelope."""

    outer: Fields
    content: Fields
    reference: str
    """The portal's own id of the message; empty where it has none."""


def open_envelope(message: Fields, settings: InboundMessageSettings) -> Envelope:
    """Return the content of ``{service, isUpdating, data}``; a message without ``data`` is its own content."""
    content = message.record("data") or message.record("Data") or message
    reference = ""
    for name in settings.reference_fields:
        for place in (message, content):
            reference = reference or place.text(name, most=200)
    return Envelope(message, content, reference)


# --- a dossier filed or amended ---------------------------------------------------------------------------


def dossier_message(envelope: Envelope, settings: InboundMessageSettings, *, drift: Drift) -> InboundMessage:
    """Return the event of ``nhanhsdvcqg``; ``isUpdating`` says which, else whether there is ThongTinSuaDoi."""
    content = envelope.content
    code = content.text("MaHoSoQG", most=100) or content.text("MaHoSo", most=100)
    if not code:
        raise BadMessageError(content.path_of("MaHoSoQG"), "is missing", "bị thiếu")
    changes = content.record("ThongTinSuaDoi")
    said = [place.yes_or_no(name) for place in (envelope.outer, content) for name in ("isUpdating", "IsUpdating")]
    updating = next((one for one in said if one is not None), None)
    amended = changes is not None if updating is None else updating
    submitted = _moment(content, "NgayNopHoSo")
    common = {
        "partner_code": code,
        "dossier_code": _dossier_code(code),
        "procedure_code": content.text("MaTTHC", most=64),
        "declarant": _declarant(content),
        "submitted_at": submitted,
        "files": (*_addressed_form(content), *_addressed(content, settings)),
    }
    if amended:
        reported = _reported(changes.rest()) if changes is not None else ()
        reason = content.text("LyDoDieuChinh", most=4000)
        body: Model = _made(DossierAmended, reason=reason, changes=reported, other=_others(envelope), **common)
    else:
        body = _made(
            DossierFiled,
            procedure_name=content.text("TenTTHC", most=1000),
            summary=content.text("TrichYeuHoSo", most=4000),
            other=_others(envelope, changes),
            **common,
        )
    _tell_drift(envelope, fields_inbound.DOSSIER, settings, drift)
    # The same dossier may be amended many times; without an id of its own only the content tells two apart.
    own = f"{code}:{_digest(body)}" if amended else code
    return InboundMessage(
        kind=InboxKind.DOSSIER_AMENDED if amended else InboxKind.DOSSIER_FILED,
        their_id=envelope.reference or own,
        subject=_dossier_code(code),
        body=body,
        sent_at=submitted,
    )


# --- promotion notice -------------------------------------------------------------------------------------


def promotion_message(envelope: Envelope, settings: InboundMessageSettings, *, drift: Drift) -> InboundMessage:
    """Return the event of ``addtthcKhuyenMai`` with the files that came inside it."""
    content = envelope.content
    code = content.text("MaHoSo", most=100, required=True)
    files: list[ReceivedFile] = []
    contents: list[InboundContent] = []
    if content.has("TepDonDangKy"):
        name = content.text("TenTepDonDangKy", most=4000) or "TepDonDangKy"
        _take(content.base64("TepDonDangKy", most=settings.max_file_bytes), name, files, contents)
    for one in content.records("TaiLieuNop", most=settings.max_files):
        name = one.text("TenTepDinhKem", most=4000, required=True)
        _take(one.base64("Base64", most=settings.max_file_bytes), name, files, contents)
    submitted = _moment(content, "NgayNopHoSo")
    body = _made(
        PromotionNotice,
        partner_code=code,
        dossier_code=_dossier_code(code),
        procedure_code=content.text("MaTTHC", most=64),
        declarant=_declarant(content),
        submitted_at=submitted,
        files=tuple(files),
        programme=content.text("TenChuongTrinhKhuyenMai", most=4000),
        form=content.text("HinhThucKhuyenMai", most=4000),
        other=_others(envelope),
    )
    _tell_drift(envelope, fields_inbound.PROMOTION, settings, drift)
    return InboundMessage(
        kind=InboxKind.PROMOTION_NOTICE,
        their_id=envelope.reference or code,
        subject=_dossier_code(code),
        body=body,
        files=contents,
        sent_at=submitted,
    )


# --- tax notice -------------------------------------------------------------------------------------------


def tax_messages(envelope: Envelope, settings: InboundMessageSettings, *, drift: Drift) -> list[InboundMessage]:
    """Return the events of ``nhantbthuedvcqg``, one for each dossier in the XML."""
    content = envelope.content
    place = content.path_of("FileThongBaoThue")
    packed = content.base64("FileThongBaoThue", most=settings.max_notice_bytes)
    document = unpacked(packed, most=settings.max_notice_bytes, field=place)
    envelope.outer.text("SecurityKey", most=500)
    content.text("SecurityKey", most=500)
    try:
        root = read_xml(document)
    except XmlRefusedError as error:
        raise BadMessageError(place, *_XML_REASONS[error.reason]) from None
    rows = [row for part in root.all("BODY") for row in part.all("ROW_LIST")]
    if root.name != "DATA" or not rows:
        raise BadMessageError(place, "has no /DATA/BODY/ROW_LIST", "không có /DATA/BODY/ROW_LIST")
    files: list[ReceivedFile] = []
    contents: list[InboundContent] = []
    _take(document, "thong-bao-thue.xml", files, contents)
    found = []
    for number, row in enumerate(rows):
        codes = [one.text.strip() for one in row.all("MA_HSO") if one.text.strip()]
        if len(codes) != 1 or len(codes[0]) > 100:  # noqa: PLR2004 - the length of a partner's code
            raise BadMessageError(f"ROW_LIST[{number}].MA_HSO", "must be there once", "phải có đúng một lần")
        decisions = tuple(
            _decision(one, f"ROW_LIST[{number}].LIST[{index}]", drift) for index, one in enumerate(row.all("LIST"))
        )
        for name in sorted({one.name for one in row.children} - {"MA_HSO", "LIST"}):
            drift(f"ROW_LIST.{name}")
        body = _made(
            TaxNotice,
            partner_code=codes[0],
            dossier_code=_dossier_code(codes[0]),
            files=tuple(files),
            decisions=decisions,
            other=_others(envelope),
        )
        # One message may tell of several dossiers: its id alone would make the second one a conflict.
        own = f"{envelope.reference or hashlib.sha256(document).hexdigest()[:32]}:{codes[0]}"
        found.append(
            InboundMessage(
                kind=InboxKind.TAX_NOTICE,
                their_id=own,
                subject=_dossier_code(codes[0]),
                body=body,
                files=contents,
            )
        )
    _tell_drift(envelope, fields_inbound.TAX, settings, drift)
    return found


_XML_REASONS = {
    "not_xml": ("is not well-formed XML", "không phải XML đúng quy cách"),
    "document_type": ("must not have a document type (DTD)", "không được có khai báo kiểu tài liệu (DTD)"),
    "too_deep": ("is nested too deeply", "lồng nhau quá sâu"),
    "too_many_elements": ("has too many elements", "có quá nhiều phần tử"),
}


def _decision(node: XmlNode, path: str, drift: Drift) -> TaxDecision:
    values = {one.name: one.text.strip() for one in node.children}
    for name in sorted(values.keys() - fields_inbound.TAX_ROW):
        drift(f"LIST.{name}")
    amount = values.get("SO_TIEN", "").replace(".", "").replace(",", "")
    if not (amount.isascii() and amount.isdecimal() and len(amount) <= 15):  # noqa: PLR2004 - more than any tax
        raise BadMessageError(f"{path}.SO_TIEN", "is not an amount in whole đồng", "không phải số tiền nguyên đồng")
    return _made(
        TaxDecision,
        tax_number=values.get("MA_SO_THUE", ""),
        number=values.get("SO_QUYET_DINH", ""),
        decided_on=_day(values.get("NGAY_QUYET_DINH", ""), f"{path}.NGAY_QUYET_DINH"),
        amount_vnd=int(amount),
        item=values.get("TEN_TIEU_MUC") or values.get("TEN_TIEUMUC", ""),
    )


# --- parts ------------------------------------------------------------------------------------------------


def _declarant(content: Fields) -> Declarant:
    address = content.record("DiaChiDoanhNghiep")
    parts = [address.text(name, most=300) for name in ("DiaChiChiTiet", "MaXa", "MaHuyen", "MaTinh")] if address else []
    contact = ", ".join(
        one for one in (content.text("NguoiLienHe", most=300), content.text("SoDienThoaiNguoiLienHe", most=50)) if one
    )
    return _made(
        Declarant,
        name=content.text("TenThuongNhan", most=500) or content.text("ChuHoSo", most=500),
        identifier=content.text("MaSoThue", most=50) or content.text("SoGiayToChuHoSo", most=50),
        phone=content.text("DienThoai", most=50) or content.text("SoDienThoai", most=50),
        email=content.text("Email", most=254),
        fax=content.text("Fax", most=50),
        address=", ".join(one for one in parts if one),
        contact_person=contact,
    )


def _addressed_form(content: Fields) -> tuple[ReceivedFile, ...]:
    url, name = content.text("URLTepDangKy", most=2000), content.text("TenTepDangKy", most=4000)
    return (_made(ReceivedFile, number=1, name=name or "TepDangKy", url=url),) if url else ()


def _addressed(content: Fields, settings: InboundMessageSettings) -> tuple[ReceivedFile, ...]:
    first = 2 if content.has("URLTepDangKy") else 1
    return tuple(
        _made(
            ReceivedFile,
            number=first + index,
            name=one.text("TenTepDinhKem", most=4000, required=True),
            component_code=one.text("MaThanhPhanHoSo", most=64) or None,
            url=one.text("DuongDanTaiTepTin", most=2000) or None,
        )
        for index, one in enumerate(content.records("TaiLieuNop", most=settings.max_files))
    )


def _take(content: bytes, name: str, files: list[ReceivedFile], contents: list[InboundContent]) -> None:
    """Add a file that came inside the message; its name is text, and its bytes are never unpacked or run."""
    number, media_type = len(files) + 1, media_type_of(content)
    files.append(
        _made(
            ReceivedFile,
            number=number,
            name=name,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type=media_type,
        )
    )
    contents.append(InboundContent(number=number, media_type=media_type, content=content))


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"<?xml", "application/xml"),
)


def media_type_of(content: bytes) -> str:
    """Return the media type of the first bytes; a zip also stands for the office formats that are one."""
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), "application/octet-stream")


def _others(envelope: Envelope, *more: Fields | None) -> tuple[ReportedField, ...]:
    pairs = list(envelope.content.rest())
    if envelope.outer is not envelope.content:
        pairs += [pair for pair in envelope.outer.rest() if pair[0] not in _ENVELOPE]
    for one in more:
        pairs += one.rest() if one is not None else ()
    return _reported(pair for pair in pairs if pair[0] not in _ENVELOPE)


def _reported(pairs: Iterable[tuple[str, str]]) -> tuple[ReportedField, ...]:
    found = tuple(_made(ReportedField, name=name, value=value) for name, value in pairs)
    if len(found) > MAX_REPORTED:
        raise BadMessageError(
            "", f"the message has more than {MAX_REPORTED} fields", f"thông điệp có quá {MAX_REPORTED} trường"
        )
    return found


def _tell_drift(envelope: Envelope, known: frozenset[str], settings: InboundMessageSettings, drift: Drift) -> None:
    names = envelope.content.names | envelope.outer.names
    for name in sorted(names - known - _ENVELOPE - set(settings.reference_fields)):
        drift(name)


def _made(model: type[_M], **values: object) -> _M:
    """Return a canonical value; what the canonical model refuses is a fault of the message."""
    try:
        return model(**values)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise BadMessageError(place, "has a value that cannot be kept", "có giá trị không lưu được") from None


def _dossier_code(code: str) -> str | None:
    try:
        return parse_dossier_code(code)
    except PydanticCustomError:
        return None


def _moment(content: Fields, name: str) -> datetime | None:
    text = content.text(name, most=40)
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        raise BadMessageError(
            content.path_of(name), "is not yyyyMMddHHmmss", "không đúng dạng yyyyMMddHHmmss"
        ) from None


def _day(text: str, path: str) -> str | None:
    if not text:
        return None
    for form in ("%d-%m-%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=VIETNAM).date().isoformat()
        except ValueError:
            continue
    raise BadMessageError(path, "is not dd-MM-yyyy", "không đúng dạng dd-MM-yyyy")


def _digest(body: Model) -> str:
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()[:32]
