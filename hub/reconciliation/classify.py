"""What one dossier's two sides are to each other: a pure function from evidence to a class.

The classes, and what proves each:

*missing there*
    The partner was asked and said that it does not hold the dossier. Silence is never this.
*missing here*
    The partner holds it and we have no declaration of it.
*theirs older*
    Nothing they tell is beyond us, and at least one of these holds: they are in a state that this dossier left
    behind, by its own events, and that no lawful move leads to from its present one; they are in the state they
    confirmed with an earlier revision; they list a part of our steps and nothing else; our newest revision was never
    confirmed by them, though nothing is on its way.
*theirs newer*
    At least one of these holds, and nothing proves the opposite: they are in a state that this dossier has never been
    in and that lawful moves lead to from its present one; they list our steps and others.
*differs in field X*
    Everything else that is not equal: facts of the same state and revision; ``state`` where neither order nor
    history says who is ahead; ``steps`` where each side has what the other lacks, or one of ours is listed twice.
*same*
    Same state, same steps where they list any, same facts as far as they tell any, newest revision confirmed.

The order of states is that of lawful moves (`contracts.comparison.REACHABLE`), not of their numbers: 5 (supplement
asked) comes before 2 (accepted anew) as often as after it. Where moves lead in a circle, only steps can tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from contracts.comparison import CHOICES, COMPARABLE, MOMENTS, REACHABLE, is_personal, is_same
from contracts.ports import PartnerDossier
from contracts.states import DossierState


class Outcome(StrEnum):
    """What became of one dossier in a run: one of the six classes, or why it is in none."""

    SAME = "same"
    THEIRS_OLDER = "theirs_older"
    THEIRS_NEWER = "theirs_newer"
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    DIFFERS = "differs"
    IN_FLIGHT = "in_flight"
    """No class: something is on its way there, so neither side is final."""
    NOT_ANSWERED = "not_answered"
    """No class: the partner was asked and gave no answer that can be read. Never "not there"."""
    IN_NEITHER = "in_neither"
    """No class: a code that was asked about belongs to a dossier of neither side."""

    @property
    def is_difference(self) -> bool:
        """Whether the two sides are known not to be the same."""
        return self in DIFFERENCES


DIFFERENCES = frozenset(
    {Outcome.THEIRS_OLDER, Outcome.THEIRS_NEWER, Outcome.MISSING_THERE, Outcome.MISSING_HERE, Outcome.DIFFERS}
)

STATE = "state"
STEPS = "steps"
REVISION = "revision"
"""Names of what is compared beside the facts."""


class Why(StrEnum):
    """What proves the class; a word for the report."""

    NOTHING = ""
    STATE_LEFT_BEHIND = "state_left_behind"
    STATE_OF_CONFIRMED = "state_of_confirmed"
    STATE_AHEAD = "state_ahead"
    STATE_UNORDERED = "state_unordered"
    STEPS_LACKING = "steps_lacking"
    STEPS_BEYOND = "steps_beyond"
    STEPS_UNORDERED = "steps_unordered"
    UNCONFIRMED = "unconfirmed"
    SAID_NOT_FOUND = "said_not_found"
    NOT_DECLARED = "not_declared"
    FACTS = "facts"


@dataclass(frozen=True, slots=True)
class Ours:
    """Our side of one dossier, as of its newest revision."""

    state: DossierState
    states_before: frozenset[DossierState]
    """States it was in earlier, by its own events."""
    revision: int
    confirmed_revision: int | None
    """The newest revision the partner confirmed."""
    confirmed_state: DossierState | None
    """The state the partner had confirmed last."""
    steps: tuple[str | None, ...] = ()
    """Their fingerprint of each step, in order; ``None`` for one that cannot be said on their wire."""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The class of one dossier, and what it rests on. Holds no personal data."""

    outcome: Outcome
    fields: tuple[str, ...] = ()
    """Names of what differs."""
    shown: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Our value and theirs, of those names whose values are codes, dates or words of a list."""
    missing_steps: tuple[int, ...] = ()
    """Numbers of our steps that they prove not to have, each of which can be sent."""
    why: Why = Why.NOTHING


class _Age(Enum):
    EQUAL = 0
    OLDER = 1
    NEWER = 2
    CIRCLE = 3
    """It was in their state before, and could come there again."""
    UNORDERED = 4


def classify(ours: Ours | None, theirs: PartnerDossier | None, *, ignored: frozenset[str] = frozenset()) -> Judgement:
    """Return the class of a dossier from what both sides say; see the module for what proves what.

    ``theirs`` is ``None`` only when the partner *answered* that it does not hold the dossier. ``ignored`` names facts
    that are not compared, because this partner is known to tell them in words of its own.
    """
    if ours is None:
        return (
            Judgement(Outcome.IN_NEITHER) if theirs is None else Judgement(Outcome.MISSING_HERE, why=Why.NOT_DECLARED)
        )
    if theirs is None:
        steps = tuple(number for number, one in enumerate(ours.steps, start=1) if one is not None)
        return Judgement(Outcome.MISSING_THERE, missing_steps=steps, why=Why.SAID_NOT_FOUND)
    state, state_why = _age_of_state(ours, theirs.state)
    steps_age, steps_why, missing = _age_of_steps(ours.steps, theirs.step_fingerprints)
    facts = differing(ours.facts, theirs.facts, ignored=ignored)
    fields = (
        *((STATE,) if state is not _Age.EQUAL else ()),
        *((STEPS,) if steps_age is not _Age.EQUAL else ()),
        *facts,
    )
    shown = shown_values(ours.facts, theirs.facts, facts)
    outcome, why = _combine(state, state_why, steps_age, steps_why)
    if outcome is Outcome.SAME and (ours.confirmed_revision is None or ours.confirmed_revision < ours.revision):
        outcome, why = Outcome.THEIRS_OLDER, Why.UNCONFIRMED
        fields = (*fields, REVISION)
    elif outcome is Outcome.SAME and facts:
        outcome, why = Outcome.DIFFERS, Why.FACTS
    return Judgement(outcome, fields, shown, missing, why)


def _combine(state: _Age, state_why: Why, steps: _Age, steps_why: Why) -> tuple[Outcome, Why]:
    if state is _Age.CIRCLE:
        # Only what was done can tell whether the circle was walked once more, and on which side.
        return {
            _Age.OLDER: (Outcome.THEIRS_OLDER, steps_why),
            _Age.NEWER: (Outcome.THEIRS_NEWER, steps_why),
        }.get(steps, (Outcome.DIFFERS, Why.STATE_UNORDERED))
    ages = {state, steps} - {_Age.EQUAL}
    why = state_why if state is not _Age.EQUAL else steps_why
    if not ages:
        return Outcome.SAME, Why.NOTHING
    if ages == {_Age.OLDER}:
        return Outcome.THEIRS_OLDER, why
    if ages == {_Age.NEWER}:
        return Outcome.THEIRS_NEWER, why
    return Outcome.DIFFERS, Why.STEPS_UNORDERED if steps is _Age.UNORDERED else Why.STATE_UNORDERED


def _age_of_state(ours: Ours, theirs: DossierState) -> tuple[_Age, Why]:
    if theirs is ours.state:
        return _Age.EQUAL, Why.NOTHING
    behind = ours.confirmed_revision is None or ours.confirmed_revision < ours.revision
    if theirs is ours.confirmed_state and behind and theirs in ours.states_before:
        return _Age.OLDER, Why.STATE_OF_CONFIRMED
    was_there = theirs in ours.states_before
    can_come = theirs in REACHABLE[ours.state]
    if was_there:
        return (_Age.CIRCLE, Why.STATE_UNORDERED) if can_come else (_Age.OLDER, Why.STATE_LEFT_BEHIND)
    return (_Age.NEWER, Why.STATE_AHEAD) if can_come else (_Age.UNORDERED, Why.STATE_UNORDERED)


def _age_of_steps(ours: tuple[str | None, ...], theirs: tuple[str, ...] | None) -> tuple[_Age, Why, tuple[int, ...]]:
    """Compare steps as a multiset; return also the numbers of ours that they lack and that can be sent."""
    if theirs is None:
        return _Age.EQUAL, Why.NOTHING, ()
    left = Counter(theirs)
    missing: list[int] = []
    lacking = False
    for number, one in enumerate(ours, start=1):
        if one is not None and left[one] > 0:
            left[one] -= 1
        else:
            lacking = True
            if one is not None:
                missing.append(number)
    beyond = +left
    if not beyond:
        return (_Age.OLDER, Why.STEPS_LACKING, tuple(missing)) if lacking else (_Age.EQUAL, Why.NOTHING, ())
    # A step of ours that is listed twice is no progress of theirs.
    if lacking or beyond.keys() & set(ours):
        return _Age.UNORDERED, Why.STEPS_UNORDERED, tuple(missing)
    return _Age.NEWER, Why.STEPS_BEYOND, ()


# --- facts ------------------------------------------------------------------------------------------------


def differing(
    ours: Mapping[str, str], theirs: Mapping[str, str], *, ignored: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return the names of the facts that they tell and that are not as ours, in order."""
    return tuple(
        name
        for name in sorted(theirs.keys() & COMPARABLE)
        if name not in ignored and not is_same(name, ours.get(name, ""), theirs[name])
    )


