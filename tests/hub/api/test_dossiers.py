"""Declaring dossiers, recording what happens to them, and reading them back, through the whole api process."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from hub.access.scopes import Scope
from tests.hub.api.world import (
    CODE,
    DOSSIER,
    ApiWorld,
    assert_problem,
    cancellation,
    dossier,
    fresh_key,
    moment,
    result,
    step,
    supplement,
    supplement_receipt,
    withdrawal,
)

# --- declaring --------------------------------------------------------------------------------------------


async def test_a_first_put_is_201_and_a_change_is_200(api: ApiWorld) -> None:
    """201 says that the dossier is new here; the ETag is the revision."""
    first = await api.put()
    assert first.status_code == 201
    assert first.headers["etag"] == '"1"'
    assert first.json()["created"] is True
    second = await api.put(summary="Nội dung khác")
    assert second.status_code == 200
    assert second.headers["etag"] == '"2"'
    assert second.json()["created"] is False


async def test_the_same_facts_again_change_nothing(api: ApiWorld) -> None:
    """A dossier system may repeat a PUT for ever: no revision is made and nothing is sent."""
    body = dossier()
    await api.caller.put(DOSSIER, json=body)
    before = await api.stored()
    again = await api.caller.put(DOSSIER, json=body)
    assert again.status_code == 200
    assert again.json()["unchanged"] is True
    assert again.headers["etag"] == '"1"'
    assert await api.stored() == before


async def test_what_was_put_is_what_is_read(api: ApiWorld) -> None:
    """GET returns the facts as declared, with the state folded in and the standing at each system."""
    body = dossier()
    await api.caller.put(DOSSIER, json=body)
    answer = await api.caller.get(DOSSIER)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    view = answer.json()
    assert view["dossier"]["code"] == CODE
    assert view["dossier"]["facts"]["applicant"]["name"] == body["applicant"]["name"]
    assert view["dossier"]["facts"]["components"][0]["files"][1]["id"] == "102"
    assert [one["connection"] for one in view["systems"]] == ["national_portal"]


async def test_answers_are_never_cached(api: ApiWorld) -> None:
    """A dossier is a citizen's data: no proxy and no browser may keep it."""
    await api.put()
    answer = await api.caller.get(DOSSIER)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_head_is_get_without_the_body(api: ApiWorld) -> None:
    """HEAD tells the revision without reading a citizen's data."""
    await api.put()
    answer = await api.caller.head(DOSSIER)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'


async def test_a_dossier_that_was_never_declared_is_404(api: ApiWorld) -> None:
    """Asking for, or stepping, a dossier nobody declared is the caller's mistake and says so."""
    assert_problem(await api.caller.get(DOSSIER), 404, "dossier_not_found", "code")
    assert_problem(await api.caller.get(f"{DOSSIER}/timeline"), 404, "dossier_not_found", "code")
    assert_problem(await api.post("steps", step()), 404, "dossier_not_found", "code")


# --- revisions --------------------------------------------------------------------------------------------


async def test_if_match_refuses_a_lost_update(api: ApiWorld) -> None:
    """Who has read revision 1 cannot overwrite revision 2 unseen."""
    await api.put()
    await api.put(summary="Nội dung khác")
    before = await api.stored()
    stale = await api.caller.put(DOSSIER, json=dossier(summary="Cũ"), headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "revision_mismatch")
    assert await api.stored() == before
    current = await api.caller.put(DOSSIER, json=dossier(summary="Mới"), headers={"If-Match": '"2"'})
    assert current.headers["etag"] == '"3"'


async def test_if_match_on_a_post(api: ApiWorld) -> None:
    """Events obey the same condition."""
    await api.put()
    assert_problem(await api.post("steps", step(), **{"If-Match": '"7"'}), 412, "revision_mismatch")
    assert (await api.post("steps", step(), **{"If-Match": '"1"'})).status_code == 201


async def test_if_none_match_star_only_creates(api: ApiWorld) -> None:
    """``If-None-Match: *`` protects an existing dossier from a second declaration."""
    headers = {"If-None-Match": "*"}
    assert (await api.caller.put(DOSSIER, json=dossier(), headers=headers)).status_code == 201
    again = await api.caller.put(DOSSIER, json=dossier(summary="Khác"), headers=headers)
    assert again.status_code == 412
    assert_problem(again, 412, again.json()["code"])


