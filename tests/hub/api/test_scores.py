"""``/v1/scores`` and ``/v1/warnings``: for the caller's agencies, with their scope, without citizens' data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.calendar import VIETNAM
from hub.access.scopes import Scope
from hub.profiles.profile import load_profile
from hub.score.facts import FactReader
from hub.score.lines import Line
from hub.score.projection import Projection
from hub.score.warnings import Warner
from tests.hub.api.world import CODE, PORTAL, ApiWorld, assert_problem


@pytest.fixture
async def month(api: ApiWorld) -> str:
    """One dossier that the portal does not hold and one warning; returns the month of its reception."""
    put = await api.put()
    assert put.status_code == 201
    await Projection(api.store, FactReader(load_profile()), PORTAL).catch_up()
    now = datetime.now(UTC) + timedelta(days=30)
    await Warner(api.store, PORTAL, settle=timedelta(minutes=1)).run_once(now)
    async with api.store.transaction() as conn:
        await conn.execute("UPDATE dossiers SET recorded_at = recorded_at - interval '1 day'")
        row = await (await conn.execute("SELECT received_at FROM dossiers")).fetchone()
    assert row is not None
    received: datetime = row[0]
    return received.astimezone(VIETNAM).strftime("%Y-%m")


async def test_a_month_is_read_with_both_sides(api: ApiWorld, month: str) -> None:
    """Every line, in total and by agency; the dossier that costs a point, with why in both languages."""
    answer = await api.caller.get("/v1/scores", params={"month": month})
    assert answer.status_code == 200
    page = answer.json()
    assert [line["line"] for line in page["total"]["lines"]] == list(Line)
    assert page["total"]["lines"][0]["ours"] == {"counted": 0, "of": 1, "rate": 0.0}
    assert [one["agency"] for one in page["items"]] == ["H99.12"]
    answer = await api.caller.get("/v1/scores/dossiers", params={"month": month, "cause": "not_synchronised"})
    (one,) = answer.json()["items"]
    (cause,) = [cause for cause in one["causes"] if cause["cause"] == "not_synchronised"]
    assert (one["code"], one["portal_state"], cause["line"]) == (CODE, None, "1.4")
    assert cause["text"] != cause["text_vi"]
    answer = await api.caller.get("/v1/warnings", params={"cause": "due_soon_not_synchronised"})
    (warning,) = answer.json()["items"]
    assert (warning["dossier_code"], warning["cleared_at"]) == (CODE, None)
    for secret in ("Trần", "099199000123"):
        assert secret not in answer.text


async def test_other_agencies_are_not_seen(api: ApiWorld, month: str) -> None:
    """Neither by asking for all nor by name."""
    other = await api.calling([Scope.SCORES_READ], ["H99.13"])
    assert (await other.get("/v1/scores", params={"month": month})).json()["items"] == []
    assert (await other.get("/v1/scores/dossiers", params={"month": month})).json()["items"] == []
    assert (await other.get("/v1/warnings")).json()["items"] == []
    for path in ("/v1/scores", "/v1/scores/dossiers", "/v1/warnings"):
        query = {"agency": "H99.12"} | ({} if path == "/v1/warnings" else {"month": month})
        assert_problem(await other.get(path, params=query), 403, "agency_not_allowed", "agency")


async def test_bad_questions_are_refused_with_the_parameter(api: ApiWorld) -> None:
    """And nobody asks without the scope."""
    reader = await api.calling([Scope.DOSSIERS_READ])
    for path in ("/v1/scores", "/v1/scores/dossiers", "/v1/warnings"):
        assert_problem(await reader.get(path), 403, "scope_missing")
    wrong = (
        ("", "month"),
        ("month=2026-13", "month"),
        ("month=2026-1", "month"),
        ("month=2026-10&x=1", "x"),
        ("month=2026-10&agency=x", "agency"),
    )
    for query, field in wrong:
        answer = await api.caller.get(f"/v1/scores?{query}")
        assert answer.status_code == 422
        assert answer.json()["field"] == field
    for path in ("/v1/scores/dossiers?month=2026-10&cursor=x", "/v1/warnings?cursor=x"):
        assert_problem(await api.caller.get(path), 400, "bad_cursor", "cursor")
