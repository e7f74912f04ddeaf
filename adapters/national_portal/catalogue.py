"""The portal's catalogue: lists in one go, and one procedure with all its details.

The list of procedures comes or the call fails. The other lists are read as far as they come: one that does not is
named as missing, so that nobody takes its entries for withdrawn.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from adapters.national_portal import answers, mapping_catalogue, wire
from adapters.national_portal import wire_catalogue as w
from adapters.national_portal.answers import Verdict
from adapters.national_portal.client import Budget, PortalClient
from adapters.national_portal.lists import read_list
from adapters.national_portal.refusals import refused
from adapters.national_portal.settings import NationalPortalSettings
from contracts.catalogue import CatalogueLists, CatalogueProcedure, EntryKind
from contracts.codes import is_procedure_code, procedure_root
from contracts.errors import Malformed, Rejected, TryLater
from contracts.ports import Operation, RepeatClass

LIST_PROCEDURES = "LayDanhSachTTHC"
READ_PROCEDURE = "LayThuTuc"
LIST_AGENCIES = "LayDanhMucCoQuan"
LIST_FIELDS = "LayDanhMucLinhVuc"
LIST_SERVICES = "LayDVC"

LIST_CATALOGUE = "list_catalogue"
PROCEDURE = "read_procedure"

_Row = TypeVar("_Row", bound=wire.Received)


class PortalCatalogue:
    """Reads the catalogue for the connection."""

    def __init__(self, client: PortalClient, settings: NationalPortalSettings) -> None:
        self._client = client
        self._settings = settings

    def operations(self) -> tuple[Operation, ...]:
        """Return what can be done here."""
        settings = self._settings
        return (
            Operation(LIST_CATALOGUE, RepeatClass.SAFE, settings.list_catalogue_deadline_seconds),
            Operation(PROCEDURE, RepeatClass.SAFE, settings.read_procedure_deadline_seconds),
        )

    async def lists(self) -> CatalogueLists:
        """Return the lists."""
        budget = self._client.budget(LIST_CATALOGUE, self._settings.list_catalogue_deadline_seconds)
        rows = await self._rows(LIST_PROCEDURES, w.ThuTucDayDu, budget)
        missing: set[EntryKind] = set()
        listed_fields = await self._try(EntryKind.FIELD, LIST_FIELDS, w.NganhLinhVuc, budget, missing)
        listed_agencies = await self._try(EntryKind.AGENCY, LIST_AGENCIES, w.DonVi, budget, missing)
        listed_services = await self._try(EntryKind.SERVICE, LIST_SERVICES, w.DichVuCong, budget, missing)
        fields = mapping_catalogue.fields(listed_fields, self._drift(LIST_FIELDS))
        return CatalogueLists(
            procedures=mapping_catalogue.procedures(
                rows, self._drift(LIST_PROCEDURES), {one.name: one.code for one in fields}
            ),
            agencies=mapping_catalogue.agencies(listed_agencies, self._drift(LIST_AGENCIES)),
            fields=fields,
            services=mapping_catalogue.services(listed_services, self._drift(LIST_SERVICES)),
            missing=frozenset(missing),
        )

    async def procedure(self, code: str) -> CatalogueProcedure | None:
        """Return one procedure with its details; ``None`` where the portal knows none of this root."""
        budget = self._client.budget(PROCEDURE, self._settings.read_procedure_deadline_seconds)
        path = self._settings.catalogue_path
        reply = await self._client.call(READ_PROCEDURE, {"maTTHC": code}, budget, is_write=False, path=path)
        if reply.verdict is Verdict.NOT_FOUND:
            return None
        if reply.verdict is not Verdict.DONE:
            raise refused(reply.code)
        item = answers.read_one(w.ThuTucDayDu, reply.result, "result.0")
        if item is None:
            return None
        if _key(item.MATTHC) != _key(code):
            raise answers.malformed("result.0.MATTHC")
        self._client.report_unknown(READ_PROCEDURE, item)
        try:
            return mapping_catalogue.procedure(item, self._drift(READ_PROCEDURE))
        except ValidationError:
            # Only a text beyond every measure can do this.
            raise answers.malformed("result.0") from None

    async def _try(
        self, kind: EntryKind, service: str, model: type[_Row], budget: Budget, missing: set[EntryKind]
    ) -> list[_Row]:
        try:
            return await self._rows(service, model, budget)
        except (TryLater, Rejected, Malformed):
            missing.add(kind)
            return []

    async def _rows(self, service: str, model: type[_Row], budget: Budget) -> list[_Row]:
        return await read_list(self._client, service, model, budget, path=self._settings.catalogue_path)

    def _drift(self, message: str) -> mapping_catalogue.Drift:
        return lambda field: self._client.report_drift(message, field)


def _key(code: str) -> str:
    return procedure_root(code) if is_procedure_code(code) else code
