"""The simulated database as an ASGI application, in whichever of the three ways its settings name, and its controls.

Control plane, below ``/_sandbox/population_db/``: what `contracts.ports.PlayedPartner.control` promises; ``people``
(GET) lists invented people, ``questions`` (GET) the last calls as they were understood, ``seed`` (POST) puts people in.
It has no lock: it is for invented data on machines of our own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from adapters.population_db.settings import PopulationSettings
from adapters.population_db.simulator import writing
from adapters.population_db.simulator.database import CALLS, Refusal, SimulatedDatabase, as_node, read_question
from adapters.population_db.simulator.doors import direct_is_open, facade_is_open, lgsp_gate, officers_of
from adapters.population_db.simulator.people import Home, Person
from adapters.transport.simulation.asgi import App, Receive, Scope, Send, answer, live, read_body
from adapters.transport.simulation.controls import Controls
from adapters.transport.simulation.faults import AnyFault, FaultKind, FaultPlan, Layer, RecordFault
from adapters.transport.xml import XmlNode, XmlRefusedError, read_xml
from contracts.ports import SimulatorContext

CONNECTION = "population_db"
CONTROL = f"/_sandbox/{CONNECTION}"

_HTML = b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
_XML = "text/xml; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_CALL = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(" + "|".join(CALLS).encode() + rb")[\s>/]")
_NUMBER = re.compile(rb"SoDinhDanh>([0-9]{12})<")
_LISTED = 500
_HUGE = 4
"""How many times the largest answer that is read the huge one is."""


class SeedPerson(BaseModel):
    """A person of ``POST seed``."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    birth: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    sex: Literal[1, 2]
    card: Annotated[str, StringConstraints(pattern=r"^([0-9]{9})?$")] = ""
    commune: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")] = "99001"
    detail: Annotated[str, StringConstraints(max_length=200)] = "Số 1, thôn Thử 1"
    household: Annotated[str, StringConstraints(max_length=50)] = ""
    relation: Annotated[str, StringConstraints(max_length=50)] = "Chủ hộ"
    head: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    father: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    mother: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    spouse: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    representative: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    married: Literal["1", "2", "3"] = "1"
    blood: Literal["00", "01", "02", "03", "04"] = "00"
    year_only: bool = False
    dead: bool = False

    def person(self) -> Person:
        """Return the person."""
        told = self.model_dump(exclude={"name", "household", "head", "commune", "detail"})
        return Person(
            family="",
            middle="",
            given=self.name,
            home=Home(self.household or f"HO-{self.number}", self.commune, self.detail),
            head=self.head or self.number,
            **told,
        )


class _Seed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: Annotated[list[SeedPerson], Field(min_length=1, max_length=10_000)]


