"""One-time addresses: a partner opens one file of one dossier, a limited number of times, for a limited time.

The random part of an address (122 bits) is the only key to it and is kept as its SHA-256. An address is used up when
its file was handed over whole; a transfer that broke gives the use back, a few times. The file itself comes from the
dossier system's own address of it, from an allow-listed host, in pieces, within a size and a time; where the dossier
knows its SHA-256, a file that differs is cut off before its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection

from contracts.dossier import Dossier, FileRef
from contracts.inbound import OpenedFile
from hub.dossiers.events_store import read_dossiers
from hub.inbox.settings import FileSourceSettings
from hub.ledger.entries import Entry, EntryKind, append
from hub.outgoing import OutgoingAnswer, OutgoingClient
from hub.store.engine import Store

MAX_STARTS = 10
"""Transfers begun under one address before a broken one is not given back any more."""

KEEP = timedelta(days=30)
"""How long a dead address is remembered, to be told from one that never was."""

_OK = 200
_log = structlog.get_logger("hub.inbox")


class FileNotFetchedError(Exception):
    """The file's source did not give it, or gave something else."""


def token_hash(token: str) -> bytes:
    """Return under what an address is kept."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def files_of(dossier: Dossier) -> Iterator[FileRef]:
    """Yield every file of a dossier: of its components and of its results."""
    for component in dossier.facts.components:
        yield from component.files
    for result in dossier.results:
        yield from result.files


async def make_addresses(
    conn: AsyncConnection[Any],
    files: Sequence[tuple[str, str]],
    *,
    connection: str,
    settings: FileSourceSettings,
    now: datetime,
) -> list[str]:
    """Return the secret part of a new address for each (dossier code, file id). Shown to nobody but the partner."""
    tokens = [str(uuid.uuid4()) for _ in files]
    await conn.execute("DELETE FROM download_addresses WHERE expires_at < %s", (now - KEEP,))
    await conn.execute(
        "INSERT INTO download_addresses (token_hash, connection, dossier_code, file_id, created_at, expires_at,"
        " uses_left) SELECT token_hash, %s, dossier_code, file_id, %s, %s, %s"
        " FROM unnest(%s::bytea[], %s::text[], %s::text[]) AS f (token_hash, dossier_code, file_id)",
        (
            connection,
            now,
            now + timedelta(minutes=settings.address_lifetime_minutes),
            settings.address_uses,
            [token_hash(one) for one in tokens],
            [code for code, _ in files],
            [file_id for _, file_id in files],
        ),
    )
    return tokens


class Downloads:
    """Opens the addresses of one connection."""

    def __init__(self, store: Store, http: OutgoingClient, settings: FileSourceSettings, *, connection: str) -> None:
        """``http`` may reach the hosts of the settings."""
        self._store = store
        self._http = http
        self._settings = settings
        self._connection = connection

    async def open(self, token: str, *, now: datetime) -> OpenedFile | None:
        """Return the file; ``None`` for an address that is unknown, used up or over.

        Raises:
            FileNotFetchedError: Its source does not give it; the use is given back.
        """
        key = token_hash(token)
        found = await self._take(key, now)
        if found is None:
            return None
        code, file_id = found
        async with self._store.transaction() as conn:
            dossiers = await read_dossiers(conn, self._store.sealer, [code])
        file = next((one for one in files_of(dossiers[code]) if one.id == file_id), None) if code in dossiers else None
        if file is None:
            return None
        calling = AsyncExitStack()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                answer = await calling.enter_async_context(self._http.get(file.url))
            _require_ok(answer)
        except BaseException as error:
            await calling.aclose()
            await self._give_back(key)
            if isinstance(error, Exception) and not isinstance(error, FileNotFetchedError):
                raise FileNotFetchedError(type(error).__name__) from error
            raise
        media_type = file.media_type or "application/octet-stream"
        return OpenedFile(media_type=media_type, content=self._pieces(calling, answer, file, key))

    async def _take(self, key: bytes, now: datetime) -> tuple[str, str] | None:
        """Use the address once; record that it was asked for, whatever comes of it."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "UPDATE download_addresses SET uses_left = uses_left - 1, fetched = fetched + 1, last_used_at = %s"
                " WHERE token_hash = %s AND connection = %s AND uses_left > 0 AND expires_at > %s"
                " RETURNING dossier_code, file_id",
                (now, key, self._connection, now),
            )
            row = await cursor.fetchone()
            if row is None:
                await conn.execute(
                    "UPDATE download_addresses SET refused = refused + 1 WHERE token_hash = %s AND connection = %s",
                    (key, self._connection),
                )
            await append(
                conn,
                [
                    Entry(
                        kind=EntryKind.INBOUND,
                        subject=row[0] if row else "unknown-address",
                        at=now,
                        digest=hashlib.sha256(key).digest(),
                        facts={"system": self._connection, "service": "file", "found": str(row is not None).lower()},
                    )
                ],
            )
        return (row[0], row[1]) if row else None

    async def _give_back(self, key: bytes) -> None:
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE download_addresses SET uses_left = uses_left + 1 WHERE token_hash = %s AND fetched < %s",
                (key, MAX_STARTS),
            )

    async def _pieces(
        self, calling: AsyncExitStack, answer: OutgoingAnswer, file: FileRef, key: bytes
    ) -> AsyncGenerator[bytes]:
        digest, size, whole = hashlib.sha256(), 0, False
        deadline = asyncio.get_running_loop().time() + self._settings.timeout_seconds
        pieces = aiter(answer.content)
        try:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    break
                size += len(piece)
                digest.update(piece)
                if size > self._settings.max_bytes:
                    raise FileNotFetchedError("larger than inbound.files.max_bytes")
                yield piece
            if file.sha256 is not None and digest.hexdigest() != file.sha256:
                raise FileNotFetchedError("not the file that the dossier names")
            whole = True
        finally:
            await calling.aclose()
            if not whole:
                _log.warning("file_not_handed_over", connection=self._connection, bytes=size)
                await self._give_back(key)


def _require_ok(answer: OutgoingAnswer) -> None:
    if answer.status != _OK:
        message = f"the source answered {answer.status}"
        raise FileNotFetchedError(message)
