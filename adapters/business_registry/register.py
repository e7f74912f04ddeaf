"""The business registration database as the hub sees it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from adapters.business_registry import answers, mapping, wire
from adapters.business_registry.client import RegistryClient
from adapters.business_registry.mapping import Vocabulary
from adapters.business_registry.settings import RegistrySettings
from contracts.business import Enterprise, EnterpriseStatus
from contracts.errors import LienThongError
from contracts.population import Asker
from contracts.ports import AdapterContext, Operation, RepeatClass

FIND_ENTERPRISE = "find_enterprise"


class BusinessRegistry:
    """One connection to the database: `BusinessRegister`. No side effects when built."""

    def __init__(self, context: AdapterContext, settings: RegistrySettings) -> None:
        self._name = context.connection_id
        self._report_drift = context.report_drift
        self._is_national = settings.dialect == "national"
        self._client = RegistryClient(settings, context.connection_id)
        self._vocabulary = Vocabulary(
            statuses={
                value: EnterpriseStatus(name)
                for name in type(settings.status_values).model_fields
                for value in getattr(settings.status_values, name)
            },
            date_formats=settings.date_formats,
            activity_code=settings.activity_fields.code,
            activity_name=settings.activity_fields.name,
            activity_main=settings.activity_fields.main,
            branch_as=settings.branch_as,
        )
        operation = Operation(FIND_ENTERPRISE, RepeatClass.SAFE, settings.find_enterprise_deadline_seconds)
        self._operations = {operation.name: operation}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the hub may do here."""
        return self._operations

    async def aclose(self) -> None:
        """Release everything."""
        await self._client.aclose()

    async def find_enterprise(self, code: str, asker: Asker) -> Enterprise | None:  # noqa: ARG002 - the wire names no officer
        """Return the enterprise the database gives; its code is the record's own, and the hub compares it.

        ``None`` is its answer "not found". Raises `Unsupported` for a code no enterprise has, before any call.
        """
        try:
            asked = mapping.code_to_wire(code, self._vocabulary)
            return self._read(await self._client.ask(asked, FIND_ENTERPRISE), code)
        except LienThongError as error:
            error.connection = self._name
            error.operation = FIND_ENTERPRISE
            raise

    def _read(self, content: bytes, code: str) -> Enterprise | None:
        answer: wire.Received
        try:
            if self._is_national:
                answer = national = answers.read(wire.NationalAnswer, content, self._drift)
                enterprise = mapping.national_enterprise(national.Data, self._vocabulary, self._drift)
            else:
                answer = province = answers.read(wire.ProvinceAnswer, content, self._drift)
                enterprise = mapping.province_enterprise(province.GetEntCert, code, self._vocabulary, self._drift)
        except ValidationError:
            raise answers.malformed("Data" if self._is_national else "GetEntCert") from None
        except ValueError as place:
            raise answers.malformed(str(place)) from None
        for field in answers.unknown_fields(answer):
            self._drift(field)
        return enterprise

    def _drift(self, field: str) -> None:
        self._report_drift(FIND_ENTERPRISE, field)
