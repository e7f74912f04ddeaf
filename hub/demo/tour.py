"""The tour: one dossier's life through the API, each step verified where it counts, at the portal's own copy."""

from __future__ import annotations

import asyncio
import copy
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import Sentence
from hub.demo import expected, sample
from hub.demo.calls import Answer, DossierSystem, SandboxControl
from hub.demo.compare import differences, fields
from hub.running.up import Running, known_procedures

PORTAL = "national_portal"
PATIENCE_SECONDS = 60.0

MAIN = 1
"""Sequence of the dossier whose life the tour tells."""


class Unverified(Exception):  # noqa: N818 - the finding, not a crash
    """Something is not as the tour says; holds no personal data."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the tour."""

    title: Sentence
    play: Callable[[], Awaitable[str]]
    """Plays and verifies it; returns what was verified, or raises `Unverified`."""


@dataclass(slots=True)
class AtPortal:
    """What the portal must hold of one dossier."""

    snapshot: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)


class Tour:
    """What the steps share: the API, the portal, and what the portal must hold by now."""

    def __init__(self, running: Running) -> None:
        """``running`` has a sandbox and its client."""
        if running.credentials is None or running.sandbox_url is None:
            raise ValueError("the tour needs a sandbox")
        self.running = running
        self.api = DossierSystem(running.api_url, running.credentials)
        self.portal = SandboxControl(running.sandbox_url, PORTAL)
        self.times = sample.Times.until_now()
        self.book: dict[str, AtPortal] = {}
        self.timeline: list[dict[str, Any]] = []

    @property
    def code(self) -> str:
        """The dossier whose life is told."""
        return self.times.code(MAIN)

    def steps(self) -> list[Step]:
        """Return the steps of a dossier's ordinary life, up to where trouble comes."""
        return [
            Step(Sentence("Everything runs", "Mọi tiến trình đang chạy"), self.services),
            Step(Sentence("A client gets a token", "Ứng dụng lấy mã truy cập"), self.token),
            Step(Sentence("Procedures are synchronised", "Đồng bộ danh mục thủ tục"), self.procedures),
            Step(Sentence("A dossier is accepted", "Tiếp nhận hồ sơ"), self.declare),
            Step(Sentence("It is pushed to the portal", "Đẩy hồ sơ lên Cổng"), self.pushed),
            Step(Sentence("It moves through its states", "Hồ sơ qua các bước xử lý"), self.work),
            Step(Sentence("A supplement is asked for once", "Yêu cầu bổ sung một lần"), self.supplement),
        ]

    def ending(self) -> list[Step]:
        """Return the steps that end the dossier, and the look back."""
        return [
            Step(Sentence("Result, finished, returned", "Có kết quả, xử lý xong, trả kết quả"), self.finish),
            Step(Sentence("A late, back-dated step is marked", "Bước nhập muộn được đánh dấu"), self.late_step),
        ]

    def look_back(self) -> list[Step]:
        """Return the last comparison and the timeline."""
        return [
            Step(Sentence("A repeated call changes nothing", "Gọi lặp lại không đổi gì"), self.idempotency),
            Step(
                Sentence("All copies agree, field by field", "Đối chiếu từng trường với bản ở Cổng"), self.compare_all
            ),
            Step(Sentence("The timeline in plain words", "Diễn biến hồ sơ bằng lời"), self.tell),
        ]

    # --- what steps are made of -----------------------------------------------------------------------------

    async def until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for something another process does; raise `Unverified` when it does not come."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not await condition():
            if time.monotonic() > end:
                raise Unverified(f"not within {PATIENCE_SECONDS:g} s: {what}")
            await asyncio.sleep(0.05)

    async def settled(self, code: str) -> bool:
        """Say whether the portal has confirmed the newest revision and nothing is on its way."""
        (system,) = (await self.api.get(f"/v1/dossiers/{code}")).document["systems"]
        return bool(system["standing"] == "current")

    async def delivered(self, *codes: str) -> None:
        """Wait until the portal has everything of these dossiers."""
        for code in codes:
            await self.until(f"{code} delivered", lambda code=code: self.settled(code))  # type: ignore[misc]

    async def compare(self, code: str) -> int:
        """Compare the portal's own copy with what is written down; return how many values agree."""
        held = await self.portal.get(f"dossiers/{code}")
        must(held is not None and "dossier" in held, f"the portal does not hold {code}")
        book = self.book[code]
        found = [
            *differences(book.snapshot, held["dossier"], "dossier"),
            *differences(book.steps, held["step_list"], "steps"),
        ]
        must(not found, f"the portal's copy of {code} is not as it should be: {'; '.join(found[:5])}")
        must(held["creates"] == 1, f"{code} was created {held['creates']} times")
        must(held["repeated_steps"] == 0, f"{held['repeated_steps']} steps of {code} arrived twice")
        return fields(book.snapshot) + fields(book.steps)

    async def declare_as(self, code: str) -> Answer:
        """Declare the sample dossier under this code, and note what the portal must hold of it."""
        answer = await self.api.put(code, sample.facts(self.times))
        must_be(answer, 201)
        self.book[code] = AtPortal(expected.accepted(code, self.times))
        return answer

    async def step(self, code: str, event: dict[str, Any], there: dict[str, Any], **snapshot: Any) -> Answer:
        """Record a step, and note how it and the dossier must stand at the portal."""
        answer = await self.api.post(code, "steps", event)
        must_be(answer, 201)
        self.note(code, there, **snapshot)
        return answer

    def note(self, code: str, there: dict[str, Any] | None, **snapshot: Any) -> None:
        """Note a step the portal must have, and what of its snapshot changed."""
        if there is not None:
            self.book[code].steps.append(there)
        self.book[code].snapshot.update(snapshot)

    # --- 1 to 5 ---------------------------------------------------------------------------------------------

    async def services(self) -> str:
        """Services are up: ready by their own word, and each a process of its own."""
        ready = await self.api.get("/readyz")
        must_be(ready, 200)
        checks = ready.document["checks"]
        must(all(one["ok"] for one in checks), "a check of /readyz failed")
        must_be(await self.api.get("/livez"), 200)
        children = (self.running.api, self.running.workers[0], self.running.sandbox)
        pids = [child.pid for child in children if child is not None]
        must(len(set(pids)) == 3 and None not in pids, "a process is missing")  # noqa: PLR2004 - api, worker, sandbox
        return f"/readyz: {', '.join(one['name'] for one in checks)} ok; api, worker, sandbox: 3 processes"

    async def token(self) -> str:
        """A token for the right secret, none for a wrong one."""
        wrong = await self.api.log_in("wrong-secret")
        must(wrong.status == 401, f"a wrong secret was answered with {wrong.status}")  # noqa: PLR2004
        right = await self.api.log_in()
        must_be(right, 200)
        return f"wrong secret 401; right one: {right.document['token_type']}, {right.document['expires_in']} s"

    async def procedures(self) -> str:
        """The catalogue of the portal is here: the public procedures with national codes, and no others."""
        known = await known_procedures(self.running.store)
        must(known == list(expected.PROCEDURE_ROOTS), "the catalogue is not the portal's")
        offered = (await self.portal.get("state"))["procedures"]
        return f"{len(known)} of the {offered} listed: the public ones with a national code"

    async def declare(self) -> str:
        """Accepted means kept: 201 with a revision, and the same call again changes nothing."""
        answer = await self.declare_as(self.code)
        must(answer.headers.get("etag") == '"1"', "no revision 1")
        again = await self.api.put(self.code, sample.facts(self.times))
        must_be(again, 200)
        must(again.document["unchanged"] is True, "the same declaration made a revision")
        read = await self.api.get(f"/v1/dossiers/{self.code}")
        must(read.document["dossier"]["facts"]["applicant"]["name"] == "Trần Thị Mẫu", "not what was declared")
        return f"201, revision 1, {len(answer.document['exchange_ids'])} exchange; again: 200, unchanged"

    async def pushed(self) -> str:
        """The portal's own copy has every field as a person would have written it."""
        await self.delivered(self.code)
        return f"{await self.compare(self.code)} values of the portal's copy compared, all equal"

    # --- 6, 7 -----------------------------------------------------------------------------------------------

    async def work(self) -> str:
        """Steps arrive in their order, and the dossier's state follows."""
        times, code = self.times, self.code
        started, planned = times.ago(110), times.due
        await self.step(
            code,
            sample.step(
                "Thẩm định hồ sơ",
                times.ago(100),
                started_at=started.isoformat(),
                planned_end_at=planned.isoformat(),
            ),
            expected.step(
                code,
                "4",
                "Thẩm định hồ sơ",
                times.ago(100),
                NgayBatDau=expected.wire_time(started),
                NgayKetThucTheoQuyDinh=expected.wire_time(planned),
            ),
            TrangThaiHoSo="4",
        )
        await self.step(
            code,
            sample.step("Lấy ý kiến phối hợp", times.ago(90)),
            expected.step(code, "4", "Lấy ý kiến phối hợp", times.ago(90)),
        )
        await self.delivered(code)
        return f"2 steps, state 2 → 4; {await self.compare(code)} values equal"

    async def supplement(self) -> str:
        """A supplement is asked for and comes; a second one is refused before it costs a point."""
        times, code = self.times, self.code
        must_be(await self.api.post(code, "supplements", sample.supplement_request(times, "BS-0001", 80)), 201)
        self.note(
            code,
            expected.step(code, "5", "Bổ sung bản sao giấy chứng nhận kết hôn", times.ago(80)),
            TrangThaiHoSo="5",
            DanhSachHoSoBoSung=[expected.supplement(times, asked_minutes_ago=80, came_minutes_ago=None)],
        )
        await self.delivered(code)
        values = await self.compare(code)
        must_be(await self.api.post(code, "supplements", sample.supplement_receipt(times, "BS-0001", 70)), 201)
        self.note(
            code,
            expected.step(code, "2", "Đã nhận đủ giấy tờ", times.ago(70), by="Phạm Thị Thử"),
            TrangThaiHoSo="2",
            NgayHenTra=expected.wire_time(times.due_again),
            DanhSachHoSoBoSung=[expected.supplement(times, asked_minutes_ago=80, came_minutes_ago=70)],
        )
        await self.delivered(code)
        second = await self.api.post(code, "supplements", sample.supplement_request(times, "BS-0002", 65))
        must_be_refused(second, 409, "second_supplement")
        return (
            f"5, then 2 with a new date; {values} + {await self.compare(code)} values equal; second: “{_both(second)}”"
        )

    # --- the end --------------------------------------------------------------------------------------------

    async def finish(self) -> str:
        """Result with its file and catalogue code, finished, returned."""
        times, code = self.times, self.code
        must_be(await self.api.post(code, "results", sample.result(times, 20)), 201)
        self.note(code, None, DanhSachGiayToKetQua=[copy.deepcopy(expected.RESULT)])
        await self.step(
            code,
            sample.step("Phê duyệt kết quả", times.ago(15), state="processing_finished", handler=sample.LEADER),
            expected.step(code, "9", "Phê duyệt kết quả", times.ago(15), by="Nguyễn Văn Mẫu"),
            TrangThaiHoSo="9",
            NgayKetThucXuLy=expected.wire_time(times.ago(15)),
        )
        await self.step(
            code,
            sample.step("Trả kết quả cho công dân", times.ago(5), state="result_returned", handler=sample.RECEIVER),
            expected.step(code, "10", "Trả kết quả cho công dân", times.ago(5), by="Phạm Thị Thử"),
            TrangThaiHoSo="10",
            NgayTra=expected.wire_time(times.ago(5)),
        )
        await self.delivered(code)
        return f"state 9 → 10 with the result paper; {await self.compare(code)} values equal"

    async def late_step(self) -> str:
        """A step written on paper during an outage is taken, marked, and stands where it belongs."""
        times, code = self.times, self.code
        answer = await self.step(
            code,
            sample.step("Kiểm tra thực địa (ghi trên giấy khi mất kết nối)", times.late),
            expected.step(code, "4", "Kiểm tra thực địa (ghi trên giấy khi mất kết nối)", times.late),
        )
        must(answer.document["late_entry"] is True, "the late step is not marked")
        must(answer.document["state"] == "result_returned", "a late step moved the state")
        await self.delivered(code)
        return f"late_entry; state stays 10; {await self.compare(code)} values equal"

    async def idempotency(self) -> str:
        """The same call with the same key gets the same answer; another call with it is refused."""
        code, key = self.times.code(2), uuid.uuid4().hex
        event = sample.step("Kiểm tra lại hồ sơ", self.times.ago(1))
        first = await self.api.post(code, "steps", event, key=key)
        must_be(first, 201)
        self.note(code, expected.step(code, "4", "Kiểm tra lại hồ sơ", self.times.ago(1)))
        again = await self.api.post(code, "steps", event, key=key)
        must_be(again, 201)
        must(again.document == first.document, "the repeated call got another answer")
        must(again.headers.get("idempotency-replayed") == "true", "the repetition is not marked")
        other = await self.api.post(code, "steps", {**event, "content": "Nội dung khác"}, key=key)
        must_be_refused(other, 409, "idempotency_conflict")
        await self.delivered(code)
        return f"same answer, marked as replayed; other body 409; {await self.compare(code)} values equal"

    async def compare_all(self) -> str:
        """Every dossier at the portal is what it should be: every field, every step, in order, none twice."""
        values = [await self.compare(code) for code in self.book]
        held = await self.portal.get("dossiers")
        must(set(held) == set(self.book), "the portal holds other dossiers than were declared")
        steps = sum(len(one.steps) for one in self.book.values())
        return f"{len(values)} dossiers, {steps} steps in order, none twice: {sum(values)} values equal"

    async def tell(self) -> str:
        """The timeline has every event and every message, in plain words, with nothing of a citizen."""
        answer = await self.api.get(f"/v1/dossiers/{self.code}/timeline")
        must_be(answer, 200)
        self.timeline = answer.document["entries"]
        words = "\n".join(f"{one['text']} {one['text_vi']}" for one in self.timeline)
        for secret in ("Trần Thị Mẫu", "Mẫu", "099199000123", "0900000001", "Thử"):
            must(secret not in words, "the timeline names a citizen")
        late = [one for one in self.timeline if one["late_entry"]]
        must(len(late) == 1 and "nhập muộn" in late[0]["text_vi"], "the late entry is not told")
        moments = [one["at"] for one in self.timeline]
        must(moments == sorted(moments), "the timeline is not in order")
        return f"{len(self.timeline)} entries in both languages, nothing of a citizen (printed above)"


def must(condition: object, what: str) -> None:
    """Raise `Unverified` unless the condition holds."""
    if not condition:
        raise Unverified(what)


def must_be(answer: Answer, status: int) -> None:
    """Raise `Unverified` unless the answer has this status."""
    told = answer.document.get("code", "") if isinstance(answer.document, dict) else ""
    must(answer.status == status, f"answered with {answer.status} {told} instead of {status}")


def must_be_refused(answer: Answer, status: int, code: str, field: str | None = None) -> None:
    """Raise `Unverified` unless this is that refusal, with a sentence in each language."""
    must_be(answer, status)
    problem = answer.document
    must(problem["code"] == code, f"refused with {problem['code']} instead of {code}")
    must(field is None or problem.get("field") == field, f"names the field {problem.get('field')} instead of {field}")
    both = (problem.get("detail"), problem.get("detail_vi"))
    must(all(both) and both[0] != both[1], f"the refusal {code} has no sentence in both languages")


def _both(answer: Answer) -> str:
    return f"{answer.document['detail']} / {answer.document['detail_vi']}"
