"""Idempotency keys: a POST that is repeated with the same key gets the answer it got the first time.

The answer is stored in the transaction that does the work, so there is no instant at which the work is durable
and the answer is not. Only answers to accepted work are kept: a refusal changed nothing, and asking again is safe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.store.connections import Connection
from hub.store.engine import Store

KEEP = timedelta(days=30)
"""How long an answer is kept: longer than any outage after which a dossier system still repeats its calls."""


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """One request's claim on a key; keys belong to their client, so two clients may choose the same."""

    client_id: str
    key: str
    fingerprint: bytes
    """SHA-256 of method, path and body: what must be equal for the request to be "the same"."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What is known of a claim's key."""

    status: int
    body: bytes
    """The JSON document that was answered, to the byte."""
    same_request: bool
    """False when the key was used for another request: refuse with `key_reused`."""


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Return the SHA-256 that says whether two requests are the same."""
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(body)
    return digest.digest()


def key_reused() -> Refusal:
    """Return the refusal of a key that was already used for another request."""
    return Refusal(
        409,
        "idempotency_conflict",
        Sentence(
            en="This Idempotency-Key was already used for a different request; use a new key for new work.",
            vi="Idempotency-Key này đã được dùng cho một yêu cầu khác; hãy dùng khóa mới cho công việc mới.",
        ),
        field="Idempotency-Key",
    )


async def recall(
    conn: AsyncConnection[Any], claims: Sequence[IdempotencyClaim]
) -> dict[IdempotencyClaim, StoredAnswer]:
    """Return what is stored for these claims; a claim without an entry is new work.

    Also locks the keys until the transaction ends, so that of two transactions with the same key the second waits
    and then sees the answer of the first. Call it before taking any other lock, once per transaction, and with
    each (client, key) at most once: the second of two belongs to the next batch. Two statements, whatever the
    number of claims. The transaction must be READ COMMITTED.
    """
    if not claims:
        return {}
    # Sorted, so that two batches that share keys cannot wait for each other in a circle.
    await conn.execute(
        "SELECT pg_advisory_xact_lock(id) FROM unnest(%s::bigint[]) AS id", [sorted({_lock(one) for one in claims})]
    )
    cursor = await conn.execute(
        "SELECT k.client_id, k.key, k.fingerprint, k.status, k.body"
        " FROM unnest(%s::text[], %s::text[]) AS asked (client_id, key) JOIN idempotency_keys k USING (client_id, key)",
        [[one.client_id for one in claims], [one.key for one in claims]],
    )
    stored = {(row[0], row[1]): row[2:] for row in await cursor.fetchall()}
    answers: dict[IdempotencyClaim, StoredAnswer] = {}
    for claim in claims:
        if (row := stored.get((claim.client_id, claim.key))) is not None:
            answers[claim] = StoredAnswer(row[1], bytes(row[2]), same_request=bytes(row[0]) == claim.fingerprint)
    return answers


async def remember(conn: AsyncConnection[Any], rows: Sequence[tuple[IdempotencyClaim, int, bytes]]) -> None:
    """Store (claim, status, JSON answer) of work done in this transaction, in one statement.

    The claims must have been through `recall` in the same transaction; a key that is already stored raises
    ``psycopg.errors.UniqueViolation`` and so undoes the work that would have been done twice.
    """
    if not rows:
        return
    await conn.execute(
        "INSERT INTO idempotency_keys (client_id, key, fingerprint, status, body)"
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::smallint[], %s::bytea[])",
        [
            [claim.client_id for claim, _, _ in rows],
            [claim.key for claim, _, _ in rows],
            [claim.fingerprint for claim, _, _ in rows],
            [status for _, status, _ in rows],
            [body for _, _, body in rows],
        ],
    )


async def answered(conn: AsyncConnection[Any], claim: IdempotencyClaim) -> StoredAnswer | None:
    """Return the answer given to this request before; locks the key as `recall` does.

    Raises the `Refusal` of a key that was used for another request.
    """
    answer = (await recall(conn, [claim])).get(claim)
    if answer is not None and not answer.same_request:
        raise key_reused()
    return answer


async def once(store: Store, claim: IdempotencyClaim, work: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bool]:
    """Do ``work`` once per key and return (its JSON answer, whether that is the answer of an earlier call).

    For work that repeats harmlessly but must not be repeated late, as pausing a connection that has been resumed
    since. ``work`` commits for itself; should the process die between its commit and ours, a repetition does it
    again.
    """
    async with store.transaction() as conn:
        answer = await answered(conn, claim)
        if answer is not None:
            return answer.body, True
        body = await work()
        await remember(conn, [(claim, 200, body)])
    return body, False


async def at_most_once(
    store: Store,
    claim: IdempotencyClaim,
    work: Callable[[Connection], Awaitable[bytes]],
    *,
    status: int = 200,
) -> tuple[StoredAnswer, bool]:
    """Do ``work`` once per key, in the transaction that stores its answer; return it, and whether it was given before.

    For work that must not be done twice. ``work`` takes the connection and does not commit.
    """
    async with store.transaction() as conn:
        answer = await answered(conn, claim)
        if answer is not None:
            return answer, True
        body = await work(conn)
        await remember(conn, [(claim, status, body)])
    return StoredAnswer(status, body, same_request=True), False


async def forget_older_than(conn: AsyncConnection[Any], before: datetime, *, limit: int = 10_000) -> int:
    """Delete at most ``limit`` answers given before that moment and return how many; repeat until it is 0."""
    cursor = await conn.execute(
        "DELETE FROM idempotency_keys WHERE ctid IN"
        " (SELECT ctid FROM idempotency_keys WHERE created_at < %s ORDER BY created_at LIMIT %s)",
        [before, limit],
    )
    return cursor.rowcount


def _lock(claim: IdempotencyClaim) -> int:
    # A NUL cannot stand in a client id or a key, so the joined text is unambiguous.
    digest = hashlib.sha256(f"idempotency\0{claim.client_id}\0{claim.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
