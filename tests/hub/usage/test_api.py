"""The number in an address or a body: answered, and never in log, metrics, errors, ledger or headers."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
import uuid_utils.compat
from prometheus_client.exposition import generate_latest

from hub.access.scopes import Scope
from hub.health.metrics import REGISTRY
from hub.log import configure_logging
from hub.lookups.rows import EndRow, LookupRow, SubjectKind, salted
from hub.lookups.subjects import SubjectHasher
from hub.lookups.writer import LogWriter
from hub.settings import LogSettings
from hub.web.access_log import AccessLog
from tests.hub.api.conftest import api, services  # noqa: F401 - fixtures
from tests.hub.api.world import ApiWorld, fresh_key
from tests.hub.usage.conftest import NOW

CITIZEN = "099199000123"
NUMBERS = (
    "099199000123",
    "09919900012",
    "0991990001234",
    "099199000x23",
    "０９９１９９０００１２３",
    "%30%39%39199000123",
)


DAY = timedelta(days=1)


def id_time(id_: UUID) -> datetime:
    """When a look-up with this id was made."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a process would log besides requests."""
    stream = io.StringIO()
    configure_logging(LogSettings(level="debug"), stream=stream)
    # The test's own client is no part of the hub.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    yield stream
    logging.getLogger("httpx").setLevel(logging.NOTSET)


async def test_the_number_is_in_no_log_no_metric_and_no_error(
    api: ApiWorld,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    logged: io.StringIO,
) -> None:
    """Whatever comes of the request: an answer, a refusal, an unknown address, a wrong method, a crash."""
    stream = io.StringIO()
    log = AccessLog(LogSettings(), stream)
    monkeypatch.setattr(api.app, "_access_log", log)
    monkeypatch.setattr(api.app._edge, "_access_log", log)
    answers = []
    for number in NUMBERS:
        answers += [
            await api.caller.get(f"/v1/usage/{number}"),
            await api.caller.get(f"/v1/usage/{number}?cursor=x"),
            await api.caller.get(f"/v1/usage/{number}?limit=0"),
            await api.caller.head(f"/v1/usage/{number}"),
            await api.caller.delete(f"/v1/usage/{number}"),
            await api.caller.get(f"/v1/usage/{number}/x"),
            await api.anonymous().get(f"/v1/usage/{number}"),
            await api.caller.post("/v1/usage/query", json={"personal_number": number}, headers=fresh_key()),
        ]

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(CITIZEN)

    monkeypatch.setattr(LogWriter, "whole", broken)
    answers.append(await api.caller.get(f"/v1/usage/{CITIZEN}"))
    answers.append(await api.caller.post("/v1/usage/query", json={"personal_number": CITIZEN}, headers=fresh_key()))
    log.flush()

    statuses = [one.status_code for one in answers]
    assert statuses[:8] == [200, 400, 422, 200, 405, 404, 401, 200]
    assert statuses[8:16] == [422, 422, 422, 422, 405, 404, 401, 422]
    assert statuses[-2:] == [500, 500]
    refused = answers[8].json()
    assert (refused["code"], refused["field"]) == ("personal_number", "personal_id")
    assert "12 chữ số" in refused["detail_vi"]
    routes = {orjson.loads(line)["route"] for line in stream.getvalue().splitlines()}
    assert routes == {"/v1/usage/{personal_id}", "/v1/usage/query", "(none)"}
    async with api.store.transaction() as conn:
        ledger = await (await conn.execute("SELECT subject, facts FROM ledger_queue")).fetchall()
    assert "request_failed" in logged.getvalue()
    told = [stream.getvalue(), generate_latest(REGISTRY).decode(), str(ledger), logged.getvalue()]
    told += [one.text + str(one.headers) for one in answers]
    assert "/v1/usage/{personal_id}" in told[1]
    for number in NUMBERS:
        assert [place for place, one in enumerate(told) if number in one] == []


