"""A worker process as in production. Says ``ready`` once it may deliver; the database knows the rest."""

from __future__ import annotations

import asyncio
import json
import signal

import uvloop

from hub.app import build_worker
from hub.log import configure_logging
from hub.running import memory
from hub.settings import load_settings


async def main() -> None:
    """Deliver until told to stop."""
    settings = load_settings()
    configure_logging(settings.log)
    async with build_worker(settings) as services:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, services.worker.stop)
        running = asyncio.create_task(services.worker.run())
        memory.settle()
        print(json.dumps({"ready": True}), flush=True)
        await running


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
