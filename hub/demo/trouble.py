"""The part of the tour where things go wrong: faults on the wire, a lost session, a silent portal, a killed worker."""

from __future__ import annotations

import asyncio

from contracts.errors import Sentence
from hub.demo import expected, sample
from hub.demo.tour import Step, Tour, Unverified, must, must_be

SIDE = (2, 3, 4, 5)
"""Sequences of the dossiers handed in while the portal misbehaves."""

SILENCE_SECONDS = 2.5
SLOW_SECONDS = 10.0
"""How long an answer takes that must still be on its way when the worker is killed, on a busy machine too."""


class Trouble:
    """Injects faults and verifies that everything arrives once, in order."""

    def __init__(self, tour: Tour) -> None:
        """Works on the dossiers of the tour."""
        self._tour = tour

    def steps(self) -> list[Step]:
        """Return the two troubles."""
        return [
            Step(
                Sentence(
                    "The portal resets, forgets the session, falls silent",
                    "Cổng ngắt kết nối, mất phiên, im lặng một lúc",
                ),
                self.misbehaving_portal,
            ),
            Step(
                Sentence("A worker is killed while it sends", "Tiến trình gửi bị giết khi đang gửi"), self.killed_worker
            ),
        ]

    async def misbehaving_portal(self) -> str:
        """Answers are cut off after the portal has acted, the session expires, then nobody answers for a while."""
        tour = self._tour
        before = await tour.portal.get("state")
        await tour.portal.disturb("reset_after", operation="DongBoHoSoMC", count=2)
        await tour.portal.disturb("reset_after", operation="CapNhatTienDoHoSoMC", count=2)
        await tour.portal.disturb("expired_session", operation="CapNhatTienDoHoSoMC", count=1)
        codes = [tour.times.code(sequence) for sequence in SIDE]
        await asyncio.gather(*(tour.declare_as(code) for code in codes))
        await asyncio.gather(*(self._work(code, "Thẩm định hồ sơ", 60) for code in codes))
        await tour.until("every fault committed", self._no_faults_left)
        await tour.portal.disturb("silence", duration_seconds=SILENCE_SECONDS)
        await asyncio.gather(*(self._work(code, "Trình lãnh đạo ký", 50) for code in (*codes, tour.code)))
        await tour.delivered(*codes, tour.code)
        after = await tour.portal.get("state")
        must(after["logins"] > before["logins"], "the lost session cost no login")
        values = sum([await tour.compare(code) for code in (*codes, tour.code)])
        doubts = await self._attempts("outcome_unknown")
        must(doubts > 0, "no write was cut off: the faults proved nothing")
        return (
            f"4 resets after acting, 1 lost session, {SILENCE_SECONDS:g} s of silence; {doubts} outcomes in doubt, all "
            f"settled; 5 dossiers, 9 steps once and in order, {values} values equal"
        )

    async def killed_worker(self) -> str:
        """SIGKILL between the portal's acting and its answer; the next worker asks before it repeats."""
        tour = self._tour
        (worker,) = tour.running.workers
        starts, victim = worker.starts, worker.pid
        await tour.portal.disturb("slow", operation="CapNhatTienDoHoSoMC", count=1, seconds=SLOW_SECONDS)
        step = len(tour.book[tour.code].steps) + 1
        (exchange,) = await self._work(tour.code, "Hoàn thiện dự thảo kết quả", 40)

        async def portal_has_it() -> bool:
            held = await tour.portal.get(f"dossiers/{tour.code}")
            return len(held["step_list"]) == step

        await tour.until("the portal has the step", portal_has_it)
        sending = await tour.api.get(f"/v1/exchanges/{exchange}")
        must(sending.document["state"] == "sending", f"the step is {sending.document['state']}, not being sent")
        worker.kill_process()

        async def another_one() -> bool:
            return worker.starts > starts

        await tour.until("another worker", another_one)
        must(worker.pid != victim, "the worker was not killed")
        await tour.delivered(tour.code)
        detail = (await tour.api.get(f"/v1/exchanges/{exchange}")).document
        outcomes = [attempt["outcome"] for attempt in detail["attempt_list"]]
        must(outcomes == ["worker_lost", "settled"], f"the attempts ended as {', '.join(outcomes)}")
        values = await tour.compare(tour.code)
        return (
            f"pid {victim} killed, {worker.pid} took over: {' → '.join(outcomes)}; {values} values equal, no step twice"
        )

    async def _work(self, code: str, content: str, minutes_ago: float) -> tuple[str, ...]:
        """Record a step; return the exchange that carries it."""
        tour = self._tour
        at = tour.times.ago(minutes_ago)
        answer = await tour.step(
            code, sample.step(content, at), expected.step(code, "4", content, at), TrangThaiHoSo="4"
        )
        must_be(answer, 201)
        carrying = answer.document["exchange_ids"]
        if len(carrying) != 2:  # noqa: PLR2004 - the step and the snapshot
            raise Unverified("a step is carried by two exchanges, its own and the snapshot's")
        return (carrying[0],)

    async def _no_faults_left(self) -> bool:
        return not await self._tour.portal.faults()

    async def _attempts(self, outcome: str) -> int:
        async with self._tour.running.store.transaction() as conn:
            cursor = await conn.execute("SELECT count(*) FROM attempts WHERE outcome = %s", (outcome,))
            row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0
