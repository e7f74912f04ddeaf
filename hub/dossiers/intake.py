"""Taking dossiers in: many callers, one commit, and nothing answered before it is durable.

Calls that arrive together are written together: one transaction reads the heads of their dossiers, decides
each call by itself, and writes events, heads and exchanges in a few statements for all. A call that is
refused changes nothing and does not disturb the others; a batch that fails as a whole is done again call by
call, so that one bad apple is found and the rest is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import AsyncConnection, errors

from contracts.dossier import DossierFacts
from contracts.events import Event
from contracts.history import DECLARED
from contracts.rules import DossierRules, RuleBroken
from hub.dossiers.advice import Advisor
from hub.dossiers.decisions import Caller, Change, Decisions, Recorded
from hub.dossiers.events_store import read_dossiers
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.views import Receipt
from hub.dossiers.writing import Head, Written, read_heads, write_new, write_revisions
from hub.errors import Refusal, RuleViolation
from hub.exchanges.outbox import (
    WAKE_CHANNEL,
    enqueue,
    supersede,
)
from hub.profiles.profile import load_profile
from hub.profiles.values import ProfileValues
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from hub.store.own_connections import OwnConnections, Statement
from hub.store.shared_commits import SharedCommits
from hub.web.idempotency import IdempotencyClaim, key_reused, recall, remember

_log = logging.getLogger(__name__)

MAX_BATCH = 32
"""Calls of one commit. More gains nothing: the commit is already a small part of the cost, and while the database works
at a long one, everybody else on its processor waits."""

_CREATED = 201

_NOTIFY: Final = Statement(f"NOTIFY {WAKE_CHANNEL}")
_NOTIFY_SECONDS = 0.01

WRITERS = 2
"""Commits under way at once, see `hub.store.shared_commits`."""

_CROSSED = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""Another node wrote the same dossier at the same time; what it wrote is read when the call is done again."""

_TRIES = 3


