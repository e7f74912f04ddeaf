"""How cases lie in the database: their rows, their acts, and what each sealed value is bound to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hub.access.agencies import covers
from hub.cases import refusals
from hub.cases.states import CaseAct, CaseState
from hub.ledger.entries import PROGRAM, record_act
from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.web.ids import id_or


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts: the API client, the person it acts for, and the agencies the client is confined to."""

    client_id: str
    person: str
    """The person's login name."""
    agencies: Sequence[str] = ()


THE_PROGRAM = Acting(PROGRAM, "")
"""Who acts where no person does."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row of table ``cases``."""

    id: UUID
    number: str
    case_key: str
    account_id: str
    unit_code: str
    opened_at: datetime
    until: datetime
    score: float
    rules: Mapping[str, float]
    hard: bool
    lookups: int
    recurs_after: UUID | None
    earlier_violations: int
    state: str
    taken_by: str | None
    taken_person: str | None
    taken_at: datetime | None
    verdict: str | None
    verdict_by: str | None
    verdict_person: str | None
    decided_at: datetime | None
    suppressed_until: datetime | None
    suppressed_score: float | None
    evidence_hash: bytes
    changed_at: datetime

    @property
    def stands(self) -> CaseState:
        """Its state."""
        return CaseState(self.state)


NUMBER_SQL: LiteralString = (
    "'VV-' || to_char(c.opened_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY') || '-' || lpad(c.serial::text, 4, '0')"
)
"""The number people say: VV (vụ việc), the year, a running number."""

COLUMNS: LiteralString = f"""c.id, {NUMBER_SQL} AS number, c.case_key, c.account_id, c.unit_code, c.opened_at, c.until,
    c.score, c.rules, c.hard, c.lookups, c.recurs_after, c.earlier_violations, c.state, c.taken_by, c.taken_person,
    c.taken_at, c.verdict, c.verdict_by, c.verdict_person, c.decided_at, c.suppressed_until, c.suppressed_score,
    c.evidence_hash, c.changed_at"""


def act_context(case_id: UUID | str, number: int) -> str:
    """Name the place of what a person wrote for the sealing."""
    return f"case_acts:{case_id}:{number}"


def evidence_context(case_id: UUID | str, number: int) -> str:
    """Name the place of a piece of evidence for the sealing."""
    return f"case_evidence:{case_id}:{number}"


def question_context(question_id: UUID | str) -> str:
    """Name the place of a question to an officer for the sealing."""
    return f"case_questions:{question_id}"


def reveal_context(reveal_id: UUID | str) -> str:
    """Name the place of the reason of a reading for the sealing."""
    return f"case_reveals:{reveal_id}"


def visible(unit_code: str, agencies: Sequence[str]) -> bool:
    """Say whether a reader confined to ``agencies`` (none: all) may see what concerns this unit."""
    return not agencies or covers(agencies, unit_code)


def key_of(text: str) -> UUID:
    """Return the id of a case from an address, or refuse with 404."""
    return id_or(text, refusals.not_found)


async def read_case(conn: Connection, case_id: UUID, agencies: Sequence[str] = (), *, lock: bool = False) -> Case:
    """Return a case, locked until the transaction ends where asked for; refuse with 404 what a reader may not see."""
    await conn.execute("SELECT FROM cases WHERE id = %s FOR UPDATE", (case_id,)) if lock else None
    cursor = await conn.cursor(row_factory=class_row(Case)).execute(
        f"SELECT {COLUMNS} FROM cases c WHERE c.id = %s",  # noqa: S608 - constants
        (case_id,),
    )
    found = await cursor.fetchone()
    if found is None or not visible(found.unit_code, agencies):
        raise refusals.not_found()
    return found


async def write_act(
    conn: Connection,
    sealer: Sealer,
    case_id: UUID,
    act: CaseAct,
    acting: Acting,
    *,
    now: datetime,
    text: str = "",
    facts: Mapping[str, str] = {},
) -> None:
    """Add an act to the history of a case and to the ledger; the case must be locked, so that numbers follow.

    ``text`` is what the person wrote: sealed here, and in the ledger only its digest and length.
    """
    cursor = await conn.execute("SELECT count(*) + 1 FROM case_acts WHERE case_id = %s", (case_id,))
    row = await cursor.fetchone()
    number = 1 if row is None else int(row[0])
    await conn.execute(
        "INSERT INTO case_acts (case_id, number, at, act, client_id, person, facts, sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            case_id,
            number,
            now,
            act.value,
            acting.client_id,
            acting.person,
            Jsonb(dict(facts)),
            sealer.seal(orjson.dumps({"text": text}), act_context(case_id, number)),
        ),
    )
    named: dict[str, str] = {**facts, "person": acting.person} if acting.person else dict(facts)
    await record_act(
        conn,
        act=f"case.{act.value}",
        actor=acting.client_id,
        target=f"case:{case_id}",
        reason=text,
        facts=named,
        at=now,
    )


def open_text(sealer: Sealer, sealed: bytes, context: str) -> dict[str, Any]:
    """Return a sealed JSON object."""
    content: dict[str, Any] = orjson.loads(sealer.open(sealed, context))
    return content
