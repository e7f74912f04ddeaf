"""The calls the portal makes to us, in its own protocol: JSON in, ``{error_code, message}`` out, HTTP 200 also for no.

``error_code`` is 0 for taken, 1 for "taken before", -1 for everything else, as the public province-side code answers.
Only two things are told by the HTTP status as well, because no protocol is spoken there: a caller that is not the
portal (403), and a file that is not there, where a JSON answer with 200 would be kept as the file (404).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from adapters.national_portal import fields_inbound, mapping_inbound
from adapters.national_portal.foreign import BadMessageError, Fields, read_message
from adapters.national_portal.inbound_settings import InboundMessageSettings
from adapters.national_portal.mapping_inbound import VIETNAM, Envelope, open_envelope
from adapters.national_portal.values import APPLICANT_KINDS, DELIVERIES, STATE_NUMBERS
from contracts.dossier import Dossier, Fee, FeeKind
from contracts.inbound import (
    InboundAnswer,
    InboundDesk,
    InboundFault,
    InboundMessage,
    InboundRequest,
    Receipt,
)
from contracts.inbox import InboxKind, PartnerCode, PaymentAsked

OK, DUPLICATE, ERROR = 0, 1, -1
SOMETHING_TO_PAY = 1
"""Only of the payment look-up; 0 there means: nothing to pay."""

_FILE_STATUS = {
    InboundFault.NOT_ALLOWED: 403,
    InboundFault.NO_SERVICE: 404,
    InboundFault.UNAVAILABLE: 503,
    InboundFault.FAILED: 502,
}

Service = Callable[[Fields, InboundRequest], Awaitable[dict[str, Any]]]


class PortalInbound:
    """Answers the portal. See `contracts.inbound.InboundHandler`."""

    def __init__(
        self,
        desk: InboundDesk,
        settings: InboundMessageSettings,
        *,
        agency: str,
        report_drift: Callable[[str, str], None],
    ) -> None:
        """``agency`` is whose events those are that name no dossier of ours; ``report_drift`` gets unknown fields."""
        self._desk = desk
        self._settings = settings
        self._agency = agency
        self._report_drift = report_drift
        paths = settings.paths
        self._file_prefix = f"{paths.file}/"
        self._services: dict[str, Service] = {
            paths.search: self._search,
            paths.dossier: self._dossier,
            paths.promotion: self._promotion,
            paths.tax_notice: self._tax_notice,
            paths.payment: self._payment,
        }

    def opens_by_address(self, path: str) -> bool:
        """Files are opened by their one-time address."""
        return path.startswith(self._file_prefix)

    async def serve(self, request: InboundRequest) -> InboundAnswer:
        """Answer one call."""
        if self.opens_by_address(request.path):
            return await self._file(request)
        service = self._services.get(request.path)
        if service is None or request.method != "POST":
            return self.refuse(request.path, InboundFault.NO_SERVICE)
        try:
            message, wrapped = read_message(request.body)
            if wrapped:
                self._report_drift(request.path, "json_in_a_string")
            return _answer(await service(message, request))
        except BadMessageError as error:
            await self._desk.refuse_message(request.body, service=request.path)
            return _answer(self._said(ERROR, error.sentence.vi))

    def refuse(self, path: str, fault: InboundFault) -> InboundAnswer:
        """Say no as the portal reads it."""
        status = 403 if fault is InboundFault.NOT_ALLOWED else 200
        if self.opens_by_address(path):
            status = _FILE_STATUS.get(fault, 400)
        return _answer(self._said(ERROR, fault.sentence.vi), status)

    # --- messages -----------------------------------------------------------------------------------------

    async def _dossier(self, message: Fields, request: InboundRequest) -> dict[str, Any]:
        envelope = open_envelope(message, self._settings)
        return await self._keep(
            [mapping_inbound.dossier_message(envelope, self._settings, drift=self._drift(request.path))]
        )

    async def _promotion(self, message: Fields, request: InboundRequest) -> dict[str, Any]:
        envelope = open_envelope(message, self._settings)
        return await self._keep(
            [mapping_inbound.promotion_message(envelope, self._settings, drift=self._drift(request.path))]
        )

    async def _tax_notice(self, message: Fields, request: InboundRequest) -> dict[str, Any]:
        envelope = open_envelope(message, self._settings)
        self._require_security_key(envelope)
        return await self._keep(mapping_inbound.tax_messages(envelope, self._settings, drift=self._drift(request.path)))

    async def _keep(self, messages: list[InboundMessage]) -> dict[str, Any]:
        """Keep every event of one message and answer for all: a conflict is a no, something new is a yes."""
        receipts = set()
        for one in messages:
            owned = one if one.subject is not None else _of_agency(one, self._agency)
            receipts.add(await self._desk.receive(owned))
        if Receipt.CONFLICT in receipts:
            return self._said(ERROR, "Mã này đã được gửi trước đây với nội dung khác; hệ thống không ghi đè.")
        if Receipt.NEW in receipts:
            return self._said(OK, "Đã tiếp nhận")
        return self._said(DUPLICATE, "Đã tiếp nhận trước đây")

    def _require_security_key(self, envelope: Envelope) -> None:
        keys = [one.get_secret_value() for one in self._settings.security_keys]
        given = envelope.outer.text("SecurityKey", most=500) or envelope.content.text("SecurityKey", most=500)
        found = False
        for key in keys:
            found |= hmac.compare_digest(given.encode(), key.encode())
        if keys and not found:
            raise BadMessageError("SecurityKey", "is not the one agreed upon", "không đúng như đã thoả thuận")

    # --- questions ----------------------------------------------------------------------------------------

    async def _search(self, message: Fields, request: InboundRequest) -> dict[str, Any]:  # noqa: ARG002 - a service
        dossier = await self._asked(message, "TraCuuHoSo")
        if dossier is None:
            return self._said(ERROR, "Không tìm thấy hồ sơ")
        found = _found(dossier)
        if self._settings.found_in == "top":
            return self._said(OK, "", **found)
        return self._said(OK, "", result=found)

    async def _payment(self, message: Fields, request: InboundRequest) -> dict[str, Any]:
        code = _code_of(message)
        dossier = await self._asked(message, request.path)
        due = [] if dossier is None else [fee for fee in dossier.fees_asked if fee.payment is None]
        total = sum(fee.amount_vnd for fee in due)
        asked = PaymentAsked(partner_code=code, found=dossier is not None, due_vnd=total)
        # One event a day for each answer: a portal that asks every minute shall not fill the inbox.
        their_id = hashlib.sha256(f"{code}\n{dossier is not None}\n{total}\n{_day(request.at)}".encode()).hexdigest()
        subject = dossier.code if dossier is not None else None
        event = InboundMessage(kind=InboxKind.PAYMENT_ASKED, their_id=their_id, subject=subject, body=asked)
        await self._desk.receive(event if subject else _of_agency(event, self._agency))
        if dossier is None:
            return self._said(ERROR, "Không tìm thấy hồ sơ")
        if not total:
            return self._said(OK, "Không có khoản phải nộp")
        return self._said(SOMETHING_TO_PAY, _bill(dossier, due, total, request.at, self._settings.payment_client_id))

    async def _asked(self, message: Fields, service: str) -> Dossier | None:
        return await self._desk.find_dossier(_code_of(message), service=service)

    async def _file(self, request: InboundRequest) -> InboundAnswer:
        if request.method != "GET":
            return self.refuse(request.path, InboundFault.NO_SERVICE)
        opened = await self._desk.open_file(request.path.removeprefix(self._file_prefix))
        if opened is None:
            return self.refuse(request.path, InboundFault.NO_SERVICE)
        return InboundAnswer(
            status=200,
            content=opened.content,
            media_type=opened.media_type,
            headers={"content-disposition": "attachment"},
        )

    # --- answers ------------------------------------------------------------------------------------------

    def _said(self, code: int, message: Any, **more: Any) -> dict[str, Any]:
        return {
            "error_code": code if self._settings.code_type == "number" else str(code),
            "message": message,
            **more,
        }

    def _drift(self, service: str) -> Callable[[str], None]:
        def report(name: str) -> None:
            self._report_drift(service, name)

        return report


def _answer(document: dict[str, Any], status: int = 200) -> InboundAnswer:
    return InboundAnswer(status=status, content=orjson.dumps(document))


_PARTNER_CODE: TypeAdapter[str] = TypeAdapter(PartnerCode)


def _code_of(message: Fields) -> str:
    content = message.record("data") or message
    names = fields_inbound.CODES
    code = next((found for name in names if (found := content.text(name, most=100))), "")
    if not code:
        raise BadMessageError(names[0], "is missing", "bị thiếu")
    try:
        return _PARTNER_CODE.validate_python(code)
    except ValidationError:
        raise BadMessageError(names[0], "is no code of a dossier", "không phải là mã hồ sơ") from None


def _of_agency(message: InboundMessage, agency: str) -> InboundMessage:
    return InboundMessage(
        kind=message.kind,
        their_id=message.their_id,
        subject=message.subject,
        body=message.body,
        files=message.files,
        agency_code=agency,
        sent_at=message.sent_at,
    )


def _found(dossier: Dossier) -> dict[str, str]:
    facts = dossier.facts
    return {
        "MaHoSo": dossier.code,
        "MaTTHC": facts.procedure.code,
        "TenTTHC": facts.procedure.name,
        "MaLinhVuc": facts.procedure.field_code,
        "TenLinhVuc": facts.procedure.field_name,
        "LoaiDoiTuong": APPLICANT_KINDS[facts.applicant.kind],
        "TrangThaiHoSo": STATE_NUMBERS[dossier.state],
        "HinhThuc": DELIVERIES[facts.result_delivery],
        "DonViXuLy": facts.processing_unit,
    }


def _bill(dossier: Dossier, due: list[Fee], total: int, at: datetime, client_id: str) -> dict[str, Any]:
    """Return what is to be paid, in the words of the payment platform; names nobody."""
    return {
        "MaTraCuuTT": f"{dossier.code}{at.astimezone(VIETNAM):%Y%m%d%H%M%S}",
        "transaction_id": dossier.code,
        "client_id": client_id,
        "MaHoSo": dossier.code,
        "MaTTHC": dossier.facts.procedure.code,
        "SoTien": str(total),
        "PhiLePhi": [
            {
                "LoaiPhiLePhi": "1" if fee.kind is FeeKind.FEE else "2",
                "MaPhiLePhi": fee.code,
                "TenPhiLePhi": fee.name,
                "SoTien": str(fee.amount_vnd),
            }
            for fee in due
        ],
    }


def _day(at: datetime) -> str:
    return at.astimezone(VIETNAM).date().isoformat()