# --- events -----------------------------------------------------------------------------------------------


async def test_a_dossier_lives_through_its_states(api: ApiWorld) -> None:
    """Every call of the life of a dossier is 201, and the timeline tells all of it in both languages."""
    await api.put(received_at=None, due_at=None)
    life = [
        ("steps", step(state="accepted", occurred_at=moment(1), due_at=moment(24 * 8))),
        ("supplements", supplement(occurred_at=moment(2))),
        ("supplements", supplement_receipt(occurred_at=moment(3))),
        ("steps", step(occurred_at=moment(4))),
        ("steps", step(state="processing_finished", occurred_at=moment(5))),
        ("results", result(occurred_at=moment(6))),
        ("steps", step(state="result_returned", occurred_at=moment(7))),
    ]
    for what, body in life:
        answer = await api.post(what, body)
        assert answer.status_code == 201, (what, answer.text)
    assert (await api.caller.get(DOSSIER)).json()["dossier"]["state"] == "result_returned"
    timeline = (await api.caller.get(f"{DOSSIER}/timeline")).json()
    assert timeline["code"] == CODE
    assert len(timeline["entries"]) >= len(life) + 1
    assert all(one["text"] and one["text_vi"] for one in timeline["entries"])
    assert "Trần Thị Mẫu" not in str(timeline)


@pytest.mark.parametrize(("what", "body"), [("withdrawals", withdrawal()), ("cancellations", cancellation())])
async def test_endings(api: ApiWorld, what: str, body: dict[str, object]) -> None:
    """A withdrawal and a cancellation are events of their own."""
    await api.put()
    assert (await api.post(what, body)).status_code == 201


async def test_a_late_step_is_accepted_and_marked(api: ApiWorld) -> None:
    """An outage worked through on paper is entered afterwards; the entry says so (LĐ 19.2)."""
    body = dossier(submitted_at=moment(-80), received_at=moment(-79), due_at=moment(24))
    body["fees"] = []
    body["databases_consulted"] = []
    await api.caller.put(DOSSIER, json=body)
    answer = await api.post("steps", step(occurred_at=moment(-72)))
    assert answer.status_code == 201
    assert answer.json()["late_entry"] is True


async def test_a_second_supplement_is_refused(api: ApiWorld) -> None:
    """A dossier may be returned for papers once; the second costs the province a point (VP 16.3)."""
    await api.put()
    await api.post("supplements", supplement())
    await api.post("supplements", supplement_receipt())
    before = await api.stored()
    problem = assert_problem(
        await api.post("supplements", supplement(id="BS-0002", occurred_at=moment(3))), 409, "second_supplement"
    )
    assert problem["detail_vi"]
    assert await api.stored() == before


# --- idempotency ------------------------------------------------------------------------------------------


async def test_the_same_key_and_body_gets_the_same_answer(api: ApiWorld) -> None:
    """A repeated POST is answered from memory: the step is recorded once."""
    await api.put()
    key, body = fresh_key(), step()
    first = await api.caller.post(f"{DOSSIER}/steps", json=body, headers=key)
    stored = await api.stored()
    second = await api.caller.post(f"{DOSSIER}/steps", json=body, headers=key)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["etag"] == first.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await api.stored() == stored


async def test_the_same_key_with_another_body_is_a_conflict(api: ApiWorld) -> None:
    """A key that stands for other work is never answered with it."""
    await api.put()
    key = fresh_key()
    await api.caller.post(f"{DOSSIER}/steps", json=step(), headers=key)
    stored = await api.stored()
    other = await api.caller.post(f"{DOSSIER}/steps", json=step(content="Việc khác"), headers=key)
    assert_problem(other, 409, "idempotency_conflict", "Idempotency-Key")
    assert await api.stored() == stored


