"""Reads an answer once: finds the message in whatever it came wrapped in, and hands it on as text fields.

Seen or to be expected: in a SOAP body; in an element named after the call; bare; and as a text within the answer, once
or twice over. Namespaces are not compared, because deployments differ in them. A document type is refused, and so is
whatever stands twice or holds elements where text is promised: nothing could be concluded from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from lxml import etree

from adapters.population_db import answers, wire
from adapters.transport.xml import XmlRefusedError, read_tree
from contracts.errors import Malformed

Drift = Callable[[str], None]

Message = TypeVar("Message")

_DEEPEST = 12
"""Wrappings that are opened before the message must be there."""
_TEXTS_IN_TEXTS = 2
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_KNOWN: dict[type, dict[str, str | tuple[str, type[Any]]]] = {
    kind: {
        tag: (one.name, parts[one.name]) if one.name in parts else one.name
        for one in fields(kind)
        for tag in (one.name, f"{{{wire.ANSWERED}}}{one.name}")
    }
    for kind, parts in wire.PARTS.items()
}
"""What each message knows: the field of a tag, with and without the published namespace; with its part if it is one."""

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
        return _read(found, wire.KetQuaXacThuc, "KetQuaXacThuc", drift)
    if any(one != wire.CongDan() for one in as_collection(found, drift).CongDan):
        raise answers.malformed("KetQuaXacThuc")
    return wire.KetQuaXacThuc()


def as_collection(found: etree._Element, drift: Drift) -> wire.CongdanCollection:
    """Return the citizens of a collection, or of a citizen without one."""
    if _local(found) == "CongDan":
        return wire.CongdanCollection(CongDan=[_read(found, wire.CongDan, "CongDan", drift)])
    told = wire.CongdanCollection(
        SoCongDan=found.get("SoCongDan", ""),
        GhiChu=found.get("GhiChu", ""),
        ThoiDiemDuLieu=found.get("ThoiDiemDuLieu", ""),
        id=found.get("id", ""),
    )
    for child in found:
        name = _local(child)
        if name == "CongDan":
            told.CongDan.append(_read(child, wire.CongDan, "CongDan", drift))
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
        inner = _inside(element, wanted)
        if inner is not None:
            element = inner
            continue
        text = (element.text or "").strip().lstrip("\ufeff")
        if len(element) or not text.startswith("<") or texts == _TEXTS_IN_TEXTS:
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


def _inside(element: etree._Element, wanted: frozenset[str]) -> etree._Element | None:
    """Return the child to look at next: a wanted one, the body of an envelope, or the only one there is."""
    if _local(element) == "Envelope":
        return next((one for one in element if _local(one) == "Body"), None)
    if len(element) == 1:
        return element[0]
    found = [one for one in element if _local(one) in wanted or _local(one) == "Fault"]
    return found[0] if len(found) == 1 else None


def _fault_code(fault: etree._Element) -> str:
    for child in fault:
        if _local(child) == "faultcode":
            return (child.text or "").strip().rpartition(":")[2]
        if _local(child) == "Code" and len(child):  # SOAP 1.2
            return (child[0].text or "").strip().rpartition(":")[2]
    return ""


def _read(element: etree._Element, kind: type[Message], place: str, drift: Drift) -> Message:
    known = _KNOWN[kind]
    found: dict[str, Any] = {}
    for child in element:
        tag = child.tag
        # Most tags are of the published namespace and found at once; the others by their name alone.
        entry = known.get(tag) or known.get(tag[tag.rfind("}") + 1 :])
        if isinstance(entry, str):
            if entry in found or len(child):
                raise answers.malformed(f"{place}.{entry}")
            found[entry] = child.text or ""
        elif entry is None:
            drift(f"{place}.{_printable(_local(child))}")
        else:
            name, part = entry
            inner = f"{place}.{name}"
            if name in found:
                raise answers.malformed(inner)
            found[name] = _read(child, part, inner, drift) if len(child) else _whole(child.text, part, inner)
    if not found and (element.text or "").strip():
        raise answers.malformed(place)
    return kind(**found)


def _whole(text: str | None, part: type[Any], place: str) -> Any:
    """Return what a text in place of elements means: nothing when it is empty, and a name when one stands there."""
    if text is None or not text.strip():
        return None
    if part is wire.TenNguoi:
        # It is whole, so it goes where whole names go.
        return wire.TenNguoi(Ten=text)
    raise answers.malformed(place)


def _local(element: etree._Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :]


def _printable(name: str) -> str:
    return name if _NAME.fullmatch(name) else "(unprintable)"
