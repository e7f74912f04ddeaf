"""Resources: an address, what can be done there, who may do it, and how it is described – declared in one place.

Every operation names the scope it needs, or says that it is public; there is no third way to register one, so
nothing is reachable by omission. The same declaration makes the route and its part of the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.access.tokens import Principal
from hub.web.body import ARRIVED, read_body
from hub.web.problems import BODY_READ

ROUTE = "lienthong.route"
"""Key of the ASGI scope: the template of the address."""
CLIENT_ID = "lienthong.client_id"
"""Key of the ASGI scope: the id of the authenticated client, for the access log."""
SUBJECT = "lienthong.subject"
"""Key of the ASGI scope: the dossier code the request is about, once it is known to be one."""
WORK_BEGAN = "lienthong.work_began"
"""Key of the ASGI scope: set before anything may be stored, so that an error can say what became of the work."""


class Public(Enum):
    """The mark of an operation that needs no token."""

    PUBLIC = "public"


PUBLIC = Public.PUBLIC


class Call:
    """One request as a handler sees it: authorised, its headers looked up by lower-case name."""

    __slots__ = ("_principal", "headers", "path", "receive", "scope")

    def __init__(
        self, scope: AsgiScope, receive: Receive, headers: Mapping[bytes, bytes], principal: Principal | None
    ) -> None:
        """``principal`` is ``None`` only for public operations."""
        self.scope = scope
        self.receive = receive
        self.headers = headers
        self.path: Mapping[str, str] = scope["path_params"]
        self._principal = principal

    @property
    def principal(self) -> Principal:
        """The client that calls."""
        if self._principal is None:
            raise LookupError("a public operation has no principal")
        return self._principal

    async def body(self, *, max_bytes: int, timeout_seconds: float) -> bytes:
        """Return the body; see `hub.web.body.read_body` for what it refuses."""
        body = await read_body(
            self.receive,
            self.headers,
            max_bytes=max_bytes,
            timeout_seconds=timeout_seconds,
            has_arrived=ARRIVED in self.scope,
        )
        self.scope[BODY_READ] = True
        return body

    def begin_work(self) -> None:
        """Note that from here on something may have been stored."""
        self.scope[WORK_BEGAN] = True


Handler = Callable[[Call], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A header, query or path parameter, for the OpenAPI document."""

    name: str
    place: str
    """``path``, ``query`` or ``header``."""
    description: str
    schema: Mapping[str, Any]
    required: bool = False
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Success:
    """An answer other than a problem, for the OpenAPI document."""

    status: int
    description: str
    model: TypeAdapter[Any] | None
    media_type: str = "application/json"
    headers: Sequence[str] = ()
    """Names of the headers described in `hub.web.openapi`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a resource."""

    method: str
    handler: Handler
    access: Scope | Public
    name: str
    """The ``operationId``: stable, snake_case."""
    summary: str
    description: str
    tag: str
    successes: Sequence[Success]
    body: TypeAdapter[Any] | None = None
    body_required: bool = True
    body_media_type: str = "application/json"
    body_example: Any = None
    parameters: Sequence[Parameter] = ()
    refusals: Mapping[int, str] = field(default_factory=dict)
    """Statuses of problems besides those that follow from the declaration, with their codes."""
    speaks_problems: bool = True
    """Whether errors are problem+json; the token endpoint has a form of its own (RFC 6749)."""


class Resource:
    """The ASGI application at one address."""

    def __init__(self, path: str, operations: Sequence[Operation], guard: Guard) -> None:
        """``path`` is a template such as ``/v1/dossiers/{code}``."""
        self.path = path
        self.operations = {one.method: one for one in operations}
        if "GET" in self.operations:
            self.operations["HEAD"] = self.operations["GET"]
        self._guard = guard
        self._is_public = any(one.access is PUBLIC for one in operations)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Authorise, then let the operation's handler answer."""
        scope[ROUTE] = self.path
        headers = dict(scope["headers"])
        operation = self.operations.get(scope["method"])
        if operation is None:
            if not self._is_public:
                await self._guard.authenticate(headers)
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self.operations))})
        principal = None
        if isinstance(operation.access, Scope):
            principal = await self._guard.authorise(headers, operation.access)
            scope[CLIENT_ID] = principal.client_id
        answer = await operation.handler(Call(scope, receive, headers, principal))
        await answer(scope, receive, send)
