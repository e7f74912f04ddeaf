"""Evidence as a document, and its verification: offline, without database or configuration.

The document is JSON in one of two forms, byte for byte: canonical (RFC 8785), as the API answers, or indented by two
spaces with a line feed at its end, as it is exported. Nothing in it is left unproven, so nothing in it can be
altered unnoticed. `docs/ledger.md` describes it for those who write a verifier of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from contracts.errors import Sentence
from hub.ledger import leaf, merkle
from hub.ledger.leaf import Leaf
from hub.ledger.note import Checkpoint, NoteError, VerifierKey, open_checkpoint

FORMAT = "lienthong-evidence/1"
MAX_BYTES = 64 << 20

_HASH = re.compile(r"[0-9a-f]{64}")
_MEMBERS = {"checkpoint", "entries", "format", "keys", "subject"}
_ENTRY_MEMBERS = {"content_digest", "index", "leaf", "path", "salt"}


class EvidenceFault(Exception):  # noqa: N818 - it is a finding
    """The evidence does not prove what it says."""

    def __init__(self, code: str, sentence: Sentence) -> None:
        """``code`` is stable; ``sentence`` says what does not hold and what to do."""
        super().__init__(sentence.en)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Proven:
    """One entry with its proof."""

    index: int
    leaf: bytes
    path: Sequence[bytes]
    content_digest: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """What evidence proves."""

    subject: str
    checkpoint: Checkpoint
    entries: Sequence[tuple[int, Leaf]]
    """Place in the log and what stands there, in the order of the log."""
    signed_by: Sequence[VerifierKey]
    is_trusted: bool
    """Whether a key that the caller brought made a signature; otherwise only the document's own keys did."""


def document(
    *, subject: str, note: str, keys: Iterable[VerifierKey], entries: Iterable[Proven], indented: bool = False
) -> bytes:
    """Return the evidence as bytes."""
    made = {
        "checkpoint": note,
        "entries": [
            {
                "content_digest": one.content_digest.hex(),
                "index": one.index,
                "leaf": one.leaf.decode(),
                "path": [step.hex() for step in one.path],
                "salt": one.salt.hex(),
            }
            for one in entries
        ],
        "format": FORMAT,
        "keys": [str(key) for key in keys],
        "subject": subject,
    }
    return _indented(made) if indented else _compact(made)


def verify(
    data: bytes, *, trusted: Sequence[VerifierKey] | None = None, checkpoint: Checkpoint | None = None
) -> Verified:
    """Prove evidence, or say what is wrong with it.

    Args:
        data: The document.
        trusted: Keys that the caller got from the province by another way; one of them must have signed. ``None``
            believes the keys in the document, which proves only that nothing was altered since it was made.
        checkpoint: One that the caller got by another way, and verified; the document's must be the same.

    Raises:
        EvidenceFault: With a code and a sentence.
    """
    found = _read(data)
    keys = [_key(one) for one in found["keys"]]
    try:
        signed, signers = open_checkpoint(found["checkpoint"], keys)
    except NoteError as error:
        raise EvidenceFault(
            "checkpoint",
            Sentence(f"The checkpoint does not hold: {error}.", f"Điểm kiểm tra không hợp lệ: {error}."),
        ) from None
    if set(signers) != set(keys):
        raise EvidenceFault("keys", _KEYS)
    if trusted is not None and not set(trusted) & set(signers):
        raise EvidenceFault("untrusted", _UNTRUSTED)
    if checkpoint is not None and checkpoint != signed:
        raise EvidenceFault("other_checkpoint", _other_checkpoint(signed, checkpoint))
    if not found["entries"]:
        raise EvidenceFault("no_entries", _NO_ENTRIES)
    entries = [_entry(one, found["subject"], signed) for one in found["entries"]]
    if any(after[0] <= before[0] for before, after in pairwise(entries)):
        raise EvidenceFault("order", _malformed("the entries are not in the order of the log"))
    return Verified(found["subject"], signed, entries, signers, is_trusted=trusted is not None)


