"""A played partner and connections to it: where the tests of the suite take place."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from contracts.conformance.faults import Fault
from contracts.conformance.subject import Subject
from contracts.ports import AdapterContext, PlayedPartner, SandboxContext, SharedSession

CONNECTION = "noi-thu"
"""Id of the connection; not the adapter's name, so that nobody takes the one for the other."""

SECRET = "only-in-the-suite-7c1f9a"  # noqa: S105 - invented, and looked for in everything the adapter says


class MemorySessions:
    """A session store as the hub's: one login at a time, and who waited gets what the other obtained."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._held: SharedSession | None = None

    async def current(self) -> SharedSession | None:
        """Return the session in use."""
        return self._held

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Return a session newer than ``stale``, logging in at most once at a time."""
        async with self._lock:
            if self._held is None or (stale is not None and self._held.generation <= stale.generation):
                generation = 1 if self._held is None else self._held.generation + 1
                self._held = SharedSession(await login(), generation, datetime.now(UTC))
            return self._held


class Stage:
    """One played partner, its controls, and the connections of this test. Made by `staged`."""

    def __init__(self, subject: Subject, played: PlayedPartner, partner: AsyncExitStack) -> None:
        self.subject = subject
        self.settings: BaseModel = played.settings
        self.port = played.port
        self.sessions = MemorySessions()
        self.drift: list[tuple[str, str]] = []
        self._control = played.control
        self._partner = partner
        self._kept = AsyncExitStack()
        self._open: list[Any] = []
        self.connection: Any = self.connect()
        """A connection with time; it shares its session with the others of this stage."""

    def connect(self, *, hasty: bool = False) -> Any:
        """Return another connection; ``hasty`` gives up before a slow answer comes."""
        settings = self.settings.model_copy(update=dict(self.subject.hasty)) if hasty else self.settings
        context = AdapterContext(
            connection_id=CONNECTION,
            sessions=self.sessions,
            report_drift=lambda message, field: self.drift.append((message, field)),
            now=lambda: datetime.now(UTC),
        )
        connection = self.subject.adapter.connect(context, settings)
        self._open.append(connection)
        return connection

    async def close_connections(self) -> None:
        """Close all connections of this stage."""
        while self._open:
            await self._open.pop().aclose()

    async def leave(self) -> None:
        """End the partner; nobody listens at its port any more, but who plays another there (`impostor`)."""
        # Bound and not listening: a free port is handed to the next process that asks for any.
        kept = self._kept.enter_context(socket.socket())
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Refused where a partner of another make lets nobody bind beside it; then its port is free for a moment.
        with contextlib.suppress(OSError):
            kept.bind(("127.0.0.1", self.port))
        await self._partner.aclose()

    async def give_back(self) -> None:
        """Close the connections, and let go of the partner's port."""
        await self.close_connections()
        await self._kept.aclose()

    # --- controls -------------------------------------------------------------------------------------

    async def fault(
        self, kind: Fault, operation: str | None = None, *, after: bool = False, count: int | None = None
    ) -> None:
        """Make every call of this operation go wrong (all calls without one), or the next ``count``."""
        wish: dict[str, Any] = {"kind": kind.value}
        if operation is not None:
            wish["operation"] = self.subject.calls.get(operation, operation)
        if count is not None:
            wish["count"] = count
        if after:
            wish["when"] = "after"
        status, answer = await self.control("POST", "/faults", wish)
        assert status == 201, f"the simulator does not take {wish}: {answer}"

    async def clear_faults(self) -> None:
        """Let everything go well again."""
        status, _ = await self.control("DELETE", "/faults")
        assert status == 200

    async def hits(self) -> int:
        """Return how many calls the faults in force have hit."""
        _, rules = await self.control("GET", "/faults")
        return sum(rule["hits"] for rule in rules)

    async def answered(self, operation: str) -> int:
        """Return how many calls of this operation the partner has carried out or refused."""
        _, state = await self.control("GET", "/state")
        call = self.subject.calls[operation]
        return sum(one["calls"] for one in state["counts"] if one["service"] == call)

    async def held(self, code: str) -> Any:
        """Return what the partner holds of a dossier (``dossier``, ``step_list``, ``creates``); ``None`` if nothing."""
        status, content = await self.control("GET", f"/dossiers/{code}")
        return content if status == 200 else None

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the partner's control plane; see `ask`."""
        return await self.ask(self._control, method, path, body)

    @staticmethod
    async def ask(control: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call a control plane in process; return status and content (JSON, or the text of a page)."""
        content = b"" if body is None else json.dumps(body).encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await control(scope, receive, send)
        whole = b"".join(message.get("body", b"") for message in sent)
        kind = dict(sent[0]["headers"]).get(b"content-type", b"")
        return sent[0]["status"], whole.decode() if b"html" in kind else json.loads(whole or b"null")


@asynccontextmanager
async def staged(subject: Subject) -> AsyncGenerator[Stage]:
    """Play the partner on loopback for the length of the block; connections are closed at its end."""
    assert subject.adapter.sandbox is not None, "an adapter plays its partner, or nobody can try it"
    context = SandboxContext(connection_id=CONNECTION, configured=subject.configured, secret=SECRET)
    async with AsyncExitStack() as partner:
        played = await partner.enter_async_context(subject.adapter.sandbox(context))
        stage = Stage(subject, played, partner)
        try:
            yield stage
        finally:
            await stage.give_back()
