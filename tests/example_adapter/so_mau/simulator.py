"""The register's side on the same wire, written from its description: what it takes, holds and answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import orjson

from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, header, live, read_body
from adapters.transport.simulation.controls import Controls
from adapters.transport.simulation.faults import Fault, FaultKind, FaultPlan
from adapters.transport.simulation.proxy import FaultProxy
from adapters.transport.simulation.server import AsgiServer
from contracts.ports import PlayedPartner, SandboxContext, SimulatorContext
from so_mau.settings import RegisterSettings

NAME = "so_mau"
_PATH = re.compile(r"/so/(?P<code>[0-9A-Z.-]{1,40})(?P<steps>/buoc)?")
_DOSSIER = {"ma", "trangThai", "maThuTuc", "tenThuTuc", "donVi", "nguoiNop", "ngayNop", "trichYeu"}
_STEP = {"so", "noiDung", "canBo", "luc"}


class RegisterApp:
    """ASGI application: the register, with faults on demand."""

    def __init__(self, settings: RegisterSettings, *, seed: int = 0) -> None:
        self.faults = FaultPlan(seed=seed)
        self.late_faults = FaultPlan(seed=seed + 1)
        self.held: dict[str, dict[str, Any]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self._key = settings.key.get_secret_value()
        self.control = Controls(
            title="Sổ Mẫu",
            connection=NAME,
            faults=self.faults,
            late_faults=self.late_faults,
            state=self._state,
            reset=self._reset,
            more=self._more,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call of ours."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        body = await read_body(receive)
        operation = operation_of(scope["method"], scope["path"], {}, body)
        if operation is None:
            await answer(send, HTTPStatus.NOT_FOUND, b"")
        elif header(scope, "x-khoa") != self._key:
            await answer(send, HTTPStatus.UNAUTHORIZED, b"")
        else:
            await self._provide(operation, scope["path"], body, send)

    async def _provide(self, operation: str, path: str, body: bytes, send: Send) -> None:
        fault = self.faults.choose(NAME, operation)
        result: dict[str, Any] = {}
        if fault is None or fault.kind is FaultKind.EXTRA_FIELD:
            result = self._act(operation, path, body)
            self.counts[operation, str(result["ketQua"])] += 1
            fault = fault or self.late_faults.choose(NAME, operation)
        await self._tell(fault, result, send)

    async def _tell(self, fault: Fault | None, result: dict[str, Any], send: Send) -> None:
        match fault.kind if fault is not None else None:
            case None:
                pass
            case FaultKind.HTML_200:
                await answer(send, HTTPStatus.OK, b"<html><body>Bad Gateway</body></html>", content_type="text/html")
                return
            case FaultKind.WRONG_TYPE:
                result = {**result, "ketQua": ["DA_GHI"]}
            case FaultKind.EXTRA_FIELD:
                result = {**result, "truongMoi": 1}
            case _:
                await answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, b"")
                return
        await answer(send, HTTPStatus.OK, orjson.dumps(result))

    def _act(self, operation: str, path: str, body: bytes) -> dict[str, Any]:
        code = _PATH.fullmatch(path)["code"]  # type: ignore[index]
        held = self.held.get(code)
        match operation:
            case "tra":
                if held is None:
                    return {"ketQua": "KHONG_CO"}
                told = {name: held["dossier"][name] for name in ("ma", "trangThai")}
                return {"ketQua": "CO", **told, "buoc": held["step_list"]}
            case "ghi":
                sent = orjson.loads(body)
                if set(sent) != _DOSSIER or sent["ma"] != code:
                    return {"ketQua": "TU_CHOI", "maLyDo": "SAI_CAU_TRUC"}
                if held is None:
                    self.held[code] = {"dossier": sent, "step_list": [], "creates": 1}
                else:
                    held["dossier"] = sent
            case _:
                steps = orjson.loads(body)
                if held is None or any(set(step) != _STEP for step in steps):
                    return {"ketQua": "TU_CHOI", "maLyDo": "KHONG_CO_HO_SO" if held is None else "SAI_CAU_TRUC"}
                held["step_list"].extend(steps)
        return {"ketQua": "DA_GHI"}

    # --- controls -----------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        counts = [{"service": one, "code": code, "calls": calls} for (one, code), calls in sorted(self.counts.items())]
        return {"dossiers": len(self.held), "counts": counts}

    def _reset(self) -> None:
        self.held.clear()
        self.counts.clear()

    def _more(self, method: str, path: str) -> tuple[int, Any] | None:
        held = self.held.get(path.removeprefix("dossiers/"))
        return (HTTPStatus.OK, held) if method == "GET" and held is not None else None


def operation_of(method: str, target: str, _headers: Mapping[str, str], _body: bytes) -> str | None:
    """Name the call: ``ghi`` writes, ``buoc`` appends steps, ``tra`` asks."""
    match = _PATH.fullmatch(target)
    if match is None:
        return None
    return {("PUT", False): "ghi", ("POST", True): "buoc", ("GET", False): "tra"}.get((method, bool(match["steps"])))


def build(context: SimulatorContext) -> RegisterApp:
    """Return the simulator of a connection."""
    if not isinstance(context.settings, RegisterSettings):
        raise TypeError("the simulator of the Model Register needs the settings of such a connection")
    return RegisterApp(context.settings, seed=context.seed)


@asynccontextmanager
async def play(context: SandboxContext) -> AsyncGenerator[PlayedPartner]:
    """Play the register on loopback, behind a road on which faults can be wished for."""

    def settings(address: str) -> RegisterSettings:
        given = {**context.configured, "address": address, "key": context.secret}
        return RegisterSettings.model_validate(given, strict=False)

    app = RegisterApp(settings("http://127.0.0.1"), seed=context.seed)
    async with (
        AsgiServer(app) as server,
        FaultProxy(app.faults, NAME, server.host, server.port, operation_of=operation_of, port=context.port) as proxy,
    ):
        yield PlayedPartner(proxy.url, proxy.port, settings(proxy.url), app.control)
