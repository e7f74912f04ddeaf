"""Evidence, frozen: look-ups, how they are explained, dossiers as they are known now, rules, the state of the account.

A piece is canonical JSON with a random salt, sealed, and its SHA-256 goes to the ledger in the same transaction: what
is shown later is what was known then, and that can be proven. Nothing of it is changed afterwards; a case that grows
gets further pieces.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import dict_row

from hub.cases.records import evidence_context
from hub.dossiers.events_store import read_dossiers
from hub.ledger.entries import PROGRAM, record_act
from hub.lookups.log import COLUMNS, EndedLookup, ended_lookup
from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.watch.parties import party_numbers

FORMAT = "lienthong-case-evidence/1"

MOST_DOSSIERS = 500
"""Dossiers described in one piece."""

MARGIN = timedelta(minutes=1)
"""Look-ups are found by their moment first; clocks of two processes differ a little."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence of a case, opened."""

    number: int
    at: datetime
    occasion: str
    sha256: bytes
    content: bytes
    """Canonical JSON: its SHA-256 is ``sha256``."""

    @property
    def document(self) -> dict[str, Any]:
        """The content as an object."""
        made: dict[str, Any] = orjson.loads(self.content)
        return made


OF_CASE: LiteralString = """
    SELECT one FROM watch_alerts w, unnest(w.lookup_ids) AS one WHERE w.case_id = c.id
    UNION
    SELECT x.lookup_id FROM (
        SELECT DISTINCT ON (lookup_id) lookup_id, w FROM lookup_explanations
        WHERE account_id = c.account_id AND asked_at >= c.opened_at - interval '1 day' AND asked_at <= c.until
        ORDER BY lookup_id, late DESC
    ) AS x WHERE x.w >= 0.5
"""
"""The look-ups that a case ``c`` is about: those of its alerts, and whatever else of its account and time stays
unexplained. A harvest of thousands needs few alerts."""


