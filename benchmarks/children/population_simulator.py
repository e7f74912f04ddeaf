"""The simulated population database on a free port of loopback, answering at once.

Argument: ``settings`` of the connection it plays. Whoever is asked for is there: the sample citizen, with the number
asked for in place of the sample's. Says: ``port``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import uvloop

from adapters.population_db.settings import PopulationSettings
from adapters.population_db.simulator.app import SimulatorApp
from adapters.transport.simulation.server import AsgiServer

_SAMPLE = b"099199000123"


async def main() -> None:
    """Serve until told to stop."""
    wish = json.loads(sys.argv[1])
    app = SimulatorApp(PopulationSettings.model_validate({**wish["settings"], "sandbox": {"quick": True}}))
    answer = app.database.quick(_SAMPLE)
    if _SAMPLE not in answer:
        raise RuntimeError("the simulator does not know the sample citizen")
    app.database.quick = lambda number: answer.replace(_SAMPLE, number)  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsgiServer(app) as server:
        print(json.dumps({"port": server.port}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
