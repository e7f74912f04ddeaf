"""The published document describes the API as it is: complete, valid, and true under arbitrary requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx
import jsonschema
import orjson
import pytest
import schemathesis
import uvloop
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.text import PERSONAL_DATA_MARK
from hub.access import clients
from hub.access.scopes import Scope
from hub.app import build_services, create_app
from hub.dossiers import openapi_examples as examples
from hub.dossiers.api import CANCELLATION, FACTS, RESULT, STEP, SUPPLEMENT, WITHDRAWAL
from hub.dossiers.procedures import save_procedures
from hub.settings import Settings
from hub.web.resources import PUBLIC
from hub.web.server import serve
from tests.hub.api.world import CODE, DOSSIER, PROCEDURE, ApiWorld, dossier, token


@pytest.fixture(scope="module")
def published() -> list[bytes]:
    """The document once it was asked for: made of the declarations alone, it is the same for every application."""
    return []


@pytest.fixture
async def document(api: ApiWorld, published: list[bytes]) -> dict[str, Any]:
    """The document as published."""
    if not published:
        answer = await api.anonymous().get("/openapi.json")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        published.append(answer.content)
    found: dict[str, Any] = orjson.loads(published[0])
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its path and method."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    """Every reference in the document."""
    match node:
        case dict():
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


async def test_it_describes_every_address(api: ApiWorld, document: dict[str, Any]) -> None:
    """Nothing is served that is not described, and the other way round."""
    served = {
        (resource.path, method.lower())
        for resource in api.app.resources
        for method, operation in resource.operations.items()
        if method == operation.method
    }
    assert served == {(path, method) for path, method, _ in operations(document)}
    assert document["openapi"].startswith("3.1")


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """A document with dangling references cannot generate a client."""
    for reference in set(references(document)):
        here: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in here, reference
            here = here[part]


@pytest.mark.slow
async def test_every_schema_is_one(document: dict[str, Any]) -> None:
    """All schemas are JSON Schema 2020-12."""
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_security_is_told(api: ApiWorld, document: dict[str, Any]) -> None:
    """Each operation names its scope, or that it is public; all scopes are explained."""
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert set(flow["scopes"]) == {scope.value for scope in Scope}
    access = {(one.path, name.lower()): op.access for one in api.app.resources for name, op in one.operations.items()}
    for path, method, operation in operations(document):
        expected = access[path, method]
        assert operation["security"] == ([] if expected is PUBLIC else [{"oauth2": [expected.value]}])


async def test_ids_are_unique_and_texts_are_there(document: dict[str, Any]) -> None:
    """A generated client gets one name per call, and people a sentence."""
    found = [operation for _, _, operation in operations(document)]
    assert len({one["operationId"] for one in found}) == len(found)
    assert all(one["summary"] and one["description"] and one["tags"] for one in found)


async def test_problems_are_described(document: dict[str, Any]) -> None:
    """Every guarded call describes its refusals as problems, with their headers."""
    for path, _, operation in operations(document):
        if not path.startswith("/v1/"):
            continue
        assert {"401", "403", "500", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
        if "requestBody" in operation:
            assert {"400", "408", "413", "415", "422"} <= set(operation["responses"])


async def test_posts_declare_their_key(document: dict[str, Any]) -> None:
    """Idempotency-Key is required on every POST below /v1; If-Match is offered where it is honoured."""
    for path, method, operation in operations(document):
        headers = {one["name"]: one["required"] for one in operation["parameters"] if one["in"] == "header"}
        if path.startswith("/v1/") and method == "post":
            assert headers["Idempotency-Key"] is True
        if path.startswith("/v1/dossiers/") and method in {"post", "put"}:
            assert headers["If-Match"] is False


async def test_personal_data_is_marked(document: dict[str, Any]) -> None:
    """Who builds against the document sees which fields are a citizen's."""
    schemas = document["components"]["schemas"]
    name = next(schema for key, schema in schemas.items() if key.startswith("PersonApplicant"))
    assert name["properties"]["name"][PERSONAL_DATA_MARK] is True


@pytest.mark.parametrize(
    ("adapter", "example"),
    [
        (FACTS, examples.DOSSIER),
        (STEP, examples.STEP),
        (SUPPLEMENT, examples.SUPPLEMENT),
        (RESULT, examples.RESULT),
        (WITHDRAWAL, examples.WITHDRAWAL),
        (CANCELLATION, examples.CANCELLATION),
    ],
)
def test_examples_are_valid(adapter: Any, example: Any) -> None:
    """What the document shows, the API takes."""
    adapter.validate_json(orjson.dumps(example))


# --- arbitrary requests -----------------------------------------------------------------------------------


class LiveHub:
    """The real api process in a thread: settings, services, application, server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._failure: BaseException | None = None
        self.url = ""
        self.bearer = ""
        self._thread = threading.Thread(target=self._run, name="live hub")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as failure:
            self._failure = failure
            self._ready.set()
            raise

    async def _serve(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        async with build_services(self._settings) as services:
            await save_procedures(services.store, "test", [PROCEDURE])
            made = await clients.add(services.store, name="Thử", scopes=Scope, agencies=["H99"])

            async def started(port: int) -> None:
                self.url = f"http://127.0.0.1:{port}"
                async with httpx.AsyncClient(base_url=self.url) as caller:
                    self.bearer = await token(caller, made)
                    headers = {"authorization": f"Bearer {self.bearer}"}
                    declared = await caller.put(DOSSIER, json=dossier(), headers=headers)
                    assert declared.status_code == 201, declared.text
                self._ready.set()

            app = create_app(services)
            await serve(app, "127.0.0.1", 0, read_timeout_seconds=5, stop=stop, on_started=started)


CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.mark.slow
def test_arbitrary_requests_get_described_answers(
    make_settings: Callable[..., Settings], subtests: pytest.Subtests
) -> None:
    """Whatever is sent, valid or not: never a 500, and always an answer as the document describes it."""
    with LiveHub(make_settings()) as hub:
        schema = schemathesis.openapi.from_dict(httpx.get(f"{hub.url}/openapi.json").json())
        headers = {"Authorization": f"Bearer {hub.bearer}"}
        for found in schema.get_all_operations():
            operation = found.ok()
            with subtests.test(f"{operation.label}, valid"):
                _exercise(operation, schemathesis.GenerationMode.POSITIVE, hub.url, headers)
            if _can_be_wrong(operation):
                with subtests.test(f"{operation.label}, invalid"):
                    _exercise(operation, schemathesis.GenerationMode.NEGATIVE, hub.url, headers)


def _can_be_wrong(operation: Any) -> bool:
    """Say whether the operation takes anything that can be invalid by the document: an id may be any text."""
    described = operation.definition.raw
    return "requestBody" in described or any(one["name"] != "id" for one in described["parameters"])


def _exercise(operation: Any, mode: Any, url: str, headers: dict[str, str]) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE and "code" in (case.path_parameters or {}):
            case.path_parameters["code"] = CODE  # one the client may act for, and that exists
        response = case.call(base_url=url, headers=headers)
        case.validate_response(response, checks=CHECKS)
        assert response.status_code != 500

    send()
