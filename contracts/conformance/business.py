"""The promises of `contracts.registers.BusinessRegister`.

The played partner holds the invented enterprises 9999999997, its branch 9999999997-001 and 0999999990, and nobody
under 0999999983.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from contracts.codes import parse_enterprise_code
from contracts.conformance.adapter import PortSuite
from contracts.conformance.safety import assert_safe, personal_texts
from contracts.conformance.stage import CONNECTION, staged
from contracts.conformance.subject import Subject
from contracts.conformance.wire import Act
from contracts.errors import Unsupported
from contracts.population import Asker
from contracts.ports import RepeatClass
from contracts.registers import BusinessRegister

_CODE = "9999999997"
_ZERO_IN_FRONT = "0999999990"
_NOBODY = "0999999983"


def _asker() -> Asker:
    return Asker(
        lookup_id="01999999-0000-7000-8000-000000000001",
        account_id="canbo01",
        officer_number="099088000456",
        officer_code="CB0001",
        unit_code="H99.12",
        procedure_code="1.000001.H99",
        dossier_code="H99.12-261008-0001",
        purpose="Kiểm tra thành phần hồ sơ",
    )


class BusinessRegisterSuite(PortSuite):
    """An enterprise is found by its code, told as the register has it, and never under another code."""

    PORT = BusinessRegister
    REPEAT: ClassVar = {"find_enterprise": frozenset({RepeatClass.SAFE})}
    ACTS: ClassVar = (
        Act(
            "find_enterprise",
            is_write=False,
            prepare=lambda stage: stage.connection.find_enterprise(_CODE, _asker()),
            perform=lambda _stage, connection: connection.find_enterprise(_CODE, _asker()),
            personal=lambda: personal_texts(_asker()),
        ),
    )

    @pytest.mark.asyncio
    @pytest.mark.parametrize("code", [_CODE, f"{_CODE}-001", _ZERO_IN_FRONT])
    async def test_an_enterprise_is_found_by_its_code(self, subject: Subject, code: str) -> None:
        """A branch by its own code, a zero in front kept; asked again the same is told."""
        async with staged(subject) as stage:
            found = await stage.connection.find_enterprise(code, _asker())
            assert found is not None
            assert parse_enterprise_code(found.code) == code
            assert found.name
            assert await stage.connection.find_enterprise(code, _asker()) == found

    @pytest.mark.asyncio
    async def test_nobody_under_a_code_is_an_answer(self, subject: Subject) -> None:
        """Told from a failure to ask."""
        async with staged(subject) as stage:
            assert await stage.connection.find_enterprise(_NOBODY, _asker()) is None

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "code", ["9999999998", "999999999", "9999999997-000", "099199000123", "", "9999999997&a=1"]
    )
    async def test_a_code_no_enterprise_has_is_never_asked_for(self, subject: Subject, code: str) -> None:
        """A wrong check digit, too short, a branch that does not exist, a person's number: refused before any call."""
        async with staged(subject) as stage:
            with pytest.raises(Unsupported) as refused:
                await stage.connection.find_enterprise(code, _asker())
            assert refused.value.field == "code"
            assert_safe(
                refused.value,
                connection=CONNECTION,
                operation="find_enterprise",
                forbidden={*personal_texts(_asker()), *([code] if code else ())},
            )
            _, state = await stage.control("GET", "/state")
            assert state["counts"] == []
