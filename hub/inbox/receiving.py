"""Taking a message in, exactly once, and announcing what the hub itself has to say.

A message is known by the connection it came through, its kind and the sender's own id of it. The same message again
is a duplicate and stores nothing; another content under an id already used is a conflict, which is refused: nothing
is stored of it but the proof that it came, and an alert is raised. Each of the three leaves an entry in the ledger.

All functions work in the caller's transaction: what the sender is told may be said only after its commit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from psycopg import AsyncConnection
from pydantic import BaseModel

from contracts.codes import agency_of_dossier
from contracts.errors import Sentence
from contracts.inbound import Receipt
from contracts.inbox import InboxKind
from hub.alerts.service import Alert, Severity, raise_alert
from hub.ledger import entries
from hub.store.sealing import Sealer

__all__ = ["HUB", "WAKE_CHANNEL", "Inbound", "InboundFile", "Receipt", "announce", "receive"]

HUB = "hub"
"""The system of events that the hub makes itself; no connection may have this id."""

WAKE_CHANNEL = "lienthong_inbox"
"""``NOTIFY`` channel of new events; the payload is empty, and being late costs one poll."""

_SAFE_ID = re.compile(r"[0-9A-Za-z._:/+=@-]{1,100}")


@dataclass(frozen=True, slots=True)
class InboundFile:
    """A file that came inside a message; its name stands in the body."""

    number: int
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as it is kept."""

    system: str
    """Id of the connection it came through."""
    their_id: str
    """The sender's id of it. Anything that is not a short plain identifier is kept as its SHA-256."""
    kind: InboxKind
    subject: str | None
    """Code of the dossier it is about."""
    body: bytes
    """Canonical JSON of the body of `contracts.inbox`; may hold personal data."""
    at: datetime
    files: Sequence[InboundFile] = ()
    """Their SHA-256 stand in the body, so that a message with another file is another message."""
    agency_code: str | None = None
    """Whose event it is; where it is not told, the agency in the dossier code, if there is one."""


def body_context(event_id: UUID) -> str:
    """Name the place of an event's body for the sealing."""
    return f"inbox-event:{event_id}"


def file_context(event_id: UUID, number: int) -> str:
    """Name the place of a file for the sealing."""
    return f"inbox-file:{event_id}:{number}"


async def receive(conn: AsyncConnection[Any], inbound: Inbound, *, sealer: Sealer) -> Receipt:
    """Keep the message unless it is here already, and say what it was.

    Also `Receipt.CONFLICT` writes (an alert and a ledger entry): commit before the sender is told.
    """
    digest = hashlib.sha256(inbound.body).digest()
    event_id = uuid_utils.compat.uuid7()
    receipt, stored_id = await _insert(conn, inbound, event_id, digest=digest, sealer=sealer)
    if receipt is Receipt.NEW:
        await _insert_files(conn, inbound.files, event_id, sealer)
        await conn.execute("SELECT pg_notify(%s, '')", (WAKE_CHANNEL,))
    if receipt is Receipt.CONFLICT:
        await raise_alert(conn, _conflict(inbound.system, inbound.kind, stored_id), now=inbound.at)
    await entries.append(
        conn,
        [
            entries.Entry(
                kind=entries.EntryKind.INBOUND,
                subject=str(stored_id),
                at=inbound.at,
                digest=digest,
                facts={"system": inbound.system, "kind": inbound.kind.value, "receipt": receipt.value},
            )
        ],
    )
    return receipt


async def announce(
    conn: AsyncConnection[Any],
    *,
    sealer: Sealer,
    kind: InboxKind,
    subject: str | None,
    key: str,
    body: BaseModel,
    now: datetime,
    agency_code: str | None = None,
) -> bool:
    """Make an event of the hub's own, once per kind and ``key``; false when it was made already.

    ``body`` is the model that `contracts.inbox.BODIES` names for the kind. The event comes through ``GET /v1/inbox``
    and webhooks like any other.
    """
    message = Inbound(
        system=HUB,
        their_id=key,
        kind=kind,
        subject=subject,
        body=body.model_dump_json().encode(),
        at=now,
        agency_code=agency_code,
    )
    digest = hashlib.sha256(message.body).digest()
    receipt, _ = await _insert(conn, message, uuid_utils.compat.uuid7(), digest=digest, sealer=sealer)
    if receipt is Receipt.NEW:
        await conn.execute("SELECT pg_notify(%s, '')", (WAKE_CHANNEL,))
    return receipt is Receipt.NEW


_INSERT = """
INSERT INTO inbox_events (id, system, kind, their_id, subject, agency_code, content_hash, occurred_at, sealed)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (system, kind, their_id) DO NOTHING
"""


async def _insert(
    conn: AsyncConnection[Any], inbound: Inbound, event_id: UUID, *, digest: bytes, sealer: Sealer
) -> tuple[Receipt, UUID]:
    """Insert, or find what is there; a second sender of the same id waits for the first one's commit."""
    their_id = _safe(inbound.their_id)
    agency = inbound.agency_code or (agency_of_dossier(inbound.subject) if inbound.subject else None)
    cursor = await conn.execute(
        _INSERT,
        (
            event_id,
            inbound.system,
            inbound.kind.value,
            their_id,
            inbound.subject,
            agency,
            digest,
            inbound.at,
            sealer.seal(inbound.body, body_context(event_id)),
        ),
    )
    if cursor.rowcount == 1:
        return Receipt.NEW, event_id
    found = await conn.execute(
        "SELECT id, content_hash FROM inbox_events WHERE system = %s AND kind = %s AND their_id = %s",
        (inbound.system, inbound.kind.value, their_id),
    )
    row = await found.fetchone()
    if row is None:
        # Its time was over and it was removed between the two statements; a second time it cannot be in the way.
        return await _insert(conn, inbound, event_id, digest=digest, sealer=sealer)
    return (Receipt.DUPLICATE if bytes(row[1]) == digest else Receipt.CONFLICT), row[0]


async def _insert_files(
    conn: AsyncConnection[Any], files: Sequence[InboundFile], event_id: UUID, sealer: Sealer
) -> None:
    for one in files:
        await conn.execute(
            "INSERT INTO inbox_files (event_id, number, size_bytes, media_type, sealed) VALUES (%s, %s, %s, %s, %s)",
            (
                event_id,
                one.number,
                len(one.content),
                one.media_type,
                sealer.seal(one.content, file_context(event_id, one.number)),
            ),
        )


def _safe(their_id: str) -> str:
    """Return the id as it may stand in clear: a foreign text could be long, or name a person."""
    if _SAFE_ID.fullmatch(their_id):
        return their_id
    return "sha256:" + hashlib.sha256(their_id.encode(errors="surrogatepass")).hexdigest()


def _conflict(system: str, kind: InboxKind, event_id: UUID) -> Alert:
    return Alert(
        key=f"inbound-conflict:{system}:{event_id}",
        severity=Severity.WARNING,
        connection=system,
        sentence=Sentence(
            en=f"The connection {system} sent {kind.value} a second time under the same id but with other content; "
            f"it was refused. Compare with event {event_id} and ask the partner which one is right.",
            vi=f"Kết nối {system} gửi lại {kind.value} cùng mã nhưng khác nội dung; hệ thống đã từ chối. "
            f"Hãy đối chiếu với sự kiện {event_id} và hỏi bên gửi bản nào đúng.",
        ),
    )
