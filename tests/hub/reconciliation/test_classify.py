"""The classifier, over all evidence there can be: each class rests on proof, and nothing is guessed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.comparison import COMPARABLE, REACHABLE, is_personal
from contracts.ports import PartnerDossier
from contracts.states import DossierState
from hub.reconciliation.classify import (
    DIFFERENCES,
    Exclusion,
    Judgement,
    Ours,
    Outcome,
    RepairKind,
    Why,
    classify,
    repair_of,
)

S = DossierState
_states = st.sampled_from(DossierState)
_prints = st.lists(st.sampled_from("abcd"), max_size=5)
_values = st.text(alphabet="Aa0 .-Zz", max_size=8)
_facts = st.dictionaries(st.sampled_from(sorted(COMPARABLE)), _values, max_size=4)


@st.composite
def ours(draw: st.DrawFn) -> Ours:
    """Our side, with or without steps that cannot be said there."""
    state = draw(_states)
    before = frozenset(draw(st.sets(_states))) - {state}
    revision = draw(st.integers(1, 5))
    return Ours(
        state=state,
        states_before=before,
        revision=revision,
        confirmed_revision=draw(st.none() | st.integers(1, revision)),
        confirmed_state=draw(st.none() | _states),
        steps=tuple(draw(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=5))),
        facts=draw(_facts),
    )


def partner(draw: st.DrawFn) -> PartnerDossier:
    """Their side."""
    steps = draw(st.none() | _prints)
    return PartnerDossier("H99.12-251008-0001", draw(_states), None if steps is None else tuple(steps), draw(_facts))


theirs = st.composite(partner)()


@given(one=st.none() | ours(), other=st.none() | theirs)
def test_every_evidence_has_one_class(one: Ours | None, other: PartnerDossier | None) -> None:
    """Total: exactly the side that is absent decides the two "missing", and nothing else comes out of a comparison."""
    judged = classify(one, other)
    assert (judged.outcome is Outcome.MISSING_THERE) == (one is not None and other is None)
    assert (judged.outcome is Outcome.MISSING_HERE) == (one is None and other is not None)
    assert (judged.outcome is Outcome.IN_NEITHER) == (one is None and other is None)
    assert judged.outcome not in {Outcome.IN_FLIGHT, Outcome.NOT_ANSWERED}
    decision = repair_of(judged)
    assert isinstance(decision, RepairKind) == (judged.outcome in DIFFERENCES and not isinstance(decision, Exclusion))


@given(one=ours(), other=theirs)
def test_same_means_that_nothing_differs(one: Ours, other: PartnerDossier) -> None:
    """Same: equal state, equal steps where listed, equal facts, newest revision confirmed; and the reverse."""
    told = {name: value.strip() for name, value in other.facts.items()}
    equal_facts = all(
        one.facts.get(name, "").strip() == value
        or (name == "procedure.code" and value and one.facts.get(name, "").strip()[:8] == value[:8] != "")
        for name, value in told.items()
    )
    equal_steps = other.step_fingerprints is None or Counter(one.steps) == Counter(other.step_fingerprints)
    confirmed = one.confirmed_revision == one.revision
    same = one.state is other.state and equal_facts and equal_steps and confirmed
    assert (classify(one, other).outcome is Outcome.SAME) == same


@given(one=ours(), other=theirs)
def test_newer_is_proven_and_never_sent_over(one: Ours, other: PartnerDossier) -> None:
    """Newer: they are in a state we have never been in and could come to, or list steps that are none of ours."""
    judged = classify(one, other)
    listed = Counter(other.step_fingerprints or ())
    ahead = other.state not in {one.state, *one.states_before} and other.state in REACHABLE[one.state]
    beyond = bool(listed - Counter(one.steps)) and not Counter(one.steps) - listed
    if judged.outcome is Outcome.THEIRS_NEWER:
        assert ahead or beyond
        assert repair_of(judged) is Exclusion.THEIRS_NEWER
    if ahead or (judged.outcome is Outcome.DIFFERS and {"state", "steps"} & set(judged.fields)):
        assert isinstance(repair_of(judged), Exclusion), "what may be ahead is never sent over"


@given(one=ours(), other=theirs)
def test_older_is_proven(one: Ours, other: PartnerDossier) -> None:
    """Older: nothing of theirs is beyond us, and something of ours is not there."""
    judged = classify(one, other)
    if judged.outcome is Outcome.THEIRS_OLDER:
        assert other.state is one.state or other.state in one.states_before
        if other.step_fingerprints is not None:
            assert not Counter(other.step_fingerprints) - Counter(one.steps)
        assert judged.why in {
            Why.STATE_LEFT_BEHIND,
            Why.STATE_OF_CONFIRMED,
            Why.STEPS_LACKING,
            Why.UNCONFIRMED,
        }


@given(one=ours(), other=theirs)
def test_missing_steps_are_those_they_prove_to_lack(one: Ours, other: PartnerDossier) -> None:
    """Each step named is one of ours that they do not list, often enough; none is named where they list no steps."""
    judged = classify(one, other)
    if other.step_fingerprints is None:
        assert judged.missing_steps == ()
    elif judged.outcome is Outcome.THEIRS_OLDER:
        lacking = Counter(one for one in one.steps if one is not None) - Counter(other.step_fingerprints)
        assert Counter(one.steps[number - 1] for number in judged.missing_steps) == lacking


@given(one=ours(), other=theirs, secret=st.text(min_size=6, max_size=20))
def test_no_personal_value_leaves_the_classifier(one: Ours, other: PartnerDossier, secret: str) -> None:
    """Whatever they write into whatever field, the judgement holds names of fields and values of known forms only."""
    poisoned = PartnerDossier(
        other.code, other.state, other.step_fingerprints, dict.fromkeys(COMPARABLE, f"§{secret}§")
    )
    judged = classify(one, poisoned)
    assert "§" not in str(judged)
    assert not any(is_personal(name) for name in judged.shown)


def _ours(state: DossierState, *before: DossierState, confirmed: int | None = 3, steps: str = "") -> Ours:
    return Ours(state, frozenset(before), 3, confirmed, None, tuple(steps))


def _theirs(state: DossierState, steps: str | None = None) -> PartnerDossier:
    return PartnerDossier("H99.12-251008-0001", state, None if steps is None else tuple(steps))


@pytest.mark.parametrize(
    ("one", "other", "outcome", "why"),
    [
        (
            _ours(S.IN_PROCESS, S.NEWLY_REGISTERED, S.ACCEPTED),
            _theirs(S.NEWLY_REGISTERED),
            "theirs_older",
            "left_behind",
        ),
        (
            _ours(S.RESULT_RETURNED, S.PROCESSING_FINISHED),
            _theirs(S.PROCESSING_FINISHED),
            "theirs_older",
            "left_behind",
        ),
        (_ours(S.ACCEPTED, S.NEWLY_REGISTERED), _theirs(S.PROCESSING_FINISHED), "theirs_newer", "ahead"),
        # Neither order nor history: a withdrawn dossier cannot become a returned one, nor was it.
        (_ours(S.WITHDRAWN_BY_CITIZEN, S.ACCEPTED), _theirs(S.RESULT_RETURNED), "differs", "state_unordered"),
        # A circle (2 → 4 → 5 → 2): their 4 may be the one before or the one after; only steps can tell.
        (_ours(S.ACCEPTED, S.IN_PROCESS, S.SUPPLEMENT_REQUESTED), _theirs(S.IN_PROCESS), "differs", "state_unordered"),
        (
            _ours(S.ACCEPTED, S.IN_PROCESS, S.SUPPLEMENT_REQUESTED, steps="abc"),
            _theirs(S.IN_PROCESS, "a"),
            "theirs_older",
            "steps_lacking",
        ),
        (
            _ours(S.ACCEPTED, S.IN_PROCESS, S.SUPPLEMENT_REQUESTED, steps="abc"),
            _theirs(S.IN_PROCESS, "abcd"),
            "theirs_newer",
            "steps_beyond",
        ),
        (_ours(S.IN_PROCESS, steps="ab"), _theirs(S.IN_PROCESS, "abb"), "differs", "steps_unordered"),
        (_ours(S.IN_PROCESS, steps="ab"), _theirs(S.IN_PROCESS, "ax"), "differs", "steps_unordered"),
        (_ours(S.IN_PROCESS, confirmed=2), _theirs(S.IN_PROCESS), "theirs_older", "unconfirmed"),
    ],
)
def test_the_cases_that_are_argued_about(one: Ours, other: PartnerDossier, outcome: str, why: str) -> None:
    """Each line of the definition, as a case."""
    judged = classify(one, other)
    assert judged.outcome.value == outcome
    assert why in judged.why.value


def test_the_state_of_what_was_confirmed_is_older_even_in_a_circle() -> None:
    """They show what they confirmed with an earlier revision, and we have gone on: no steps are needed to tell."""
    one = Ours(S.ACCEPTED, frozenset({S.SUPPLEMENT_REQUESTED, S.IN_PROCESS}), 5, 4, S.SUPPLEMENT_REQUESTED)
    judged = classify(one, _theirs(S.SUPPLEMENT_REQUESTED))
    assert (judged.outcome, judged.why) == (Outcome.THEIRS_OLDER, Why.STATE_OF_CONFIRMED)


def test_an_ignored_fact_is_not_compared() -> None:
    """A partner that tells a name in words of its own does not make every dossier different."""
    one = Ours(S.ACCEPTED, frozenset(), 1, 1, None, (), {"procedure.name": "Thủ tục mẫu"})
    other = PartnerDossier("x", S.ACCEPTED, None, {"procedure.name": "Thu tuc mau"})
    assert classify(one, other).fields == ("procedure.name",)
    assert classify(one, other, ignored=frozenset({"procedure.name"})) == Judgement(Outcome.SAME)
