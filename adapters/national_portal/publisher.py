"""The national portal as the hub sees it: publishes dossiers and steps, answers questions, lists procedures.

How "already exists" is settled (wire facts §2.6: code 0 on a create may mean it too, so no code proves
anything): a dossier not known to be there is asked for first, the missing are created, the others updated.
When an answer contradicts what was just learnt, the portal is asked again and each dossier may change sides
once; if the portal still contradicts itself, its own parts are not in step yet and it is tried later. A
create that could meet an older message of ours still under way is followed by an update with the
same content, because such a create is answered with success and its content left aside. Where nothing was ever sent
about any of the dossiers of a create, there is no older message to meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from adapters.national_portal import answers, mapping, wire
from adapters.national_portal.answers import Verdict
from adapters.national_portal.client import Budget, PortalClient
from adapters.national_portal.lists import read_list
from adapters.national_portal.refusals import refused, signed
from adapters.national_portal.settings import NationalPortalSettings
from adapters.national_portal.values import PUBLIC_PROCEDURE
from adapters.transport.answers import safe_name
from contracts.dossier import Procedure, Step
from contracts.errors import LienThongError, Sentence, TryLater
from contracts.ports import (
    AdapterContext,
    CallReport,
    DossierPush,
    Operation,
    PartnerDossier,
    RepeatClass,
    StepPush,
)

SYNC_DOSSIERS = "DongBoHoSoMC"
UPDATE_STEPS = "CapNhatTienDoHoSoMC"
LOOK_UP_DOSSIER = "TraCuuHoSo"
LIST_PROCEDURES = "LayDanhSachTTHC"
LIST_FIELDS = "LayDanhMucLinhVuc"

PUSH_DOSSIER = "push_dossier"
PUSH_STEP = "push_step"
FIND_DOSSIER = "find_dossier"
PROCEDURES = "list_procedures"

_CONTRADICTION = Sentence(
    en="The national portal says that the dossier is there, and when asked that it is not; it is tried again later.",
    vi="Cổng Dịch vụ công quốc gia báo hồ sơ đã tồn tại nhưng khi tra cứu lại không thấy; hệ thống sẽ thử lại sau.",
)

_Row = TypeVar("_Row", bound=wire.Received)


@dataclass(frozen=True, slots=True)
class _Item:
    """A dossier ready to be sent."""

    code: str
    revision: int
    body: wire.HoSo
    tried_before: bool


class NationalPortal:
    """One connection to the portal: `DossierPublisher` and `ProcedureCatalogue`. No side effects when built."""

    def __init__(self, context: AdapterContext, settings: NationalPortalSettings) -> None:
        self._context = context
        self._settings = settings
        self._client = PortalClient(settings, context)
        self._vocabulary = settings.vocabulary()
        self._operations = {
            operation.name: operation
            for operation in (
                # Idempotent because it asks before it writes and every write replaces the whole dossier.
                Operation(
                    PUSH_DOSSIER,
                    RepeatClass.IDEMPOTENT,
                    settings.push_dossier_deadline_seconds,
                    batch=settings.dossiers_per_call,
                ),
                Operation(
                    PUSH_STEP,
                    RepeatClass.RECONCILE_FIRST,
                    settings.push_step_deadline_seconds,
                    batch=settings.steps_per_call,
                    batch_within_lane=True,
                    batch_across_lanes=settings.steps_of_several_dossiers,
                ),
                Operation(FIND_DOSSIER, RepeatClass.SAFE, settings.find_dossier_deadline_seconds),
                Operation(PROCEDURES, RepeatClass.SAFE, settings.list_procedures_deadline_seconds),
            )
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the hub may do here, and how often."""
        return self._operations

    async def aclose(self) -> None:
        """Release everything; also works after a failed start."""
        await self._client.aclose()

    # --- push_dossier ---------------------------------------------------------------------------------

    async def push_dossiers(self, pushes: Sequence[DossierPush]) -> CallReport:
        """Create or replace these dossiers, all or an error for all; see the module for how it asks first.

        Of several revisions of one dossier only the newest is sent. Raises any error of `contracts.errors`;
        `Unsupported` before anything is sent.
        """
        budget = self._client.budget(PUSH_DOSSIER, self._operations[PUSH_DOSSIER].deadline_seconds)
        newest = {push.dossier.code: push for push in sorted(pushes, key=lambda push: push.dossier.revision)}
        known = {push.dossier.code for push in pushes if push.known_there}
        items = [self._item(push) for push in newest.values()]
        with self._signing(PUSH_DOSSIER, pushes):
            there = known | await self._ask([item.code for item in items if item.code not in known], budget)
            await self._write([item for item in items if item.code in there], budget, updating=True)
            await self._write([item for item in items if item.code not in there], budget, updating=False)
        return CallReport(budget.request_bytes, budget.answer_bytes, answers.DONE_CODE)

    def _item(self, push: DossierPush) -> _Item:
        with self._signing(PUSH_DOSSIER, [push]):
            body = mapping.dossier_to_wire(push.dossier, self._vocabulary, self._file_address)
        return _Item(push.dossier.code, push.dossier.revision, body, push.tried_before)

    def _file_address(self, url: str, path: str) -> str:
        try:
            return self._client.file_address(url)
        except LienThongError as error:
            error.field = path
            raise

    async def _write(self, items: Sequence[_Item], budget: Budget, *, updating: bool) -> None:
        size = self._settings.dossiers_per_call
        for start in range(0, len(items), size):
            await self._write_batch(items[start : start + size], budget, updating=updating, may_change_sides=True)

    async def _write_batch(
        self, items: Sequence[_Item], budget: Budget, *, updating: bool, may_change_sides: bool
    ) -> None:
        fields = {"isUpdating": "True" if updating else "False", "data": [item.body for item in items]}
        reply = await self._client.call(SYNC_DOSSIERS, fields, budget, is_write=True)
        if reply.verdict is Verdict.DONE:
            # An older message about one of them, even one that said the same, may have met this one, and then the
            # content of all was left aside. Alone at its first revision a dossier has lost nothing by that.
            tried = any(item.tried_before for item in items) or not may_change_sides
            if not updating and tried and (len(items) > 1 or items[0].revision > 1):
                await self._write_batch(items, budget, updating=True, may_change_sides=may_change_sides)
            return
        exists = not updating and reply.verdict is Verdict.ALREADY_EXISTS
        if may_change_sides and (updating or exists):
            there = await self._ask([item.code for item in items], budget)
            if any((item.code in there) is not updating for item in items):
                for side in (True, False):
                    part = [item for item in items if (item.code in there) is side]
                    if part:
                        await self._write_batch(part, budget, updating=side, may_change_sides=False)
                return
        if exists:
            raise TryLater(_CONTRADICTION, upstream_code=reply.code)
        raise refused(reply.code)

    async def _ask(self, codes: Sequence[str], budget: Budget) -> set[str]:
        """Return those of ``codes`` that the portal holds, asking for a few at a time."""
        there: set[str] = set()
        waiting = iter(codes)

        async def ask_on() -> None:
            for code in waiting:
                if await self._look_up(code, budget) is not None:
                    there.add(code)

        if len(codes) <= 1:
            await ask_on()
            return there
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._settings.asks_in_flight, len(codes))):
                    group.create_task(ask_on())
        except ExceptionGroup as several:
            first = several.exceptions[0]
            raise first from first.__cause__
        return there

    # --- push_step ------------------------------------------------------------------------------------

    async def push_steps(self, pushes: Sequence[StepPush]) -> CallReport:
        """Append these steps in one call, in their order; all or an error for all.

        Each step names its dossier, so one call carries those of several (``steps_of_several_dossiers``).
        """
        if not 0 < len(pushes) <= self._settings.steps_per_call:
            raise ValueError("one call carries at least one and at most steps_per_call steps")
        budget = self._client.budget(PUSH_STEP, self._operations[PUSH_STEP].deadline_seconds)
        data = [self._step(push) for push in pushes]
        with self._signing(PUSH_STEP, pushes):
            reply = await self._client.call(UPDATE_STEPS, {"data": data}, budget, is_write=True)
            if reply.verdict is not Verdict.DONE:
                raise refused(reply.code)
        return CallReport(budget.request_bytes, budget.answer_bytes, reply.code)

    def _step(self, push: StepPush) -> wire.TienDo:
        with self._signing(PUSH_STEP, [push]):
            return mapping.step_to_wire(push.dossier_code, push.step)

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        """Return what `find_dossier` lists for this step, where the portal lists steps at all."""
        return mapping.fingerprint(mapping.step_to_wire(dossier_code, step))

    # --- find_dossier ---------------------------------------------------------------------------------

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        """Return what the portal holds; ``None`` is its answer "not found"."""
        budget = self._client.budget(FIND_DOSSIER, self._operations[FIND_DOSSIER].deadline_seconds)
        with self._signing(FIND_DOSSIER):
            return await self._look_up(code, budget)

    async def _look_up(self, code: str, budget: Budget) -> PartnerDossier | None:
        reply = await self._client.call(LOOK_UP_DOSSIER, {"mahoso": code}, budget, is_write=False)
        if reply.verdict is Verdict.NOT_FOUND:
            return None
        if reply.verdict is not Verdict.DONE:
            raise refused(reply.code)
        found = answers.read_one(wire.TraCuuHoSo, reply.result)
        return None if found is None else self._found(code, found)

    def _found(self, code: str, found: wire.TraCuuHoSo) -> PartnerDossier:
        if found.MaHoSo != code:
            raise answers.malformed("result.MaHoSo")
        field = self._settings.lookup_steps_field
        steps: list[wire.TienDoDaGhi] | None = None
        extra = dict(found.model_extra or {})
        if field:
            listed = extra.pop(field, None)
            # Steps that are missing where they are promised must not read as "no steps": they would be sent again.
            if not isinstance(listed, list):
                raise answers.malformed(f"result.{field}")
            steps = [
                answers.read_part(wire.TienDoDaGhi, one, f"result.{field}.{index}") for index, one in enumerate(listed)
            ]
        for name in extra:
            self._client.report_drift(LOOK_UP_DOSSIER, safe_name(name))
        for one in steps or ():
            self._client.report_unknown(LOOK_UP_DOSSIER, one, f"{field}.")
        return mapping.partner_dossier(found, steps, lambda field: self._client.report_drift(LOOK_UP_DOSSIER, field))

    # --- list_procedures ------------------------------------------------------------------------------

    async def list_procedures(self) -> Sequence[Procedure]:
        """Return the public procedures of the agency, once each, by their national code.

        A procedure whose code is outside the national form, or whose field cannot be told, cannot be named on
        the wire either: it is left out and counted as drift of ``MATTHC``.
        """
        budget = self._client.budget(PROCEDURES, self._operations[PROCEDURES].deadline_seconds)
        with self._signing(PROCEDURES):
            items = await self._list(LIST_PROCEDURES, wire.ThuTuc, budget)
            field_codes: dict[str, str] = {}
            if any(not item.LINHVUCTHUCHIEN and not item.MALINHVUC for item in items):
                fields = await self._list(LIST_FIELDS, wire.LinhVuc, budget)
                field_codes = {field.TENLINHVUC: field.MALINHVUC for field in fields}
        found: dict[str, Procedure] = {}
        for item in items:
            if item.TRANGTHAI is not None and str(item.TRANGTHAI) != PUBLIC_PROCEDURE:
                continue
            procedure = mapping.procedure_from_wire(item, field_codes)
            if procedure is None:
                self._client.report_drift(LIST_PROCEDURES, "MATTHC")
            else:
                found.setdefault(procedure.code, procedure)
        return tuple(found.values())

    async def _list(self, service: str, model: type[_Row], budget: Budget) -> list[_Row]:
        return await read_list(self._client, service, model, budget, path=self._settings.catalogue_path)

    # --- errors ---------------------------------------------------------------------------------------

    def _signing(self, operation: str, pushes: Sequence[DossierPush | StepPush] = ()) -> AbstractContextManager[None]:
        """Write on every error whose it is; the exchange too, where there is only one it can be about."""
        return signed(self._context.connection_id, operation, pushes[0].exchange_id if len(pushes) == 1 else "")
