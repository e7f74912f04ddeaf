"""What a repair would do, counted in the database before anything is sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg import AsyncConnection

from hub.reconciliation.classify import STATE, STEPS, Exclusion, Judgement, Outcome, RepairKind, repair_of
from hub.reconciliation.views import RepairPreview, RunView

_GROUPS = """
SELECT f.outcome, 'state' = ANY(f.fields), 'steps' = ANY(f.fields), cardinality(f.missing_steps) > 0,
       coalesce(l.held_reason IS NOT NULL, false), coalesce(l.open_count > 0 AND l.held_reason IS NULL, false),
       EXISTS (SELECT FROM inbox_events e
               WHERE e.subject = f.code AND e.system = f.connection AND e.kind = 'dossier.amended'
                 AND e.recorded_at > coalesce(d.recorded_at, 'infinity')),
       count(*), coalesce(sum(cardinality(f.missing_steps)), 0)
FROM reconciliation_findings f
LEFT JOIN lanes l ON l.subject = f.code AND l.connection = f.connection
LEFT JOIN dossiers d ON d.code = f.code
WHERE f.run_id = %s AND f.repair_outcome IS NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


async def preview_of(
    conn: AsyncConnection[Any], run: RunView, questions_per_second: float, delivery_per_second: float | None
) -> RepairPreview:
    """Return what a repair of this run would send now and what it would leave alone, and how long it takes."""
    cursor = await conn.execute(_GROUPS, (run.id,))
    sends: Counter[RepairKind] = Counter()
    excluded: Counter[Exclusion] = Counter()
    outcomes: Counter[Outcome] = Counter()
    exchanges = asks = 0
    for name, state, steps, lacks_steps, held, in_flight, amended, count, missing in await cursor.fetchall():
        outcome = Outcome(name)
        outcomes[outcome] += count
        asks += count if outcome is not Outcome.NOT_ANSWERED else 0
        fields = (*((STATE,) if state else ()), *((STEPS,) if steps else ()))
        # Which steps are missing does not decide, only whether any are.
        decision = repair_of(Judgement(outcome, fields, missing_steps=(1,) if lacks_steps else ()))
        if isinstance(decision, RepairKind):
            decision = _held_back(decision, held=held, in_flight=in_flight, amended=amended)
        if isinstance(decision, Exclusion):
            excluded[decision] += count
            continue
        sends[decision] += count
        # A dossier created anew is sent once more behind its steps.
        exchanges += count * (2 if decision is RepairKind.CREATE and lacks_steps else 1) + int(missing)
    return RepairPreview(
        sends={kind: sends[kind] for kind in RepairKind},
        exchanges=exchanges,
        excluded={why: excluded[why] for why in Exclusion if excluded[why]},
        by_outcome={outcome: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        seconds=round(asks / questions_per_second, 1),
        delivery_seconds=None if delivery_per_second is None else round(exchanges / delivery_per_second, 1),
    )


def _held_back(kind: RepairKind, *, held: bool, in_flight: bool, amended: bool) -> RepairKind | Exclusion:
    if in_flight:
        return Exclusion.IN_FLIGHT
    if held:
        return Exclusion.HELD
    return Exclusion.AMENDED_THERE if amended else kind
