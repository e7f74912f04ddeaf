"""A POST that does something once: its key, its body, one transaction for the work and its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint
from hub.web.resources import Call
from hub.web.validation import read_json

if TYPE_CHECKING:
    from hub.settings import ApiSettings

Body = TypeVar("Body")


class Posting:
    """Reads the body of a POST and does its work at most once per ``Idempotency-Key``."""

    def __init__(self, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by key: they must hold nothing of a citizen. ``settings`` limit bodies."""
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def once(
        self,
        call: Call,
        reader: TypeAdapter[Body],
        work: Callable[[Body, Connection], Awaitable[bytes]],
        *,
        status: int = 200,
    ) -> Answer:
        """Do ``work`` in the transaction that stores its JSON answer; a repetition gets that answer again."""
        require_json(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        wanted = read_json(reader, body)
        key = idempotency_key(call.headers)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()

        async def do(conn: Connection) -> bytes:
            return await work(wanted, conn)

        stored, replayed = await at_most_once(self._store, claim, do, status=status)
        return Answer(stored.status, stored.body, ((b"idempotency-replayed", b"true"),) if replayed else ())
