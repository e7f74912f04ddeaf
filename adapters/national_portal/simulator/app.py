"""The simulated portal as an ASGI application: the provider behind the forward adapter, and its control plane.

Provider: ``POST mapi/login``, ``POST mapi/g`` (the paths of the settings). Control plane, below
``/_sandbox/national_portal/``: the page (GET), ``state``, ``dossiers``, ``dossiers/{code}``, ``desk`` (GET),
``faults`` (GET, POST, DELETE), ``sessions`` (DELETE), ``reset``, ``seed``, ``tampering``, ``inbound_target`` and
``calls/{call}`` (POST), which make it call the province. It has no lock: it is for invented data on machines of our
own.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.simulator.calling import PREFIX, CallingPortal, CallWish, NoTargetError, Target
from adapters.national_portal.simulator.page import render
from adapters.national_portal.simulator.portal import HeldDossier, SimulatedPortal
from adapters.national_portal.simulator.refusal import Refusal
from adapters.national_portal.simulator.tampering import TamperRequest, tamper
from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, live, read_body
from adapters.transport.simulation.controls import FaultRequest, add_fault, told_rules
from adapters.transport.simulation.faults import Fault, FaultKind, FaultPlan, Layer
from contracts.ports import SimulatorContext

CONNECTION = "national_portal"
"""The connection that fault rules name."""

CONTROL = f"/_sandbox/{CONNECTION}"

_HTML_ANSWER = b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
_NOT_AFTER = frozenset({FaultKind.EXPIRED_SESSION, FaultKind.DUPLICATE_ANSWER})
"""Answers that claim that nothing was done cannot be given after doing it."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeedProcedure(_Request):
    """A procedure to be added to the catalogue."""

    code: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]


class SeedQuestion(_Request):
    """A question somebody asks."""

    origin: Literal["portal", "agency"] = "portal"
    id: Annotated[str, Field(min_length=1)]
    fields: dict[str, str] = {}
    """By the names of ``question_fields`` in the settings, such as ``content`` and ``asker_name``."""


class SeedRequest(_Request):
    """``POST seed``: what the portal shall hold besides, as if it had been created there."""

    procedures: tuple[SeedProcedure, ...] = ()
    dossiers: tuple[dict[str, Any], ...] = ()
    questions: tuple[SeedQuestion, ...] = ()
    withdrawn_procedures: tuple[str, ...] = ()


_Body = TypeVar("_Body", bound=BaseModel)
_Control = Callable[[bytes], tuple[int, Any]]


