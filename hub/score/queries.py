# ruff: noqa: S608 - every statement is put together from constants of this module
"""The statements behind scores: what we have and what the portal holds, dossier by dossier, side by side.

What the portal holds is taken from the newest reconciliation where that found a difference which nothing has been
delivered to mend since; else it is the revision that the portal confirmed last.
"""

from __future__ import annotations

from typing import LiteralString

_ENDS: LiteralString = "(3, 7, 8, 9, 10)"
"""National states in which processing has ended."""

_MOMENT: LiteralString = r"'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'"


def _told_moment(name: LiteralString, otherwise: LiteralString) -> LiteralString:
    """Return their moment where the reconciliation was told one that differs from ours; empty is none."""
    told: LiteralString = f"x.shown->'{name}'->>1"
    return f"CASE WHEN {told} ~ {_MOMENT} THEN ({told})::timestamptz WHEN {told} = '' THEN NULL ELSE {otherwise} END"


_DIFFERING: LiteralString = """
    SELECT d.code, d.outcome, n.their_state, coalesce(n.shown, '{}') AS shown
    FROM reconciliation_differences d
    LEFT JOIN lanes l ON l.connection = d.connection AND l.subject = d.code
    LEFT JOIN LATERAL (
        SELECT their_state, shown FROM reconciliation_findings
        WHERE code = d.code AND connection = d.connection ORDER BY run_id DESC LIMIT 1
    ) n ON true
    WHERE d.connection = %(connection)s AND d.resolved_at IS NULL
      AND (l.confirmed_at IS NULL OR l.confirmed_at < d.seen_at)
"""

_THEIRS: LiteralString = f"""
    SELECT p.code, p.agency_code, p.submitted_at, p.supplements, p.supplement_requested_at, p.supplement_received_at,
        p.supplement_renewed, p.result_filed, p.component_file, p.from_store, p.databases, p.fee_asked, p.paid_online,
        p.longest_due_at, p.counted_at, coalesce(x.their_state, p.state) AS state,
        {_told_moment("received_at", "p.received_at")} AS received_at,
        {_told_moment("due_at", "p.due_at")} AS due_at,
        CASE WHEN x.their_state NOT IN {_ENDS} THEN NULL
             ELSE {_told_moment("finished_at", "p.ended_at")} END AS ended_at,
        CASE WHEN x.shown ? 'channel' THEN nullif(x.shown->'channel'->>1, '') ELSE p.channel END AS channel,
        CASE WHEN x.shown ? 'components.digitised' THEN x.shown->'components.digitised'->>1 = 'true'
             ELSE p.digitised END AS digitised,
        CASE WHEN x.shown ? 'applicant.portal_account.verified_by_vneid'
             THEN x.shown->'applicant.portal_account.verified_by_vneid'->>1 = 'true'
             ELSE p.verified_account END AS verified_account
    FROM score_facts p
    JOIN lanes l ON l.connection = %(connection)s AND l.subject = p.code
        AND l.confirmed_revision >= p.revision AND (p.newest OR l.confirmed_revision <= p.through)
    LEFT JOIN differing x ON x.code = p.code
    WHERE x.outcome IS DISTINCT FROM 'missing_there'
"""


def _in_reach(alias: LiteralString) -> LiteralString:
    """Limit to dossiers that may matter to the month: by an index, before anything is joined."""
    return f"""(
        {alias}.counted_at >= %(start)s AND {alias}.counted_at < %(end)s
        OR %(handled)s AND {alias}.counted_at < %(start)s
            AND ({alias}.ended_at IS NULL OR {alias}.ended_at >= %(start)s)
    )"""


_IN_MONTH: LiteralString = "s.received_at >= %(start)s AND s.received_at < %(end)s"

_CARRIED_OVER: LiteralString = (
    "%(handled)s AND s.received_at < %(start)s AND (s.ended_at IS NULL OR s.ended_at >= %(start)s)"
)

_SUBTRACTED: LiteralString = """CASE
    WHEN s.supplements = 1 AND (%(always)s OR NOT s.supplement_renewed)
    THEN greatest(interval '0', coalesce(s.supplement_received_at, s.ended_at, %(until)s) - s.supplement_requested_at)
    ELSE interval '0' END"""

ON_TIME: LiteralString = f"""coalesce(
    s.supplements <= 1
    AND coalesce(s.ended_at, %(until)s) - ({_SUBTRACTED}) <= coalesce(s.due_at, s.longest_due_at), false)"""
"""Line 2.1: one supplement is taken off the clock, more are overdue; no due date: the procedure's maximum, and where
that is not known either, not on time; no end: the end of the period, or now while it runs."""

_AMONG_RESULTS: LiteralString = "(NOT %(finished)s OR s.state IN (9, 10))"


def _count(line: LiteralString, among: LiteralString, counts: LiteralString) -> LiteralString:
    return (
        f'count(*) FILTER (WHERE {among}) AS "{line} of", count(*) FILTER (WHERE ({among}) AND ({counts})) AS "{line}"'
    )


