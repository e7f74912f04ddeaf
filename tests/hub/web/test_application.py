"""The application finds its resources, and answers for everything else as strictly."""

from __future__ import annotations

import asyncio
import io

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from hub.access.guard import Guard
from hub.access.refusals import token_required
from hub.access.scopes import Scope
from hub.access.tokens import Principal
from hub.settings import LogSettings
from hub.web import access_log
from hub.web.access_log import AccessLog
from hub.web.answers import Answer
from hub.web.application import Application
from hub.web.resources import PUBLIC, Call, Operation, Public, Resource


class OneToken(Guard):
    """Lets in who says "sesame"; reads no database."""

    def __init__(self) -> None:
        """Nothing is needed."""

    async def authenticate(self, headers: object) -> Principal:
        """Compare the header with the word."""
        if dict(headers).get(b"authorization") != b"sesame":  # type: ignore[call-overload]
            raise token_required()
        return Principal("client-0", frozenset(Scope), ("H99",), 9e9)


def resource(path: str, *methods: str, access: Scope | Public = PUBLIC) -> Resource:
    """A resource that tells what it was asked."""

    async def echo(call: Call) -> Answer:
        return Answer(200, repr((path, sorted(call.path.items()))).encode())

    operations = [
        Operation(one, echo, access, f"{one}_{path}", "", "", "test", successes=()) for one in methods or ("GET",)
    ]
    return Resource(path, operations, OneToken())


def application(*resources: Resource) -> Application:
    """An application of these."""
    return Application(resources, OneToken(), AccessLog(LogSettings(), io.StringIO()))


async def ask(app: FastAPI, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """One request."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub.test") as client:
        return await client.request(method, path, headers=headers)


APP = application(
    resource("/livez"),
    resource("/v1/things"),
    resource("/v1/things/{id}", "GET", "PUT", access=Scope.DOSSIERS_READ),
    resource("/v1/things/{id}/parts/{part}", "POST", access=Scope.DOSSIERS_WRITE),
    resource("/v1/things/all"),
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/livez", "('/livez', [])"),
        ("/v1/things", "('/v1/things', [])"),
        ("/v1/things/a.b-1", "('/v1/things/{id}', [('id', 'a.b-1')])"),
        ("/v1/things/things", "('/v1/things/{id}', [('id', 'things')])"),
        ("/v1/things/all", "('/v1/things/all', [])"),
        ("/v1/things/{id}", "('/v1/things/{id}', [('id', '{id}')])"),
    ],
)
async def test_addresses_are_found(path: str, found: str) -> None:
    """Parameters are handed over as they stand in the address."""
    assert (await ask(APP, path, authorization="sesame")).text == found


async def test_two_parameters() -> None:
    """Each parameter goes by its own name."""
    answer = await ask(APP, "/v1/things/a/parts/b", "POST", authorization="sesame")
    assert answer.text == "('/v1/things/{id}/parts/{part}', [('id', 'a'), ('part', 'b')])"


@pytest.mark.parametrize("path", ["/", "/nothing", "/livez/", "/livez/x", "//livez", "/openapi", "/docs"])
async def test_what_does_not_exist_is_404(path: str) -> None:
    """A problem like all others, and no redirect to something similar."""
    answer = await ask(APP, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_address")


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/things/", "/v1/things/a/parts", "/v1/things//parts/b"])
async def test_below_v1_nothing_is_told_to_strangers(path: str) -> None:
    """Denied by default: 401 comes before 404, and 405."""
    assert (await ask(APP, path)).status_code == 401
    assert (await ask(APP, path, authorization="sesame")).status_code == 404


async def test_below_v1_there_is_no_way_around_scopes() -> None:
    """A route that declares no scope cannot be reached there, not even with a good token."""
    app = application(resource("/v1/things", access=Scope.DOSSIERS_READ))

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("open")

    app.add_route("/v1/open", page)
    answer = await ask(app, "/v1/open", authorization="sesame")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_address")


async def test_other_methods_are_405_with_those_that_are_allowed() -> None:
    """``Allow`` names all methods of the address, HEAD with GET; a stranger is told 401."""
    assert (await ask(APP, "/v1/things/a", "DELETE")).status_code == 401
    answer = await ask(APP, "/v1/things/a", "DELETE", authorization="sesame")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, PUT"
    public = await ask(APP, "/livez", "POST")
    assert (public.status_code, public.headers["allow"]) == (405, "GET, HEAD")


def test_two_resources_at_one_address_are_a_mistake() -> None:
    """The second would never be reached."""
    with pytest.raises(ValueError, match="/v1/things"):
        application(resource("/v1/things"), resource("/v1/things"))


@pytest.mark.slow
async def test_pages_take_fastapis_way() -> None:
    """What is no resource is served by FastAPI's own routes, inside the same edge."""
    app = application(resource("/livez"))

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    async def broken(request: Request) -> PlainTextResponse:
        raise RuntimeError("Trần Thị Mẫu")

    app.add_route("/pages/one", page)
    app.add_route("/pages/broken", broken)
    answer = await ask(app, "/pages/one")
    assert (answer.status_code, answer.text) == (200, "page")
    assert answer.headers["x-content-type-options"] == "nosniff"
    failed = await ask(app, "/pages/broken")
    assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
    assert "Trần" not in failed.text


async def test_jobs_live_as_long_as_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job begins with the server and is ended with it; what the access log still holds is written."""
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 3600.0)
    lived: list[str] = []

    async def job() -> None:
        lived.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            lived.append("ended")

    out = io.StringIO()
    app = Application([resource("/livez")], OneToken(), AccessLog(LogSettings(), out), jobs=[job])
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0)
        await ask(app, "/livez")
        assert lived == ["began"]
        assert out.getvalue() == ""
    assert lived == ["began", "ended"]
    assert '"route":"/livez"' in out.getvalue()


async def test_arguments_that_fastapi_checks_are_problems_too() -> None:
    """A page's own parameters are refused in both languages, without the value."""
    app = application()

    @app.get("/pages/{number}")
    async def page(number: int) -> int:
        return number

    answer = await ask(app, "/pages/secret-value")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_type")
    assert answer.json()["detail_vi"]
    assert "secret-value" not in answer.text
