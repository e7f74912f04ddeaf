"""The FastAPI application of the hub: resources on a short way, everything else on FastAPI's own.

FastAPI's stack of middleware costs about as much as reading a dossier. Resources authorise, read and answer by
themselves and need none of it, so their requests go from the edge straight to them; what is no resource – pages, and
addresses that do not exist – takes FastAPI's way, inside the same edge.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.access.guard import Guard
from hub.ending import end
from hub.errors import Refusal
from hub.inbox.settings import PREFIX
from hub.store.errors import StoreUnavailable
from hub.web.access_log import AccessLog
from hub.web.edge import Edge
from hub.web.failures import problem_for, unforeseen
from hub.web.resources import Resource

GUARDED_PREFIX = "/v1/"
"""Below this nothing is public; whoever is not known there learns not even what does not exist."""

Job = Callable[[], Coroutine[Any, Any, None]]

_ANY = object()
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


class Application(FastAPI):
    """FastAPI with resources."""

    def __init__(
        self,
        resources: Sequence[Resource],
        guard: Guard,
        access_log: AccessLog,
        jobs: Sequence[Job] = (),
        *,
        door: ASGIApp | None = None,
    ) -> None:
        """``jobs`` run beside the server, from its start to its stop; ``door`` serves the calls of partners.

        Two resources at one address are a ``ValueError``.
        """
        super().__init__(
            title="Liên Thông",
            version=version("lienthong"),
            openapi_url=None,  # ours is made from the resources
            docs_url=None,  # its pages load their scripts from the internet, which government networks do not have
            redoc_url=None,
            redirect_slashes=False,
            lifespan=self._life,
        )
        self.resources = tuple(resources)
        self._guard = guard
        self._table = _table(self.resources)
        # Most addresses have no parameters: those are found at once.
        self._fixed = {one.path: one for one in self.resources if "{" not in one.path}
        self._access_log = access_log
        self._jobs = tuple(jobs)
        self._door = door
        self._edge = Edge(self._dispatch, access_log)
        for kind in (HTTPException, Refusal, StoreUnavailable, RequestValidationError, Exception):
            self.add_exception_handler(kind, _answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the events of the server's life."""
        if scope["type"] == "http":
            scope["app"] = self
            await self._edge(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _life(self, _app: FastAPI) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(job()) for job in self._jobs]
        try:
            yield
        finally:
            await end(tasks)
            self._access_log.flush()

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        resource, parameters = self._fixed.get(path), _NO_PARAMETERS
        if resource is None:
            resource, parameters = _find(self._table, path)
        if resource is not None:
            scope["path_params"] = parameters
            await resource(scope, receive, send)
            return
        if self._door is not None and path.startswith(PREFIX):
            await self._door(scope, receive, send)
            return
        if path.startswith(GUARDED_PREFIX):
            await self._guard.authenticate(dict(scope["headers"]))
            raise HTTPException(404)  # also for a route of FastAPI's: below /v1 every operation declares its scope
        await super().__call__(scope, receive, send)


async def _answer(request: Request, error: Exception) -> Response:
    # Of an unforeseen error the framework only wants the answer; it goes on to the edge, which logs it.
    problem = problem_for(error, request.scope) or unforeseen(request.scope)
    return cast("Response", problem)  # the framework asks for no more than an ASGI application


def _table(resources: Sequence[Resource]) -> dict[Any, Any]:
    """Return a tree of path segments; a parameter is the branch `_ANY`, and the leaf of a path is under ``None``."""
    root: dict[Any, Any] = {}
    for resource in resources:
        node, names = root, []
        for segment in resource.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node = node.setdefault(_ANY, {})
            else:
                node = node.setdefault(segment, {})
        if None in node:
            message = f"two resources at {resource.path}"
            raise ValueError(message)
        node[None] = (resource, names)
    return root


def _find(table: dict[Any, Any], path: str) -> tuple[Resource | None, Mapping[str, str]]:
    node = table
    values: list[str] = []
    for segment in path.split("/")[1:]:
        branch: dict[Any, Any] | None = node.get(segment)
        if branch is None and segment:
            branch = node.get(_ANY)
            values.append(segment)
        if branch is None:
            return None, {}
        node = branch
    if None not in node:
        return None, {}
    resource, names = node[None]
    return resource, dict(zip(names, values, strict=True))
