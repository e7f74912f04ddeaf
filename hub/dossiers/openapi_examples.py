"""One valid body of each call, for the OpenAPI document. All data is invented; a test reads each with its model."""

from __future__ import annotations

from typing import Any

import orjson

from contracts.examples import dossier_body

DOSSIER: Any = orjson.loads(dossier_body())

_HANDLER = {"name": "Phạm Thị Thử", "title": "Chuyên viên", "department": "Phòng Tư pháp", "account_id": "canbo01"}
_HEAD = {"name": "Vũ Văn Thử", "title": "Trưởng phòng", "department": "Phòng Tư pháp", "account_id": "canbo02"}

STEP: Any = {
    "state": "accepted",
    "handler": _HANDLER,
    "content": "Tiếp nhận hồ sơ",
    "occurred_at": "2026-10-08T09:00:00+07:00",
    "due_at": "2026-10-15T17:00:00+07:00",
}
SUPPLEMENT: Any = {
    "kind": "supplement_request",
    "id": "BS-0001",
    "handler": _HANDLER,
    "content": "Đề nghị bổ sung bản sao giấy chứng sinh",
    "occurred_at": "2026-10-08T10:00:00+07:00",
    "papers": [{"name": "Bản sao giấy chứng sinh", "quantity": 1}],
}
RESULT: Any = {
    "id": "KQ-0001",
    "handler": _HANDLER,
    "name": "Giấy khai sinh",
    "catalogue_code": "KQ.G99.000001",
    "component_code": "TP01",
    "paper_number": "01/2026",
    "occurred_at": "2026-10-14T15:00:00+07:00",
    "files": [{"id": "201", "name": "giay-khai-sinh.pdf", "url": "https://tep.h99.example/201"}],
}
WITHDRAWAL: Any = {
    "handler": _HANDLER,
    "reason": "Người nộp đề nghị rút hồ sơ để bổ sung thông tin",
    "requested_at": "2026-10-09T08:00:00+07:00",
    "occurred_at": "2026-10-09T08:30:00+07:00",
}
CANCELLATION: Any = {
    "reason": "duplicate",
    "explanation": "Hồ sơ nhập trùng",
    "requested_by": _HANDLER,
    "requested_at": "2026-10-09T09:00:00+07:00",
    "approved_by": _HEAD,
    "occurred_at": "2026-10-09T10:00:00+07:00",
}
