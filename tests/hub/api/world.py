"""The real application on the real intake and a database of its own, and bodies to send to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from contracts.dossier import Procedure
from contracts.examples import dossier_body
from hub.access import clients
from hub.access.clients import Credentials
from hub.access.scopes import Scope
from hub.app import Services
from hub.store.engine import Store
from hub.web.application import Application

CODE = "H99.12-261008-0001"
DOSSIER = f"/v1/dossiers/{CODE}"
PORTAL = "national_portal"
PROCEDURE = Procedure(code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Hộ tịch")

_keys = itertools.count(1)


def moment(hours: float = 0) -> str:
    """A moment some hours after this time yesterday, as a dossier system writes it: never in the future by default."""
    return (datetime.now(UTC) - timedelta(hours=24 - hours)).astimezone(_VIETNAM).isoformat(timespec="seconds")


_VIETNAM = datetime.strptime("+07:00", "%z").tzinfo
_EXAMPLE = orjson.loads(dossier_body())
HANDLER = {"name": "Phạm Thị Thử", "department": "Phòng Tư pháp"}
HEAD = {"name": "Vũ Văn Thử", "department": "Phòng Tư pháp"}


def dossier(**changes: Any) -> dict[str, Any]:
    """The published example, dated yesterday, with some fields changed."""
    body: dict[str, Any] = deepcopy(_EXAMPLE)
    body |= {"submitted_at": moment(0), "received_at": moment(0.5), "due_at": moment(24 * 8)}
    body["fees"][0]["payment"]["paid_at"] = moment(0.1)
    body["databases_consulted"][0]["consulted_at"] = moment(0.2)
    return body | changes


def step(**changes: Any) -> dict[str, Any]:
    """A step of processing."""
    return {"state": "in_process", "handler": HANDLER, "content": "Thẩm định hồ sơ", "occurred_at": moment(1)} | changes


def supplement(**changes: Any) -> dict[str, Any]:
    """A request for one more paper."""
    return {
        "kind": "supplement_request",
        "id": "BS-0001",
        "handler": HANDLER,
        "content": "Đề nghị bổ sung",
        "occurred_at": moment(1),
        "papers": [{"name": "Bản sao giấy chứng sinh"}],
    } | changes


def supplement_receipt(**changes: Any) -> dict[str, Any]:
    """The answer to it."""
    return {
        "kind": "supplement_receipt",
        "id": "BS-0001",
        "handler": HANDLER,
        "occurred_at": moment(2),
        "new_due_at": moment(24 * 9),
    } | changes


def result(**changes: Any) -> dict[str, Any]:
    """A result paper."""
    return {
        "id": "KQ-0001",
        "handler": HANDLER,
        "name": "Giấy khai sinh",
        "catalogue_code": "KQ.G99.000001",
        "occurred_at": moment(2),
        "files": [{"id": "201", "name": "khai-sinh.pdf", "url": "https://tep.h99.example/201"}],
    } | changes


def withdrawal(**changes: Any) -> dict[str, Any]:
    """The applicant takes the dossier back."""
    return {
        "handler": HANDLER,
        "reason": "Người nộp đề nghị rút",
        "requested_at": moment(1),
        "occurred_at": moment(2),
    } | changes


def cancellation(**changes: Any) -> dict[str, Any]:
    """A duplicate, struck from the statistics."""
    return {
        "reason": "duplicate",
        "explanation": "Nhập trùng",
        "requested_by": HANDLER,
        "requested_at": moment(1),
        "approved_by": HEAD,
        "occurred_at": moment(2),
    } | changes


def fresh_key() -> dict[str, str]:
    """An Idempotency-Key that no call has used."""
    return {"Idempotency-Key": f"key-{next(_keys)}"}


@dataclass
class ApiWorld:
    """The application, its database, and clients to call it with."""

    app: Application
    services: Services
    caller: httpx.AsyncClient
    """Acts for all of H99, with every scope."""

    @property
    def store(self) -> Store:
        """The database under it all."""
        return self.services.store

    def anonymous(self, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client without a token, calling from ``address``."""
        return http(self.app, address=address)

    async def client(self, scopes: Iterable[Scope] = tuple(Scope), agencies: Iterable[str] = ("H99",)) -> Credentials:
        """Register an API client."""
        return await clients.add(self.store, name=f"Hệ thống thử {next(_keys)}", scopes=scopes, agencies=list(agencies))

    async def calling(
        self, scopes: Iterable[Scope] = tuple(Scope), agencies: Iterable[str] = ("H99",)
    ) -> httpx.AsyncClient:
        """Register an API client and return a caller that holds its token."""
        return await self.calling_as(await self.client(scopes, agencies))

    async def calling_as(self, credentials: Credentials) -> httpx.AsyncClient:
        """Return a caller that holds a token of this client."""
        caller = self.anonymous()
        caller.headers["authorization"] = f"Bearer {await token(caller, credentials)}"
        return caller

    async def put(self, code: str = CODE, **changes: Any) -> httpx.Response:
        """Declare a dossier."""
        return await self.caller.put(f"/v1/dossiers/{code}", json=dossier(**changes))

    async def post(self, what: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Record an event with a fresh key."""
        return await self.caller.post(f"{DOSSIER}/{what}", json=body, headers=fresh_key() | headers)

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.store.transaction() as conn:
            row = await (await conn.execute(f"SELECT count(*) FROM {table}")).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])

    async def stored(self) -> dict[str, int]:
        """How much of everything is stored; compare before and after."""
        return {
            table: await self.count(table)
            for table in ("dossiers", "dossier_events", "exchanges", "lanes", "idempotency_keys")
        }


def http(app: Application, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client that calls the application in process."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True, client=(address, 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://hub.test")


async def token(caller: httpx.AsyncClient, credentials: Credentials) -> str:
    """Return an access token of this client."""
    answer = await caller.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(credentials.client_id, credentials.secret),
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Check that the answer is a complete problem in both languages, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    if field is not None:
        assert problem["field"] == field, problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:lienthong:problem:{code}"
    assert problem["instance"] == f"urn:lienthong:request:{answer.headers['x-request-id']}"
    for one in (problem, *problem.get("errors", ())):
        assert one["detail"].strip()
        assert one["detail_vi"].strip()
        assert one["detail"] != one["detail_vi"]
    return problem
