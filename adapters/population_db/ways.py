"""The three ways to the population database: who is asked, with what proof, and where the XML is in what comes back.

A way sends one request and returns the XML document of the answer, or ``None`` where its own code says that there is no
such citizen. It reads no record.
"""

from __future__ import annotations

import base64
import hashlib
import stat
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
from pydantic import TypeAdapter, ValidationError

from adapters.population_db import answers, wire
from adapters.population_db.settings import DirectSettings, FacadeSettings, LgspWaySettings, OfficerKey
from adapters.transport.faults_to_errors import Call
from adapters.transport.forward import ForwardClient
from adapters.transport.http import HttpAnswer, HttpClient
from adapters.transport.lgsp import LgspClient, officer_header
from contracts.errors import NeedsPerson, Sentence, Unsupported
from contracts.population import Asker

_SOAP_HEADERS = {"Content-Type": "application/xml", "Accept": "text/xml, application/xml", "SOAPAction": ""}
_JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Way(Protocol):
    """One of the three."""

    async def send(
        self, request: wire.Request, body: bytes, asker: Asker, call: Call, deadline_seconds: float
    ) -> HttpAnswer:
        """Send one request, whose envelope is ``body``, and return what came back."""
        ...

    def document(self, content: bytes) -> bytes | None:
        """Return the XML of an answer's content."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class DirectWay:
    """The database's own wire: a digest of address, user, moment and secret; then the envelope."""

    def __init__(self, settings: DirectSettings, *, connection: str, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._forward = None
        self._http = None
        if settings.forward is not None:
            self._forward = ForwardClient(settings.forward, connection=connection)
        else:
            self._http = HttpClient(settings.http.allowing(settings.service_url), connection=connection)
        self._headers = dict(_SOAP_HEADERS)
        if settings.x_road_client is not None:
            self._headers["X-Road-Client"] = settings.x_road_client
        if settings.api_key is not None:
            self._headers["ApiKey"] = settings.api_key.get_secret_value()
        # What stands first in every proof is digested once.
        self._digested = hashlib.sha256(f"{settings.service_url}{settings.username}".encode())
        self._secret = settings.secret.get_secret_value()
        self._unit = 1000 if settings.timestamp_unit == "ms" else 1

    async def send(
        self, request: wire.Request, body: bytes, asker: Asker, call: Call, deadline_seconds: float
    ) -> HttpAnswer:
        """Send the envelope with the proof of this moment."""
        del request
        headers = {**self._headers, **self._proof()}
        if self._settings.dossier_in_x_road_issue and asker.dossier_code is not None:
            headers["X-Road-Issue"] = asker.dossier_code
        if self._forward is not None:
            return await self._forward.request(
                "POST",
                self._settings.forward_path,
                operation=call.operation,
                deadline_seconds=deadline_seconds,
                is_write=False,
                headers=headers,
                content=body,
            )
        if self._http is None:
            raise RuntimeError("a direct way has one client or the other")
        return await self._http.request(
            "POST",
            self._settings.service_url,
            operation=call.operation,
            deadline_seconds=deadline_seconds,
            is_write=False,
            headers=headers,
            content=body,
        )

    def document(self, content: bytes) -> bytes:
        """Return the content, which is the document."""
        return content

    async def aclose(self) -> None:
        """Close every connection."""
        for client in (self._forward, self._http):
            if client is not None:
                await client.aclose()

    def _proof(self) -> dict[str, str]:
        timestamp = str(int(self._now().timestamp() * self._unit))
        digest = self._digested.copy()
        digest.update(f"{timestamp}{self._secret}".encode())
        pair = base64.b64encode(f"{self._settings.username}:{digest.hexdigest()}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}", "Timestamp": timestamp}


class LgspWay:
    """The province's LGSP: our token, and the key of the officer who asks."""

    def __init__(self, settings: LgspWaySettings, *, connection: str) -> None:
        self._settings = settings
        self._client = LgspClient(settings.lgsp, connection=connection)
        self._keys = OfficerKeys(settings)

    async def send(
        self, request: wire.Request, body: bytes, asker: Asker, call: Call, deadline_seconds: float
    ) -> HttpAnswer:
        """Send the envelope in the name of the officer. Raises `Unsupported` for an officer without a key."""
        key = self._keys.of(asker.account_id)
        return await self._client.request(
            "POST",
            self._settings.path.format(call=request.call),
            operation=call.operation,
            deadline_seconds=deadline_seconds,
            is_write=False,
            headers={**_SOAP_HEADERS, **officer_header(key.key_name, key.key_pass)},
            content=body,
        )

    def document(self, content: bytes) -> bytes:
        """Return the content, which is the document."""
        return content

    async def aclose(self) -> None:
        """Close every connection and forget the token."""
        await self._client.aclose()


class FacadeWay:
    """The façade of a province: the request as JSON, the answer's XML as a text in JSON."""

    def __init__(self, settings: FacadeSettings, *, connection: str) -> None:
        self._settings = settings
        base = settings.base_url.rstrip("/")
        self._address = f"{base}{settings.path}"
        self._lgsp = None
        self._http = None
        if settings.lgsp is not None:
            self._lgsp = LgspClient(
                settings.lgsp.model_copy(update={"http": settings.lgsp.http.allowing(base)}), connection=connection
            )
        else:
            self._http = HttpClient(settings.http.allowing(base), connection=connection)
        self._headers = dict(_JSON_HEADERS)
        if settings.bearer_token is not None:
            self._headers["Authorization"] = f"Bearer {settings.bearer_token.get_secret_value()}"

    async def send(
        self, request: wire.Request, body: bytes, asker: Asker, call: Call, deadline_seconds: float
    ) -> HttpAnswer:
        """Send the elements by their names, or the envelope as a text."""
        del asker
        if self._settings.body == "envelope":
            content = orjson.dumps({self._settings.envelope_field: body.decode()})
        else:
            content = orjson.dumps(_object(request.elements))
        client = self._lgsp if self._lgsp is not None else self._http
        if client is None:
            raise RuntimeError("a façade has one client or the other")
        return await client.request(
            "POST",
            self._address.format(call=request.call),
            operation=call.operation,
            deadline_seconds=deadline_seconds,
            is_write=False,
            headers=self._headers,
            content=content,
        )

    def document(self, content: bytes) -> bytes | None:
        """Return the XML in ``message``; ``None`` where the code says that there is no such citizen.

        Raises `Malformed` for what is no such JSON, `NeedsPerson` and `Rejected` for the other codes.
        """
        try:
            told = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise answers.malformed() from None
        if not isinstance(told, dict):
            raise answers.malformed()
        code = told.get("error_code")
        if isinstance(code, bool) or not isinstance(code, str | int) or not str(code).strip():
            raise answers.malformed("error_code")
        code = str(code).strip()
        if code in self._settings.not_found_codes:
            return None
        if code in self._settings.login_codes:
            raise answers.no_rights(code)
        if code not in self._settings.done_codes:
            raise answers.refused(code)
        return _text_of(told.get("message")).encode()

    async def aclose(self) -> None:
        """Close every connection."""
        for client in (self._lgsp, self._http):
            if client is not None:
                await client.aclose()


def _object(elements: wire.Elements) -> dict[str, Any]:
    return {name: one if isinstance(one, str) else _object(one) for name, one in elements}


def _text_of(message: Any) -> str:
    """Return the text of ``message``, which some façades write as JSON once more."""
    if isinstance(message, str) and message.lstrip().startswith('"'):
        try:
            message = orjson.loads(message)
        except orjson.JSONDecodeError:
            raise answers.malformed("message") from None
    if not isinstance(message, str) or not message.strip():
        raise answers.malformed("message")
    return message.strip().lstrip("\ufeff")


# --- keys of officers ---------------------------------------------------------------------------------------


class OfficerKeys:
    """The keys of the officers; the file is read when the first asks, and again when it has changed."""

    def __init__(self, settings: LgspWaySettings) -> None:
        self._own = settings.officer_keys
        self._file = settings.officer_keys_file
        self._read_at: tuple[int, int] | None = None
        self._from_file: dict[str, OfficerKey] = {}

    def of(self, account_id: str) -> OfficerKey:
        """Return the officer's own key.

        Raises:
            Unsupported: The officer has none; nobody else's is taken.
            NeedsPerson: The file cannot be read.
        """
        key = self._own.get(account_id)
        if key is None and self._file is not None:
            key = self._keys_of(self._file).get(account_id)
        if key is None:
            raise Unsupported(_NO_KEY, field="asker.account_id")
        return key

    def _keys_of(self, path: Path) -> dict[str, OfficerKey]:
        try:
            state = path.stat()
            version = (state.st_mtime_ns, state.st_size)
            if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise NeedsPerson(_KEY_FILE_OPEN, field="officer_keys_file")
            if version != self._read_at:
                told = tomllib.loads(path.read_text("utf-8"))
                self._from_file = _KEYS.validate_python(told)
                self._read_at = version
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError):
            # Not chained: the text of the error may quote a key.
            raise NeedsPerson(_NO_KEY_FILE, field="officer_keys_file") from None
        return self._from_file


_KEYS: TypeAdapter[dict[str, OfficerKey]] = TypeAdapter(dict[str, OfficerKey])

_NO_KEY = Sentence(
    en="The officer has no key at the LGSP (officer_keys), and nobody asks with another's; nothing was sent.",
    vi="Cán bộ chưa có khóa riêng tại LGSP (officer_keys) và không dùng khóa của người khác; chưa gửi gì.",
)
_KEY_FILE_OPEN = Sentence(
    en="officer_keys_file can be read by others than the user of the hub; take their rights away (chmod 600).",
    vi="Tệp officer_keys_file cho phép người khác đọc; hãy thu hồi quyền của họ (chmod 600).",
)
_NO_KEY_FILE = Sentence(
    en="officer_keys_file cannot be read as TOML with a table per account (key_name, key_pass).",
    vi="Không đọc được officer_keys_file dưới dạng TOML với một bảng cho mỗi tài khoản (key_name, key_pass).",
)
