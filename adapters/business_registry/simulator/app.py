"""The simulated database as an ASGI application, and its control plane.

Besides the controls every simulator has, ``POST answers/<form>`` says how it answers from now on: ``plain``,
``packed`` (JSON in a text), ``half`` (a whole HTTP answer with half the JSON), ``other`` (another enterprise's
record). All enterprises in it are invented.
"""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson

from adapters.business_registry.settings import RegistrySettings
from adapters.business_registry.simulator.register import ENTERPRISES, Answer, Registered, national, province
from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, answer_json, live, read_body
from adapters.transport.simulation.controls import Controls
from adapters.transport.simulation.faults import Fault, FaultKind, FaultPlan
from adapters.transport.simulation.lgsp import LgspSimulator
from contracts.ports import SimulatorContext

CONNECTION = "business_registry"
OPERATION = "chiTietDoanhNghiep"
TOKEN = "token"  # noqa: S105 - the name of a call
FORMS = ("plain", "packed", "half", "other")

_HTML = b"<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


class SimulatorApp:
    """One simulated database. ``faults`` are committed before it looks, ``late_faults`` after."""

    def __init__(self, settings: RegistrySettings, *, seed: int = 0) -> None:
        self.faults = FaultPlan(seed=seed)
        self.late_faults = FaultPlan(seed=seed + 1)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.enterprises: dict[str, Registered] = {}
        self.form = "plain"
        self._settings = settings
        self._write = national if settings.dialect == "national" else province
        self.guard = _guard(self._serve, settings)
        """The LGSP in front of it, where the connection takes that road."""
        self.control = Controls(
            title="Mô phỏng CSDL quốc gia về đăng ký doanh nghiệp",
            connection=CONNECTION,
            faults=self.faults,
            late_faults=self.late_faults,
            state=self._state,
            reset=self.reset,
            more=self._more,
        )
        self.reset()

    def reset(self) -> None:
        """Begin again with the invented enterprises."""
        self.counts.clear()
        self.enterprises = {one.code: one for one in ENTERPRISES}
        self.form = "plain"
        if self.guard is not None:
            self.guard.logins = 0

    def operation_at(self, target: str) -> str | None:
        """Return the operation of a request's target."""
        path, _, query = target.partition("?")
        if self.guard is not None and path == "/token":
            return TOKEN
        return OPERATION if self._is_ours(path, query) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif self.guard is not None:
            await self.guard(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    # --- the service --------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        query = scope["query_string"].decode("ascii", "replace")
        if scope["method"] != "GET" or not self._is_ours(scope["path"], query):
            await answer(send, HTTPStatus.NOT_FOUND, b"Not Found", content_type="text/plain")
            return
        fault = self.faults.choose(CONNECTION, OPERATION)
        if fault is not None and fault.kind is not FaultKind.EXTRA_FIELD:
            await self._commit(fault, send)
            return
        result = self._look(query)
        late = self.late_faults.choose(CONNECTION, OPERATION)
        if late is not None:
            await self._commit(late, send)
            return
        if fault is not None:
            result = {**result, "truongMoi": "0"}
        content = orjson.dumps(result)
        if self.form == "packed":
            content = orjson.dumps(content.decode())
        elif self.form == "half":
            content = content[: len(content) // 2]
        await answer(send, HTTPStatus.OK, content, content_type="application/json; charset=utf-8")

    def _look(self, query: str) -> Answer:
        asked = (parse_qs(query).get(self._settings.code_parameter) or [""])[0]
        if self._settings.branch_as == "digits" and len(asked) == len("9999999997001"):
            asked = f"{asked[:10]}-{asked[10:]}"
        found = self.enterprises.get(asked)
        if self.form == "other":
            found = next(one for code, one in self.enterprises.items() if code != asked)
        self.counts[OPERATION, "found" if found is not None else "none"] += 1
        return self._write(found)

    def _is_ours(self, path: str, query: str) -> bool:
        settings = self._settings
        # Behind the forward adapter the target still bears the adapter's own path.
        if not path.rstrip("/").endswith(f"/{settings.path}".rstrip("/")):
            return False
        if settings.named_by == "path":
            return True
        given = parse_qs(query)
        return given.get("category") == [settings.category] and given.get("version") == [settings.category_version]

    async def _commit(self, fault: Fault, send: Send) -> None:
        match fault.kind:
            case FaultKind.HTML_200:
                await answer(send, HTTPStatus.OK, _HTML, content_type="text/html")
            case FaultKind.SERVER_500:
                await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, b"error", content_type="text/plain")
            case FaultKind.EXPIRED_SESSION:
                if self.guard is not None:
                    self.guard.expire_tokens()
                fault_body = {"code": 900903, "message": "Access Token Expired"}
                await answer_json(send, HTTPStatus.UNAUTHORIZED, {"fault": fault_body})
            case _:
                # The envelope of a wrong type; "already there" has no meaning here and is told the same way.
                await answer_json(send, HTTPStatus.OK, {"Data": [[]], "GetEntCert": 7})

    # --- controls -----------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        counts = [{"service": one, "code": code, "calls": calls} for (one, code), calls in sorted(self.counts.items())]
        if self.guard is not None and self.guard.logins:
            counts.append({"service": TOKEN, "code": "200", "calls": self.guard.logins})
        return {"enterprises": sorted(self.enterprises), "answers": self.form, "counts": counts}

    def _more(self, method: str, path: str) -> tuple[int, Any] | None:
        form = path.removeprefix("answers/")
        if method != "POST" or form == path or form not in FORMS:
            return None
        self.form = form
        return HTTPStatus.OK, {"answers": form}


def build(context: SimulatorContext) -> SimulatorApp:
    """Return the simulator of a connection; its settings must be those of this adapter."""
    if not isinstance(context.settings, RegistrySettings):
        raise TypeError("the simulator of the business registry needs the settings of such a connection")
    return SimulatorApp(context.settings, seed=context.seed)


def _guard(service: Any, settings: RegistrySettings) -> LgspSimulator | None:
    lgsp = settings.lgsp
    if lgsp is None:
        return None
    keys = lgsp.access_keys
    return LgspSimulator(
        service,
        consumer=None
        if lgsp.consumer_key is None or lgsp.consumer_secret is None
        else (lgsp.consumer_key.get_secret_value(), lgsp.consumer_secret.get_secret_value()),
        access_keys=None
        if keys is None
        else {
            "AccessKey": keys.access_key.get_secret_value(),
            "SecretKey": keys.secret_key.get_secret_value(),
            "AppName": keys.app_name,
            "PartnerCode": keys.partner_code,
            "PartnerCodeCus": keys.partner_code_cus,
        },
    )
