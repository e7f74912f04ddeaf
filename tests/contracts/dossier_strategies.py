"""Hypothesis strategies for a whole dossier: the facts with what happened to them folded in.

The values are well-formed, not probable: state, steps and dates are drawn apart. For histories that obey the
rules, fold events instead.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy, composite

from contracts import dossier as d
from contracts.states import DossierState, PauseReason
from tests.contracts.strategies import (
    Draw,
    dossier_codes,
    dossier_facts,
    fees,
    file_refs,
    handlers,
    moments,
    ordered_moments,
    other_papers,
    references,
    texts,
)


@cache
def _perhaps_moments() -> SearchStrategy[datetime | None]:
    return st.none() | moments()


@composite
def steps(draw: Draw, sequence: int = 1) -> d.Step:
    """Draw one step with its place in the dossier."""
    started, occurred, planned, recorded = draw(ordered_moments(4))
    return d.Step(
        sequence=sequence,
        state=draw(st.sampled_from(DossierState)),
        handler=draw(handlers()),
        content=draw(texts()),
        occurred_at=occurred,
        started_at=draw(st.sampled_from([None, started])),
        planned_end_at=draw(st.sampled_from([None, planned])),
        recorded_at=recorded,
        late_entry=draw(st.booleans()),
    )


@composite
def supplements(draw: Draw) -> d.Supplement:
    """Draw a supplement, open or answered."""
    previous, requested, received, due = draw(ordered_moments(4))
    answered = draw(st.booleans())
    return d.Supplement(
        id=draw(references()),
        requested_by=draw(handlers()),
        content=draw(texts()),
        requested_at=requested,
        papers=tuple(draw(st.lists(other_papers(), max_size=2))),
        fees=tuple(draw(st.lists(fees(), max_size=1))),
        previous_due_at=draw(st.sampled_from([None, previous])),
        received_by=draw(handlers()) if answered else None,
        received_at=received if answered else None,
        received_note=draw(texts(min_size=0)) if answered else "",
        new_due_at=due if answered else None,
    )


@cache
def pauses() -> SearchStrategy[d.Pause]:
    """Draw a stretch without the clock."""
    return st.builds(
        lambda stretch, reason, ended: d.Pause(reason=reason, since=stretch[0], until=stretch[1] if ended else None),
        ordered_moments(2),
        st.sampled_from(PauseReason),
        st.booleans(),
    )


@cache
def results() -> SearchStrategy[d.Result]:
    """Draw a result paper."""
    return st.builds(
        d.Result,
        id=references(),
        name=texts(),
        catalogue_code=references(),
        component_code=st.none() | references(),
        paper_number=texts(min_size=0),
        issued_at=moments(),
        files=st.lists(file_refs(), min_size=1, max_size=2).map(tuple),
    )


@cache
def extensions() -> SearchStrategy[d.Extension]:
    """Draw a new date with its apology letter."""
    return st.builds(
        d.Extension,
        previous_due_at=moments(),
        new_due_at=moments(),
        reason=texts(),
        announced_at=moments(),
        apology_letter=references(),
    )


@cache
def withdrawals() -> SearchStrategy[d.Withdrawal]:
    """Draw a withdrawal."""
    return st.builds(
        d.Withdrawal, reason=texts(), requested_at=moments(), confirmed_by=handlers(), confirmed_at=moments()
    )


@cache
def cancellations() -> SearchStrategy[d.Cancellation]:
    """Draw a cancellation."""
    return st.builds(
        d.Cancellation,
        reason=st.sampled_from(d.CancellationReason),
        explanation=texts(),
        requested_by=handlers(),
        requested_at=moments(),
        approved_by=handlers(),
        approved_at=moments(),
    )


@composite
def dossiers(draw: Draw) -> d.Dossier:
    """Draw a dossier with some of everything that can have happened to it."""
    return d.Dossier(
        code=draw(dossier_codes()),
        revision=draw(st.integers(1, 10**6)),
        state=draw(st.sampled_from(DossierState)),
        facts=draw(dossier_facts()),
        received_at=draw(_perhaps_moments()),
        due_at=draw(_perhaps_moments()),
        finished_at=draw(_perhaps_moments()),
        returned_at=draw(_perhaps_moments()),
        refused_at=draw(_perhaps_moments()),
        steps=tuple(draw(steps(sequence)) for sequence in range(1, draw(st.integers(0, 3)) + 1)),
        supplements=tuple(draw(st.lists(supplements(), max_size=1))),
        pauses=tuple(draw(st.lists(pauses(), max_size=2))),
        extension=draw(st.none() | extensions()),
        withdrawal=draw(st.none() | withdrawals()),
        cancellation=draw(st.none() | cancellations()),
        results=tuple(draw(st.lists(results(), max_size=2))),
    )
