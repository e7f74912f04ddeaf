"""Adapters come from entry points, connections from the configuration, and mistakes are told before anything opens."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from contracts.errors import Sentence
from contracts.ports import Adapter, AdapterContext
from hub import registry
from hub.registry import GROUP, load_adapters, open_connections, read_connection_settings
from hub.settings import Settings, SettingsError


class _OwnSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(description="Where it is.")
    attempts: int = Field(default=1, description="How often.")
    password: SecretStr | None = Field(default=None, description="Secret.")


class _FakeConnection:
    def __init__(self, context: AdapterContext, settings: _OwnSettings) -> None:
        self.context = context
        self.settings = settings

    async def aclose(self) -> None:
        """Nothing to release."""


ADAPTER = Adapter(name="fake", title=Sentence(en="Fake", vi="Giả"), settings=_OwnSettings, connect=_FakeConnection)
MISNAMED = Adapter(name="other", title=Sentence(en="Fake", vi="Giả"), settings=_OwnSettings, connect=_FakeConnection)
NO_ADAPTER = SimpleNamespace(name="fake")


class _NoSessions:
    async def current(self) -> None:
        """There is none."""

    async def renew(self, stale: Any, login: Any) -> Any:
        raise NotImplementedError


def _context(connection_id: str) -> AdapterContext:
    return AdapterContext(
        connection_id=connection_id,
        sessions=_NoSessions(),
        report_drift=lambda _message, _field: None,
        now=lambda: datetime(2026, 10, 8, tzinfo=UTC),
    )


def _settings(**connections: Any) -> Settings:
    return Settings(connections=connections)


def _connection(**own: Any) -> dict[str, Any]:
    return {"adapter": "fake", "settings": own}


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes entry points of this module appear as installed."""

    def run(**entries: str) -> None:
        points = [EntryPoint(name=name, value=value, group=GROUP) for name, value in entries.items()]
        monkeypatch.setattr(registry, "entry_points", lambda *, group: points if group == GROUP else [])

    return run


def _here(name: str) -> str:
    return f"{__name__}:{name}"


def test_our_own_adapters_come_through_the_same_door() -> None:
    """What this package declares is found, under the name it gives itself."""
    adapters = load_adapters()
    assert "national_portal" in adapters
    assert all(adapter.name == name for name, adapter in adapters.items())


@pytest.mark.slow
def test_importing_the_registry_loads_no_adapter() -> None:
    """Only the composition decides when third parties' code runs."""
    code = "import sys, hub.registry; print([m for m in sys.modules if m.startswith('adapters.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (_here("MISNAMED"), "calls itself other"),
        (_here("NO_ADAPTER"), "is not a contracts.ports.Adapter"),
        (_here("MISSING"), "AttributeError"),
        ("no_such_module_anywhere:ADAPTER", "ModuleNotFoundError"),
    ],
)
def test_a_broken_entry_point_is_named(install: Any, value: str, word: str) -> None:
    """A third party's mistake is told with the name and the object of the entry point."""
    install(fake=value)
    with pytest.raises(SettingsError, match=word) as caught:
        load_adapters()
    assert caught.value.key == "fake"
    assert value in caught.value.sentence.en
    assert value in caught.value.sentence.vi


def test_two_adapters_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of the two would be used must not depend on chance."""
    point = EntryPoint(name="fake", value=_here("ADAPTER"), group=GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point, point])  # noqa: ARG005
    with pytest.raises(SettingsError, match="another package has that name"):
        load_adapters()


def test_connections_open_in_the_order_of_configuration() -> None:
    """Order is what operators read; a switched-off connection is not opened."""
    settings = _settings(
        second={**_connection(url="b", attempts="2"), "title": "Cổng thử"},
        off={"adapter": "not_installed", "enabled": False},
        first=_connection(url="a"),
    )
    opened = open_connections(settings, {"fake": ADAPTER}, _context)
    assert list(opened) == ["second", "first"]
    second = opened["second"]
    assert isinstance(second.connection, _FakeConnection)
    assert second.connection.context.connection_id == "second"
    assert second.settings == _OwnSettings(url="b", attempts=2)
    assert second.title == Sentence(en="Cổng thử", vi="Cổng thử")
    assert opened["first"].title == Sentence(en="Fake", vi="Giả")


@pytest.mark.parametrize(
    ("own", "key", "words"),
    [
        ({}, "connections.portal.settings.url", ["required", "bắt buộc"]),
        ({"url": "a", "atempts": 1}, "connections.portal.settings.atempts", ["attempts", "không tồn tại"]),
        ({"url": "a", "attempts": "hunter2"}, "connections.portal.settings.attempts", ["integer", "số nguyên"]),
        ({"url": 3}, "connections.portal.settings.url", ["string", "văn bản"]),
    ],
)
def test_a_wrong_key_of_a_connection_is_named_in_full(own: dict[str, Any], key: str, words: list[str]) -> None:
    """The operator reads which line of the configuration to change."""
    with pytest.raises(SettingsError) as caught:
        open_connections(_settings(portal=_connection(**own)), {"fake": ADAPTER}, _context)
    assert caught.value.key == key
    for sentence in (caught.value.sentence.en, caught.value.sentence.vi):
        assert key in sentence
        assert "hunter2" not in sentence
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_adapter_is_named_with_those_there_are() -> None:
    """A misspelt adapter shows what could have been meant."""
    with pytest.raises(SettingsError, match="fake") as caught:
        open_connections(_settings(portal={"adapter": "fke"}), {"fake": ADAPTER}, _context)
    assert caught.value.key == "connections.portal.adapter"


def test_all_settings_are_checked_before_the_first_connection_opens() -> None:
    """A mistake in the last connection leaves no half-opened hub."""
    asked: list[str] = []

    def context(connection_id: str) -> AdapterContext:
        asked.append(connection_id)
        return _context(connection_id)

    settings = _settings(good=_connection(url="a"), bad=_connection())
    with pytest.raises(SettingsError):
        open_connections(settings, {"fake": ADAPTER}, context)
    assert asked == []


def test_settings_can_be_checked_without_opening_anything() -> None:
    """Diagnosis and simulators need the checked settings only."""
    checked = read_connection_settings(_settings(portal=_connection(url="a", password="x")), {"fake": ADAPTER})
    assert checked == {"portal": _OwnSettings(url="a", password=SecretStr("x"))}
