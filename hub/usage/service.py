"""Who looked a citizen up, for the citizen: from the look-up log, less what is withheld, and itself recorded there.

The number is known here by its keyed hash; it is written down sealed, as the subject of the reading, and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import orjson
import uuid_utils
from psycopg.rows import dict_row

from contracts.codes import agency_of_dossier
from contracts.errors import Sentence
from hub.access.agencies import covers
from hub.accounts.directory import account_context
from hub.dossiers.events_store import read_dossiers
from hub.lookups.answers import NAMING_FIELDS
from hub.lookups.rows import EndRow, LookupOutcome, LookupRow, SubjectKind, salted
from hub.lookups.subjects import SubjectHasher
from hub.lookups.writer import LogWriter
from hub.masking import mask_text
from hub.profiles.values import ProfileValues
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.usage.settings import UsageSettings
from hub.usage.views import Readings, UsageEntry, UsageView, Withheld
from hub.usage.withheld import withheld_among
from hub.watch.parties import party_numbers
from hub.web import cursors

KIND = "usage"
"""The kind of a reading in the look-up log."""

MOST = 20_000
"""Look-ups of one citizen that are gone through, the newest; nobody is looked up so often."""

HIDDEN = "••••••"

_LOOKUPS: LiteralString = """
    SELECT a.asked_at, a.id, a.unit_code FROM lookups a WHERE a.subject_hash = %(subject)s AND a.kind <> 'usage'
    UNION
    SELECT a.asked_at, a.id, a.unit_code
    FROM lookup_ends e JOIN lookups a ON a.asked_at = e.asked_at AND a.id = e.lookup_id
    WHERE e.subject_hash = %(subject)s AND a.kind <> 'usage'
    UNION
    SELECT a.asked_at, a.id, a.unit_code
    FROM lookup_ends e JOIN lookups a ON a.asked_at = e.asked_at AND a.id = e.lookup_id
    WHERE e.other_subject_hashes @> ARRAY[%(subject)s]
    ORDER BY asked_at DESC, id DESC LIMIT %(most)s
"""

_READINGS: LiteralString = (
    "SELECT count(*), max(asked_at) FROM lookups WHERE subject_hash = %(subject)s AND kind = 'usage'"
)

_EXAMINATIONS: LiteralString = """
    SELECT count(*), max(r.at) FROM case_readings r JOIN cases c ON c.id = r.case_id
    WHERE %(subject)s = ANY(r.subject_hashes) AND (c.state = 'decided' OR c.opened_at <= %(oldest_case)s)
"""
"""While a case is open they say nothing, for the same reason for which its look-ups are withheld."""

_DETAILS: LiteralString = """
    SELECT a.asked_at, a.id, a.kind, a.unit_code, a.account_id, a.dossier_code, a.procedure_root, a.purpose,
           a.break_glass, coalesce(e.outcome, 'unended') AS outcome, coalesce(e.data_groups, '{}') AS data_groups,
           NOT coalesce(%(subject)s IN (a.subject_hash, e.subject_hash), false) AS of_another
    FROM unnest(%(moments)s::timestamptz[], %(ids)s::uuid[]) AS wanted (asked_at, id)
    JOIN lookups a ON a.asked_at = wanted.asked_at AND a.id = wanted.id
    LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id
    ORDER BY a.asked_at DESC, a.id DESC
