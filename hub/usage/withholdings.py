"""Keeping a look-up from the citizen's own view for a time: asked for by one person, confirmed by another.

It takes effect at once, because an inquiry cannot wait for a signature, and lapses unless a second person confirms it.
It ends by its condition (the verdict of a case, a day), or earlier when two people release it. Each act stands in the
ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import dict_row

from hub.access.agencies import covers
from hub.access.second_person import decides_alone
from hub.ledger.entries import record_act
from hub.lookups.rows import asked_about
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined
from hub.usage import refusals
from hub.usage.settings import UsageSettings
from hub.usage.views import WithholdingDetail, WithholdingPage, WithholdingState, WithholdingView
from hub.usage.withheld import IN_FORCE
from hub.web import cursors
from hub.web.ids import id_or

_S = WithholdingState

_STATE: LiteralString = """
    CASE WHEN u.released_at IS NOT NULL THEN 'released'
         WHEN u.confirmed_at IS NULL AND u.lapses_at <= %(now)s THEN 'lapsed'
         WHEN u.ends_at <= %(now)s OR (u.case_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM cases c WHERE c.id = u.case_id AND c.state <> 'decided')) THEN 'ended'
         WHEN u.release_requested_at IS NOT NULL THEN 'release_requested'
         WHEN u.confirmed_at IS NOT NULL THEN 'confirmed'
         ELSE 'provisional' END
"""

_READ: LiteralString = f"SELECT u.*, {_STATE} AS state FROM usage_withholdings u"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the API client, and the person it names."""

    client_id: str
    person: str
    agencies: tuple[str, ...] = ()
    """Those the client is confined to; none: all."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A look-up to be withheld, and until when."""

    lookup_id: UUID
    reason: str
    document_number: str
    case_id: UUID | None = None
    until: datetime | None = None


def withholding_context(withholding_id: UUID | str) -> str:
    """Name the place of what people wrote for the sealing."""
    return f"usage_withholdings:{withholding_id}"


def _now() -> datetime:
    return datetime.now(UTC)


