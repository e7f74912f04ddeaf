"""The promises of `contracts.registers.PopulationRegister`.

The played partner holds the family of the published samples (wire facts, appendix A): what is expected of it stands
here and comes from there, not from what an adapter makes of it. Its control plane also has ``/questions``: the calls as
it understood them, each with ``request_id``, ``officer``, ``subject`` and ``name``.
"""

from __future__ import annotations

import asyncio
import re
from datetime import date
from typing import Any, ClassVar

import pytest

from contracts.codes import Sex
from contracts.conformance.adapter import PortSuite
from contracts.conformance.safety import assert_silent, personal_texts
from contracts.conformance.stage import Stage, staged
from contracts.conformance.subject import Subject
from contracts.conformance.wire import Act
from contracts.errors import REACTIONS, Malformed, NeedsPerson, Rejected
from contracts.population import (
    Address,
    Asker,
    BirthDate,
    CitizenQuestion,
    CitizenRecord,
    Confirmation,
    ConfirmationKind,
    Extent,
    MaritalStatus,
    Relative,
)
from contracts.ports import RepeatClass
from contracts.registers import PopulationRegister

SAMPLE_PERSON = "099199000123"
SAMPLE_FATHER = "099069000121"
_LOOKUPS = iter(range(1, 1 << 40))


def asker(account: str = "canbo-1", number: str = "099188000456") -> Asker:
    """Return an officer with a look-up of their own: every call has a new one."""
    return Asker(
        lookup_id=f"0199b3c4-0000-7000-8000-{next(_LOOKUPS):012x}",
        account_id=account,
        officer_number=number,
        officer_code=f"MCB-{account}",
        unit_code="H99.1",
        phone="0900000000",
        procedure_code="1.000001.H99",
        dossier_code="H99.12-261008-0001",
        purpose="Giải quyết hồ sơ",
    )


def _question(name: str = "Trần Thị Mẫu", number: str = SAMPLE_PERSON) -> CitizenQuestion:
    return CitizenQuestion(number=number, name=name, birth=BirthDate(year=1999, day=date(1999, 1, 2)))


def _relative() -> Confirmation:
    return Confirmation(
        kind=ConfirmationKind.RELATIVE,
        citizen=_question(),
        relative=Relative(number=SAMPLE_FATHER, name="Trần Văn Thử", relation="Cha"),
    )


def _personal() -> frozenset[str]:
    return personal_texts(_question(), asker(), _relative()) | {"TRANTHIMAU", "TRAN THI MAU"}


async def _found(connection: Any, question: CitizenQuestion | None = None) -> CitizenRecord | None:
    found: CitizenRecord | None = await connection.find_citizen(question or _question(), asker(), Extent.USUAL)
    return found


async def _look_up(_stage: Stage, connection: Any) -> None:
    found = await _found(connection)
    assert found is not None
    assert found.number == SAMPLE_PERSON


async def _household(_stage: Stage, connection: Any) -> None:
    assert await connection.find_household(_question(), asker()) is not None


async def _confirm(_stage: Stage, connection: Any) -> None:
    assert (await connection.confirm(_relative(), asker())).confirmed is True


