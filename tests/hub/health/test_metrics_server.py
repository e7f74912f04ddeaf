"""Worker and clerk tell their metrics on a port of their own, to the allowed networks, and nothing else."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest

from hub.health import metrics
from hub.health.metrics_server import metrics_server
from hub.health.networks import is_allowed
from hub.web.server import ServerStartError

LOOPBACK = (ip_network("127.0.0.0/8"),)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_metrics_of_a_process() -> None:
    """The text of Prometheus at /metrics; every other address and method is refused."""
    metrics.probe_ended("portal", "passed")
    async with metrics_server("127.0.0.1", 0, LOOPBACK) as port:
        assert port
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'lienthong_probes_total{connection="portal",outcome="passed"}' in answer
        assert (await ask(port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404")
        assert (await ask(port, b"POST /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 405")
        assert await ask(port, b"x" * 20_000) == b""


async def test_another_network_is_refused() -> None:
    """Only the networks of api.metrics_allow."""
    async with metrics_server("127.0.0.1", 0, (ip_network("10.0.0.0/8"),)) as port:
        assert port
        assert (await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403")
    assert not is_allowed("", LOOPBACK)
    assert is_allowed("::ffff:127.0.0.1", LOOPBACK)


async def test_off_by_default_and_a_taken_port_is_told() -> None:
    """Without a port nothing listens; two processes cannot share one."""
    async with metrics_server("127.0.0.1", None, LOOPBACK) as port:
        assert port is None
    async with metrics_server("127.0.0.1", 0, LOOPBACK) as port:
        with pytest.raises(ServerStartError) as caught:
            async with metrics_server("127.0.0.1", port, LOOPBACK):
                pass
    assert "metrics_port" in caught.value.sentence.vi
