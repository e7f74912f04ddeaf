"""Where settings come from, and how a mistake in them is told in one sentence."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource
from pydantic_settings import SettingsError as UnreadableVariableError

from contracts.errors import Sentence

ENVIRONMENT_PREFIX = "LIENTHONG_"
CONFIG_VARIABLE = "LIENTHONG_CONFIG"
DEFAULT_FILE = Path("lienthong.toml")


class SettingsError(Exception):
    """The configuration cannot be used; nothing was started.

    ``key`` is the dotted key (``connections.portal.settings.url``), empty when the file itself is at fault;
    ``source`` names the file or the variable. The sentence holds no value, because a value may be a secret.
    """

    def __init__(self, sentence: Sentence, *, key: str = "", source: str = "") -> None:
        super().__init__(f"{sentence.en} / {sentence.vi}")
        self.sentence = sentence
        self.key = key
        self.source = source


@dataclass(frozen=True, slots=True)
class Sources:
    """What file and environment say, merged, and who said what."""

    merged: Mapping[str, Any]
    file: Path | None
    variables: Mapping[tuple[str, ...], str]
    """The environment variable that set a key, by the key's path."""

    def origin(self, key: Sequence[str]) -> str:
        """Name the variable or the file that set ``key``, for an operator."""
        path = tuple(key)
        for length in range(len(path), 0, -1):
            if path[:length] in self.variables:
                return self.variables[path[:length]]
        return str(self.file) if self.file is not None else ""


def read_sources(settings: type[BaseSettings], path: Path | None) -> Sources:
    """Read the TOML file and the environment; the environment wins.

    Raises:
        SettingsError: The file cannot be read or parsed, or a variable is unknown or not JSON.
    """
    file = _find_file(path)
    from_file = _read_file(settings, file) if file is not None else {}
    variables = _read_variable_names(settings)
    try:
        from_environment = EnvSettingsSource(settings)()
    except (UnreadableVariableError, ValueError) as error:
        # The library names only the top-level field; the variables below it are few enough to list.
        culprits = ", ".join(sorted(set(variables.values())))
        raise SettingsError(
            Sentence(
                en=f"An environment variable that holds a list or table is not valid JSON; look at {culprits}.",
                vi=f"Một biến môi trường chứa danh sách hoặc bảng không phải là JSON hợp lệ; xem {culprits}.",
            ),
            source=culprits,
        ) from error
    return Sources(merged=_merge(from_file, from_environment), file=file, variables=variables)


@contextmanager
def explain(model: type[BaseModel], sources: Sources | None = None, prefix: str = "") -> Iterator[None]:
    """Turn a `ValidationError` of ``model`` into a `SettingsError` about its first mistake.

    Args:
        model: The class being validated; its fields are suggested for a misspelt key.
        sources: Where the values came from, if known.
        prefix: Dotted key under which ``model`` stands, e.g. ``connections.portal.settings``.
    """
    try:
        yield
    except ValidationError as error:
        raise _explain_first(error, model, sources, prefix) from None  # the chained one may quote values


