"""The control plane of a simulator: a page, its state, the faults wished for, and a fresh start.

What `contracts.ports.PlayedPartner.control` promises, for simulators that have nothing of their own to add but more
paths. It has no lock: it is for invented data on machines of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from html import escape
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, read_body
from adapters.transport.simulation.faults import AnyFault, FaultKind, FaultPlan, FaultRule, Layer, RecordFault

NOT_AFTER = frozenset({FaultKind.EXPIRED_SESSION, FaultKind.DUPLICATE_ANSWER, FaultKind.EXTRA_FIELD})
"""Answers that claim that nothing was done cannot be given after doing it; one with a field more always is."""


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: str | None = None
    """A call on the wire; every one when absent."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    duration_seconds: Annotated[float, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    when: Literal["before", "after"] = "before"


class FaultRequest(_Wish):
    """``POST faults``: which answers go wrong, how often, before or after the partner has acted."""

    kind: FaultKind


class RecordFaultRequest(_Wish):
    """The same of a partner that answers with records."""

    kind: FaultKind | RecordFault


class Controls:
    """ASGI application: ``/``, ``/state`` (GET), ``/faults`` (GET, POST, DELETE), ``/reset`` (POST), and ``more``."""

    def __init__(
        self,
        *,
        title: str,
        connection: str,
        faults: FaultPlan,
        late_faults: FaultPlan,
        state: Callable[[], dict[str, Any]],
        reset: Callable[[], None],
        more: Callable[[str, str], tuple[int, Any] | None],
        take: Callable[[str, bytes], tuple[int, Any] | None] | None = None,
        answers_with_records: bool = False,
    ) -> None:
        """``more`` answers method and path with status and content, or ``None`` where it has no such path.

        ``take`` does the same for the path and body of a POST. ``answers_with_records``: it commits `RecordFault` too.
        """
        self._title = title
        self._connection = connection
        self._plans = {"before": faults, "after": late_faults}
        self._state = state
        self._reset = reset
        self._more = more
        self._take = take
        self._request: type[FaultRequest | RecordFaultRequest] = (
            RecordFaultRequest if answers_with_records else FaultRequest
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await read_body(receive)
        method, path = scope["method"], scope["path"].strip("/")
        if (method, path) == ("GET", ""):
            await answer(send, HTTPStatus.OK, self._page().encode(), content_type="text/html; charset=utf-8")
            return
        status, content = self._answer(method, path, body)
        await answer(send, status, orjson.dumps(content, default=str))

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        match method, path:
            case "GET", "state":
                return HTTPStatus.OK, {**self._state(), "faults": self._rules()}
            case "GET", "faults":
                return HTTPStatus.OK, self._rules()
            case "POST", "faults":
                return self._add(body)
            case "DELETE", "faults":
                self._clear()
                return HTTPStatus.OK, []
            case "POST", "reset":
                self._clear()
                self._reset()
                return HTTPStatus.OK, []
        taken = self._take(path, body) if self._take is not None and method == "POST" else None
        return taken or self._more(method, path) or (HTTPStatus.NOT_FOUND, {"error": "no such control"})

    def _add(self, body: bytes) -> tuple[int, Any]:
        try:
            wish = self._request.model_validate_json(body or b"{}")
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "invalid request", "field": place}
        return add_fault(self._plans, wish, connection=self._connection, not_after=NOT_AFTER)

    def _clear(self) -> None:
        for plan in self._plans.values():
            plan.clear()

    def _rules(self) -> list[dict[str, Any]]:
        return told_rules(self._plans)

    def _page(self) -> str:
        state = escape(orjson.dumps(self._state(), option=orjson.OPT_INDENT_2, default=str).decode())
        title = escape(self._title)
        return f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><pre>{state}</pre>"


def add_fault(
    plans: Mapping[str, FaultPlan],
    wish: FaultRequest | RecordFaultRequest,
    *,
    connection: str,
    not_after: Container[AnyFault],
) -> tuple[int, Any]:
    """Answer ``POST faults``; ``plans`` by ``before`` and ``after``, ``not_after`` has no variant after acting."""
    if wish.when == "after" and (wish.kind in not_after or wish.kind.layer is Layer.TRANSPORT):
        return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "this fault has no variant after acting", "field": "when"}
    rule = plans[wish.when].add(wish.kind, connection=connection, **wish.model_dump(exclude={"kind", "when"}))
    return HTTPStatus.CREATED, _told(rule, wish.when)


def told_rules(plans: Mapping[str, FaultPlan]) -> list[dict[str, Any]]:
    """Answer ``GET faults``."""
    return [_told(rule, when) for when, plan in plans.items() for rule in plan.rules()]


def _told(rule: FaultRule, when: str) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "operation": rule.operation,
        "share": rule.share,
        "left": rule.left,
        "hits": rule.hits,
        "when": when,
    }
