"""What belongs to a case, as it is shown: alerts, acts, pieces of evidence, questions, readings, packages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from hub.cases.opening import alert_context
from hub.cases.records import act_context, open_text, question_context, reveal_context
from hub.cases.views import CaseActView, CaseAlertView, CasePackageView, CaseQuestionView, EvidencePieceView, RevealView
from hub.masking import mask_text
from hub.store.connections import Connection
from hub.store.sealing import Sealer

MOST_ALERTS = 500
"""Alerts shown with a case, the newest; all of them stand in its evidence."""


async def _all(conn: Connection, query: Any, *values: Any) -> list[dict[str, Any]]:
    cursor = await conn.cursor(row_factory=dict_row).execute(query, values)
    return await cursor.fetchall()


async def alerts(conn: Connection, sealer: Sealer, case_id: UUID) -> tuple[CaseAlertView, ...]:
    """Return the alerts of a case, the newest first."""
    rows = await _all(
        conn,
        "SELECT id, at, rule, rule_score, score, reason, reason_vi, rules_version, lookup_ids, sealed"
        " FROM watch_alerts WHERE case_id = %s ORDER BY at DESC, id DESC LIMIT %s",
        case_id,
        MOST_ALERTS,
    )
    return tuple(
        CaseAlertView(
            id=str(row["id"]),
            at=row["at"],
            rule=row["rule"],
            rule_score=row["rule_score"],
            score=row["score"],
            reason=row["reason"],
            reason_vi=row["reason_vi"],
            rules_version=row["rules_version"],
            lookup_ids=tuple(map(str, row["lookup_ids"])),
            people=tuple(map(mask_text, open_text(sealer, row["sealed"], alert_context(row["id"]))["people"])),
        )
        for row in rows
    )


async def acts(conn: Connection, sealer: Sealer, case_id: UUID) -> tuple[CaseActView, ...]:
    """Return what was done with a case, in order."""
    rows = await _all(
        conn,
        "SELECT number, at, act, client_id, person, facts, sealed FROM case_acts WHERE case_id = %s ORDER BY number",
        case_id,
    )
    return tuple(
        CaseActView(
            number=row["number"],
            at=row["at"],
            act=row["act"],
            client_id=row["client_id"],
            person=row["person"],
            text=mask_text(open_text(sealer, row["sealed"], act_context(case_id, row["number"]))["text"]),
            facts=row["facts"],
        )
        for row in rows
    )


async def pieces(conn: Connection, case_id: UUID) -> tuple[EvidencePieceView, ...]:
    """Return the pieces of evidence without their content."""
    rows = await _all(
        conn,
        "SELECT number, at, occasion, encode(sha256, 'hex') AS sha256, lookups FROM case_evidence"
        " WHERE case_id = %s ORDER BY number",
        case_id,
    )
    return tuple(EvidencePieceView(**row) for row in rows)


async def questions(conn: Connection, sealer: Sealer, case_id: UUID, *, now: datetime) -> tuple[CaseQuestionView, ...]:
    """Return what was asked of the officer."""
    rows = await _all(
        conn,
        "SELECT id, purpose, case_id, account_id, unit_code, lookup_ids, asked_at, due_at, cancelled_at, answered_at,"
        " answered_person, justified, sealed FROM case_questions WHERE case_id = %s ORDER BY id",
        case_id,
    )
    return tuple(question_view(sealer, row, now=now) for row in rows)


def question_view(sealer: Sealer, row: dict[str, Any], *, now: datetime) -> CaseQuestionView:
    """Return a request from its row."""
    words = open_text(sealer, row["sealed"], question_context(row["id"]))
    return CaseQuestionView(
        id=str(row["id"]),
        purpose=row["purpose"],
        case_id=None if row["case_id"] is None else str(row["case_id"]),
        account_id=row["account_id"],
        unit_code=row["unit_code"],
        lookup_ids=tuple(map(str, row["lookup_ids"])),
        question=mask_text(words["question"]),
        asked_at=row["asked_at"],
        due_at=row["due_at"],
        overdue=is_overdue(row, now),
        cancelled_at=row["cancelled_at"],
        answered_at=row["answered_at"],
        answered_person=row["answered_person"],
        answer=None if (answer := words.get("answer")) is None else mask_text(answer),
        justified=row["justified"],
    )


def is_overdue(row: dict[str, Any], now: datetime) -> bool:
    """Say whether an answer was late, or is late now."""
    if row["cancelled_at"] is not None and row["answered_at"] is None:
        return bool(row["cancelled_at"] > row["due_at"])
    return bool((row["answered_at"] or now) > row["due_at"])


async def reveals(conn: Connection, sealer: Sealer, case_id: UUID) -> tuple[RevealView, ...]:
    """Return the permissions to read citizens' numbers."""
    rows = await _all(
        conn,
        "SELECT r.id, r.asked_by, r.asked_person, r.asked_at, r.approved_by, r.approved_person, r.approved_at,"
        " r.valid_until, r.sealed, (SELECT count(*) FROM case_readings o WHERE o.reveal_id = r.id) AS readings"
        " FROM case_reveals r WHERE r.case_id = %s ORDER BY r.id",
        case_id,
    )
    return tuple(_reveal(sealer, row) for row in rows)


def _reveal(sealer: Sealer, row: dict[str, Any]) -> RevealView:
    reason = mask_text(open_text(sealer, row.pop("sealed"), reveal_context(row["id"]))["reason"])
    return RevealView(**{**row, "id": str(row["id"]), "reason": reason})


async def packages(conn: Connection, case_id: UUID) -> tuple[CasePackageView, ...]:
    """Return the packages handed over."""
    rows = await _all(
        conn,
        "SELECT id::text, made_at, made_by, made_person, recipient, encode(sha256, 'hex') AS sha256,"
        " encode(zip_sha256, 'hex') AS zip_sha256, length(content) AS bytes FROM case_packages"
        " WHERE case_id = %s ORDER BY case_packages.id",
        case_id,
    )
    return tuple(CasePackageView(**row) for row in rows)
