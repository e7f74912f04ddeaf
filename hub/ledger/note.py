"""Signed notes and checkpoints: C2SP ``signed-note`` and ``tlog-checkpoint`` (c2sp.org), with Ed25519.

A note is a text, an empty line, and one line per signature. A checkpoint's text is the origin of the log, its size,
and its root in base64, a line each. What reads them here is strict: one form, no line that is not understood.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.ledger.merkle import HASH_BYTES

ALGORITHM = 0x01
"""Ed25519, as C2SP numbers it."""

SEED_BYTES = 32
_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64
_ID_BYTES = 4
_MOST_BYTES = 1 << 20
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,255}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile(r"— (\S+) (\S+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note, checkpoint or key does not have its form, or a signature is not good. The message says which."""


def is_name(text: str) -> bool:
    """Say whether a key and a log may be called so: not empty, without spaces and plus signs."""
    return _NAME.fullmatch(text) is not None


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a signature names its key."""
    return sha256(name.encode() + b"\n" + bytes((ALGORITHM,)) + public).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form ``name+id+base64``.

        Raises:
            NoteError: It is not one, or not of Ed25519.
        """
        name, _, rest = text.partition("+")
        number, _, encoded = rest.partition("+")
        data = _decode(encoded, "the key")
        if not is_name(name) or len(data) != 1 + _PUBLIC_BYTES or data[0] != ALGORITHM:
            raise NoteError("this is not an Ed25519 verifier key of the form name+id+base64")
        key = cls(name, data[1:])
        if number != key.id.hex():
            raise NoteError("the id of the verifier key does not belong to it: a character is wrong")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes by which signatures name it."""
        return key_id(self.name, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes((ALGORITHM,)) + self.public).decode()}"

    def is_signature(self, signature: bytes, text: bytes) -> bool:
        """Say whether this key made the signature of this text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """The secret half of a key."""

    def __init__(self, name: str, seed: bytes) -> None:
        """``seed`` are the 32 bytes of RFC 8032."""
        self._secret = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, self._secret.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey(name={self.verifier.name!r})"

    def line(self, text: str) -> str:
        """Return the signature line of this key for this text."""
        signature = self._secret.sign(text.encode())
        return f"— {self.verifier.name} {b64encode(self.verifier.id + signature).decode()}\n"


def sign(text: str, keys: Iterable[SigningKey]) -> str:
    """Return the note of a text, which must end with a line feed."""
    return f"{text}\n{''.join(key.line(text) for key in keys)}"


def open_note(note: str, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """Return the text of a note and the keys that signed it; every signature must be good, and of a key given.

    Raises:
        NoteError: It is no note, a signature is not good or of an unknown key, or there is none.
    """
    if len(note) > _MOST_BYTES:
        raise NoteError("the note is too long")
    text, separator, lines = note.rpartition("\n\n")
    text += "\n"
    if not separator or not lines.endswith("\n") or _CONTROL.search(note):
        raise NoteError("this is not a signed note: a text, an empty line, and signatures")
    known = {(key.name, key.id): key for key in keys}
    signed: list[VerifierKey] = []
    for line in lines[:-1].split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise NoteError("a line below the note is not a signature")
        data = _decode(match[2], "a signature")
        key = known.get((match[1], data[:_ID_BYTES]))
        if key is None:
            raise NoteError("a signature is of a key that was not given")
        if len(data) != _ID_BYTES + _SIGNATURE_BYTES or not key.is_signature(data[_ID_BYTES:], text.encode()):
            raise NoteError(f"the signature of {key.name} is not good: the note was altered")
        if key in signed:
            raise NoteError("a key signed the note twice")
        signed.append(key)
    return text, signed


def named_keys(note: str) -> set[tuple[str, bytes]]:
    """Return which keys the signatures of a note claim to be of: name and id. Proves nothing."""
    lines = note.rpartition("\n\n")[2].split("\n")
    return {
        (match[1], _decode(match[2], "a signature")[:_ID_BYTES]) for one in lines if (match := _LINE.fullmatch(one))
    }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: so many leaves, and this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a checkpoint.

        Raises:
            NoteError: It is not one of ours: three lines, in one form.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not is_name(lines[0]) or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 - three lines and their end
            raise NoteError("this is not a checkpoint: origin, size and root, a line each")
        root = _decode(lines[2], "the root")
        if len(root) != HASH_BYTES:
            raise NoteError("the root of the checkpoint is not a SHA-256")
        return cls(lines[0], int(lines[1]), root)


def open_checkpoint(note: str, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, list[VerifierKey]]:
    """Return the checkpoint of a note and the keys that signed it.

    Raises:
        NoteError: As `open_note`; also where no key is called as the log is.
    """
    text, signed = open_note(note, keys)
    checkpoint = Checkpoint.parse(text)
    if not any(key.name == checkpoint.origin for key in signed):
        raise NoteError("the checkpoint is not signed by the log it names")
    return checkpoint, signed


def _decode(text: str, what: str) -> bytes:
    """Decode base64 that was written in the one way there is."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        raise NoteError(f"{what} is not base64") from None
    if b64encode(data).decode() != text:
        raise NoteError(f"{what} is not base64 in its one form")
    return data