class PopulationRegisterSuite(PortSuite):
    """Citizens are asked about by officers, each in their own name; what is not known is not invented."""

    PORT = PopulationRegister
    REPEAT: ClassVar = {
        "find_citizen": frozenset({RepeatClass.SAFE}),
        "find_household": frozenset({RepeatClass.SAFE}),
        "confirm": frozenset({RepeatClass.SAFE}),
    }
    ACTS: ClassVar = (
        Act("find_citizen", is_write=False, perform=_look_up, personal=_personal),
        Act("find_household", is_write=False, perform=_household, personal=_personal),
        Act("confirm", is_write=False, perform=_confirm, personal=_personal),
    )

    @pytest.mark.asyncio
    async def test_a_citizen_is_told_as_the_samples_have_it(self, subject: Subject) -> None:
        """Number, name, sex, birth, marital status and address of the sample; no district; whatever the extent."""
        async with staged(subject) as stage:
            for extent in (Extent.USUAL, Extent.FULL):
                found = await stage.connection.find_citizen(_question(), asker(), extent)
                assert found is not None
                assert (found.number, found.name.upper()) == (SAMPLE_PERSON, "TRẦN THỊ MẪU")
                assert (found.sex, found.marital_status) == (Sex.FEMALE, MaritalStatus.NOT_MARRIED)
                assert found.birth == BirthDate(year=1999, day=date(1999, 1, 2))
                assert found.permanent_residence == Address(
                    province_code="99", commune_code="99001", detail="Số 1 đường Thử", country="VN"
                )
                assert found.father is not None
                assert found.father.number == SAMPLE_FATHER
            group = await stage.connection.find_citizen(_question(), asker(), Extent.BLOOD_GROUP)
            assert group is not None
            assert group.blood_group is not None
            assert stage.drift == []

    @pytest.mark.asyncio
    async def test_nobody_is_an_answer(self, subject: Subject) -> None:
        """An unknown number, another name, another birth date: not found, and no error."""
        async with staged(subject) as stage:
            other_birth = _question().model_copy(update={"birth": BirthDate(year=1998)})
            for question in (_question(number="099199999999"), _question("Lê Thị Khác"), other_birth):
                assert await _found(stage.connection, question) is None
                assert await stage.connection.find_household(question, asker()) is None
                identity = Confirmation(kind=ConfirmationKind.IDENTITY, citizen=question)
                assert not (await stage.connection.confirm(identity, asker())).confirmed

    @pytest.mark.asyncio
    async def test_a_household_is_its_members(self, subject: Subject) -> None:
        """Each once, with the relation in the database's own words; the head among them."""
        async with staged(subject) as stage:
            household = await stage.connection.find_household(_question(), asker())
            assert household is not None
            numbers = [one.person.number for one in household.members]
            assert {SAMPLE_PERSON, SAMPLE_FATHER} <= set(numbers)
            assert len(set(numbers)) == len(numbers) > 1
            assert household.head is not None
            assert household.head.number == SAMPLE_FATHER
            assert all(one.relation for one in household.members)

    @pytest.mark.asyncio
    async def test_every_kind_can_be_confirmed_and_denied(self, subject: Subject) -> None:
        """Yes where it is so, no where it is not, and neither where the database knows no such citizen."""
        there = Address(province_code="99", commune_code="99001", country="VN")
        stranger = Relative(number="099199999999", name="Lê Thị Khác")
        father = Relative(number=SAMPLE_FATHER, name="Trần Văn Thử")
        kinds: list[tuple[ConfirmationKind, dict[str, Any], bool]] = [
            (ConfirmationKind.IDENTITY, {}, True),
            (ConfirmationKind.RELATIVE, {"relative": father}, True),
            (ConfirmationKind.RELATIVE, {"relative": stranger}, False),
            (ConfirmationKind.GUARDIAN, {"relative": father}, False),
            (ConfirmationKind.HOUSEHOLD_HEAD, {"relative": father}, True),
            (ConfirmationKind.HOUSEHOLD_HEAD, {"relative": stranger}, False),
            (ConfirmationKind.PRESENT_RESIDENCE, {"address": there}, True),
            (
                ConfirmationKind.PRESENT_RESIDENCE,
                {"address": there.model_copy(update={"commune_code": "99002"})},
                False,
            ),
            (ConfirmationKind.MARITAL_STATUS, {"marital_status": MaritalStatus.NOT_MARRIED}, True),
            (ConfirmationKind.MARITAL_STATUS, {"marital_status": MaritalStatus.MARRIED}, False),
            (ConfirmationKind.DEATH, {}, False),
        ]
        async with staged(subject) as stage:
            for kind, more, expected in kinds:
                asked = Confirmation(kind=kind, citizen=_question(), **more)
                assert (await stage.connection.confirm(asked, asker())).confirmed is expected, (kind, expected)
            open_question = Confirmation(kind=ConfirmationKind.MARITAL_STATUS, citizen=_question())
            assert (await stage.connection.confirm(open_question, asker())).marital_status is MaritalStatus.NOT_MARRIED
            nobody = Confirmation(kind=ConfirmationKind.DEATH, citizen=_question(number="099199999999"))
            assert (await stage.connection.confirm(nobody, asker())).confirmed is None

    @pytest.mark.asyncio
    async def test_every_officer_asks_in_their_own_name(self, subject: Subject) -> None:
        """Two officers are two at the database, at the same time too; a request id is never seen twice."""
        async with staged(subject) as stage:
            officers = {"canbo-1": "099188000456", "canbo-2": "099188000457"}
            await asyncio.gather(
                *(
                    stage.connection.find_citizen(_question(), asker(account, number), Extent.USUAL)
                    for account, number in officers.items()
                    for _ in range(5)
                )
            )
            again = asker()
            for _ in range(3):
                await stage.connection.find_citizen(_question(), again, Extent.USUAL)
            _, questions = await stage.control("GET", "/questions")
            assert len(questions) == 13
            assert len({one["request_id"] for one in questions}) == 13
            seen = {one["officer"] for one in questions}
            assert seen in (set(officers.values()), {f"MCB-{account}" for account in officers})
            assert {one["subject"] for one in questions} == {SAMPLE_PERSON}

    @pytest.mark.asyncio
    @pytest.mark.parametrize("name", ["Trần & <Thị> 'Mẫu\"", "TRẦN  THỊ\tMẪU", "trần thị mẫu", "Tr\u00ea\u0300n]]>Mẫu"])
    async def test_a_name_is_a_name_whatever_stands_in_it(self, subject: Subject, name: str) -> None:
        """Markup in a name changes no message: it is written as letters, or refused before it is sent."""
        async with staged(subject) as stage:
            question = _question().model_copy(update={"name": name})
            try:
                found = await _found(stage.connection, question)
            except REACTIONS as refused:
                pytest.fail(f"refused: {type(refused).__name__}")
            _, questions = await stage.control("GET", "/questions")
            assert len(questions) == 1
            assert re.fullmatch(r"[A-Z]+( [A-Z]+)*", questions[0]["name"])
            assert (found is not None) == (questions[0]["name"].replace(" ", "") == "TRANTHIMAU")

    # --- wrong records ----------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_the_record_of_somebody_else_is_not_dressed_up(self, subject: Subject) -> None:
        """Who was answered is told as answered: the hub compares, and could not if an adapter filled in the number."""
        async with staged(subject) as stage:
            await self._wish(stage, "wrong_record")
            found = await _found(stage.connection)
            assert found is not None
            assert found.number is not None
            assert found.number != SAMPLE_PERSON

    @pytest.mark.asyncio
    async def test_an_empty_record_is_nobody(self, subject: Subject) -> None:
        """The database says "not found" with an empty citizen."""
        async with staged(subject) as stage:
            await self._wish(stage, "empty_record")
            assert await _found(stage.connection) is None
            assert await stage.connection.find_household(_question(), asker()) is None

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("two_records", Malformed),
            ("xml_bomb", Malformed),
            ("external_entity", Malformed),
            ("huge_answer", Malformed),
            ("refusal", Rejected),
            ("x_road_fault", NeedsPerson),
        ],
    )
    async def test_a_wrong_answer_has_its_error(
        self, subject: Subject, kind: str, expected: type[Exception], capfd: pytest.CaptureFixture[str]
    ) -> None:
        """By its shape and code, quickly, and without a word of it; afterwards all is well."""
        async with staged(subject) as stage:
            await self._wish(stage, kind)
            with pytest.raises(expected) as failed:
                async with asyncio.timeout(20):
                    await _found(stage.connection)
            assert_silent(f"{failed.value!r} {failed.value.sentence}{''.join(capfd.readouterr())}", _personal())  # type: ignore[attr-defined]
            await stage.clear_faults()
            await _look_up(stage, stage.connection)

    @pytest.mark.asyncio
    async def test_an_answer_in_another_shape_is_the_same_answer(self, subject: Subject) -> None:
        """As a text within the answer; with the year alone of the birth date; with codes nobody has published."""
        async with staged(subject) as stage:
            usual = await _found(stage.connection)
            assert usual is not None
            await self._wish(stage, "text_in_text")
            assert await _found(stage.connection) == usual
            await self._wish(stage, "year_only")
            year_only = await _found(stage.connection)
            assert year_only == usual.model_copy(update={"birth": BirthDate(year=1999)})
            assert stage.drift == []
            await self._wish(stage, "unknown_codes")
            unknown = await _found(stage.connection)
            assert unknown is not None
            assert (unknown.sex, unknown.marital_status, unknown.blood_group) == (None, None, None)
            assert len(stage.drift) == 3

    @staticmethod
    async def _wish(stage: Stage, kind: str) -> None:
        await stage.clear_faults()
        status, told = await stage.control("POST", "/faults", {"kind": kind})
        assert status == 201, told
