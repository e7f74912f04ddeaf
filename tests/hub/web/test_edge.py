"""The edge: ids, headers, log and the last catch, around applications that behave and that do not."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.settings import LogSettings
from hub.store.errors import StoreUnavailable
from hub.web.access_log import AccessLog
from hub.web.answers import Answer
from hub.web.body import ClientGone
from hub.web.edge import Edge
from hub.web.resources import ROUTE, SUBJECT, WORK_BEGAN

SECRET = "Trần Thị Mẫu 099199000123"


class Stage:
    """An edge around one application, and what it logged."""

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        self.out = io.StringIO()
        self.log = AccessLog(LogSettings(), self.out)
        self.edge = Edge(app, self.log, **options)

    async def get(self, path: str = "/", **headers: str | bytes) -> httpx.Response:
        """Ask; underscores in the names of headers stand for dashes."""
        transport = httpx.ASGITransport(app=self.edge)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
            return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def lines(self) -> list[dict[str, Any]]:
        """Return what was logged."""
        self.log.flush()
        return [orjson.loads(line) for line in self.out.getvalue().splitlines()]


def raising(make: Callable[[], Exception], *, began: bool = False) -> ASGIApp:
    """An application that fails, before or after it may have stored something."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if began:
            scope[WORK_BEGAN] = True
        raise make()

    return app


def answering(**keys: object) -> ASGIApp:
    """An application that answers, and notes something in the scope."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(keys)
        await Answer(200, b"{}", ((b"cache-control", b"max-age=60"),))(scope, receive, send)

    return app


async def test_every_answer_carries_the_security_headers() -> None:
    """What an application sets itself stays; the rest is added."""
    answer = await Stage(answering()).get()
    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(answer.headers.get_list("cache-control")) == 1
    assert (await Stage(raising(ValueError)).get()).headers["cache-control"] == "no-store"


async def test_a_request_id_is_taken_over_or_made() -> None:
    """The caller's id links his log to ours; where there is none, ours is unique."""
    stage = Stage(answering())
    given = await stage.get(x_request_id="igate-4711-abcd")
    assert given.headers["x-request-id"] == "igate-4711-abcd"
    made = {(await stage.get()).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert stage.lines()[0]["request_id"] == "igate-4711-abcd"


@pytest.mark.parametrize(
    "bad", [b"short", b"x" * 65, b"with space", b"a\tb-cdefgh", b"id-099199000123", "Trần-Thị-Mẫu".encode()]
)
async def test_a_request_id_that_could_harm_the_log_is_replaced(bad: bytes) -> None:
    """The id goes into the log as it is: no other signs, and nobody's number."""
    stage = Stage(answering())
    answer = await stage.get(x_request_id=bad)
    [line] = stage.lines()
    assert answer.headers["x-request-id"] == line["request_id"]
    assert len(line["request_id"]) == 36, "one of ours"


async def test_the_log_holds_templates_and_codes_only() -> None:
    """Neither the address nor the query of a request is written down."""
    stage = Stage(answering(**{ROUTE: "/v1/dossiers/{code}", SUBJECT: "H99.12-261008-0001"}))
    await stage.get(f"/v1/dossiers/{SECRET}?name={SECRET}")
    [line] = stage.lines()
    assert line["route"] == "/v1/dossiers/{code}"
    assert line["dossier_code"] == "H99.12-261008-0001"
    assert line["status"] == 200
    assert line["ms"] >= 0
    assert "099199000123" not in stage.out.getvalue()


async def test_a_line_tells_when_its_request_was_answered() -> None:
    """Lines are spelt when they are written, many at once; each has its own moment, in the order of the answers."""
    stage = Stage(answering())
    began = datetime.now(UTC)
    for name in ("request-1", "request-2"):
        await stage.get(x_request_id=name)
    ended = datetime.now(UTC)
    lines = stage.lines()
    moments = [datetime.fromisoformat(line["timestamp"]) for line in lines]
    assert [line["request_id"] for line in lines] == ["request-1", "request-2"]
    assert [began, *moments, ended] == sorted([began, *moments, ended])
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert list(lines[0])[:4] == ["event", "level", "timestamp", "logger"]


async def test_an_unknown_address_is_not_written_down() -> None:
    """An address that is none of ours may be anything."""
    stage = Stage(raising(lambda: Refusal(404, "x", Sentence("No.", "Không."))))
    await stage.get(f"/{SECRET}")
    assert stage.lines()[0]["route"] == "(none)"


async def test_a_failure_before_the_work_says_that_nothing_was_stored() -> None:
    """500 is honest: before anything could be stored, it says so."""
    answer = await Stage(raising(lambda: RuntimeError(SECRET))).get()
    assert answer.status_code == 500
    assert "Nothing was stored" in answer.json()["detail"]
    assert "Chưa có gì được lưu" in answer.json()["detail_vi"]
    assert "099199000123" not in answer.text


async def test_a_failure_after_the_work_began_says_that_it_is_not_known() -> None:
    """500 is honest: it never claims that nothing was stored when that is not certain."""
    answer = await Stage(raising(lambda: RuntimeError(SECRET), began=True)).get()
    assert answer.status_code == 500
    assert "Nothing was stored" not in answer.json()["detail"]
    assert "ask with GET" in answer.json()["detail"]
    assert "GET" in answer.json()["detail_vi"]


@pytest.mark.parametrize(
    ("began", "committed", "certain"), [(False, None, True), (True, False, True), (True, None, False)]
)
async def test_a_lost_database_says_what_is_certain(*, began: bool, committed: bool | None, certain: bool) -> None:
    """503 with Retry-After; whether the work may be stored is told as far as it is known."""
    answer = await Stage(raising(lambda: StoreUnavailable(committed=committed), began=began)).get()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "store_unavailable"
    assert ("Nothing was stored" in answer.json()["detail"]) is certain


async def test_the_words_of_an_exception_stay_out_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's words may quote a citizen: the log gets the exception itself to describe, never its text."""
    with structlog.testing.capture_logs() as logged:
        await Stage(raising(lambda: ValueError(SECRET))).get(x_request_id="request-1")
    [entry] = [one for one in logged if one["event"] == "request_failed"]
    assert entry["request_id"] == "request-1"
    assert isinstance(entry.pop("exc_info"), ValueError)
    assert "099199000123" not in str(entry)


async def test_a_client_that_went_away_is_no_failure() -> None:
    """Nobody is there to be answered; the log says 499."""

    async def run(stage: Stage) -> list[str]:
        sent: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message["type"])

        scope: Scope = {"type": "http", "method": "PUT", "path": "/", "headers": []}
        await stage.edge(scope, _no_message, send)
        return sent

    stage = Stage(raising(ClientGone))
    assert await run(stage) == []
    assert stage.lines()[0]["status"] == 499


