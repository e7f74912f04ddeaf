"""Loading a province profile: one TOML file, each value with the article it comes from.

A file states what its regulation states::

    maintenance_notice_working_days = { value = 2, source = "VP 29.6" }

and leaves the rest to ``default.toml``, by saying ``"default"`` or by not naming the value. Profiles we ship are
named (``vinh_phuc``); a province's own is a path to a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Sentence
from hub.profiles.values import ProfileValues
from hub.settings_loading import SettingsError, Sources, explain

__all__ = ["SHIPPED", "Profile", "Source", "load_profile", "shipped_profiles"]

DEFAULT = "default"
SHIPPED = Path(__file__).resolve().parents[2] / "profiles"
"""Where the profiles are: beside the packages, in a checkout and in an installation alike."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_MOST_BYTES = 1 << 20


class Source(BaseModel):
    """Where a value of a profile comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: str
    """The article of the regulation, or why the value is what it is."""
    stated: bool
    """Whether the profile states the value itself; otherwise it is the default's."""


class Profile(ProfileValues):
    """What one province's regulation asks of the hub; what it does not state is the default's."""

    name: str
    """The name of the file, without its ending."""
    title: str = Field(min_length=1, max_length=120)
    title_vi: str = Field(min_length=1, max_length=120)
    regulation: str = Field(min_length=1, max_length=300)
    """The regulation the articles are of."""
    sources: Mapping[str, Source]
    """Where each value comes from, by the name of the value."""


def load_profile(name_or_path: str | Path = DEFAULT) -> Profile:
    """Return a shipped profile by its name, or a province's own by the path of its file.

    Raises:
        SettingsError: There is no such profile, or its file is wrong; the sentence names the key.
    """
    path = _path_of(name_or_path)
    return _shipped(path) if path.parent == SHIPPED else _load(path)


@cache
def _shipped(path: Path) -> Profile:
    """Load one that comes with the hub: it is the same as long as the process lives."""
    return _load(path)


def _load(path: Path) -> Profile:
    base = _read(SHIPPED / f"{DEFAULT}.toml")
    return _build(path, _read(path), base)


@cache
def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with the hub, the default first."""
    names = sorted(path.stem for path in SHIPPED.glob("*.toml"))
    return (DEFAULT, *(name for name in names if name != DEFAULT))


def _path_of(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str) and _NAME.fullmatch(name_or_path):
        path = SHIPPED / f"{name_or_path}.toml"
        if not path.is_file():
            known = ", ".join(shipped_profiles())
            raise SettingsError(
                Sentence(
                    en=f"There is no profile {name_or_path}; take one of {known}, or the path of a file.",
                    vi=f"Không có hồ sơ cấu hình tỉnh {name_or_path}; hãy chọn {known}, hoặc đường dẫn tới một tệp.",
                ),
                key="profile",
            )
        return path
    return Path(name_or_path)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise _unusable(path, "it is too large", "tệp quá lớn")
        return tomllib.loads(text.decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise _unusable(path, f"it is not valid TOML: {error}", f"không đúng cú pháp TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise _unusable(path, "it is not UTF-8 text", "không phải văn bản UTF-8") from error
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read", error.strerror or "không đọc được") from error


def _unusable(path: Path, en: str, vi: str) -> SettingsError:
    return SettingsError(
        Sentence(
            en=f"The profile {path} cannot be used: {en}.", vi=f"Không dùng được tệp hồ sơ cấu hình tỉnh {path}: {vi}."
        ),
        key="profile",
        source=str(path),
    )


def _build(path: Path, stated: Mapping[str, Any], base: Mapping[str, Any]) -> Profile:
    """Put what the file states above the default, keep where each came from, and check the whole."""
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for name, entry in _values(path, base).items():
        values[name], sources[name] = entry["value"], Source(article=entry["source"], stated=False)
    for name, entry in _values(path, stated).items():
        if entry != DEFAULT:
            values[name], sources[name] = entry["value"], Source(article=entry["source"], stated=True)
    heads = {name: stated[name] for name in stated.keys() - {"values"}}
    origin = Sources(merged={}, file=path, variables={})
    with explain(Profile, origin, "profile"):
        return Profile(**{**heads, **values, "name": path.stem, "sources": sources})


def _values(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    values = document.get("values", {})
    if not isinstance(values, dict):
        raise _unusable(path, "values must be a table", "values phải là một bảng")
    for name, entry in values.items():
        if name not in ProfileValues.model_fields:
            # The model would say it too, but it would suggest its own fields beside the values.
            with explain(ProfileValues, Sources(merged={}, file=path, variables={}), "profile"):
                ProfileValues.model_validate({name: None})
        complete = isinstance(entry, dict) and entry.keys() == {"value", "source"}
        if entry != DEFAULT and not (complete and isinstance(entry["source"], str) and entry["source"].strip()):
            raise _unusable(
                path,
                f'{name} must be {{ value = …, source = "article" }} or "default"',
                f'{name} phải có dạng {{ value = …, source = "điều khoản" }} hoặc "default"',
            )
    return values
