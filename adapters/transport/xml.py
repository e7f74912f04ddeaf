"""The one way this house reads XML from outside: no document type, so no entities; nothing fetched; bounded.

A document type declaration is refused where it begins, before its entities are read: what external entities, entity
bombs and parameter entities need is then not there. Depth and number of elements are bounded while reading.

`read_xml` makes nodes of its own; `read_tree` hands out lxml's, which is several times faster for a small answer, and
leaves it to the caller to look only where it must. Neither expands an entity, whatever gets past the first look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

MAX_DEPTH = 32
MAX_ELEMENTS = 20_000


class XmlRefusedError(Exception):
    """The document is no XML, or is not read for its own sake; ``reason`` is a word of ours, never its text."""

    def __init__(self, reason: str) -> None:
        """``reason``: ``not_xml``, ``document_type``, ``too_deep``, ``too_many_elements``."""
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class XmlNode:
    """An element: its name without namespace, its own text, its children. Attributes are not read."""

    name: str
    text: str = ""
    children: list[XmlNode] = field(default_factory=list)

    def all(self, name: str) -> list[XmlNode]:
        """Return the children of this name."""
        return [one for one in self.children if one.name == name]


def read_xml(document: bytes) -> XmlNode:
    """Return the root element. The caller bounds the size of ``document``.

    Raises:
        XmlRefusedError: See there.
    """
    builder = _Builder()
    parser = etree.XMLParser(
        target=builder,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        # A document that is refused in its middle also fails to end well: the first reason counts.
        raise XmlRefusedError(builder.refused or "not_xml") from error
    if builder.refused or builder.root is None:
        raise XmlRefusedError(builder.refused or "not_xml")
    return builder.root


def read_tree(document: bytes) -> etree._Element:
    """Return the root element of lxml's own tree, without comments and instructions; bounded by libxml2's own limits.

    The caller bounds the size of ``document``. Only encodings in which markup is written as in ASCII are read, so that
    a document type cannot hide from the look before the parser; the look after it would find it all the same.

    Raises:
        XmlRefusedError: See there; ``not_xml`` also for what is too deep or in another encoding.
    """
    # One byte is found much faster than a word, and most answers do not hold it.
    if b"!" in document and b"<!DOCTYPE" in document:
        raise XmlRefusedError("document_type")
    declared = _DECLARED_ENCODING.match(document)
    if b"\x00" in document or (declared is not None and declared[1].lower() not in _ASCII_LIKE):
        raise XmlRefusedError("not_xml")
    try:
        root = etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlRefusedError("not_xml") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefusedError("document_type")
    return root


_DECLARED_ENCODING = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?encoding\s*=\s*[\"\']([^\"\'>]{0,40})")
_ASCII_LIKE = frozenset({b"utf-8", b"us-ascii", b"iso-8859-1"})
_PARSER = etree.XMLParser(
    resolve_entities=False,
    load_dtd=False,
    dtd_validation=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


class _Builder:
    """What the parser tells while it reads."""

    def __init__(self) -> None:
        self.root: XmlNode | None = None
        self.refused = ""
        self._open: list[XmlNode] = []
        self._count = 0

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        self._refuse("document_type")

    def start(self, tag: str | bytes, attrib: dict[str | bytes, str | bytes]) -> None:
        del attrib
        node = XmlNode(_text(tag).rpartition("}")[2])
        self._count += 1
        if self._count > MAX_ELEMENTS:
            self._refuse("too_many_elements")
        if len(self._open) >= MAX_DEPTH:
            self._refuse("too_deep")
        if self._open:
            self._open[-1].children.append(node)
        elif self.root is None:
            self.root = node
        self._open.append(node)

    def data(self, data: str | bytes) -> None:
        if self._open:
            self._open[-1].text += _text(data)

    def end(self, tag: str | bytes) -> None:
        del tag
        self._open.pop()

    def comment(self, text: str | bytes) -> None:
        """Leave it out."""

    def close(self) -> XmlNode | None:
        return self.root

    def _refuse(self, reason: str) -> None:
        self.refused = self.refused or reason
        raise XmlRefusedError(reason)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
