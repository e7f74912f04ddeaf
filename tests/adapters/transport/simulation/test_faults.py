"""The plan of faults: who is hit, how often, until when, and the same again with the same seed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.transport.simulation.controls import FaultRequest, RecordFaultRequest
from adapters.transport.simulation.faults import FaultKind, FaultPlan, Layer, RecordFault
from contracts.conformance import Fault

PORTAL = "national_portal"


def test_the_faults_are_those_of_the_contract() -> None:
    """A kind of fault that is added here is added to the contract suite, with the error it becomes."""
    assert {kind.value for kind in FaultKind} == {fault.value for fault in Fault}


def test_a_plan_without_wishes_harms_nobody() -> None:
    """Faults are on demand only."""
    assert FaultPlan().choose(PORTAL, "DongBoHoSoMC") is None


@pytest.mark.parametrize(
    ("rule_operation", "connection", "operation", "is_hit"),
    [
        (None, PORTAL, "DongBoHoSoMC", True),
        (None, PORTAL, None, True),
        (None, "kho", "DongBoHoSoMC", False),
        ("DongBoHoSoMC", PORTAL, "DongBoHoSoMC", True),
        ("DongBoHoSoMC", PORTAL, "TraCuuHoSo", False),
        ("DongBoHoSoMC", PORTAL, None, False),
    ],
)
def test_only_what_was_meant_is_hit(
    rule_operation: str | None, connection: str, operation: str | None, *, is_hit: bool
) -> None:
    """By connection, and by operation where one is named."""
    plan = FaultPlan()
    plan.add(FaultKind.SERVER_500, connection=PORTAL, operation=rule_operation)
    assert (plan.choose(connection, operation) is not None) == is_hit


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_fault_is_asked_for_by_one_layer(kind: FaultKind) -> None:
    """The application never gets a fault it cannot commit, and asking does not use it up."""
    plan = FaultPlan()
    rule = plan.add(kind, connection=PORTAL, count=1)
    other = Layer.ANSWER if kind.layer is Layer.TRANSPORT else Layer.TRANSPORT
    assert plan.choose(PORTAL, None, layer=other) is None
    fault = plan.choose(PORTAL, None, layer=kind.layer)
    assert fault is not None
    assert (fault.kind, rule.hits) == (kind, 1)


@pytest.mark.parametrize("kind", list(RecordFault))
def test_faults_of_records_are_for_partners_that_have_records(kind: RecordFault) -> None:
    """They are faults of the answer, and a partner without records refuses the wish instead of ignoring it."""
    plan = FaultPlan()
    plan.add(kind, connection=PORTAL, operation="TraCuu")
    assert plan.choose(PORTAL, "TraCuu", layer=Layer.TRANSPORT) is None
    assert plan.choose(PORTAL, "DongBo") is None
    fault = plan.choose(PORTAL, "TraCuu")
    assert fault is not None
    assert fault.kind is kind
    wish = f'{{"kind": "{kind}"}}'
    assert RecordFaultRequest.model_validate_json(wish).kind is kind
    with pytest.raises(ValidationError):
        FaultRequest.model_validate_json(wish)


def test_a_count_is_used_up() -> None:
    """A wish for two faults gives two."""
    plan = FaultPlan()
    plan.add(FaultKind.SERVER_500, connection=PORTAL, count=2)
    hits = [plan.choose(PORTAL, None) is not None for _ in range(4)]
    assert hits == [True, True, False, False]
    assert plan.rules() == ()


def test_a_duration_ends_by_itself() -> None:
    """A wish for ten seconds ends after ten seconds, whoever asks."""
    now = 100.0
    plan = FaultPlan(clock=lambda: now)
    plan.add(FaultKind.SERVER_500, connection=PORTAL, duration_seconds=10)
    assert plan.choose(PORTAL, None) is not None
    now = 109.9
    assert plan.choose(PORTAL, None) is not None
    now = 110.0
    assert plan.choose(PORTAL, None) is None


@given(seed=st.integers(0, 2**32), share=st.floats(0.05, 0.95))
def test_the_same_seed_gives_the_same_faults(seed: int, share: float) -> None:
    """A run that failed can be run again, and a share is a share."""

    def play() -> list[bool]:
        plan = FaultPlan(seed=seed)
        plan.add(FaultKind.RESET_AFTER, connection=PORTAL, share=share)
        return [plan.choose(PORTAL, None, layer=Layer.TRANSPORT) is not None for _ in range(400)]

    first = play()
    assert first == play()
    # Eight standard deviations of 400 throws: a share of 0.05 leaves five of them once in 100,000 examples.
    assert abs(sum(first) / 400 - share) < 8 * math.sqrt(share * (1 - share) / 400)


def test_the_first_wish_that_fits_is_committed() -> None:
    """Two wishes for the same request do not both count."""
    plan = FaultPlan()
    first = plan.add(FaultKind.HTML_200, connection=PORTAL, count=1)
    second = plan.add(FaultKind.SERVER_500, connection=PORTAL, count=1)
    kinds = [fault.kind for fault in (plan.choose(PORTAL, None), plan.choose(PORTAL, None)) if fault]
    assert kinds == [FaultKind.HTML_200, FaultKind.SERVER_500]
    assert (first.hits, second.hits) == (1, 1)


def test_wishes_can_be_taken_back() -> None:
    """One of them, those of a connection, or all."""
    plan = FaultPlan()
    rule = plan.add(FaultKind.HTML_200, connection=PORTAL)
    plan.add(FaultKind.SERVER_500, connection="kho")
    plan.remove(rule)
    plan.remove(rule)
    assert plan.choose(PORTAL, None) is None
    plan.clear(PORTAL)
    assert plan.choose("kho", None) is not None
    plan.clear()
    assert plan.choose("kho", None) is None


@pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    """A mistyped share would look like a test that found nothing."""
    with pytest.raises(ValueError, match="share"):
        FaultPlan().add(FaultKind.SLOW, connection=PORTAL, share=share)


def test_the_port_is_closed_only_when_everybody_is_refused() -> None:
    """A closed port cannot pick single requests."""
    now = 0.0
    plan = FaultPlan(clock=lambda: now)
    assert plan.port_is_closed(PORTAL) is None
    for partial in ({"share": 0.5}, {"operation": "TraCuuHoSo"}, {"count": 3}):
        plan.add(FaultKind.REFUSE, connection=PORTAL, **partial)  # type: ignore[arg-type]
    assert plan.port_is_closed(PORTAL) is None
    plan.add(FaultKind.REFUSE, connection=PORTAL, duration_seconds=5)
    now = 2.0
    assert plan.port_is_closed(PORTAL) == 3.0
    plan.add(FaultKind.REFUSE, connection=PORTAL)
    assert plan.port_is_closed(PORTAL) == math.inf
    assert plan.port_is_closed("kho") is None
