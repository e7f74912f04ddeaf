"""Reading the log for security staff: people masked, and each reading on record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.codes import AgencyCode, DossierCode
from contracts.errors import Sentence
from contracts.text import Code, Moment
from hub.access.agencies import covers
from hub.errors import Refusal
from hub.ledger.entries import record_act
from hub.lookups.log import COLUMNS, WIDTH, EndedLookup, digests_of, ended_lookup
from hub.lookups.rows import asked_about
from hub.lookups.views import LookupDetail, LookupEntry, LookupExplanation, LookupPage, LookupProof
from hub.masking import HIDDEN
from hub.store.engine import Store
from hub.web import cursors
from hub.web.ids import id_or

_SHOWN_DIGITS: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


_NO_END: Final[LiteralString] = "coalesce(e.txid, a.txid)::text::bigint"

_FROM: Final[LiteralString] = f"""
    SELECT {COLUMNS.replace("e.txid::text::bigint", _NO_END, 1)}, x.grade, x.w, x.late, x.decided_at
    FROM lookups a
    LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
    LEFT JOIN LATERAL (
        SELECT grade, w, late, decided_at FROM lookup_explanations
        WHERE lookup_id = a.id ORDER BY late DESC LIMIT 1
    ) x ON true
"""  # noqa: S608 - put together from constants

_PAGE: Final[LiteralString] = f"""
    {_FROM}
    WHERE (%(before_at)s::timestamptz IS NULL OR (a.asked_at, a.id) < (%(before_at)s, %(before_id)s))
        AND (%(from)s::timestamptz IS NULL OR a.asked_at >= %(from)s)
        AND (%(until)s::timestamptz IS NULL OR a.asked_at < %(until)s)
        AND (%(account)s::text IS NULL OR a.account_id = %(account)s)
        AND (%(dossier)s::text IS NULL OR a.dossier_code = %(dossier)s)
        AND (%(outcome)s::text IS NULL OR e.outcome = %(outcome)s)
        AND (%(break_glass)s::boolean IS NULL OR a.break_glass = %(break_glass)s)
        AND (%(units)s::text[] IS NULL OR a.unit_code = ANY(%(units)s)
            OR a.unit_code LIKE ANY(%(below)s))
    ORDER BY a.asked_at DESC, a.id DESC LIMIT %(limit)s
"""

_DIGESTS = """
    SELECT digest, true FROM ledger_leaves WHERE subject = %(id)s
    UNION ALL SELECT digest, false FROM ledger_queue WHERE kind = 'lookup' AND subject = %(id)s
"""


class LookupQuery(BaseModel):
    """Which part of the log; people are never searched for by an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Annotated[Code | None, Field(description="The officer's account.")] = None
    unit: Annotated[AgencyCode | None, Field(description="The officer's unit, with all below it.")] = None
    dossier: Annotated[DossierCode | None, Field(description="The dossier it served.")] = None
    outcome: Annotated[
        Literal["found", "not_found", "denied", "failed", "mismatch", "repeated"] | None,
        Field(description="How it ended."),
    ] = None
    break_glass: Annotated[bool | None, Field(description="Only those without a dossier, or only the others.")] = None
    since: Annotated[Moment | None, Field(description="Not before this moment.")] = None
    until: Annotated[Moment | None, Field(description="Before this moment.")] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=100), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most look-ups of a page.")] = 50


