"""The part of the tour about look-ups of citizens: granted, explained, refused, watched, and seen by the citizen.

Played at the hub's API by the parties of `hub.demo.officers`; what the simulated population database was asked, it
tells itself.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.demo import sample
from hub.demo.inquiries import Inquiries
from hub.demo.officers import (
    APPLICANT,
    HARVESTER,
    HONEST,
    NEWCOMER,
    PURPOSE,
    UNIT,
    Citizen,
    Officer,
    authority,
    duty,
    in_line,
    night_about,
    strangers,
)
from hub.demo.tour import Step, Tour, must, must_be, must_be_refused

RUSH, HARVEST = 40, 8
"""Look-ups of the rush, which harms nobody, and of the harvest, which does."""

SOON_SECONDS = 30.0
"""Within which a case must be there: a clerk looks every half second, and this machine may be busy."""


class Watching:
    """Plays two officers: one works, one harvests."""

    def __init__(self, tour: Tour) -> None:
        """Works on dossiers of its own."""
        self._tour = tour
        self._hub = Inquiries(tour)
        *self._line, self._other = in_line(RUSH + 1)
        self._strangers = strangers(HARVEST)
        self._explained = ""
        self._denied = ""
        self._taken: dict[str, Citizen] = {}
        self._case = ""
        self._hidden = ""

    def steps(self) -> list[Step]:
        """Return them."""
        return [
            Step(Sentence("Two parties grant accounts to officers", "Hai bên cấp tài khoản cho cán bộ"), self.granted),
            Step(
                Sentence("A look-up is explained by its dossier", "Lượt tra cứu được hồ sơ giải thích"), self.explained
            ),
            Step(
                Sentence("A look-up without a dossier is refused", "Tra cứu không gắn hồ sơ bị từ chối"), self.refused
            ),
            Step(Sentence("A rush of work raises no case", "Cao điểm hồ sơ không thành vụ việc"), self.rush),
            Step(Sentence("Two people change a rule of the watch", "Hai người cùng đổi quy tắc giám sát"), self.rules),
            Step(
                Sentence(
                    "A night harvest becomes a case in seconds", "Vét dữ liệu ban đêm thành vụ việc trong vài giây"
                ),
                self.harvest,
            ),
            Step(Sentence("The officer is asked and explains", "Cán bộ được hỏi và giải trình"), self.asked),
            Step(
                Sentence("A locked account looks nobody up any more", "Tài khoản bị khóa không tra cứu được nữa"),
                self.locked,
            ),
            Step(Sentence("A person gives the verdict", "Người có thẩm quyền kết luận"), self.verdict),
            Step(Sentence("Citizens see who looked them up", "Công dân xem ai đã tra cứu mình"), self.seen),
        ]

    # --- accounts -----------------------------------------------------------------------------------------------

    async def granted(self) -> str:
        """Requested by one party, approved or refused by the other, and by nobody for themselves."""
        tour = self._tour
        party = await self._hub.introduce()
        await self._hub.database.seed([one.seed for one in (*self._line, self._other, *self._strangers)])
        await self._hub.declare(self._hub.code(0), HONEST, self._other)
        await self._hub.declare(self._hub.code(RUSH + 1), HARVESTER)
        numbers = {one.account_id: await self._requested(one) for one in (HONEST, HARVESTER, NEWCOMER)}
        # Before the first look-up: at whatever hour the tour is played, the honest officer is on duty.
        roster = await party.desk.send("PUT", f"/v1/accounts/{HONEST.account_id}/roster", duty(tour.times.now))
        must_be(roster, 200)
        own = await party.desk.act(f"/v1/accounts/{HONEST.account_id}/approve", _decision(numbers[HONEST.account_id]))
        must_be(own, 403)
        for one, answer, state in (
            (HONEST, "approve", "active"),
            (HARVESTER, "approve", "active"),
            (NEWCOMER, "refuse", "refused"),
        ):
            wish = _decision(numbers[one.account_id])
            decided = await party.police.act(f"/v1/accounts/{one.account_id}/{answer}", wish)
            must_be(decided, 200)
            must(decided.document["state"] == state, f"an account is {decided.document['state']}, not {state}")
        return (
            "3 accounts requested by the agency, its own approval 403; the police approve 2 and refuse 1; one of"
            " the 2 is on the duty roster"
        )

    async def _requested(self, officer: Officer) -> int:
        body = officer.declaration(self._tour.times.now.date())
        answer = await self._hub.parties.desk.send("PUT", f"/v1/accounts/{officer.account_id}", body)
        must_be(answer, 201)
        return int(answer.document["account"]["request_number"])

    # --- one look-up --------------------------------------------------------------------------------------------

    async def explained(self) -> str:
        """The right record, one question to the database, weight 0 in the log, and an entry that proves it."""
        before = await self._hub.asked()
        answer = await self._hub.look_up(HONEST, APPLICANT, self._hub.code(0))
        must_be(answer, 200)
        told = answer.document
        must(told["found"] and told["citizen"]["number"] == APPLICANT.number, "another record than asked for")
        must(set(told["data_groups"]) == {"identity", "residence"}, f"given was {', '.join(told['data_groups'])}")
        must(await self._hub.asked() == before + 1, "the database was not asked once")
        self._explained = told["lookup_id"]
        (found,) = await self._hub.judged(HONEST, [self._explained])
        how = found["explanation"]
        must((how["grade"], how["w"]) == ("party_assigned", 0), f"explained as {how['grade']}, weight {how['w']}")
        entries = await self._hub.proven(self._explained)
        return (
            f"asked once, answered with {' and '.join(sorted(told['data_groups']))}; explained: {how['grade']}, weight"
            f" {how['w']:g}; {entries} entries of the ledger proven offline"
        )

    async def refused(self) -> str:
        """Neither a dossier nor an emergency: refused with a sentence, on record, and nobody was asked."""
        before = await self._hub.asked()
        answer = await self._hub.look_up(HONEST, APPLICANT, None)
        must_be_refused(answer, 403, "dossier_required", "dossier_code")
        must(await self._hub.asked() == before, "the database was asked all the same")
        page = await self._hub.parties.security.get(f"/v1/lookups?account={HONEST.account_id}&outcome=denied")
        codes = [one["denied_code"] for one in page.document["items"]]
        must(codes == ["dossier_required"], f"the log has {', '.join(codes)}")
        self._denied = page.document["items"][0]["id"]
        return f"403 “{answer.document['detail']} / {answer.document['detail_vi']}”; in the log, nobody asked"

    async def rush(self) -> str:
        """As many people as dossiers: the dossiers explain each, and nothing is raised."""
        codes = [self._hub.code(at) for at in range(1, RUSH + 1)]
        pairs = list(zip(codes, self._line, strict=True))
        await asyncio.gather(*(self._hub.declare(code, HONEST, one) for code, one in pairs))
        before, began = await self._hub.asked(), time.monotonic()
        answers = [await self._hub.look_up(HONEST, one, code) for code, one in pairs]
        seconds = time.monotonic() - began
        for answer, one in zip(answers, self._line, strict=True):
            must_be(answer, 200)
            must(answer.document["citizen"]["number"] == one.number, "another record than asked for")
        must(await self._hub.asked() == before + RUSH, f"the database was not asked {RUSH} times")
        found = await self._hub.judged(HONEST, [one.document["lookup_id"] for one in answers])
        weights = {one["explanation"]["w"] for one in found}
        must(weights == {0}, f"the dossiers left {max(weights):g} unexplained")
        raised = await self._hub.cases(HONEST)
        must(not raised, f"the rush became a case: {', '.join(rule for one in raised for rule in one['rules'])}")
        await self._tour.delivered(*codes, self._hub.code(0), self._hub.code(RUSH + 1))
        return f"{RUSH} people in {seconds:.1f} s under {RUSH} dossiers: all explained, weight 0; no case"

    # --- the watch ----------------------------------------------------------------------------------------------

    async def rules(self) -> str:
        """Proposed, tried on history, refused to the same hand, approved by another, in force."""
        party, now = self._hub.parties, sample.Times.until_now().now
        hours = night_about(now)
        wish = {"person": "anninh.thu", "reason": "Điều chỉnh giờ ban đêm (mô phỏng)", "rules": {"account": hours}}
        proposed = await party.security.act("/v1/watch/proposals", wish)
        must_be(proposed, 201)
        where = f"/v1/watch/proposals/{proposed.document['id']}"
        preview: dict[str, Any] = {}

        async def previewed() -> bool:
            nonlocal preview
            preview = (await party.police.get(where)).document["preview"] or {}
            return bool(preview)

        await self._tour.until("the proposal was tried on history", previewed)
        tried = preview["proposed"]
        must(tried["lookups"] > RUSH, f"tried on {tried['lookups']} look-ups only")
        must((preview["now"]["alerts"], tried["alerts"]) == (0, 0), "the rush is raised on history")
        consent = {"person": "anninh.thu", "reason": "Đồng ý"}
        must_be_refused(await party.police.act(f"{where}/approve", consent), 403, "second_person_required")
        approved = await party.police.act(f"{where}/approve", {**consent, "person": "phongpc06.thu"})
        must_be(approved, 200)
        current = (await party.security.get("/v1/watch/rules")).document
        must(current["version"] == approved.document["version"], "the approved version is not in force")
        must(hours.items() <= current["rules"]["account"].items(), "the hours in force are others")
        # Once this one is judged, the watch has taken the new version up; on the roster it is no matter of the night.
        again = await self._hub.look_up(HONEST, self._other, self._hub.code(0))
        must_be(again, 200)
        await self._hub.judged(HONEST, [again.document["lookup_id"]])
        must(not await self._hub.cases(HONEST), "the officer on duty became a case by the new rules")
        return (
            f"{', '.join(f'{name} {minute // 60:02}:{minute % 60:02}' for name, minute in hours.items())}: tried on"
            f" {tried['lookups']} look-ups, 0 alerts by old rules and new; same person 403, another approved: version"
            f" {current['version']}; on the roster those hours raise nothing"
        )

    async def harvest(self) -> str:
        """People of no concern to the dossier given, at night: a case with a sentence, while they still look."""
        before = await self._hub.asked()
        for one in self._strangers:
            answer = await self._hub.look_up(HARVESTER, one, self._hub.code(RUSH + 1))
            must_be(answer, 200)
            self._taken[answer.document["lookup_id"]] = one
        began = time.monotonic()
        must(await self._hub.asked() == before + HARVEST, f"the database was not asked {HARVEST} times")

        async def there() -> bool:
            return bool(await self._hub.cases(HARVESTER))

        await self._tour.until("the harvest is a case", there)
        seconds = time.monotonic() - began
        must(seconds < SOON_SECONDS, f"the case took {seconds:.0f} s")
        found = await self._hub.judged(HARVESTER, list(self._taken))
        must(all(one["explanation"]["w"] == 1 for one in found), "the harvest was explained")
        (case,) = await self._hub.cases(HARVESTER)
        self._case = f"/v1/cases/{case['id']}"
        detail = await self._case_now()
        must("night" in detail["rules"], f"raised by {', '.join(detail['rules'])}")
        night = next(one for one in detail["alerts"] if one["rule"] == "night")
        must("trong một đêm, không có lịch trực" in night["reason_vi"], "the reason is another")
        must(detail["evidence"], "no evidence was frozen")
        named = {one for alert in detail["alerts"] for one in alert["lookup_ids"]}
        must(named <= self._taken.keys(), "the case names other look-ups")
        self._hidden = min(named)
        must(not await self._hub.cases(HONEST), "the rush became a case by the new rules")
        return (
            f"{HARVEST} strangers under one dossier; case {detail['number']} {seconds:.1f} s after the last: “"
            f"{detail['title_vi']}” “{night['reason_vi']}”; rules: {', '.join(detail['rules'])}; the rush has none"
        )

    # --- the case -----------------------------------------------------------------------------------------------

    async def asked(self) -> str:
        """Taken, asked, and answered by that officer alone; no citizen is named, and none is told meanwhile."""
        party = self._hub.parties
        must_be(await party.police.act(f"{self._case}/take", {"person": _HOLDER}), 200)
        wish = {"person": _HOLDER, "question": "Đề nghị giải trình các lượt tra cứu.", "lookup_ids": [self._hidden]}
        made = await party.police.act(f"{self._case}/questions", wish)
        must_be(made, 201)
        page = await party.desk.get(f"/v1/explanations?account_id={HARVESTER.account_id}")
        (question,) = page.document["items"]
        must(question["id"] == made.document["made_id"] and not question["overdue"], "another question, or overdue")
        must(self._taken[self._hidden].number.encode() not in page.content, "the question names a citizen")
        where = f"/v1/explanations/{question['id']}/answer"
        answer = {"text": "Tôi tra cứu để chuẩn bị danh sách, chưa có hồ sơ."}
        other = await party.desk.act(where, {**answer, "actor": HONEST.actor})
        must(400 <= other.status < 500, f"somebody else's answer was taken ({other.status})")  # noqa: PLR2004
        must_be(await party.desk.act(where, {**answer, "actor": HARVESTER.actor}), 200)
        detail = await self._case_now()
        must(detail["state"] == "taken", f"the case is {detail['state']}")
        must(detail["questions"][0]["answer"] == answer["text"], "the answer does not stand in the case")
        view = await self._hub.usage(self._taken[self._hidden])
        must((view["withheld"]["count"], view["shown"]) == (1, 0), "the citizen is told while it is examined")
        return (
            f"due {_local(detail['questions'][0]['due_at'])}; another officer's answer {other.status}"
            f" {other.document['code']}; the officer's own stands in the case; from the citizen's view 1 is withheld"
        )

    async def locked(self) -> str:
        """From the case, at once: the next look-up is refused and nobody is asked."""
        party = self._hub.parties
        wish = authority(_HOLDER, "Ngăn chặn tra cứu trái phép", "34/QĐ-CAT")
        must_be(await party.police.act(f"{self._case}/lock-account", wish), 200)
        before = await self._hub.asked()
        answer = await self._hub.look_up(HARVESTER, self._strangers[-1], self._hub.code(RUSH + 1))
        must_be_refused(answer, 403, "account_locked", "actor.account_id")
        never = await self._hub.look_up(NEWCOMER, self._line[0], self._hub.code(1))
        must_be_refused(never, 403, "account_unapproved", "actor.account_id")
        must(await self._hub.asked() == before, "the database was asked for an account that is locked or refused")
        history = (await party.police.get(f"/v1/accounts/{HARVESTER.account_id}/history")).document["items"]
        must(history[0]["to_state"] == "locked", f"the account is {history[0]['to_state']}")
        must(self._case.endswith(str(history[0]["case_id"])), "the lock does not name its case")
        return (
            f"next look-up 403 “{answer.document['detail_vi']}”; the register names the case and its document; the"
            " account the police refused: 403 account_unapproved; nobody asked"
        )

    async def verdict(self) -> str:
        """Decided with a reason; the evidence is frozen, the rule's record grows, and it is proven by the ledger."""
        party = self._hub.parties
        wish = {"person": _HOLDER, "verdict": "violation", "reason": "Tra cứu không gắn với hồ sơ được giao"}
        must_be(await party.police.act(f"{self._case}/decide", wish), 200)
        detail = await self._case_now()
        must((detail["state"], detail["verdict"]) == ("decided", "violation"), f"the case is {detail['state']}")
        occasions = [one["occasion"] for one in detail["evidence"]]
        must(occasions[-1] == "decided", f"the last evidence is of {occasions[-1]}")
        records = {one["rule"]: one for one in (await party.security.get("/v1/watch/rules")).document["track_records"]}
        must(records["night"]["violations"] == 1, "the rule's record does not count it")
        entries = await self._hub.proven(f"case:{detail['id']}")
        return (
            f"violation (vi phạm); {len(occasions)} pieces of evidence frozen, {entries} entries of the ledger proven"
            f" offline; the night rule's record: {records['night']['violations']} violation"
        )

    # --- the citizen --------------------------------------------------------------------------------------------

    async def seen(self) -> str:
        """When, which agency, for which dossier and purpose, which data; not who; and what was withheld is shown."""
        answer = await self._hub.usage_answer(APPLICANT)
        view = answer.document
        entries = {one["lookup_id"]: one for one in view["items"]}
        one = entries[self._explained]
        shown = (one["agency"], one["dossier_code"], one["purpose"], one["outcome"], bool(one["at"]))
        must(shown == (UNIT, self._hub.code(0), PURPOSE, "found", True), "the citizen's view tells something else")
        must(set(one["data_groups"]) == {"identity", "residence"}, "the groups of data are others")
        must(
            entries.keys() == {self._explained, self._denied},
            f"{len(entries)} look-ups are shown, not the 2 there were",
        )
        must(entries[self._denied]["outcome"] == "denied", "the refused look-up is not shown as refused")
        for officer in (HONEST, HARVESTER):
            for secret in (officer.name, officer.account_id, officer.number, officer.code):
                must(secret not in answer.content.decode(), "the citizen's view names the officer")
        stranger = await self._hub.usage(self._taken[self._hidden])
        must((stranger["withheld"]["count"], stranger["shown"]) == (0, 1), "what was withheld is not shown")
        must(stranger["items"][0]["dossier_code"] != self._hub.code(RUSH + 1), "somebody else's dossier is shown")
        must(stranger["readings"]["count"] == 1, "the readings are not counted")
        return (
            f"{view['shown']} look-ups, 1 of them refused: {_local(one['at'])}, {one['agency']},"
            f" {one['dossier_code']}, “{one['purpose']}”, {', '.join(one['data_groups'])}; no officer; a stranger's,"
            " withheld until the verdict, is shown now, without the dossier"
        )

    async def _case_now(self) -> dict[str, Any]:
        answer = await self._hub.parties.police.get(self._case)
        must_be(answer, 200)
        detail: dict[str, Any] = answer.document
        return detail


_HOLDER = "phongpc06.thu"


def _decision(number: int) -> dict[str, Any]:
    return {**authority("Lê Văn Thử", "Theo kết quả thẩm định", "34/CV-PC06"), "request_number": number}


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(VIETNAM):%d/%m/%Y %H:%M}"
