"""What the processes of the hub do from their start to their stop."""

from __future__ import annotations

import asyncio

from hub.app import build_clerk, build_services, build_worker, create_app
from hub.ending import end
from hub.health.metrics_server import metrics_server
from hub.running import memory
from hub.running.supervised import Line, told_to_stop
from hub.settings import Settings
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
    own, allow = settings.worker, settings.api.metrics_allow
    async with (
        told_to_stop(line) as stop,
        build_worker(settings) as services,
        metrics_server(own.metrics_host, own.metrics_port, allow) as metrics_port,
    ):
        running = asyncio.create_task(services.worker.run(), name="worker")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        memory.settle()
        await line.ready(metrics_port=metrics_port)
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            services.worker.stop()
            await running
        finally:
            await end([running, stopping])


async def run_clerk(settings: Settings, line: Line) -> None:
    """Do what the clock and the backlog ask for until told to stop. Raises what `hub.app.build_clerk` raises."""
    own, allow = settings.clerk, settings.api.metrics_allow
    async with (
        told_to_stop(line) as stop,
        build_clerk(settings) as clerk,
        metrics_server(own.metrics_host, own.metrics_port, allow) as metrics_port,
    ):
        running = asyncio.create_task(clerk.run(), name="clerk")
        memory.settle()
        await line.ready(metrics_port=metrics_port)
        await stop.wait()
        clerk.stop()
        await running
