"""Reading XML from outside: elements and text, and nothing a document type could do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.xml import XmlRefusedError, read_tree, read_xml

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


# --- lxml's own tree --------------------------------------------------------------------------------------


def test_a_tree_comes_without_comments_and_instructions() -> None:
    """So that the text of an element is all of its text."""
    root = read_tree("<?xml version='1.0'?><a>Thuế<!-- c --> đất<?p i?> 1<b/></a>".encode())
    assert (root.tag, root.text, len(root)) == ("a", "Thuế đất 1", 1)
    assert read_tree("<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>".encode("latin-1")).text == "é"
    assert read_tree(b"\xef\xbb\xbf<a/>").tag == "a"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BOMB.encode(), "document_type"),
        (BOMB.encode("utf-16"), "not_xml"),
        (("<?xml version='1.0' encoding='cp037'?>" + BOMB).encode("cp037"), "not_xml"),
        (b"<?xml version='1.0' encoding='cp037'?>" + BOMB.encode("cp037"), "not_xml"),
        (b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd"><a/>', "document_type"),
        (b"<a>&x;</a>", "not_xml"),
        (b"<a><b></a>", "not_xml"),
        (b"", "not_xml"),
        (b"<a>" * 100_000, "not_xml"),
    ],
)
def test_a_tree_is_refused_for_the_same_reasons(document: bytes, reason: str) -> None:
    """Also where the document type hides in another encoding."""
    with pytest.raises(XmlRefusedError) as refused:
        read_tree(document)
    assert refused.value.reason == reason


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<a>{text}</a>".encode(errors="replace")))
def test_anything_becomes_a_tree_or_is_refused(document: bytes) -> None:
    """Nothing else comes out of the parser."""
    try:
        read_tree(document)
    except XmlRefusedError as error:
        assert error.reason in {"not_xml", "document_type"}  # noqa: PT017 - either way
