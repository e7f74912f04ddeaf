"""What a look-up is compared with: a bare FastAPI endpoint that passes its body on with httpx, and does nothing else.

Argument: ``url`` it forwards to. Served by uvicorn with uvloop and httptools, without an access log. Says: ``port``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator

import httpx
import uvloop
from fastapi import FastAPI, Request, Response

from adapters.transport.simulation.server import AsgiServer


def build(url: str) -> FastAPI:
    """Return the application."""
    held: dict[str, httpx.AsyncClient] = {}

    @contextlib.asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            held["client"] = client
            yield

    app = FastAPI(lifespan=life)

    @app.post("/forward")
    async def forward(request: Request) -> Response:
        answer = await held["client"].post(
            url, content=await request.body(), headers={"Content-Type": "application/xml", "SOAPAction": ""}
        )
        return Response(answer.content, status_code=answer.status_code, media_type="text/xml")

    return app


async def main() -> None:
    """Serve until told to stop."""
    wish = json.loads(sys.argv[1])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsgiServer(build(wish["url"])) as server:
        print(json.dumps({"port": server.port}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
