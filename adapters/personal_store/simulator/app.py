"""The simulated store as an ASGI application: the provider behind the forward adapter, and its control plane.

Control plane, below ``/_sandbox/personal_store/``: the page (GET), ``state`` (GET), ``faults`` (GET, POST, DELETE),
``sessions`` (DELETE), ``reset`` (POST). It has no lock: it is for invented data on machines of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import ValidationError

from adapters.personal_store.settings import DocumentStoreSettings
from adapters.personal_store.simulator.store import Refusal, SimulatedStore
from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, header, live, read_body
from adapters.transport.simulation.controls import FaultRequest, add_fault, told_rules
from adapters.transport.simulation.faults import Fault, FaultKind, FaultPlan, Layer
from contracts.ports import SimulatorContext

CONNECTION = "personal_store"
CONTROL = f"/_sandbox/{CONNECTION}"

_HTML = b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
_NOT_AFTER = frozenset({FaultKind.EXPIRED_SESSION, FaultKind.EXTRA_FIELD})
_PAGE_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("Cache-Control", "no-store"),
)


class SimulatorApp:
    """One simulated store. ``faults`` are committed before it acts on a call, ``late_faults`` after."""

    def __init__(self, settings: DocumentStoreSettings, *, seed: int = 0) -> None:
        self.store = SimulatedStore(settings, seed=seed)
        self.faults = FaultPlan(seed=seed)
        self.late_faults = FaultPlan(seed=seed + 1)
        self._settings = settings
        store = self.store
        self._doors: dict[str, tuple[str, Callable[[dict[str, Any], str | None], Any]]] = {
            f"/{settings.login_path}": ("login", store.login),
            f"/{settings.query_path}": ("query", store.query),
            f"/{settings.file_path}": ("file", store.file),
            f"/{settings.paper_path}": ("paper", store.take),
        }

    def operation_at(self, target: str) -> str | None:
        """Return the operation whose path a request's target ends in."""
        path = target.partition("?")[0]
        return next((name for door, (name, _) in self._doors.items() if path.endswith(door)), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        path: str = scope["path"]
        body = await read_body(receive)
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            await self._control(scope["method"], path.removeprefix(CONTROL).strip("/"), body, send)
        elif path in self._doors and scope["method"] == "POST":
            await self._provide(path, body, header(scope, self._settings.session_field.lower()), send)
        else:
            await answer(send, HTTPStatus.NOT_FOUND, b"Not Found", content_type="text/plain")

    async def _provide(self, path: str, body: bytes, token: str | None, send: Send) -> None:
        operation, act = self._doors[path]
        fault = self.faults.choose(CONNECTION, operation, layer=Layer.ANSWER)
        if fault is not None and fault.kind is not FaultKind.EXTRA_FIELD:
            await self._commit(fault, send)
            return
        try:
            result, code = act(_object(body), token), "0"
        except Refusal as refusal:
            result, code = self.store.answer(refusal.code, refusal.message), refusal.code
        self.store.counts[operation, code] += 1
        if fault is not None and isinstance(result, dict):
            result = {**result, "truongMoi": "0"}
        fault = self.late_faults.choose(CONNECTION, operation, layer=Layer.ANSWER)
        if fault is not None:
            await self._commit(fault, send)
            return
        await answer(send, HTTPStatus.OK, orjson.dumps(result), content_type="application/json; charset=utf-8")

    async def _commit(self, fault: Fault, send: Send) -> None:
        match fault.kind:
            case FaultKind.HTML_200:
                await answer(send, HTTPStatus.OK, _HTML, content_type="text/html")
            case FaultKind.SERVER_500:
                await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, b"error", content_type="text/plain")
            case FaultKind.EXPIRED_SESSION:
                self.store.expire_sessions()
                await answer(send, HTTPStatus.OK, orjson.dumps(self.store.session_refusal()))
            case _:
                # The code of a wrong type; "already there" has no meaning here and is told the same way.
                await answer(send, HTTPStatus.OK, orjson.dumps({"errorCode": [0], "message": "", "result": {}}))

    # --- control plane ----------------------------------------------------------------------------------

    async def _control(self, method: str, name: str, body: bytes, send: Send) -> None:
        if (method, name) == ("GET", ""):
            page = _page(self._state()).encode()
            await answer(send, HTTPStatus.OK, page, content_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)
            return
        status: int = HTTPStatus.OK
        value: Any
        match method, name:
            case "GET", "state":
                value = self._state()
            case "GET", "faults":
                value = self._rules()
            case "POST", "faults":
                status, value = self._add_fault(body)
            case "DELETE", "faults":
                self.faults.clear()
                self.late_faults.clear()
                value = []
            case "DELETE", "sessions":
                self.store.expire_sessions()
                value = {"sessions": 0}
            case "POST", "reset":
                self.store.reset()
                self.faults.clear()
                self.late_faults.clear()
                value = self._state()
            case _:
                status, value = HTTPStatus.NOT_FOUND, {"error": "no such control"}
        await answer(send, status, orjson.dumps(value))

    def _state(self) -> dict[str, Any]:
        store = self.store
        return {
            "papers": sum(map(len, store.papers.values())),
            "handed_in": len(store.handed_in),
            "queries": len(store.queries),
            "sessions": len(store.sessions),
            "logins": store.logins,
            "counts": [
                {"service": name, "code": code, "calls": calls} for (name, code), calls in sorted(store.counts.items())
            ],
            "faults": self._rules(),
        }

    def _add_fault(self, body: bytes) -> tuple[int, Any]:
        try:
            wish = FaultRequest.model_validate_json(body or b"{}")
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "invalid request", "field": place}
        return add_fault(self._plans(), wish, connection=CONNECTION, not_after=_NOT_AFTER)

    def _rules(self) -> list[dict[str, Any]]:
        return told_rules(self._plans())

    def _plans(self) -> dict[str, FaultPlan]:
        return {"before": self.faults, "after": self.late_faults}


def build(context: SimulatorContext) -> SimulatorApp:
    """Return the simulator of a connection; its settings must be those of this adapter."""
    if not isinstance(context.settings, DocumentStoreSettings):
        raise TypeError("the simulator of the document store needs the settings of a document store connection")
    return SimulatorApp(context.settings, seed=context.seed)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _page(state: dict[str, Any]) -> str:
    figures = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{value}</td></tr>"
        for name, value in state.items()
        if isinstance(value, int)
    )
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Mô phỏng Kho dữ liệu điện tử</title></head>'
        "<body><h1>Mô phỏng Kho quản lý dữ liệu điện tử</h1>"
        '<p lang="en">Simulator of the personal e-document store: figures only. Invented data only.</p>'
        f"<table><caption>Số liệu</caption>{figures}</table></body></html>"
    )
