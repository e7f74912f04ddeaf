"""Look-ups that have a record and no gate of their own: technical ids, and the personal e-document store.

They go into the same log, in the same way: committed before the partner is asked, on disk with their end before the
answer is given. An account that is registered and may not look people up just now may not do this either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson
import uuid_utils
from pydantic import BaseModel

from contracts.errors import LienThongError, Sentence
from contracts.lookups import Actor
from hub.access.agencies import covers, require_agency
from hub.accounts.directory import read_accounts, today
from hub.errors import Refusal
from hub.lookups import metrics
from hub.lookups.refusals import refusal
from hub.lookups.rows import EndRow, LookupOutcome, LookupRow, SubjectKind, asked_about, lookup_context, salted
from hub.lookups.scope import state_refusal
from hub.lookups.subjects import SubjectHasher
from hub.lookups.writer import LogWriter
from hub.store.engine import Store
from hub.web.partner import refusal_of

__all__ = ["LookupCaller", "LookupRecorder", "asked", "lookup_context", "require_unit"]

T = TypeVar("T")

_UNIT_NOT_ALLOWED = Sentence(
    "This client may not act for the officer's unit; ask the operator of the hub.",
    "Ứng dụng này không được phép thao tác cho đơn vị của cán bộ; hãy liên hệ quản trị viên.",
)

_TAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class LookupCaller:
    """The API client that calls, and for which agencies."""

    client_id: str
    agencies: Sequence[str]


def require_unit(caller: LookupCaller, actor: Actor) -> None:
    """Refuse (403) a client that acts for an officer of a unit it was not given."""
    if not covers(caller.agencies, actor.unit_code):
        raise Refusal(403, "unit_not_allowed", _UNIT_NOT_ALLOWED, field="actor.unit_code")


class LookupRecorder:
    """Writes look-ups down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = LogWriter(store)
        self._hasher: SubjectHasher | None = None

    async def begin(
        self,
        kind: str,
        *,
        connection: str,
        caller: LookupCaller,
        actor: Actor,
        dossier_code: str,
        question: BaseModel,
        subject: str | bytes | None,
        now: datetime,
    ) -> LookupRow:
        """Write down what is about to be asked and return it, committed.

        ``subject`` is the number that is asked for, or its hash where that is all that is known.
        Refuses with 403 what the client may not ask for, and with 503 while the connection is paused.
        """
        require_agency(caller.agencies, dossier_code)
        require_unit(caller, actor)
        async with self._store.transaction() as conn:
            accounts = await read_accounts(conn, self._store.sealer, [actor.account_id], day=today(now))
        account = accounts.get(actor.account_id)
        denied = None if account is None else state_refusal(account)
        number = subject if isinstance(subject, str) else ""
        row = LookupRow(
            id=str(uuid_utils.uuid7()),
            asked_at=now,
            kind=kind,
            connection=connection,
            client_id=caller.client_id,
            account_id=actor.account_id,
            role="" if account is None else account.role,
            unit_code=actor.unit_code,
            ip=actor.ip,
            dossier_code=dossier_code,
            procedure_root=None,
            purpose="",
            break_glass=False,
            subject_hash=await self._hash(subject),
            subject_kind=(SubjectKind.ENTERPRISE if _is_enterprise(number) else SubjectKind.PERSON).value,
            gate={"code": "recorded" if denied is None else "denied"},
            content=salted({"subject": number, "question": orjson.Fragment(question.model_dump_json())}),
        )
        if denied is not None:
            await self._writer.whole(row, EndRow(row.id, now, now, LookupOutcome.DENIED.value, denied_code=denied))
            metrics.ended(kind, LookupOutcome.DENIED.value, denied_code=denied)
            raise refusal(denied)
        await self._writer.begin(row)
        return row

    async def finish(
        self,
        row: LookupRow,
        outcome: LookupOutcome,
        *,
        now: datetime,
        found: int | None = None,
        error: str | None = None,
    ) -> None:
        """Write down how it ended, durable; raises ``StoreUnavailable``."""
        metrics.ended(row.kind, outcome.value)
        await self._writer.end(EndRow(row.id, row.asked_at, now, outcome.value, found=found, error=error), row)

    async def subject_of(self, lookup_id: UUID) -> bytes | None:
        """Return the hash of who an earlier look-up was about, where the log has it."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT subject_hash FROM lookups WHERE id = %s AND asked_at BETWEEN %s AND %s",
                (lookup_id, *asked_about(lookup_id)),
            )
            row = await cursor.fetchone()
        return None if row is None or row[0] is None else bytes(row[0])

    async def _hash(self, subject: str | bytes | None) -> bytes | None:
        if not isinstance(subject, str):
            return subject
        if self._hasher is None:
            self._hasher = await SubjectHasher.open(self._store)
        return self._hasher.hash(subject)


async def asked(
    recorder: LookupRecorder,
    row: LookupRow,
    question: Callable[[], Awaitable[T]],
    *,
    count: Callable[[T], int],
    now: Callable[[], datetime],
) -> T:
    """Ask, and write down how it ended; a failure becomes the refusal that the caller is told."""
    try:
        answer = await question()
    except LienThongError as error:
        await recorder.finish(row, LookupOutcome.FAILED, error=type(error).__name__, now=now())
        raise refusal_of(error) from None
    found = count(answer)
    outcome = LookupOutcome.FOUND if found else LookupOutcome.NOT_FOUND
    await recorder.finish(row, outcome, found=found, now=now())
    return answer


def _is_enterprise(number: str) -> bool:
    return bool(number) and len(number) != _TAX_DIGITS
