"""The simulated portal behind its forward path, on a free port of loopback.

Argument: ``settings`` of the connection it plays. Says: ``port``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import uvloop

from adapters.national_portal import ADAPTER
from adapters.transport.simulation.forward import ForwardSimulator
from adapters.transport.simulation.server import AsgiServer
from benchmarks.deployment import DSTCODE
from contracts.ports import SimulatorContext


async def main() -> None:
    """Serve until told to stop."""
    wish = json.loads(sys.argv[1])
    settings = ADAPTER.settings.model_validate(wish["settings"], strict=False)
    if ADAPTER.simulator is None:
        raise RuntimeError("the adapter has no simulator")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsgiServer(
        ForwardSimulator({DSTCODE: ADAPTER.simulator(SimulatorContext(settings=settings))})
    ) as server:
        print(json.dumps({"port": server.port}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
