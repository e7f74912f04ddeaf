"""Alerts become cases: one account over seven days, with evidence frozen at once.

An alert joins the open case of its account while its time runs, or opens a new one. What was put aside stays so until
it becomes clearly worse or meets a hard rule. A case that was decided is never added to: what comes after its verdict
is a new case, which says that it recurs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from contracts.errors import Sentence
from hub.cases.evidence import count_lookups, freeze
from hub.cases.notices import tell_of_case
from hub.cases.records import COLUMNS, THE_PROGRAM, Case, open_text, write_act
from hub.cases.scoring import merged
from hub.cases.states import CaseAct, CaseState, after
from hub.lookups.log import SubjectHasher
from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.watch.rules import RuleSet
from hub.watch.scoring import combine

WORSE = 1.25
"""A suppressed case wakes when its score has grown by this factor."""

MOST_ALERTS = 2000
"""Alerts described in the evidence of a verdict."""

MOST_MARKS = 2000
"""People and networks by which one case may be found as related."""


_MARKS: LiteralString = """
    INSERT INTO case_marks (kind, mark, case_id)
    SELECT m.kind, m.mark, %(case)s FROM lookups l, LATERAL (VALUES
        ('person', encode(l.subject_hash, 'hex')),
        ('network', network(set_masklen(l.ip, CASE family(l.ip) WHEN 4 THEN 24 ELSE 64 END))::text)
    ) AS m (kind, mark)
    WHERE l.account_id = %(account)s AND l.asked_at >= %(since)s AND l.id = ANY(%(ids)s) AND m.mark IS NOT NULL
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert as it is stored."""

    key: str
    """The same whenever the same is found again."""
    at: datetime
    account_id: str
    unit_code: str
    rule: str
    rule_score: float
    hard: bool
    people: Sequence[str]
    reason: Sentence
    lookup_ids: Sequence[UUID]
    engine_case: str = ""
    """How the engine calls the case; empty: the engine did not find this."""
    score: float = 0.0
    """The score of the case as the watch sees it, weakened by verdicts; 0: by the scores of its rules alone."""

    def __repr__(self) -> str:
        return f"Finding({self.rule}, {self.key})"


def alert_context(alert_id: UUID | str) -> str:
    """Name the place of the people of an alert for the sealing."""
    return f"watch_alerts:{alert_id}"


class CaseOpener:
    """Puts findings into cases, in the transaction of whoever found them."""

    def __init__(self, sealer: Sealer, hasher: SubjectHasher, *, evidence_lookups: int) -> None:
        """``evidence_lookups``: most look-ups frozen in one piece of evidence."""
        self._sealer = sealer
        self._hasher = hasher
        self._most = evidence_lookups

    async def take_in(
        self, conn: Connection, findings: Sequence[Finding], *, rules: RuleSet, now: datetime
    ) -> list[UUID]:
        """Store findings that are not stored yet; return the cases they opened or made grow."""
        cursor = await conn.execute(
            "SELECT key FROM watch_alerts WHERE key = ANY(%s)", ([one.key for one in findings],)
        )
        known = {row[0] for row in await cursor.fetchall()}
        by_account: dict[str, list[Finding]] = {}
        touched: list[UUID] = []
        for one in findings:
            if one.key not in known:
                known.add(one.key)
                by_account.setdefault(one.account_id, []).append(one)
        for account_id, fresh in by_account.items():
            # Two jobs that open cases for one account (the watch, the random sample) take turns.
            await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 42))", (f"case:{account_id}",))
            groups = await self._by_case(conn, account_id, fresh, rules)
            touched += [await self._into(conn, group.case, group.findings, rules=rules, now=now) for group in groups]
        return touched

    async def _by_case(
        self, conn: Connection, account_id: str, findings: Sequence[Finding], rules: RuleSet
    ) -> list[_Group]:
        """Share findings out: to the newest open case as long as it lasts, and from there to new ones."""
        cursor = await conn.cursor(row_factory=class_row(Case)).execute(
            f"SELECT {COLUMNS} FROM cases c WHERE c.account_id = %s AND c.state <> 'decided'"  # noqa: S608 - constants
            " ORDER BY c.opened_at DESC LIMIT 1 FOR UPDATE",
            (account_id,),
        )
        current = await cursor.fetchone()
        groups: list[_Group] = []
        until = current.until if current is not None else None
        for one in sorted(findings, key=lambda finding: finding.at):
            if until is None or one.at > until:
                groups.append(_Group(None, [one]))
                until = one.at + timedelta(days=rules.case_days)
            elif not groups:
                groups.append(_Group(current, [one]))
            else:
                groups[-1].findings.append(one)
        return groups

    async def _into(
        self, conn: Connection, case: Case | None, findings: Sequence[Finding], *, rules: RuleSet, now: datetime
    ) -> UUID:
        case_id = case.id if case is not None else uuid_utils.compat.uuid7()
        best: Mapping[str, float] = dict(case.rules) if case is not None else {}
        scores: list[float] = []
        for one in findings:
            best = merged(best, one.rule, one.rule_score)
            alone = combine(best.values(), cap=rules.case_cap, decay=rules.case_decay)
            scores.append(round(one.score or alone, 4))
        if case is None:
            await self._open(conn, case_id, findings, best=best, score=max(scores), rules=rules, now=now)
        await self._store(conn, case_id, findings, scores, rules=rules, now=now)
        lookup_ids = sorted({key for one in findings for key in one.lookup_ids})
        since = min(one.at for one in findings) - timedelta(days=2 * rules.people.repeated_days)
        await self._mark(conn, case_id, findings, lookup_ids, since)
        digest = await freeze(
            conn,
            self._sealer,
            case_id,
            account_id=findings[0].account_id,
            occasion="opened" if case is None else "grown",
            alerts=[_described(one, score) for one, score in zip(findings, scores, strict=True)],
            lookup_ids=lookup_ids,
            since=since,
            rules_version=str(rules.version),
            most=self._most,
            now=now,
        )
        if case is None:
            await conn.execute("UPDATE cases SET evidence_hash = %s WHERE id = %s", (digest, case_id))
            facts = {"rules": " ".join(sorted(best)), "score": f"{max(scores):.2f}", "unit": findings[0].unit_code}
            await write_act(conn, self._sealer, case_id, CaseAct.OPEN, THE_PROGRAM, now=now, facts=facts)
        else:
            await self._grow(conn, case, findings, best=best, score=max(scores), now=now)
        await count_lookups(conn, case_id)
        await tell_of_case(conn, case_id, now=now)
        return case_id

    async def _open(
        self,
        conn: Connection,
        case_id: UUID,
        findings: Sequence[Finding],
        *,
        best: Mapping[str, float],
        score: float,
        rules: RuleSet,
        now: datetime,
    ) -> None:
        first = findings[0]
        cursor = await conn.execute(
            "SELECT id, verdict FROM cases WHERE account_id = %s AND state = 'decided' ORDER BY decided_at DESC",
            (first.account_id,),
        )
        decided = await cursor.fetchall()
        await conn.execute(
            "INSERT INTO cases (id, case_key, account_id, unit_code, opened_at, until, score, rules, hard, lookups,"
            " recurs_after, earlier_violations, state, evidence_hash, changed_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, 'new', '', %s)",
            (
                case_id,
                first.key,
                first.account_id,
                first.unit_code,
                now,
                first.at + timedelta(days=rules.case_days),
                score,
                Jsonb(best),
                any(one.hard for one in findings),
                decided[0][0] if decided else None,
                sum(row[1] == "violation" for row in decided),
                now,
            ),
        )

    async def _grow(
        self,
        conn: Connection,
        case: Case,
        findings: Sequence[Finding],
        *,
        best: Mapping[str, float],
        score: float,
        now: datetime,
    ) -> None:
        hard = any(one.hard for one in findings)
        await conn.execute(
            "UPDATE cases SET score = greatest(score, %s), rules = %s, hard = hard OR %s, changed_at = %s"
            " WHERE id = %s",
            (score, Jsonb(dict(best)), hard, now, case.id),
        )
        facts = {"rules": " ".join(sorted({one.rule for one in findings})), "score": f"{score:.2f}"}
        await write_act(conn, self._sealer, case.id, CaseAct.GROW, THE_PROGRAM, now=now, facts=facts)
        if case.stands is CaseState.SUPPRESSED and (hard or score >= WORSE * (case.suppressed_score or 0.0)):
            await wake(conn, self._sealer, case, now=now, why="hard_rule" if hard else "worse")

    async def _store(
        self,
        conn: Connection,
        case_id: UUID,
        findings: Sequence[Finding],
        scores: Sequence[float],
        *,
        rules: RuleSet,
        now: datetime,
    ) -> None:
        for one, score in zip(findings, scores, strict=True):
            alert_id = uuid_utils.compat.uuid7()
            await conn.execute(
                "INSERT INTO watch_alerts (id, key, at, recorded_at, account_id, unit_code, rule, rule_score, score,"
                " hard, rules_version, case_id, engine_case, reason, reason_vi, lookup_ids, sealed)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (key) DO NOTHING",
                (
                    alert_id,
                    one.key,
                    one.at,
                    now,
                    one.account_id,
                    one.unit_code,
                    one.rule,
                    one.rule_score,
                    score,
                    one.hard,
                    str(rules.version),
                    case_id,
                    one.engine_case,
                    one.reason.en,
                    one.reason.vi,
                    list(one.lookup_ids),
                    self._sealer.seal(orjson.dumps({"people": list(one.people)}), alert_context(alert_id)),
                ),
            )

    async def _mark(
        self, conn: Connection, case_id: UUID, findings: Sequence[Finding], lookup_ids: Sequence[UUID], since: datetime
    ) -> None:
        """Note whom the case is about and from which networks, by which related cases and conflicts are found."""
        people = {number for one in findings for number in one.people}
        marks = [self._hasher.hash(number).hex() for number in sorted(people)[:MOST_MARKS]]
        await conn.execute(
            "INSERT INTO case_marks (kind, mark, case_id) SELECT 'person', mark, %s FROM unnest(%s::text[]) AS mark"
            " ON CONFLICT DO NOTHING",
            (case_id, marks),
        )
        await mark_lookups(conn, case_id, findings[0].account_id, lookup_ids, since=since)


@dataclass(slots=True)
class _Group:
    case: Case | None
    findings: list[Finding]


async def mark_lookups(
    conn: Connection, case_id: UUID, account_id: str, lookup_ids: Sequence[UUID], *, since: datetime
) -> None:
    """Note the people and networks of look-ups of a case, asked from ``since`` on; of too many, of the newest."""
    values = {"case": case_id, "account": account_id, "since": since, "ids": list(lookup_ids[-MOST_MARKS:])}
    await conn.execute(_MARKS, values)


async def wake(conn: Connection, sealer: Sealer, case: Case, *, now: datetime, why: str) -> None:
    """Put a suppressed case back into the queue."""
    state = after(CaseState.SUPPRESSED, CaseAct.WAKE)
    await conn.execute(
        "UPDATE cases SET state = %s, suppressed_until = NULL, suppressed_score = NULL, changed_at = %s WHERE id = %s",
        (state.value, now, case.id),
    )
    await write_act(conn, sealer, case.id, CaseAct.WAKE, THE_PROGRAM, now=now, facts={"why": why})


def _described(one: Finding, score: float) -> dict[str, Any]:
    return {
        "key": one.key,
        "at": one.at,
        "rule": one.rule,
        "rule_score": one.rule_score,
        "score": score,
        "reason": one.reason.en,
        "reason_vi": one.reason.vi,
        "people": sorted(one.people),
        "lookup_ids": [str(key) for key in one.lookup_ids],
    }


async def alert_rows(conn: Connection, sealer: Sealer, case_id: UUID) -> list[dict[str, Any]]:
    """Return the alerts of a case as evidence describes them, oldest first, at most `MOST_ALERTS`, the newest."""
    cursor = await conn.cursor(row_factory=dict_row).execute(
        "SELECT id, key, at, rule, rule_score, score, reason, reason_vi, rules_version, lookup_ids, sealed"
        " FROM watch_alerts WHERE case_id = %s ORDER BY at DESC, id DESC LIMIT %s",
        (case_id, MOST_ALERTS),
    )
    rows = await cursor.fetchall()
    return [
        {
            **{name: row[name] for name in ("key", "at", "rule", "rule_score", "score", "reason", "reason_vi")},
            "rules_version": row["rules_version"],
            "people": open_text(sealer, row["sealed"], alert_context(row["id"]))["people"],
            "lookup_ids": [str(key) for key in row["lookup_ids"]],
        }
        for row in reversed(rows)
    ]