class SimulatorApp:
    """One simulated database. ``faults`` are committed before it acts on a call, ``late_faults`` after."""

    def __init__(self, settings: PopulationSettings, *, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.database = SimulatedDatabase(settings, seed=seed)
        self.faults = FaultPlan(seed=seed)
        self.late_faults = FaultPlan(seed=seed + 1)
        self._clock = clock
        self._settings = settings
        self._gate = None
        if settings.lgsp is not None:
            self._gate = lgsp_gate(self._provide, settings.lgsp.lgsp, officers_of(settings.lgsp))
        elif settings.facade is not None and settings.facade.lgsp is not None:
            self._gate = lgsp_gate(self._provide, settings.facade.lgsp, None)
        self.control = Controls(
            title="Mô phỏng Cơ sở dữ liệu quốc gia về dân cư",
            connection=CONNECTION,
            faults=self.faults,
            late_faults=self.late_faults,
            state=self._state,
            reset=self._reset,
            more=self._more,
            take=self._take,
            answers_with_records=True,
        )

    def use(self, settings: PopulationSettings) -> None:
        """Take over the settings of the connection that leads here, once its address is known."""
        self._settings = settings

    def operation_of(self, target: str, body: bytes) -> str | None:
        """Return the call of a request, or ``login``."""
        path = target.partition("?")[0]
        if self._gate is not None and path.endswith("/token"):
            return "login"
        found = _CALL.search(body)
        if found is not None:
            return found[1].decode()
        return next((call for call in CALLS if path.endswith(f"/{call}")), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        path: str = scope["path"]
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            inner = path.removeprefix(CONTROL) or "/"
            await self.control({**scope, "path": inner, "raw_path": inner.encode()}, receive, send)
            return
        service: App = self._provide if self._gate is None else self._gate
        await service(scope, receive, send)

    # --- one call ---------------------------------------------------------------------------------------

    async def _provide(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if self._settings.sandbox.quick:
            found = _NUMBER.search(body)
            await self._send_document(self.database.quick(b"" if found is None else found[1]), send)
            return
        call = self.operation_of(scope["path"], body)
        if call is None or scope["method"] != "POST":
            await answer(send, HTTPStatus.NOT_FOUND, b"Not Found", content_type="text/plain")
        elif not self._is_open(scope):
            self.database.counts[call, "401"] += 1
            await answer(send, HTTPStatus.UNAUTHORIZED, b"Unauthorized", content_type="text/plain")
        else:
            await self._act(call, body, send)

    async def _act(self, call: str, body: bytes, send: Send) -> None:
        fault = self.faults.choose(CONNECTION, call, layer=Layer.ANSWER)
        kind = None if fault is None else fault.kind
        if kind is not None and await self._commit_instead(kind, send):
            return
        record = kind if isinstance(kind, RecordFault) else None
        try:
            question = read_question(call, self._node(call, body), self._settings)
            inside, code = self.database.answer(question, record), "0"
        except Refusal as refusal:
            self.database.counts[call, refusal.code] += 1
            await self._refuse(refusal, send)
            return
        self.database.counts[call, code] += 1
        late = self.late_faults.choose(CONNECTION, call, layer=Layer.ANSWER)
        if late is not None and await self._commit_instead(late.kind, send):
            return
        await self._send_document(self._written(call, inside, kind if late is None else late.kind), send)

    def _node(self, call: str, body: bytes) -> XmlNode:
        facade = self._settings.facade
        if facade is not None:
            try:
                told = orjson.loads(body)
            except orjson.JSONDecodeError:
                raise Refusal("Client", "Không phải JSON") from None
            if facade.body == "fields":
                return as_node(call, told)
            body = str(told.get(facade.envelope_field, "")).encode()
        try:
            root = read_xml(body)
        except XmlRefusedError:
            raise Refusal("Client", "Không phải XML") from None
        for part in root.all("Body"):
            for node in part.all(call):
                return node
        raise Refusal("Client", "Thông điệp không có phần thân")

    def _is_open(self, scope: Scope) -> bool:
        settings = self._settings
        if settings.direct is not None:
            return direct_is_open(scope, settings.direct, now=self._clock())
        return settings.facade is None or facade_is_open(scope, settings.facade)

    # --- what is written --------------------------------------------------------------------------------

    def _written(self, call: str, inside: str, kind: AnyFault | None) -> bytes:
        match kind:
            case FaultKind.EXTRA_FIELD:
                inside = writing.with_field_more(inside)
            case FaultKind.WRONG_TYPE | FaultKind.DUPLICATE_ANSWER:
                # "Already there" has no meaning for a question and is told the same way.
                inside = writing.with_wrong_type(inside)
            case RecordFault.TEXT_IN_TEXT:
                inside = writing.in_text(inside)
            case RecordFault.XML_BOMB | RecordFault.EXTERNAL_ENTITY:
                head = writing.BOMB if kind is RecordFault.XML_BOMB else writing.OUTSIDE
                return (head + writing.envelope(inside.replace("</ns1:CongDan>", "&a11;</ns1:CongDan>"))).encode()
            case RecordFault.HUGE_ANSWER:
                inside = inside.replace("</ns1:", f"{' ' * self._settings.max_answer_bytes * _HUGE}</ns1:", 1)
        if self._settings.sandbox.wrapped:
            inside = f'<d:{call}Response xmlns:d="http://dancuquocgia.bca">{inside}</d:{call}Response>'
        return writing.envelope(inside).encode()

    async def _send_document(self, document: bytes, send: Send) -> None:
        if self._settings.facade is None:
            await answer(send, HTTPStatus.OK, document, content_type=_XML)
            return
        code = self._settings.facade.done_codes[0]
        told = orjson.dumps({"error_code": code, "message": document.decode()})
        await answer(send, HTTPStatus.OK, told, content_type=_JSON)

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        if self._settings.facade is not None:
            told = orjson.dumps({"error_code": refusal.code, "message": refusal.words})
            await answer(send, HTTPStatus.OK, told, content_type=_JSON)
            return
        fault = writing.fault(f"soapenv:{refusal.code}", refusal.words).encode()
        await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, fault, content_type=_XML)

    async def _commit_instead(self, kind: AnyFault, send: Send) -> bool:
        """Answer in place of the database; false for a fault that is in the answer itself."""
        match kind:
            case FaultKind.HTML_200:
                await answer(send, HTTPStatus.OK, _HTML, content_type="text/html")
            case FaultKind.SERVER_500:
                await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, b"error", content_type="text/plain")
            case FaultKind.EXPIRED_SESSION:
                if self._gate is not None:
                    self._gate.expire_tokens()
                await answer(send, HTTPStatus.UNAUTHORIZED, b"Unauthorized", content_type="text/plain")
            case RecordFault.REFUSAL:
                await self._refuse(Refusal("Client", "Từ chối theo yêu cầu"), send)
            case RecordFault.X_ROAD_FAULT:
                fault = writing.fault("Server.ServerProxy.AccessDenied", "Request is not allowed")
                await self._send_document(fault.encode(), send)
            case _:
                return False
        return True

    # --- control plane ----------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        counts = [
            {"service": call, "code": code, "calls": calls}
            for (call, code), calls in sorted(self.database.counts.items())
        ]
        if self._gate is not None and self._gate.logins:
            counts.append({"service": "login", "code": "0", "calls": self._gate.logins})
        people = self.database.people
        return {
            "way": self._settings.way,
            "people": len(people.by_number),
            "households": len(people.households),
            "questions": len(self.database.questions),
            "counts": counts,
        }

    def _reset(self) -> None:
        self.database.reset()
        if self._gate is not None:
            self._gate.expire_tokens()
            self._gate.logins = 0

    def _more(self, method: str, path: str) -> tuple[int, Any] | None:
        match method, path:
            case "GET", "people":
                listed = islice(self.database.people.by_number.values(), _LISTED)
                return HTTPStatus.OK, [_told(one) for one in listed]
            case "GET", "questions":
                return HTTPStatus.OK, list(self.database.questions)
        return None

    def _take(self, path: str, body: bytes) -> tuple[int, Any] | None:
        if path != "seed":
            return None
        try:
            wish = _Seed.model_validate_json(body)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "invalid request", "field": place}
        self.database.seed([one.person() for one in wish.people])
        return HTTPStatus.OK, {"people": len(self.database.people.by_number)}


def _told(person: Person) -> dict[str, Any]:
    return {
        "number": person.number,
        "name": person.name,
        "birth": person.birth,
        "sex": person.sex,
        "commune": person.home.commune,
        "detail": person.home.detail,
        "household": person.household,
    }


def build(context: SimulatorContext) -> SimulatorApp:
    """Return the simulator of a connection; its settings must be those of this adapter."""
    if not isinstance(context.settings, PopulationSettings):
        raise TypeError("the simulator of the population database needs the settings of its own connection")
    return SimulatorApp(context.settings, seed=context.seed)
