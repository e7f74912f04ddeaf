"""Translation between canonical dossiers and the register's; does no input or output."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import orjson

from contracts.dossier import Dossier, Step
from contracts.errors import Sentence, Unsupported
from contracts.states import STATES, DossierState
from so_mau.wire import Buoc, BuocDaGhi, HoSo

SENT = frozenset({"procedure", "agency", "applicant", "submitted_at", "summary"})
LEFT_OUT = dict.fromkeys(
    (
        *("processing_unit", "submitter", "channel", "submission_place", "result_delivery", "note", "receipt_number"),
        *("return_information", "received_at", "due_at", "components", "other_papers", "fees", "databases_consulted"),
        *("related_people", "assigned_accounts"),
    ),
    "the register is a public list: who filed what where and when, and how far it is",
)
"""Every field of a declaration stands in one of the two; a test compares them with the model."""

LONGEST_SUMMARY = 500

_VIETNAM = timezone(timedelta(hours=7))


def dossier_to_wire(dossier: Dossier) -> HoSo:
    """Return the message for a dossier; raises `Unsupported` with the field of what does not fit."""
    facts = dossier.facts
    if len(facts.summary or "") > LONGEST_SUMMARY:
        raise Unsupported(_TOO_LONG, field="facts.summary")
    return HoSo(
        ma=dossier.code,
        trangThai=dossier.state.number,
        maThuTuc=facts.procedure.code,
        tenThuTuc=facts.procedure.name,
        donVi=facts.agency.code,
        nguoiNop=facts.applicant.name,
        ngayNop=_moment(facts.submitted_at),
        trichYeu=facts.summary or "",
    )


def step_to_wire(step: Step) -> Buoc:
    """Return the message for a step."""
    return Buoc(so=step.sequence, noiDung=step.content, canBo=step.handler.name, luc=_moment(step.occurred_at))


def state_from_wire(number: int) -> DossierState | None:
    """Return the state of a national number; ``None`` for a number that is none."""
    return STATES[number - 1] if 1 <= number <= len(STATES) else None


def fingerprint(step: Buoc | BuocDaGhi) -> str:
    """Return what tells one step from another: a digest, because a step names people."""
    told = {name: getattr(step, name) for name in ("so", "noiDung", "canBo", "luc")}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _moment(moment: datetime) -> str:
    return moment.astimezone(_VIETNAM).replace(microsecond=0, tzinfo=None).isoformat()


_TOO_LONG = Sentence(
    en=f"The summary is longer than the {LONGEST_SUMMARY} characters the Model Register takes; shorten it.",
    vi=f"Trích yếu dài hơn {LONGEST_SUMMARY} ký tự mà Sổ Mẫu nhận; hãy rút gọn.",
)
