"""The ports of the national registers: questions that a person waits for, and that change nothing there.

Each is asked for an officer (`contracts.population.Asker`); the hub's gate decides before, and its log keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from contracts.business import Enterprise
from contracts.population import Asker, CitizenQuestion, CitizenRecord, Confirmation, Confirmed, Extent, Household
from contracts.ports import Operation


@runtime_checkable
class PopulationRegister(Protocol):
    """Knows the citizens. Every question is asked for an officer and a procedure, and none is a write.

    The answer is as the partner gave it: whether it speaks of the person asked for is compared by the hub.
    """

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``find_citizen``, ``find_household``, ``confirm`` (all safe)."""
        ...

    async def find_citizen(self, question: CitizenQuestion, asker: Asker, extent: Extent) -> CitizenRecord | None:
        """Return the citizen; ``None`` is the answer "not found".

        Raises any error of `contracts.errors` but `OutcomeUnknown`: a question that ends in doubt is `TryLater`.
        """
        ...

    async def find_household(self, question: CitizenQuestion, asker: Asker) -> Household | None:
        """Return the household of a citizen; ``None`` is the answer "not found"."""
        ...

    async def confirm(self, confirmation: Confirmation, asker: Asker) -> Confirmed:
        """Return whether the database confirms this."""
        ...


@runtime_checkable
class BusinessRegister(Protocol):
    """Knows the enterprises."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``find_enterprise`` (safe)."""
        ...

    async def find_enterprise(self, code: str, asker: Asker) -> Enterprise | None:
        """Return the enterprise of a code of 10 or 13 digits; ``None`` is the answer "not found"."""
        ...
