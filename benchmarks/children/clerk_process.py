"""A clerk process as in production. Says ``ready`` once its jobs may run; the database knows the rest."""

from __future__ import annotations

import asyncio
import json
import signal

import uvloop

from hub.app import build_clerk
from hub.log import configure_logging
from hub.running import memory
from hub.settings import load_settings


async def main() -> None:
    """Do the jobs until told to stop."""
    settings = load_settings()
    configure_logging(settings.log)
    async with build_clerk(settings) as clerk:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, clerk.stop)
        running = asyncio.create_task(clerk.run())
        memory.settle()
        print(json.dumps({"ready": True}), flush=True)
        await running


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
