"""The dossier of the tour: the example of `contracts.examples`, with its days moved so that it happens now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.calendar import VIETNAM
from contracts.examples import dossier_body

OFFICER = {"name": "Lê Văn Thử", "title": "Chuyên viên", "department": "Phòng Mẫu"}
RECEIVER = {"name": "Phạm Thị Thử", "title": "Công chức một cửa", "department": "Trung tâm Phục vụ hành chính công Mẫu"}
LEADER = {"name": "Nguyễn Văn Mẫu", "title": "Phó Chủ tịch", "department": "Ủy ban nhân dân phường Mẫu"}


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened, in Vietnam time: submitted three days ago, worked on within the last two hours."""

    now: datetime

    @classmethod
    def until_now(cls) -> Times:
        """Return the times of a dossier that is finished about now."""
        return cls(datetime.now(VIETNAM).replace(microsecond=0))

    @property
    def submitted(self) -> datetime:
        """A morning three days ago."""
        return (self.now - timedelta(days=3)).replace(hour=8, minute=15, second=0)

    @property
    def paid(self) -> datetime:
        """The fee was paid five minutes after."""
        return self.submitted + timedelta(minutes=5)

    @property
    def consulted(self) -> datetime:
        """The population database was consulted a quarter of an hour after."""
        return self.submitted + timedelta(minutes=15)

    @property
    def received(self) -> datetime:
        """Received three quarters of an hour after."""
        return self.submitted + timedelta(minutes=45)

    @property
    def due(self) -> datetime:
        """Due a week after, at five."""
        return (self.submitted + timedelta(days=7)).replace(hour=17, minute=0)

    @property
    def due_again(self) -> datetime:
        """Due after the supplement: ten days after, at five."""
        return (self.submitted + timedelta(days=10)).replace(hour=17, minute=0)

    @property
    def late(self) -> datetime:
        """During an outage two days ago, written on paper and entered today."""
        return (self.now - timedelta(days=2)).replace(hour=10, minute=0, second=0)

    def ago(self, minutes: float) -> datetime:
        """So many minutes before now."""
        return self.now - timedelta(minutes=minutes)

    def code(self, sequence: int) -> str:
        """Return a dossier code of the day of submission."""
        return f"H99.12-{self.submitted:%y%m%d}-{sequence:04d}"


def facts(times: Times) -> dict[str, Any]:
    """Return the body of the declaration."""
    body: dict[str, Any] = json.loads(dossier_body())
    body["submitted_at"] = times.submitted.isoformat()
    body["received_at"] = times.received.isoformat()
    body["due_at"] = times.due.isoformat()
    body["fees"][0]["payment"]["paid_at"] = times.paid.isoformat()
    body["databases_consulted"][0]["consulted_at"] = times.consulted.isoformat()
    return body


def step(content: str, occurred_at: datetime, **more: Any) -> dict[str, Any]:
    """Return a step of processing by the officer; the state is in_process unless given."""
    return {
        "state": "in_process",
        "handler": OFFICER,
        "content": content,
        "occurred_at": occurred_at.isoformat(),
        **more,
    }


def supplement_request(times: Times, identifier: str, minutes_ago: float) -> dict[str, Any]:
    """Return a request for one more paper."""
    return {
        "kind": "supplement_request",
        "id": identifier,
        "handler": OFFICER,
        "content": "Bổ sung bản sao giấy chứng nhận kết hôn",
        "occurred_at": times.ago(minutes_ago).isoformat(),
        "papers": [{"name": "Giấy chứng nhận kết hôn", "quantity": 1, "kind": "Bản sao"}],
    }


def supplement_receipt(times: Times, identifier: str, minutes_ago: float) -> dict[str, Any]:
    """Return the receipt of the paper, with the new deadline."""
    return {
        "kind": "supplement_receipt",
        "id": identifier,
        "handler": RECEIVER,
        "note": "Đã nhận đủ giấy tờ",
        "occurred_at": times.ago(minutes_ago).isoformat(),
        "new_due_at": times.due_again.isoformat(),
    }


def result(times: Times, minutes_ago: float) -> dict[str, Any]:
    """Return the result paper."""
    return {
        "id": "KQ-0001",
        "handler": LEADER,
        "name": "Giấy khai sinh",
        "catalogue_code": "KQ.G99.000001",
        "component_code": "TP01",
        "paper_number": "01/2026/KS",
        "occurred_at": times.ago(minutes_ago).isoformat(),
        "files": [{"id": "201", "name": "giay-khai-sinh.pdf", "url": "https://tep.h99.example/201"}],
    }