def _find_file(path: Path | None) -> Path | None:
    if path is not None:
        return path
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read_file(settings: type[BaseSettings], file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise SettingsError(
            Sentence(en=f"The settings file {file} does not exist.", vi=f"Không có tệp cấu hình {file}."),
            source=str(file),
        )
    try:
        return TomlConfigSettingsSource(settings, file).toml_data
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            Sentence(
                en=f"The settings file {file} is not valid TOML: {error}.",
                vi=f"Tệp cấu hình {file} không đúng cú pháp TOML: {error}.",
            ),
            source=str(file),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(
            Sentence(
                en=f"The settings file {file} cannot be read: {reason}.",
                vi=f"Không đọc được tệp cấu hình {file}: {reason}.",
            ),
            source=str(file),
        ) from error


def _read_variable_names(settings: type[BaseSettings]) -> dict[tuple[str, ...], str]:
    """Map each ``LIENTHONG_*`` variable to the key it sets; refuse those that set none."""
    names: dict[tuple[str, ...], str] = {}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        key = tuple(variable[len(ENVIRONMENT_PREFIX) :].lower().split("__"))
        if key[0] not in settings.model_fields:
            hint_en, hint_vi = _suggest(key[0], settings)
            raise SettingsError(
                Sentence(
                    en=f"The environment variable {variable} is unknown{hint_en}.",
                    vi=f"Biến môi trường {variable} không tồn tại{hint_vi}.",
                ),
                key=".".join(key),
                source=variable,
            )
        names[key] = variable
    return names


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        present = merged.get(key)
        merged[key] = _merge(present, value) if isinstance(present, Mapping) and isinstance(value, Mapping) else value
    return merged


_VIETNAMESE: dict[str, str] = {
    "missing": "bắt buộc phải có nhưng chưa được đặt",
    "extra_forbidden": "không tồn tại",
    "int_parsing": "phải là số nguyên",
    "int_type": "phải là số nguyên",
    "int_from_float": "phải là số nguyên",
    "float_parsing": "phải là một số",
    "float_type": "phải là một số",
    "finite_number": "phải là số hữu hạn",
    "bool_parsing": "phải là true hoặc false",
    "bool_type": "phải là true hoặc false",
    "string_type": "phải là văn bản",
    "string_pattern_mismatch": "phải đúng dạng {pattern}",
    "string_too_short": "phải có ít nhất {min_length} ký tự",
    "string_too_long": "chỉ được có tối đa {max_length} ký tự",
    "literal_error": "phải là một trong các giá trị {expected}",
    "enum": "phải là một trong các giá trị {expected}",
    "greater_than": "phải lớn hơn {gt}",
    "greater_than_equal": "phải lớn hơn hoặc bằng {ge}",
    "less_than": "phải nhỏ hơn {lt}",
    "less_than_equal": "phải nhỏ hơn hoặc bằng {le}",
    "path_type": "phải là đường dẫn tệp",
    "url_parsing": "phải là một địa chỉ URL hợp lệ",
    "url_scheme": "có giao thức URL không được chấp nhận",
    "ip_any_network": "phải là một dải mạng dạng CIDR",
    "model_type": "phải là một bảng gồm các khóa",
    "dict_type": "phải là một bảng gồm các khóa",
    "tuple_type": "phải là một danh sách",
    "list_type": "phải là một danh sách",
    "pool_sizes": "có pool_max_size nhỏ hơn pool_min_size",
    "delays": "có max_delay_seconds nhỏ hơn first_delay_seconds",
    "cooldowns": "có breaker_max_cooldown_seconds nhỏ hơn breaker_cooldown_seconds",
    "certificate_days": "có certificate_critical_days lớn hơn certificate_warning_days",
    "disk_days": "có disk_critical_days lớn hơn disk_warning_days",
    "recover_seconds": "có max_recover_seconds nhỏ hơn recover_seconds",
    "web_address": "phải là địa chỉ http:// hoặc https://, không kèm tài khoản",
    "log_address": "phải là udp://máy:cổng, tcp://máy:cổng, tls://máy:cổng hoặc unix:///đường-dẫn",
    "open_mail": "chỉ cho phép security none với máy chủ thư trên chính máy này",
    "open_password": "không được gửi mật khẩu qua đường truyền không mã hóa",
    "webhook_secret": "phải gồm whsec_ và mã base64 của 24 đến 64 byte",
    "union_tag_invalid": "phải có kind là một trong các giá trị {expected_tags}",
    "union_tag_not_found": "phải có khóa {discriminator}",
    "database_url": "phải là địa chỉ bắt đầu bằng postgresql://",
    "time_parsing": "phải là giờ dạng 07:30",
    "date_from_datetime_parsing": "phải là ngày dạng 2026-10-08",
    "office_hours": "phải là các khung giờ theo thứ tự và không chồng nhau",
    "wall_clock": "phải là giờ không kèm múi giờ",
    "holiday_and_makeup": "có một ngày vừa là ngày nghỉ vừa là ngày làm bù",
    "warning_after_term": "có reception_warning_working_hours lớn hơn reception_working_hours",
    "redis_url": "phải là địa chỉ bắt đầu bằng redis://, rediss:// hoặc unix://",
}


def _explain_first(
    error: ValidationError, model: type[BaseModel], sources: Sources | None, prefix: str
) -> SettingsError:
    # An unknown key comes first: a misspelt required key is both unknown and missing, and the misspelling helps more.
    details = error.errors(include_url=False, include_input=False)
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    location = [str(part) for part in first["loc"] if part != "[key]"]
    key = ".".join([prefix, *location]) if prefix else ".".join(location)
    origin = sources.origin(key.split(".")) if sources is not None else ""
    sentence = _sentence(first, key, location, model)
    if origin:
        sentence = Sentence(en=f"{sentence.en[:-1]} (set in {origin}).", vi=f"{sentence.vi[:-1]} (đặt ở {origin}).")
    return SettingsError(sentence, key=key, source=origin)


def _sentence(detail: ErrorDetails, key: str, location: Sequence[str], model: type[BaseModel]) -> Sentence:
    kind = detail["type"]
    if kind == "extra_forbidden":
        hint_en, hint_vi = _suggest(location[-1], _model_at(model, location[:-1]))
        return Sentence(en=f"The setting {key} is unknown{hint_en}.", vi=f"Khóa cấu hình {key} không tồn tại{hint_vi}.")
    if kind == "missing":
        return Sentence(
            en=f"The setting {key} is required and not set.", vi=f"Khóa cấu hình {key} {_VIETNAMESE[kind]}."
        )
    words = detail["msg"]
    template = _VIETNAMESE.get(kind)
    vietnamese = template.format_map(detail.get("ctx", {})) if template else f"không hợp lệ ({words})"
    return Sentence(
        en=f"The setting {key or 'as a whole'} is wrong: {words[:1].lower()}{words[1:]}.",
        vi=f"Khóa cấu hình {key or 'gốc'} {vietnamese}.",
    )


def _suggest(name: str, model: type[BaseModel] | None) -> tuple[str, str]:
    known = list(model.model_fields) if model is not None else []
    close = difflib.get_close_matches(name, known, n=1)
    return (f"; did you mean {close[0]}", f"; có phải ý bạn là {close[0]}") if close else ("", "")


def _model_at(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel] | None:
    """Follow ``path`` through nested models and tables of models, as far as it can be followed."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = field.annotation if field is not None else None
        else:
            # A table by id: its values are models.
            current = next(
                (
                    arg
                    for arg in getattr(current, "__args__", ())
                    if isinstance(arg, type) and issubclass(arg, BaseModel)
                ),
                None,
            )
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None
