"""The database and its simulator keep the contract every adapter keeps, in each of the three ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import adapters.population_db as package
from contracts.conformance import (
    AdapterSuite,
    Capability,
    PopulationRegisterSuite,
    SimulatorSuite,
    Subject,
    WireSuite,
)

CALLS = {
    "find_citizen": "TraCuuThongTinCongDan",
    "find_household": "CungCapThongTinHoGiaDinh",
    "confirm": "XacMinhThongTinNhanThan",
}
HASTY = {
    "find_citizen_deadline_seconds": 0.15,
    "find_household_deadline_seconds": 0.15,
    "confirm_deadline_seconds": 0.15,
}


def subject_of(*, capabilities: frozenset[Capability] = frozenset(), **configured: Any) -> Subject:
    """Present the adapter with these settings of a deployment."""
    return Subject(
        adapter=package.ADAPTER,
        folder=Path(package.__file__).parent,
        tests=Path(__file__).parent,
        calls={**CALLS, "login": "login"},
        hasty=HASTY,
        capabilities=capabilities,
        configured=configured,
    )


class TestDirect(AdapterSuite, WireSuite, PopulationRegisterSuite, SimulatorSuite):
    """The database's own wire, with a digest of the moment."""

    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(direct={"x_road_client": "VN/GOV/H99/lienthong", "api_key": "khac"})


class TestLgsp(PopulationRegisterSuite):
    """The province's LGSP, a key for each officer; its faults of the wire are in the slow suite."""

    @pytest.fixture
    def subject(self) -> Subject:
        keys = {"canbo-1": {"key_name": "cb1"}, "canbo-2": {"key_name": "cb2"}}
        lgsp = {"lgsp": {"access_keys": {}, "consumer_key": "x"}, "officer_keys": keys}
        return subject_of(
            way="lgsp", lgsp=lgsp, officer_id="officer_code", unit_elements=True,
            capabilities=frozenset({Capability.LOGIN}),
        )  # fmt: skip


class TestFacade(PopulationRegisterSuite):
    """The façade of a province: JSON in, XML in a text out."""

    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(way="facade", facade={}, name_form="spaced")


@pytest.mark.slow
class TestLgspWire(TestLgsp, AdapterSuite, WireSuite, SimulatorSuite):
    """The same with every fault of the wire."""


@pytest.mark.slow
class TestFacadeWire(TestFacade, AdapterSuite, WireSuite, SimulatorSuite):
    """The same with every fault of the wire."""


@pytest.mark.slow
class TestForward(AdapterSuite, WireSuite, PopulationRegisterSuite, SimulatorSuite):
    """Through the forward adapter of the security server, with the answer in an element of its own."""

    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(direct={"forward": {"dstcode_in": "query"}}, sandbox={"wrapped": True})


@pytest.mark.slow
class TestByWsdl(PopulationRegisterSuite):
    """Messages built and checked by zeep."""

    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(messages_by="wsdl")


@pytest.mark.slow
class TestFacadeEnvelope(PopulationRegisterSuite):
    """A façade that takes the envelope as a text, behind an LGSP."""

    @pytest.fixture
    def subject(self) -> Subject:
        facade = {"body": "envelope", "lgsp": {}}
        return subject_of(way="facade", facade=facade, capabilities=frozenset({Capability.LOGIN}))


@pytest.mark.parametrize("suite", [TestDirect, TestLgspWire, TestFacadeWire, TestForward])
def test_every_fault_of_the_wire_is_tried_in_every_way(suite: type) -> None:
    """The fast suite tries one way on the wire, the slow one all of them, with every operation of the port."""
    assert issubclass(suite, WireSuite)
    assert {act.operation for act in suite.acts()} == {"find_citizen", "find_household", "confirm"}
