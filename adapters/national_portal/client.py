"""The portal's wire and nothing but the wire: login, session, envelope, one call, one read answer.

Session: a body field obtained at ``mapi/login`` and shared by all workers through the hub's session store. A
session error in the middle of a call costs one login, whoever else stumbles over the same error; the call is
then repeated once. The portal did not act on a call it refused for its session, so this is safe for writes too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random

from adapters.national_portal import answers, wire
from adapters.national_portal.answers import Codes, Verdict
from adapters.national_portal.settings import NationalPortalSettings
from adapters.transport.answers import unknown_fields
from adapters.transport.forward import ForwardClient
from contracts.errors import NeedsPerson, Sentence, TryLater
from contracts.ports import AdapterContext, SharedSession

_OUT_OF_TIME = Sentence(
    en="The time allowed for this operation ran out before the next call to the national portal; it is tried again.",
    vi="Hết thời gian cho phép trước khi gọi tiếp Cổng Dịch vụ công quốc gia; hệ thống sẽ thử lại.",
)
_LOGIN_REFUSED = Sentence(
    en="The national portal refuses our login; check username and password of this connection.",
    vi="Cổng Dịch vụ công quốc gia từ chối đăng nhập; hãy kiểm tra tên đăng nhập và mật khẩu của kết nối này.",
)
_SESSION_REFUSED = Sentence(
    en="The national portal refuses a session it has just given; check madonvi and the account with its operator.",
    vi="Cổng Dịch vụ công quốc gia từ chối phiên vừa cấp; hãy cùng đơn vị vận hành kiểm tra madonvi và tài khoản.",
)


_QUICK_REPEATS = 2
_QUICK_WAITS = (0.05, 0.25)
"""Seconds between the first failure of a question and its repeats: what a restarted proxy needs, not an outage."""


class Budget:
    """The time one operation may take, shared by all the calls it makes, and what those calls weighed."""

    __slots__ = ("_call_seconds", "_end", "answer_bytes", "operation", "request_bytes")

    def __init__(self, operation: str, seconds: float, call_seconds: float) -> None:
        """Start the clock: ``seconds`` for everything, at most ``call_seconds`` of it for one call."""
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


@dataclass(frozen=True, slots=True)
class Reply:
    """A read answer: what its code means, the code itself, and its result as it came."""

    verdict: Verdict
    code: str
    result: Any


class PortalClient:
    """Calls the portal for one connection. Constructing it has no side effects."""

    def __init__(self, settings: NationalPortalSettings, context: AdapterContext) -> None:
        self._settings = settings
        self._context = context
        self._forward = ForwardClient(settings.forward, connection=context.connection_id)
        self._codes = Codes(settings)
        self._lifetime = timedelta(seconds=settings.session_lifetime_seconds)

    def budget(self, operation: str, seconds: float) -> Budget:
        """Return the time budget of one operation."""
        return Budget(operation, seconds, self._settings.call_deadline_seconds)

    def file_address(self, url: str) -> str:
        """Return the address under which the portal reaches a file of ours; raises when it cannot."""
        return self._forward.outward_file_url(url)

    async def call(
        self, service: str, fields: Mapping[str, object], budget: Budget, *, is_write: bool, path: str | None = None
    ) -> Reply:
        """Call one service within the budget and return its answer, whatever its code.

        Raises any error of `contracts.errors` for transport, HTTP status, shape and session; never for a
        business code.
        """
        where = path or self._settings.service_path
        session = await self._session(budget)
        reply = await self._call_once(session, service, fields, budget, is_write=is_write, path=where)
        if reply.verdict is not Verdict.SESSION_LOST:
            return reply
        session = await self._renew(session, budget)
        reply = await self._call_once(session, service, fields, budget, is_write=is_write, path=where)
        if reply.verdict is Verdict.SESSION_LOST:
            raise NeedsPerson(_SESSION_REFUSED, upstream_code=reply.code)
        return reply

    async def aclose(self) -> None:
        """Close every connection; the session stays with the hub, for the workers that go on."""
        await self._forward.aclose()

    def report_unknown(self, message: str, part: wire.Received, prefix: str = "") -> None:
        """Report every field of an answer that we do not know, so that drift is seen before it hurts."""
        for field in unknown_fields(part):
            self._context.report_drift(message, prefix + field)

    def report_drift(self, message: str, field: str) -> None:
        """Report one field or value of an answer that is in no list we know."""
        self._context.report_drift(message, field)

    # --- session --------------------------------------------------------------------------------------

    async def _session(self, budget: Budget) -> SharedSession:
        session = await self._context.sessions.current()
        if session is None or self._context.now() - session.obtained_at >= self._lifetime:
            session = await self._renew(session, budget)
        return session

    async def _renew(self, stale: SharedSession | None, budget: Budget) -> SharedSession:
        # Another worker's login may be what we wait for; it must not outlast our own time.
        try:
            async with asyncio.timeout(budget.seconds()):
                return await self._context.sessions.renew(stale, partial(self._login, budget))
        except TimeoutError:
            raise TryLater(_OUT_OF_TIME) from None

    async def _login(self, budget: Budget) -> str:
        # A login may be repeated at will, so for the wire it counts as a question.
        credentials = {"username": self._settings.username, "password": self._settings.password.get_secret_value()}
        content = await self._post(self._settings.login_path, orjson.dumps(credentials), budget, is_write=False)
        answer = answers.read(wire.LoginAnswer, content)
        code = answers.normal_code(answer.error_code)
        if self._codes.verdict(code) is not Verdict.DONE:
            raise NeedsPerson(_LOGIN_REFUSED, upstream_code=code)
        if not answer.session:
            raise answers.malformed("session")
        self.report_unknown("login", answer)
        return answer.session

    # --- one call -------------------------------------------------------------------------------------

    async def _call_once(
        self,
        session: SharedSession,
        service: str,
        fields: Mapping[str, object],
        budget: Budget,
        *,
        is_write: bool,
        path: str,
    ) -> Reply:
        envelope = {"session": session.token, "madonvi": self._settings.madonvi, "service": service, **fields}
        content = await self._post(path, orjson.dumps(envelope), budget, is_write=is_write)
        answer = answers.read(wire.Answer, content)
        code = answers.normal_code(answer.error_code)
        self.report_unknown(service, answer)
        return Reply(self._codes.verdict(code), code, answer.result)

    async def _post(self, path: str, body: bytes, budget: Budget, *, is_write: bool) -> bytes:
        try:
            return await self._post_once(path, body, budget, is_write=is_write)
        except TryLater as error:
            # A question that was cut off is asked again at once, a few times; a partner that names a time, and
            # every write, waits for the hub's own schedule.
            if is_write or error.after is not None:
                raise
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_QUICK_REPEATS),
            wait=wait_random(*_QUICK_WAITS),
            retry=retry_if_exception_type(TryLater),
            reraise=True,
        ):
            with attempt:
                return await self._post_once(path, body, budget, is_write=is_write)
        raise AssertionError("a retry ends with an answer or an error")

    async def _post_once(self, path: str, body: bytes, budget: Budget, *, is_write: bool) -> bytes:
        answer = await self._forward.post_json(
            path, body, operation=budget.operation, deadline_seconds=budget.seconds(), is_write=is_write
        )
        budget.request_bytes += len(body)
        budget.answer_bytes += len(answer.content)
        answers.check_status(answer, is_write=is_write)
        return answer.content