class WithholdingService:
    """What security staff do with citizens' views."""

    def __init__(self, store: Store, settings: UsageSettings, now: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    # --- reading ------------------------------------------------------------------------------------------------

    async def get(self, withholding_id: str, agencies: Sequence[str] = ()) -> WithholdingDetail:
        """Return one with what people wrote; refuse (404) one that these agencies may not see."""
        async with self._store.transaction() as conn:
            row = await self._row(conn, id_or(withholding_id, refusals.not_found), agencies)
        said = orjson.loads(self._store.sealer.open(row["sealed"], withholding_context(row["id"])))
        return WithholdingDetail(
            **_shown(row),
            reason=said["reason"],
            document_number=said["document_number"],
            release_reason=said.get("release_reason"),
        )

    async def page(
        self, *, cursor: str | None = None, limit: int = 50, in_force: bool = False, agencies: Sequence[str] = ()
    ) -> WithholdingPage:
        """Return withholdings, newest first; a page may be short where others are hidden from the reader."""
        values = {
            "now": self._now(),
            "before": None if cursor is None else cursors.id_of(cursor),
            "in_force": in_force,
            "limit": limit + 1,
        }
        query = (
            f"{_READ} WHERE (%(before)s::uuid IS NULL OR u.id < %(before)s)"
            f" AND (NOT %(in_force)s OR ({IN_FORCE})) ORDER BY u.id DESC LIMIT %(limit)s"
        )
        async with self._store.transaction() as conn:
            rows = await (await conn.cursor(row_factory=dict_row).execute(query, values)).fetchall()
        shown = rows[:limit]
        return WithholdingPage(
            items=tuple(WithholdingView(**_shown(row)) for row in shown if _is_visible(row, agencies)),
            next_cursor=str(shown[-1]["id"]) if len(rows) > limit else None,
        )

    # --- withholding --------------------------------------------------------------------------------------------

    async def withhold(self, wish: Wish, actor: Actor, *, within: Connection | None = None) -> WithholdingView:
        """Keep a look-up from view at once, until somebody else confirms it or it lapses.

        Raises `Refusal`: 404 ``lookup_not_found``; 409 ``withheld_already``, ``case_decided``; 422
        ``condition_required``, ``until_out_of_bounds``, ``case_not_found``.
        """
        now = self._now()
        most = now + timedelta(days=self._settings.withheld_most_days)
        if wish.case_id is None and wish.until is None:
            raise refusals.condition_required()
        if wish.until is not None and not now < wish.until <= most:
            raise refusals.end_out_of_bounds(self._settings.withheld_most_days)
        async with joined(self._store, within) as conn:
            asked_at, unit_code = await self._lookup(conn, wish.lookup_id, actor.agencies)
            await self._require_open(conn, wish.case_id)
            key = uuid_utils.compat.uuid7()
            # Two at once: the second waits here, and then sees the first.
            await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"usage:{wish.lookup_id}",))
            taken = f"SELECT FROM usage_withholdings u WHERE u.lookup_id = %(lookup_id)s AND {IN_FORCE}"
            cursor = await conn.execute(taken, {"lookup_id": wish.lookup_id, "now": now})
            if await cursor.fetchone() is not None:
                raise refusals.withheld_already()
            said = {"reason": wish.reason, "document_number": wish.document_number}
            await conn.execute(
                "INSERT INTO usage_withholdings (id, lookup_id, asked_at, unit_code, case_id, ends_at, requested_at,"
                " requested_by, requested_person, lapses_at, sealed)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    key,
                    wish.lookup_id,
                    asked_at,
                    unit_code,
                    wish.case_id,
                    wish.until or most,
                    now,
                    actor.client_id,
                    actor.person,
                    now + timedelta(hours=self._settings.confirm_hours),
                    self._store.sealer.seal(orjson.dumps(said), withholding_context(key)),
                ),
            )
            facts = {"lookup": str(wish.lookup_id), "document": wish.document_number}
            await self._record(conn, "usage.withheld", key, actor, reason=wish.reason, facts=facts)
            return await self._view(conn, key, actor)

    async def confirm(self, withholding_id: str, actor: Actor, *, within: Connection | None = None) -> WithholdingView:
        """Agree to it as the second person; then it stands until its condition is met.

        Raises `Refusal`: 403 ``second_person_required``; 404; 409 where it is not provisional.
        """
        async with joined(self._store, within) as conn:
            row = await self._row(conn, id_or(withholding_id, refusals.not_found), actor.agencies, lock=True)
            _require_state(row, _S.PROVISIONAL)
            _require_other(actor, row["requested_by"], row["requested_person"])
            await conn.execute(
                "UPDATE usage_withholdings SET confirmed_at = %s, confirmed_by = %s, confirmed_person = %s"
                " WHERE id = %s",
                (self._now(), actor.client_id, actor.person, row["id"]),
            )
            await self._record(conn, "usage.withholding_confirmed", row["id"], actor)
            return await self._view(conn, row["id"], actor)

    async def request_release(
        self, withholding_id: str, reason: str, actor: Actor, *, within: Connection | None = None
    ) -> WithholdingView:
        """Ask that the look-up be shown before its condition is met.

        Raises `Refusal`: 404; 409 where it keeps nothing back any more, or its release was asked for already.
        """
        async with joined(self._store, within) as conn:
            row = await self._row(conn, id_or(withholding_id, refusals.not_found), actor.agencies, lock=True)
            _require_state(row, _S.PROVISIONAL, _S.CONFIRMED)
            context = withholding_context(row["id"])
            said = orjson.loads(self._store.sealer.open(row["sealed"], context)) | {"release_reason": reason}
            await conn.execute(
                "UPDATE usage_withholdings SET release_requested_at = %s, release_requested_by = %s,"
                " release_requested_person = %s, sealed = %s WHERE id = %s",
                (
                    self._now(),
                    actor.client_id,
                    actor.person,
                    self._store.sealer.seal(orjson.dumps(said), context),
                    row["id"],
                ),
            )
            await self._record(conn, "usage.release_requested", row["id"], actor, reason=reason)
            return await self._view(conn, row["id"], actor)

    async def approve_release(
        self, withholding_id: str, actor: Actor, *, within: Connection | None = None
    ) -> WithholdingView:
        """Agree to the release as the second person; the look-up is shown from now on.

        Raises `Refusal`: 403 ``second_person_required``; 404; 409 where no release was asked for.
        """
        async with joined(self._store, within) as conn:
            row = await self._row(conn, id_or(withholding_id, refusals.not_found), actor.agencies, lock=True)
            _require_state(row, _S.RELEASE_REQUESTED)
            _require_other(actor, row["release_requested_by"], row["release_requested_person"])
            await conn.execute(
                "UPDATE usage_withholdings SET released_at = %s, released_by = %s, released_person = %s WHERE id = %s",
                (self._now(), actor.client_id, actor.person, row["id"]),
            )
            await self._record(conn, "usage.released", row["id"], actor)
            return await self._view(conn, row["id"], actor)

    # --- parts --------------------------------------------------------------------------------------------------

    async def _lookup(self, conn: Connection, lookup_id: UUID, agencies: Sequence[str]) -> tuple[datetime, str]:
        cursor = await conn.execute(
            "SELECT asked_at, unit_code FROM lookups WHERE id = %s AND asked_at BETWEEN %s AND %s AND kind <> 'usage'",
            (lookup_id, *asked_about(lookup_id)),
        )
        row = await cursor.fetchone()
        if row is None or (agencies and not covers(agencies, row[1])):
            raise refusals.lookup_not_found()
        return row[0], row[1]

    async def _require_open(self, conn: Connection, case_id: UUID | None) -> None:
        if case_id is None:
            return
        cursor = await conn.execute("SELECT state FROM cases WHERE id = %s", (case_id,))
        row = await cursor.fetchone()
        if row is None or row[0] == "decided":
            raise refusals.case_not_open(exists=row is not None)

    async def _row(self, conn: Connection, key: UUID, agencies: Sequence[str], *, lock: bool = False) -> dict[str, Any]:
        query = f"{_READ} WHERE u.id = %(id)s{' FOR UPDATE OF u' if lock else ''}"
        cursor = await conn.cursor(row_factory=dict_row).execute(query, {"id": key, "now": self._now()})
        row = await cursor.fetchone()
        if row is None or not _is_visible(row, agencies):
            raise refusals.not_found()
        return row

    async def _view(self, conn: Connection, key: UUID, actor: Actor) -> WithholdingView:
        return WithholdingView(**_shown(await self._row(conn, key, actor.agencies)))

    async def _record(
        self,
        conn: Connection,
        act: str,
        key: UUID,
        actor: Actor,
        *,
        reason: str = "",
        facts: dict[str, str] | None = None,
    ) -> None:
        said = {"person": actor.person, **(facts or {})}
        await record_act(conn, act=act, actor=actor.client_id, target=str(key), reason=reason, facts=said)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    case_id = row["case_id"]
    return {
        **{name: row[name] for name in WithholdingView.model_fields if name in row},
        "id": str(row["id"]),
        "lookup_id": str(row["lookup_id"]),
        "agency": row["unit_code"],
        "case_id": None if case_id is None else str(case_id),
        "state": WithholdingState(row["state"]),
    }


def _is_visible(row: dict[str, Any], agencies: Sequence[str]) -> bool:
    return not agencies or covers(agencies, row["unit_code"])


def _require_state(row: dict[str, Any], *wanted: WithholdingState) -> None:
    state = WithholdingState(row["state"])
    if state not in wanted:
        raise refusals.wrong_state(state)


def _require_other(actor: Actor, client_id: str, person: str) -> None:
    if decides_alone(actor.client_id, actor.person, asked_by=client_id, asked_person=person):
        raise refusals.second_person()
