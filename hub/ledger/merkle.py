"""The arithmetic of the Merkle tree of RFC 9162, section 2.1 (SHA-256; the hashing of RFC 6962). No input, no output.

A tree of ``size`` leaves is hashed as its left half, the largest power of two that is smaller, and the rest. What a
proof names are therefore *ranges* of leaves, first and end, each aligned; a range is one complete subtree or, at
the right edge, a few of them side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""Root of the tree without leaves."""

Range = tuple[int, int]
"""First leaf and the one after the last."""


class Node(NamedTuple):
    """A complete subtree: the leaves from ``place * 2**level`` on, ``2**level`` of them."""

    level: int
    place: int


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and its bytes."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and the hashes below it."""
    return sha256(b"\x01" + left + right).digest()


def join(hashes: Sequence[bytes]) -> bytes:
    """Return the hash above complete subtrees that stand side by side, the largest first: folded from the right."""
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes[:-1]), hashes[-1])


def root_of_complete(hashes: Sequence[bytes]) -> bytes:
    """Return the hash above ``2**n`` equal subtrees."""
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]


def split(first: int, end: int) -> int:
    """Return where the range of two or more leaves is divided: after the largest power of two smaller than it."""
    return first + (1 << ((end - first - 1).bit_length() - 1))


def complete_nodes(first: int, end: int) -> list[Node]:
    """Return the complete subtrees that a range of a tree consists of, from the left; none for an empty range.

    ``first`` must be aligned as the ranges of proofs are: to the largest power of two within the range.
    """
    nodes: list[Node] = []
    while first < end:
        level = (end - first).bit_length() - 1
        nodes.append(Node(level, first >> level))
        first += 1 << level
    return nodes


# --- proofs ---------------------------------------------------------------------------------------------------


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove that leaf ``index`` is in the tree of ``size``, nearest first.

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    ranges: list[Range] = []
    first, end = 0, size
    while end - first > 1:
        middle = split(first, end)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Return the ranges whose hashes prove that the tree of ``old`` leaves is the beginning of the tree of ``new``.

    Raises:
        ValueError: The sizes are not 0 < old ≤ new.
    """
    if not 0 < old <= new:
        raise ValueError("consistency needs two sizes, the older one not empty and not the larger")
    ranges: list[Range] = []
    first, end = 0, new
    while old != end:
        middle = split(first, end)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    if first > 0:
        ranges.append((first, end))
    return ranges[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether ``path`` leads from the hash ``leaf`` at ``index`` to ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    found = leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        place >>= 1
        last >>= 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Say whether ``path`` proves that the older tree is the beginning of the newer (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older = node_hash(step, older)
            newer = node_hash(step, newer)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, step)
        place >>= 1
        last >>= 1
    return last == 0 and older == old_root and newer == new_root


# --- what is stored --------------------------------------------------------------------------------------------

STEP = 4
"""Hashes are kept of every fourth level, leaves included; one between follows from at most 8 of these."""

BLOCK = 1 << STEP


def stored_level(level: int) -> int:
    """Return the level whose stored hashes make those of ``level``."""
    return level // STEP * STEP


def stored_rows(node: Node) -> tuple[int, int, int]:
    """Return which stored hashes make that of ``node``: their level, the first index and the one after the last."""
    level = stored_level(node.level)
    height = node.level - level
    return level, node.place << height, (node.place + 1) << height


class Edge:
    """The right edge of a tree, all that is needed to add leaves and to know the root: fewer than 16 per level."""

    def __init__(self, size: int = 0, rows: Iterable[tuple[int, int, bytes]] = ()) -> None:
        """Take the edge from what is stored; ``rows`` are (level, index, hash), those `wanted` names.

        Raises:
            ValueError: One of them is missing.
        """
        self.size = size
        found = {(level, index): value for level, index, value in rows}
        try:
            self._blocks = [
                [found[level, index] for index in range(first, end)] for level, first, end in self.wanted(size)
            ]
        except KeyError:
            raise ValueError("the stored tree lacks a hash at its right edge") from None

    @staticmethod
    def wanted(size: int) -> list[tuple[int, int, int]]:
        """Return which stored hashes are the edge of a tree: level, first index, end; the leaves first."""
        levels = range(0, max(size.bit_length(), 1), STEP)
        return [(level, (size >> level) // BLOCK * BLOCK, size >> level) for level in levels]

    def append(self, hashes: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
        """Add leaves by their hashes; return the inner hashes to be stored: level, index, hash."""
        stored: list[tuple[int, int, bytes]] = []
        row, level = list(hashes), 0
        while row:
            if len(self._blocks) <= level // STEP:
                self._blocks.append([])
            block = self._blocks[level // STEP] + row
            index = (self.size >> level) // BLOCK
            whole = len(block) // BLOCK
            row = [root_of_complete(block[i * BLOCK : (i + 1) * BLOCK]) for i in range(whole)]
            self._blocks[level // STEP] = block[whole * BLOCK :]
            level += STEP
            stored.extend((level, index + i, value) for i, value in enumerate(row))
        self.size += len(hashes)
        return stored

    def root(self) -> bytes:
        """Return the root of the tree."""
        peaks: list[bytes] = []
        for block in reversed(self._blocks):
            taken = 0
            for node in complete_nodes(0, len(block)):
                width = 1 << node.level
                peaks.append(root_of_complete(block[taken : taken + width]))
                taken += width
        return join(peaks) if peaks else EMPTY_ROOT
