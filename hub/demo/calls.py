"""A dossier system's side of the API, as small as it can be: JSON over HTTP, a token, one call at a time."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from hub.access.clients import Credentials

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, headers by lower-case name, and the JSON document, ``None`` where there is none."""

    status: int
    headers: Mapping[str, str]
    document: Any
    content: bytes = b""
    """The body to the byte."""


def call(base: str, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Make one call and return its answer, whatever its status. Blocks. Raises ``OSError`` where nobody answers."""
    parts = urlsplit(base)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body or None, headers=dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        is_json = "json" in found.get("content-type", "")
        return Answer(answer.status, found, json.loads(content) if content and is_json else None, content)
    finally:
        connection.close()


@dataclass(slots=True)
class DossierSystem:
    """Calls the API with the credentials of a client."""

    base: str
    credentials: Credentials
    _token: str = field(default="", init=False, repr=False)

    async def log_in(self, secret: str | None = None) -> Answer:
        """Ask for a token and keep it; ``secret`` takes the place of the right one."""
        basic = f"{self.credentials.client_id}:{self.credentials.secret if secret is None else secret}"
        answer = await asyncio.to_thread(
            call,
            self.base,
            "POST",
            "/oauth/token",
            body=b"grant_type=client_credentials",
            headers={
                "Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        self._token = answer.document.get("access_token", "")
        return answer

    async def get(self, path: str) -> Answer:
        """Read."""
        return await self.send("GET", path)

    async def put(self, code: str, facts: Any, **headers: str) -> Answer:
        """Declare a dossier."""
        return await self.send("PUT", f"/v1/dossiers/{code}", facts, **headers)

    async def post(self, code: str, what: str, event: Any, *, key: str | None = None) -> Answer:
        """Record what happened to a dossier; ``what`` is steps, supplements, results, and so on."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.send("POST", f"/v1/dossiers/{code}/{what}", event, **headers)

    async def act(self, path: str, wish: Any) -> Answer:
        """Do something once, whatever is repeated on the way."""
        return await self.send("POST", path, wish, **{"Idempotency-Key": uuid.uuid4().hex})

    async def send(self, method: str, path: str, document: Any = None, **headers: str) -> Answer:
        """Call with the token; ``document`` may be bytes, to be sent as they are."""
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        if not self._token:
            await self.log_in()
        answer = await self._send(method, path, body, headers)
        if answer.status == 401:  # noqa: PLR2004 - Unauthorized: the token has run out
            await self.log_in()
            answer = await self._send(method, path, body, headers)
        return answer

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        whole = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        return await asyncio.to_thread(call, self.base, method, path, body=body, headers=whole)


@dataclass(frozen=True, slots=True)
class SandboxControl:
    """Watches and disturbs one simulator."""

    page: str
    """Address of the sandbox's page."""
    connection: str

    async def get(self, path: str) -> Any:
        """Read from the simulator's control plane."""
        return (await self._call("GET", f"/{self.connection}/{path}")).document

    async def act(self, name: str, **wish: Any) -> Any:
        """Let the partner call the province; return what was sent and what was answered."""
        return (await self._call("POST", f"/{self.connection}/calls/{name}", json.dumps(wish).encode())).document

    async def tamper(self, **wish: Any) -> Any:
        """Let the partner lose, roll back or alter a dossier without telling anybody; return what it holds of it."""
        body = json.dumps(wish).encode()
        answer = await self._call("POST", f"/{self.connection}/tampering", body)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(answer.document)
        return answer.document

    async def seed(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Put invented people into a register. Raises ``ValueError`` where the sandbox refuses them."""
        body = json.dumps({"people": list(people)}).encode()
        answer = await self._call("POST", f"/{self.connection}/seed", body)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(answer.document)

    async def disturb(self, kind: str, **wish: Any) -> Any:
        """Ask for a fault; return its rule. Raises ``ValueError`` where the sandbox refuses the wish."""
        body = json.dumps({"connection": self.connection, "kind": kind, **wish}).encode()
        answer = await self._call("POST", "/faults", body)
        if answer.status != 201:  # noqa: PLR2004 - Created
            raise ValueError(answer.document)
        return answer.document

    async def calm(self) -> None:
        """Take back every fault that was asked for."""
        await self._call("DELETE", f"/faults?connection={self.connection}")

    async def faults(self) -> Any:
        """Return the faults still to be committed."""
        return (await self._call("GET", f"/faults?connection={self.connection}")).document

    async def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        parts = urlsplit(self.page)
        return await asyncio.to_thread(
            call, f"{parts.scheme}://{parts.netloc}", method, f"{parts.path}{path}", body=body
        )
