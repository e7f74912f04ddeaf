"""Translation of the catalogue into the canonical one, without any I/O; every field of the wire has its place.

Texts become Unicode normal form C, nulls become empty. What is not one of the values we know (a channel) is left
out and reported as drift, and so is an entry without a code, because nothing could refer to it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError

from adapters.national_portal import values
from adapters.national_portal import wire_catalogue as w
from contracts.catalogue import (
    CatalogueAgency,
    CatalogueFee,
    CatalogueField,
    CataloguePaper,
    CatalogueProcedure,
    CatalogueResult,
    CatalogueService,
    LegalBasis,
    NamedCode,
    PapersOfCase,
    ProcessingTime,
    StepsOfCase,
    SubmissionWay,
)
from contracts.dossier import Channel

Drift = Callable[[str], None]
"""Called with the path of a value that we do not know."""

_CHANNELS: Mapping[str, Channel] = {number: channel for channel, number in values.CHANNELS.items()}


def procedure(item: w.ThuTucDayDu, drift: Drift, field_codes: Mapping[str, str] | None = None) -> CatalogueProcedure:
    """Return a procedure; ``field_codes`` gives the code of a field that is only named."""
    return CatalogueProcedure(
        code=text(item.MATTHC),
        name=text(item.TENTTHC),
        public=None if item.TRANGTHAI is None else text(item.TRANGTHAI) == values.PUBLIC_PROCEDURE,
        publisher=text(item.MACOQUANCONGBO),
        fields=_fields(item, field_codes or {}),
        ways=tuple(_way(one, drift) for one in item.CACHTHUCTHUCHIEN or ()),
        steps=tuple(
            StepsOfCase(case=text(one.TRUONGHOP), steps=tuple(text(step.TENTRINHTU) for step in one.TRINHTU or ()))
            for one in item.TRINHTUTHUCHIEN or ()
        ),
        papers=tuple(_papers(one) for one in item.THANHPHANHOSO or ()),
        results=tuple(
            CatalogueResult(code=text(one.MAKETQUA), name=text(one.TENKETQUA)) for one in item.KETQUATHUCHIEN or ()
        ),
        requirements=text(item.YEUCAU),
        subjects=tuple(text(one.TENDOITUONG) for one in item.DOITUONGTHUCHIEN or ()),
        subjects_note=text(item.MOTADOITUONGTHUCHIEN),
        legal_bases=tuple(
            LegalBasis(number=text(one.SOVANBAN), name=text(one.TENVANBAN)) for one in item.CANCUPHAPLY or ()
        ),
        agencies=tuple(NamedCode(code=text(one.MADONVI), name=text(one.TENDONVI)) for one in item.COQUANTHUCHIEN or ()),
    )


def agencies(items: Iterable[w.DonVi], drift: Drift) -> tuple[CatalogueAgency, ...]:
    """Return the agencies, once each."""
    found: dict[str, CatalogueAgency] = {}
    for one in items:
        code = text(one.MADONVI)
        if _is_key(code, found, drift, "MADONVI"):
            found[code] = CatalogueAgency(code=code, name=text(one.TENDONVI), level=text(one.CAPDONVI))
    return tuple(found.values())


def fields(items: Iterable[w.MaTen], drift: Drift) -> tuple[CatalogueField, ...]:
    """Return the fields of procedures, once each."""
    found: dict[str, CatalogueField] = {}
    for one in items:
        code = text(one.MALINHVUC)
        if _is_key(code, found, drift, "MALINHVUC"):
            found[code] = CatalogueField(code=code, name=text(one.TENLINHVUC), sector=text(one.MANGANH))
    return tuple(found.values())


def services(items: Iterable[w.DichVuCong], drift: Drift) -> tuple[CatalogueService, ...]:
    """Return the public services, once each."""
    found: dict[str, CatalogueService] = {}
    for one in items:
        code = text(one.MADVC)
        if _is_key(code, found, drift, "MADVC"):
            found[code] = CatalogueService(
                code=code,
                name=text(one.TENDVC),
                procedure_code=text(one.MATTHC),
                procedure_name=text(one.TENTTHC),
                issuing_agency=text(one.TENCOQUANBANHANH),
                field_name=text(one.TENLINHVUC),
                applied_by=tuple(text(each) if isinstance(each, str) else _json(each) for each in one.APDUNGDVC or ()),
            )
    return tuple(found.values())


def procedures(
    items: Iterable[w.ThuTucDayDu], drift: Drift, field_codes: Mapping[str, str]
) -> tuple[CatalogueProcedure, ...]:
    """Return the procedures of a list, once for each root; another code of the same root is drift."""
    found: dict[str, CatalogueProcedure] = {}
    for one in items:
        try:
            read = procedure(one, drift, field_codes)
        except ValidationError:
            drift("MATTHC")
            continue
        if found.setdefault(read.key, read).code != read.code:
            drift("MATTHC")
    return tuple(found.values())


def text(value: w.Value) -> str:
    """Return a value as text: normal form C, numbers as JSON writes them, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return _json(value)


def _json(value: object) -> str:
    # Not orjson: a partner may write numbers of any length.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_key(code: str, found: Mapping[str, object], drift: Drift, field: str) -> bool:
    if not code or len(code) > _KEY_MAX:
        drift(field)
        return False
    return code not in found


_KEY_MAX = 255


def _fields(item: w.ThuTucDayDu, field_codes: Mapping[str, str]) -> tuple[NamedCode, ...]:
    if item.LINHVUCTHUCHIEN:
        return tuple(NamedCode(code=text(one.MALINHVUC), name=text(one.TENLINHVUC)) for one in item.LINHVUCTHUCHIEN)
    name = text(item.TENLINHVUC)
    code = text(item.MALINHVUC) or field_codes.get(name, "")
    return (NamedCode(code=code, name=name),) if code or name else ()


def _way(one: w.CachThucThucHien, drift: Drift) -> SubmissionWay:
    channel = _CHANNELS.get(text(one.KENH))
    if channel is None:
        drift("CACHTHUCTHUCHIEN.KENH")
    return SubmissionWay(channel=channel, times=tuple(_time(each) for each in one.THOIGIAN or ()))


def _time(one: w.ThoiGian) -> ProcessingTime:
    return ProcessingTime(
        duration=text(one.THOIGIANGIAIQUYET),
        unit=text(one.DONVITINH),
        note=text(one.MOTA),
        fees=tuple(
            CatalogueFee(code=text(fee.MAPHILEPHI), amount=text(fee.SOTIEN), unit=text(fee.DONVI), note=text(fee.MOTA))
            for fee in one.PHILEPHI or ()
        ),
    )


def _papers(one: w.ThanhPhanHoSo) -> PapersOfCase:
    return PapersOfCase(
        case=text(one.TRUONGHOP),
        papers=tuple(
            CataloguePaper(
                code=text(paper.MAGIAYTO),
                name=text(paper.TENGIAYTO),
                form_name=text(paper.TENMAUDON),
                form_url=text(paper.URL),
            )
            for paper in one.GIAYTO or ()
        ),
    )
