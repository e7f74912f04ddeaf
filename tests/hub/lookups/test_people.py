"""Looking people and enterprises up through the API: recorded, compared, minimised, and refused in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from contracts.business import Enterprise
from contracts.errors import Sentence, TryLater
from contracts.population import Household, HouseholdMember, Relative
from hub.lookups.log import BEGINNING, digests_of, ended_since
from hub.lookups.refusals import MISMATCH_CODE
from hub.lookups.rows import lookup_context
from hub.lookups.subjects import SubjectHasher
from tests.hub.api.world import assert_problem
from tests.hub.databases import settled
from tests.hub.lookups.world import (
    DOSSIER,
    ENTERPRISE,
    NUMBER,
    OFFICER,
    OTHER,
    PURPOSE,
    QUESTION,
    LookupWorld,
    citizen,
)


async def test_a_look_up_is_recorded_before_it_is_asked_and_before_it_is_answered(
    desk: LookupWorld, caplog: Any, capsys: Any
) -> None:
    """Who, for what, from where, which fields, what outcome; sealed, in the ledger, and in no log line."""
    found = (await desk.ask()).json()
    assert (found["found"], found["repeated"], found["cached"]) == (True, False, False)
    assert found["citizen"]["name"] == "Trần Thị Mẫu"
    assert found["gate"] == {
        "people_this_hour": 1,
        "people_this_day": 1,
        "stepped_up": False,
        "break_glass": False,
        "degraded": False,
    }
    await settled(desk.store)
    async with desk.store.transaction() as conn:
        (one,) = await ended_since(conn, BEGINNING, 10)
    assert (str(one.id), one.account_id, one.role, one.unit_code, one.ip) == (
        found["lookup_id"],
        "canbo01",
        "one_stop",
        "H99.12",
        "10.0.0.7",
    )
    assert (one.kind, one.dossier_code, one.procedure_root, one.purpose) == (
        "find_citizen",
        DOSSIER,
        "1.000001",
        PURPOSE,
    )
    assert (one.outcome, one.found, one.data_groups) == ("found", 1, ("identity", "residence"))
    sealer = desk.store.sealer
    assert one.subject_number(sealer) == NUMBER
    assert one.answered(sealer) == {
        "subject_id": NUMBER,
        "commune": "00070",
        "hamlet": 5,
        "household_id": "099175000111",
    }
    assert NUMBER not in str(one)
    leaves = await desk.rows("SELECT digest, facts FROM ledger_queue WHERE subject = %s ORDER BY at", str(one.id))
    assert tuple(bytes(row[0]) for row in leaves) == digests_of(one, sealer)
    assert NUMBER not in str(leaves)
    asker = desk.people.asked[0][1]
    assert (asker.officer_number, asker.lookup_id, asker.procedure_code) == (OFFICER, str(one.id), "1.000001")
    assert OFFICER not in str(await desk.rows("SELECT * FROM lookups"))
    assert NUMBER not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "lookup_settings", [{"field_sets": {"1.000001": ["identity", "family"]}, "default_fields": ["identity"]}]
)
async def test_only_what_the_purpose_needs_is_given(desk: LookupWorld) -> None:
    """The procedure's field set, the account's groups, and what was asked for: all three must agree."""
    answer = (await desk.ask(fields=["identity", "family", "marital"])).json()
    assert (answer["data_groups"], answer["withheld"]) == (["identity", "family"], ["marital"])
    assert answer["citizen"]["father"]["name"] == "Trần Văn Mẫu"
    assert answer["citizen"]["permanent_residence"] is None
    assert answer["citizen"]["household_book"] == ""
    await desk.add_account("canbo02", data_groups=["identity"])
    less = (await desk.ask(actor={"account_id": "canbo02"})).json()
    assert (less["data_groups"], less["citizen"]["father"]) == (["identity"], None)
    assert_problem(await desk.ask(fields=["blood_group"]), 403, "fields_outside_purpose", "fields")
    assert_problem(await desk.ask("/v1/lookups/households"), 403, "fields_outside_purpose")
    marital = {"kind": "marital_status", "citizen": QUESTION}
    assert_problem(await desk.ask("/v1/verifications/people", confirmation=marital), 403, "fields_outside_purpose")


@pytest.mark.parametrize("lookup_settings", [{"default_fields": ["identity", "household"]}])
async def test_households_confirmations_and_enterprises(desk: LookupWorld) -> None:
    """The other look-ups go the same way, and are told apart in the log."""
    house = (await desk.ask("/v1/lookups/households")).json()
    assert [one["person"]["number"] for one in house["household"]["members"]] == ["099175000111", NUMBER]
    assert house["household"]["members"][1]["person"]["permanent_residence"] is None
    identity = {"kind": "identity", "citizen": QUESTION}
    assert (await desk.ask("/v1/verifications/people", confirmation=identity)).json()["confirmed"] is True
    shop = (await desk.ask("/v1/lookups/businesses", code=ENTERPRISE)).json()
    assert shop["enterprise"]["name"] == "Công ty Mẫu"
    desk.people.answer = lambda _question: None
    desk.businesses.answer = lambda _code: None
    assert (await desk.person(OTHER)).json()["citizen"] is None
    nobody = {"kind": "identity", "citizen": {**QUESTION, "number": OTHER}}
    assert (await desk.ask("/v1/verifications/people", confirmation=nobody)).json()["confirmed"] is None
    assert (await desk.ask("/v1/lookups/businesses", code="0100109106")).json()["enterprise"] is None
    rows = await desk.rows(
        "SELECT kind, connection, subject_kind, outcome, data_groups FROM lookups a"
        " JOIN lookup_ends e ON e.lookup_id = a.id ORDER BY a.id"
    )
    assert rows == [
        ("find_household", "dan_cu", "person", "found", ["identity", "household"]),
        ("confirm:identity", "dan_cu", "person", "found", ["identity"]),
        ("find_enterprise", "dkkd", "enterprise", "found", ["enterprise"]),
        ("find_citizen", "dan_cu", "person", "not_found", []),
        ("confirm:identity", "dan_cu", "person", "not_found", []),
        ("find_enterprise", "dkkd", "enterprise", "not_found", []),
    ]


@pytest.mark.parametrize(
    "lookup_settings", [{"field_sets": {"1.000001": ["identity", "family", "household"]}, "cache_minutes": 5}]
)
async def test_who_else_was_handed_out_is_in_the_log(desk: LookupWorld) -> None:
    """Household and named relatives, as keyed hashes; also of kept answers; sealed with the row, and of nobody else."""
    hasher = await SubjectHasher.open(desk.store)
    house = [hasher.hash("099175000111")]
    relative = {"kind": "relative", "citizen": QUESTION, "relative": {"number": OTHER, "relation": "vợ"}}
    await desk.ask()
    await desk.ask(fields=["identity"])
    await desk.ask("/v1/lookups/households")
    await desk.add_account("canbo02")
    assert (await desk.ask("/v1/lookups/households", actor={"account_id": "canbo02"})).json()["cached"] is True
    assert (await desk.ask("/v1/verifications/people", confirmation=relative)).json()["confirmed"] is True
    desk.people.answer = lambda _question: None
    unknown = {**relative, "citizen": {**QUESTION, "number": "099199000124"}}
    assert (await desk.ask("/v1/verifications/people", confirmation=unknown)).json()["confirmed"] is None
    await settled(desk.store)
    async with desk.store.transaction() as conn:
        ended = sorted(await ended_since(conn, BEGINNING, 10), key=lambda one: one.id)
    assert [list(one.other_hashes) for one in ended] == [house, [], house, house, [hasher.hash(OTHER)], []]
    listed = (await desk.api.caller.get("/v1/lookups")).json()["items"]
    assert [one["other_people"] for one in listed] == [0, 1, 1, 1, 0, 1]
    leaves = {bytes(row[0]) for row in await desk.rows("SELECT digest FROM ledger_queue WHERE kind = 'lookup'")}
    assert leaves == {leaf for one in ended for leaf in digests_of(one, desk.store.sealer)}
    altered = replace(ended[0], other_hashes=())
    assert digests_of(altered, desk.store.sealer)[1] not in leaves


@pytest.mark.parametrize("lookup_settings", [{"default_fields": ["household"]}])
async def test_the_head_is_asked_for_by_an_old_card(desk: LookupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """No member has that card, the head has: the look-up is the head's, and the others' are the members."""
    card = "099000777"

    async def only_the_child(_question: Any, _asker: Any) -> Household:
        head = Relative(number="099175000111", identity_card_9=card)
        child = citizen(household_head=Relative(number="099175000111"))
        return Household(head=head, members=(HouseholdMember(person=child),))

    monkeypatch.setattr(desk.people, "find_household", only_the_child)
    question = {"identity_card_9": card, "name": "Trần Văn Mẫu", "birth": {"year": 1975}}
    assert (await desk.ask("/v1/lookups/households", question=question)).status_code == 200
    hasher = await SubjectHasher.open(desk.store)
    found = await desk.rows("SELECT subject_hash, other_subject_hashes FROM lookup_ends")
    assert found == [(hasher.hash("099175000111"), [hasher.hash(NUMBER)])]


LONG_AGO = datetime.now(UTC) - timedelta(days=366)

ACCOUNTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"state": "requested"}, "account_unapproved"),
    ({"state": "suspended"}, "account_suspended"),
    ({"state": "locked"}, "account_locked"),
    ({"state": "revoked"}, "account_revoked"),
    ({"created_at": LONG_AGO, "last_used_at": LONG_AGO}, "account_dormant"),
    ({"valid_from": date(2090, 1, 1)}, "account_not_valid"),
    ({"valid_until": date(2020, 1, 1)}, "account_not_valid"),
    ({"units": ["H99.13"], "unit_code": "H99.13"}, "unit_outside_scope"),
    ({"operations": ["confirm"]}, "operation_outside_scope"),
    ({"procedures": ["2.000002"]}, "procedure_outside_scope"),
)


async def test_what_an_account_may_not_do_is_refused_and_explained(desk: LookupWorld) -> None:
    """Each refusal has a code of its own and both languages, is in the log, and nobody is asked."""
    for number, (facts, code) in enumerate(ACCOUNTS):
        await desk.add_account(f"officer{number}", **facts)
        answer = await desk.ask(actor={"account_id": f"officer{number}"})
        assert_problem(answer, 403, code)
        assert NUMBER not in answer.text
    assert_problem(await desk.ask(actor={"account_id": "nobody"}), 403, "account_unknown", "actor.account_id")
    assert desk.people.asked == []
    assert [(one[0], one[1]) for one in await desk.outcomes()] == [
        *(("denied", code) for _, code in ACCOUNTS),
        ("denied", "account_unknown"),
    ]


async def test_a_look_up_needs_a_dossier_of_the_unit_that_is_open(desk: LookupWorld) -> None:
    """Unknown, another unit's, closed for too long, of another procedure; no purpose; the officer's own number."""
    ended = datetime.now(UTC) - timedelta(days=5)
    await desk.add_dossier("H99.12-261008-0002", finished_at=ended, state=9)
    await desk.add_dossier("H99.12-261008-0003", finished_at=ended + timedelta(days=2), state=10)
    await desk.add_dossier("H99.13-261008-0004", agency_code="H99.13")
    for changes, status, code in (
        ({"dossier_code": None}, 403, "dossier_required"),
        ({"dossier_code": "H99.12-261008-0009"}, 403, "dossier_unknown"),
        ({"dossier_code": "H99.12-261008-0002"}, 403, "dossier_closed"),
        ({"dossier_code": "H99.13-261008-0004"}, 403, "dossier_of_another_unit"),
        ({"purpose": None}, 422, "purpose_missing"),
        ({"purpose": "  "}, 422, "purpose_missing"),
        ({"procedure_code": "1.000009.H99"}, 422, "procedure_mismatch"),
        ({"question": {**QUESTION, "number": OFFICER}}, 403, "own_record"),
    ):
        assert_problem(await desk.ask(**changes), status, code)
    assert desk.people.asked == []
    assert {one[0] for one in await desk.outcomes()} == {"denied"}
    assert (await desk.ask(dossier_code="H99.12-261008-0003")).status_code == 200, "it ended three days ago"


async def test_break_glass_needs_a_reason_and_is_marked_for_review(desk: LookupWorld) -> None:
    """Without a dossier, or before the hub has it; the reason is sealed, the ledger and the list show the mark."""
    glass: dict[str, Any] = {"break_glass": {"reason": "Cấp cứu, chưa kịp lập hồ sơ"}}
    assert_problem(await desk.ask(dossier_code=None, **glass), 422, "procedure_required")
    answer = await desk.ask(dossier_code=None, procedure_code="1.000001.H99", **glass)
    assert answer.json()["gate"]["break_glass"] is True
    short = await desk.ask(dossier_code=None, break_glass={"reason": "vội"})
    assert short.status_code == 422
    listed = (await desk.api.caller.get("/v1/lookups?break_glass=true&outcome=found")).json()["items"]
    assert [one["id"] for one in listed] == [answer.json()["lookup_id"]]
    detail = (await desk.api.caller.get(f"/v1/lookups/{listed[0]['id']}")).json()
    assert detail["reasons"] == {"break_glass": "Cấp cứu, chưa kịp lập hồ sơ"}
    stored = await desk.rows("SELECT reason_sealed FROM lookups WHERE reason_sealed IS NOT NULL")
    assert all("Cấp cứu".encode() not in bytes(row[0]) for row in stored)


@pytest.mark.parametrize("lookup_settings", [{"accepted_issuers": ["G15"]}])
async def test_a_dossier_of_a_national_system_is_accepted_where_it_is_configured(desk: LookupWorld) -> None:
    """The hub does not have it, so the procedure must be named."""
    code = "G15.2-261008-000001"
    assert_problem(await desk.ask(dossier_code=code), 422, "procedure_required")
    assert (await desk.ask(dossier_code=code, procedure_code="1.000003")).status_code == 200
    assert_problem(await desk.ask(dossier_code="G16.2-261008-000001"), 403, "dossier_unknown")


async def test_the_record_of_somebody_else_is_not_handed_out(desk: LookupWorld) -> None:
    """Compared by number, old card, or name and year; recorded as such, and the operators are told without data."""
    desk.people.answer = lambda _question: citizen(OTHER)
    answer = await desk.ask()
    assert_problem(answer, 502, MISMATCH_CODE)
    assert OTHER not in answer.text
    desk.people.answer = lambda _question: citizen(number=None, identity_card_9=None, name="Lê Thị Khác")
    assert_problem(await desk.person("099199000124"), 502, MISMATCH_CODE)
    desk.people.answer = lambda _question: citizen(number=None, name="TRAN  THI MAU")
    assert (await desk.person("099199000125")).json()["found"] is True
    desk.businesses.answer = lambda _code: Enterprise(code="0100109106", name="Khác")
    assert_problem(await desk.ask("/v1/lookups/businesses", code=ENTERPRISE), 502, MISMATCH_CODE)
    assert [one[0] for one in await desk.outcomes()] == ["mismatch", "mismatch", "found", "mismatch"]
    alerts = await desk.rows("SELECT key, severity, sentence FROM alerts ORDER BY key")
    assert [row[:2] for row in alerts] == [
        ("lookups.mismatch.dan_cu", "critical"),
        ("lookups.mismatch.dkkd", "critical"),
    ]
    assert NUMBER not in str(alerts)
    assert OTHER not in str(alerts)


async def test_a_partner_that_fails_or_a_bug_in_its_adapter_is_recorded(desk: LookupWorld) -> None:
    """The class of the error and nothing else; the same may be asked again at once."""
    desk.people.error = TryLater(Sentence("away", "bận"))
    assert_problem(await desk.ask(), 503, "partner_unavailable")
    desk.people.error = KeyError(NUMBER)
    assert (await desk.ask()).status_code == 500
    desk.people.error = None
    assert (await desk.ask()).json()["found"] is True
    assert await desk.outcomes() == [
        ("failed", None, "TryLater"),
        ("failed", None, "KeyError"),
        ("found", None, None),
    ]


async def test_bad_numbers_and_markup_in_names(desk: LookupWorld) -> None:
    """Checked before anything else; a name with markup is asked as it is."""
    for changes, field in (
        ({"question": {**QUESTION, "number": "123"}}, "question.number"),
        ({"question": {**QUESTION, "identity_card_9": "099000123"}}, "question"),
        ({"actor": {"ip": "nhà"}}, "actor.ip"),
        ({"dossier_code": "x"}, "dossier_code"),
        ({"extent": "all"}, "extent"),
    ):
        answer = await desk.ask(**changes)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert_problem(await desk.ask(actor={"unit_code": "H56"}), 403, "unit_not_allowed", "actor.unit_code")
    assert await desk.outcomes() == []
    name = "Trần & <Thị> 'Mẫu'"
    assert (await desk.ask(question={**QUESTION, "name": name})).status_code == 200
    assert desk.people.asked[0][0].name == name


async def test_security_staff_read_the_log_masked_and_on_record(desk: LookupWorld) -> None:
    """Filters, pages, one look-up with its proof; a row that was altered shows as altered."""
    for number in range(3):
        await desk.person(f"09919900010{number}")
    first = (await desk.api.caller.get("/v1/lookups?limit=2&account=canbo01&unit=H99")).json()
    assert [one["subject"] for one in first["items"]] == ["•••102", "•••101"]
    second = (await desk.api.caller.get(f"/v1/lookups?limit=2&cursor={first['next_cursor']}")).json()
    assert ([one["subject"] for one in second["items"]], second["next_cursor"]) == (["•••100"], None)
    assert (await desk.api.caller.get("/v1/lookups?outcome=denied")).json()["items"] == []
    lookup_id = first["items"][0]["id"]
    detail = (await desk.api.caller.get(f"/v1/lookups/{lookup_id}")).json()
    assert detail["proof"] == {"asked": "waiting", "ended": "waiting"}
    assert "0991990001" not in orjson.dumps([first, detail]).decode()
    other = await desk.api.calling(agencies=["H99.13"])
    assert (await other.get("/v1/lookups")).json()["items"] == []
    assert_problem(await other.get(f"/v1/lookups/{lookup_id}"), 404, "lookup_not_found")
    assert_problem(await desk.api.caller.get("/v1/lookups?cursor=x"), 400, "bad_cursor", "cursor")
    acts = await desk.rows("SELECT count(*) FROM ledger_queue WHERE facts LIKE '%%\"lookups.read\"%%'")
    assert acts == [(5,)]
    async with desk.store.transaction() as conn:  # what only somebody with the rights of the database can do
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute("UPDATE lookups SET account_id = 'canbo99' WHERE id = %s", (lookup_id,))
    altered = (await desk.api.caller.get(f"/v1/lookups/{lookup_id}")).json()
    assert altered["proof"] == {"asked": "altered", "ended": "waiting"}


def test_what_is_sealed_is_bound_to_its_look_up() -> None:
    """Copied to another row it does not open."""
    assert lookup_context("a") != lookup_context("b")