async def test_both_ways_say_the_same(api: ApiWorld) -> None:  # noqa: F811
    """By address or by body; a reader confined to agencies sees theirs; nobody keeps the answer."""
    hasher, writer = await SubjectHasher.open(api.store), LogWriter(api.store)
    for unit in ("H99.12", "H98.01"):
        id_ = uuid_utils.compat.uuid7()
        row = LookupRow(
            str(id_), NOW, "find_citizen", "population_db", "dvc", "canbo01", "one_stop", unit, "10.0.0.7", None, None,
            "Giải quyết hồ sơ", False, hasher.hash(CITIZEN), SubjectKind.PERSON.value, {},
            salted({"subject": CITIZEN}),
        )  # fmt: skip
        await writer.whole(row, replace(EndRow(str(id_), NOW, NOW, "found"), data_groups=("identity",)))
    citizen_portal = await api.calling([Scope.USAGE_READ], agencies=())
    address = await citizen_portal.get(f"/v1/usage/{CITIZEN}")
    asked = {"personal_number": CITIZEN, "limit": 1}
    body = await citizen_portal.post("/v1/usage/query", json=asked, headers=fresh_key())
    assert address.headers["cache-control"] == body.headers["cache-control"] == "no-store"
    assert address.json()["items"][0] == body.json()["items"][0]
    more = asked | {"cursor": body.json()["next_cursor"]}
    second = await citizen_portal.post("/v1/usage/query", json=more, headers=fresh_key())
    assert second.json()["items"][0] == address.json()["items"][1]
    assert (second.json()["next_cursor"], second.json()["readings"]["count"]) == (None, 2)
    confined = (await api.caller.get(f"/v1/usage/{CITIZEN}")).json()
    assert (confined["shown"], confined["agencies"], confined["items"][0]["agency"]) == (1, ["H99"], "H99.12")


async def test_a_withholding_lives_its_life(api: ApiWorld) -> None:  # noqa: F811
    """Asked for, confirmed and released through the API by two clients; repeated calls do nothing twice."""
    hasher, writer = await SubjectHasher.open(api.store), LogWriter(api.store)
    id_ = uuid_utils.compat.uuid7()
    at = id_time(id_)
    row = LookupRow(
        str(id_), at, "find_citizen", "population_db", "dvc", "canbo01", "one_stop", "H99.12", "10.0.0.7", None, None,
        "Giải quyết hồ sơ", False, hasher.hash(CITIZEN), SubjectKind.PERSON.value, {},
        salted({"subject": CITIZEN}),
    )  # fmt: skip
    await writer.whole(row, EndRow(str(id_), at, at, "found"))
    police = await api.calling([Scope.USAGE_RELEASE], agencies=())
    office = await api.calling([Scope.USAGE_RELEASE, Scope.USAGE_READ], agencies=())
    base = "/v1/usage/withholdings"
    body = {
        "lookup_id": str(id_),
        "person": "Trần Thị Thử",
        "reason": "Đang xác minh theo kế hoạch",
        "document_number": "12/QĐ-CAT",
        "until": (at.replace(microsecond=0) + 5 * DAY).isoformat(),
    }
    key = fresh_key()
    made = await police.post(base, json=body, headers=key)
    assert made.status_code == 201, made.text
    repeated = await police.post(base, json=body, headers=key)
    assert (repeated.json(), repeated.headers["idempotency-replayed"]) == (made.json(), "true")
    assert "reason" not in made.json()
    one = f"{base}/{made.json()['id']}"
    hidden = (await office.get(f"/v1/usage/{CITIZEN}")).json()
    assert (hidden["shown"], hidden["withheld"]["count"]) == (0, 1)
    for caller, action, said, status, state in (
        (police, "confirm", {"person": "Lê Văn Thử"}, 403, None),
        (office, "confirm", {"person": "Lê Văn Thử"}, 200, "confirmed"),
        (office, "release", {"person": "Lê Văn Thử", "reason": "Đã xác minh xong"}, 200, "release_requested"),
        (police, "approve-release", {"person": "Trần Thị Thử"}, 200, "released"),
        (police, "approve-release", {"person": "Trần Thị Thử"}, 409, None),
    ):
        answer = await caller.post(f"{one}/{action}", json=said, headers=fresh_key())
        assert answer.status_code == status, answer.text
        assert state is None or answer.json()["state"] == state
    assert (await office.get(one)).json()["reason"] == body["reason"]
    assert [entry["state"] for entry in (await police.get(base)).json()["items"]] == ["released"]
    assert (await police.get(base, params={"in_force": "true"})).json()["items"] == []
    assert (await office.get(f"/v1/usage/{CITIZEN}")).json()["shown"] == 1