async def _no_message() -> Any:
    return {"type": "http.disconnect"}


async def test_more_than_can_be_served_is_refused_at_once() -> None:
    """Waiting in a queue that only grows would help nobody: 503 and come back."""
    answer = await Stage(answering(), max_in_flight=0).get()
    assert answer.status_code == 503
    assert answer.json()["code"] == "overloaded"
    assert answer.headers["retry-after"] == "1"


async def test_a_refusal_is_answered_as_it_says() -> None:
    """Status, code, field and both sentences are those of the refusal."""
    refusal = Refusal(409, "some_conflict", Sentence("No.", "Không."), field="a.b", exchange_id="e-1")
    answer = await Stage(raising(lambda: refusal)).get()
    problem = answer.json()
    assert answer.status_code == 409
    assert (problem["code"], problem["field"], problem["exchange_id"]) == ("some_conflict", "a.b", "e-1")
    assert (problem["detail"], problem["detail_vi"]) == ("No.", "Không.")


async def test_a_failure_in_the_middle_of_an_answer_is_not_answered_again() -> None:
    """Once an answer has begun, a second one would corrupt it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(SECRET)

    stage = Stage(app)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await stage.edge({"type": "http", "method": "GET", "path": "/", "headers": []}, _no_message, send)
    assert [one["type"] for one in sent] == ["http.response.start"]


def test_the_access_log_obeys_the_level() -> None:
    """A deployment that wants warnings only gets no line per request."""
    out = io.StringIO()
    log = AccessLog(LogSettings(level="warning"), out)
    log.write(status=200)
    log.flush()
    assert out.getvalue() == ""
