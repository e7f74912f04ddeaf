"""The api process as in production: uvicorn, uvloop and httptools around `hub.app`, on a free port.

Argument: ``storeless``: whether the intake is replaced by one that stores nothing and answers at once. Everything
else – guard, validation, answer, access log – is the same code in both.
Says: ``port`` once it listens.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys

import uvloop

from contracts.dossier import DossierFacts
from contracts.states import DossierState
from hub.app import build_services, create_app
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.views import Receipt
from hub.exchanges.outbox import new_exchange_id
from hub.log import configure_logging
from hub.running import memory
from hub.settings import load_settings
from hub.web.server import serve


class StorelessIntake(DossierIntake):
    """Answers a declaration as the real intake answers a new dossier, and keeps nothing."""

    def __init__(self) -> None:
        """There is nothing to hold."""

    async def put(
        self,
        *,
        code: str,
        facts: DossierFacts,
        caller: Caller,  # noqa: ARG002 - the signature of the real one
        if_match: int | None = None,  # noqa: ARG002
        if_none_match: bool = False,  # noqa: ARG002
        body: bytes | None = None,  # noqa: ARG002
    ) -> Receipt:
        """Return a receipt like that of the first revision."""
        state = DossierState.NEWLY_REGISTERED if facts.received_at is None else DossierState.ACCEPTED
        return Receipt(code=code, revision=1, state=state, created=True, exchange_ids=(new_exchange_id(),))


async def main() -> None:
    """Serve until told to stop."""
    wish = json.loads(sys.argv[1])
    settings = load_settings()
    configure_logging(settings.log)
    async with build_services(settings) as services:
        if wish["storeless"]:
            services = dataclasses.replace(services, intake=StorelessIntake())  # noqa: PLW2901 - only the intake
        await serve(
            create_app(services),
            "127.0.0.1",
            0,
            read_timeout_seconds=settings.api.read_timeout_seconds,
            on_started=_say_port,
        )


async def _say_port(port: int) -> None:
    memory.settle()
    print(json.dumps({"port": port}), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
