"""Look-ups that a person waits for: recorded, asked, answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from contracts.errors import LienThongError
from contracts.lookups import TechnicalIdQuestion
from contracts.ports import TechnicalIds
from hub.lookups.recording import LookupCaller, LookupRecorder
from hub.lookups.views import TechnicalIdAnswer
from hub.store.engine import Store
from hub.web.partner import no_connection, refusal_of

T = TypeVar("T")


async def asked(
    recorder: LookupRecorder,
    lookup_id: UUID,
    question: Callable[[], Awaitable[T]],
    *,
    count: Callable[[T], int],
    now: Callable[[], datetime],
) -> T:
    """Ask, and note how it ended; a failure becomes the refusal that the caller is told."""
    try:
        answer = await question()
    except LienThongError as error:
        await recorder.finish(lookup_id, outcome=type(error).__name__, found=None, now=now())
        raise refusal_of(error) from None
    found = count(answer)
    await recorder.finish(lookup_id, outcome="found" if found else "nothing", found=found, now=now())
    return answer


class TechnicalIdService:
    """Looks technical ids up."""

    def __init__(
        self,
        store: Store,
        systems: Mapping[str, TechnicalIds],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``systems`` by connection; the first is asked."""
        self._recorder = LookupRecorder(store)
        self._systems = dict(systems)
        self._now = now

    async def find(self, question: TechnicalIdQuestion, caller: LookupCaller) -> TechnicalIdAnswer:
        """Return the technical ids of a number; refuses with 503 where nobody can be asked."""
        if not self._systems:
            raise no_connection()
        connection, system = next(iter(self._systems.items()))
        lookup_id = await self._recorder.begin(
            "technical_id",
            connection=connection,
            caller=caller,
            actor=question.actor,
            dossier_code=question.dossier_code,
            question=question,
            now=self._now(),
        )

        async def ask() -> Sequence[str]:
            return await system.find_technical_ids(question.number)

        found = await asked(self._recorder, lookup_id, ask, count=len, now=self._now)
        return TechnicalIdAnswer(lookup_id=str(lookup_id), technical_ids=tuple(found))
