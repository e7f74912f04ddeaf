"""The business registration database and its simulator keep the contract every adapter keeps, in both dialects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import adapters.business_registry as package
from contracts.conformance import (
    AdapterSuite,
    BusinessRegisterSuite,
    Capability,
    SimulatorSuite,
    Subject,
    WireSuite,
)
from tests.adapters.business_registry.worlds import PROVINCE


def present(configured: dict[str, Any], capabilities: frozenset[Capability]) -> Subject:
    """Return the adapter as a deployment configures it."""
    return Subject(
        adapter=package.ADAPTER,
        folder=Path(package.__file__).parent,
        tests=Path(__file__).parent,
        calls={"find_enterprise": "chiTietDoanhNghiep", "login": "token"},
        hasty={"find_enterprise_deadline_seconds": 0.2},
        capabilities=capabilities,
        configured=configured,
    )


class TestNationalDialect(AdapterSuite, WireSuite, BusinessRegisterSuite, SimulatorSuite):
    """NGSP or LGSP with a token."""

    @pytest.fixture
    def subject(self) -> Subject:
        return present({}, frozenset({Capability.LOGIN}))


@pytest.mark.slow
class TestProvinceDialect(WireSuite, BusinessRegisterSuite):
    """A service of the province without a token."""

    @pytest.fixture
    def subject(self) -> Subject:
        return present(PROVINCE, frozenset())
