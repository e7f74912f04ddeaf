"""Examining a few dossiers: our side read, the partner asked, our side read again, and only then a judgement.

What moves on our side while the partner is asked makes the comparison one of two different moments. Such a dossier
is in flight: it has no class until it has settled, in a later run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from contracts.states import DossierState
from hub.ending import end
from hub.reconciliation.asking import Answer, Asker, PartnerDown, Silence, Told
from hub.reconciliation.classify import Judgement, Outcome, classify
from hub.reconciliation.gate import closed
from hub.reconciliation.reading import Standing, read_ours, read_standings
from hub.store.engine import Store

LOOK_SECONDS = 1.0
"""How often a pause, the breaker and maintenance windows are looked at while questions are under way."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of one dossier."""

    standing: Standing
    judgement: Judgement
    our_state: DossierState | None = None
    their_state: DossierState | None = None
    silence: Silence | None = None

    @property
    def why(self) -> str:
        """What proves the class, or why there is none; one word."""
        return self.silence.value if self.silence is not None else self.judgement.why.value


@dataclass(frozen=True, slots=True)
class Examiner:
    """Compares dossiers with what one partner holds."""

    store: Store
    connection: str
    asker: Asker
    ignored: frozenset[str] = field(default_factory=frozenset)

    async def examine(self, codes: Sequence[str]) -> list[Examined]:
        """Return what became of each; raises `PartnerDown` where nothing is answered, and then nothing is concluded.

        Raises ``StoreUnavailable`` as the store does.
        """
        async with self.store.transaction() as conn:
            before = await read_standings(conn, self.connection, codes)
            settled = {code: one for code, one in before.items() if not one.is_in_flight}
            ours = await read_ours(conn, self.store.sealer, self.asker.publisher, settled)
        answers = await self._ask(list(settled))
        async with self.store.transaction() as conn:
            after = await read_standings(conn, self.connection, list(settled))
        examined: list[Examined] = []
        for code, standing in before.items():
            if code not in settled or after[code] != standing:
                examined.append(Examined(standing, Judgement(Outcome.IN_FLIGHT)))
                continue
            answer = answers[code]
            one = ours.get(code)
            our_state = None if one is None else one.state
            if isinstance(answer, Told):
                judgement = classify(one, answer.dossier, ignored=self.ignored)
                their_state = None if answer.dossier is None else answer.dossier.state
                examined.append(Examined(standing, judgement, our_state, their_state))
            else:
                examined.append(Examined(standing, Judgement(Outcome.NOT_ANSWERED), our_state, silence=answer))
        return examined

    async def _ask(self, codes: Sequence[str]) -> dict[str, Answer]:
        """Ask, and stop asking within a second of a stop; questions may be broken off, they change nothing."""
        asking = asyncio.create_task(self.asker.ask(codes))
        try:
            while True:
                await asyncio.wait({asking}, timeout=LOOK_SECONDS)
                if asking.done():
                    return asking.result()
                now = datetime.now(UTC)
                async with self.store.transaction() as conn:
                    shut = await closed(conn, self.connection, now)
                if shut is not None:
                    raise PartnerDown(shut.why, after=None if shut.until is None else shut.until - now)
        finally:
            await end([asking])
