"""Asking a partner what it holds: within a rate, a few at a time, and silence is never an answer.

An answer is what the partner said: a dossier, or that it holds none. A timeout, a broken answer, a refusal to answer
are each the absence of one. Where nothing but absence comes, the partner is down and nothing is concluded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from contracts.errors import LienThongError, Malformed, NeedsPerson, Rejected, Sentence, TryLater
from contracts.ports import DossierPublisher, PartnerDossier
from hub.store.errors import StoreUnavailable

FIND_DOSSIER = "find_dossier"

TRIES = 2
"""How often one dossier is asked about before it counts as not answered."""

_log = structlog.get_logger("hub.reconciliation")


@dataclass(frozen=True, slots=True)
class Told:
    """The partner's answer: what it holds, ``None`` for "I hold no such dossier"."""

    dossier: PartnerDossier | None


class Silence(StrEnum):
    """Why there is no answer."""

    NO_ANSWER = "no_answer"
    """Nothing came back, or that it cannot answer now."""
    BROKEN_ANSWER = "broken_answer"
    """What came back breaks the contract: HTML, half an answer, another dossier."""
    REFUSED_TO_ANSWER = "refused_to_answer"
    """It understood the question and refused it."""
    HUB_FAULT = "hub_fault"
    """The adapter failed in an unforeseen way."""


Answer = Told | Silence


class PartnerDown(Exception):  # noqa: N818 - a finding about the partner, not a crash
    """The partner answers nothing, or a person is needed; nothing may be concluded from its silence."""

    def __init__(self, sentence: Sentence, *, after: timedelta | None = None) -> None:
        """``after`` is when it wants to be asked again, where it said so."""
        super().__init__(sentence.en)
        self.sentence = sentence
        self.after = after


NOTHING_ANSWERED = Sentence(
    "The partner answers none of the questions; its silence says nothing about any dossier.",
    "Bên nhận không trả lời câu hỏi nào; việc không trả lời không nói lên điều gì về hồ sơ.",
)


class Pace:
    """Turns, evenly spaced: in any stretch of *t* seconds at most ``rate`` × *t* + 1 are given."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``rate`` in turns a second; the first turn is free."""
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._next = -float("inf")

    async def turn(self) -> None:
        """Wait for the next turn. Callers get theirs in the order in which they ask."""
        now = self._clock()
        at = max(now, self._next)
        self._next = at + 1 / self.rate
        if at > now:
            await self._sleep(at - now)


class Asker:
    """Puts questions to one partner."""

    def __init__(self, publisher: DossierPublisher, pace: Pace, *, in_flight: int, most_failures: int) -> None:
        """``most_failures`` in a row without any answer mean that the partner is down."""
        self.publisher = publisher
        self.pace = pace
        self.asked = 0
        """Questions put so far."""
        self._in_flight = in_flight
        self._most_failures = most_failures
        self._failures = 0
        self._deadline = publisher.operations[FIND_DOSSIER].deadline_seconds

    async def ask(self, codes: Sequence[str]) -> dict[str, Answer]:
        """Return what the partner says of each dossier; raises `PartnerDown` where only silence comes."""
        answers: dict[str, Answer] = {}
        open_codes = list(codes)
        for _ in range(TRIES):
            answers.update(await self._ask_all(open_codes))
            open_codes = [code for code in open_codes if _is_worth_another(answers[code])]
            if not open_codes:
                break
        if codes and all(_is_worth_another(answers[code]) for code in codes):
            raise PartnerDown(NOTHING_ANSWERED)
        return answers

    async def _ask_all(self, codes: Sequence[str]) -> dict[str, Answer]:
        answers: dict[str, Answer] = {}
        waiting = iter(codes)

        async def ask_on() -> None:
            for code in waiting:
                await self.pace.turn()
                answers[code] = await self._ask(code)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._in_flight, len(codes))):
                    group.create_task(ask_on())
        except ExceptionGroup as several:
            # All say the same: that the partner, or our own database, is not there.
            first = several.exceptions[0]
            raise first from first.__cause__
        return answers

    async def _ask(self, code: str) -> Answer:
        self.asked += 1
        try:
            async with asyncio.timeout(self._deadline):
                found = await self.publisher.find_dossier(code)
        except TimeoutError:
            return self._failed(Silence.NO_ANSWER, None)
        except NeedsPerson as error:
            raise PartnerDown(error.sentence) from error
        except Malformed as error:
            return self._failed(Silence.BROKEN_ANSWER, error)
        except Rejected:
            self._failures = 0
            return Silence.REFUSED_TO_ANSWER
        except LienThongError as error:
            return self._failed(Silence.NO_ANSWER, error)
        except StoreUnavailable:
            raise  # the adapter keeps its session in our database: no fault of the partner
        except Exception as error:  # noqa: BLE001 - an adapter may be anybody's
            # Without its text, which may quote what was read.
            _log.error("adapter_failed", operation=FIND_DOSSIER, error=type(error).__name__)
            return self._failed(Silence.HUB_FAULT, None)
        self._failures = 0
        return Told(found)

    def _failed(self, why: Silence, error: LienThongError | None) -> Silence:
        self._failures += 1
        wants = error.after if isinstance(error, TryLater) else None
        if self._failures >= self._most_failures or wants is not None:
            self._failures = 0
            raise PartnerDown(NOTHING_ANSWERED if error is None else error.sentence, after=wants)
        return why


def _is_worth_another(answer: Answer) -> bool:
    """Say whether asking again may help: the partner neither told anything nor refused to."""
    return isinstance(answer, Silence) and answer is not Silence.REFUSED_TO_ANSWER
