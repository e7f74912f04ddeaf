"""The reference of ``drain`` posts every body once, and keeps the order of its groups."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.children.bare_client import FORWARD
from benchmarks.processes import run_child


async def test_no_body_overtakes_a_group_before_its_own(tmp_path: Path) -> None:
    """The portal refuses a step of a dossier that it does not know yet, so a slow declaration holds up the steps."""
    groups = [[json.dumps({"group": group, "number": number}) + "\n" for number in range(4)] for group in range(3)]
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text("\n".join("".join(group) for group in groups))
    answered: list[int] = []

    async def login(_request: web.Request) -> web.Response:
        return web.json_response({"session": "token"})

    async def serve(request: web.Request) -> web.Response:
        body = await request.json()
        if body["number"] == 0:
            await asyncio.sleep(0.2)
        answered.append(body["group"])
        return web.json_response({"error_code": "0"})

    app = web.Application()
    app.router.add_post(f"/{FORWARD}/mapi/login", login)
    app.router.add_post(f"/{FORWARD}/mapi/g", serve)
    async with TestServer(app, host="127.0.0.1") as server:
        wish = {"port": server.port, "dstcode": "any", "login": {}, "in_flight": 16, "bodies": str(bodies)}
        said = await run_child("bare_client", wish, tmp_path, seconds=120)
    assert said["answers"] == 12
    assert answered == [0] * 4 + [1] * 4 + [2] * 4
