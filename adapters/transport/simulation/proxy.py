"""A TCP proxy in front of a simulator's port that commits the faults of the wire, request by request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from adapters.transport.simulation.faults import AnyFault, Fault, FaultKind, FaultPlan, Layer
from adapters.transport.simulation.http_framing import (
    MAX_HEAD_BYTES,
    BrokenMessageError,
    Head,
    answer_body,
    is_delimited,
    read_answer_head,
    read_request_head,
    request_body,
    unframed,
)

OperationOf = Callable[[str, str, Mapping[str, str], bytes], str | None]
"""Names the operation of a request from its method, target, headers (lower-case names) and body."""

_LINGER_ZERO = struct.pack("ii", 1, 0)


class FaultProxy:
    """``async with FaultProxy(plan, "national_portal", host, port) as proxy:`` listens on ``proxy.port``.

    Passes HTTP/1.1 on unchanged, keep-alive and chunked bodies included, and asks the plan once for each
    request. Each client connection has one connection behind it; nothing is ever sent twice.
    """

    def __init__(
        self,
        plan: FaultPlan,
        connection: str,
        upstream_host: str,
        upstream_port: int,
        *,
        operation_of: OperationOf | None = None,
        port: int = 0,
    ) -> None:
        """``operation_of`` makes rules for single operations possible; with it whole requests are held.

        ``port`` is where to listen, 0 for a free one; that nobody else listens there is for the caller to know.
        """
        self._plan = plan
        self._connection = connection
        self._upstream = (upstream_host, upstream_port)
        self._operation_of = operation_of
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._idle: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._stop_listening_to_plan: Callable[[], None] | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self.committed: Counter[AnyFault] = Counter()
        """How often each fault was committed; a closed port counts once for each time it is closed."""
        self.passed = 0
        """Requests handed to the provider."""

    @property
    def port(self) -> int:
        """The port to call; it stays the same while the port is closed."""
        if self._reserved is None:
            raise RuntimeError("the proxy is not running")
        port: int = self._reserved.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        # Bound but not listening: callers are refused, and nobody else gets the port while it is closed.
        self._reserved = _bound(self._wanted_port)
        await self._open()
        self._stop_listening_to_plan = self._plan.on_change(self._follow_plan)
        self._follow_plan()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop_listening_to_plan is not None:
            self._stop_listening_to_plan()
        if self._reopening is not None:
            self._reopening.cancel()
        if self._opening is not None:
            await self._opening
        self._close()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)
        if self._reserved is not None:
            self._reserved.close()

    # --- listening, or not ------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=_bound(self.port), limit=MAX_HEAD_BYTES)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._idle):
            _reset(writer)

    def _follow_plan(self) -> None:
        closed_for = self._plan.port_is_closed(self._connection)
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if closed_for is None:
            if self._server is None and self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._reopen())
            return
        if self._server is not None:
            self.committed[FaultKind.REFUSE] += 1
            self._close()
        if closed_for != float("inf"):
            self._reopening = asyncio.get_running_loop().call_later(closed_for + 0.001, self._follow_plan)

    async def _reopen(self) -> None:
        await self._open()
        self._opening = None
        self._follow_plan()

    # --- one client -------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served in a task")
        self._serving.add(task)
        upstream = _Upstream(*self._upstream)
        try:
            while await self._serve_one(reader, writer, upstream) and self._server is not None:
                pass
        except (BrokenMessageError, OSError):
            _reset(writer)
        except asyncio.CancelledError:
            # Stopping the proxy is a normal end here; a cancelled handler would be reported as a failure.
            _reset(writer)
        finally:
            upstream.close()
            writer.close()
            self._idle.discard(writer)
            self._serving.discard(task)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: _Upstream) -> bool:
        """Serve one request; tell whether the connection goes on."""
        self._idle.add(writer)
        head = await read_request_head(reader)
        self._idle.discard(writer)
        if head is None:
            return False
        operation, body = None, b""
        if self._operation_of is not None:
            body = b"".join([piece async for piece in request_body(head, reader)])
            operation = self._operation_of(head.method, head.target, head.headers, unframed(head, body))
        fault = self._plan.choose(self._connection, operation, layer=Layer.TRANSPORT)
        if fault is not None:
            self.committed[fault.kind] += 1
            if fault.kind in {FaultKind.REFUSE, FaultKind.RESET_BEFORE}:
                _reset(writer)
                return False
            if fault.kind is FaultKind.SILENCE:
                await _silence(reader, fault.seconds)
                return False
        self.passed += 1
        await upstream.send(head, body if self._operation_of is not None else None, reader)
        return await self._answer(head, writer, upstream, fault)

    async def _answer(self, head: Head, writer: asyncio.StreamWriter, upstream: _Upstream, fault: Fault | None) -> bool:
        answer_head = await upstream.read_head()
        body = answer_body(answer_head, upstream.reader, request_method=head.method)
        goes_on = head.keeps_alive and answer_head.keeps_alive and is_delimited(answer_head)
        if fault is None:
            writer.write(answer_head.raw)
            async for piece in body:
                writer.write(piece)
                await writer.drain()
            await writer.drain()
            return goes_on
        whole = answer_head.raw + b"".join([piece async for piece in body])
        return await _commit(fault, whole, len(answer_head.raw), writer) and goes_on


class _Upstream:
    """The connection to the simulator that belongs to one client connection."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._writer: asyncio.StreamWriter | None = None
        self.reader = asyncio.StreamReader()

    async def send(self, head: Head, body: bytes | None, client: asyncio.StreamReader) -> None:
        """Pass a request on; without ``body`` it is taken from the client as it comes."""
        if self._writer is None:
            self.reader, self._writer = await asyncio.open_connection(*self._address, limit=MAX_HEAD_BYTES)
        self._writer.write(head.raw)
        if body is not None:
            self._writer.write(body)
        else:
            async for piece in request_body(head, client):
                self._writer.write(piece)
                await self._writer.drain()
        await self._writer.drain()

    async def read_head(self) -> Head:
        """Return the head of the final answer, leaving out interim ones."""
        while True:
            head = await read_answer_head(self.reader)
            if head.status >= 200:  # noqa: PLR2004 - RFC 9110 15.2: 1xx is not the answer yet
                return head

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def _commit(fault: Fault, whole: bytes, head_bytes: int, writer: asyncio.StreamWriter) -> bool:
    """Treat the provider's whole answer as the fault says; tell whether the client got all of it."""
    if fault.kind is FaultKind.RESET_AFTER:
        _reset(writer)
        return False
    if fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.seconds)
        writer.write(whole)
        await writer.drain()
    elif fault.kind is FaultKind.TRUNCATED:
        # In the middle of the body; of an answer without one, in the middle of the head.
        body_bytes = len(whole) - head_bytes
        writer.write(whole[: head_bytes + body_bytes // 2] if body_bytes else whole[: head_bytes // 2])
        await writer.drain()
        return False
    elif fault.kind is FaultKind.DRIP:
        for index in range(len(whole)):
            writer.write(whole[index : index + 1])
            await writer.drain()
            await asyncio.sleep(fault.seconds)
    else:
        raise ValueError(fault.kind)
    return True


async def _silence(reader: asyncio.StreamReader, seconds: float) -> None:
    """Take what comes and say nothing, until the client gives up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await reader.read(MAX_HEAD_BYTES):
                pass


def _bound(port: int) -> socket.socket:
    # Named as TCP, so that asyncio does not let small writes wait for each other: see `server.py`.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # What a killed proxy left behind must not keep the next one from its port.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN, and throw away what was not sent."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() != -1:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    writer.transport.abort()