_COUNTS: LiteralString = ", ".join(
    (
        f"count(*) FILTER (WHERE {_IN_MONTH}) AS received",
        f"count(*) FILTER (WHERE ({_IN_MONTH}) AND s.held) AS held",
        _count("2.1", f"({_IN_MONTH}) OR ({_CARRIED_OVER})", ON_TIME),
        _count("3.3", f"({_IN_MONTH}) AND {_AMONG_RESULTS}", "s.channel = 'online' AND s.result_filed"),
        _count("3.6", f"({_IN_MONTH}) AND s.fee_asked", "s.paid_online"),
        _count("4.1", f"({_IN_MONTH}) AND {_AMONG_RESULTS}", "s.result_filed"),
        _count("4.2", f"({_IN_MONTH}) AND {_AMONG_RESULTS}", "s.result_filed AND s.component_file"),
        _count("4.3", _IN_MONTH, "s.digitised"),
        _count("4.4", _IN_MONTH, "s.from_store"),
        _count("4.5", _IN_MONTH, "s.verified_account OR s.from_store OR s.databases && %(population)s::text[]"),
    )
)

_SIDE: LiteralString = """s.agency_code, s.state, s.received_at, s.due_at, s.longest_due_at, s.ended_at, s.supplements,
        s.supplement_requested_at, s.supplement_received_at, s.supplement_renewed, s.channel, s.result_filed,
        s.component_file, s.digitised, s.from_store, s.verified_account, s.databases, s.fee_asked, s.paid_online"""

COUNTS: LiteralString = f"""
WITH differing AS MATERIALIZED ({_DIFFERING}),
theirs AS ({_THEIRS} AND ({_in_reach("p")} OR x.shown ? 'received_at')),
sides AS (
    SELECT 'ours' AS side, {_SIDE}, EXISTS (
        SELECT FROM lanes l WHERE l.connection = %(connection)s AND l.subject = s.code
        AND l.confirmed_revision IS NOT NULL
    ) AND NOT EXISTS (SELECT FROM differing x WHERE x.code = s.code AND x.outcome = 'missing_there') AS held
    FROM score_facts s WHERE s.newest AND NOT s.cancelled AND {_in_reach("s")}
    UNION ALL
    SELECT 'portal', {_SIDE}, true FROM theirs s
)
SELECT s.side, s.agency_code, {_COUNTS} FROM sides s GROUP BY s.side, s.agency_code
"""
"""Every line's counts by side and agency, for one month."""

_COUNTS_OTHERWISE: LiteralString = """(
    x.outcome IN ('theirs_older', 'theirs_newer') OR x.shown ?| ARRAY['channel', 'received_at', 'due_at', 'finished_at',
        'returned_at', 'refused_at', 'components.digitised', 'applicant.portal_account.verified_by_vneid']
)"""
"""Whether a difference touches what the score reads; another spelling of a unit costs nobody a point."""

COSTS: LiteralString = f"""
WITH differing AS MATERIALIZED ({_DIFFERING}), scanned AS MATERIALIZED (
    SELECT * FROM score_facts
    WHERE newest AND counted_at >= %(start)s AND counted_at < %(end)s
      AND (counted_at, code) > (%(after_at)s::timestamptz, %(after_code)s::text)
    ORDER BY counted_at, code LIMIT %(scan)s
), ours AS (
    SELECT s.*, l.confirmed_revision, d.revision AS newest_revision, d.recorded_at, {ON_TIME} AS on_time
    FROM scanned s JOIN dossiers d ON d.code = s.code
    LEFT JOIN lanes l ON l.connection = %(connection)s AND l.subject = s.code
), there AS (
    SELECT s.code, s.state, s.channel, {ON_TIME} AS on_time
    FROM ({_THEIRS} AND p.code = ANY(ARRAY(SELECT code FROM scanned))) s
)
SELECT o.code, o.agency_code, o.state, o.counted_at, o.received_at, o.due_at, o.ended_at, o.newest_revision,
    o.confirmed_revision, t.state AS portal_state, CASE WHEN o.cancelled THEN ARRAY[]::text[] ELSE array_remove(ARRAY[
        CASE WHEN o.reception_due_at < coalesce(o.answered_at, %(now)s) THEN 'not_received_in_time' END,
        CASE WHEN o.supplements > 1 THEN 'second_supplement' END,
        CASE WHEN t.code IS NOT NULL AND t.channel IS NULL THEN 'null_channel' END,
        CASE WHEN o.state IN (9, 10) AND NOT o.result_filed THEN 'result_missing' END,
        CASE WHEN %(connection)s::text IS NOT NULL AND t.code IS NULL
            AND o.recorded_at < %(settled)s THEN 'not_synchronised' END,
        CASE WHEN t.code IS NOT NULL AND o.recorded_at < %(settled)s
            AND (o.confirmed_revision < o.newest_revision OR {_COUNTS_OTHERWISE}) THEN 'out_of_date_there' END,
        CASE WHEN o.received_at IS NOT NULL AND o.due_at IS NULL AND o.longest_due_at IS NULL
            THEN 'due_date_missing' END,
        CASE WHEN o.received_at IS NOT NULL AND o.supplements <= 1
            AND coalesce(o.due_at, o.longest_due_at) IS NOT NULL AND NOT o.on_time THEN 'overdue' END,
        CASE WHEN o.received_at IS NOT NULL AND o.on_time AND NOT t.on_time THEN 'overdue_there' END
    ], NULL) END AS causes
FROM ours o LEFT JOIN differing x ON x.code = o.code LEFT JOIN there t ON t.code = o.code
ORDER BY o.counted_at, o.code
"""
"""Dossiers of a month in the order of reception, from a place on and so many, each with what it costs or nothing."""
