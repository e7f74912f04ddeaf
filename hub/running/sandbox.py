"""The sandbox: every partner that can be played, on loopback, with a control plane to watch and to disturb them.

Control plane: ``/_sandbox`` is a page, ``/_sandbox/simulators`` lists what is played, ``/_sandbox/faults`` shows
(GET), adds (POST, with ``connection``) and clears (DELETE, all or ``?connection=``) faults, and
``/_sandbox/{connection}/…`` is the control plane of one simulator. It has no lock: it is for invented data on a
machine of one's own, and listens on loopback only.
"""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import Sentence
from contracts.ports import Adapter, PlayedPartner, SandboxContext
from hub.errors import Refusal
from hub.registry import title_of
from hub.running.command_error import CommandError
from hub.settings import ConnectionSettings, Settings
from hub.settings_loading import explain
from hub.web.answers import Answer
from hub.web.body import read_body

ROOT = "/_sandbox"
HOST = "127.0.0.1"

_MAX_BODY_BYTES = 16 << 20
BODY_SECONDS = 30.0
_RESERVED = ("simulators", "faults")


@dataclass(frozen=True, slots=True)
class Part:
    """One connection whose partner is to be played."""

    connection_id: str
    adapter: Adapter
    configured: ConnectionSettings


@dataclass(frozen=True, slots=True)
class Played:
    """One partner at work."""

    connection_id: str
    adapter: Adapter
    title: Sentence
    partner: PlayedPartner


def cast(settings: Settings, adapters: Mapping[str, Adapter]) -> list[Part]:
    """Return what can be played: the enabled connections of the configuration, then adapters that have none there."""
    configured = {name: one for name, one in settings.connections.items() if one.enabled}
    used = {one.adapter for one in configured.values()}
    unused = {name: ConnectionSettings(adapter=name) for name in adapters if name not in used}
    return [
        Part(name, adapters[one.adapter], one)
        for name, one in {**configured, **unused}.items()
        if one.adapter in adapters and adapters[one.adapter].sandbox is not None and name not in _RESERVED
    ]


@contextlib.asynccontextmanager
async def play(parts: list[Part], *, secret: str, ports: Mapping[str, int]) -> AsyncGenerator[list[Played]]:
    """Play these partners; ``ports`` by connection, where one is wanted.

    Raises `hub.settings.SettingsError` for wrong settings, and `hub.running.command_error.CommandError` where a port is
    taken.
    """
    async with contextlib.AsyncExitStack() as stage:
        played = []
        for part in parts:
            if part.adapter.sandbox is None:
                raise ValueError(part.connection_id)
            context = SandboxContext(
                connection_id=part.connection_id,
                configured=part.configured.settings,
                secret=secret,
                port=ports.get(part.connection_id, 0),
            )
            with explain(part.adapter.settings, prefix=f"connections.{part.connection_id}.settings"):
                try:
                    partner = await stage.enter_async_context(part.adapter.sandbox(context))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    raise port_in_use(context.port) from error
            title = title_of(part.configured, part.adapter)
            played.append(Played(part.connection_id, part.adapter, title, partner))
        yield played


def port_in_use(port: int) -> CommandError:
    """Return the failure of a sandbox whose port is taken."""
    return CommandError(
        "port_in_use",
        Sentence(
            en=f"Port {port} on {HOST} is already in use; stop the other program or choose another with --port.",
            vi=f"Cổng {port} trên {HOST} đang được sử dụng; hãy dừng chương trình kia hoặc chọn cổng khác bằng --port.",
        ),
    )


# --- the configuration that leads to it -------------------------------------------------------------------


def connection_tables(played: list[Played], *, whole: bool) -> dict[str, dict[str, Any]]:
    """Return the ``connections`` of a configuration that reaches the played partners; holds the secret.

    ``whole`` writes every key of the adapters' settings, so that nothing of another configuration shines through;
    without it only what differs from the defaults.
    """
    return {
        one.connection_id: {
            "adapter": one.adapter.name,
            "settings": _plain(one.partner.settings.model_dump(exclude_defaults=not whole)),
        }
        for one in played
    }


def _plain(value: Any) -> Any:
    """Return a value of a settings model as JSON knows it, secrets revealed."""
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables of `connection_tables` as a block for ``lienthong.toml``."""
    lines: list[str] = []
    for name, table in tables.items():
        _write_table(lines, f"connections.{name}", table)
    return "\n".join(lines)


def _write_table(lines: list[str], path: str, table: Mapping[str, Any]) -> None:
    lines.append(f"[{path}]")
    # A JSON string, number, truth value or list of them is the same in TOML; a null has no word there.
    lines.extend(
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in table.items()
        if not isinstance(value, Mapping) and value is not None
    )
    lines.append("")
    for name, value in table.items():
        if isinstance(value, Mapping):
            _write_table(lines, f"{path}.{name}", value)


async def aim(played: list[Played], targets: Mapping[str, Mapping[str, str]]) -> None:
    """Tell each partner that calls us where we are; ``targets`` by connection: ``url`` and ``secret``."""
    for one in played:
        if one.connection_id in targets:
            wish = json.dumps(targets[one.connection_id]).encode()
            with contextlib.suppress(ValueError):  # a partner that calls nobody may answer in no form at all
                await _ask(one.partner.control, "POST", "/inbound_target", wish)


def tell(url: str, wish: Mapping[str, Any]) -> None:
    """Post a wish to the control plane of a running sandbox, from another process; blocks. Raises ``OSError``."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=BODY_SECONDS)
    try:
        connection.request("POST", parts.path, body=json.dumps(wish), headers={"content-type": "application/json"})
        connection.getresponse().read()
    finally:
        connection.close()


