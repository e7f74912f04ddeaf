"""Reading what is known of connections, and keeping what probes find and what is believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from contracts.errors import Sentence
from hub.exchanges.views import ConnectionState
from hub.health.blame import Blame
from hub.health.damping import Believed
from hub.health.judgement import Facts, Failure, LastProbe, Pause, Window
from hub.health.layers import Layer
from hub.health.probing import ProbeReport
from hub.health.settings import HealthSettings

_READ = """
SELECT c.id, c.paused, c.stopped, c.paused_reason, c.paused_by, c.paused_at, c.breaker, c.breaker_until, c.state_since,
       c.last_success_at, c.last_failure_at, c.last_failure_kind, c.last_failure_code, c.last_failure_reason,
       c.last_failure_reason_vi,
       EXISTS (SELECT 1 FROM lanes l WHERE l.connection = c.id AND l.due_at IS NOT NULL) AS has_open,
       p.at AS probe_at, p.passed, p.proven, p.failed_layer, p.blame, p.sentence, p.sentence_vi, p.place,
       (SELECT max(q.at) FROM (
            SELECT at, proven FROM probes WHERE connection = c.id ORDER BY id DESC LIMIT 200
        ) q WHERE q.proven) AS proven_probe_at,
       h.state AS believed_state, h.since AS believed_since, h.blame AS believed_blame, h.cause AS believed_cause,
       h.candidate, h.candidate_since, h.unwell_since, h.flaps,
       w.starts_at, w.ends_at, w.reason AS window_reason
