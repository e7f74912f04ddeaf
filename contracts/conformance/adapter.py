"""What holds for every adapter, whatever its ports: settings, life, operations, and what it says of itself."""

from __future__ import annotations

import asyncio
import builtins
import importlib
import socket
import threading
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from contracts import ports, registers
from contracts.conformance.inbound import InboundSuite
from contracts.conformance.quality import missing_sections, unanswered
from contracts.conformance.stage import CONNECTION, SECRET, MemorySessions, Stage, staged
from contracts.conformance.subject import Capability, Subject
from contracts.document_store import Officer, PaperQuery
from contracts.errors import REACTIONS, LienThongError
from contracts.inbound import ServesInbound
from contracts.ports import AdapterContext, Connection, RepeatClass

_LONGEST_SECONDS = 600.0
"""A lease of a worker outlasts the longest call twice; longer calls would leave a dead worker's lanes unserved."""

_STEP_OF_PORTS = ("Connection", "SessionStore")


class PortSuite:
    """Base of the suites of single ports: which port, and what its operations promise."""

    PORT: ClassVar[type]
    REPEAT: ClassVar[dict[str, frozenset[RepeatClass]]]
    """The repeat classes each operation of the port may declare."""


class AdapterSuite:
    """Inherited by the tests of every adapter, with the suite of each port it keeps.

    ::

        class TestOurs(AdapterSuite, WireSuite, DossierPublisherSuite, SimulatorSuite):
            @pytest.fixture
            def subject(self) -> Subject: ...
    """

    @pytest.fixture
    def subject(self) -> Subject:
        """Present the adapter; the test class overrides this."""
        raise NotImplementedError("a test class of the suite presents its adapter with a fixture `subject`")

    # --- settings ---------------------------------------------------------------------------------------

    def test_every_setting_is_described_and_an_unknown_key_is_an_error(self, subject: Subject) -> None:
        """The settings class is the documentation; a mistyped key must not pass in silence."""
        for section in sections(subject.adapter.settings):
            assert section.model_config.get("extra") == "forbid", section.__name__
            assert section.model_config.get("hide_input_in_errors") is True, section.__name__
            assert section.model_config.get("frozen") is True, section.__name__
            for name, field in section.model_fields.items():
                assert len(field.description or "") > 10, f"{section.__name__}.{name}"

    @pytest.mark.asyncio
    async def test_a_secret_is_not_repeated(self, subject: Subject) -> None:
        """Neither printed nor dumped nor quoted by the error of a wrong setting."""
        async with staged(subject) as stage:
            settings = stage.settings
        assert SECRET not in f"{settings!r} {settings} {settings.model_dump()!r} {settings.model_dump_json()}"
        secrets = [name for name, field in type(settings).model_fields.items() if field.annotation is SecretStr]
        for name in [*secrets, "khong_co"]:
            with pytest.raises(ValidationError) as refused:
                type(settings).model_validate({**settings.model_dump(), name: [SECRET]})
            assert SECRET not in str(refused.value)

    # --- life -------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_constructing_has_no_side_effects(self, subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
        """No socket, no file, no task, no thread; and what was never used can be closed, twice."""
        async with staged(subject) as stage:
            settings = stage.settings
            modules_are_loaded = subject.adapter.connect(_context(), settings)
            await modules_are_loaded.aclose()
        tasks, threads = asyncio.all_tasks(), threading.active_count()

        def refuse(*_args: Any, **_options: Any) -> NoReturn:
            raise AssertionError("constructing a connection does something")

        with monkeypatch.context() as patched:
            patched.setattr(socket.socket, "connect", refuse)
            patched.setattr(socket.socket, "connect_ex", refuse)
            patched.setattr(socket, "getaddrinfo", refuse)
            patched.setattr(builtins, "open", refuse)
            connection = subject.adapter.connect(_context(), settings)
            assert asyncio.all_tasks() == tasks
            assert threading.active_count() == threads
        assert isinstance(connection, Connection)
        await connection.aclose()
        await connection.aclose()

    def test_a_connection_can_be_built_before_there_is_a_loop(self, subject: Subject) -> None:
        """The hub reads its configuration before it begins to work."""
        settings = asyncio.run(_settings(subject))
        connection = subject.adapter.connect(_context(), settings)
        asyncio.run(connection.aclose())
        assert not any(thread.name.startswith("Dummy") for thread in threading.enumerate())

    @pytest.mark.asyncio
    async def test_closing_works_after_a_failed_start(self, subject: Subject) -> None:
        """Nobody listens, the first call fails; everything is released all the same, twice."""
        async with staged(subject) as stage:
            await stage.leave()
            with pytest.raises(REACTIONS) as failed:
                await first_question(self, stage)
            assert isinstance(failed.value, LienThongError)
            await stage.connection.aclose()
            await stage.connection.aclose()

    # --- operations -------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_operations_are_declared_as_their_ports_demand(self, subject: Subject) -> None:
        """Repeat class, deadline and batch of each; the hub leases, retries and replays by them."""
        async with staged(subject) as stage:
            operations = dict(stage.connection.operations)
        for name, one in operations.items():
            assert one.name == name
            assert 0 < one.deadline_seconds <= _LONGEST_SECONDS, name
            assert 1 <= one.batch <= 1000, name
            assert name in subject.calls, f"{name}: no call on the wire is named for it in Subject.calls"
        for suite in self._port_suites():
            for name, allowed in suite.REPEAT.items():
                assert name in operations, f"{suite.PORT.__name__} promises {name}"
                assert operations[name].repeat in allowed, name

    @pytest.mark.asyncio
    async def test_every_port_it_keeps_is_tried(self, subject: Subject) -> None:
        """A port that an adapter keeps without its suite is a promise nobody has looked at."""
        async with staged(subject) as stage:
            kept = {port for port in all_ports() if isinstance(stage.connection, port)}
            serves = isinstance(stage.connection, ServesInbound)
        assert kept, "an adapter keeps at least one port"
        assert kept == {suite.PORT for suite in self._port_suites()}
        assert serves == isinstance(self, InboundSuite), "a partner that calls us is tried with `InboundSuite`"

    # --- what it says of itself -------------------------------------------------------------------------

    def test_quality_is_declared(self, subject: Subject) -> None:
        """Every rule of maturity is answered: done with its proof, todo or exempt with a reason."""
        suites = {suite.__name__: suite for suite in type(self).__mro__}
        assert list(unanswered(subject.folder, subject.tests, suites)) == []

    @pytest.mark.asyncio
    async def test_the_readme_has_its_sections(self, subject: Subject) -> None:
        """Whoever is called at night finds the same headings for every system, and every operation by its name."""
        async with staged(subject) as stage:
            operations = tuple(stage.connection.operations)
        assert list(missing_sections(subject.folder, operations)) == []

    def test_the_package_exports_its_adapter_only(self, subject: Subject) -> None:
        """The hub finds one thing there, in two languages."""
        package = importlib.import_module(subject.adapter.connect.__module__.rpartition(".")[0])
        assert package.__all__ == ["ADAPTER"]
        assert package.ADAPTER is subject.adapter
        assert subject.adapter.title.en != ""
        assert subject.adapter.title.vi != ""

    def test_its_addresses_are_told(self, subject: Subject) -> None:
        """Checks of name, port and certificate ask where a connection calls."""
        assert subject.adapter.addresses is not None
        settings = asyncio.run(_settings(subject))
        addresses = list(subject.adapter.addresses(settings))
        assert addresses
        assert all(address.startswith(("http://", "https://")) for address in addresses)

    @classmethod
    def _port_suites(cls) -> list[type[PortSuite]]:
        return [suite for suite in cls.__mro__ if issubclass(suite, PortSuite) and "PORT" in vars(suite)]


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a settings class and the sections in it."""
    yield model
    for field in model.model_fields.values():
        for one in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from sections(one)


def all_ports() -> list[type]:
    """Return the protocols of `contracts.ports` and `contracts.registers` that an adapter may keep."""
    return [
        one
        for module in (ports, registers)
        for name, one in vars(module).items()
        if getattr(one, "_is_protocol", False)
        and getattr(one, "_is_runtime_protocol", False)
        and one.__module__ == module.__name__
        and name not in _STEP_OF_PORTS
    ]


_QUESTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("find_dossier", ("H99.12-261008-0001",)),
    ("list_procedures", ()),
    ("list_catalogue", ()),
    (
        "find_papers",
        (
            PaperQuery(
                owner_number="099199000123",
                officer=Officer(name="Lê Văn Thử", number="099088000456"),
                procedure_code="1.000001.H99",
            ),
        ),
    ),
)
"""A question of each port that has one, about nobody."""


async def first_question(suite: Any, stage: Stage) -> Any:
    """Ask something through whichever port the adapter keeps: the first question among its acts."""
    act = next(one for one in suite.acts() if not one.is_write)
    return await act.perform(stage, stage.connection)


def needs(subject: Subject, capability: Capability) -> None:
    """Skip a test whose partner cannot do what it is about."""
    if capability not in subject.capabilities:
        pytest.skip(f"not declared: {capability.value}")


async def _settings(subject: Subject) -> BaseModel:
    async with staged(subject) as stage:
        return stage.settings


def _context() -> AdapterContext:
    return AdapterContext(CONNECTION, MemorySessions(), lambda _message, _field: None, lambda: datetime.now(UTC))
