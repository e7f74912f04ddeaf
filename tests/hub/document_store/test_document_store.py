"""The personal e-document store through the API: the officer asks, each time is recorded, papers are handed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from adapters.transport.simulation.faults import FaultKind
from hub.document_store.api import PAPER_EXAMPLE, QUERY_EXAMPLE
from hub.document_store.service import forget_expired
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.subjects_world import STORE, SubjectWorld

OWNER = QUERY_EXAMPLE["query"]["owner_number"]
OFFICER = QUERY_EXAMPLE["query"]["officer"]
PAPER = "/v1/document-store/papers/H99.12-261008-0001/KQ-0001"


async def query(world: SubjectWorld, **changes: Any) -> Any:
    body = QUERY_EXAMPLE | {"query": QUERY_EXAMPLE["query"] | changes}
    return await world.caller.post("/v1/document-store/queries", json=body, headers=fresh_key())


async def fetch(
    world: SubjectWorld, lookup_id: str, file: int = 1, caller: httpx.AsyncClient | None = None, **changes: Any
) -> Any:
    body = {"actor": QUERY_EXAMPLE["actor"], "dossier_code": QUERY_EXAMPLE["dossier_code"]} | changes
    body |= {"lookup_id": lookup_id, "file": file} | changes
    return await (caller or world.caller).post("/v1/document-store/files", json=body, headers=fresh_key())


async def test_papers_are_found_and_fetched_for_the_officer(world: SubjectWorld) -> None:
    """The store hears the officer's number; the answer says that nobody checked the signature; all is recorded."""
    answer = await query(world)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["signature"] == "unverified"
    assert found["papers"][0]["files"] == [{"file": 1, "name": "khai-sinh.pdf"}]
    assert "/kho/" not in answer.text, "where a file lies stays here"
    (asked,) = world.there.store.queries
    assert (asked["KenhThucHien"], asked["SoDinhDanhNguoiYeuCau"]) == ("1", OFFICER["number"])
    file = await fetch(world, found["lookup_id"])
    assert file.status_code == 200, file.text
    assert file.content.startswith(b"%PDF")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["repr-digest"].startswith("sha-256=:")
    assert (file.headers["x-content-type-options"], file.headers["cache-control"]) == ("nosniff", "no-store")
    records = await world.rows(
        "SELECT kind, outcome, found FROM lookups a JOIN lookup_ends ON lookup_id = a.id ORDER BY a.id"
    )
    assert records == [("stored_papers", "found", 1), ("stored_file", "found", 1)]
    leaves = await world.rows("SELECT subject, facts FROM ledger_queue WHERE facts LIKE '%%\"lookup.%%'")
    assert len(leaves) == 4
    assert OWNER not in str(leaves)
    assert OFFICER["number"] not in str(leaves)


async def test_only_what_was_found_is_fetched_by_whom_it_was_found_for(world: SubjectWorld) -> None:
    """Another file, client, officer or dossier, or too late: there is no such file."""
    lookup_id = (await query(world)).json()["lookup_id"]
    other = await world.api.calling()
    actor = QUERY_EXAMPLE["actor"] | {"account_id": "canbo99"}
    for answer in (
        await fetch(world, lookup_id, 2),
        await fetch(world, lookup_id, 0),
        await fetch(world, "không-phải"),
        await fetch(world, lookup_id, caller=other),
        await fetch(world, lookup_id, actor=actor),
        await fetch(world, lookup_id, dossier_code="H99.12-261008-0002"),
    ):
        assert_problem(answer, 404, "file_not_found", "file")
    await world.do("UPDATE found_papers SET expires_at = now() - interval '1 second'")
    assert_problem(await fetch(world, lookup_id), 404, "file_not_found", "file")
    async with world.store.transaction() as conn:
        ((now,),) = await (await conn.execute("SELECT now()")).fetchall()
        assert await forget_expired(conn, now + timedelta(seconds=1)) == 1
    assert len(await world.rows("SELECT * FROM lookups")) == 1


