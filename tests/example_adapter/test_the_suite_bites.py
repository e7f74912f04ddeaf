"""The contract suite finds the mistakes it is there for: each is made once in the example, and one test must fail."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.conformance import Fault, Subject
from contracts.errors import OutcomeUnknown, TryLater
from hub.registry import load_adapters
from tests.example_adapter.test_conformance import TestModelRegister as Suite

Mutation = Callable[[type[Any]], type[Any]]


def takes_silence_for_no(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def find_dossier(self, code: str) -> Any:
            try:
                return await super().find_dossier(code)
            except TryLater:
                return None

    return Mutant


def takes_a_lost_write_for_nothing(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def push_steps(self, pushes: Any) -> Any:
            try:
                return await super().push_steps(pushes)
            except OutcomeUnknown as error:
                raise TryLater(error.sentence, connection=error.connection, operation=error.operation) from None

    return Mutant


def repeats_a_write_by_itself(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def push_steps(self, pushes: Any) -> Any:
            await super().push_steps(pushes)
            return await super().push_steps(pushes)

    return Mutant


def tells_its_key(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def find_dossier(self, code: str) -> Any:
            try:
                return await super().find_dossier(code)
            except TryLater as error:
                error.upstream_code = self._settings.key.get_secret_value()
                raise

    return Mutant


def quotes_the_citizen(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def push_dossiers(self, pushes: Any) -> Any:
            try:
                return await super().push_dossiers(pushes)
            except OutcomeUnknown as error:
                raise error from ValueError(pushes[0].dossier.facts.applicant.name)

    return Mutant


def reads_a_file_when_built(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 - as a careless adapter does
                file.read()

    return Mutant


def leaves_a_task_running(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def find_dossier(self, code: str) -> Any:
            self._left = asyncio.ensure_future(asyncio.sleep(60))
            return await super().find_dossier(code)

    return Mutant


def overlooks_what_is_new(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        def __init__(self, context: Any, settings: Any) -> None:
            super().__init__(dataclasses.replace(context, report_drift=lambda _message, _field: None), settings)

    return Mutant


def keeps_no_order(register: type[Any]) -> type[Any]:
    class Mutant(register):  # type: ignore[misc]
        async def push_steps(self, pushes: Any) -> Any:
            return await super().push_steps(pushes[::-1])

    return Mutant


FIND, PUSH, STEP = "find_dossier", "push_dossier", "push_step"


@pytest.mark.parametrize(
    ("mutation", "test", "operation", "fault"),
    [
        (takes_silence_for_no, "test_a_fault_has_its_error", FIND, Fault.RESET_AFTER),
        (takes_a_lost_write_for_nothing, "test_a_fault_has_its_error", STEP, Fault.RESET_AFTER),
        (repeats_a_write_by_itself, "test_steps_arrive_in_order_and_once", None, None),
        (tells_its_key, "test_a_fault_has_its_error", FIND, Fault.SERVER_500),
        (quotes_the_citizen, "test_a_fault_has_its_error", PUSH, Fault.SERVER_500),
        (reads_a_file_when_built, "test_constructing_has_no_side_effects", None, None),
        (leaves_a_task_running, "test_a_cancelled_call_leaves_nothing_running", FIND, None),
        (overlooks_what_is_new, "test_a_field_more_is_counted_and_no_error", FIND, None),
        (keeps_no_order, "test_steps_arrive_in_order_and_once", None, None),
    ],
)
async def test_a_mistake_is_found(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    installed: Path,
    mutation: Mutation,
    test: str,
    operation: str | None,
    fault: Fault | None,
) -> None:
    """The sound adapter passes the test, the one with the mistake does not."""
    monkeypatch.setattr("contracts.conformance.wire._OVER_SECONDS", 3)
    suite, sound = Suite(), load_adapters()["so_mau"]
    act = next((one for one in Suite.acts() if one.operation == operation), None)
    for adapter in (sound, dataclasses.replace(sound, connect=mutation(sound.connect))):  # type: ignore[arg-type]
        given: dict[str, Any] = {
            "subject": subject_of(adapter, installed),
            "act": act,
            "fault": fault,
            "after": False,
            "step_copy_of": _step_copy,
        }
        method = getattr(suite, test)
        wanted = {
            name: given[name] if name in given else request.getfixturevalue(name)
            for name in inspect.signature(method).parameters
        }
        if adapter is sound:
            await method(**wanted)
        else:
            with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
                await method(**wanted)


def subject_of(adapter: Any, folder: Path) -> Subject:
    """Present the adapter as its own tests do."""
    presented: Subject = Suite.subject.__wrapped__(Suite(), folder)  # type: ignore[attr-defined]
    return dataclasses.replace(presented, adapter=adapter)


def _step_copy(code: str, step: Any) -> Any:
    return Suite.step_copy_of.__wrapped__(Suite())(code, step)  # type: ignore[attr-defined]
