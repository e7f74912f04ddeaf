"""The look-ups there are: people, households, confirmations, enterprises through the gate; technical ids recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from pydantic import BaseModel, TypeAdapter

from contracts.business import Enterprise
from contracts.lookups import BusinessLookup, HouseholdLookup, PeopleLookup, PeopleVerification, TechnicalIdQuestion
from contracts.population import (
    Asker,
    CitizenQuestion,
    CitizenRecord,
    Confirmation,
    DataGroup,
    Extent,
    Household,
)
from contracts.ports import Operation, TechnicalIds
from contracts.registers import BusinessRegister, PopulationRegister
from hub.lookups.answers import (
    CONFIRMED_GROUP,
    is_about,
    is_enterprise,
    is_household_of,
    minimised_household,
    minimised_json,
    named_in,
    people_of,
    watched,
)
from hub.lookups.flow import Flow
from hub.lookups.plans import Handed, MismatchError, Plan
from hub.lookups.recording import LookupCaller, LookupRecorder, asked
from hub.lookups.rows import LookupOutcome, SubjectKind
from hub.lookups.views import TechnicalIdAnswer
from hub.store.engine import Store
from hub.web.partner import no_connection

Groups = Sequence[DataGroup]

FIND_CITIZEN: Final = "find_citizen"
FIND_HOUSEHOLD: Final = "find_household"
CONFIRM: Final = "confirm"
FIND_ENTERPRISE: Final = "find_enterprise"

_HOUSEHOLD = TypeAdapter(Household)
_ENTERPRISE = TypeAdapter(Enterprise)

_ENTERPRISE_GROUP = "enterprise"


class LookupService:
    """People and enterprises, for the API; answers are JSON objects ready to be sent."""

    def __init__(
        self, flow: Flow, people: Mapping[str, PopulationRegister], businesses: Mapping[str, BusinessRegister]
    ) -> None:
        """``people`` and ``businesses`` by connection; the first of each is asked."""
        self._flow = flow
        self._people = next(iter(people.items()), (None, None))
        self._businesses = next(iter(businesses.items()), (None, None))

    async def citizen(self, lookup: PeopleLookup, caller: LookupCaller) -> bytes:
        """Look a citizen up; a `contracts.lookups.PeopleAnswer`."""
        connection, register = self._people
        question, extent = lookup.question, lookup.extent

        async def ask(asker: Asker) -> Callable[[Groups, Groups], Handed]:
            record = await _there(register).find_citizen(question, asker, extent)
            return lambda given, withheld: _citizen(question, record, given, withheld)

        plan = Plan(
            kind=FIND_CITIZEN,
            operation=FIND_CITIZEN,
            lookup=lookup,
            connection=connection,
            deadline_seconds=_deadline(register, FIND_CITIZEN),
            subject=_number(question),
            subject_kind=SubjectKind.PERSON,
            question=_question(question, extent),
            ask=ask,
            needs=DataGroup.BLOOD_GROUP if extent is Extent.BLOOD_GROUP else None,
            wanted=lookup.fields,
        )
        return await self._flow.run(plan, caller)

    async def household(self, lookup: HouseholdLookup, caller: LookupCaller) -> bytes:
        """Look the household of a citizen up; a `contracts.lookups.HouseholdAnswer`."""
        connection, register = self._people
        question = lookup.question

        async def ask(asker: Asker) -> Callable[[Groups, Groups], Handed]:
            household = await _there(register).find_household(question, asker)
            return lambda given, withheld: _household(question, household, given, withheld)

        plan = Plan(
            kind=FIND_HOUSEHOLD,
            operation=FIND_HOUSEHOLD,
            lookup=lookup,
            connection=connection,
            deadline_seconds=_deadline(register, FIND_HOUSEHOLD),
            subject=_number(question),
            subject_kind=SubjectKind.PERSON,
            question=_question(question),
            ask=ask,
            needs=DataGroup.HOUSEHOLD,
            wanted=lookup.fields,
        )
        return await self._flow.run(plan, caller)

    async def confirmation(self, lookup: PeopleVerification, caller: LookupCaller) -> bytes:
        """Have something about a citizen confirmed; a `contracts.lookups.VerificationAnswer`."""
        connection, register = self._people
        wanted = lookup.confirmation

        async def ask(asker: Asker) -> Callable[[Groups, Groups], Handed]:
            answer = await _there(register).confirm(wanted, asker)
            return lambda _given, _withheld: _confirmed(wanted, answer.confirmed)

        group = CONFIRMED_GROUP[wanted.kind]
        plan = Plan(
            kind=f"{CONFIRM}:{wanted.kind.value}",
            operation=CONFIRM,
            lookup=lookup,
            connection=connection,
            deadline_seconds=_deadline(register, CONFIRM),
            subject=_number(wanted.citizen),
            subject_kind=SubjectKind.PERSON,
            question=_dump(wanted),
            ask=ask,
            needs=group,
            wanted=(group,),
            gives_groups=False,
        )
        return await self._flow.run(plan, caller)

    async def enterprise(self, lookup: BusinessLookup, caller: LookupCaller) -> bytes:
        """Look an enterprise up; a `contracts.lookups.BusinessAnswer`."""
        connection, register = self._businesses
        code = lookup.code

        async def ask(asker: Asker) -> Callable[[Groups, Groups], Handed]:
            found = await _there(register).find_enterprise(code, asker)
            return lambda _given, _withheld: _enterprise(code, found)

        plan = Plan(
            kind=FIND_ENTERPRISE,
            operation=FIND_ENTERPRISE,
            lookup=lookup,
            connection=connection,
            deadline_seconds=_deadline(register, FIND_ENTERPRISE),
            subject=code,
            subject_kind=SubjectKind.ENTERPRISE,
            question=orjson.dumps({"code": code}),
            ask=ask,
            gives_groups=False,
        )
        return await self._flow.run(plan, caller)


def _citizen(question: CitizenQuestion, record: CitizenRecord | None, given: Groups, withheld: Groups) -> Handed:
    if record is None:
        return Handed(LookupOutcome.NOT_FOUND, 0, (), _body("citizen", b"null", (), withheld))
    if not is_about(question, record):
        raise MismatchError
    body = _body("citizen", minimised_json(record, given), given, withheld)
    return Handed(LookupOutcome.FOUND, 1, _names(given), body, watched(record), tuple(named_in(record, given)))


def _household(question: CitizenQuestion, household: Household | None, given: Groups, withheld: Groups) -> Handed:
    if household is None:
        return Handed(LookupOutcome.NOT_FOUND, 0, (), _body("household", b"null", (), withheld))
    if not is_household_of(question, household):
        raise MismatchError
    body = _body("household", _HOUSEHOLD.dump_json(minimised_household(household, given)), given, withheld)
    head = None if household.head is None else household.head.number
    # Who is asked for is a member or the head, of whom no record need have come.
    members = (one.person for one in household.members)
    asked_for = next((one for one in members if is_about(question, one)), CitizenRecord(number=head))
    facts = watched(asked_for)
    if head is not None:
        facts["household_id"] = head
    others = tuple(people_of(household, given) - {question.number, asked_for.number})
    return Handed(LookupOutcome.FOUND, max(1, len(household.members)), _names(given), body, facts, others)


def _confirmed(wanted: Confirmation, confirmed: bool | None) -> Handed:  # noqa: FBT001 - the answer itself
    body = b'"confirmed":%s' % orjson.dumps(confirmed)
    if confirmed is None:
        return Handed(LookupOutcome.NOT_FOUND, 0, (), body)
    relative = wanted.relative
    others = () if relative is None or relative.number in {None, wanted.citizen.number} else (relative.number,)
    return Handed(LookupOutcome.FOUND, 1, (CONFIRMED_GROUP[wanted.kind].value,), body, others=others)


def _enterprise(code: str, enterprise: Enterprise | None) -> Handed:
    if enterprise is None:
        return Handed(LookupOutcome.NOT_FOUND, 0, (), b'"found":false,"enterprise":null')
    if not is_enterprise(code, enterprise):
        raise MismatchError
    body = b'"found":true,"enterprise":%s' % _ENTERPRISE.dump_json(enterprise)
    return Handed(LookupOutcome.FOUND, 1, (_ENTERPRISE_GROUP,), body)


def _body(name: str, value: bytes, given: Groups, withheld: Groups) -> bytes:
    found = b"false" if value == b"null" else b"true"
    return b'"found":%s,"%s":%s%s' % (found, name.encode(), value, _listed(tuple(given), tuple(withheld)))


@lru_cache(maxsize=1024)
def _listed(given: tuple[DataGroup, ...], withheld: tuple[DataGroup, ...]) -> bytes:
    return b',"data_groups":%s,"withheld":%s' % (orjson.dumps(_names(given)), orjson.dumps(_names(withheld)))


def _names(groups: Groups) -> tuple[str, ...]:
    return tuple(map(str, groups))


def _number(question: CitizenQuestion) -> str:
    return question.number or question.identity_card_9 or ""


def _question(question: CitizenQuestion, extent: Extent | None = None) -> bytes:
    # A validated model holds its fields, in their order, in ``vars``: the same bytes as its own dump, at a quarter of
    # the cost, on a way that every look-up takes.
    content = orjson.dumps(question, default=vars)
    return content if extent is None else b'%s,"extent":"%s"}' % (content[:-1], extent.value.encode())


def _dump(model: BaseModel) -> bytes:
    return model.model_dump_json().encode()


def _deadline(register: PopulationRegister | BusinessRegister | None, operation: str) -> float:
    found: Operation | None = None if register is None else register.operations.get(operation)
    return 0.0 if found is None else found.deadline_seconds


def _there(register: Any) -> Any:
    if register is None:
        raise no_connection()
    return register


class TechnicalIdService:
    """Looks technical ids up."""

    def __init__(
        self,
        store: Store,
        systems: Mapping[str, TechnicalIds],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``systems`` by connection; the first is asked."""
        self._recorder = LookupRecorder(store)
        self._systems = dict(systems)
        self._now = now

    async def find(self, question: TechnicalIdQuestion, caller: LookupCaller) -> TechnicalIdAnswer:
        """Return the technical ids of a number; refuses with 503 where nobody can be asked."""
        if not self._systems:
            raise no_connection()
        connection, system = next(iter(self._systems.items()))
        record = await self._recorder.begin(
            "technical_id",
            connection=connection,
            caller=caller,
            actor=question.actor,
            dossier_code=question.dossier_code,
            question=question,
            subject=question.number,
            now=self._now(),
        )

        async def ask() -> Sequence[str]:
            return await system.find_technical_ids(question.number)

        found = await asked(self._recorder, record, ask, count=len, now=self._now)
        return TechnicalIdAnswer(lookup_id=str(record.id), technical_ids=tuple(found))
