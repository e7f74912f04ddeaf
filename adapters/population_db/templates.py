"""Requests from prepared messages: lxml writes each form of a message once, and a question fills in its values.

The hot path. `contract` makes the same requests from the WSDL; a property test holds the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape

from lxml import etree

from adapters.population_db import wire
from contracts.errors import Sentence, Unsupported

_PLACE = "@@"
_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

Shape = tuple[tuple[str, "Shape | None"], ...]
"""The elements of a message without their texts."""


def render(request: wire.Request) -> bytes:
    """Return the SOAP envelope of a request, UTF-8.

    Raises:
        Unsupported: A text holds a character that XML cannot carry.
    """
    pieces = _template(request.call, _shape(request.elements))
    written = [pieces[0]]
    for piece, text in zip(pieces[1:], _texts(request.elements), strict=True):
        written += (_escaped(text), piece)
    return "".join(written).encode()


def _shape(elements: wire.Elements) -> Shape:
    return tuple((name, None if isinstance(one, str) else _shape(one)) for name, one in elements)


def _texts(elements: wire.Elements) -> Iterator[str]:
    for _, one in elements:
        if isinstance(one, str):
            yield one
        else:
            yield from _texts(one)


@lru_cache(maxsize=256)
def _template(call: wire.Call, shape: Shape) -> tuple[str, ...]:
    """Return the text before, between and after the values; there are as many forms as the settings allow."""
    envelope = etree.Element(f"{{{wire.SOAP}}}Envelope", nsmap={"soapenv": wire.SOAP, "d": wire.ASKED})
    etree.SubElement(envelope, f"{{{wire.SOAP}}}Header")
    body = etree.SubElement(envelope, f"{{{wire.SOAP}}}Body")
    _add(etree.SubElement(body, f"{{{wire.ASKED}}}{call}"), shape)
    written = etree.tostring(envelope, encoding="UTF-8", xml_declaration=True).decode()
    return tuple(written.split(_PLACE))


def _add(parent: etree._Element, shape: Shape) -> None:
    for name, children in shape:
        element = etree.SubElement(parent, f"{{{wire.ASKED}}}{name}")
        if children is None:
            element.text = _PLACE
        else:
            _add(element, children)


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    if not text.isprintable():
        if _NO_XML.search(text):
            raise Unsupported(_UNSENDABLE)
        # A parser turns a bare carriage return into a line feed.
        return escape(text, quote=False).replace("\r", "&#13;")
    return escape(text, quote=False)


_UNSENDABLE = Sentence(
    en="The question holds a character that XML cannot carry; nothing was sent.",
    vi="Nội dung tra cứu chứa ký tự mà XML không truyền được; chưa gửi gì.",
)
