"""A partner in memory and what tests need to drive the outbox without a network."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from contracts.dossier import Step
from contracts.ports import CallReport, DossierPush, Operation, PartnerDossier, RepeatClass, StepPush
from contracts.states import DossierState


class FakePortal:
    """Plays `contracts.ports.DossierPublisher`: holds what it was given and fails as it is told.

    ``before`` and ``after`` run around the moment it takes a call in; either may raise one of
    `contracts.errors`, so that a failure can strike before or after the partner acted.
    """

    def __init__(
        self, *, lists_steps: bool = True, batch: int = 10, deadline: float = 10.0, steps_across: bool = False
    ) -> None:
        self.dossiers: dict[str, DossierPush] = {}
        self.steps: dict[str, list[Step]] = {}
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.lists_steps = lists_steps
        self.before: Callable[[str, Sequence[Any]], Awaitable[None] | None] = lambda _operation, _pushes: None
        self.after: Callable[[str, Sequence[Any]], Awaitable[None] | None] = lambda _operation, _pushes: None
        self._operations = {
            "push_dossier": Operation("push_dossier", RepeatClass.IDEMPOTENT, deadline, batch),
            "push_step": Operation(
                "push_step",
                RepeatClass.RECONCILE_FIRST,
                deadline,
                batch,
                batch_within_lane=True,
                batch_across_lanes=steps_across,
            ),
            "find_dossier": Operation("find_dossier", RepeatClass.SAFE, deadline),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    async def push_dossiers(self, pushes: Sequence[DossierPush]) -> CallReport:
        await self._around(self.before, "push_dossier", pushes)
        self.calls.append(("push_dossier", tuple(one.dossier.code for one in pushes)))
        for one in pushes:
            self.dossiers[one.dossier.code] = one
            self.steps.setdefault(one.dossier.code, [])
        await self._around(self.after, "push_dossier", pushes)
        return CallReport(100, 10, "0")

    async def push_steps(self, pushes: Sequence[StepPush]) -> CallReport:
        await self._around(self.before, "push_step", pushes)
        self.calls.append(("push_step", tuple(one.dossier_code for one in pushes)))
        for one in pushes:
            self.steps[one.dossier_code].append(one.step)
        await self._around(self.after, "push_step", pushes)
        return CallReport(100, 10, "0")

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        await self._around(self.before, "find_dossier", [code])
        if code not in self.dossiers:
            return None
        steps = self.steps[code]
        return PartnerDossier(
            code=code,
            state=steps[-1].state if steps else self.dossiers[code].dossier.state,
            step_fingerprints=tuple(self.step_fingerprint(code, step) for step in steps) if self.lists_steps else None,
        )

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        text = f"{dossier_code}|{step.occurred_at.isoformat()}|{step.state}|{step.content}|{step.handler.name}"
        return hashlib.sha256(text.encode()).hexdigest()

    async def aclose(self) -> None:
        """Nothing to release."""

    def state_of(self, code: str) -> DossierState:
        """The state the partner would show."""
        return self.dossiers[code].dossier.state

    @staticmethod
    async def _around(
        hook: Callable[[str, Sequence[Any]], Awaitable[None] | None], operation: str, pushes: Sequence[Any]
    ) -> None:
        result = hook(operation, pushes)
        if asyncio.iscoroutine(result):
            await result
