"""The tree is that of RFC 6962 and RFC 9162: reference vectors, and a naive recursive implementation."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ledger import merkle
from hub.ledger.merkle import Edge

# The reference vectors of certificate-transparency-go and transparency-dev/merkle ("testonly/reference").
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Each: the place of the leaf, the size of the tree, the path.
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
# Each: the older size, the newer, the path.
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def hashes(count: int) -> list[bytes]:
    """Return the hashes of so many different leaves."""
    return [merkle.leaf_hash(b"leaf %d" % i) for i in range(count)]


MANY = hashes(700)


@cache
def naive(first: int, end: int) -> bytes:
    """RFC 9162, 2.1.1, word for word, over `MANY`."""
    if end == first:
        return sha256().digest()
    if end - first == 1:
        return MANY[first]
    k = 1
    while k * 2 < end - first:
        k *= 2
    return merkle.node_hash(naive(first, first + k), naive(first + k, end))


def naive_path(m: int, first: int, end: int) -> list[bytes]:
    """RFC 9162, 2.1.3.1, word for word."""
    if end - first == 1:
        return []
    k = 1
    while k * 2 < end - first:
        k *= 2
    if m < k:
        return [*naive_path(m, first, first + k), naive(first + k, end)]
    return [*naive_path(m - k, first + k, end), naive(first, first + k)]


def naive_proof(m: int, first: int, end: int, *, known: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1, word for word."""
    if m == end - first:
        return [] if known else [naive(first, end)]
    k = 1
    while k * 2 < end - first:
        k *= 2
    if m <= k:
        return [*naive_proof(m, first, first + k, known=known), naive(first + k, end)]
    return [*naive_proof(m - k, first + k, end, known=False), naive(first, first + k)]


def of_ranges(ranges: list[merkle.Range], leaves: list[bytes]) -> list[bytes]:
    """Return the hash of each range, from its complete subtrees."""
    return [
        merkle.join(
            [
                merkle.root_of_complete(leaves[node.place << node.level : (node.place + 1) << node.level])
                for node in merkle.complete_nodes(first, end)
            ]
        )
        for first, end in ranges
    ]


REFERENCE = [merkle.leaf_hash(one) for one in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference(size: int) -> None:
    """Trees of 0 to 8 leaves."""
    edge = Edge()
    edge.append(REFERENCE[:size])
    assert edge.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_paths_are_those_of_the_reference(index: int, size: int, path: list[str]) -> None:
    """Inclusion, both ways."""
    made = of_ranges(merkle.inclusion_ranges(index, size), REFERENCE)
    assert [one.hex() for one in made] == path
    root = bytes.fromhex(ROOTS[size])
    assert merkle.verify_inclusion(REFERENCE[index], index, size, [bytes.fromhex(one) for one in path], root)


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_the_proofs_of_consistency_are_those_of_the_reference(old: int, new: int, path: list[str]) -> None:
    """Consistency, both ways."""
    made = of_ranges(merkle.consistency_ranges(old, new), REFERENCE)
    assert [one.hex() for one in made] == path
    roots = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert merkle.verify_consistency(old, new, [bytes.fromhex(one) for one in path], *roots)


def test_every_pair_of_small_sizes_is_consistent_and_every_leaf_included() -> None:
    """All leaves of all trees up to 40, all pairs of sizes: equal to the naive tree, and verified."""
    for new in range(1, 41):
        root = naive(0, new)
        for index in range(new):
            path = of_ranges(merkle.inclusion_ranges(index, new), MANY)
            assert path == naive_path(index, 0, new)
            assert merkle.verify_inclusion(MANY[index], index, new, path, root)
        for old in range(1, new + 1):
            proof = of_ranges(merkle.consistency_ranges(old, new), MANY)
            assert proof == naive_proof(old, 0, new)
            assert merkle.verify_consistency(old, new, proof, naive(0, old), root)


@settings(max_examples=60)
@given(st.data())
def test_what_is_stored_makes_every_hash(data: st.DataObject) -> None:
    """Added in any portions, from what a restart finds, the stored hashes make the root and every proof."""
    portions = data.draw(st.lists(st.integers(0, 150), min_size=1, max_size=4))
    size = 0
    stored: dict[tuple[int, int], bytes] = {}
    for count in portions:
        rows = [
            (level, index, stored[level, index])
            for level, first, end in Edge.wanted(size)
            for index in range(first, end)
        ]
        edge = Edge(size, rows)
        fresh = MANY[size : size + count]
        stored.update({(0, size + i): one for i, one in enumerate(fresh)})
        for level, index, value in edge.append(fresh):
            assert (level, index) not in stored
            stored[level, index] = value
        size += count
        assert edge.root() == naive(0, size)
        assert edge.size == size
    if size == 0:
        return
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))

    def read(first: int, end: int) -> bytes:
        parts: list[bytes] = []
        for node in merkle.complete_nodes(first, end):
            level, begin, stop = merkle.stored_rows(node)
            parts.append(merkle.root_of_complete([stored[level, one] for one in range(begin, stop)]))
        return merkle.join(parts)

    assert [read(*one) for one in merkle.inclusion_ranges(index, size)] == naive_path(index, 0, size)
    assert [read(*one) for one in merkle.consistency_ranges(old, size)] == naive_proof(old, 0, size)


@settings(max_examples=150)
@given(st.data())
def test_a_proof_proves_nothing_else(data: st.DataObject) -> None:
    """Another place, size, leaf, or path does not verify; nor does one shortened or lengthened."""
    size = data.draw(st.integers(2, 200))
    index = data.draw(st.integers(0, size - 1))
    path = naive_path(index, 0, size)
    root = naive(0, size)
    other = data.draw(st.integers(0, size + 3).filter(lambda one: one != index))
    assert not merkle.verify_inclusion(MANY[index], other, size, path, root)
    assert not merkle.verify_inclusion(MANY[other], index, size, path, root)
    assert not merkle.verify_inclusion(MANY[index], index, size, path[:-1], root)
    assert not merkle.verify_inclusion(MANY[index], index, size, [*path, root], root)
    old = data.draw(st.integers(1, size - 1))
    proof = naive_proof(old, 0, size)
    assert not merkle.verify_consistency(old, size, [*proof, root], naive(0, old), root)
    assert not merkle.verify_consistency(old, size, proof[:-1], naive(0, old), root)
    if old > 1:
        assert not merkle.verify_consistency(old - 1, size, proof, naive(0, old), root)
    assert not merkle.verify_consistency(old, size, proof, MANY[500], root)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_sizes_out_of_order_are_refused(old: int, new: int) -> None:
    """Nothing is proven about an empty tree, or one larger than the newer."""
    with pytest.raises(ValueError, match="consistency needs"):
        merkle.consistency_ranges(old, new)
    assert not merkle.verify_consistency(old, new, [], EMPTY, EMPTY)
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_ranges(new, new)


EMPTY = merkle.EMPTY_ROOT
