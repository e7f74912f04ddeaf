"""What an answer to ``TraCuuHoSo`` tells of a dossier, as canonical facts. Pure; accounts for every field.

The public facts say "dossier or error" and show nine fields; a portal that tells more is believed as far as the
tables of this file go, and every other field is drift. What is absent or null is not told. An empty text is told
only for a date, where it says that there is none; in the others it may stand for "not shown".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

from adapters.national_portal import values, wire
from contracts.comparison import moment_text, truth_text
from contracts.dossier import Channel

_VIETNAM = timezone(timedelta(hours=7))

UnknownValue = Callable[[str], None]
"""Is told the wire field whose value is in no list we know; only secondary facts are left out this way."""

TEXTS: dict[str, str] = {
    "MaTTHC": "procedure.code",
    "TenTTHC": "procedure.name",
    "MaLinhVuc": "procedure.field_code",
    "TenLinhVuc": "procedure.field_name",
    "DonViXuLy": "processing_unit",
    "ChuHoSo": "applicant.name",
    "TrichYeuHoSo": "summary",
    "SoBienNhan": "receipt_number",
}

_CHANNELS_BACK = {number: channel.value for channel, number in values.CHANNELS.items()}
_TRUTHS_BACK = {"0": truth_text(False), "1": truth_text(True)}

CHOICES: dict[str, tuple[str, Mapping[str, str]]] = {
    "LoaiDoiTuong": ("applicant.kind", values.APPLICANT_KINDS_BACK),
    "HinhThuc": ("result_delivery", values.DELIVERIES_BACK),
    "KenhThucHien": ("channel", _CHANNELS_BACK),
    "HoSoCoThanhPhanSoHoa": ("components.digitised", _TRUTHS_BACK),
    "TaiKhoanDuocXacThucVoiVNeID": ("applicant.portal_account.verified_by_vneid", _TRUTHS_BACK),
}

MOMENTS: dict[str, str] = {
    "NgayNopHoSo": "submitted_at",
    "NgayTiepNhan": "received_at",
    "NgayHenTra": "due_at",
    "NgayKetThucXuLy": "finished_at",
    "NgayTra": "returned_at",
    "NgayTuChoi": "refused_at",
}

NOT_FACTS: dict[str, str] = {
    "MaHoSo": "the question itself; another code is a broken answer",
    "TrangThaiHoSo": "the state, which has its own place beside the facts",
}
"""Fields of the answer that become no fact, and why."""


def told_facts(found: wire.TraCuuHoSo, unknown_value: UnknownValue) -> dict[str, str]:
    """Return the canonical facts in the answer; ``unknown_value`` hears of a value that is in no list."""
    told: dict[str, str] = {}
    for field, name in TEXTS.items():
        value = getattr(found, field)
        if value is not None and value != "":
            told[name] = str(value)
    for field, (name, table) in CHOICES.items():
        value = getattr(found, field)
        # A null channel is told: the score counts it as direct (QĐ 766, 3.3).
        if field == "KenhThucHien" and value is None and field in found.model_fields_set:
            told[name] = Channel.DIRECT.value
        elif value is not None and value != "":
            known = table.get(str(value))
            if known is None:
                unknown_value(field)
            else:
                told[name] = known
    for field, name in MOMENTS.items():
        value = getattr(found, field)
        if value is not None:
            moment = _moment(str(value))
            if moment is None:
                unknown_value(field)
            else:
                told[name] = moment
    return told


def _moment(value: str) -> str | None:
    """Return a wire time as the text of a moment, ``""`` for none; ``None`` for what is no time."""
    if value == "":
        return ""
    if not (value.isascii() and value.isdigit() and len(value) == len("yyyyMMddHHmmss")):
        return None
    try:
        return moment_text(datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=_VIETNAM))
    except ValueError:
        return None
