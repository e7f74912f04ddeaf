"""What a person may do to an exchange, and the statements that do it: open an ended one again, or end one for good.

One rule for one exchange and for thousands: `hub.exchanges.service` acts on one, `hub.replays` on a selection.
All functions take a connection inside a transaction that the caller owns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row

from hub.exchanges.outbox import (
    HELD_UNKNOWN,
    PUSH_DOSSIER,
    PUSH_STEP,
    WAKE_CHANNEL,
    NewExchange,
    enqueue,
    new_exchange_id,
)
from hub.exchanges.views import ExchangeState


@dataclass(frozen=True, slots=True)
class Candidate:
    """An exchange with what its lane and its dossier say about acting on it."""

    id: UUID
    lane_id: int
    position: int
    connection: str
    subject: str
    operation: str
    revision: int | None
    state: ExchangeState
    held_reason: str | None
    """Why nothing of its lane is sent at present."""
    being_sent: bool
    """Whether a worker holds it at this moment."""
    confirmed_revision: int | None
    """The newest revision the partner is known to hold."""
    newest_revision: int | None
    """The dossier's present revision; ``None`` where the exchange is not about a dossier of ours."""
    cancelled: bool
    has_newer: bool
    """Whether a newer revision, or the same once more, went or waits as an exchange of its own."""
    due_at: datetime | None
    """The legal deadline of the dossier."""

    @property
    def is_undecided(self) -> bool:
        """Whether it is not known if it arrived, and nobody but a person can find out."""
        return self.state is ExchangeState.UNKNOWN and self.held_reason is not None

    @property
    def may_be_replayed(self) -> bool:
        """Whether a person may have it tried again."""
        return self.is_undecided or self.state in _REPLAYABLE

    @property
    def may_be_dismissed(self) -> bool:
        """Whether a person may end it without delivery."""
        return self.state not in _ENDED_FOR_GOOD and not self.being_sent

    @property
    def goes_out_of_turn(self) -> bool:
        """Whether it is a step that the partner gets after a later snapshot, which it may undo there."""
        return self.operation == PUSH_STEP and None not in (self.confirmed_revision, self.newest_revision)

    @property
    def reopened_as(self) -> ExchangeState:
        """The state in which it is tried again.

        A quarantined write may have been done: it is asked about first. A person who replays an undecided one has
        looked at the partner and says that it is not there.
        """
        return ExchangeState.UNKNOWN if self.state is ExchangeState.QUARANTINED else ExchangeState.ACCEPTED


_REPLAYABLE = frozenset({ExchangeState.REFUSED, ExchangeState.QUARANTINED, ExchangeState.GIVEN_UP})
_ENDED_FOR_GOOD = frozenset({ExchangeState.DELIVERED, ExchangeState.SUPERSEDED, ExchangeState.DISMISSED})

CANDIDATE: LiteralString = """
    SELECT e.id, e.lane_id, e.position, e.connection, e.subject, e.operation, e.revision, e.state, l.held_reason,
           coalesce(l.lease_token IS NOT NULL AND l.due_at > now() AND e.state = 'sending', false) AS being_sent,
           l.confirmed_revision, d.revision AS newest_revision, coalesce(d.cancelled, false) AS cancelled,
           e.operation = 'push_dossier' AND EXISTS (
               SELECT 1 FROM exchanges n
               WHERE n.subject = e.subject AND n.connection = e.connection AND n.operation = e.operation
                 AND (n.revision, n.position) > (e.revision, e.position) AND n.state <> 'dismissed') AS has_newer,
           d.due_at
    FROM exchanges e JOIN lanes l ON l.id = e.lane_id LEFT JOIN dossiers d ON d.code = e.subject
"""
"""Reads candidates; conditions and order follow. ``e`` is the exchange, ``l`` its lane, ``d`` its dossier."""


async def lock(conn: AsyncConnection[Any], ids: Iterable[UUID]) -> dict[UUID, Candidate]:
    """Lock these exchanges with their lanes, in the order in which everybody locks lanes, and return them."""
    async with conn.cursor(row_factory=CANDIDATE_ROW) as cursor:
        await cursor.execute(
            f"{CANDIDATE} WHERE e.id = ANY(%s) ORDER BY l.subject, l.connection, e.position FOR UPDATE OF l, e",
            (list(ids),),
        )
        return {one.id: one for one in await cursor.fetchall()}


def _candidate(*, state: str, **rest: Any) -> Candidate:
    return Candidate(state=ExchangeState(state), **rest)


CANDIDATE_ROW = kwargs_row(_candidate)
"""Makes candidates of the rows of `CANDIDATE`."""