class DossierIntake:
    """Accepts declarations and events; see the module for how."""

    def __init__(
        self,
        store: Store,
        *,
        publishers: Sequence[str],
        rules: DossierRules,
        procedures: ProcedureIndex,
        profile: ProfileValues | None = None,
        own_connections: bool = False,
    ) -> None:
        """``publishers`` are the connections that follow dossiers, in the order of configuration.

        ``own_connections`` keeps a database connection for each writer, beside the pool; then close it.

        ``profile`` gives the terms that advice goes by; the default profile's where it is not given.
        """
        self._store = store
        self._publishers = tuple(publishers)
        self._decisions = Decisions(rules, publishers, Advisor(profile or load_profile()))
        self._procedures = procedures
        # One more than there are writers, for the word to the workers.
        self._connections = OwnConnections(store, WRITERS + 1 if own_connections else 0)
        # None of two or three beside another: they would cost more than they bring forward.
        self._commits = SharedCommits(
            self._write_wanted, most=MAX_BATCH, writers=WRITERS, least_beside=MAX_BATCH, keys_of=_keys_of
        )
        self._waking: asyncio.Task[None] | None = None

    async def put(
        self,
        *,
        code: str,
        facts: DossierFacts,
        caller: Caller,
        if_match: int | None = None,
        if_none_match: bool = False,
        body: bytes | None = None,
    ) -> Receipt:
        """Declare a dossier, or replace its facts; the same facts again make no revision.

        ``body`` is the JSON document that ``facts`` were read from, where the caller has it: what is kept is then
        what was said, to the byte.

        Returns after the commit. Raises `Refusal` (nothing was stored) or ``StoreUnavailable``.
        """
        await self._procedures.refresh_if_old()
        self._procedures.require(facts.procedure.code, facts.submitted_at)
        change = Change(code, facts, caller, _future(), if_match=if_match, if_none_match=if_none_match)
        if body is not None:
            change.body = body
        return (await self._submit(change)).receipt

    async def record(
        self,
        *,
        code: str,
        event: Event,
        caller: Caller,
        claim: IdempotencyClaim,
        if_match: int | None = None,
    ) -> Recorded:
        """Record what happened to a dossier, once per idempotency key.

        Returns after the commit. Raises `Refusal` (nothing was stored) or ``StoreUnavailable``.
        """
        return await self._submit(Change(code, event, caller, _future(), if_match=if_match, claim=claim))

    async def aclose(self) -> None:
        """Finish what has been accepted for writing."""
        await self._commits.aclose()
        if self._waking is not None:
            await asyncio.wait((self._waking,))
        await self._connections.aclose()

    # --- batching -------------------------------------------------------------------------------------------

    async def _submit(self, change: Change) -> Recorded:
        if not change.body:
            change.body = change.content.model_dump_json().encode()
        change.body_hash = hashlib.sha256(change.body).digest()
        self._commits.add(change)
        # A caller that hangs up must not undo what others wait for, so the future is shielded by being ours.
        return await change.future

    async def _write_wanted(self, batch: list[Change]) -> None:
        wanted = [one for one in batch if not one.future.cancelled()]
        if wanted:
            await self._write(wanted)

    async def _write(self, batch: list[Change], *, tries: int = _TRIES) -> None:
        first = [one for one in batch if isinstance(one.content, DossierFacts) and one.if_match is None]
        if len(first) > 0 and tries == _TRIES:
            decided = await self._write_first(first)
            if len(decided) == len(batch):
                return
            batch = [one for one in batch if one not in decided]
        try:
            outcomes = await self._transact(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, every caller must hear of it
            crossed = isinstance(error, _CROSSED)
            if isinstance(error, StoreUnavailable) or (len(batch) == 1 and not (crossed and tries)):
                # Without a database every repetition would only wait again, one caller after the other.
                for change in batch:
                    _settle(change, error)
                return
            if not crossed:
                _log.warning("intake batch failed, repeating call by call", extra={"error": type(error).__name__})
            for change in batch:
                await self._write([change], tries=tries - 1)
            return
        for change, outcome in zip(batch, outcomes, strict=True):
            _settle(change, outcome)

    # --- first declarations ---------------------------------------------------------------------------------

    async def _write_first(self, batch: list[Change]) -> set[Change]:
        """Store those of these declarations that are of new dossiers; return all that are settled by this."""
        now = datetime.now(UTC).replace(microsecond=0)
        rows: dict[str, tuple[Change, Recorded, Written]] = {}
        for change in batch:
            try:
                outcome, row = self._decisions.decide(change, None, None, now)
            except RuleBroken:
                # Whether the rule or something older refuses it is for the transaction that reads the head.
                continue
            if row is not None:
                rows[change.code] = (change, outcome, row)
        if not rows:
            return set()
        try:
            stored = await write_new(self._connections, self._store.sealer, [row for _, _, row in rows.values()], now)
        except StoreUnavailable as error:
            for change in batch:
                _settle(change, error)
            return set(batch)
        except errors.DatabaseError as error:
            _log.warning("first declarations failed together", extra={"error": type(error).__name__})
            return set()
        if stored:
            self._wake_workers()
        for code in stored:
            change, outcome, _ = rows[code]
            _settle(change, outcome)
        return {rows[code][0] for code in stored}

    def _wake_workers(self) -> None:
        """Tell the workers soon, once for many commits: a commit that notifies waits for every other one that does."""
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._notify_soon())

    async def _notify_soon(self) -> None:
        await asyncio.sleep(_NOTIFY_SECONDS)
        # Losing it costs one poll of the workers, nothing else.
        with contextlib.suppress(StoreUnavailable):
            await self._connections.execute(_NOTIFY, {})

    # --- one transaction ------------------------------------------------------------------------------------

    async def _transact(self, batch: list[Change]) -> list[Recorded | Exception]:
        now = datetime.now(UTC).replace(microsecond=0)
        outcomes: list[Recorded | Exception] = []
        written: list[Written] = []
        claimed: list[tuple[IdempotencyClaim, int, bytes]] = []
        async with self._store.transaction() as conn:
            answered = await recall(conn, [one.claim for one in batch if one.claim is not None])
            heads = await read_heads(conn, [one.code for one in batch])
            changing = [
                one.code
                for one in batch
                if (head := heads.get(one.code)) is not None and head.declared_hash != one.body_hash
            ]
            current = await read_dossiers(conn, self._store.sealer, changing) if changing else {}
            for change in batch:
                try:
                    earlier = answered.get(change.claim) if change.claim else None
                    if earlier is not None:
                        if not earlier.same_request:
                            raise key_reused()
                        outcomes.append(Recorded(Receipt.model_validate_json(earlier.body), replayed=True))
                        continue
                    outcome, row = self._decisions.decide(change, heads.get(change.code), current.get(change.code), now)
                except Refusal as refusal:
                    outcomes.append(refusal)
                except RuleBroken as broken:
                    outcomes.append(
                        RuleViolation(
                            broken.code, broken.sentence, field=broken.field, status=409 if broken.conflict else 422
                        )
                    )
                else:
                    outcomes.append(outcome)
                    if row is not None:
                        written.append(row)
                        if change.claim is not None:
                            claimed.append((change.claim, _CREATED, row.receipt.model_dump_json().encode()))
            if written:
                await self._store_written(conn, written, heads, now)
                await remember(conn, claimed)
        return outcomes

    async def _store_written(
        self, conn: AsyncConnection[Any], written: list[Written], heads: dict[str, Head], now: datetime
    ) -> None:
        await write_revisions(conn, self._store.sealer, written, now)
        existing = [row.dossier.code for row in written if row.dossier.code in heads]
        if existing:
            stepping = [row.dossier.code for row in written if row.step_sequence is not None]
            await supersede(conn, connections=self._publishers, subjects=existing, stepping=stepping, now=now)
        # Only a corrected declaration can change the mind of a partner that refused the dossier.
        corrected = [row.dossier.code for row in written if row.kind == DECLARED and row.dossier.code in heads]
        await enqueue(conn, [one for row in written for one in row.exchanges], now=now, release=corrected)


def _keys_of(change: Change) -> tuple[Hashable, ...]:
    """One call at a time for each dossier, and for each idempotency key of a client."""
    if change.claim is None:
        return (change.code,)
    return (change.code, (change.claim.client_id, change.claim.key))


def _settle(change: Change, outcome: Recorded | Exception) -> None:
    if change.future.done():
        return
    if isinstance(outcome, Exception):
        change.future.set_exception(outcome)
    else:
        change.future.set_result(outcome)


def _future() -> asyncio.Future[Recorded]:
    return asyncio.get_running_loop().create_future()