# --- control plane ----------------------------------------------------------------------------------------


class ControlPlane:
    """ASGI application: see the module for its addresses."""

    def __init__(self, played: list[Played]) -> None:
        """Watch over these."""
        self._played = {one.connection_id: one for one in played}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except Refusal as refusal:
            answer = _json({"error": refusal.sentence.en}, refusal.status)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        path: str = scope["path"].rstrip("/")
        method: str = scope["method"]
        name, _, rest = path.removeprefix(f"{ROOT}/").partition("/")
        if path in {"", ROOT}:
            return _page(await self._list()) if method in {"GET", "HEAD"} else _no(HTTPStatus.METHOD_NOT_ALLOWED)
        if path == f"{ROOT}/simulators" and method == "GET":
            return _json(await self._list())
        if path == f"{ROOT}/faults":
            body = await _body(scope, receive)
            return await self._faults(method, body, parse_qs(scope["query_string"].decode("ascii", "replace")))
        if path.startswith(f"{ROOT}/") and name in self._played:
            return _at(self._played[name].partner.control, f"/{rest}")
        return _no(HTTPStatus.NOT_FOUND)

    async def _list(self) -> list[dict[str, Any]]:
        return [
            {
                "connection": one.connection_id,
                "adapter": one.adapter.name,
                "title": one.title.en,
                "title_vi": one.title.vi,
                "address": one.partner.address,
                "control": f"{ROOT}/{one.connection_id}",
                "state": (await _ask(one.partner.control, "GET", "/state"))[1],
            }
            for one in self._played.values()
        ]

    async def _faults(self, method: str, body: bytes, query: Mapping[str, list[str]]) -> ASGIApp:
        if method == "POST":
            return await self._add_fault(body)
        if method not in {"GET", "DELETE"}:
            return _no(HTTPStatus.METHOD_NOT_ALLOWED)
        wanted = query.get("connection", list(self._played))
        if unknown := [one for one in wanted if one not in self._played]:
            return _unknown(unknown[0])
        found: list[dict[str, Any]] = []
        for name in wanted:
            _, rules = await _ask(self._played[name].partner.control, method, "/faults")
            found.extend({"connection": name, **rule} for rule in rules)
        return _json(found)

    async def _add_fault(self, body: bytes) -> ASGIApp:
        try:
            wish = json.loads(body)
            name = wish.pop("connection")
            played = self._played.get(name)
        except (ValueError, KeyError, AttributeError, TypeError):
            problem = {"error": "a JSON object with the key connection is expected", "field": "connection"}
            return _json(problem, HTTPStatus.UNPROCESSABLE_ENTITY)
        if played is None:
            return _unknown(str(name))
        status, answer = await _ask(played.partner.control, "POST", "/faults", json.dumps(wish).encode())
        return _json({"connection": name, **answer}, status)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(scope: Scope, receive: Receive) -> bytes:
    return await read_body(receive, dict(scope["headers"]), max_bytes=_MAX_BODY_BYTES, timeout_seconds=BODY_SECONDS)


def _at(app: ASGIApp, path: str) -> ASGIApp:
    """Return the application with the request's path replaced."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return call


async def _ask(app: ASGIApp, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Ask an application of this process and return status and JSON."""
    status, parts = 0, []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    scope: Scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    await app({**scope, "headers": [], "query_string": b""}, receive, send)
    return status, json.loads(b"".join(parts))


def _json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


def _no(status: HTTPStatus) -> Answer:
    return _json({"error": status.phrase}, status)


def _unknown(name: str) -> Answer:
    return _json({"error": f"no simulator plays for the connection {name[:64]}"}, HTTPStatus.NOT_FOUND)


def _page(listed: list[dict[str, Any]]) -> Answer:
    rows = "".join(
        f'<tr><th scope="row"><a href="{escape(one["control"])}">{escape(one["title_vi"])}</a></th>'
        f"<td>{escape(one['connection'])}</td><td>{escape(one['address'])}</td><td>{_figures(one['state'])}</td></tr>"
        for one in listed
    )
    html = (
        '<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>Môi trường giả lập – Liên Thông</title>'
        "<style>body{font:16px/1.5 'Noto Sans',sans-serif;margin:2rem;max-width:72rem}"
        "table{border-collapse:collapse}th,td{padding:.4rem .8rem;border-bottom:1px solid #ccc;text-align:left}</style>"
        "</head><body><h1>Môi trường giả lập</h1><p>Các hệ thống quốc gia được giả lập trên máy này; mọi dữ liệu ở đây "
        "là dữ liệu thử.</p><table><caption>Hệ thống giả lập</caption><thead><tr>"
        '<th scope="col">Hệ thống</th><th scope="col">Kết nối</th><th scope="col">Địa chỉ</th>'
        f'<th scope="col">Số liệu</th></tr></thead><tbody>{rows}</tbody></table></body></html>'
    )
    headers = (
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
        (b"cache-control", b"no-store"),
    )
    return Answer(HTTPStatus.OK, html.encode(), headers, media_type=b"text/html; charset=utf-8")


def _figures(state: Any) -> str:
    figures = state.items() if isinstance(state, dict) else ()
    return escape(", ".join(f"{name}: {value}" for name, value in figures if type(value) is int))
