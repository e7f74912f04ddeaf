"""Finds what a change of a JSON Schema breaks for the users of the schema before it.

One principle covers both directions. For an *input*, everything the promised schema accepts must still be
accepted and mean the same. For an *output*, everything the current schema can emit must be what readers of
the promised one expect; readers ignore fields they do not know. What the comparison does not understand, or
cannot prove harmless (a changed pattern, an unknown keyword), counts as a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from contracts.text import PERSONAL_DATA_MARK

Direction = Literal["input", "output"]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that would break users: where, which rule, and what changed."""

    path: str
    """``$.fees[*].amount_vnd``: from the root, ``[*]`` for the elements of an array."""
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule} ({self.detail})"


def find_breaks(promised: Schema, current: Schema, direction: Direction) -> list[Break]:
    """Return every breaking change from ``promised`` to ``current``; none means that users notice nothing."""
    return list(_Comparison(promised, current, direction, "$", frozenset()).compare(promised, current))


_LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_NARROWING = ("pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType")
_COMPARED = frozenset(
    {*_LOWER, *_UPPER, *_NARROWING, "type", "enum", "const", "anyOf", "oneOf", "$ref", "properties", "required"}
    | {"additionalProperties", "items", "prefixItems", "default", PERSONAL_DATA_MARK}
)
_SAYS_NOTHING = frozenset(
    {"title", "description", "examples", "$schema", "$id", "$defs", "$comment", "discriminator", "x-direction"}
)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The comparison at one place. ``wide`` must take in all of ``narrow``: which is which is the direction."""

    promised_root: Schema
    current_root: Schema
    direction: Direction
    path: str
    open_references: frozenset[tuple[str, str]]

    def compare(self, promised: Schema, current: Schema) -> Iterator[Break]:
        pair = (promised.get("$ref", ""), current.get("$ref", ""))
        if all(pair):
            if pair in self.open_references:
                return
            here = replace(self, open_references=self.open_references | {pair})
        else:
            here = self
        old, new = _resolve(promised, self.promised_root), _resolve(current, self.current_root)
        yield from here._marks(old, new)
        if _is_union(old) or _is_union(new):
            yield from here._unions(old, new)
        else:
            type_changes = list(here._types(old, new))
            yield from type_changes or here._contents(old, new)

    def broken(self, rule: str, detail: str) -> Break:
        return Break(self.path, rule, detail)

    def _at(self, suffix: str) -> _Comparison:
        return replace(self, path=self.path + suffix)

    def _wide_narrow(self, old: Any, new: Any) -> tuple[Any, Any]:
        return (new, old) if self.direction == "input" else (old, new)

    def _word(self, for_input: str, for_output: str) -> str:
        return for_input if self.direction == "input" else for_output

    def _marks(self, old: Schema, new: Schema) -> Iterator[Break]:
        if old.get(PERSONAL_DATA_MARK) and not new.get(PERSONAL_DATA_MARK):
            yield self.broken("personal-data mark removed", "masking and sealing would stop")
        if self.direction == "input" and "default" in old and old["default"] != new.get("default", _ABSENT):
            yield self.broken("default changed", "leaving the field out would mean something else")
        for keyword in sorted((old.keys() | new.keys()) - _COMPARED - _SAYS_NOTHING):
            if old.get(keyword, _ABSENT) != new.get(keyword, _ABSENT):
                yield self.broken("keyword changed", f"{keyword} is not understood here")

    def _unions(self, old: Schema, new: Schema) -> Iterator[Break]:
        """Each form of the narrow side needs a form of the wide side that takes it in."""
        tag = _tag(old) or _tag(new)
        old_forms, new_forms = self._forms(old, self.promised_root, tag), self._forms(new, self.current_root, tag)
        wide, narrow = self._wide_narrow(old_forms, new_forms)
        for key, forms in narrow.items():
            candidates = wide.get(key, ())
            if not candidates:
                yield self.broken(self._word("form removed", "form added"), str(key))
                continue
            for form in forms:
                found = [list(self.compare(*self._wide_narrow(other, form))) for other in candidates]
                yield from min(found, key=len)

    @staticmethod
    def _forms(node: Schema, root: Schema, tag: str | None) -> dict[str, list[Schema]]:
        """Return the forms a value can take, by what tells them apart: the tag, else the type."""
        forms: dict[str, list[Schema]] = {}
        for form in node.get("anyOf", ()) or node.get("oneOf", ()) or (_without_annotations(node),):
            resolved = _resolve(form, root)
            if _is_union(resolved):
                for key, inner in _Comparison._forms(resolved, root, tag).items():
                    forms.setdefault(key, []).extend(inner)
                continue
            tagged = resolved.get("properties", {}).get(tag, {}) if tag else {}
            key = f"{tag}={tagged['const']}" if "const" in tagged else f"type {resolved.get('type')}"
            forms.setdefault(key, []).append(form)
        return forms

    def _types(self, old: Schema, new: Schema) -> Iterator[Break]:
        wide, narrow = self._wide_narrow(_types(old), _types(new))
        if wide is not None and (narrow is None or not narrow <= wide):
            yield self.broken("type changed", f"{old.get('type', 'any')} → {new.get('type', 'any')}")

    def _contents(self, old: Schema, new: Schema) -> Iterator[Break]:
        yield from self._values(old, new)
        yield from self._limits(old, new)
        yield from self._objects(old, new)
        yield from self._arrays(old, new)

    def _values(self, old: Schema, new: Schema) -> Iterator[Break]:
        wide, narrow = self._wide_narrow(_allowed(old), _allowed(new))
        if wide is not None and narrow is None:
            yield self.broken(self._word("limited to values", "no longer limited to values"), ", ".join(sorted(wide)))
        elif wide is not None and not narrow <= wide:
            yield self.broken(self._word("value removed", "value added"), ", ".join(sorted(narrow - wide)))

    def _limits(self, old: Schema, new: Schema) -> Iterator[Break]:
        rule = self._word("limit tightened", "limit loosened")
        wide, narrow = self._wide_narrow(old, new)
        for keyword in (*_LOWER, *_UPPER):
            # A length or count of nothing is the same as no limit.
            limit = wide.get(keyword, 0 if keyword in ("minLength", "minItems", "minProperties") else None)
            other = narrow.get(keyword, 0 if keyword in ("minLength", "minItems", "minProperties") else None)
            if limit is None:
                continue
            if other is None or (other < limit if keyword in _LOWER else other > limit):
                yield self.broken(rule, f"{keyword} {old.get(keyword, 'none')} → {new.get(keyword, 'none')}")
        for keyword in _NARROWING:
            if wide.get(keyword) and wide[keyword] != narrow.get(keyword):
                yield self.broken(f"{keyword} changed", f"{old.get(keyword, 'none')} → {new.get(keyword, 'none')}")

    def _objects(self, old: Schema, new: Schema) -> Iterator[Break]:
        fields, current = old.get("properties", {}), new.get("properties", {})
        for name in fields:
            if name in current:
                yield from self._at(f".{name}").compare(fields[name], current[name])
            else:
                yield self._at(f".{name}").broken("field removed", "users send or read it")
        needed, offered = self._wide_narrow(set(old.get("required", ())), set(new.get("required", ())))
        for name in sorted(needed - offered):
            if name in current:
                rule = self._word("field became required", "field no longer always there")
                yield self._at(f".{name}").broken(rule, "in the promise it is not so")
        yield from self._unnamed("additionalProperties", ".*", old, new)

    def _arrays(self, old: Schema, new: Schema) -> Iterator[Break]:
        yield from self._unnamed("items", "[*]", old, new)
        fixed, current = old.get("prefixItems", ()), new.get("prefixItems", ())
        if len(fixed) != len(current):
            yield self.broken("fixed items changed", f"{len(fixed)} → {len(current)}")
            return
        for index, (before, after) in enumerate(zip(fixed, current, strict=True)):
            yield from self._at(f"[{index}]").compare(before, after)

    def _unnamed(self, keyword: str, suffix: str, old: Schema, new: Schema) -> Iterator[Break]:
        """Compare what is said of all members without a name: absent and true allow anything, false nothing."""
        before, after = old.get(keyword, True), new.get(keyword, True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self._at(suffix).compare(before, after)
            return
        wide, narrow = self._wide_narrow(before, after)
        if narrow is False or wide is True:
            return
        # Readers ignore fields they do not know, so an output may be opened.
        if not (self.direction == "output" and keyword == "additionalProperties" and wide is False):
            yield self._at(suffix).broken(self._word("closed to unknown members", "opened to unknown members"), keyword)


_ABSENT = object()


def _resolve(node: Schema, root: Schema) -> Schema:
    """Follow local references; keywords beside a reference stay."""
    while "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _without_annotations(node: Schema) -> Schema:
    return {key: value for key, value in node.items() if key not in ("default", PERSONAL_DATA_MARK)}


def _is_union(node: Schema) -> bool:
    return "anyOf" in node or "oneOf" in node


def _tag(node: Schema) -> str | None:
    name: str | None = node.get("discriminator", {}).get("propertyName")
    return name


def _types(node: Schema) -> set[str] | None:
    declared: str | Sequence[str] | None = node.get("type")
    if declared is None:
        return None
    return {declared} if isinstance(declared, str) else set(declared)


def _allowed(node: Schema) -> set[str] | None:
    """Return the values a node is limited to, as text that tells 1 from "1"; ``None`` means no limit."""
    if "const" in node:
        return {repr(node["const"])}
    return {repr(value) for value in node["enum"]} if "enum" in node else None
