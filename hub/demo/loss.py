"""The part of the tour where the portal silently loses and rolls back: found by reconciliation, repaired, verified."""

from __future__ import annotations

import uuid
from typing import Any

from contracts.errors import Sentence
from hub.demo.calls import Answer
from hub.demo.tour import Step, Tour, must, must_be

LOST, ROLLED_BACK = 3, 4
"""Sequences of two dossiers that were delivered, with their steps, before."""

_ROOT = "/v1/reconciliations"


class SilentLoss:
    """Makes the portal forget, and lets the hub find out by comparing."""

    def __init__(self, tour: Tour) -> None:
        """Works on the dossiers of the tour."""
        self._tour = tour

    def steps(self) -> list[Step]:
        """Return the one step."""
        title = Sentence(
            "A silent loss at the portal is found and repaired", "Đối soát phát hiện Cổng mất dữ liệu và gửi bù"
        )
        return [Step(title, self.found_and_repaired)]

    async def found_and_repaired(self) -> str:
        """Nothing fails and nothing is told: one dossier is gone there, another is back where it was days ago."""
        tour = self._tour
        lost, back = tour.times.code(LOST), tour.times.code(ROLLED_BACK)
        _, known = await self._compare()
        must(not {lost, back} & known.keys(), "the two dossiers differed before")
        steps_of_lost = len(tour.book[lost].steps)
        await tour.portal.tamper(code=lost, action="lose")
        await tour.portal.tamper(code=back, action="roll_back", state="2", steps=0)
        run, differing = await self._compare()
        found = {code: outcome for code, outcome in differing.items() if code not in known}
        must(found == {lost: "missing_there", back: "theirs_older"}, f"found was {sorted(found.values())}")
        preview = await self._accepted(f"{_ROOT}/{run['id']}/repairs")
        must(preview["preview"]["sends"]["create"] == 1, "the preview does not send the lost dossier")
        wish = {"repair": preview["id"], "reason": "Cổng mất dữ liệu (mô phỏng)"}
        started = await self._accepted(f"{_ROOT}/{run['id']}/repairs/start", wish)
        await self._ended(f"{_ROOT}/{run['id']}/repairs/{started['id']}")
        await tour.delivered(lost, back)
        values = await tour.compare(lost) + await tour.compare(back)
        after, left = await self._compare()
        must(left == known, f"{len(left)} differences are left, {len(known)} were known before")
        report = (await tour.api.get(f"{_ROOT}/{after['id']}/report")).document
        must((report["open"], report["repaired"]) == (len(known), 2), "the report does not count both as repaired")
        return (
            f"{run['examined']} dossiers compared: 1 missing there, 1 older there; previewed, then"
            f" {preview['preview']['exchanges']} new exchanges ({steps_of_lost} steps of the lost one among them);"
            f" {values} values equal at the portal, no step twice; compared again: both the same"
        )

    async def _compare(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Compare what was received on the day of the tour's dossiers; return the run and what differs."""
        day = self._tour.times.received.date().isoformat()
        run = await self._accepted(_ROOT, {"from": day, "to": day})
        ended = await self._ended(f"{_ROOT}/{run['id']}")
        page = (await self._tour.api.get(f"{_ROOT}/{run['id']}/differences?limit=500")).document
        return ended, {one["code"]: one["outcome"] for one in page["items"]}

    async def _ended(self, path: str) -> dict[str, Any]:
        """Wait until the clerk has carried it out."""
        found: dict[str, Any] = {}

        async def has_ended() -> bool:
            nonlocal found
            found = (await self._tour.api.get(path)).document
            return found["ended_at"] is not None

        await self._tour.until("carried out by the clerk", has_ended)
        must(found["state"] == "completed", f"it ended as {found['state']}")
        return found

    async def _accepted(self, path: str, wish: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer: Answer = await self._tour.api.send("POST", path, {} if wish is None else wish, **headers)
        must_be(answer, 202)
        document: dict[str, Any] = answer.document
        return document
