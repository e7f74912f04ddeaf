"""Reading a message of the portal as something wild: every field is asked for by name and type, the rest is listed.

A value that is not what it should be raises `BadMessageError` with the path of the field, never with the value.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from contracts.errors import Sentence

MAX_REPORTED = 1000
MAX_VALUE = 20_000
MAX_DEPTH = 16

_GZIP = b"\x1f\x8b"


class BadMessageError(Exception):
    """A message that cannot be taken in; holds a sentence for the partner's people that names only our field names."""

    def __init__(self, field: str, en: str, vi: str) -> None:
        """``field`` is a path of names of the protocol; empty for the message as a whole."""
        super().__init__(field)
        self.field = field
        where, where_vi = (f"{field}: ", f"{field}: ") if field else ("", "")
        self.sentence = Sentence(en=where + en, vi=where_vi + vi)


class Fields:
    """One object of a message; remembers what has been asked for."""

    def __init__(self, value: Mapping[str, Any], path: str = "") -> None:
        """``path`` is where it stands in the message."""
        self._value = value
        self._path = path
        self._seen: set[str] = set()

    def path_of(self, name: str) -> str:
        """Return the path of a field of this object."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Say whether the field is there and holds something."""
        return self._value.get(name) not in (None, "")

    def text(self, name: str, *, most: int, required: bool = False) -> str:
        """Return a text, in NFC and without spaces around it; a number is the text that it is written as."""
        self._seen.add(name)
        value = self._value.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise BadMessageError(self.path_of(name), "must be text", "phải là chuỗi ký tự")
        text = unicodedata.normalize("NFC", value or "").strip()
        if required and not text:
            raise BadMessageError(self.path_of(name), "is missing", "bị thiếu")
        if len(text) > most:
            raise BadMessageError(self.path_of(name), f"is longer than {most} characters", f"dài quá {most} ký tự")
        return text

    def yes_or_no(self, name: str) -> bool | None:
        """Return a truth value written as ``"True"``, ``true``, ``"1"`` …; ``None`` where there is none."""
        self._seen.add(name)
        value = self._value.get(name)
        if value is None or value == "":
            return None
        known = _TRUTH.get(str(value).strip().lower()) if isinstance(value, str | int | bool) else None
        if known is None:
            raise BadMessageError(self.path_of(name), "must be True or False", "phải là True hoặc False")
        return known

    def record(self, name: str) -> Fields | None:
        """Return an object; ``None`` where there is none."""
        self._seen.add(name)
        value = _unwrapped(self._value.get(name))
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise BadMessageError(self.path_of(name), "must be an object", "phải là một đối tượng")
        return Fields(value, self.path_of(name))

    def records(self, name: str, *, most: int) -> list[Fields]:
        """Return a list of objects; empty where there is none."""
        self._seen.add(name)
        value = _unwrapped(self._value.get(name))
        if value is None or value == "":
            return []
        if not isinstance(value, list) or len(value) > most:
            raise BadMessageError(
                self.path_of(name), f"must be a list of at most {most}", f"phải là danh sách, nhiều nhất {most} phần tử"
            )
        found = []
        for index, one in enumerate(value):
            if not isinstance(one, dict):
                raise BadMessageError(f"{self.path_of(name)}[{index}]", "must be an object", "phải là một đối tượng")
            found.append(Fields(one, f"{self.path_of(name)}[{index}]"))
        return found

    def base64(self, name: str, *, most: int) -> bytes:
        """Return the bytes of a base64 text of at most ``most`` bytes."""
        self._seen.add(name)
        value = self._value.get(name)
        if not isinstance(value, str):
            raise BadMessageError(self.path_of(name), "must be base64 text", "phải là chuỗi base64")
        # Line breaks are what encoders put in; anything else that is not of the alphabet is refused.
        text = value.replace("\r", "").replace("\n", "")
        if len(text) > most * 4 // 3 + 4:
            raise BadMessageError(self.path_of(name), f"is larger than {most} bytes", f"lớn hơn {most} byte")
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise BadMessageError(self.path_of(name), "is not base64", "không phải base64") from None
        if len(content) > most:
            raise BadMessageError(self.path_of(name), f"is larger than {most} bytes", f"lớn hơn {most} byte")
        return content

    def rest(self) -> Iterator[tuple[str, str]]:
        """Yield (path, value as text) of every field nobody asked for, lists and objects taken apart."""
        for name, value in self._value.items():
            if name not in self._seen:
                yield from _flat(self.path_of(name), value, 0)

    @property
    def names(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(self._value)


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def read_message(body: bytes) -> tuple[Fields, bool]:
    """Return the object a message is, and whether it came as JSON inside a JSON string."""
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
        wrapped = isinstance(value, str)
        if wrapped:
            value = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise BadMessageError(
            "", "the message is not whole JSON in UTF-8", "thông điệp không phải JSON UTF-8 đầy đủ"
        ) from None
    if not isinstance(value, dict):
        raise BadMessageError("", "the message must be a JSON object", "thông điệp phải là một đối tượng JSON")
    return Fields(value), wrapped


def unpacked(content: bytes, *, most: int, field: str) -> bytes:
    """Return a notice as it is, or unpacked where it came as gzip, never beyond ``most`` bytes."""
    if not content.startswith(_GZIP):
        return content
    machine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = machine.decompress(content, most + 1)
    except zlib.error:
        raise BadMessageError(field, "is damaged", "bị hỏng") from None
    if len(plain) > most or not machine.eof or machine.unused_data:
        raise BadMessageError(
            field, f"unpacks to more than {most} bytes or is cut off", f"giải nén quá {most} byte hoặc bị cắt"
        )
    return plain


def _unwrapped(value: Any) -> Any:
    """Return what a text holds that is itself JSON, as some producers write objects."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _flat(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        raise BadMessageError(path[:200], "is nested too deeply", "lồng nhau quá sâu")
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(f"{path}.{name}", one, depth + 1)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _flat(f"{path}[{index}]", one, depth + 1)
    elif value is not None and value != "":
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) > MAX_VALUE:
            raise BadMessageError(path[:200], f"is longer than {MAX_VALUE} characters", f"dài quá {MAX_VALUE} ký tự")
        yield unicodedata.normalize("NFC", path), unicodedata.normalize("NFC", text)
