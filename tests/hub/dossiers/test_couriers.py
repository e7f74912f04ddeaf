"""The couriers of dossiers: what is sent of which revision, and how a doubtful step is settled by asking."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.dossier import Step
from contracts.ports import DossierPush, PartnerDossier, StepPush
from contracts.states import DossierState
from hub.dossiers.delivery import HELD_NOT_ACCEPTED, DossierReader, SnapshotCourier, StepCourier
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.courier import Parcel, Settlement
from hub.exchanges.views import ExchangeState
from tests.hub.exchanges.conftest import World, step
from tests.hub.exchanges.fakes import FakePortal

CODE = "H99.12-261008-0001"
NO_READER: Any = None
"""Settling and judging open nothing."""
APPLIED, NOT_APPLIED, CANNOT_TELL = Settlement.APPLIED, Settlement.NOT_APPLIED, Settlement.CANNOT_TELL


def exchange(revision: int, sequence: int | None = None, **changes: Any) -> ClaimedExchange:
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "lane_id": 1,
        "token": 1,
        "subject": CODE,
        "operation": "push_dossier" if sequence is None else "push_step",
        "revision": revision,
        "step_sequence": sequence,
        "state": ExchangeState.ACCEPTED,
        "attempts": 0,
        "doubts": 0,
        "age_from": datetime.now(UTC),
        "known_there": True,
        "confirmed_state": None,
        "confirmed_revision": None,
    }
    return ClaimedExchange(**(values | changes))


@pytest.fixture
async def told(world: World) -> World:
    """A dossier with four revisions: declared, a step, declared again, a step."""
    await world.put(CODE, note="Một")
    await world.record(CODE, step(minutes=1, content="Bước một"))
    await world.put(CODE, note="Hai")
    await world.record(CODE, step(DossierState.PROCESSING_FINISHED, minutes=2, content="Bước hai"))
    return world


async def prepared(world: World, courier: Any, *exchanges: ClaimedExchange) -> list[Parcel]:
    async with world.store.transaction() as conn:
        parcels = await courier.prepare(conn, exchanges)
    return [parcels[one.id] for one in exchanges]


# --- what is sent --------------------------------------------------------------------------------------------------


async def test_a_snapshot_is_the_dossier_as_of_its_revision(told: World) -> None:
    """Whatever was accepted since, an exchange carries what it was accepted with."""
    courier = SnapshotCourier(told.portal, DossierReader(told.store.sealer))
    exchanges = [exchange(revision) for revision in (1, 2, 3, 4)]
    parcels = await prepared(told, courier, *exchanges)
    pushes: list[DossierPush] = [one.content for one in parcels]
    assert [one.dossier.revision for one in pushes] == [1, 2, 3, 4]
    assert [one.dossier.facts.note for one in pushes] == ["Một", "Một", "Hai", "Hai"]
    assert [len(one.dossier.steps) for one in pushes] == [0, 1, 1, 2]
    assert [one.confirms_revision for one in parcels] == [1, 2, 3, 4]
    assert [one.confirms_state for one in parcels] == [2, 4, 4, 9]
    assert [one.exchange_id for one in pushes] == [str(one.id) for one in exchanges]


async def test_a_snapshot_tells_the_adapter_whether_the_partner_knows_the_dossier(told: World) -> None:
    """Only then may the adapter leave out its question."""
    courier = SnapshotCourier(told.portal, DossierReader(told.store.sealer))
    known, unknown = await prepared(told, courier, exchange(1), exchange(1, known_there=False))
    assert (known.content.known_there, unknown.content.known_there) == (True, False)


async def test_a_step_is_sent_alone_and_confirms_its_state(told: World) -> None:
    """Nothing of the dossier goes with it; the fingerprints are made only where something may have left."""
    courier = StepCourier(told.portal, DossierReader(told.store.sealer))
    first, second = await prepared(told, courier, exchange(2, 1), exchange(4, 2, state=ExchangeState.UNKNOWN))
    push: StepPush = first.content[0]
    assert (push.dossier_code, push.step.content, push.step.sequence) == (CODE, "Bước một", 1)
    assert first.content[1] == ()
    assert (first.confirms_revision, first.confirms_state) == (None, 4)
    assert second.confirms_state == 9
    assert len(second.content[1]) == 2, "all steps up to this one"


def test_a_snapshot_is_overtaken_only_by_a_later_confirmed_revision() -> None:
    """Sending it would set the partner back; steps never are."""
    courier = SnapshotCourier(FakePortal(), NO_READER)
    cases = {None: False, 1: False, 2: False, 3: True}
    assert {confirmed: courier.is_overtaken(exchange(2, confirmed_revision=confirmed)) for confirmed in cases} == cases
    assert not StepCourier(FakePortal(), NO_READER).is_overtaken(exchange(2, 1, confirmed_revision=9))


def test_the_lane_of_a_dossier_the_partner_does_not_know_is_held() -> None:
    """Its steps would all fail; a refused step, or a refused correction, holds nothing."""
    courier = SnapshotCourier(FakePortal(), NO_READER)
    assert courier.hold_reason(exchange(1, known_there=False)) == HELD_NOT_ACCEPTED
    assert courier.hold_reason(exchange(2)) is None
    assert StepCourier(FakePortal(), NO_READER).hold_reason(exchange(2, 1)) is None


# --- settling ------------------------------------------------------------------------------------------------------


async def test_a_doubtful_snapshot_is_sent_again() -> None:
    """It replaces whatever arrived, so there is nothing to ask."""
    portal = FakePortal()
    courier = SnapshotCourier(portal, NO_READER)
    assert list(await courier.settle([parcel("a"), parcel("b")])) == [NOT_APPLIED, NOT_APPLIED]
    assert portal.calls == []


class Partner(FakePortal):
    """Answers the question with what the test says."""

    def __init__(self, answer: PartnerDossier | None) -> None:
        super().__init__()
        self.answer = answer

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        """Say what the test says."""
        assert code == CODE
        return self.answer

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        """Settling compares fingerprints that were made when the step was prepared."""
        raise NotImplementedError


def partner(listed: tuple[str, ...] | None, state: DossierState = DossierState.IN_PROCESS) -> StepCourier:
    return StepCourier(Partner(PartnerDossier(CODE, state, listed)), NO_READER)


def parcel(*fingerprints: str, state: int = 4, confirmed_state: int | None = None) -> Parcel:
    """A doubtful step with the fingerprints of all steps up to it, its own the last."""
    claimed = exchange(1, 1, state=ExchangeState.UNKNOWN, confirmed_state=confirmed_state)
    return Parcel(claimed, (None, fingerprints), confirms_revision=None, confirms_state=state)


@pytest.mark.parametrize(
    ("listed", "parcels", "expected"),
    [
        ((), [("a",)], [NOT_APPLIED]),
        (("a",), [("a",)], [APPLIED]),
        (("b",), [("a",)], [NOT_APPLIED]),
        (("a", "b"), [("a", "b"), ("a", "b", "c")], [APPLIED, NOT_APPLIED]),
        (("a", "b", "c"), [("a", "b"), ("a", "b", "c")], [APPLIED, APPLIED]),
        (("a",), [("a", "a")], [NOT_APPLIED]),
        (("a", "a"), [("a", "a")], [APPLIED]),
        (("a", "a"), [("a", "a"), ("a", "a", "a")], [APPLIED, NOT_APPLIED]),
        (("c", "a"), [("a", "b"), ("a", "b", "c")], [NOT_APPLIED, APPLIED]),
    ],
    ids=[
        *(
            "nothing there",
            "there",
            "another there",
            "the first of two",
            "both",
            "one of two equal",
            "two of two equal",
        ),
        *("two of three equal", "beyond a gap"),
    ],
)
async def test_a_partner_that_lists_steps_settles_each_of_them(
    listed: tuple[str, ...], parcels: list[tuple[str, ...]], expected: list[Settlement]
) -> None:
    """Of equal steps the n-th is there when it is listed n times."""
    assert list(await partner(listed).settle([parcel(*one) for one in parcels])) == expected


async def test_a_partner_that_does_not_know_the_dossier_has_none_of_its_steps() -> None:
    """Its "not found" is an answer."""
    courier = StepCourier(Partner(None), NO_READER)
    assert list(await courier.settle([parcel("a"), parcel("a", "b")])) == [NOT_APPLIED, NOT_APPLIED]


@pytest.mark.parametrize(
    ("theirs", "before", "expected"),
    [
        (DossierState.IN_PROCESS, 2, APPLIED),
        (DossierState.ACCEPTED, 2, CANNOT_TELL),
        (DossierState.PROCESSING_FINISHED, 2, CANNOT_TELL),
        (DossierState.IN_PROCESS, 4, CANNOT_TELL),
        (DossierState.IN_PROCESS, None, CANNOT_TELL),
    ],
    ids=["it moved", "it did not move", "it is elsewhere", "the step moves nothing", "nothing was confirmed before"],
)
async def test_where_steps_are_not_listed_only_a_change_of_state_tells(
    theirs: DossierState, before: int | None, expected: Settlement
) -> None:
    """Where that does not tell either, nothing is guessed."""
    courier = partner(None, theirs)
    assert list(await courier.settle([parcel("a", confirmed_state=before)])) == [expected]


async def test_of_several_steps_a_state_tells_nothing() -> None:
    """The partner's state is that of the last one, whichever that was."""
    parcels = [parcel("a", confirmed_state=2), parcel("a", "b", confirmed_state=2)]
    assert list(await partner(None).settle(parcels)) == [CANNOT_TELL, CANNOT_TELL]
