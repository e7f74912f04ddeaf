"""A citizen's data never leaves through an error, a log or a metric: marked values are sent and looked for."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from hub.app import Services, create_app
from hub.log import configure_logging
from hub.settings import LogSettings
from hub.web.access_log import AccessLog
from tests.hub.api.world import (
    CODE,
    DOSSIER,
    ApiWorld,
    cancellation,
    dossier,
    fresh_key,
    http,
    result,
    step,
    supplement,
    withdrawal,
)

MARK = "ZZMARKZZ"
"""Looks like nothing that the hub would say by itself."""
NUMBER = "099199000777"

BODIES = {
    "PUT": (DOSSIER, dossier()),
    **{
        f"POST {what}": (f"{DOSSIER}/{what}", body)
        for what, body in {
            "steps": step(),
            "supplements": supplement(),
            "results": result(),
            "withdrawals": withdrawal(),
            "cancellations": cancellation(),
        }.items()
    },
}


def leaves(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document where a value stands."""
    match document:
        case dict():
            for key, value in document.items():
                yield from leaves(value, (*path, key))
        case list():
            for index, value in enumerate(document):
                yield from leaves(value, (*path, index))
        case _:
            yield path


def marked(document: Any, path: tuple[str | int, ...], value: object) -> Any:
    """A copy of the document with another value in one place."""
    copy = orjson.loads(orjson.dumps(document))
    here = copy
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return copy


@contextlib.contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Collect what the whole process logs, at the lowest level, through the hub's own logging."""
    out = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging(LogSettings(level="debug"), stream=out)
    try:
        yield out
    finally:
        root.handlers[:], level = before
        root.setLevel(level)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.slow
async def test_refusals_never_repeat_a_value(
    api: ApiWorld, services: Services, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In every field of every call: a text, a number and a wrong type that would be recognised if they came back."""
    access = io.StringIO()
    monkeypatch.setattr("hub.app.AccessLog", lambda settings: AccessLog(settings, access))
    path, body = BODIES[name]
    sent = 0
    with everything_logged() as log:
        app = create_app(services)
        caller = http(app)
        caller.headers["authorization"] = api.caller.headers["authorization"]
        await api.put()
        for leaf in leaves(body):
            for value in (MARK, f"{MARK}\u0301a", NUMBER, [MARK], {MARK: MARK}, {"kind": MARK}):
                answer = await caller.request(
                    name.split(maxsplit=1)[0], path, json=marked(body, leaf, value), headers=fresh_key()
                )
                sent += 1
                if answer.status_code >= 400:
                    assert MARK not in answer.text, leaf
                    assert NUMBER not in answer.text, leaf
        async with app.router.lifespan_context(app):
            pass
    assert sent > 20
    assert len(access.getvalue().splitlines()) == sent
    for line in (log.getvalue(), access.getvalue(), (await api.anonymous().get("/metrics")).text):
        assert MARK not in line
        assert NUMBER not in line


async def test_addresses_and_queries_are_not_repeated(
    api: ApiWorld, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in an address is the sender's text too."""
    access = io.StringIO()
    monkeypatch.setattr("hub.app.AccessLog", lambda settings: AccessLog(settings, access))
    with everything_logged() as log:
        app = create_app(services)
        caller = http(app)
        caller.headers["authorization"] = api.caller.headers["authorization"]
        for path in (
            f"/{MARK}",
            f"/v1/{MARK}?x={MARK}",
            f"/v1/dossiers/{MARK}",
            f"/v1/exchanges/{MARK}",
            f"/v1/connections/{MARK}",
            f"/v1/exchanges?subject={MARK}",
            f"/v1/exchanges?cursor={MARK}",
            f"/v1/exchanges?state={MARK}",
            f"/v1/exchanges?since={MARK}",
        ):
            answer = await caller.get(path)
            assert 400 <= answer.status_code < 500, path
            assert MARK not in answer.text, path
        async with app.router.lifespan_context(app):
            pass
    assert MARK not in log.getvalue() + access.getvalue()


async def test_accepted_dossiers_are_not_logged_either(api: ApiWorld, services: Services) -> None:
    """The log of a normal day holds codes, never names."""
    with everything_logged() as log:
        app = create_app(services)
        caller = http(app)
        caller.headers["authorization"] = api.caller.headers["authorization"]
        body = marked(dossier(), ("applicant", "name"), MARK)
        assert (await caller.put(DOSSIER, json=body)).status_code == 201
        assert MARK in (await caller.get(DOSSIER)).text
        assert MARK not in (await caller.get(f"{DOSSIER}/timeline")).text
        assert MARK not in (await caller.get("/v1/exchanges", params={"subject": CODE})).text
    assert MARK not in log.getvalue()