def _read(data: bytes) -> Mapping[str, Any]:
    """Return the document, of which the outer form has been checked."""
    if len(data) > MAX_BYTES:
        raise EvidenceFault("too_large", _malformed("it is larger than evidence can be"))
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise EvidenceFault("malformed", _malformed("it is not JSON")) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or set(found) != _MEMBERS:
        raise EvidenceFault("malformed", _malformed(f"it is not of the form {FORMAT}"))
    if data not in {_compact(found), _indented(found)}:
        raise EvidenceFault("malformed", _malformed("it was altered or reformatted after it was made"))
    texts = (found["checkpoint"], found["subject"])
    if not all(isinstance(one, str) for one in texts) or not _is_texts(found["keys"]):
        raise EvidenceFault("malformed", _malformed("a value is of the wrong kind"))
    if not isinstance(found["entries"], list):
        raise EvidenceFault("malformed", _malformed("a value is of the wrong kind"))
    return found


def _entry(found: Any, subject: str, checkpoint: Checkpoint) -> tuple[int, Leaf]:
    """Prove one entry against the checkpoint."""
    if not isinstance(found, dict) or set(found) != _ENTRY_MEMBERS or not _is_texts(found["path"]):
        raise EvidenceFault("malformed", _malformed("an entry is not of the form of entries"))
    index = found["index"]
    if not isinstance(index, int) or isinstance(index, bool) or not isinstance(found["leaf"], str):
        raise EvidenceFault("malformed", _malformed("an entry is not of the form of entries"))
    data = found["leaf"].encode()
    path = [_hash(one) for one in found["path"]]
    if not merkle.verify_inclusion(merkle.leaf_hash(data), index, checkpoint.size, path, checkpoint.root):
        raise EvidenceFault("not_included", _not_included(index))
    try:
        read = leaf.decode(data)
    except ValueError as error:
        raise EvidenceFault("leaf", _malformed(f"entry {index}: {error}")) from None
    if read.subject != subject:
        raise EvidenceFault("subject", _malformed(f"entry {index} is about something else"))
    if leaf.salted(_hash(found["salt"]), _hash(found["content_digest"])).hex() != read.digest:
        raise EvidenceFault("digest", _malformed(f"entry {index}: salt and content digest are not those of the leaf"))
    return index, read


def _key(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except NoteError as error:
        raise EvidenceFault("keys", _malformed(str(error))) from None


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise EvidenceFault("malformed", _malformed("a hash is not 64 lower-case hexadecimal digits"))
    return bytes.fromhex(text)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _compact(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _indented(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


# --- sentences ------------------------------------------------------------------------------------------------

_UNTRUSTED = Sentence(
    "None of the signatures is of the key that was given: another log made this, or the key is not the right one.",
    "Không có chữ ký nào của khóa đã cho: chứng cứ do sổ cái khác lập, hoặc khóa không đúng.",
)
_KEYS = Sentence(
    "The document names a key that did not sign its checkpoint; export the evidence again.",
    "Tài liệu nêu khóa không ký điểm kiểm tra; hãy xuất lại chứng cứ.",
)
_NO_ENTRIES = Sentence(
    "The document holds no entry, so it proves nothing.", "Tài liệu không có mục nào nên không chứng minh được gì."
)


def _malformed(what: str) -> Sentence:
    return Sentence(
        f"This is not sound evidence: {what}. Ask for a fresh export.",
        f"Chứng cứ không toàn vẹn ({what}). Hãy yêu cầu xuất lại.",
    )


def _not_included(index: int) -> Sentence:
    return Sentence(
        f"Entry {index} is not in the log that was signed: the entry, its place, its proof or the checkpoint was"
        " altered.",
        f"Mục {index} không nằm trong sổ cái đã ký: mục, vị trí, chứng minh hoặc điểm kiểm tra đã bị sửa.",
    )


def _other_checkpoint(theirs: Checkpoint, given: Checkpoint) -> Sentence:
    if (theirs.origin, theirs.size) == (given.origin, given.size):
        return Sentence(
            f"The log shows two different histories of {given.size} entries: this checkpoint and the one given differ"
            " in their root. Keep both; this is what the ledger exists to find.",
            f"Sổ cái đưa ra hai lịch sử khác nhau cho cùng {given.size} mục: gốc của hai điểm kiểm tra khác nhau."
            " Hãy giữ cả hai; đây chính là điều sổ cái dùng để phát hiện.",
        )
    return Sentence(
        f"The document is proven against {theirs.size} entries of {theirs.origin}, the checkpoint given is of"
        f" {given.size} entries of {given.origin}; export it again with: --size {given.size}",
        f"Tài liệu được chứng minh theo {theirs.size} mục của {theirs.origin}, còn điểm kiểm tra đã cho gồm"
        f" {given.size} mục của {given.origin}; hãy xuất lại với: --size {given.size}",
    )
