"""The part of the tour where a person steps in: a storm is stopped by one command, and a replay of fifty is run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from contracts.errors import Sentence
from hub.demo import expected, sample
from hub.demo.tour import PORTAL, AtPortal, Step, Tour, must, must_be

COUNT = 50
FIRST = 1001
"""Sequences of the dossiers that are caught in the storm."""

QUIET_SECONDS = 3.0
"""How long it is watched that nothing leaves: three times the breaker's longest rest in the tour's configuration."""

_STORM = 8
"""Calls the portal has failed when the operator has seen enough: more than it takes to open the breaker."""

_REVISED = "Đăng ký khai sinh cho con, bổ sung thông tin người nộp"
_PATIENCE_SECONDS = 60


class Storm:
    """Lets every call fail, stops it from the command line, lets it drain, and sends again what was spoilt."""

    def __init__(self, tour: Tour, environment: Mapping[str, str]) -> None:
        """``environment`` is that of the hub's processes, for the commands a person types."""
        self._tour = tour
        self._environment = dict(environment)
        self._codes = [tour.times.code(FIRST + number) for number in range(COUNT)]

    def steps(self) -> list[Step]:
        """Return the two steps."""
        return [
            Step(
                Sentence("A storm is stopped by one command", "Chặn bão gửi lại bằng một lệnh"),
                self.stopped_by_one_command,
            ),
            Step(
                Sentence("A replay of 50 is previewed and run", "Xem trước rồi chạy gửi lại 50 lượt"),
                self.replayed,
            ),
        ]

    async def stopped_by_one_command(self) -> str:
        """Call after call fails; after the command not one more reaches the portal, and then the backlog drains."""
        tour = self._tour
        await tour.portal.disturb("server_500", operation="DongBoHoSoMC")
        await asyncio.gather(*(self._declare(number) for number in range(COUNT)))

        async def raging() -> bool:
            # No more than that: once the breaker is open, a call a second at most goes out.
            return await self._hits() >= _STORM

        await tour.until(f"{_STORM} failed calls", raging)
        said = await self._command("connections", "stop", "--all", "--reason", "Bão gửi lại (mô phỏng)")
        must("Stopped by" in said, "the command did not say that it stopped")
        view = await self._connection()
        must(view["stopped"] is True, "the connection is not shown as stopped")
        listed = (await tour.api.get("/v1/connections")).document
        must(listed["stop"] is not None, "the stop of all is not shown")
        await tour.until("calls under way have ended", self._idle)
        failed, attempts = await self._hits(), await self._attempts()
        await asyncio.sleep(QUIET_SECONDS)
        must(await self._hits() == failed, "a call reached the portal after the stop")
        waiting = (await self._connection())["open_exchanges"]
        must(waiting >= COUNT, f"only {waiting} exchanges wait")
        await tour.portal.calm()
        await self._command("connections", "resume", "--all", "--by-deadline")
        await tour.delivered(*self._codes)
        values = sum([await tour.compare(code) for code in self._codes])
        return (
            f"{failed} failed calls, {attempts} attempts of {COUNT} dossiers; lienthong connections stop --all; then"
            f" none in {QUIET_SECONDS:g} s, {waiting} exchanges waiting; resumed by legal deadline: {COUNT} dossiers"
            f" delivered once, {values} values equal"
        )

    async def replayed(self) -> str:
        """The portal answers a page of HTML: fifty are quarantined; previewed, they are sent again, and arrive."""
        tour = self._tour
        await self._act(f"/v1/connections/{PORTAL}/pause", {"reason": "Chuẩn bị mô phỏng"})
        began = tour.times.until_now().now
        await asyncio.gather(*(self._revise(number) for number in range(COUNT)))
        await tour.portal.disturb("html_200", operation="DongBoHoSoMC")
        await self._act(f"/v1/connections/{PORTAL}/resume", {})

        async def spoilt() -> bool:
            page = await tour.api.get("/v1/exchanges?state=quarantined&limit=500")
            return len(page.document["items"]) >= COUNT

        await tour.until(f"{COUNT} quarantined", spoilt)
        await tour.portal.calm()
        wish = {
            "filter": {
                "connection": PORTAL,
                "states": ["quarantined"],
                "operation": "push_dossier",
                "agency": "H99.12",
                "accepted_since": began.isoformat(),
            },
            "reason": "Cổng trả trang bảo trì thay vì kết quả (mô phỏng)",
        }
        previewed = await self._act("/v1/replays", wish, status=201)
        preview = previewed["preview"]
        must(preview["count"] == COUNT, f"the preview counts {preview['count']}")
        must(preview["by_repeat_class"] == {"idempotent": COUNT}, "not all of one repeat class")
        must(previewed["needs_approval"] is False, "a replay of 50 asks for a second person")
        await self._act(f"/v1/replays/{previewed['id']}/start", {})
        found: dict[str, Any] = {}

        async def finished() -> bool:
            nonlocal found
            found = (await tour.api.get(f"/v1/replays/{previewed['id']}")).document
            return bool(found["state"] == "finished")

        await tour.until("the clerk has run the replay", finished)
        must(found["progress"]["ended"] == {"delivered": COUNT}, f"they ended as {found['progress']['ended']}")
        values = sum([await tour.compare(code) for code in self._codes])
        return (
            f"{COUNT} quarantined; preview: {preview['count']} exchanges, about {preview['estimated_seconds']:g} s,"
            f" {len(preview['excluded'])} reasons to leave out; run: {COUNT} delivered, {values} values equal"
        )

    # --- what the steps are made of -----------------------------------------------------------------------------

    async def _declare(self, number: int) -> None:
        tour, code = self._tour, self._codes[number]
        # Deadlines in another order than the codes.
        due = tour.times.due + timedelta(days=number * 7 % COUNT)
        must_be(await tour.api.put(code, {**sample.facts(tour.times), "due_at": due.isoformat()}), 201)
        tour.book[code] = AtPortal({**expected.accepted(code, tour.times), "NgayHenTra": expected.wire_time(due)})

    async def _revise(self, number: int) -> None:
        tour, code = self._tour, self._codes[number]
        due = tour.times.due + timedelta(days=number * 7 % COUNT)
        facts = {**sample.facts(tour.times), "due_at": due.isoformat(), "summary": _REVISED}
        must_be(await tour.api.put(code, facts), 200)
        tour.book[code].snapshot["TrichYeuHoSo"] = _REVISED

    async def _hits(self) -> int:
        """Return how many calls the portal has failed."""
        return sum(one["hits"] for one in await self._tour.portal.faults())

    async def _attempts(self) -> int:
        """Return how many attempts of these dossiers' exchanges are on record."""
        async with self._tour.running.store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT count(*) FROM attempts a JOIN exchanges e ON e.id = a.exchange_id WHERE e.subject = ANY(%s)",
                (self._codes,),
            )
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def _connection(self) -> dict[str, Any]:
        document: dict[str, Any] = (await self._tour.api.get(f"/v1/connections/{PORTAL}")).document
        return document

    async def _idle(self) -> bool:
        return bool((await self._connection())["in_flight"] == 0)

    async def _act(self, path: str, wish: dict[str, Any], *, status: int = 200) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = await self._tour.api.send("POST", path, wish, **headers)
        must_be(answer, status)
        document: dict[str, Any] = answer.document
        return document

    async def _command(self, *arguments: str) -> str:
        """Type a command and return what it says."""

        def call() -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 - our own program
                [sys.executable, "-P", "-m", "hub.cli", *arguments],
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )

        done = await asyncio.to_thread(call)
        must(done.returncode == 0, f"lienthong {' '.join(arguments[:2])} ended with {done.returncode}")
        return done.stdout
