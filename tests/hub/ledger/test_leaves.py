"""A leaf is the bytes that the documentation says, and never holds what must not be in it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access import clients
from hub.access.scopes import Scope
from hub.ledger import leaf
from hub.ledger.entries import Entry, EntryKind, act_content, append, record_act
from tests.hub.ledger.conftest import AT, Ledger, entry

CONTENT = hashlib.sha256(b"content").digest()
EXAMPLE = (
    b'{"at":"2026-10-08T01:15:00.000000Z",'
    b'"digest":"' + hashlib.sha256(b"s" * 32 + CONTENT).hexdigest().encode() + b'",'
    b'"facts":{"number":"7","system":"national_portal"},"kind":"inbound","subject":"event-7","v":1}'
)


def encoded(**changes: Any) -> bytes:
    """The example of the documentation, with some parts changed."""
    parts: dict[str, Any] = {
        "kind": "inbound",
        "subject": "event-7",
        "at": AT,
        "digest": leaf.salted(b"s" * 32, CONTENT),
        "facts": {"system": "national_portal", "number": "7"},
    }
    return leaf.encode(**(parts | changes))


def test_the_bytes_of_a_leaf() -> None:
    """To the byte; the time in UTC wherever it was told."""
    assert encoded() == EXAMPLE
    assert encoded(at=AT.astimezone(timezone(timedelta(hours=7)))) == EXAMPLE
    assert b'"at":"2026-10-08T01:15:00.000120Z"' in encoded(at=AT + timedelta(microseconds=120))
    read = leaf.decode(EXAMPLE)
    assert (read.kind, read.subject, read.at) == ("inbound", "event-7", "2026-10-08T01:15:00.000000Z")


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), st.text(max_size=20), max_size=6))
def test_every_leaf_is_canonical_json(facts: dict[str, str]) -> None:
    """RFC 8785, against Python's own JSON: sorted names, no spaces, the shortest escapes, UTF-8."""
    data = encoded(facts=facts)
    plain = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data == plain.encode()
    assert leaf.decode(data).facts == facts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        EXAMPLE + b"\n",
        EXAMPLE.replace(b":1}", b":2}"),
        EXAMPLE.replace(b'"7"', b"7"),
        EXAMPLE.replace(b'"v":1', b'"v":1,"w":1'),
        EXAMPLE.replace(b'","facts"', b'", "facts"'),
        EXAMPLE.replace(b'"event-7"', b"null"),
        EXAMPLE.replace(b"event", b"\\u0065vent"),
    ],
)
def test_what_is_no_leaf_is_not_read(data: bytes) -> None:
    """One form for one meaning."""
    with pytest.raises(ValueError, match="leaf"):
        leaf.decode(data)


def test_a_salt_is_of_one_place() -> None:
    """BLAKE2b of a name and the number of the entry, keyed."""
    expected = hashlib.blake2b(b"lienthong ledger salt 41", key=b"k" * 32, digest_size=32).digest()
    assert leaf.salt_of(b"k" * 32, 41) == expected
    assert leaf.salt_of(b"k" * 32, 41) != leaf.salt_of(b"k" * 32, 42)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("subject", ""),
        ("subject", "x" * 129),
        ("subject", "a\nb"),
        ("at", datetime(2026, 10, 8)),  # noqa: DTZ001 - without a zone is what is refused
        ("digest", b"short"),
        ("facts", {"Name": "x"}),
        ("facts", {"name": "x" * 1001}),
        ("facts", {"name": "a\x00b"}),
        ("facts", {f"n{i}": "" for i in range(33)}),
        ("kind", EntryKind.EXCHANGE),
    ],
)
def test_an_entry_without_form_is_refused(part: str, value: Any) -> None:
    """The sealer must never meet what it cannot seal; the message does not quote what was given."""
    parts = {"kind": EntryKind.ACT, "subject": "event-1", "at": AT, "digest": CONTENT, "facts": {}}
    with pytest.raises(ValueError, match=r"ledger entry|name of a fact|exchange's entry"):
        Entry(**(parts | {part: value}))


async def test_what_a_person_typed_is_proven_and_not_shown(ledger: Ledger) -> None:
    """The reason of an act is in no leaf; whoever is shown it can check that it is the one."""
    reason = "Bà Trần Thị Mẫu, 099199000123, yêu cầu"
    async with ledger.store.transaction() as conn:
        await record_act(conn, act="exchange.dismissed", actor="client-1", target="somewhere", reason=reason, at=AT)
    await ledger.sealer.seal()
    async with ledger.store.transaction() as conn:
        [(data, digest)] = await (
            await conn.execute("SELECT leaf, digest FROM ledger_leaves WHERE subject = 'somewhere'")
        ).fetchall()
    assert leaf.decode(bytes(data)).facts == {
        "act": "exchange.dismissed",
        "actor": "client-1",
        "reason_length": str(len(reason)),
    }
    content = act_content(act="exchange.dismissed", actor="client-1", target="somewhere", reason=reason)
    assert hashlib.sha256(content).digest() == bytes(digest)
    [(_, proven)] = (await ledger.proven("somewhere")).entries
    assert proven.digest != bytes(digest).hex()


async def test_what_is_done_to_clients_and_keys_is_recorded(ledger: Ledger) -> None:
    """Who, what, to whom; and what it may do from now on."""
    made = await clients.add(
        ledger.store, name="Một cửa", scopes=[Scope.DOSSIERS_READ], agencies=["H99"], actor="an (command line)"
    )
    await clients.rotate(ledger.store, made.client_id)
    await clients.disable(ledger.store, made.client_id, actor="bình (command line)")
    await ledger.sealer.seal()
    acts = [one.facts for _, one in (await ledger.proven(made.client_id)).entries]
    assert [(one["act"], one["actor"]) for one in acts] == [
        ("client.added", "an (command line)"),
        ("client.rotated", "lienthong (program)"),
        ("client.disabled", "bình (command line)"),
    ]
    assert (acts[0]["scopes"], acts[0]["agencies"]) == ("dossiers:read", "H99")


async def test_a_code_of_a_partner_that_could_be_a_number_of_somebody_is_left_out(ledger: Ledger) -> None:
    """Codes are theirs to choose; one that holds nine digits in a row or is too long is no code."""
    identifier = "019a0000-0000-7000-8000-00000000000{}"
    codes = ["ERR-12", "099199000123", "x" * 2000, "12345678", "a\x7fb"]
    async with ledger.store.transaction() as conn:
        for n, code in enumerate(codes):
            await conn.execute(
                "INSERT INTO ledger_queue (kind, subject, at, facts) VALUES ('exchange', %s, %s, %s)",
                (identifier.format(n), AT, json.dumps({"state": "refused", "code": code})),
            )
    await ledger.sealer.seal()
    kept = [(await ledger.proven(identifier.format(n))).entries[0][1].facts.get("code") for n in range(len(codes))]
    assert kept == ["ERR-12", None, None, "12345678", None]


async def test_appending_nothing_is_nothing(ledger: Ledger) -> None:
    """No statement, no entry."""
    async with ledger.store.transaction() as conn:
        await append(conn, [])
    assert await ledger.waiting() == 0
    assert entry(1).at.tzinfo is UTC