"""

TITLES: Mapping[str, Sentence] = {
    "find_citizen": Sentence(
        "Looked up in the population database", "Tra cứu thông tin công dân trong CSDLQG về dân cư"
    ),
    "find_household": Sentence("Looked up the household", "Tra cứu thông tin hộ gia đình"),
    "confirm": Sentence("Had facts confirmed, yes or no", "Xác thực thông tin (đúng hoặc sai)"),
    "technical_id": Sentence("Looked up the account at the portal", "Tra cứu tài khoản trên Cổng DVCQG"),
    "stored_papers": Sentence("Looked through the electronic papers", "Tra cứu giấy tờ trong Kho dữ liệu điện tử"),
    "stored_file": Sentence("Fetched an electronic paper", "Lấy giấy tờ trong Kho dữ liệu điện tử"),
}
_OTHER = Sentence("Looked up", "Tra cứu")

_OF_ANOTHER: Mapping[str, Sentence] = {
    "find_citizen": Sentence(
        "Named as a relative in the record of somebody who was looked up",
        "Có tên với tư cách người thân trong thông tin của người được tra cứu",
    ),
    "find_household": Sentence(
        "In the household of somebody who was looked up", "Có trong hộ gia đình của người được tra cứu"
    ),
    "confirm": Sentence(
        "Named in a question about somebody else", "Có tên trong nội dung xác thực thông tin về người khác"
    ),
}
"""Titles where somebody else was looked up."""

_NAMING = frozenset(map(str, NAMING_FIELDS))

_WITHHELD = Sentence(
    "Look-ups that are being examined are not shown; each is shown when its examination has ended.",
    "Các lượt đang được kiểm tra, xác minh chưa được hiển thị; sẽ được công bố khi kết thúc xác minh.",
)
_NONE_WITHHELD = Sentence("Nothing is withheld.", "Không có lượt nào bị tạm giữ.")


@dataclass(frozen=True, slots=True)
class UsageReader:
    """Who reads a citizen's view."""

    client_id: str
    agencies: tuple[str, ...] = ()
    """Those the reader is confined to; none: all."""


@dataclass(frozen=True, slots=True)
class _Reading:
    number: str
    subject: bytes
    reader: UsageReader
    before: tuple[datetime, UUID] | None
    limit: int
    now: datetime


def _now() -> datetime:
    return datetime.now(UTC)


