"""Requests from prepared messages: lxml writes each form of a message once, and a question fills in its values.

The hot path. `contract` makes the same requests from the WSDL; a property test holds the two equal.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from lxml import etree

from adapters.population_db import wire
from contracts.errors import Sentence, Unsupported

_PLACE = "%s"
_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

Shape = tuple["str | tuple[str, Shape]", ...]
"""The elements of a message without their texts: names, and those that hold elements with what they hold."""


def render(request: wire.Request) -> bytes:
    """Return the SOAP envelope of a request, UTF-8.

    Raises:
        Unsupported: A text holds a character that XML cannot carry.
    """
    texts: list[str] = []
    shape = _taken_apart(request.elements, texts)
    return (_template(request.call, shape) % tuple(texts)).encode()


def _taken_apart(elements: wire.Elements, texts: list[str]) -> Shape:
    """Return the shape, and put the texts behind ``texts`` as XML writes them."""
    shape: list[str | tuple[str, Shape]] = []
    for name, one in elements:
        if isinstance(one, str):
            texts.append(one if one.isalnum() else _escaped(one))
            shape.append(name)
        else:
            shape.append((name, _taken_apart(one, texts)))
    return tuple(shape)


@lru_cache(maxsize=256)
def _template(call: wire.Call, shape: Shape) -> str:
    """Return the message with a place for each text; there are as many forms as the settings allow."""
    envelope = etree.Element(f"{{{wire.SOAP}}}Envelope", nsmap={"soapenv": wire.SOAP, "d": wire.ASKED})
    etree.SubElement(envelope, f"{{{wire.SOAP}}}Header")
    body = etree.SubElement(envelope, f"{{{wire.SOAP}}}Body")
    _add(etree.SubElement(body, f"{{{wire.ASKED}}}{call}"), shape)
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True).decode()


def _add(parent: etree._Element, shape: Shape) -> None:
    for one in shape:
        name, inside = (one, None) if isinstance(one, str) else one
        element = etree.SubElement(parent, f"{{{wire.ASKED}}}{name}")
        if inside is None:
            element.text = _PLACE
        else:
            _add(element, inside)


def _escaped(text: str) -> str:
    if text.isprintable() and _MARKUP.isdisjoint(text):
        return text
    if not text.isprintable():
        if _NO_XML.search(text):
            raise Unsupported(_UNSENDABLE)
        # A parser turns a bare carriage return into a line feed.
        return escape(text, quote=False).replace("\r", "&#13;")
    return escape(text, quote=False)


_MARKUP = frozenset("&<>")
_UNSENDABLE = Sentence(
    en="The question holds a character that XML cannot carry; nothing was sent.",
    vi="Nội dung tra cứu chứa ký tự mà XML không truyền được; chưa gửi gì.",
)