FROM connections c
LEFT JOIN LATERAL (SELECT * FROM probes WHERE connection = c.id ORDER BY id DESC LIMIT 1) p ON true
LEFT JOIN connection_health h ON h.connection = c.id
LEFT JOIN LATERAL (
    SELECT starts_at, ends_at, reason FROM maintenance_windows
    WHERE connection = c.id AND cancelled_at IS NULL AND starts_at <= %(now)s AND ends_at > %(now)s
    ORDER BY ends_at DESC LIMIT 1
) w ON true
WHERE c.id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one connection, and what was believed of it so far."""

    facts: Facts
    believed: Believed | None


async def read_facts(
    conn: AsyncConnection[Any], contacts: Mapping[str, str], settings: HealthSettings, now: datetime
) -> dict[str, Known]:
    """Return what is known of these connections (by id, with whom to call); those without a row are left out.

    Costs the same however much waits for a connection.
    """
    cursor = await conn.cursor(row_factory=dict_row).execute(_READ, {"ids": list(contacts), "now": now})
    return {row["id"]: _known(row, contacts[row["id"]], settings, now) for row in await cursor.fetchall()}


def _known(row: Mapping[str, Any], contact: str, settings: HealthSettings, now: datetime) -> Known:
    believed = _believed(row)
    trouble_since = believed.unwell_since if believed is not None and believed.in_trouble else None
    facts = Facts(
        connection=row["id"],
        now=now,
        proven_for=timedelta(minutes=settings.proven_minutes),
        contact=contact,
        pause=Pause(row["paused_by"] or "?", row["paused_reason"] or "?", row["paused_at"] or now, row["stopped"])
        if row["paused"]
        else None,
        window=Window(row["starts_at"], row["ends_at"], row["window_reason"]) if row["ends_at"] else None,
        success_at=row["last_success_at"],
        failure=_failure(row),
        streak_since=row["state_since"],
        breaker_open=row["breaker"] != "closed",
        breaker_until=row["breaker_until"],
        has_open=row["has_open"],
        probe=_probe(row),
        proven_probe_at=row["proven_probe_at"],
        trouble_since=trouble_since,
        state_since=(believed.state, believed.since) if believed is not None else None,
    )
    return Known(facts, believed)


def _failure(row: Mapping[str, Any]) -> Failure | None:
    if row["last_failure_at"] is None or not row["last_failure_kind"]:
        return None
    words = Sentence(row["last_failure_reason"], row["last_failure_reason_vi"])
    return Failure(row["last_failure_at"], row["last_failure_kind"], row["last_failure_code"], words)


def _probe(row: Mapping[str, Any]) -> LastProbe | None:
    if row["probe_at"] is None:
        return None
    return LastProbe(
        at=row["probe_at"],
        passed=row["passed"],
        proven=row["proven"],
        layer=Layer(row["failed_layer"]) if row["failed_layer"] else None,
        blame=Blame(row["blame"] or ""),
        sentence=Sentence(row["sentence"], row["sentence_vi"]) if row["sentence"] else None,
        place=row["place"] or "",
    )


def _believed(row: Mapping[str, Any]) -> Believed | None:
    if row["believed_state"] is None:
        return None
    return Believed(
        state=ConnectionState(row["believed_state"]),
        since=row["believed_since"],
        blame=Blame(row["believed_blame"]),
        cause=row["believed_cause"],
        candidate=ConnectionState(row["candidate"]) if row["candidate"] else None,
        candidate_since=row["candidate_since"],
        unwell_since=row["unwell_since"],
        flaps=tuple(datetime.fromtimestamp(one, UTC) for one in row["flaps"]),
    )


async def write_believed(conn: AsyncConnection[Any], believed: Mapping[str, Believed], now: datetime) -> None:
    """Keep what is believed of these connections."""
    for connection, one in believed.items():
        await conn.execute(
            """
            INSERT INTO connection_health (connection, state, blame, since, candidate, candidate_since, unwell_since,
                                           flaps, cause, judged_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (connection) DO UPDATE SET state = excluded.state, blame = excluded.blame,
                since = excluded.since, candidate = excluded.candidate, candidate_since = excluded.candidate_since,
                unwell_since = excluded.unwell_since, flaps = excluded.flaps, cause = excluded.cause,
                judged_at = excluded.judged_at
            """,
            (
                connection,
                one.state.value,
                one.blame.value,
                one.since,
                one.candidate.value if one.candidate else None,
                one.candidate_since,
                one.unwell_since,
                Jsonb([flap.timestamp() for flap in one.flaps]),
                one.cause,
                now,
            ),
        )


async def write_transition(
    conn: AsyncConnection[Any],
    connection: str,
    *,
    before: ConnectionState | None,
    after: Believed,
    sentence: Sentence,
    now: datetime,
) -> None:
    """Keep one change of the believed state."""
    await conn.execute(
        "INSERT INTO connection_transitions (connection, at, state_before, state, blame, sentence, sentence_vi)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            connection,
            now,
            before.value if before else None,
            after.state.value,
            after.blame.value,
            sentence.en,
            sentence.vi,
        ),
    )


async def record_probe(conn: AsyncConnection[Any], report: ProbeReport, *, origin: str) -> None:
    """Keep what a probe found, and the certificates it saw."""
    told = report.failure or report.attention
    await conn.execute(
        "INSERT INTO probes (connection, at, origin, duration_ms, passed, proven, failed_layer, blame, sentence,"
        " sentence_vi, place, clock_skew_seconds, layers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            report.connection,
            report.at,
            origin,
            report.duration_ms,
            report.passed,
            report.proven,
            told.layer.value if told else None,
            told.blame.value if told else None,
            told.sentence.en if told else "",
            told.sentence.vi if told else "",
            told.place if told else None,
            report.clock_skew,
            Jsonb(
                [
                    {
                        "layer": one.layer.value,
                        "result": one.passed.value,
                        "blame": one.blame.value,
                        "sentence": one.sentence.en,
                        "sentence_vi": one.sentence.vi,
                        "milliseconds": one.milliseconds,
                    }
                    for one in report.layers
                ]
            ),
        ),
    )
    for seen in report.certificates:
        await conn.execute(
            "INSERT INTO certificates (connection, kind, place, fingerprint, not_before, not_after, seen_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (connection, kind, place) DO UPDATE SET fingerprint = excluded.fingerprint,"
            " not_before = excluded.not_before, not_after = excluded.not_after, seen_at = excluded.seen_at",
            (report.connection, seen.kind, seen.place, seen.fingerprint, seen.not_before, seen.not_after, report.at),
        )


async def other_clocks(conn: AsyncConnection[Any], *, since: datetime) -> dict[str, float]:
    """Return how far the clocks of partners were from ours in their last probes, by connection."""
    cursor = await conn.execute(
        "SELECT DISTINCT ON (connection) connection, clock_skew_seconds FROM probes"
        " WHERE clock_skew_seconds IS NOT NULL AND at >= %s ORDER BY connection, id DESC",
        (since,),
    )
    return {row[0]: float(row[1]) for row in await cursor.fetchall()}


async def forget_older_than(conn: AsyncConnection[Any], before: datetime, connections: Iterable[str]) -> int:
    """Delete old probes and transitions, and the certificates of connections there are no more; return how many."""
    gone = 0
    # The last probe of each connection stays: it is what its state is judged by.
    cursor = await conn.execute(
        "DELETE FROM probes p WHERE at < %s AND id < (SELECT max(id) FROM probes q WHERE q.connection = p.connection)",
        (before,),
    )
    gone += cursor.rowcount
    cursor = await conn.execute("DELETE FROM connection_transitions WHERE at < %s", (before,))
    gone += cursor.rowcount
    kept: Sequence[str] = list(connections)
    cursor = await conn.execute("DELETE FROM certificates WHERE NOT connection = ANY(%s)", (kept,))
    return gone + cursor.rowcount
