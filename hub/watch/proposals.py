"""Changes of the watch by two people: proposed, replayed over history, approved by another, in force from a moment.

What was judged stays judged by the rules of its time; a new version judges from its moment on.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.access.second_person import decides_alone
from hub.cases.records import Acting
from hub.ledger.entries import record_act
from hub.masking import mask_text
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.watch import refusals
from hub.watch.rules import RuleSet
from hub.watch.settings import WatchSettings
from hub.watch.versions import (
    ProposalKind,
    newest_version,
    open_content,
    people_of,
    proposal_context,
    rules_of,
)
from hub.watch.views import ProposalDetail, ProposalPage, ProposalPreview, ProposalState, ProposalView
from hub.web import cursors
from hub.web.ids import id_or

LATEST = timedelta(days=90)
"""How far ahead a change may be set in force."""

_COLUMNS: LiteralString = (
    "id, kind, state, base_version, summary, preview_from, preview_until, preview, proposed_by, proposed_person,"
    " proposed_at, decided_by, decided_person, decided_at, version, active_from, content_hash, sealed"
)


class Proposals:
    """Proposals and their history; ``within`` is the caller's transaction where there is one."""

    def __init__(self, store: Store, settings: WatchSettings) -> None:
        """``settings`` say over how much history a change is tried."""
        self._store = store
        self._settings = settings

    # --- reading ----------------------------------------------------------------------------------------------

    async def get(self, proposal_id: str) -> ProposalDetail:
        """Return one proposal with its preview and its reasons, or refuse with 404."""
        async with self._store.transaction() as conn:
            row = await _row(conn, id_or(proposal_id, refusals.not_found))
            words = open_content(self._store.sealer, row["id"], row["sealed"])
        decision = words.get("decision")
        return ProposalDetail(
            **_view(row).model_dump(),
            reason=mask_text(words["reason"]),
            decision=None if decision is None else mask_text(decision),
        )

    async def page(self, *, kind: ProposalKind | None, cursor: str | None, limit: int) -> ProposalPage:
        """Return proposals, newest first."""
        async with self._store.transaction() as conn:
            found = await conn.cursor(row_factory=dict_row).execute(
                f"SELECT {_COLUMNS} FROM watch_proposals WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)"  # noqa: S608 - constants
                " AND (%(after)s::uuid IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
                {"kind": kind, "after": None if cursor is None else cursors.id_of(cursor), "limit": limit + 1},
            )
            rows = await found.fetchall()
        return ProposalPage(
            items=tuple(_view(row) for row in rows[:limit]),
            next_cursor=str(rows[limit - 1]["id"]) if len(rows) > limit else None,
        )

    # --- proposing --------------------------------------------------------------------------------------------

    async def propose_rules(
        self, acting: Acting, rules: RuleSet, *, reason: str, now: datetime, within: Connection | None = None
    ) -> ProposalView:
        """Propose rules in place of the newest ones; the clerk replays them over history."""
        async with joined(self._store, within) as conn:
            base = await newest_version(conn, ProposalKind.RULES)
            before = (await rules_of(conn, self._store.sealer, base)).model_dump(mode="json")
            wanted = {**rules.model_dump(mode="json"), "version": before["version"]}
            summary = differences(before, wanted)
            if not summary:
                raise refusals.nothing_changed("rules")
            return await self._insert(conn, ProposalKind.RULES, base, wanted, summary, acting, reason, now)

    async def propose_people(
        self,
        acting: Acting,
        *,
        add: Sequence[str],
        remove: Sequence[str],
        reason: str,
        now: datetime,
        within: Connection | None = None,
    ) -> ProposalView:
        """Propose a change of the list of protected people, which the police keep."""
        async with joined(self._store, within) as conn:
            base = await newest_version(conn, ProposalKind.PROTECTED_PEOPLE)
            listed = await people_of(conn, self._store.sealer, base)
            adding, removing = sorted(set(add) - listed), sorted(set(remove) & listed - set(add))
            if not adding and not removing:
                raise refusals.nothing_changed("add")
            summary = [{"added": len(adding), "removed": len(removing)}]
            content = {"add": adding, "remove": removing}
            return await self._insert(conn, ProposalKind.PROTECTED_PEOPLE, base, content, summary, acting, reason, now)

    async def _insert(  # noqa: PLR0917 - the columns of one row
        self,
        conn: Connection,
        kind: ProposalKind,
        base: int,
        content: Mapping[str, Any],
        summary: Sequence[Mapping[str, Any]],
        acting: Acting,
        reason: str,
        now: datetime,
    ) -> ProposalView:
        key = uuid_utils.compat.uuid7()
        words = {"content": content, "salt": secrets.token_hex(16), "reason": reason}
        hashed = orjson.dumps({"content": content, "salt": words["salt"]}, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(hashed).digest()
        await conn.execute(
            "INSERT INTO watch_proposals (id, kind, state, base_version, summary, preview_from, preview_until,"
            " proposed_by, proposed_person, proposed_at, content_hash, sealed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                key,
                kind.value,
                ProposalState.PREVIEWING.value,
                base,
                Jsonb(list(summary)),
                now - timedelta(days=self._settings.preview_days),
                now,
                acting.client_id,
                acting.person,
                now,
                digest,
                self._store.sealer.seal(orjson.dumps(words), proposal_context(key)),
            ),
        )
        facts = {"kind": kind.value, "content_sha256": digest.hex(), "base_version": str(base)}
        await _record(conn, "watch.proposed", key, acting, reason, facts, now)
        return _view(await _row(conn, key))

    # --- deciding ---------------------------------------------------------------------------------------------

    async def approve(
        self,
        proposal_id: str,
        acting: Acting,
        *,
        may_decide_people: bool,
        reason: str,
        active_from: datetime | None,
        now: datetime,
        within: Connection | None = None,
    ) -> ProposalView:
        """Approve as the second person, after the preview; in force from now, or from a later moment."""
        async with joined(self._store, within) as conn:
            row = await self._to_decide(conn, proposal_id, acting, may_decide_people=may_decide_people)
            kind = ProposalKind(row["kind"])
            newest = await newest_version(conn, kind)
            if newest != row["base_version"]:
                raise refusals.outdated()
            moment = now if active_from is None else active_from
            if not now <= moment <= now + LATEST:
                raise refusals.active_from_past()
            await conn.execute(
                "UPDATE watch_proposals SET version = %s, active_from = %s WHERE id = %s",
                (newest + 1, moment, row["id"]),
            )
            facts = {"kind": kind.value, "version": str(newest + 1), "active_from": moment.isoformat()}
            return await self._decided(conn, row, ProposalState.APPROVED, acting, reason, facts, now)

    async def refuse(
        self,
        proposal_id: str,
        acting: Acting,
        *,
        may_decide_people: bool,
        reason: str,
        now: datetime,
        within: Connection | None = None,
    ) -> ProposalView:
        """Say no, as the second person."""
        async with joined(self._store, within) as conn:
            row = await self._to_decide(conn, proposal_id, acting, may_decide_people=may_decide_people)
            facts = {"kind": row["kind"]}
            return await self._decided(conn, row, ProposalState.REFUSED, acting, reason, facts, now)

    async def withdraw(
        self, proposal_id: str, acting: Acting, *, reason: str, now: datetime, within: Connection | None = None
    ) -> ProposalView:
        """Take one's own proposal back, before it is decided."""
        async with joined(self._store, within) as conn:
            row = await _row(conn, id_or(proposal_id, refusals.not_found), lock=True)
            if (row["proposed_by"], row["proposed_person"]) != (acting.client_id, acting.person):
                raise refusals.not_proposer()
            if row["state"] not in {ProposalState.PREVIEWING.value, ProposalState.PREVIEWED.value}:
                raise refusals.wrong_state(row["state"])
            facts = {"kind": row["kind"]}
            return await self._decided(conn, row, ProposalState.WITHDRAWN, acting, reason, facts, now)

    async def _to_decide(
        self, conn: Connection, proposal_id: str, acting: Acting, *, may_decide_people: bool
    ) -> dict[str, Any]:
        # One decision at a time: versions are numbered without a gap.
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('watch_versions', 42))")
        row = await _row(conn, id_or(proposal_id, refusals.not_found), lock=True)
        if row["kind"] == ProposalKind.PROTECTED_PEOPLE.value and not may_decide_people:
            raise refusals.police_only()
        if decides_alone(
            acting.client_id, acting.person, asked_by=row["proposed_by"], asked_person=row["proposed_person"]
        ):
            raise refusals.second_person()
        if row["state"] != ProposalState.PREVIEWED.value:
            raise refusals.wrong_state(row["state"])
        return row

    async def _decided(  # noqa: PLR0917 - the columns of one row
        self,
        conn: Connection,
        row: dict[str, Any],
        state: ProposalState,
        acting: Acting,
        reason: str,
        facts: Mapping[str, str],
        now: datetime,
    ) -> ProposalView:
        words = open_content(self._store.sealer, row["id"], row["sealed"]) | {"decision": reason}
        await conn.execute(
            "UPDATE watch_proposals SET state = %s, decided_by = %s, decided_person = %s, decided_at = %s, sealed = %s"
            " WHERE id = %s",
            (
                state.value,
                acting.client_id,
                acting.person,
                now,
                self._store.sealer.seal(orjson.dumps(words), proposal_context(row["id"])),
                row["id"],
            ),
        )
        await _record(conn, f"watch.{state.value}", row["id"], acting, reason, facts, now)
        return _view(await _row(conn, row["id"]))


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[dict[str, Any]]:
    """Return where two documents differ: path, from, to."""
    found: list[dict[str, Any]] = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        here = f"{path}.{name}" if path else name
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other, here)
        elif one != other:
            found.append({"path": here, "from": one, "to": other})
    return found


async def _record(  # noqa: PLR0917 - the parts of one entry
    conn: Connection,
    act: str,
    key: UUID,
    acting: Acting,
    reason: str,
    facts: Mapping[str, str],
    now: datetime,
) -> None:
    named = {**facts, "person": acting.person}
    await record_act(conn, act=act, actor=acting.client_id, target=f"watch:{key}", reason=reason, facts=named, at=now)


async def _row(conn: Connection, key: UUID, *, lock: bool = False) -> dict[str, Any]:
    cursor = await conn.cursor(row_factory=dict_row).execute(
        f"SELECT {_COLUMNS} FROM watch_proposals WHERE id = %s {'FOR UPDATE' if lock else ''}",  # noqa: S608 - constants
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise refusals.not_found()
    return row


def _view(row: Mapping[str, Any]) -> ProposalView:
    shown = {name: value for name, value in row.items() if name not in {"sealed", "content_hash"}}
    return ProposalView(
        **{
            **shown,
            "id": str(row["id"]),
            "preview": None if row["preview"] is None else ProposalPreview.model_validate(row["preview"]),
            "content_sha256": bytes(row["content_hash"]).hex(),
        }
    )
