"""The ledger beside an intake: the sealer of the clerk, and on demand something for it to do.

Argument: ``outcomes``: whether every exchange accepted from now on ends, as far as the ledger sees. That is put into
the queue by one statement for all, four times a second, so that what is measured is the ledger and not the delivery.
Says: ``ready`` once it seals.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any
from uuid import UUID

import uvloop

from hub.ledger.sealer import LedgerSealer
from hub.log import configure_logging
from hub.running import memory
from hub.settings import load_settings
from hub.store.engine import Store, open_store

_PAUSE_SECONDS = 0.25

_END = """
INSERT INTO ledger_queue (kind, subject, at, facts)
SELECT 'exchange', id::text, now(), '{"attempts":"1","outcome":"delivered","state":"delivered"}'
FROM exchanges WHERE id > %s AND id <= %s ORDER BY id
"""


async def main() -> None:
    """Record and seal until told to stop."""
    wish = json.loads(sys.argv[1])
    settings = load_settings()
    configure_logging(settings.log)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await open_store(settings) as store:
        sealer = LedgerSealer(store, origin=settings.ledger.origin)
        newest = await _newest(store)
        sealing = asyncio.create_task(sealer.run())
        memory.settle()
        print(json.dumps({"ready": True}), flush=True)
        while not stop.is_set():
            await asyncio.sleep(_PAUSE_SECONDS)
            if not wish["outcomes"]:
                continue
            before, newest = newest, await _newest(store)
            async with store.transaction() as conn:
                await conn.execute(_END, (before, newest))
        sealing.cancel()


async def _newest(store: Store) -> UUID:
    async with store.transaction() as conn:
        row: Any = await (await conn.execute("SELECT id FROM exchanges ORDER BY id DESC LIMIT 1")).fetchone()
    return UUID(int=0) if row is None else row[0]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
