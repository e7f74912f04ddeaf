"""What the processes of the hub do from their start to their stop."""

from __future__ import annotations

import asyncio

from hub import memory
from hub.app import build_services, build_worker, create_app
from hub.settings import Settings
from hub.supervised import Line, told_to_stop
from hub.web.server import serve


async def run_api(settings: Settings, line: Line) -> None:
    """Serve the API until told to stop, then let running requests finish.

    Raises what `hub.app.build_services` and `hub.web.server.serve` raise.
    """

    async def started(port: int) -> None:
        memory.settle()
        await line.ready(port=port)

    async with told_to_stop(line) as stop, build_services(settings) as services:
        await serve(
            create_app(services),
            settings.api.host,
            settings.api.port,
            read_timeout_seconds=settings.api.read_timeout_seconds,
            stop=stop,
            on_started=started,
        )


async def run_worker(settings: Settings, line: Line) -> None:
    """Deliver until told to stop, then finish what is under way, at the latest after the grace.

    Raises what `hub.app.build_worker` raises, and whatever ends a worker: its supervisor starts it anew.
    """
    async with told_to_stop(line) as stop, build_worker(settings) as services:
        running = asyncio.create_task(services.worker.run(), name="worker")
        syncing = asyncio.create_task(services.procedures.run(), name="procedures")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        memory.settle()
        await line.ready()
        try:
            await asyncio.wait({running, syncing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            services.worker.stop()
            await running
            if syncing.done():
                syncing.result()  # it never ends well
        finally:
            for task in (running, syncing, stopping):
                task.cancel()
            await asyncio.gather(running, syncing, stopping, return_exceptions=True)
