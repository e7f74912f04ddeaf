"""Serving an ASGI application: uvicorn with uvloop and httptools, bounded in every direction, stopping cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Generator

import structlog
import uvicorn
from starlette.types import ASGIApp

from contracts.errors import Sentence
from hub.web.protocol import BoundedProtocol, sweep

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept: longer than the usual minute between two calls of a dossier system."""

GRACE_SECONDS = 20
"""How long running requests may finish after SIGTERM before they are cut off."""

_SWEEP_MARGIN_SECONDS = 5.0

BACKLOG = 2048

_log = structlog.get_logger("hub.web")


class ServerStartError(Exception):
    """The server cannot listen; ``sentence`` says why and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        """Keep the sentence for whoever prints it."""
        super().__init__(f"{sentence.en} / {sentence.vi}")
        self.sentence = sentence


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises `ServerStartError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handling, which ends the process before others could clean up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to `serve`."""
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    read_timeout_seconds: float,
    stop: asyncio.Event | None = None,
    on_started: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Serve ``app`` until told to stop, then let running requests finish for `GRACE_SECONDS`.

    ``stop`` tells it; without one SIGINT and SIGTERM do. ``on_started`` is called with the port once connections
    are accepted. Returns normally after a clean stop; raises `ServerStartError` when it cannot listen. Must run on
    uvloop: plain asyncio adds 44 ms to every request on a kept connection.
    """
    with listen(host, port) as listener:
        bound = int(listener.getsockname()[1])
        server = _Server(_config(app))
        stopping = stop or asyncio.Event()
        with contextlib.nullcontext() if stop else _signals(stopping):
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server.serve(sockets=[listener]), name="http server")
                # The body's own limit answers with 408 first; this is for whom an answer does not reach.
                patience = read_timeout_seconds + _SWEEP_MARGIN_SECONDS
                helpers = [
                    tasks.create_task(sweep(server.server_state.connections, patience), name="http sweep"),
                    tasks.create_task(_relay(stopping, server), name="http stop"),
                ]
                try:
                    await _wait_until_started(server, serving)
                    if server.started:
                        _log.info("listening", host=host, port=bound)
                        if on_started is not None:
                            await on_started(bound)
                    await asyncio.shield(serving)
                finally:
                    server.should_exit = True
                    for helper in helpers:
                        helper.cancel()


async def _relay(stopping: asyncio.Event, server: uvicorn.Server) -> None:
    await stopping.wait()
    _log.info("stopping", grace_seconds=GRACE_SECONDS)
    server.should_exit = True


async def _wait_until_started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Generator[None]:
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stopping.set)
    try:
        yield
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(one)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,  # the edge writes it, without addresses
        proxy_headers=False,  # nobody may say who he is
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _cannot_listen(host: str, port: int, error: OSError) -> ServerStartError:
    match error.errno:
        case errno.EADDRINUSE:
            return ServerStartError(
                Sentence(
                    en=f"Port {port} on {host} is already in use; stop the other program or set LIENTHONG_API__PORT.",
                    vi=f"Cổng {port} ({host}) đang được dùng; hãy dừng chương trình đó hoặc đổi LIENTHONG_API__PORT.",
                )
            )
        case errno.EACCES:
            return ServerStartError(
                Sentence(
                    en=f"Port {port} needs rights that this program lacks; set LIENTHONG_API__PORT to 1024 or above.",
                    vi=f"Chương trình không đủ quyền dùng cổng {port}; hãy đặt LIENTHONG_API__PORT từ 1024 trở lên.",
                )
            )
        case _:
            return ServerStartError(
                Sentence(
                    en=f"Cannot listen on {host}, port {port}: {error.strerror}; check LIENTHONG_API__HOST.",
                    vi=f"Không thể mở cổng {port} trên {host}: {error.strerror}; hãy kiểm tra LIENTHONG_API__HOST.",
                )
            )
