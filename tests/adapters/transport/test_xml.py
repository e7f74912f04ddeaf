"""Reading XML from outside: elements and text, and nothing a document type could do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.xml import XmlRefusedError, read_xml

BOMB = (
    '<!DOCTYPE l [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]><l>&a11;</l>"
)


def test_elements_come_with_their_text_and_without_namespaces() -> None:
    """Comments and instructions are left out; text around children is joined."""
    root = read_xml("<?xml version='1.0'?><a xmlns='urn:x'>Thuế<!-- c --><b>1</b><?p i?> đất<b/></a>".encode())
    assert (root.name, root.text) == ("a", "Thuế đất")
    assert [one.text for one in root.all("b")] == ["1", ""]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BOMB.encode(), "document_type"),
        (BOMB.encode("utf-16"), "document_type"),
        (b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>', "document_type"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document_type"),
        (b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/">%p;]><a/>', "document_type"),
        (b"<a>&x;</a>", "not_xml"),
        (b"<a><b></a>", "not_xml"),
        (b"<a/><b/>", "not_xml"),
        (b"", "not_xml"),
        (b"\x00\x01", "not_xml"),
        (b"<a>" * 100_000, "too_deep"),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "too_many_elements"),
    ],
)
def test_what_is_not_plain_elements_is_refused_with_a_reason(document: bytes, reason: str) -> None:
    """Before an entity is read, before anything is fetched, before the memory is full."""
    with pytest.raises(XmlRefusedError) as refused:
        read_xml(document)
    assert refused.value.reason == reason


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<a>{text}</a>".encode(errors="replace")))
def test_anything_is_read_or_refused(document: bytes) -> None:
    """Nothing else comes out of the parser."""
    try:
        read_xml(document)
    except XmlRefusedError as error:
        assert error.reason in {"not_xml", "document_type", "too_deep", "too_many_elements"}  # noqa: PT017 - either way
