"""The store's wire and nothing but the wire: login, session, one call, one read answer, one file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import orjson

from adapters.personal_store import answers, mapping, wire
from adapters.personal_store.settings import DocumentStoreSettings
from adapters.transport.answers import unknown_fields
from adapters.transport.forward import ForwardClient
from contracts.errors import NeedsPerson, Sentence, TryLater
from contracts.ports import AdapterContext, SharedSession

_OUT_OF_TIME = Sentence(
    en="The time allowed for this operation ran out before the next call to the document store; it is tried again.",
    vi="Hết thời gian cho phép trước khi gọi tiếp Kho dữ liệu điện tử; hệ thống sẽ thử lại.",
)
_LOGIN_REFUSED = Sentence(
    en="The document store refuses our login; check username and password of this connection.",
    vi="Kho dữ liệu điện tử từ chối đăng nhập; hãy kiểm tra tên đăng nhập và mật khẩu của kết nối này.",
)
_SESSION_REFUSED = Sentence(
    en="The document store refuses a session it has just given; check the account with its operator.",
    vi="Kho dữ liệu điện tử từ chối phiên vừa cấp; hãy cùng đơn vị vận hành kiểm tra tài khoản.",
)


class Budget:
    """The time one operation may take, shared by its calls, and what those weighed."""

    __slots__ = ("_call_seconds", "_end", "answer_bytes", "operation", "request_bytes")

    def __init__(self, operation: str, seconds: float, call_seconds: float) -> None:
        self.operation = operation
        self._end = time.monotonic() + seconds
        self._call_seconds = call_seconds
        self.request_bytes = 0
        self.answer_bytes = 0

    def seconds(self) -> float:
        """Return how long the next call may take; raises `TryLater` when nothing is left for it."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TryLater(_OUT_OF_TIME)
        return min(left, self._call_seconds)


class StoreClient:
    """Calls the store; constructing it has no side effects."""

    def __init__(self, settings: DocumentStoreSettings, context: AdapterContext) -> None:
        self._settings = settings
        self._context = context
        self._forward = ForwardClient(settings.forward, connection=context.connection_id)
        self._lifetime = timedelta(seconds=settings.session_lifetime_seconds)

    def budget(self, operation: str, seconds: float) -> Budget:
        """Return the time budget of one operation."""
        return Budget(operation, seconds, self._settings.call_deadline_seconds)

    async def call(
        self, path: str, fields: Mapping[str, object], budget: Budget, *, is_write: bool
    ) -> tuple[str, wire.Answer]:
        """Call once and return the code and the answer; a lost session is renewed once.

        Raises any error of `contracts.errors`; never for a business code.
        """
        content = await self._with_session(path, fields, budget, is_write=is_write)
        answer = answers.read(wire.Answer, content)
        self.report_unknown(budget.operation, answer)
        return answers.code_of(answer), answer

    async def file(self, path: str, fields: Mapping[str, object], budget: Budget) -> bytes:
        """Return the bytes of a file, which comes as a base64 text: bare, as JSON text, or as ``result``."""
        content = await self._with_session(path, fields, budget, is_write=False)
        return self._decode(self._base64_in(content))

    async def aclose(self) -> None:
        """Close every connection; the session stays with the hub."""
        await self._forward.aclose()

    def report_unknown(self, message: str, part: wire.Received) -> None:
        """Report every field of an answer that we do not know."""
        for field in unknown_fields(part):
            self._context.report_drift(message, field)

    def report_drift(self, message: str, field: str) -> None:
        """Report one value that we cannot take as it is."""
        self._context.report_drift(message, field)

    # --- session ----------------------------------------------------------------------------------------

    async def _with_session(self, path: str, fields: Mapping[str, object], budget: Budget, *, is_write: bool) -> bytes:
        session = await self._session(budget)
        content = await self._post(path, session, fields, budget, is_write=is_write)
        if self._code_if_any(content) not in self._settings.session_error_codes:
            return content
        session = await self._renew(session, budget)
        content = await self._post(path, session, fields, budget, is_write=is_write)
        code = self._code_if_any(content)
        if code in self._settings.session_error_codes:
            raise NeedsPerson(_SESSION_REFUSED, upstream_code=code or "")
        return content

    async def _session(self, budget: Budget) -> SharedSession:
        session = await self._context.sessions.current()
        if session is None or self._context.now() - session.obtained_at >= self._lifetime:
            session = await self._renew(session, budget)
        return session

    async def _renew(self, stale: SharedSession | None, budget: Budget) -> SharedSession:
        try:
            async with asyncio.timeout(budget.seconds()):
                return await self._context.sessions.renew(stale, partial(self._login, budget))
        except TimeoutError:
            raise TryLater(_OUT_OF_TIME) from None

    async def _login(self, budget: Budget) -> str:
        credentials = {"username": self._settings.username, "password": self._settings.password.get_secret_value()}
        content = await self._send(self._settings.login_path, orjson.dumps(credentials), {}, budget, is_write=False)
        answer = answers.read(wire.Answer, content)
        code = answers.code_of(answer)
        if code != answers.DONE_CODE:
            raise NeedsPerson(_LOGIN_REFUSED, upstream_code=code)
        token = (answer.model_extra or {}).get(self._settings.session_field)
        if not isinstance(token, str) or not token:
            raise answers.malformed(self._settings.session_field)
        return token

    # --- one call ---------------------------------------------------------------------------------------

    async def _post(
        self, path: str, session: SharedSession, fields: Mapping[str, object], budget: Budget, *, is_write: bool
    ) -> bytes:
        name = self._settings.session_field
        if self._settings.session_in == "header":
            return await self._send(path, orjson.dumps(dict(fields)), {name: session.token}, budget, is_write=is_write)
        return await self._send(path, orjson.dumps({name: session.token, **fields}), {}, budget, is_write=is_write)

    async def _send(
        self, path: str, body: bytes, headers: Mapping[str, str], budget: Budget, *, is_write: bool
    ) -> bytes:
        answer = await self._forward.request(
            "POST",
            path,
            operation=budget.operation,
            deadline_seconds=budget.seconds(),
            is_write=is_write,
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
            content=body,
        )
        budget.request_bytes += len(body)
        budget.answer_bytes += len(answer.content)
        answers.check_status(answer, is_write=is_write)
        return answer.content

    def _code_if_any(self, content: bytes) -> str | None:
        """Return the code of an answer that has one; a bare file has none."""
        if not content.lstrip().startswith(b"{"):
            return None
        return answers.code_of(answers.read(wire.Answer, content))

    def _base64_in(self, content: bytes) -> str:
        start = content.lstrip()[:1]
        if start == b"{":
            answer = answers.read(wire.Answer, content)
            code = answers.code_of(answer)
            if code != answers.DONE_CODE:
                raise answers.refused(code)
            found: object = answer.result
        elif start == b'"':
            try:
                found = orjson.loads(content)
            except orjson.JSONDecodeError:
                raise answers.malformed("") from None
        else:
            found = content.decode("ascii", "replace").strip()
        if not isinstance(found, str) or not found:
            raise answers.malformed("result")
        return found

    def _decode(self, encoded: str) -> bytes:
        if len(encoded) > self._settings.max_file_bytes * 4 // 3 + _SLACK:
            raise answers.malformed("result")
        decoded = mapping.file_bytes(encoded)
        if decoded is None or len(decoded) > self._settings.max_file_bytes:
            raise answers.malformed("result")
        return decoded


_SLACK = 4096
"""Line ends in a base64 text."""
