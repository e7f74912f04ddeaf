"""The national population database as the hub sees it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from adapters.population_db import answers, mapping, mapping_answers, reading, wire
from adapters.population_db.client import PopulationClient
from adapters.population_db.mapping import Vocabulary
from adapters.population_db.request_ids import RequestIds
from adapters.population_db.settings import PopulationSettings
from contracts.errors import LienThongError
from contracts.population import (
    Asker,
    CitizenQuestion,
    CitizenRecord,
    Confirmation,
    ConfirmationKind,
    Confirmed,
    Extent,
    Household,
)
from contracts.ports import AdapterContext, Operation, RepeatClass

FIND_CITIZEN = "find_citizen"
FIND_HOUSEHOLD = "find_household"
CONFIRM = "confirm"


class PopulationDatabase:
    """One connection to the database: `PopulationRegister`. No side effects when built."""

    def __init__(self, context: AdapterContext, settings: PopulationSettings) -> None:
        self._now = context.now
        self._report_drift = context.report_drift
        self._client = PopulationClient(settings, context)
        self._ids = RequestIds(settings.request_id_form)
        self._words = vocabulary(settings)
        deadlines = {
            FIND_CITIZEN: settings.find_citizen_deadline_seconds,
            FIND_HOUSEHOLD: settings.find_household_deadline_seconds,
            CONFIRM: settings.confirm_deadline_seconds,
        }
        self._operations = {name: Operation(name, RepeatClass.SAFE, seconds) for name, seconds in deadlines.items()}
        self._signing = {name: _Signing(self._client, context.connection_id, name) for name in deadlines}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the hub may do here; all of it asks and changes nothing."""
        return self._operations

    async def aclose(self) -> None:
        """Release everything."""
        await self._client.aclose()

    async def find_citizen(self, question: CitizenQuestion, asker: Asker, extent: Extent) -> CitizenRecord | None:
        """Return the citizen the database tells of, whoever that is; ``None`` for an empty record."""
        call = mapping.CALL_OF_EXTENT[extent]
        with self._signing[FIND_CITIZEN]:
            document = await self._ask(question, asker, call, FIND_CITIZEN)
            if document is None:
                return None
            drift = self._drift(call)
            return mapping_answers.citizen(reading.collection(document, drift), drift)

    async def find_household(self, question: CitizenQuestion, asker: Asker) -> Household | None:
        """Return the household the database tells of; ``None`` for an empty one."""
        call = wire.Call.HOUSEHOLD
        with self._signing[FIND_HOUSEHOLD]:
            document = await self._ask(question, asker, call, FIND_HOUSEHOLD)
            if document is None:
                return None
            drift = self._drift(call)
            return mapping_answers.household(reading.collection(document, drift), drift)

    async def confirm(self, confirmation: Confirmation, asker: Asker) -> Confirmed:
        """Return whether the database confirms it; ``None`` inside where it knows no such citizen."""
        with self._signing[CONFIRM]:
            request_id = self._ids.next(asker, self._now())
            request = mapping.confirmation_request(confirmation, asker, request_id, self._words)
            document = await self._client.ask(request, asker, CONFIRM, self._operations[CONFIRM].deadline_seconds)
            if document is None:
                return Confirmed(confirmed=None)
            drift = self._drift(request.call)
            return mapping_answers.confirmed(reading.verdict(document, drift), drift)

    async def _ask(self, question: CitizenQuestion, asker: Asker, call: wire.Call, operation: str) -> bytes | None:
        request_id = self._ids.next(asker, self._now())
        request = mapping.citizen_request(question, asker, call, request_id, self._words)
        return await self._client.ask(request, asker, operation, self._operations[operation].deadline_seconds)

    def _drift(self, call: wire.Call) -> mapping_answers.Drift:
        return lambda field: self._report_drift(call.value, field)


class _Signing:
    """Puts connection and operation into what fails inside of it, and makes our errors of what is none yet."""

    def __init__(self, client: PopulationClient, connection: str, operation: str) -> None:
        self._client = client
        self._connection = connection
        self._operation = operation

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, told: BaseException | None, trace: object) -> None:
        """Raise the error for what happened."""
        if told is None:
            return
        error = self._error(told)
        if error is None:
            return
        error.connection, error.operation = self._connection, self._operation
        if error is not told:
            # Not chained: pydantic quotes what it does not take, and that is a citizen's.
            raise error from None

    def _error(self, told: BaseException) -> LienThongError | None:
        if isinstance(told, LienThongError):
            return told
        if isinstance(told, reading.SoapFault):
            return self._client.fault(told.code, self._operation)
        if isinstance(told, mapping_answers.UnreadableError):
            return answers.malformed(told.place)
        if isinstance(told, ValidationError):
            first = told.errors(include_url=False, include_input=False)[0]
            return answers.malformed(".".join(str(part) for part in first["loc"]))
        return None


def vocabulary(settings: PopulationSettings) -> Vocabulary:
    """Return the forms and codes of a connection."""
    return Vocabulary(
        integration_codes={call: getattr(settings.integration_codes, call.name.lower()) for call in wire.Call},
        service_codes=settings.service_codes,
        service_code_otherwise=settings.service_code_otherwise,
        officer_id=settings.officer_id,
        unit_elements=settings.unit_elements,
        name_form=settings.name_form,
        names={
            kind: getattr(settings.element_names, kind.value)
            for kind in ConfirmationKind
            if kind.value in type(settings.element_names).model_fields
        },
    )
