"""A verifier written from docs/ledger.md alone; it shares no line with the hub's, and comes to the same conclusion."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.hub.ledger.conftest import Ledger


def canonical(value: Any, **more: Any) -> str:
    """RFC 8785, as far as texts and small whole numbers need it."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, **(more or {"separators": (",", ":")}))


def walk_up(value: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162: the tree of ``size`` leaves splits after the largest power of two smaller than ``size``."""
    if size == 1:
        assert not path
        return value
    left = 1 << (size - 1).bit_length() - 1
    *below, sibling = path
    if index < left:
        return sha256(b"\1" + walk_up(value, index, left, below) + sibling).digest()
    return sha256(b"\1" + sibling + walk_up(value, index - left, size - left, below)).digest()


def check(document: bytes, trusted: str) -> list[dict[str, Any]]:
    """Follow the paragraph "To verify" of the documentation; raises whatever the first fault raises."""
    found = json.loads(document)
    assert document.decode() in {canonical(found), canonical(found, indent=2) + "\n"}
    assert found["format"] == "lienthong-evidence/1"
    assert trusted in found["keys"]
    text, _, signatures = found["checkpoint"].rpartition("\n\n")
    text += "\n"
    lines = signatures.splitlines()
    assert len(lines) == len(found["keys"])
    for key in found["keys"]:
        name, number, encoded = key.split("+", 2)
        material = b64decode(encoded)
        assert sha256(name.encode() + b"\n" + material).hexdigest()[:8] == number
        [line] = [one for one in lines if b64decode(one.split(" ")[2])[:4].hex() == number]
        raw = b64decode(line.split(" ")[2])
        assert line == f"\N{EM DASH} {name} {b64encode(raw).decode()}"
        Ed25519PublicKey.from_public_bytes(material[1:]).verify(raw[4:], text.encode())
    _, size, root, end = text.split("\n")
    assert end == ""
    leaves = []
    for entry in found["entries"]:
        data = entry["leaf"].encode()
        path = [bytes.fromhex(one) for one in entry["path"]]
        assert walk_up(sha256(b"\0" + data).digest(), entry["index"], int(size), path) == b64decode(root)
        leaf = json.loads(data)
        assert canonical(leaf) == entry["leaf"]
        assert leaf["subject"] == found["subject"]
        opened = sha256(bytes.fromhex(entry["salt"]) + bytes.fromhex(entry["content_digest"]))
        assert opened.hexdigest() == leaf["digest"]
        leaves.append(leaf)
    return leaves


@pytest.mark.parametrize("indented", [False, True])
async def test_the_documentation_is_enough(ledger: Ledger, *, indented: bool) -> None:
    """For every place in a tree that is not even, and in both forms of the document."""
    await ledger.fill(5, 3, 2)
    [key] = await ledger.keys()
    for number in range(10):
        document = await ledger.service.evidence(f"event-{number}", actor="test", indented=indented)
        [leaf] = check(document, str(key))
        assert leaf["facts"] == {"number": str(number), "system": "national_portal"}
    with pytest.raises((AssertionError, InvalidSignature)):
        check(document.replace(b"event-9", b"event-8"), str(key))