async def lookups_of_case(conn: Connection, case_id: UUID) -> list[UUID]:
    """Return the look-ups that a case is about, the oldest first."""
    cursor = await conn.execute(
        f"SELECT found.one FROM cases c, LATERAL ({OF_CASE}) AS found WHERE c.id = %s ORDER BY 1",  # noqa: S608 - constants
        (case_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def count_lookups(conn: Connection, case_id: UUID | None = None) -> None:
    """Note how many look-ups a case is about; ``None``: of every case that is not decided."""
    await conn.execute(
        f"UPDATE cases c SET lookups = (SELECT count(*) FROM ({OF_CASE}) AS found)"  # noqa: S608 - constants
        " WHERE CASE WHEN %(id)s::uuid IS NULL THEN c.state <> 'decided' ELSE c.id = %(id)s END",
        {"id": case_id},
    )


async def read_lookups(
    conn: Connection, account_id: str, ids: Sequence[UUID], *, since: datetime, until: datetime
) -> list[EndedLookup]:
    """Return those of these look-ups that are this account's and were asked in that time, in their order."""
    cursor = await conn.execute(
        f"SELECT {COLUMNS} FROM lookups a JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id"  # noqa: S608 - constants
        " WHERE a.account_id = %s AND a.asked_at BETWEEN %s AND %s AND e.asked_at BETWEEN %s AND %s AND a.id = ANY(%s)"
        " ORDER BY a.asked_at, a.id",
        (account_id, since - MARGIN, until + MARGIN, since - MARGIN, until + MARGIN, list(ids)),
    )
    return [ended_lookup(row) for row in await cursor.fetchall()]


async def freeze(
    conn: Connection,
    sealer: Sealer,
    case_id: UUID,
    *,
    account_id: str,
    occasion: str,
    alerts: Sequence[Mapping[str, Any]],
    lookup_ids: Sequence[UUID],
    since: datetime,
    rules_version: str,
    most: int,
    now: datetime,
) -> bytes:
    """Freeze a piece of evidence in the caller's transaction and return its SHA-256.

    ``alerts`` say what was raised; of ``lookup_ids``, asked from ``since`` on, the newest ``most`` are described.
    """
    # Ids sort by time, so the newest of too many are the last.
    wanted = sorted(set(lookup_ids))
    found = await read_lookups(conn, account_id, wanted[-most:], since=since, until=now)
    explained = await _explanations(conn, [one.id for one in found])
    codes = sorted({one.dossier_code for one in found if one.dossier_code})
    content = orjson.dumps(
        {
            "format": FORMAT,
            "case_id": str(case_id),
            "occasion": occasion,
            "at": now,
            "salt": secrets.token_hex(16),
            "rules_version": rules_version,
            "account": await _account(conn, account_id),
            "alerts": list(alerts),
            "lookups": [_lookup(one, sealer, explained.get(one.id)) for one in found],
            "lookups_left_out": len(wanted) - len(found),
            "dossiers": await _dossiers(conn, sealer, codes[:MOST_DOSSIERS]),
        },
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
    )
    digest = hashlib.sha256(content).digest()
    cursor = await conn.execute("SELECT count(*) + 1 FROM case_evidence WHERE case_id = %s", (case_id,))
    row = await cursor.fetchone()
    number = 1 if row is None else int(row[0])
    await conn.execute(
        "INSERT INTO case_evidence (case_id, number, at, occasion, sha256, lookups, sealed)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            case_id,
            number,
            now,
            occasion,
            digest,
            len(found),
            sealer.seal(content, evidence_context(case_id, number)),
        ),
    )
    await record_act(
        conn,
        act="case.evidence_frozen",
        actor=PROGRAM,
        target=f"case:{case_id}",
        facts={"piece": str(number), "occasion": occasion, "sha256": digest.hex(), "lookups": str(len(found))},
        at=now,
    )
    return digest


async def read_pieces(conn: Connection, sealer: Sealer, case_id: UUID) -> list[Piece]:
    """Return all pieces of a case, oldest first, opened and checked.

    Raises `hub.store.errors.SealError` where a piece was altered; ``ValueError`` where its digest is not its own.
    """
    cursor = await conn.execute(
        "SELECT number, at, occasion, sha256, sealed FROM case_evidence WHERE case_id = %s ORDER BY number", (case_id,)
    )
    pieces: list[Piece] = []
    for number, at, occasion, sha256, sealed in await cursor.fetchall():
        content = sealer.open(sealed, evidence_context(case_id, number))
        if hashlib.sha256(content).digest() != bytes(sha256):
            message = f"piece {number} of the evidence of case {case_id} is not what was frozen"
            raise ValueError(message)
        pieces.append(Piece(number, at, occasion, bytes(sha256), content))
    return pieces


def numbers_in(pieces: Sequence[Piece]) -> list[str]:
    """Return the citizens' numbers that the evidence holds, each once, sorted."""
    found: set[str] = set()
    for piece in pieces:
        document = piece.document
        found.update(one["subject"] for one in document["lookups"] if one["subject"])
        found.update(number for one in document["alerts"] for number in one["people"])
    return sorted(found)


def _lookup(one: EndedLookup, sealer: Sealer, explanation: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "asked_at": one.asked_at,
        "ended_at": one.ended_at,
        "kind": one.kind,
        "role": one.role,
        "unit_code": one.unit_code,
        "ip": one.ip,
        "dossier_code": one.dossier_code,
        "procedure_root": one.procedure_root,
        "purpose": one.purpose,
        "break_glass": one.break_glass,
        "reasons": one.reasons(sealer),
        "subject": one.subject_number(sealer),
        "outcome": one.outcome,
        "denied_code": one.denied_code,
        "data_groups": list(one.data_groups),
        "gate": one.gate,
        "explanation": explanation,
    }


async def _explanations(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT DISTINCT ON (lookup_id) lookup_id, grade, w, late, decided_at, evidence, rules_version"
        " FROM lookup_explanations WHERE lookup_id = ANY(%s) ORDER BY lookup_id, late DESC",
        (list(ids),),
    )
    return {row.pop("lookup_id"): row for row in await cursor.fetchall()}


async def _account(conn: Connection, account_id: str) -> dict[str, Any]:
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT id, state, unit_code, role, officer_code, purpose, scope, valid_from, valid_until, last_used_at"
        " FROM lookup_accounts WHERE id = %s",
        (account_id,),
    )
    return await cursor.fetchone() or {"id": account_id, "state": "unknown"}


async def _dossiers(conn: Connection, sealer: Sealer, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Describe dossiers as they are known now: who is a party stands here as the explanation saw it."""
    if not codes:
        return []
    dossiers = await read_dossiers(conn, sealer, codes)
    return [
        {
            "code": code,
            "known": code in dossiers,
            **(
                {}
                if (one := dossiers.get(code)) is None
                else {
                    "revision": one.revision,
                    "state": one.state.value,
                    "agency_code": one.facts.agency.code,
                    "procedure": one.facts.procedure.code,
                    "submitted_at": one.facts.submitted_at,
                    "received_at": one.received_at,
                    "finished_at": one.finished_at,
                    "assigned_accounts": list(one.facts.assigned_accounts),
                    "parties": sorted(party_numbers(one.facts.model_dump(mode="json"))),
                }
            ),
        }
        for code in codes
    ]
