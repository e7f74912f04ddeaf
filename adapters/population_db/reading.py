"""Reads an answer once: finds the message in whatever it came wrapped in, and hands it on as text fields.

Seen or to be expected: in a SOAP body; in an element named after the call; bare; and as a text within the answer, once
or twice over. Namespaces are not compared, because deployments differ in them. A document type is refused, and so is
whatever stands twice or holds elements where text is promised: nothing could be concluded from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.population_db import answers, wire
from adapters.transport.xml import XmlRefusedError, read_tree
from contracts.errors import Malformed

Drift = Callable[[str], None]

_DEEPEST = 12
"""Wrappings that are opened before the message must be there."""
_TEXTS_IN_TEXTS = 2
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_COLLECTION = frozenset({"CongdanCollection", "CongDan"})
_VERDICT = frozenset({"KetQuaXacThuc"})


class SoapFault(Exception):  # noqa: N818 - SOAP's name for it
    """The answer is a SOAP fault; ``code`` is without prefix, its words are not read."""

    def __init__(self, code: str) -> None:
        super().__init__("SOAP fault")
        self.code = code


def collection(document: bytes, drift: Drift) -> wire.CongdanCollection:
    """Return the citizens an answer tells of.

    Raises:
        SoapFault: See there.
        Malformed: Anything else that is no answer to a question for citizens.
    """
    return as_collection(message(document, _COLLECTION), drift)


def verdict(document: bytes, drift: Drift) -> wire.KetQuaXacThuc:
    """Return the yes or no of an answer; an empty citizen in its place says neither. Raises as `collection`."""
    found = message(document, _VERDICT | _COLLECTION)
    if _local(found) == "KetQuaXacThuc":
        told: wire.KetQuaXacThuc = _read(found, _RESULT, drift)
        return told
    if any(map(_says_something, as_collection(found, drift).CongDan)):
        raise answers.malformed("KetQuaXacThuc")
    return {}


def _says_something(told: object) -> bool:
    return any(map(_says_something, told.values())) if isinstance(told, dict) else bool(told)


def as_collection(found: etree._Element, drift: Drift) -> wire.CongdanCollection:
    """Return the citizens of a collection, or of a citizen without one."""
    if _local(found) == "CongDan":
        return wire.CongdanCollection(CongDan=[_read(found, _CITIZEN, drift)])
    told = wire.CongdanCollection(
        SoCongDan=found.get("SoCongDan", ""),
        GhiChu=found.get("GhiChu", ""),
        ThoiDiemDuLieu=found.get("ThoiDiemDuLieu", ""),
        id=found.get("id", ""),
    )
    for child in found:
        name = _local(child)
        if name == "CongDan":
            told.CongDan.append(_read(child, _CITIZEN, drift))
        else:
            drift(f"CongdanCollection.{_printable(name)}")
    return told


def message(document: bytes, wanted: frozenset[str]) -> etree._Element:
    """Return the element of an answer that is one of those wanted. Raises as `collection`."""
    texts = 0
    element = _tree(document)
    for _ in range(_DEEPEST):
        name = _local(element)
        if name in wanted:
            return element
        if name == "Fault":
            raise SoapFault(_fault_code(element))
        children = _children(element)
        inner = _inside(name, children, wanted)
        if inner is not None:
            element = inner
            continue
        text = (element.text or "").strip().lstrip("\ufeff")
        if children or not text.startswith("<") or texts == _TEXTS_IN_TEXTS:
            break
        texts += 1
        element = _tree(text.encode())
    raise answers.malformed(_printable(_local(element)))


def fault_code(document: bytes) -> str | None:
    """Return the code of a document that is a SOAP fault; ``None`` for anything else, also for what is no XML."""
    try:
        message(document, frozenset())
    except SoapFault as told:
        return told.code
    except Malformed:
        return None
    return None


def _tree(document: bytes) -> etree._Element:
    try:
        return read_tree(document)
    except XmlRefusedError as refused:
        # Not chained: the parser's own error may quote the document.
        raise answers.malformed("(document type)" if refused.reason == "document_type" else "") from None


def _inside(name: str, children: list[etree._Element], wanted: frozenset[str]) -> etree._Element | None:
    """Return the child to look at next: a wanted one, the body of an envelope, or the only one there is."""
    if name == "Envelope":
        return next((one for one in children if _local(one) == "Body"), None)
    if len(children) == 1:
        return children[0]
    found = [one for one in children if _local(one) in wanted or _local(one) == "Fault"]
    return found[0] if len(found) == 1 else None


def _fault_code(fault: etree._Element) -> str:
    for child in fault:
        if _local(child) == "faultcode":
            return (child.text or "").strip().rpartition(":")[2]
        if _local(child) == "Code" and len(child):  # SOAP 1.2
            return (child[0].text or "").strip().rpartition(":")[2]
    return ""


@dataclass(frozen=True, slots=True)
class _Form:
    """What may stand in the element at one place of a message."""

    place: str
    fields: dict[str, tuple[str, _Form | None]]
    """The field of a tag, with and without the published namespace; with its form if it holds elements."""
    whole: str
    """The field that takes a text in place of the elements; empty: none does."""

    @classmethod
    def of(cls, kind: type, place: str) -> _Form:
        """Return the form of a message."""
        parts = wire.PARTS[kind]
        fields: dict[str, tuple[str, _Form | None]] = {}
        for name in kind.__annotations__:
            form = cls.of(parts[name], f"{place}.{name}") if name in parts else None
            fields[name] = fields[f"{{{wire.ANSWERED}}}{name}"] = (name, form)
        # A name that stands whole goes where whole names go.
        return cls(place, fields, "Ten" if kind is wire.TenNguoi else "")


_CITIZEN = _Form.of(wire.CongDan, "CongDan")
_RESULT = _Form.of(wire.KetQuaXacThuc, "KetQuaXacThuc")
_STRANGER = ("", None)


def _read(element: etree._Element, form: _Form, drift: Drift) -> Any:
    """Return the message that an element of this form is."""
    fields = form.fields
    found: dict[str, Any] = {}
    strangers = 0
    children = _children(element)
    for child in children:
        # Most tags are of the published namespace and found at once; the others by their name alone.
        name, part = fields.get(child.tag) or fields.get(_local(child)) or _STRANGER
        if part is not None:
            found[name] = _read(child, part, drift) if len(child) else _whole(child.text, part)
        elif name:
            if len(child):
                raise answers.malformed(f"{form.place}.{name}")
            found[name] = child.text
        else:
            strangers += 1
            drift(f"{form.place}.{_printable(_local(child))}")
    if len(found) + strangers != len(children):
        names = [name for name in map(_local, children) if name in fields]
        raise answers.malformed(f"{form.place}.{next(one for one in names if names.count(one) > 1)}")
    if not found and (element.text or "").strip():
        raise answers.malformed(form.place)
    return found


def _whole(text: str | None, form: _Form) -> dict[str, str]:
    """Return what a text in place of elements means: nothing when it is empty, and a name when one stands there."""
    if text is None or not text.strip():
        return {}
    if not form.whole:
        raise answers.malformed(form.place)
    return {form.whole: text}


def _children(element: etree._Element) -> list[etree._Element]:
    # The quickest way to them; the stubs of lxml know no slices.
    return element[:]  # type: ignore[index, return-value]


def _local(element: etree._Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :]


def _printable(name: str) -> str:
    return name if _NAME.fullmatch(name) else "(unprintable)"