class UsageService:
    """Answers who looked a citizen up."""

    def __init__(
        self,
        store: Store,
        writer: LogWriter,
        profile: ProfileValues,
        settings: UsageSettings,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """``writer`` records the readings; ``profile`` says whether officers are named."""
        self._store = store
        self._writer = writer
        self._profile = profile
        self._settings = settings
        self._now = now
        self._hasher: SubjectHasher | None = None

    async def read(self, number: str, reader: UsageReader, *, cursor: str | None = None, limit: int = 50) -> UsageView:
        """Return a page of the look-ups of a citizen, after the reading was recorded in log and ledger.

        Args:
            number: The personal number, 12 digits.
            reader: Who reads.
            cursor: ``next_cursor`` of the page before.
            limit: Most entries of the page.

        Raises:
            Refusal: 400 ``bad_cursor``.
            StoreUnavailable: The database does not answer; then nothing is told either.
        """
        before = None if cursor is None else _read_cursor(cursor)
        if self._hasher is None:
            self._hasher = await SubjectHasher.open(self._store)
        reading = _Reading(number, self._hasher.hash(number), reader, before, limit, self._now())
        async with self._store.transaction() as conn:
            view = await self._view(conn, reading)
        await self._record(reading, view)
        return view

    async def _view(self, conn: Connection, reading: _Reading) -> UsageView:
        agencies, before, limit = reading.reader.agencies, reading.before, reading.limit
        values = {"subject": reading.subject, "most": MOST}
        found = await (await conn.execute(_LOOKUPS, values)).fetchall()
        mine = [(at, id_) for at, id_, unit in found if not agencies or covers(agencies, unit)]
        hidden = await withheld_among(conn, [id_ for _, id_ in mine], self._settings, now=reading.now)
        visible = [one for one in mine if one[1] not in hidden]
        rest = visible if before is None else [one for one in visible if one < before]
        page = rest[:limit]
        count, last_at = await _one(conn, _READINGS, values)
        oldest_case = reading.now - timedelta(days=self._settings.open_case_days)
        examined, examined_at = await _one(conn, _EXAMINATIONS, {**values, "oldest_case": oldest_case})
        said = _WITHHELD if hidden else _NONE_WITHHELD
        return UsageView(
            items=await self._entries(conn, reading, page),
            next_cursor=_write_cursor(*page[-1]) if len(rest) > limit else None,
            shown=len(visible),
            withheld=Withheld(count=len(hidden), text=said.en, text_vi=said.vi),
            readings=Readings(count=count, last_at=last_at),
            examinations=Readings(count=examined, last_at=examined_at),
            agencies=agencies,
        )

    async def _entries(
        self, conn: Connection, reading: _Reading, page: Sequence[tuple[datetime, UUID]]
    ) -> tuple[UsageEntry, ...]:
        keys = {
            "moments": [at for at, _ in page],
            "ids": [id_ for _, id_ in page],
            "subject": reading.subject,
        }
        rows = await (await conn.cursor(row_factory=dict_row).execute(_DETAILS, keys)).fetchall()
        codes = sorted({row["dossier_code"] for row in rows if row["dossier_code"] is not None})
        own = await self._own_dossiers(conn, reading.number, codes)
        officers = await self._officers(conn, {row["account_id"] for row in rows})
        return tuple(_entry(row, own, officers) for row in rows)

    async def _own_dossiers(self, conn: Connection, number: str, codes: Sequence[str]) -> frozenset[str]:
        """Return those of these dossiers that name this citizen as a party."""
        dossiers = await read_dossiers(conn, self._store.sealer, codes)
        return frozenset(
            code for code, one in dossiers.items() if number in party_numbers(one.facts.model_dump(mode="json"))
        )

    async def _officers(self, conn: Connection, accounts: Collection[str]) -> Mapping[str, str]:
        """Return the officers' names by account, where the province names them; else nothing is even opened."""
        if not self._profile.usage_shows_officer:
            return {}
        cursor = await conn.execute("SELECT id, sealed FROM lookup_accounts WHERE id = ANY(%s)", (list(accounts),))
        opened = {id_: self._store.sealer.open(sealed, account_context(id_)) for id_, sealed in await cursor.fetchall()}
        return {id_: orjson.loads(content)["full_name"] for id_, content in opened.items()}

    async def _record(self, reading: _Reading, view: UsageView) -> None:
        row = LookupRow(
            id=str(uuid_utils.uuid7()),
            asked_at=reading.now,
            kind=KIND,
            connection="",
            client_id=reading.reader.client_id,
            account_id="",
            role="",
            unit_code="",
            ip=None,
            dossier_code=None,
            procedure_root=None,
            purpose="",
            break_glass=False,
            subject_hash=reading.subject,
            subject_kind=SubjectKind.OWN_VIEW.value,
            gate={"code": "recorded"},
            content=salted({"subject": reading.number}),
        )
        outcome = LookupOutcome.FOUND if view.items else LookupOutcome.NOT_FOUND
        await self._writer.whole(row, EndRow(row.id, reading.now, reading.now, outcome.value, found=len(view.items)))


def _entry(row: Mapping[str, Any], own: Collection[str], officers: Mapping[str, str]) -> UsageEntry:
    code = row["dossier_code"]
    is_own = code in own
    kind = row["kind"].partition(":")[0]
    of_another = row["of_another"]
    title = (_OF_ANOTHER if of_another else TITLES).get(kind, _OTHER)
    groups = row["data_groups"]
    if of_another and kind == "find_citizen":
        # The rest of the record was about somebody else.
        groups = [one for one in groups if one in _NAMING]
    # What a relative has business with is theirs to tell.
    is_anothers_matter = of_another and not is_own
    return UsageEntry(
        lookup_id=str(row["id"]),
        at=row["asked_at"],
        agency=row["unit_code"],
        kind=row["kind"],
        title=title.en,
        title_vi=title.vi,
        of_another=of_another,
        dossier_code=code if is_own or code is None else f"{agency_of_dossier(code)}-{HIDDEN}",
        own_dossier=is_own,
        procedure=None if is_anothers_matter else row["procedure_root"],
        # Typed by the dossier system, and shown to somebody it may not be about.
        purpose=HIDDEN if is_anothers_matter else mask_text(row["purpose"]),
        without_dossier=row["break_glass"],
        outcome=row["outcome"],
        data_groups=tuple(groups),
        officer=officers.get(row["account_id"]),
    )


async def _one(conn: Connection, query: LiteralString, values: Mapping[str, object]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = await (await conn.execute(query, values)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return row


def _write_cursor(at: datetime, lookup_id: UUID) -> str:
    text = f"{at.astimezone(UTC).isoformat()}|{lookup_id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        at, _, lookup_id = text.partition("|")
        found = datetime.fromisoformat(at), UUID(lookup_id)
    except (ValueError, binascii.Error):
        raise cursors.bad_cursor() from None
    if found[0].tzinfo is None:
        raise cursors.bad_cursor()
    return found