async def test_what_cannot_be_asked_or_is_not_answered_is_told(world: SubjectWorld) -> None:
    """The owner as the one who asks leaves no trace and no call; of what fails the record says how it ended."""
    same = await query(world, officer={"name": "x", "number": OWNER})
    assert_problem(same, 422, "officer_is_owner", "query")
    assert OWNER not in same.text
    assert_problem(await query(world, officer={"name": "x"}), 422, "field_required", "query.officer.number")
    assert await world.rows("SELECT * FROM lookups") == []
    assert world.there.store.logins == 0
    faults = world.there.app.faults
    for kind, status, code in (
        (FaultKind.HTML_200, 502, "partner_answer_broken"),
        (FaultKind.SERVER_500, 503, "partner_unavailable"),
    ):
        faults.add(kind, connection=STORE, operation="query")
        assert_problem(await query(world), status, code)
        faults.clear()
    world.there.store.papers.clear()
    assert (await query(world)).json()["papers"] == []
    outcomes = [
        row[0] for row in await world.rows("SELECT coalesce(error, outcome) FROM lookup_ends ORDER BY lookup_id")
    ]
    assert outcomes == ["Malformed", "TryLater", "not_found"]


async def test_a_result_paper_is_delivered_and_its_correction_replaces_it(world: SubjectWorld) -> None:
    """As an exchange in its own lane; the same again sends nothing."""
    first = await world.caller.put(PAPER, json=PAPER_EXAMPLE)
    assert (first.status_code, first.json()["revision"]) == (201, 1)
    assert (await world.caller.put(PAPER, json=PAPER_EXAMPLE)).json()["unchanged"] is True
    corrected = PAPER_EXAMPLE | {"summary": "Giấy khai sinh (bản chính)"}
    second = (await world.caller.put(PAPER, json=corrected)).json()
    async with world.delivering(STORE):
        done = await world.ended(second["exchange_id"])
    assert (done["state"], done["subject"]) == ("delivered", "result_paper:H99.12-261008-0001:KQ-0001")
    (held,) = world.there.store.handed_in
    assert held["TrichYeuNoiDung"] == corrected["summary"]
    ((sealed,),) = await world.rows("SELECT sealed FROM result_papers WHERE revision = 2")
    assert OWNER.encode() not in bytes(sealed)


async def test_a_lost_paper_is_settled_by_asking_as_the_officer(world: SubjectWorld) -> None:
    """The store took it and answered nonsense: it lists the paper, so it is not handed in twice."""
    world.there.app.late_faults.add(FaultKind.HTML_200, connection=STORE, operation="paper", count=1)
    receipt = (await world.caller.put(PAPER, json=PAPER_EXAMPLE)).json()
    async with world.delivering(STORE):
        done = await world.ended(receipt["exchange_id"])
    assert [one["outcome"] for one in done["attempt_list"]] == ["malformed", "settled"]
    assert len(world.there.store.handed_in) == 1
    assert world.there.store.queries[-1]["SoDinhDanhNguoiYeuCau"] == OFFICER["number"]


async def test_a_paper_that_cannot_be_is_refused(world: SubjectWorld) -> None:
    """A path in the file name, dates out of order, the owner as officer, another agency."""
    put = world.caller.put
    for changes, code, field in (
        ({"file_name": "../x.pdf"}, None, "file_name"),
        ({"digitised_on": "2026-01-01"}, "dates_out_of_order", ""),
        ({"officer": {"name": "x", "number": OWNER}}, "officer_is_owner", ""),
    ):
        answer = await put(PAPER, json=PAPER_EXAMPLE | changes)
        assert answer.status_code == 422, answer.text
        assert (answer.json()["field"], answer.json()["code"]) == (field, code or answer.json()["code"])
    assert_problem(await put(PAPER, json=PAPER_EXAMPLE | {"agency_code": "H56"}), 403, "agency_not_allowed")
    assert_problem(await put(f"{PAPER}!", json=PAPER_EXAMPLE), 422, "bad_paper_id", "id")
    large = await put(PAPER, content=b"x" * (10 << 20), headers={"content-type": "application/json"})
    assert_problem(large, 413, "body_too_large")
    assert await world.rows("SELECT * FROM result_papers") == []