class LogService:
    """Reads the log; a client that has agencies sees the look-ups of their officers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, query: LookupQuery, *, client_id: str, agencies: Sequence[str], now: datetime) -> LookupPage:
        """Return a page, newest first, and record that it was read."""
        before = _cursor(query.cursor)
        units = [query.unit] if query.unit is not None else list(agencies) or None
        if query.unit is not None and agencies and not covers(agencies, query.unit):
            return LookupPage(items=(), next_cursor=None)
        values = {
            "before_at": before[0],
            "before_id": before[1],
            "from": query.since,
            "until": query.until,
            "account": query.account,
            "dossier": query.dossier,
            "outcome": query.outcome,
            "break_glass": query.break_glass,
            "units": units,
            "below": None if units is None else [f"{one}.%" for one in units],
            "limit": query.limit + 1,
        }
        async with self._store.transaction() as conn:
            cursor = await conn.execute(_PAGE, values)
            rows = await cursor.fetchall()
            shown = [self._entry(row) for row in rows[: query.limit]]
            asked = query.model_dump_json(exclude_none=True, exclude={"cursor", "limit"}).encode()
            await record_act(
                conn,
                act="lookups.read",
                actor=client_id,
                target="lookups",
                facts={"count": str(len(shown)), "filter": hashlib.sha256(asked).hexdigest()},
                at=now,
            )
        more = len(rows) > query.limit
        last = rows[query.limit - 1] if more else None
        return LookupPage(
            items=tuple(shown), next_cursor=None if last is None else f"{(last[2] - _EPOCH) // _MICROSECOND}_{last[1]}"
        )

    async def get(self, lookup_id: str, *, client_id: str, agencies: Sequence[str], now: datetime) -> LookupDetail:
        """Return one look-up whole, and record that it was read; refuses with 404."""
        wanted = id_or(lookup_id, _unknown)
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                f"{_FROM} WHERE a.id = %s AND a.asked_at BETWEEN %s AND %s",
                (wanted, *asked_about(wanted)),
            )
            row = await cursor.fetchone()
            if row is None or (agencies and not covers(agencies, row[9])):
                raise _unknown()
            one = _from_row(row)
            found = LookupDetail(
                lookup=self._entry(row),
                reasons=one.reasons(self._store.sealer),
                proof=await self._proof(conn, one, ended=row[18] is not None),
            )
            await record_act(conn, act="lookups.read", actor=client_id, target=str(wanted), at=now)
        return found

    async def _proof(self, conn: AsyncConnection[Any], one: EndedLookup, *, ended: bool) -> LookupProof:
        cursor = await conn.execute(_DIGESTS, {"id": str(one.id)})
        known = {bytes(row[0]): bool(row[1]) for row in await cursor.fetchall()}
        asked_digest, end_digest = digests_of(one, self._store.sealer)

        def state(digest: bytes, least: int) -> Literal["sealed", "waiting", "altered", "missing"]:
            if digest in known:
                return "sealed" if known[digest] else "waiting"
            return "altered" if len(known) >= least else "missing"

        return LookupProof(asked=state(asked_digest, 1), ended=state(end_digest, 2) if ended else "under_way")

    def _entry(self, row: Sequence[Any]) -> LookupEntry:
        one = _from_row(row)
        grade, w, late, decided_at = row[WIDTH:]
        number = one.subject_number(self._store.sealer)
        ended = row[18] is not None
        return LookupEntry(
            id=str(one.id),
            asked_at=one.asked_at,
            ended_at=row[3],
            kind=one.kind,
            connection=one.connection,
            client_id=one.client_id,
            account_id=one.account_id,
            role=one.role,
            unit_code=one.unit_code,
            ip=one.ip,
            dossier_code=one.dossier_code,
            procedure_root=one.procedure_root,
            purpose=one.purpose,
            break_glass=one.break_glass,
            subject=HIDDEN + number[-_SHOWN_DIGITS:] if number else HIDDEN,
            subject_kind="enterprise" if one.subject_kind == "enterprise" else "person",
            outcome=row[18] if ended else "under_way",
            denied_code=one.denied_code,
            found=one.found,
            other_people=len(one.other_hashes),
            data_groups=one.data_groups,
            upstream_ms=one.upstream_ms,
            error=one.error,
            gate=one.gate,
            explanation=None
            if grade is None
            else LookupExplanation(grade=grade, w=w, late=late, decided_at=decided_at),
        )


def _from_row(row: Sequence[Any]) -> EndedLookup:
    """Build it also of a look-up that has not ended."""
    filled = list(row[:WIDTH])
    filled[21] = filled[21] or ()
    filled[18] = filled[18] or "under_way"
    return ended_lookup(filled)


def _unknown() -> Refusal:
    sentence = Sentence("There is no look-up with this id.", "Không có lượt tra cứu mang mã này.")
    return Refusal(404, "lookup_not_found", sentence)


def _cursor(text: str | None) -> tuple[datetime | None, UUID | None]:
    if text is None:
        return None, None
    micros, _, lookup_id = text.partition("_")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), UUID(lookup_id)
    except (ValueError, OverflowError):
        raise cursors.bad_cursor() from None
