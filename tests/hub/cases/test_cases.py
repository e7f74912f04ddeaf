"""Cases through the API: taken, asked about, decided, put aside, locked, revealed, handed over; who may not."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der

from hub.access.scopes import Scope
from hub.cases.scoring import PRIORITY_SQL, priority
from hub.settings import Settings
from hub.store.engine import Store
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.cases.world import NOW, OFFICER, OWN, UNIT, WatchWorld, watch_world

FIRST = {"person": "anninh01"}
SECOND = {"person": "anninh02"}
WHY = {**FIRST, "reason": "Đối chiếu với đơn vị"}
SECURITY = (Scope.CASES_READ, Scope.CASES_MANAGE, Scope.CASES_REVEAL, Scope.ACCOUNTS_APPROVE_POLICE)


@pytest.fixture(scope="session")
def police() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """The key of the police and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Công an tỉnh Mẫu")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return key, made


@dataclass
class Desk:
    """Two clients of security staff, a dossier system, and one case."""

    world: WatchWorld
    one: httpx.AsyncClient
    other: httpx.AsyncClient
    officers: httpx.AsyncClient
    case: str
    lookup: str

    async def act(
        self, what: str, body: dict[str, Any] = FIRST, *, by: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        """Do something with the case."""
        return await (by or self.one).post(f"/v1/cases/{self.case}/{what}", json=body, headers=fresh_key())

    async def done(self, what: str, body: dict[str, Any] = FIRST, **rest: Any) -> dict[str, Any]:
        """Do something that is allowed."""
        answer = await self.act(what, body, **rest)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def shown(self) -> dict[str, Any]:
        """Return the case as it is shown."""
        return dict((await self.one.get(f"/v1/cases/{self.case}")).json())


@pytest.fixture
async def desk(
    store: Store, settings: Settings, police: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> AsyncIterator[Desk]:
    """A case that waits."""
    world = await watch_world(store, settings, recipient=police[1])
    lookup = await world.snoop()
    yield Desk(
        world,
        await world.caller("client-a", *SECURITY),
        await world.caller("client-b", *SECURITY),
        await world.caller("client-c", Scope.EXPLANATIONS_WRITE, agencies=(UNIT,)),
        await world.one_case(),
        str(lookup),
    )
    await world.writer.aclose()


async def test_a_case_is_asked_about_answered_and_decided(desk: Desk) -> None:
    """Each act is in the history and in the ledger; the clock counts working hours; what people typed stays sealed."""
    world = desk.world
    await desk.done("take")
    question = {**FIRST, "question": "Vì sao tra cứu chính mình?", "lookup_ids": [desk.lookup]}
    asked = await desk.done("questions", question)
    assert asked["state"] == "waiting_explanation"
    # Eight working hours, which is a day of work, after 10:01 on Thursday.
    assert asked["explanation_due_at"] == "2026-10-09T03:01:00Z"
    wrong = {**question, "lookup_ids": ["01a0b2c4-0000-7000-8000-000000000001"]}
    assert_problem(await desk.act("questions", wrong), 422, "lookups_not_of_case", "lookup_ids")

    world.clock.pass_time(days=1, hours=1)
    await world.case_clock.step()
    told = "SELECT count(*) FROM alerts WHERE key = 'cases.explanations' AND cleared_at IS NULL"
    assert await world.rows(told) == [(1,)]
    [listed] = (await desk.officers.get("/v1/explanations")).json()["items"]
    assert listed["overdue"] is True
    assert OWN[OFFICER] not in orjson.dumps(listed).decode()
    [lookup] = listed["lookups"]
    assert (lookup["id"], lookup["person"]) == (desk.lookup, "•••••••••987")

    path = f"/v1/explanations/{listed['id']}/answer"
    text = "Tôi kiểm tra thử hệ thống cho bà Trần Thị Mẫu, 099199000123"
    body: dict[str, Any] = {"actor": {"account_id": "canbo02", "unit_code": UNIT, "ip": "10.0.0.7"}, "text": text}
    foreign = await desk.officers.post(path, json=body, headers=fresh_key())
    assert_problem(foreign, 403, "not_the_officer_asked", "actor.account_id")
    body["actor"]["account_id"] = OFFICER
    answered = await desk.officers.post(path, json=body, headers=fresh_key())
    assert answered.json()["overdue"] is True
    assert_problem(await desk.officers.post(path, json=body, headers=fresh_key()), 409, "explanation_given")
    await world.case_clock.step()
    assert await world.rows(told) == [(0,)]

    verdict = {**WHY, "verdict": "violation"}
    decided = await desk.done("decide", verdict)
    assert (decided["state"], decided["verdict"]) == ("decided", "violation")
    shown = await desk.shown()
    assert [one["act"] for one in shown["acts"]] == ["open", "take", "ask", "answer", "decide"]
    assert shown["questions"][0]["answer"] == text.replace("099199000123", "•••••••••123")
    assert [one["occasion"] for one in shown["evidence"]] == ["opened", "taken", "decided"]
    [record] = [one for one in shown["track_records"] if one["rule"] == "own_record"]
    assert (record["violations"], record["precision"]) == (1, 1.0)
    acts = await world.acts()
    for act in ("case.take", "case.ask", "explanation.overdue", "explanation.given", "case.answer", "case.decide"):
        assert act in acts
    stored = await world.rows("SELECT convert_from(body, 'UTF8') FROM idempotency_keys")
    stored += await world.rows("SELECT facts FROM ledger_queue")
    assert not [row for row in stored if "Mẫu" in row[0] or WHY["reason"] in row[0] or OWN[OFFICER] in row[0]]

    reopened = await desk.done("reopen", {**SECOND, "reason": "Có tình tiết mới"}, by=desk.other)
    assert (reopened["state"], reopened["verdict"], reopened["taken_by"]) == ("new", None, None)
    assert_problem(await desk.act("decide", verdict), 409, "case_new")


async def test_nobody_judges_what_concerns_them_or_what_somebody_else_holds(desk: Desk) -> None:
    """The officer cannot act on the case, nor by another account, nor whoever was looked up; only the holder works."""
    world = desk.world
    for person in (OFFICER, OFFICER.upper()):
        assert_problem(await desk.act("take", {"person": person}), 403, "conflict_of_interest", "person")
    await world.add_account("canbo01b", number=OWN[OFFICER], unit_code="H99.99")
    assert_problem(await desk.act("take", {"person": "canbo01b"}), 403, "conflict_of_interest")
    await world.snoop(person_of=OWN["anninh02"], ip="203.0.113.9")
    assert_problem(await desk.act("take", SECOND), 403, "conflict_of_interest")

    await desk.done("take")
    assert_problem(await desk.act("take"), 409, "case_taken")
    for what, body in (
        ("release", WHY),
        ("decide", {**WHY, "verdict": "normal"}),
        ("lock-account", {**WHY, "document_number": "1/CV"}),
        ("notes", {**FIRST, "text": "x"}),
    ):
        assert_problem(await desk.act(what, body, by=desk.other), 403, "case_not_yours")
    await desk.done("release", WHY)
    confined = await world.caller("client-d", *SECURITY, agencies=("H98",))
    assert_problem(await desk.act("take", by=confined), 404, "case_not_found")
    assert (await confined.get("/v1/cases")).json()["items"] == []
    assert (await confined.get("/v1/cases/queue")).json()["below"] == 0


async def test_numbers_are_read_with_a_reason_and_a_second_person(desk: Desk) -> None:
    """Neither the same client nor the same person approves; each reading is on record; the permission ends."""
    world = desk.world
    shown = (await desk.one.get(f"/v1/cases/{desk.case}/evidence")).text + orjson.dumps(await desk.shown()).decode()
    assert OWN[OFFICER] not in shown
    assert "•••••••••987" in shown
    await desk.done("take")
    reveal = (await desk.done("reveals", WHY))["made_id"]
    path = f"/v1/cases/{desk.case}/reveals/{reveal}"
    reading = f"{path}?person=anninh01"
    assert_problem(await desk.one.get(reading), 409, "approval_required")
    approve = f"reveals/{reveal}/approve"
    assert_problem(await desk.act(approve, SECOND), 403, "second_person_required")
    assert_problem(await desk.act(approve, FIRST, by=desk.other), 403, "second_person_required")
    await desk.done(approve, SECOND, by=desk.other)
    assert_problem(await desk.act(approve, SECOND, by=desk.other), 409, "approved_already")
    assert_problem(await desk.other.get(f"{path}?person=anninh02"), 403, "case_not_yours")
    read = await desk.one.get(reading)
    assert read.json()["numbers"] == {desk.lookup: OWN[OFFICER]}
    assert read.headers["cache-control"] == "no-store"
    [[hashed]] = await world.rows("SELECT subject_hashes FROM case_readings")
    assert [bytes(one) for one in hashed] == [world.hasher.hash(OWN[OFFICER])]
    assert (await world.acts())[-1] == "case.read_numbers"
    world.clock.pass_time(hours=5)
    assert_problem(await desk.one.get(reading), 409, "reading_over")


async def test_a_hard_rule_is_not_put_aside_and_a_soft_one_wakes(desk: Desk) -> None:
    """At most 30 days, never a hard rule; it comes back on its day, and at once when a hard rule joins it."""
    world = desk.world
    aside = {**WHY, "days": 30}
    assert_problem(await desk.act("suppress", aside), 409, "hard_rule")
    await world.do("UPDATE cases SET hard = false")
    assert_problem(await desk.act("suppress", {**aside, "days": 31}), 422, "suppression_too_long", "days")
    assert (await desk.done("suppress", aside))["state"] == "suppressed"
    world.clock.pass_time(days=29)
    await world.case_clock.step()
    assert (await desk.shown())["state"] == "suppressed"
    world.clock.pass_time(days=1)
    await world.case_clock.step()
    assert (await desk.shown())["state"] == "new"
    await desk.done("suppress", {**WHY, "days": 7})
    await world.snoop()
    shown = await desk.shown()
    assert (shown["state"], shown["acts"][-1]["act"]) == ("new", "wake")


async def test_the_account_is_locked_from_the_case(desk: Desk) -> None:
    """At once, with reason and document, by whoever holds the case."""
    lock = {**WHY, "document_number": "12/CV-PA06"}
    assert_problem(await desk.act("lock-account", lock), 409, "case_new")
    await desk.done("take")
    await desk.done("lock-account", lock)
    assert (await desk.shown())["account_state"] == "locked"
    [[case_id, party]] = await desk.world.rows("SELECT case_id, party FROM lookup_account_acts WHERE act = 'lock'")
    assert (str(case_id), party) == (desk.case, "police")
    assert_problem(await desk.act("lock-account", lock), 409, "account_state")


async def test_the_police_alone_open_the_package(
    desk: Desk, police: tuple[rsa.RSAPrivateKey, x509.Certificate]
) -> None:
    """Its digests are in the ledger, the evidence in it is what was frozen, and no spreadsheet runs what is typed."""
    await desk.done("take")
    package = (await desk.done("packages", WHY))["made_id"]
    answer = await desk.one.get(f"/v1/cases/{desk.case}/packages/{package}")
    [shown] = (await desk.shown())["packages"]
    assert hashlib.sha256(answer.content).hexdigest() == shown["sha256"]
    assert OWN[OFFICER].encode() not in answer.content
    opened = pkcs7_decrypt_der(answer.content, police[1], police[0], [])
    assert hashlib.sha256(opened).hexdigest() == shown["zip_sha256"]
    with zipfile.ZipFile(io.BytesIO(opened)) as archive:
        manifest = orjson.loads(archive.read("manifest.json"))
        for one in manifest["files"]:
            assert hashlib.sha256(archive.read(one["name"])).hexdigest() == one["sha256"]
        evidence = archive.read("evidence/0001.json")
        rows = list(csv.reader(io.StringIO(archive.read("lookups.csv").decode("utf-8-sig"))))
    assert hashlib.sha256(evidence).hexdigest() == (await desk.shown())["evidence"][0]["sha256"]
    assert rows[1][7] == f'="{OWN[OFFICER]}"'
    [[facts]] = await desk.world.rows("SELECT facts FROM ledger_queue WHERE facts LIKE '%%case.hand_over%%'")
    assert orjson.loads(facts)["sha256"] == shown["sha256"]
    missing = await desk.one.get(f"/v1/cases/{desk.case}/packages/01a0b2c4-0000-7000-8000-000000000001")
    assert_problem(missing, 404, "case_part_not_found")


async def test_the_queue_shows_what_the_budget_allows(world: WatchWorld) -> None:
    """Five a day for a thousand officers, at least one: the worst first, and how many lie below; then what recurs."""
    reader = await world.caller("client-a", *SECURITY)
    await world.snoop()
    await world.snoop(account_id="canbo02", ip="203.0.113.9")
    queue = (await reader.get("/v1/cases/queue")).json()
    assert (queue["budget"], queue["active_accounts"], queue["below"], queue["in_hand"]) == (1, 4, 1, 0)
    [first] = queue["items"]
    assert first["account_id"] == "canbo02"
    assert first["level"] == "critical"
    parts = first["priority"]
    assert parts["total"] == pytest.approx(parts["score"] + parts["age"] + parts["earlier_violations"])
    take = f"/v1/cases/{first['id']}/take"
    assert (await reader.post(take, json=FIRST, headers=fresh_key())).is_success
    queue = (await reader.get("/v1/cases/queue")).json()
    assert (queue["items"], queue["below"], queue["in_hand"], queue["handled_today"]) == ([], 1, 1, 1)
    world.clock.pass_time(days=1)
    queue = (await reader.get("/v1/cases/queue")).json()
    [second] = queue["items"]
    assert second["priority"]["age"] == pytest.approx(0.2)
    related = (await reader.get(f"/v1/cases/{second['id']}")).json()["related"]
    assert [(one["id"], one["same_unit"], one["same_account"]) for one in related] == [(first["id"], True, False)]
    decide = {**WHY, "verdict": "violation"}
    await reader.post(f"/v1/cases/{first['id']}/decide", json=decide, headers=fresh_key())
    await world.snoop(account_id="canbo02", ip="203.0.113.9")
    again = (await reader.get("/v1/cases?state=new&account_id=canbo02")).json()["items"]
    assert [(one["recurs_after"], one["priority"]["earlier_violations"]) for one in again] == [(first["id"], 0.5)]
    assert world.clock.now - NOW < timedelta(days=2)
    later = world.clock.now + timedelta(days=3)
    columns = "c.score, c.opened_at, c.earlier_violations"
    query = f"SELECT {columns}, {PRIORITY_SQL.replace('%(now)s', '%s')} FROM cases c"  # noqa: S608 - constants
    counted = await world.rows(query, later)
    assert len(counted) == 3
    for score, opened_at, earlier, by_database in counted:
        found = priority(score, opened_at=opened_at, earlier_violations=earlier, now=later)
        assert found.total == pytest.approx(float(by_database), abs=0.02)
