"""The reference of ``drain``: an aiohttp client that posts bodies in a loop, and does nothing else.

Argument: ``port``, ``dstcode``, ``login`` (the body), ``in_flight``, ``bodies`` (a file with one JSON body a line,
in which ``@SESSION@`` stands for the session, and an empty line after which every body before it has been answered).
Says: ``seconds`` and ``answers``. Every answer is read, and its ``error_code`` is looked at.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop

FORWARD = "XrdAdapter/RestService/forward"


async def main() -> None:
    """Post everything and say how long it took."""
    wish = json.loads(sys.argv[1])
    base = f"http://127.0.0.1:{wish['port']}/{FORWARD}"
    headers = {"dstcode": wish["dstcode"], "Content-Type": "application/json", "Accept": "application/json"}
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=wish["in_flight"])
    ) as session:
        async with session.post(f"{base}/mapi/login", data=json.dumps(wish["login"]).encode()) as answer:
            token = (await answer.json())["session"]
        text = Path(wish["bodies"]).read_text(encoding="utf-8")  # noqa: ASYNC240 - before the race
        groups = [
            [line.encode() for line in group.splitlines()] for group in text.replace("@SESSION@", token).split("\n\n")
        ]
        began = time.perf_counter()
        for group in groups:
            waiting = iter(group)
            await asyncio.gather(*(_post(session, f"{base}/mapi/g", waiting) for _ in range(wish["in_flight"])))
        print(json.dumps({"seconds": time.perf_counter() - began, "answers": sum(map(len, groups))}), flush=True)


async def _post(session: aiohttp.ClientSession, url: str, waiting: Iterator[bytes]) -> None:
    for body in waiting:
        async with session.post(url, data=body) as answer:
            said = json.loads(await answer.read())
            if str(said["error_code"]) not in {"0", "3"}:
                raise RuntimeError(f"the simulator refused a body: {said['error_code']}")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
