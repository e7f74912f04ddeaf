"""The part of the tour where the dossier system is wrong: each mistake is named, and nothing is stored."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.errors import Sentence
from hub.demo import sample
from hub.demo.tour import Step, Tour, must, must_be_refused

NEVER = 99
"""Sequence of a dossier that is never accepted."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One bad input and how it must be refused."""

    what: str
    path: str
    body: Any
    status: int
    code: str
    field: str | None


class Refusals:
    """Makes the mistakes."""

    def __init__(self, tour: Tour) -> None:
        """Works on the dossier of the tour, and on one that is never accepted."""
        self._tour = tour

    def steps(self) -> list[Step]:
        """Return the one step."""
        return [Step(Sentence("Bad input is refused", "Dữ liệu sai bị từ chối"), self.refuse)]

    async def refuse(self) -> str:
        """4xx with the field and a sentence in both languages; nothing stored, nothing sent."""
        before = await self._everything()
        mistakes = self.mistakes()
        for one in mistakes:
            headers = {"Idempotency-Key": f"demo-{one.code}"} if one.path else {}
            method = "POST" if one.path else "PUT"
            code = self._tour.code if one.path else self._tour.times.code(NEVER)
            answer = await self._tour.api.send(method, f"/v1/dossiers/{code}{one.path}", one.body, **headers)
            must_be_refused(answer, one.status, one.code, one.field)
        must(await self._everything() == before, "a refused call left something behind")
        statuses = sorted({one.status for one in mistakes})
        return (
            f"{len(mistakes)} mistakes refused ({', '.join(map(str, statuses))}): "
            f"{', '.join(one.what for one in mistakes)}; nothing stored, nothing sent"
        )

    def mistakes(self) -> list[Mistake]:
        """Return the bad inputs the regulations and the wire make likely."""
        times = self._tour.times
        facts = sample.facts(times)
        step = sample.step("Thẩm định hồ sơ", times.ago(1))
        applicant = facts["applicant"]
        nine = [{"kind": "personal_number", "value": "099199000"}]
        paper = {**facts["other_papers"][0], "quantity": "1"}
        decomposed = unicodedata.normalize("NFD", applicant["name"])
        oversized = json.dumps({**facts, "note": "x" * (2 << 20)}).encode()
        unknown = {**facts["procedure"], "code": "1.999999.H99"}
        future = (times.now + timedelta(days=1)).isoformat()
        identifier = "applicant.identifiers[0].value"
        fee = {**step, "state": "financial_obligation_requested"}
        again = sample.supplement_request(times, "BS-0003", 1)

        def put(what: str, change: Mapping[str, Any], code: str, field: str, status: int = 422) -> Mistake:
            return Mistake(what, "", {**facts, **change}, status, code, field)

        return [
            Mistake("malformed JSON", "", b'{"procedure": ', 400, "malformed_json", None),
            put("wrong type", {"other_papers": [paper]}, "wrong_type", "other_papers[0].quantity"),
            put("impossible date", {"submitted_at": "2026-02-30T08:00:00+07:00"}, "not_a_date_time", "submitted_at"),
            put("NFD text", {"applicant": {**applicant, "name": decomposed}}, "not_nfc", "applicant.name"),
            put("9-digit number", {"applicant": {**applicant, "identifiers": nine}}, "personal_number", identifier),
            put("too long", {"summary": "x" * 1001}, "too_long", "summary"),
            Mistake("oversized body", "", oversized, 413, "body_too_large", None),
            put("unknown procedure", {"procedure": unknown}, "unknown_procedure", "procedure.code"),
            put(
                "in the future",
                {"submitted_at": future, "received_at": None, "due_at": None},
                "in_the_future",
                "submitted_at",
            ),
            Mistake("unknown state", "/steps", {**step, "state": "flying"}, 422, "unknown_value", "state"),
            Mistake("unlawful pause", "/steps", fee, 422, "pause_reason_required", "pause"),
            Mistake("second supplement", "/supplements", again, 409, "second_supplement", "kind"),
        ]

    async def _everything(self) -> tuple[int, ...]:
        """Count what is stored, and what the portal was asked to write."""
        async with self._tour.running.store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT (SELECT count(*) FROM dossiers), (SELECT count(*) FROM dossier_events),"
                " (SELECT count(*) FROM exchanges), (SELECT count(*) FROM attempts),"
                " (SELECT count(*) FROM idempotency_keys)"
            )
            row = await cursor.fetchone()
        state = await self._tour.portal.get("state")
        return (*map(int, row or ()), state["creates"], state["updates"], state["steps"])