def shown_values(
    ours: Mapping[str, str], theirs: Mapping[str, str], names: tuple[str, ...]
) -> dict[str, tuple[str, str]]:
    """Return the two values of those names that may be shown: never personal, and of a form that holds nothing else."""
    return {
        name: (_shown(name, ours.get(name, "")), _shown(name, theirs[name]))
        for name in names
        if name in _SHOWN and not is_personal(name)
    }


_SHOWN: dict[str, re.Pattern[str]] = {
    "procedure.code": re.compile(r"[0-9]\.[0-9]{6}(\.[0-9A-Z.]{3,35})?"),
    "procedure.field_code": re.compile(r"[A-Z][0-9]{2}-[A-Z]{2,4}[0-9]{1,3}"),
    **dict.fromkeys(CHOICES, re.compile(r"[a-z_]{1,32}")),
    **dict.fromkeys(MOMENTS, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")),
}


def _shown(name: str, value: str) -> str:
    # What a partner writes into a field of codes may be anything, a citizen's number too.
    return value if value == "" or _SHOWN[name].fullmatch(value) else "(another form)"


# --- repairs ----------------------------------------------------------------------------------------------


class RepairKind(StrEnum):
    """What a repair sends for one dossier."""

    CREATE = "create"
    """The dossier anew, then every step: a partner that does not hold it has none of them."""
    UPDATE = "update"
    """The newest revision."""
    STEPS = "steps"
    """The steps that the partner proves not to have, then the newest revision."""


class Exclusion(StrEnum):
    """Why a dossier is left alone by a repair."""

    THEIRS_NEWER = "theirs_newer"
    """They are ahead; what is newer is never overwritten. A person decides."""
    STATE_UNDECIDED = "state_undecided"
    """It is not known whose state is ahead. A person decides."""
    STEPS_UNDECIDED = "steps_undecided"
    """They list steps that are not ours. A person decides."""
    MISSING_HERE = "missing_here"
    """The dossier system has to declare it."""
    AMENDED_THERE = "amended_there"
    """It was amended on the portal, and the dossier system has not taken that over yet."""
    HELD = "held"
    """An exchange of it waits for a person, who decides on that first."""
    IN_FLIGHT = "in_flight"
    """Something is on its way already."""
    NOT_ANSWERED = "not_answered"
    """The partner gave no answer when it was asked again."""
    SAME_BY_NOW = "same_by_now"
    """Asked again right before, the two sides are the same."""
    GONE = "gone"
    """Neither side has it any more."""


def repair_of(judgement: Judgement) -> RepairKind | Exclusion:
    """Return what repairs this dossier, or why nothing may. Only what is proven is sent."""
    match judgement.outcome:
        case Outcome.MISSING_THERE:
            return RepairKind.CREATE
        case Outcome.THEIRS_OLDER:
            return RepairKind.STEPS if judgement.missing_steps else RepairKind.UPDATE
        case Outcome.DIFFERS if STEPS in judgement.fields:
            return Exclusion.STEPS_UNDECIDED
        case Outcome.DIFFERS if STATE in judgement.fields:
            return Exclusion.STATE_UNDECIDED
        case Outcome.DIFFERS:
            return RepairKind.UPDATE
        case _:
            return _NOTHING_TO_SEND[judgement.outcome]


_NOTHING_TO_SEND: dict[Outcome, Exclusion] = {
    Outcome.THEIRS_NEWER: Exclusion.THEIRS_NEWER,
    Outcome.MISSING_HERE: Exclusion.MISSING_HERE,
    Outcome.SAME: Exclusion.SAME_BY_NOW,
    Outcome.IN_FLIGHT: Exclusion.IN_FLIGHT,
    Outcome.NOT_ANSWERED: Exclusion.NOT_ANSWERED,
    Outcome.IN_NEITHER: Exclusion.GONE,
}
