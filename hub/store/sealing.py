"""Sealing of what must not lie in the database in clear: AES-256-GCM under data keys (NIST SP 800-38D).

A sealed value, version 1::

    offset  bytes  what
    0       1      version, 0x01
    1       4      id of the data key, unsigned, big endian
    5       12     nonce, random for every value
    17      n+16   ciphertext and the 16-byte authentication tag

The additional authenticated data are the first 5 bytes followed by the context in UTF-8. The context names
the place where the value belongs (``dossier-body:H99.12-261008-0001:3``): a value copied to another row or
column does not open there.

Data keys are 256 random bits, one of them active at a time. They lie wrapped in table ``data_keys``; see
`hub.store.keys`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import Sentence
from hub.store.errors import SealError

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
HEADER_BYTES = 5
OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES
"""How much longer a sealed value is than the plain one."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """An unwrapped data key. ``active_from`` is a time of `time.monotonic`; before it the key only opens."""

    id: int
    secret: bytes
    active_from: float

    def __repr__(self) -> str:
        return f"DataKey(id={self.id})"


def header(data_key_id: int) -> bytes:
    """Return the first 5 bytes of every value sealed with this data key."""
    return bytes((VERSION,)) + data_key_id.to_bytes(4, "big")


def sealed_with(blob: bytes) -> int:
    """Return the id of the data key a sealed value names, without opening it.

    Raises:
        SealError: The value is not a sealed value.
    """
    if len(blob) < OVERHEAD_BYTES or blob[0] != VERSION:
        raise SealError(
            Sentence(
                en="A stored value is not in the sealed format.", vi="Một giá trị lưu trữ không đúng dạng niêm phong."
            ),
            code="not_sealed",
        )
    return int.from_bytes(blob[1:HEADER_BYTES], "big")


class _Active(NamedTuple):
    """What seals now, made ready when it is chosen and never altered: one value, so that threads see all of it."""

    key_id: int
    head: bytes
    cipher: AESGCM


class Sealer:
    """Seals with the active data key, opens with any known one. Safe to share between tasks and threads."""

    def __init__(self, keys: Iterable[DataKey]) -> None:
        self._ciphers: dict[int, AESGCM] = {}
        self._order: list[DataKey] = []
        self._active: _Active | None = None
        self._switch_at = 0.0
        self._seals: dict[int, int] = {}
        self.replace(keys)

    def replace(self, keys: Iterable[DataKey]) -> None:
        """Take over a new set of data keys, e.g. after a rotation; unused ones are forgotten."""
        order = sorted(keys, key=lambda key: (key.active_from, key.id))
        # A new dictionary, so that a thread that is opening a value keeps the old one whole.
        self._ciphers = {key.id: self._ciphers.get(key.id) or AESGCM(key.secret) for key in order}
        self._order = order
        self._choose_active()

    @property
    def key_ids(self) -> frozenset[int]:
        """The ids of the data keys with which values can be opened."""
        return frozenset(self._ciphers)

    @property
    def active_id(self) -> int:
        """The id of the data key that seals now.

        Raises:
            SealError: There is none.
        """
        return self._current().key_id

    def seal(self, plain: bytes, context: str) -> bytes:
        """Seal ``plain`` for the place that ``context`` names.

        Raises:
            SealError: There is no active data key.
        """
        key_id, head, cipher = self._current()
        nonce = os.urandom(NONCE_BYTES)
        self._seals[key_id] = self._seals.get(key_id, 0) + 1
        return head + nonce + cipher.encrypt(nonce, plain, head + context.encode())

    def open(self, blob: bytes, context: str) -> bytes:
        """Return the plain value.

        Raises:
            SealError: The value was altered, does not belong to this context, or its data key is unknown.
        """
        blob = bytes(blob)
        cipher = self._ciphers.get(sealed_with(blob))
        if cipher is None:
            raise SealError(
                Sentence(
                    en="A stored value is sealed with a data key that this process does not know.",
                    vi="Một giá trị lưu trữ được niêm phong bằng khóa dữ liệu mà tiến trình này không có.",
                ),
                code="data_key_unknown",
            )
        head = blob[:HEADER_BYTES]
        body = HEADER_BYTES + NONCE_BYTES
        try:
            return cipher.decrypt(blob[HEADER_BYTES:body], blob[body:], head + context.encode())
        except InvalidTag as error:
            raise SealError(
                Sentence(
                    en="A stored value does not open here: it was altered, or it belongs to another record.",
                    vi="Không mở được một giá trị lưu trữ: giá trị đã bị sửa hoặc thuộc về bản ghi khác.",
                ),
                code="seal_broken",
            ) from error

    def take_counts(self) -> dict[int, int]:
        """Return how many values each data key sealed since the last call; the store adds them up."""
        taken, self._seals = self._seals, {}
        return taken

    def _current(self) -> _Active:
        if monotonic() >= self._switch_at:
            self._choose_active()
        if self._active is None:
            raise SealError(
                Sentence(en="There is no active data key.", vi="Không có khóa dữ liệu nào đang hoạt động."),
                code="no_active_key",
            )
        return self._active

    def _choose_active(self) -> None:
        now = monotonic()
        key = next((key for key in reversed(self._order) if key.active_from <= now), None)
        self._active = None if key is None else _Active(key.id, header(key.id), self._ciphers[key.id])
        self._switch_at = next((key.active_from for key in self._order if key.active_from > now), float("inf"))
