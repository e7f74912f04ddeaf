"""Signed notes and checkpoints are those of C2SP, and are read strictly."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.ledger.note import Checkpoint, NoteError, SigningKey, VerifierKey, named_keys, open_checkpoint, open_note, sign

# From the documentation of golang.org/x/mod/sumdb/note, the implementation the specification was written from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "h99.example/ledger"
KEY = SigningKey(ORIGIN, bytes(range(32)))
CHECKPOINT = Checkpoint(ORIGIN, 17, hashlib.sha256(b"root").digest())
NOTE = sign(CHECKPOINT.text, [KEY])


def test_a_note_that_go_signed_is_read() -> None:
    """Key, id and signature of another implementation."""
    key = VerifierKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    text, signers = open_note(GO_NOTE, [key])
    assert text.endswith("then you don't know what your problem is.\n")
    assert signers == [key]


def test_our_note_is_read_by_the_word_of_the_specification() -> None:
    """A verifier that shares nothing with ours but the text of c2sp.org/signed-note and c2sp.org/tlog-checkpoint."""
    name, number, encoded = str(KEY.verifier).split("+", 2)
    material = base64.b64decode(encoded)
    assert material[0] == 1
    assert hashlib.sha256(name.encode() + b"\x0a" + material).hexdigest()[:8] == number
    position = NOTE.rindex("\n\n")
    text, block = NOTE[: position + 1], NOTE[position + 2 :]
    assert block[:2] == "\u2014 "
    assert block[-1] == "\n"
    signer, signature = block[2:-1].split(" ")
    raw = base64.b64decode(signature, validate=True)
    assert signer == name
    assert raw[:4].hex() == number
    Ed25519PublicKey.from_public_bytes(material[1:]).verify(raw[4:], text.encode())
    assert text.split("\n") == [ORIGIN, "17", base64.b64encode(CHECKPOINT.root).decode(), ""]


def test_the_key_is_that_of_rfc_8032() -> None:
    """The seed is what RFC 8032 calls the private key."""
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert KEY.verifier.public == public
    assert repr(KEY) == "SigningKey(name='h99.example/ledger')"


def test_checkpoints_come_back() -> None:
    """Also with two signatures; and each is told by whom."""
    other = SigningKey(ORIGIN, bytes(32))
    note = sign(CHECKPOINT.text, [other, KEY])
    assert open_checkpoint(note, [KEY.verifier, other.verifier]) == (CHECKPOINT, [other.verifier, KEY.verifier])
    assert named_keys(note) == {(ORIGIN, KEY.verifier.id), (ORIGIN, other.verifier.id)}


def _with_text(text: str) -> str:
    return sign(text, [KEY])


ROOT = base64.b64encode(CHECKPOINT.root).decode()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("17", "18"),
        NOTE.replace("— ", "- "),
        NOTE.replace("=\n", "\n"),
        NOTE.replace("\n\n", "\n\r\n"),
        NOTE.split("\n\n")[0] + "\n\n",
        NOTE + NOTE.split("\n\n")[1],
        NOTE + f"— {ORIGIN} AAAAAA==\n",
        NOTE + f"— {ORIGIN} not-base64\n",
        _with_text(f"{ORIGIN}\n017\n{ROOT}\n"),
        _with_text(f"{ORIGIN}\n-1\n{ROOT}\n"),
        _with_text(f"{ORIGIN}\n17\n{ROOT}\nan extension\n"),
        _with_text(f"{ORIGIN}\n17\n{ROOT[:-1]}\n"),
        _with_text(f"{ORIGIN}\n17\nAAAA\n"),
        _with_text(f"another.example/log\n17\n{ROOT}\n"),
        _with_text("one line\n"),
        NOTE * 20_000,
    ],
)
def test_what_is_no_checkpoint_of_ours_is_refused(note: str) -> None:
    """One form, one meaning."""
    with pytest.raises(NoteError):
        open_checkpoint(note, [KEY.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY[:-1],
        GO_KEY + "A",
        GO_KEY.replace("+AR", "+Ah"),
        "a b+00000000+AA==",
    ],
)
def test_a_mistyped_key_is_refused(text: str) -> None:
    """The id finds a wrong character."""
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
