"""Dossiers, steps and settings of the portal's tests; all data is invented, one situation per function."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.national_portal.settings import NationalPortalSettings
from contracts import dossier as d
from contracts import people as p
from contracts.states import DossierState, PauseReason

CODE = "H99.12-261008-0001"
DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
USERNAME = "000.00.00.H99"
PASSWORD = "not-a-real-one"
FILE_HOST = "tep.h99.example"

DAY = datetime(2026, 10, 8, 1, 15, tzinfo=UTC)
"""08:15 on 8 October 2026 in Vietnam."""

PERSONAL = (
    "Trần Thị Mẫu",
    "099199000123",
    "B1234567",
    "0900000001",
    "mau@h99.example",
    "Số 1 đường Thử",
    "Lê Văn Thử",
    "Nội dung riêng",
    "00000000-0000-4000-8000-000000000001",
)
"""Texts of the full dossier and of its steps that must never be seen in an error, a log or a metric."""


def settings(adapter_url: str = "http://127.0.0.1:9/XrdAdapter/RestService/forward", **changes: Any) -> Any:
    """Return the settings of a connection; ``changes`` are put above."""
    fields: dict[str, Any] = {
        "forward": {"adapter_url": adapter_url, "dstcode": DSTCODE, "file_hosts": [FILE_HOST]},
        "username": USERNAME,
        "password": PASSWORD,
        "madonvi": USERNAME,
    }
    return NationalPortalSettings.model_validate(fields | changes)


def handler(name: str = "Lê Văn Thử") -> d.Handler:
    """Return an officer."""
    return d.Handler(name=name, title="Chuyên viên", department="Phòng Mẫu", account_id="canbo01")


def file(number: str, name: str = "don.pdf") -> d.FileRef:
    """Return a file on our own file host."""
    return d.FileRef(
        id=number,
        name=name,
        url=f"https://{FILE_HOST}/{number}",
        media_type="application/pdf",
        size_bytes=1000,
        sha256="0" * 64,
    )


def fee(code: str = "LP01", *, amount: int = 50_000, paid: d.PaymentPlatform | None = None) -> d.Fee:
    """Return a fee, paid through ``paid`` or not at all."""
    payment = None if paid is None else d.FeePayment(platform=paid, paid_at=DAY, reference="GD0000001")
    return d.Fee(
        code=code,
        name="Lệ phí mẫu",
        kind=d.FeeKind.CHARGE,
        collection=d.FeeCollection.ONLINE,
        amount_vnd=amount,
        payment=payment,
    )


def person(**changes: Any) -> p.PersonApplicant:
    """Return a citizen who has an account at the portal."""
    fields: dict[str, Any] = {
        "name": "Trần Thị Mẫu",
        "contact": p.Contact(
            phone="0900000001", email="mau@h99.example", fax="0900000009", address="Số 1 đường Thử, phường Mẫu"
        ),
        "portal_account": p.PortalAccount(technical_id="00000000-0000-4000-8000-000000000001", verified_by_vneid=True),
        "other_information": "Nội dung riêng khác",
        "identifiers": (p.PersonalNumberIdentifier(value="099199000123"),),
    }
    return p.PersonApplicant(**(fields | changes))


def plain_facts(**changes: Any) -> d.DossierFacts:
    """Return the least a declaration can say."""
    fields: dict[str, Any] = {
        "procedure": d.Procedure(
            code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Lĩnh vực mẫu"
        ),
        "agency": d.Agency(code="H99.12", name="UBND phường Mẫu"),
        "processing_unit": "UBND phường Mẫu",
        "applicant": p.PersonApplicant(
            name="Trần Thị Mẫu", identifiers=(p.PersonalNumberIdentifier(value="099199000123"),)
        ),
        "channel": d.Channel.DIRECT,
        "submitted_at": DAY,
    }
    return d.DossierFacts(**(fields | changes))


def plain_dossier(code: str = CODE, **changes: Any) -> d.Dossier:
    """Return a dossier just declared."""
    fields: dict[str, Any] = {
        "revision": 1,
        "state": DossierState.NEWLY_REGISTERED,
        "facts": plain_facts(),
    }
    return d.Dossier(code=code, **(fields | changes))


def full_facts(**changes: Any) -> d.DossierFacts:
    """Return a declaration with a value in every field."""
    fields: dict[str, Any] = {
        "applicant": person(),
        "submitter": p.Submitter(
            name="Lê Văn Thử",
            relation=p.SubmitterRelation.AUTHORISED,
            identifiers=(p.PassportIdentifier(value="B1234567"),),
            contact=p.Contact(phone="0900000002", email="nop@h99.example", fax="0900000008", address="Số 2 đường Thử"),
        ),
        "channel": d.Channel.ONLINE,
        "submission_place": d.SubmissionPlace.NATIONAL_PORTAL,
        "result_delivery": d.ResultDelivery.POSTAL,
        "summary": "Trích yếu mẫu",
        "note": "Nội dung riêng trong ghi chú",
        "receipt_number": "BN-0001",
        "return_information": "Gửi qua bưu chính",
        "received_at": DAY + timedelta(minutes=45),
        "due_at": DAY + timedelta(days=7),
        "components": (
            d.Component(
                code="TP01",
                name="Tờ khai",
                files=(file("101"), file("102", "trang-2.pdf")),
                digitisation=d.Digitisation(
                    digitised=True,
                    reuse=d.Reuse.SECOND_DEGREE,
                    from_personal_store=True,
                    replaced_by_result_code="KQ.G99.000009",
                ),
            ),
        ),
        "other_papers": (d.OtherPaper(name="Bản sao hộ chiếu", quantity=2, kind="Bản sao"),),
        "fees": (fee(paid=d.PaymentPlatform.NATIONAL),),
        "databases_consulted": (d.DatabaseConsultation(database_code="7", consulted_at=DAY),),
        "related_people": (
            p.RelatedPerson(
                role=p.RelatedRole.SPOUSE,
                name="Phạm Văn Thử",
                identifiers=(p.PassportIdentifier(value="B7654321", country="VN"),),
            ),
        ),
        "assigned_accounts": ("canbo-1",),
    }
    return plain_facts(**(fields | changes))


def supplement(**changes: Any) -> d.Supplement:
    """Return a supplement that was asked for and received."""
    fields: dict[str, Any] = {
        "id": "BS01",
        "requested_by": handler(),
        "content": "Nội dung riêng: bổ sung giấy tờ",
        "requested_at": DAY + timedelta(days=1),
        "papers": (d.OtherPaper(name="Bản sao giấy chứng sinh", quantity=1, kind="Bản sao"),),
        "fees": (fee("LP02", paid=d.PaymentPlatform.NATIONAL),),
        "previous_due_at": DAY + timedelta(days=7),
        "received_by": handler("Phạm Thị Nhận"),
        "received_at": DAY + timedelta(days=2),
        "received_note": "Đã nhận đủ",
        "new_due_at": DAY + timedelta(days=9),
    }
    return d.Supplement(**(fields | changes))


def full_dossier(code: str = CODE, **changes: Any) -> d.Dossier:
    """Return a dossier with a value in every field, as far as fields do not exclude each other."""
    fields: dict[str, Any] = {
        "revision": 9,
        "state": DossierState.RESULT_RETURNED,
        "facts": full_facts(),
        "received_at": DAY + timedelta(minutes=45),
        "due_at": DAY + timedelta(days=9),
        "finished_at": DAY + timedelta(days=4),
        "returned_at": DAY + timedelta(days=5),
        "refused_at": DAY + timedelta(days=6),
        "steps": (step(),),
        "supplements": (supplement(),),
        "pauses": (
            d.Pause(reason=PauseReason.FEE_PAYMENT, since=DAY + timedelta(days=1), until=DAY + timedelta(days=2)),
        ),
        "extension": d.Extension(
            previous_due_at=DAY + timedelta(days=7),
            new_due_at=DAY + timedelta(days=9),
            reason="Nội dung riêng: chờ xác minh",
            announced_at=DAY + timedelta(days=3),
            apology_letter="TXL-01",
        ),
        "withdrawal": d.Withdrawal(
            reason="Nội dung riêng: rút hồ sơ",
            requested_at=DAY + timedelta(days=1),
            confirmed_by=handler(),
            confirmed_at=DAY + timedelta(days=1, hours=2),
        ),
        "results": (
            d.Result(
                id="KQ01",
                name="Giấy khai sinh",
                catalogue_code="KQ.G99.000001",
                component_code="TP01",
                paper_number="01/KS",
                issued_at=DAY + timedelta(days=4),
                files=(file("901", "giay.pdf"), file("902", "phu-luc.pdf")),
            ),
        ),
    }
    return d.Dossier(code=code, **(fields | changes))


def cancellation(**changes: Any) -> d.Cancellation:
    """Return an approved cancellation."""
    fields: dict[str, Any] = {
        "reason": d.CancellationReason.DUPLICATE,
        "explanation": "Nội dung riêng: nhập trùng",
        "requested_by": handler(),
        "requested_at": DAY + timedelta(days=1),
        "approved_by": handler("Phạm Thị Duyệt"),
        "approved_at": DAY + timedelta(days=1, hours=3),
    }
    return d.Cancellation(**(fields | changes))


def step(sequence: int = 1, **changes: Any) -> d.Step:
    """Return a step with a value in every field."""
    fields: dict[str, Any] = {
        "sequence": sequence,
        "state": DossierState.IN_PROCESS,
        "handler": handler(),
        "content": "Nội dung riêng: thẩm định hồ sơ",
        "occurred_at": DAY + timedelta(days=1, minutes=sequence),
        "started_at": DAY + timedelta(hours=22),
        "planned_end_at": DAY + timedelta(days=5),
        "due_at": DAY + timedelta(days=7),
        "pause": PauseReason.AMENDMENT,
        "recorded_at": DAY + timedelta(days=1, hours=1),
        "late_entry": True,
    }
    return d.Step(**(fields | changes))
