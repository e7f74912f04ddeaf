"""Settings: one source of truth, the environment above the file, every mistake one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from hub.settings import Settings, SettingsError, load_settings

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads settings from the text of a file and from variables."""

    def run(text: str = "", **variables: str) -> Settings:
        file = tmp_path / "hub.toml"
        file.write_text(text, encoding="utf-8")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings(file)

    return run


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _models(kind)


def test_every_setting_is_described() -> None:
    """The description is the documentation of a setting."""
    missing = [
        f"{model.__name__}.{name}"
        for model in _models(Settings)
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert missing == []


def test_nothing_needs_to_be_set(load: Load) -> None:
    """A fresh machine starts without a file: embedded database, loopback only."""
    settings = load()
    assert settings.database_url is None
    assert settings.api.host == "127.0.0.1"
    assert settings.resolved_key_file == Path(".lienthong/keys.json")
    assert load_settings.__doc__
    assert settings == Settings()


def test_the_environment_wins_over_the_file(load: Load) -> None:
    """A container overrides the file it carries; what it does not name stays."""
    settings = load(
        "[api]\nport = 1000\nhost = 'h'\n[connections.portal]\nadapter = 'national_portal'\n"
        "[connections.portal.settings]\nurl = 'http://file'\nuser = 'u'\n",
        LIENTHONG_API__PORT="2000",
        LIENTHONG_CONNECTIONS__PORTAL__SETTINGS__URL="http://variable",
        LIENTHONG_API__METRICS_ALLOW='["10.0.0.0/8"]',
    )
    assert (settings.api.port, settings.api.host) == (2000, "h")
    assert settings.connections["portal"].settings == {"url": "http://variable", "user": "u"}
    assert [str(network) for network in settings.api.metrics_allow] == ["10.0.0.0/8"]


def test_a_variable_that_looks_like_a_number_stays_text_for_the_adapter(load: Load) -> None:
    """A password or code of digits keeps its leading zeros."""
    settings = load(
        LIENTHONG_CONNECTIONS__PORTAL__ADAPTER="national_portal",
        LIENTHONG_CONNECTIONS__PORTAL__SETTINGS__PASSWORD="00123",
    )
    assert settings.connections["portal"].settings == {"password": "00123"}


def test_the_order_of_connections_is_that_of_the_file(load: Load) -> None:
    """Order is what operators see, so it is not sorted."""
    names = ["zulu", "alpha", "mike"]
    settings = load("".join(f"[connections.{name}]\nadapter = 'a'\n" for name in names))
    assert list(settings.connections) == names


@pytest.mark.parametrize(
    ("text", "variables", "key", "words"),
    [
        ("prot = 1", {}, "prot", ["prot"]),
        ("[api]\nprot = 1", {}, "api.prot", ["did you mean port", "có phải ý bạn là port", "hub.toml"]),
        ("[api]\nport = 'x'", {}, "api.port", ["integer", "số nguyên", "hub.toml"]),
        ("[api]\nport = 70000", {}, "api.port", ["65535", "nhỏ hơn hoặc bằng 65535"]),
        ("[log]\nlevel = 'loud'", {}, "log.level", ["'debug'", "phải là một trong các giá trị"]),
        ("api = 3", {}, "api", ["api"]),
        ("[connections.portal]\nadaptr = 'x'", {}, "connections.portal.adaptr", ["did you mean adapter"]),
        ("[connections.portal]\ntitle = 'x'", {}, "connections.portal.adapter", ["required", "bắt buộc"]),
        ("[connections.Portal-1]\nadapter = 'x'", {}, "connections.Portal-1", ["pattern", "dạng"]),
        (
            "[connections.a]\nadapter = 'x'\n[connections.a.delivery]\nmax_in_fligt = 1",
            {},
            "connections.a.delivery.max_in_fligt",
            ["did you mean max_in_flight"],
        ),
        (
            "[connections.a]\nadapter = 'x'\n[connections.a.delivery]\nmax_delay_seconds = 1",
            {},
            "connections.a.delivery",
            ["max_delay_seconds must not be smaller", "nhỏ hơn first_delay_seconds"],
        ),
        ("[store]\npool_min_size = 9\npool_max_size = 8", {}, "store", ["pool_max_size"]),
        ("[worker]\npoll_seconds = nan", {}, "worker.poll_seconds", ["finite", "hữu hạn"]),
        ("", {"LIENTHONG_APY__PORT": "1"}, "apy.port", ["LIENTHONG_APY__PORT", "did you mean api"]),
        ("", {"LIENTHONG_API__PRT": "1"}, "api.prt", ["LIENTHONG_API__PRT", "did you mean port"]),
        ("", {"LIENTHONG_API__PORT": "x"}, "api.port", ["LIENTHONG_API__PORT", "integer"]),
        ("", {"LIENTHONG_API__METRICS_ALLOW": "10.0.0.0/8"}, "", ["LIENTHONG_API__METRICS_ALLOW", "JSON"]),
        ("", {"LIENTHONG_API__METRICS_ALLOW": '["10.0.0.1/8"]'}, "api.metrics_allow.0", ["LIENTHONG_API__METRICS"]),
        ("", {"LIENTHONG_DATABASE_URL": "mysql://x"}, "database_url", ["LIENTHONG_DATABASE_URL", "postgresql://"]),
        ("", {"LIENTHONG_REDIS_URL": "http://x"}, "redis_url", ["LIENTHONG_REDIS_URL", "redis://"]),
    ],
)
def test_every_mistake_is_one_sentence_naming_key_and_place(
    load: Load, text: str, variables: dict[str, str], key: str, words: list[str]
) -> None:
    """The operator reads what is wrong and where it was set, in both languages."""
    with pytest.raises(SettingsError) as caught:
        load(text, **variables)
    error = caught.value
    assert error.key == key
    assert key in error.sentence.en or error.source in error.sentence.en
    assert key in error.sentence.vi or error.source in error.sentence.vi
    for word in words:
        assert word in f"{error.sentence.en} {error.sentence.vi}"
    for sentence in (error.sentence.en, error.sentence.vi):
        assert "\n" not in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {"LIENTHONG_DATABASE_URL": "mysql://u:hunter2@h"}),
        ("[connections.a]\nsettings = {password = 'hunter2'}", {}),
        ("[connections.a]\nadapter = 'x'\nsettings = 'hunter2'", {}),
        ("", {"LIENTHONG_API": "hunter2"}),
        ("[api]\nport = 'hunter2'", {}),
    ],
)
def test_no_mistake_quotes_a_value(load: Load, text: str, variables: dict[str, str]) -> None:
    """A value may be a secret, wherever it was put."""
    with pytest.raises(SettingsError) as caught:
        load(text, **variables)
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show(load: Load) -> None:
    """Printing or logging the settings gives no password away."""
    settings = load(
        "database_url = 'postgresql://u:hunter2@h/d'\nredis_url = 'redis://:hunter2@h'\n"
        "[connections.a]\nadapter = 'x'\nsettings = {password = 'hunter2'}"
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://u:hunter2@h/d"


def test_the_file_is_found_by_variable_or_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIENTHONG_CONFIG wins; else ./lienthong.toml if it is there."""
    monkeypatch.chdir(tmp_path)
    assert load_settings().api.port == 8480
    (tmp_path / "lienthong.toml").write_text("[api]\nport = 1\n")
    assert load_settings().api.port == 1
    (tmp_path / "other.toml").write_text("[api]\nport = 2\n")
    monkeypatch.setenv("LIENTHONG_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().api.port == 2


@pytest.mark.parametrize(
    ("content", "word"), [(None, "does not exist"), (b"[api", "not valid TOML"), (b"\xff\xfe", "cannot be read")]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, word: str) -> None:
    """A named file that is missing, broken or no text is an error, not an empty configuration."""
    file = tmp_path / "hub.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=word) as caught:
        load_settings(file)
    assert caught.value.source == str(file)


def test_building_settings_by_hand_reads_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only `load_settings` looks at file and environment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lienthong.toml").write_text("[api]\nport = 1\n")
    monkeypatch.setenv("LIENTHONG_API__PORT", "2")
    values: dict[str, Any] = {"api": {"port": 3}}
    assert Settings(**values).api.port == 3
    assert Settings().api.port == 8480
