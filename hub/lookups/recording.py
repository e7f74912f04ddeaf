"""Recording look-ups: written down, and committed to in the ledger, before the partner is asked.

What was asked is sealed with a random salt; the ledger holds the digest of both, so that it proves the record and
tells nothing of it. How it ended is noted afterwards.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg import AsyncConnection
from pydantic import BaseModel

from contracts.errors import Sentence
from contracts.lookups import Actor
from hub.access.agencies import covers, require_agency
from hub.errors import Refusal
from hub.ledger.entries import Entry, EntryKind, append
from hub.store.engine import Store
from hub.web.partner import connection_paused

SALT_BYTES = 32

_UNIT_NOT_ALLOWED = Sentence(
    "This client may not act for the officer's unit; ask the operator of the hub.",
    "Ứng dụng này không được phép thao tác cho đơn vị của cán bộ; hãy liên hệ quản trị viên.",
)


@dataclass(frozen=True, slots=True)
class LookupCaller:
    """The API client that calls, and for which agencies."""

    client_id: str
    agencies: Sequence[str]


def lookup_context(lookup_id: UUID | str) -> str:
    """Name the place of a record for the sealing."""
    return f"lookup_records:{lookup_id}"


class LookupRecorder:
    """Writes look-ups down."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(
        self,
        kind: str,
        *,
        connection: str,
        caller: LookupCaller,
        actor: Actor,
        dossier_code: str,
        question: BaseModel,
        now: datetime,
    ) -> UUID:
        """Write down what is about to be asked and return its id, durable.

        Refuses with 403 what the client may not ask for, and with 503 while the connection is paused.
        """
        require_agency(caller.agencies, dossier_code)
        if not covers(caller.agencies, actor.unit_code):
            raise Refusal(403, "unit_not_allowed", _UNIT_NOT_ALLOWED, field="actor.unit_code")
        lookup_id = uuid_utils.compat.uuid7()
        content = orjson.dumps({"salt": secrets.token_hex(SALT_BYTES), "question": question.model_dump(mode="json")})
        async with self._store.transaction() as conn:
            await _require_open(conn, connection)
            await conn.execute(
                "INSERT INTO lookup_records (id, kind, connection, client_id, account_id, agency_code, dossier_code,"
                " asked_at, outcome, sealed) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'asked', %s)",
                (
                    lookup_id,
                    kind,
                    connection,
                    caller.client_id,
                    actor.account_id,
                    actor.unit_code,
                    dossier_code,
                    now,
                    self._store.sealer.seal(content, lookup_context(lookup_id)),
                ),
            )
            facts: Mapping[str, str] = {
                "act": f"lookup.{kind}",
                "actor": caller.client_id,
                "unit": actor.unit_code,
                "dossier": dossier_code,
                "connection": connection,
            }
            digest = hashlib.sha256(content).digest()
            await append(conn, [Entry(EntryKind.ACT, str(lookup_id), now, digest, facts)])
        return lookup_id

    async def finish(self, lookup_id: UUID, *, outcome: str, found: int | None, now: datetime) -> None:
        """Note how it ended."""
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE lookup_records SET ended_at = %s, outcome = %s, found = %s WHERE id = %s",
                (now, outcome, found, lookup_id),
            )


async def _require_open(conn: AsyncConnection[Any], connection: str) -> None:
    cursor = await conn.execute("SELECT 1 FROM connections WHERE id = %s AND paused", (connection,))
    if await cursor.fetchone() is not None:
        raise connection_paused()
