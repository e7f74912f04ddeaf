"""Runs an ASGI application on a loopback port inside the current event loop, and stops it cleanly."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from types import TracebackType
from typing import Any, Self

import uvicorn


class AsgiServer:
    """``async with AsgiServer(app) as server:`` serves ``app`` at ``server.url`` until the block ends.

    Port 0 takes a free one. Only loopback unless ``host`` says otherwise. Signals are left alone: they belong
    to the program.
    """

    def __init__(
        self,
        app: Any,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        keep_alive_seconds: int = 75,
    ) -> None:
        """``tls`` is a server context; with it the server speaks https."""
        self._app = app
        self._host = host
        self._wanted_port = port
        self._tls = tls
        self._keep_alive_seconds = keep_alive_seconds
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._socket is None:
            raise RuntimeError("the server is not running")
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"{'http' if self._tls is None else 'https'}://{self._host}:{self.port}"

    async def __aenter__(self) -> Self:
        tls = self._tls
        config = uvicorn.Config(
            self._app,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=self._keep_alive_seconds,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        self._socket = _listening(self._host, self._wanted_port)
        try:
            # Not `serve()`: it would take over the program's signals and end the process on a failed start.
            await server.startup(sockets=[self._socket])
        except SystemExit:
            self._socket.close()
            self._socket = None
            raise RuntimeError("the application refused to start") from None
        await server.on_tick(0)
        self._server = server
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, listening = self._server, self._socket
        self._server = self._socket = None
        if server is not None and listening is not None:
            await _stop(server)
            listening.close()


def _listening(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where a socket says that it speaks TCP, which those of
    # `socket.create_server` do not; with it every kept-alive call would wait 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


async def _stop(server: uvicorn.Server) -> None:
    """Stop as `uvicorn.Server.shutdown` does, without its fixed waiting time: tests start many servers."""
    for listener in server.servers:
        listener.close()
    state = server.server_state
    for connection in tuple(state.connections):
        connection.shutdown()
    give_up_at = time.monotonic() + _GRACE_SECONDS
    # uvicorn says nowhere when the last of them is gone, so it is asked again and again.
    while (state.connections or state.tasks) and time.monotonic() < give_up_at:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    late = tuple(state.tasks)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    await server.lifespan.shutdown()


_GRACE_SECONDS = 0.5
"""How long an answer under way may still take when the server stops; then its task is cancelled."""
_LOOK_AGAIN_SECONDS = 0.002