async def reopen(conn: AsyncConnection[Any], ones: Sequence[Candidate], *, actor: str) -> None:
    """Open ended exchanges again under their own ids, to be sent in this order; they must be locked and replayable.

    A lane that a worker holds keeps its lease, and the exchange waits for its turn in it.
    """
    if not ones:
        return
    await conn.execute(
        "UPDATE exchanges e SET state = v.state, ended_at = NULL, replayed_at = now(), doubts = 0,"
        " reason = %s, reason_vi = %s FROM unnest(%s::uuid[], %s::text[]) AS v (id, state) WHERE e.id = v.id",
        (
            f"Replayed by {actor}.",
            f"Được gửi lại bởi {actor}.",
            [one.id for one in ones],
            [one.reopened_as.value for one in ones],
        ),
    )
    # An undecided exchange was never counted as ended.
    opened: dict[int, int] = {}
    for one in ones:
        opened[one.lane_id] = opened.get(one.lane_id, 0) + (0 if one.is_undecided else 1)
    await conn.execute(
        "UPDATE lanes l SET open_count = l.open_count + v.opened, held_reason = NULL,"
        " due_at = CASE WHEN l.lease_token IS NULL THEN now() + v.rank * interval '1 microsecond' ELSE l.due_at END"
        " FROM unnest(%s::bigint[], %s::int[]) WITH ORDINALITY AS v (id, opened, rank) WHERE l.id = v.id",
        (list(opened), list(opened.values())),
    )
    await _follow_steps(conn, [one for one in ones if one.goes_out_of_turn])
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")


async def _follow_steps(conn: AsyncConnection[Any], steps: Sequence[Candidate]) -> None:
    """Send the present snapshot after steps that go out of turn, so that the partner ends in the dossier's state."""
    last = {one.lane_id: one for one in sorted(steps, key=lambda one: one.position)}
    if not last:
        return
    cursor = await conn.execute(
        # A snapshot that a worker has in hand may go before the step.
        "SELECT v.lane_id FROM unnest(%s::bigint[], %s::bigint[]) AS v (lane_id, position)"
        " JOIN lanes l ON l.id = v.lane_id WHERE l.lease_token IS NOT NULL OR NOT EXISTS ("
        "SELECT 1 FROM exchanges e WHERE e.lane_id = v.lane_id AND e.ended_at IS NULL AND e.position > v.position"
        " AND e.operation = %s)",
        (list(last), [one.position for one in last.values()], PUSH_DOSSIER),
    )
    bare = [last[row[0]] for row in await cursor.fetchall()]
    await enqueue(
        conn,
        [
            NewExchange(new_exchange_id(), one.connection, one.subject, PUSH_DOSSIER, one.newest_revision)
            for one in bare
            if one.newest_revision is not None
        ],
        now=datetime.now(UTC),
    )


async def dismiss(conn: AsyncConnection[Any], ones: Sequence[Candidate], *, actor: str, reason: str) -> None:
    """End exchanges for good without delivery; they must be locked and dismissible. Who and why stay on record."""
    if not ones:
        return
    await conn.execute(
        "WITH gone AS ("
        "UPDATE exchanges SET state = 'dismissed', ended_at = now(), dismissed_by = %s, dismissed_reason = %s"
        " WHERE id = ANY(%s) RETURNING id, ended_at, attempts)"
        " INSERT INTO ledger_queue (kind, subject, at, facts) SELECT 'exchange', id::text, ended_at,"
        """ '{"attempts":"' || attempts || '","outcome":"dismissed","state":"dismissed"}' FROM gone""",
        (actor, reason, [one.id for one in ones]),
    )
    lanes = _by_lane(ones)
    # Only the end of the exchange that was in doubt ends the doubt; and steps of a dossier that the partner does not
    # know wait on. A worker that sends another exchange of the lane keeps its lease.
    await conn.execute(
        """
        WITH v AS (
            SELECT v.id, v.ended, CASE WHEN NOT (v.decides AND l.held_reason = %(doubt)s) THEN l.held_reason END AS held
            FROM unnest(%(ids)s::bigint[], %(ended)s::int[], %(decides)s::boolean[]) AS v (id, ended, decides)
            JOIN lanes l ON l.id = v.id
        )
        UPDATE lanes l SET
            open_count = l.open_count - v.ended,
            held_reason = CASE WHEN l.open_count > v.ended THEN v.held END,
            lease_token = CASE WHEN l.due_at > now() THEN l.lease_token END,
            leased_by = CASE WHEN l.due_at > now() THEN l.leased_by END,
            due_at = CASE WHEN l.open_count <= v.ended OR v.held IS NOT NULL THEN NULL
                          WHEN l.lease_token IS NOT NULL AND l.due_at > now() THEN l.due_at
                          WHEN v.ended > 0 OR l.due_at IS NULL THEN now() ELSE l.due_at END
        FROM v WHERE l.id = v.id
        """,
        {
            "doubt": HELD_UNKNOWN,
            "ids": list(lanes),
            "ended": [sum(one.state.is_open for one in several) for several in lanes.values()],
            "decides": [any(one.state is ExchangeState.UNKNOWN for one in several) for several in lanes.values()],
        },
    )
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")


def _by_lane(ones: Iterable[Candidate]) -> Mapping[int, list[Candidate]]:
    lanes: dict[int, list[Candidate]] = {}
    for one in ones:
        lanes.setdefault(one.lane_id, []).append(one)
    return lanes
