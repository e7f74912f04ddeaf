"""The desk: what the hub does for an adapter that answers its partner's calls (`contracts.inbound.InboundDesk`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic_core import PydanticCustomError

from contracts.codes import parse_dossier_code
from contracts.dossier import Dossier
from contracts.errors import Sentence
from contracts.inbound import InboundMessage, OpenedFile, Receipt
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.dossiers.events_store import read_dossiers
from hub.inbox.downloads import Downloads
from hub.inbox.receiving import Inbound, InboundFile, receive
from hub.ledger.entries import Entry, EntryKind, append
from hub.store.connections import Connection
from hub.store.engine import Store


class Desk:
    """The desk of one connection."""

    def __init__(
        self,
        store: Store,
        connection_id: str,
        downloads: Downloads,
        *,
        clock_tolerance: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``clock_tolerance`` is how far ahead the partner's clock may be before a person is told."""
        self._store = store
        self._connection = connection_id
        self._downloads = downloads
        self._tolerance = clock_tolerance
        self._now = now

    async def receive(self, message: InboundMessage) -> Receipt:
        """Keep the message; returns after the commit."""
        now = self._now()
        async with self._store.transaction() as conn:
            receipt = await receive(
                conn,
                Inbound(
                    system=self._connection,
                    their_id=message.their_id,
                    kind=message.kind,
                    subject=message.subject,
                    body=message.body.model_dump_json().encode(),
                    at=now,
                    files=[InboundFile(one.number, one.media_type, one.content) for one in message.files],
                    agency_code=message.agency_code,
                ),
                sealer=self._store.sealer,
            )
            if message.sent_at is not None:
                await self._watch_clock(conn, message.sent_at, now)
        return receipt

    async def refuse_message(self, body: bytes, *, service: str) -> None:
        """Record that a message was refused for its form: when, and the digest of what came."""
        digest = hashlib.sha256(body).digest()
        async with self._store.transaction() as conn:
            await append(
                conn,
                [
                    Entry(
                        kind=EntryKind.INBOUND,
                        subject="refused-message",
                        at=self._now(),
                        digest=digest,
                        facts={"system": self._connection, "service": service, "receipt": "refused"},
                    )
                ],
            )

    async def find_dossier(self, code: str, *, service: str) -> Dossier | None:
        """Return the dossier, and record that the partner asked."""
        now = self._now()
        try:
            known_form = parse_dossier_code(code)
        except PydanticCustomError:
            known_form = None
        async with self._store.transaction() as conn:
            found = (
                (await read_dossiers(conn, self._store.sealer, [known_form])).get(known_form) if known_form else None
            )
            await append(
                conn,
                [
                    Entry(
                        kind=EntryKind.INBOUND,
                        # What is no dossier code may be anything, also somebody's number.
                        subject=known_form or "not-a-dossier-code",
                        at=now,
                        digest=hashlib.sha256(f"{service}\n{code}".encode(errors="surrogatepass")).digest(),
                        facts={"system": self._connection, "service": service, "found": str(found is not None).lower()},
                    )
                ],
            )
        return found

    async def open_file(self, token: str) -> OpenedFile | None:
        """Return the file that a one-time address stands for."""
        return await self._downloads.open(token, now=self._now())

    async def _watch_clock(self, conn: Connection, sent_at: datetime, now: datetime) -> None:
        """Tell a person when the partner's messages come from the future; the past may only be a slow road."""
        key = f"inbound-clock:{self._connection}"
        ahead = sent_at - now
        if ahead <= self._tolerance:
            await clear_alert(conn, key, now=now)
            return
        minutes = round(ahead.total_seconds() / 60)
        await raise_alert(
            conn,
            Alert(
                key=key,
                severity=Severity.WARNING,
                connection=self._connection,
                sentence=Sentence(
                    en=f"Messages of {self._connection} are dated {minutes} minutes ahead of this machine; they are "
                    "kept with our time. Check the clock of this machine (NTP) first, then tell the partner.",
                    vi=f"Thông điệp của {self._connection} ghi giờ sớm hơn máy này {minutes} phút; hệ thống vẫn nhận "
                    "và ghi theo giờ của mình. Hãy kiểm tra đồng hồ máy này (NTP) trước rồi báo đối tác.",
                ),
            ),
            now=now,
        )
