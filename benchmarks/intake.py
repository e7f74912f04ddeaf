"""``intake``: a durable PUT of a 2.8 KB dossier, 64 kept connections, against the same endpoint without a store.

Both sides are the api process of production, one of each, with the same access log. In the reference the intake is
replaced by one that answers at once; guard, validation and answer are the same code. The load takes turns: a few
seconds on one, a few on the other. Every request declares a dossier with a code never used before.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from benchmarks.deployment import Deployment, code_prefix, deployment, sample_body
from benchmarks.processes import Child, run_child
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes

BAR = 0.75
CONNECTIONS = 64


async def run(sizes: Sizes) -> list[Measurement]:
    """Measure."""
    async with deployment() as made, contextlib.AsyncExitStack() as children:
        ours = await children.enter_async_context(Child("api_server", {"storeless": False}, made.directory))
        bare = await children.enter_async_context(Child("api_server", {"storeless": True}, made.directory))
        load = Load(made, sizes)
        rates: list[float] = []
        reference: list[float] = []
        for _ in range(sizes.intake_rounds):
            reference.append(await load.on(bare))
            rates.append(await load.on(ours))
    return [Measurement.rate("intake", rates, reference, unit="PUT/s", bar=BAR)]


class Load:
    """One round after another, each on fresh codes."""

    def __init__(self, made: Deployment, sizes: Sizes) -> None:
        self._directory: Path = made.directory
        self._sizes = sizes
        self._next = 0
        body = sample_body()
        self._wish: dict[str, Any] = {
            "head": "PUT /v1/dossiers/",
            "tail": " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {made.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body.decode()}",
            "code_prefix": code_prefix(),
            "connections": CONNECTIONS,
            "warm_up_seconds": sizes.intake_warm_up_seconds,
            "seconds": sizes.intake_seconds,
            "expected_status": 201,
        }

    async def on(self, server: Child) -> float:
        """Run one round against this server and return answers a second."""
        wish = {**self._wish, "port": server.ready["port"], "first": self._next}
        figures = await run_child("http_load", wish, self._directory, seconds=60 + 2 * self._sizes.intake_seconds)
        self._next = int(figures["next"])
        return float(figures["answers"]) / float(figures["seconds"])