async def test_keys_belong_to_their_client(api: ApiWorld) -> None:
    """Two dossier systems may by chance choose the same key."""
    await api.put()
    key = fresh_key()
    await api.caller.post(f"{DOSSIER}/steps", json=step(), headers=key)
    other = await api.calling()
    answer = await other.post(f"{DOSSIER}/steps", json=step(content="Việc khác"), headers=key)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_a_refused_post_leaves_its_key_free(api: ApiWorld) -> None:
    """A refusal changed nothing, so the corrected request may use the same key."""
    await api.put()
    key = fresh_key()
    bad = await api.caller.post(f"{DOSSIER}/steps", json=step(state="newly_registered"), headers=key)
    assert bad.status_code == 409
    assert (await api.caller.post(f"{DOSSIER}/steps", json=step(), headers=key)).status_code == 201


async def test_many_at_once_with_one_key_are_one(api: ApiWorld) -> None:
    """Retries that overtake the first call wait for it and get its answer."""
    await api.put()
    key, body = fresh_key(), step()
    answers = await asyncio.gather(*(api.caller.post(f"{DOSSIER}/steps", json=body, headers=key) for _ in range(10)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert sum("idempotency-replayed" in one.headers for one in answers) == 9
    assert await api.count("dossier_events") == 2


# --- who may --------------------------------------------------------------------------------------------


async def test_a_client_acts_for_its_agencies_only(api: ApiWorld) -> None:
    """The agency in the dossier code must be the client's or lie below it; reading and writing alike."""
    await api.put()
    own = await api.calling(agencies=["H99.12"])
    assert (await own.get(DOSSIER)).status_code == 200
    stranger = await api.calling(agencies=["H99.1", "H98"])
    before = await api.stored()
    calls: list[httpx.Response] = [
        await stranger.get(DOSSIER),
        await stranger.get(f"{DOSSIER}/timeline"),
        await stranger.put(DOSSIER, json=dossier()),
        await stranger.post(f"{DOSSIER}/steps", json=step(), headers=fresh_key()),
    ]
    for answer in calls:
        assert_problem(answer, 403, "agency_not_allowed", "code")
    assert await api.stored() == before


async def test_old_agency_codes_are_compared_by_level(api: ApiWorld) -> None:
    """``000.00.12.H99`` is the agency H99.12 written the other way round."""
    caller = await api.calling(agencies=["H99.12"])
    old = "/v1/dossiers/000.00.12.H99-261008-0001"
    assert (await caller.put(old, json=dossier())).status_code == 201
    other = await api.calling(agencies=["H99.13"])
    assert_problem(await other.get(old), 403, "agency_not_allowed")


CALLS = [
    (Scope.DOSSIERS_READ, "GET", DOSSIER),
    (Scope.DOSSIERS_READ, "GET", f"{DOSSIER}/timeline"),
    (Scope.DOSSIERS_WRITE, "PUT", DOSSIER),
    *((Scope.DOSSIERS_WRITE, "POST", f"{DOSSIER}/{one}") for one in ("steps", "results", "supplements")),
    *((Scope.DOSSIERS_WRITE, "POST", f"{DOSSIER}/{one}") for one in ("withdrawals", "cancellations")),
    (Scope.EXCHANGES_READ, "GET", "/v1/exchanges"),
    (Scope.EXCHANGES_READ, "GET", "/v1/exchanges/x"),
    *((Scope.SCORES_READ, "GET", f"/v1/{one}") for one in ("scores", "scores/dossiers", "warnings")),
    *((Scope.RECONCILIATIONS_READ, "GET", f"/v1/reconciliations{one}") for one in ("", "/x", "/x/differences")),
    *((Scope.RECONCILIATIONS_READ, "GET", f"/v1/reconciliations/x/{one}") for one in ("report", "report.csv")),
    (Scope.RECONCILIATIONS_READ, "GET", "/v1/reconciliations/x/repairs/{repair}"),
    *((Scope.RECONCILIATIONS_MANAGE, "POST", f"/v1/reconciliations{one}") for one in ("", "/x/repairs")),
    (Scope.RECONCILIATIONS_MANAGE, "POST", "/v1/reconciliations/x/repairs/start"),
    *((Scope.ACCOUNTS_READ, "GET", f"/v1/accounts{one}") for one in ("", "/x", "/x/history", ".csv", ".xlsx")),
    *((Scope.ACCOUNTS_READ, "GET", f"/v1/dormant-accounts{one}") for one in ("", ".csv")),
    *((Scope.ACCOUNTS_REQUEST, "PUT", f"/v1/accounts/x{one}") for one in ("", "/roster")),
    *((Scope.ACCOUNTS_REQUEST, "POST", f"/v1/{one}") for one in ("accounts/x/secondments", "account-imports")),
    *((Scope.ACCOUNTS_APPROVE_POLICE, "POST", f"/v1/accounts/x/{one}") for one in ("approve", "refuse")),
    *((Scope.ACCOUNTS_MANAGE, "POST", f"/v1/accounts/x/{one}") for one in ("suspend", "lock", "revoke", "reinstate")),
    *((Scope.CASES_READ, "GET", f"/v1/cases{one}") for one in ("", "/queue", "/x", "/x/evidence")),
    *((Scope.CASES_MANAGE, "POST", f"/v1/cases/x/{one}") for one in ("take", "release", "notes", "questions")),
    *((Scope.CASES_MANAGE, "POST", f"/v1/cases/x/{one}") for one in ("decide", "reopen", "suppress", "lock-account")),
    (Scope.CASES_MANAGE, "POST", "/v1/cases/x/packages"),
    (Scope.CASES_MANAGE, "GET", "/v1/cases/x/packages/{package}"),
    *((Scope.CASES_REVEAL, "POST", f"/v1/cases/x/reveals{one}") for one in ("", "/{reveal}/approve")),
    (Scope.CASES_REVEAL, "GET", "/v1/cases/x/reveals/{reveal}"),
    *((Scope.EXPLANATIONS_WRITE, "GET", f"/v1/explanations{one}") for one in ("", "/x")),
    (Scope.EXPLANATIONS_WRITE, "POST", "/v1/explanations/x/answer"),
    *((Scope.WATCH_READ, "GET", f"/v1/watch/{one}") for one in ("rules", "explained-shares", "samples")),
    *((Scope.WATCH_READ, "GET", f"/v1/watch/proposals{one}") for one in ("", "/x")),
    *((Scope.WATCH_PROPOSE, "POST", f"/v1/watch/{one}") for one in ("proposals", "protected-people")),
    (Scope.WATCH_PROPOSE, "POST", "/v1/watch/proposals/x/withdraw"),
    *((Scope.WATCH_APPROVE, "POST", f"/v1/watch/proposals/x/{one}") for one in ("approve", "refuse")),
    (Scope.CONNECTIONS_READ, "GET", "/v1/connections"),
    (Scope.CONNECTIONS_READ, "GET", "/v1/connections/x"),
    (Scope.CONNECTIONS_MANAGE, "POST", "/v1/connections/x/pause"),
    (Scope.CONNECTIONS_MANAGE, "POST", "/v1/connections/x/resume"),
    *((Scope.CATALOGUE_READ, "GET", f"/v1/procedures{one}") for one in ("", "/{code}")),
    *((Scope.CATALOGUE_READ, "GET", f"/v1/catalogue/{one}") for one in ("versions", "versions/{number}")),
    *((Scope.CATALOGUE_READ, "GET", f"/v1/catalogue/{one}") for one in ("agencies", "fields", "services")),
    *((Scope.QUESTIONS_READ, "GET", f"/v1/questions{one}") for one in ("", "/x")),
    (Scope.QUESTIONS_ANSWER, "POST", "/v1/questions/x/answers"),
    *((Scope.RATINGS_WRITE, method, "/v1/ratings/{month}/{procedure}") for method in ("PUT", "GET")),
    (Scope.TECHNICAL_IDS_READ, "POST", "/v1/lookups/technical-ids"),
    *((Scope.PEOPLE_LOOKUP, "POST", f"/v1/lookups/{one}") for one in ("people", "households")),
    (Scope.PEOPLE_VERIFY, "POST", "/v1/verifications/people"),
    (Scope.BUSINESSES_LOOKUP, "POST", "/v1/lookups/businesses"),
    *((Scope.LOOKUPS_READ, "GET", f"/v1/lookups{one}") for one in ("", "/x")),
    *((Scope.DOCUMENT_STORE_READ, "POST", f"/v1/document-store/{one}") for one in ("queries", "files")),
    (Scope.DOCUMENT_STORE_WRITE, "PUT", "/v1/document-store/papers/{dossier}/x"),
    *((Scope.EXCHANGES_MANAGE, "POST", f"/v1/exchanges/x/{one}") for one in ("replay", "dismiss")),
    *((Scope.EXCHANGES_READ, "GET", f"/v1/replays{one}") for one in ("", "/x", "/x/exchanges")),
    *((Scope.REPLAYS_MANAGE, "POST", f"/v1/replays{one}") for one in ("", "/x/start", "/x/pause", "/x/stop")),
    (Scope.REPLAYS_APPROVE, "POST", "/v1/replays/x/approve"),
    *((Scope.CONNECTIONS_MANAGE, "POST", f"/v1/connections/{one}") for one in ("stop-all", "resume-all")),
    *((Scope.CONNECTIONS_MANAGE, "POST", f"/v1/connections/x/{one}") for one in ("stop", "probe")),
    (Scope.CONNECTIONS_READ, "GET", "/v1/maintenance-windows"),
    (Scope.CONNECTIONS_MANAGE, "POST", "/v1/maintenance-windows"),
    (Scope.CONNECTIONS_MANAGE, "DELETE", "/v1/maintenance-windows/x"),
    (Scope.ALERTS_READ, "GET", "/v1/alerts"),
    (Scope.ALERTS_MANAGE, "POST", "/v1/alerts/x/acknowledge"),
    *((Scope.INBOX_READ, "GET", f"/v1/inbox{one}") for one in ("", "/x/files/{number}")),
    (Scope.INBOX_READ, "POST", "/v1/inbox/x/ack"),
    *((Scope.WEBHOOKS_MANAGE, "GET", f"/v1/webhooks{one}") for one in ("", "/x", "/x/deliveries")),
    (Scope.WEBHOOKS_MANAGE, "POST", "/v1/webhooks"),
    *((Scope.WEBHOOKS_MANAGE, "POST", f"/v1/webhooks/x/{one}") for one in ("disable", "enable", "replay", "rotate")),
    *((Scope.LEDGER_READ, "GET", f"/v1/{one}") for one in ("evidence/{exchange_id}", "ledger/checkpoint")),
    (Scope.LEDGER_READ, "GET", "/v1/ledger/consistency"),
    *((Scope.POPULATION_REPORTS_READ, "GET", f"/v1/reports/population-use{one}") for one in ("", "/due")),
    (Scope.USAGE_READ, "GET", "/v1/usage/{personal_id}"),
    (Scope.USAGE_READ, "POST", "/v1/usage/query"),
    *((Scope.USAGE_RELEASE, "GET", f"/v1/usage/withholdings{one}") for one in ("", "/x")),
    (Scope.USAGE_RELEASE, "POST", "/v1/usage/withholdings"),
    *(
        (Scope.USAGE_RELEASE, "POST", f"/v1/usage/withholdings/x/{one}")
        for one in ("confirm", "release", "approve-release")
    ),
]


async def test_every_call_needs_its_own_scope(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """All other scopes together do not open a call; without a token there is nothing at all."""
    lacking = {scope: await api.calling(scopes=set(Scope) - {scope}) for scope in Scope}
    for scope, method, path in CALLS:
        with subtests.test(f"{method} {path}"):
            refused = await lacking[scope].request(method, path)
            assert_problem(refused, 403, "scope_missing")
            assert f'scope="{scope.value}"' in refused.headers["www-authenticate"]
            anonymous = await api.anonymous().request(method, path)
            assert_problem(anonymous, 401, "token_required")
            assert anonymous.headers["www-authenticate"].startswith("Bearer")


async def test_the_table_above_is_complete(api: ApiWorld) -> None:
    """A call that is added to the application is added to the table of scopes."""
    declared = {
        (operation.access, operation.method, resource.path)
        for resource in api.app.resources
        for operation in resource.operations.values()
        if isinstance(operation.access, Scope)
    }
    listed = {(scope, method, path.replace(CODE, "{code}").replace("/x", "/{id}")) for scope, method, path in CALLS}
    assert listed == declared
