"""What the tour's steps about look-ups are made of: dossiers declared, citizens looked up, and what came of it read."""

from __future__ import annotations

from typing import Any

from hub.demo import expected, sample
from hub.demo.calls import Answer, SandboxControl
from hub.demo.officers import PURPOSE, Citizen, Officer, Parties
from hub.demo.tour import AtPortal, Tour, must, must_be
from hub.ledger.evidence import EvidenceFault, verify

DATABASE = "population_db"

FIRST = 2001
"""Sequence of the first dossier that look-ups are made for."""


class Inquiries:
    """The hub as officers, security staff and citizens ask it, and the simulated population database beside it."""

    def __init__(self, tour: Tour) -> None:
        """Notes in the tour's book what the portal must hold of the dossiers declared here."""
        self._tour = tour
        self.database = SandboxControl(tour.portal.page, DATABASE)
        self._parties: Parties | None = None

    @property
    def parties(self) -> Parties:
        """Everybody who calls."""
        if self._parties is None:
            raise ValueError("nobody was introduced")
        return self._parties

    async def introduce(self) -> Parties:
        """Register everybody who calls."""
        self._parties = await Parties.introduced(self._tour.running)
        return self._parties

    def code(self, at: int) -> str:
        """Return the code of one of the dossiers that look-ups are made for, counted from 0."""
        return self._tour.times.code(FIRST + at)

    async def declare(self, code: str, officer: Officer, *about: Citizen) -> None:
        """Declare a dossier assigned to an officer, about the applicant and these people."""
        tour = self._tour
        facts = sample.facts(tour.times)
        facts |= {"assigned_accounts": [officer.account_id], "related_people": [one.related for one in about]}
        must_be(await self.parties.desk.put(code, facts), 201)
        tour.book[code] = AtPortal(expected.accepted(code, tour.times))

    async def look_up(self, officer: Officer, whom: Citizen, code: str | None) -> Answer:
        """Look a citizen up for a dossier, or for none."""
        body = {"actor": officer.actor, "purpose": PURPOSE, "question": whom.question}
        return await self.parties.desk.act(
            "/v1/lookups/people", body if code is None else {**body, "dossier_code": code}
        )

    async def asked(self) -> int:
        """Return how often the simulated database was asked for a citizen."""
        counts = (await self.database.get("state"))["counts"]
        return sum(one["calls"] for one in counts if one["service"] == "TraCuuThongTinCongDan")

    async def judged(self, officer: Officer, wanted: list[str]) -> list[dict[str, Any]]:
        """Wait until the watch has judged these look-ups, and return them as the log has them."""
        found: dict[str, dict[str, Any]] = {}

        async def all_there() -> bool:
            page = await self.parties.security.get(f"/v1/lookups?account={officer.account_id}&limit=200")
            found.update({one["id"]: one for one in page.document["items"] if one["explanation"] is not None})
            return found.keys() >= set(wanted)

        await self._tour.until(f"{len(wanted)} look-ups judged", all_there)
        return [found[one] for one in wanted]

    async def cases(self, officer: Officer) -> list[dict[str, Any]]:
        """Return the cases about an officer."""
        page = await self.parties.security.get(f"/v1/cases?account_id={officer.account_id}")
        must_be(page, 200)
        items: list[dict[str, Any]] = page.document["items"]
        return items

    async def proven(self, subject: str) -> int:
        """Prove what the ledger holds of a subject, as anybody does offline; return how many entries."""
        answer = Answer(0, {}, None)

        async def sealed() -> bool:
            nonlocal answer
            answer = await self.parties.security.get(f"/v1/evidence/{subject}")
            return answer.status == 200  # noqa: PLR2004 - OK

        await self._tour.until("it is sealed in the ledger", sealed)
        try:
            proven = verify(answer.content)
        except EvidenceFault as fault:
            must(condition=False, what=f"the evidence does not hold: {fault.sentence.en}")
            raise
        must(proven.subject == subject, "the evidence is of something else")
        return len(proven.entries)

    async def usage(self, whom: Citizen) -> dict[str, Any]:
        """Return what a citizen sees of the look-ups of them."""
        view: dict[str, Any] = (await self.usage_answer(whom)).document
        return view

    async def usage_answer(self, whom: Citizen) -> Answer:
        """Return the same as the answer it is."""
        answer = await self.parties.portal.act("/v1/usage/query", {"personal_number": whom.number})
        must_be(answer, 200)
        return answer