class SimulatorApp:
    """One simulated portal. ``faults`` are committed before it acts on a call, ``late_faults`` after."""

    def __init__(self, settings: NationalPortalSettings, *, seed: int = 0) -> None:
        self.portal = SimulatedPortal(settings, seed=seed)
        self.faults = FaultPlan(seed=seed)
        """Also holds the wishes for faults of the wire, for a `FaultProxy` that is handed this plan."""
        self.late_faults = FaultPlan(seed=seed + 1)
        self.calling = CallingPortal(settings)
        """The portal as a caller of the province."""
        self._settings = settings
        self._login_path = f"/{settings.login_path}"
        self._service_paths = {f"/{settings.service_path}", f"/{settings.catalogue_path}"}
        self._controls: dict[tuple[str, str], _Control] = {
            ("GET", "state"): self._state,
            ("GET", "dossiers"): self._dossiers,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("DELETE", "sessions"): self._expire_sessions,
            ("POST", "reset"): self._reset,
            ("POST", "seed"): self._seed,
            ("POST", "tampering"): self._tamper,
            ("GET", "desk"): self._desk,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        path: str = scope["path"]
        body = await read_body(receive)
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            await self._control(scope["method"], path.removeprefix(CONTROL).strip("/"), body, send)
        elif scope["method"] != "POST":
            await answer(send, HTTPStatus.METHOD_NOT_ALLOWED, b"", content_type="text/plain")
        elif path == self._login_path:
            await self._provide("login", lambda: self.portal.login(body), send)
        elif path in self._service_paths:
            await self._provide(_service_of(body), lambda: self.portal.serve(body), send)
        else:
            await answer(send, HTTPStatus.NOT_FOUND, b"Not Found", content_type="text/plain")

    # --- the portal, with faults ------------------------------------------------------------------------

    async def _provide(self, operation: str, act: Callable[[], dict[str, Any]], send: Send) -> None:
        fault = self.faults.choose(CONNECTION, operation, layer=Layer.ANSWER)
        if fault is not None and not (fault.kind is FaultKind.DUPLICATE_ANSWER and operation != "DongBoHoSoMC"):
            await self._commit(fault, act() if fault.kind is FaultKind.EXTRA_FIELD else None, send)
            return
        result = act()
        fault = self.late_faults.choose(CONNECTION, operation, layer=Layer.ANSWER)
        if fault is not None:
            await self._commit(fault, result, send)
            return
        await answer(send, HTTPStatus.OK, orjson.dumps(result), content_type="application/json; charset=utf-8")

    async def _commit(self, fault: Fault, result: dict[str, Any] | None, send: Send) -> None:
        match fault.kind:
            case FaultKind.HTML_200:
                await answer(send, HTTPStatus.OK, _HTML_ANSWER, content_type="text/html")
                return
            case FaultKind.SERVER_500:
                await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, b"error", content_type="text/plain")
                return
            case FaultKind.EXPIRED_SESSION:
                self.portal.expire_sessions()
                body = self.portal.session_refusal()
            case FaultKind.DUPLICATE_ANSWER:
                body = self.portal.already_exists()
            case FaultKind.WRONG_TYPE:
                body = {**(result or {"message": "", "result": []}), "error_code": [0]}
            case FaultKind.EXTRA_FIELD:
                body = {**(result or {}), "truongMoi": "0"}
            case kind:
                raise ValueError(f"{kind} is no fault of an answer")
        await answer(send, HTTPStatus.OK, orjson.dumps(body))

    # --- control plane ----------------------------------------------------------------------------------

    async def _control(self, method: str, name: str, body: bytes, send: Send) -> None:
        if method == "GET" and not name:
            page = render(self.portal, self._rules(), self.calling).encode("utf-8")
            await answer(send, HTTPStatus.OK, page, content_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)
            return
        if method == "POST" and (name in {"", "inbound_target"} or name.startswith(PREFIX)):
            status, value = await self._call_out(name, body)
            await answer(send, status, orjson.dumps(value, default=str))
            return
        control = self._controls.get((method, name))
        if control is None and method == "GET" and name.startswith("dossiers/"):
            status, value = self._dossier(name.removeprefix("dossiers/"))
        elif control is None:
            status, value = HTTPStatus.NOT_FOUND, {"error": "no such control"}
        else:
            try:
                status, value = control(body)
            except ValidationError as error:
                place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
                status, value = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "invalid request", "field": place}
            except Refusal as refusal:
                status, value = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": refusal.message}
        await answer(send, status, orjson.dumps(value, default=str))

    async def _call_out(self, name: str, body: bytes) -> tuple[int, Any]:
        """Aim at the province, or call it; the page asks by a form that names the call."""
        try:
            if name == "inbound_target":
                await self.calling.aim(Target.model_validate_json(body))
                return HTTPStatus.OK, {}
            if not name:
                return HTTPStatus.OK, await self.calling.act(body.decode("ascii").removeprefix("call="), CallWish())
            wish = CallWish.model_validate_json(body or b"{}")
            return HTTPStatus.OK, await self.calling.act(name.removeprefix(PREFIX), wish)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "invalid request", "field": place}
        except (KeyError, UnicodeDecodeError):
            return HTTPStatus.NOT_FOUND, {"error": "no such call"}
        except NoTargetError:
            return HTTPStatus.CONFLICT, {"error": "nobody has said where the province is: POST inbound_target"}

    def _state(self, _body: bytes) -> tuple[int, Any]:
        portal = self.portal
        return HTTPStatus.OK, {
            "dossiers": len(portal.dossiers),
            "creates": sum(one.creates for one in portal.dossiers.values()),
            "updates": sum(one.updates for one in portal.dossiers.values()),
            "steps": sum(len(one.steps) for one in portal.dossiers.values()),
            "repeated_steps": sum(one.repeated_steps for one in portal.dossiers.values()),
            "procedures": len(portal.procedures),
            **portal.desk.state(),
            "sessions": len(portal.sessions),
            "logins": portal.logins,
            "refused_logins": portal.refused_logins,
            "counts": [
                {"service": service, "code": code, "calls": calls}
                for (service, code), calls in sorted(portal.counts.items())
            ],
            "calls": list(portal.calls),
            "calls_out": list(self.calling.calls),
            "faults": self._rules(),
        }

    def _dossiers(self, _body: bytes) -> tuple[int, Any]:
        return HTTPStatus.OK, {code: _summary(held) for code, held in self.portal.dossiers.items()}

    def _dossier(self, code: str) -> tuple[int, Any]:
        held = self.portal.dossiers.get(code)
        if held is None:
            return HTTPStatus.NOT_FOUND, {"error": "no such dossier"}
        content = {"dossier": orjson.loads(held.body), "step_list": [orjson.loads(step) for step in held.steps]}
        return HTTPStatus.OK, {**_summary(held), **content}

    def _list_faults(self, _body: bytes) -> tuple[int, Any]:
        return HTTPStatus.OK, self._rules()

    def _add_fault(self, body: bytes) -> tuple[int, Any]:
        wish = _read(FaultRequest, body)
        return add_fault(self._plans(), wish, connection=CONNECTION, not_after=_NOT_AFTER)

    def _clear_faults(self, _body: bytes) -> tuple[int, Any]:
        self.faults.clear()
        self.late_faults.clear()
        return HTTPStatus.OK, []

    def _expire_sessions(self, _body: bytes) -> tuple[int, Any]:
        self.portal.expire_sessions()
        return HTTPStatus.OK, {"sessions": 0}

    def _reset(self, _body: bytes) -> tuple[int, Any]:
        self.portal.reset()
        return self._clear_faults(b"")

    def _seed(self, body: bytes) -> tuple[int, Any]:
        wish = _read(SeedRequest, body)
        for dossier in wish.dossiers:
            self.portal.add_dossier(dossier)
        for procedure in wish.procedures:
            self.portal.add_procedure(procedure.code, procedure.name)
        for code in wish.withdrawn_procedures:
            self.portal.withdraw_procedure(code)
        for question in wish.questions:
            self.portal.desk.ask(question.origin, question.id, **question.fields)
        return HTTPStatus.CREATED, {"dossiers": len(self.portal.dossiers), "procedures": len(self.portal.procedures)}

    def _desk(self, _body: bytes) -> tuple[int, Any]:
        desk = self.portal.desk
        ratings = [{"month": month, "root": root, "held": held} for (month, root), held in desk.ratings.items()]
        return HTTPStatus.OK, {"questions": desk.questions, "answers": desk.answers, "ratings": ratings}

    def _tamper(self, body: bytes) -> tuple[int, Any]:
        held = tamper(self.portal, TamperRequest.model_validate_json(body))
        return HTTPStatus.OK, {} if held is None else _summary(held)

    def _rules(self) -> list[dict[str, Any]]:
        return told_rules(self._plans())

    def _plans(self) -> dict[str, FaultPlan]:
        return {"before": self.faults, "after": self.late_faults}


def build(context: SimulatorContext) -> SimulatorApp:
    """Return the simulator of a connection; its settings must be those of this adapter."""
    settings = context.settings
    if not isinstance(settings, NationalPortalSettings):
        raise TypeError("the simulator of the national portal needs the settings of a national portal connection")
    return SimulatorApp(settings, seed=context.seed)


def _read(model: type[_Body], body: bytes) -> _Body:
    return model.model_validate_json(body or b"{}")


def _service_of(body: bytes) -> str:
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "?"
    service = call.get("service") if isinstance(call, dict) else None
    return service if isinstance(service, str) else "?"


def _summary(held: HeldDossier) -> dict[str, Any]:
    return {
        "state": held.state,
        "creates": held.creates,
        "updates": held.updates,
        "steps": len(held.steps),
        "repeated_steps": held.repeated_steps,
    }


_PAGE_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("Cache-Control", "no-store"),
)
