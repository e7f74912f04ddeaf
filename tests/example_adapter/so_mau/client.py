"""The register's wire and the port it keeps: three calls, each with its answer read by code and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import orjson
from pydantic import ValidationError

from adapters.transport.http import HttpAnswer, HttpClient
from contracts.dossier import Step
from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Rejected,
    Sentence,
    TryLater,
)
from contracts.ports import (
    AdapterContext,
    CallReport,
    DossierPush,
    Operation,
    PartnerDossier,
    RepeatClass,
    StepPush,
)
from so_mau import mapping, wire
from so_mau.settings import RegisterSettings

_Answer = TypeVar("_Answer", bound=wire.Received)

_FAILED = Sentence(
    en="The Model Register failed on this call; it is asked or tried again.",
    vi="Sổ Mẫu gặp lỗi khi xử lý; hệ thống sẽ hỏi lại hoặc thử lại.",
)
_KEY = Sentence(
    en="The Model Register does not accept our key; check the setting `key` of this connection.",
    vi="Sổ Mẫu không chấp nhận khóa của ta; hãy kiểm tra khóa cấu hình `key` của kết nối này.",
)
_ELSEWHERE = Sentence(
    en="Something other than the Model Register answers; check the setting `address` of this connection.",
    vi="Nơi trả lời không phải là Sổ Mẫu; hãy kiểm tra khóa cấu hình `address` của kết nối này.",
)
_NONSENSE = Sentence(
    en="The answer of the Model Register is not of the agreed form.",
    vi="Câu trả lời của Sổ Mẫu không đúng cấu trúc đã thống nhất.",
)
_REFUSED = Sentence(
    en="The Model Register refuses this; its code says why.",
    vi="Sổ Mẫu từ chối; xem mã lý do kèm theo.",
)


class Register:
    """A connection to the register. No side effects when built. Keeps `contracts.ports.DossierPublisher`."""

    def __init__(self, context: AdapterContext, settings: RegisterSettings) -> None:
        self._context = context
        self._settings = settings
        self._http = HttpClient(settings.http.allowing(settings.address), connection=context.connection_id)
        seconds = settings.call_deadline_seconds
        self._operations = {
            # A PUT replaces the whole dossier, so repeating it changes nothing; a step is appended.
            "push_dossier": Operation("push_dossier", RepeatClass.IDEMPOTENT, seconds),
            "push_step": Operation("push_step", RepeatClass.RECONCILE_FIRST, seconds, batch=5, batch_within_lane=True),
            "find_dossier": Operation("find_dossier", RepeatClass.SAFE, seconds),
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What can be done here."""
        return self._operations

    async def aclose(self) -> None:
        """Close the connections to the register."""
        await self._http.aclose()

    async def push_dossiers(self, pushes: Sequence[DossierPush]) -> CallReport:
        """Write one dossier as a whole."""
        (push,) = pushes
        with self._signing("push_dossier", push.exchange_id):
            message = mapping.dossier_to_wire(push.dossier)
            body = message.model_dump_json().encode()
            return await self._write("PUT", f"/so/{message.ma}", body, "push_dossier")

    async def push_steps(self, pushes: Sequence[StepPush]) -> CallReport:
        """Append these steps of one dossier."""
        with self._signing("push_step", pushes[0].exchange_id if len(pushes) == 1 else ""):
            steps = [mapping.step_to_wire(push.step).model_dump() for push in pushes]
            return await self._write("POST", f"/so/{pushes[0].dossier_code}/buoc", orjson.dumps(steps), "push_step")

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        """Return what the register holds; ``None`` is its answer ``KHONG_CO``."""
        with self._signing("find_dossier"):
            answer = await self._call("GET", f"/so/{code}", None, "find_dossier", is_write=False)
            found = self._read(wire.TraCuu, answer, "tra")
            if found.ketQua == "KHONG_CO":
                return None
            state = mapping.state_from_wire(found.trangThai)
            if found.ma != code or state is None:
                raise Malformed(_NONSENSE, field="ma" if state else "trangThai")
            return PartnerDossier(code, state, tuple(mapping.fingerprint(step) for step in found.buoc))

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        """Return what `find_dossier` lists for this step."""
        del dossier_code  # the register numbers steps within their dossier
        return mapping.fingerprint(mapping.step_to_wire(step))

    # --- one call ---------------------------------------------------------------------------------------

    async def _write(self, method: str, path: str, body: bytes, operation: str) -> CallReport:
        answer = await self._call(method, path, body, operation, is_write=True)
        result = self._read(wire.KetQua, answer, operation)
        if result.ketQua == "TU_CHOI":
            raise Rejected(_REFUSED, upstream_code=result.maLyDo)
        return CallReport(len(body), len(answer.content), result.ketQua)

    async def _call(self, method: str, path: str, body: bytes | None, operation: str, *, is_write: bool) -> HttpAnswer:
        answer = await self._http.request(
            method,
            self._settings.address + path,
            operation=operation,
            deadline_seconds=self._settings.call_deadline_seconds,
            is_write=is_write,
            headers={"Content-Type": "application/json", "X-Khoa": self._settings.key.get_secret_value()},
            content=body,
        )
        match answer.status:
            case 200:
                return answer
            case 401 | 403:
                raise NeedsPerson(_KEY, upstream_code=str(answer.status))
            case status if status >= 500:
                failed = OutcomeUnknown if is_write else TryLater
                raise failed(_FAILED, upstream_code=str(status))
            case status:
                raise NeedsPerson(_ELSEWHERE, upstream_code=str(status))

    def _read(self, model: type[_Answer], answer: HttpAnswer, message: str) -> _Answer:
        try:
            read = model.model_validate_json(answer.content)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            raise Malformed(_NONSENSE, field=place) from None  # the error quotes what was sent
        for part in (read, *getattr(read, "buoc", ())):
            for name in part.model_extra or {}:
                # A name of theirs that is not plain might be a value in the wrong place.
                self._context.report_drift(message, name if name.isidentifier() and len(name) < 40 else "?")
        return read

    @contextmanager
    def _signing(self, operation: str, exchange_id: str = "") -> Iterator[None]:
        """Write on every error whose it is."""
        try:
            yield
        except LienThongError as error:
            error.connection = self._context.connection_id
            error.operation = operation
            error.exchange_id = error.exchange_id or exchange_id
            raise
