"""Problems: every answer that is not a success, as RFC 9457 ``application/problem+json`` in both languages.

``code`` is stable and is what programs branch on; ``detail`` and ``detail_vi`` are for people and may be reworded.
No member ever holds a value that was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from contracts.errors import Sentence
from hub.errors import Refusal

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:lienthong:problem:"
REQUEST_PREFIX = "urn:lienthong:request:"

REQUEST_ID = "lienthong.request_id"
"""Key of the ASGI scope under which the edge keeps the id of the request."""


BODY_READ = "lienthong.body_read"
"""Key of the ASGI scope: set once the whole body of the request has been read."""

LINGER_SECONDS = 2.0
"""How long the rest of a refused body is taken in and thrown away before its connection is closed."""


class FieldProblem(BaseModel):
    """One of several faults of a request."""

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(description="Stable snake_case name of the fault.")]
    detail: Annotated[str, Field(description="What is wrong, in English.")]
    detail_vi: Annotated[str, Field(description="Điều gì sai, bằng tiếng Việt.")]
    field: Annotated[
        str, Field(description="Path of the value at fault, as in `applicant.identifiers[0].value`; empty: the whole.")
    ]


class Problem(FieldProblem):
    """RFC 9457 problem details, with what our callers need to act."""

    type: Annotated[str, Field(description=f"`{TYPE_PREFIX}` and the code.")]
    title: Annotated[str, Field(description="The meaning of the HTTP status.")]
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.")]
    instance: Annotated[str, Field(description=f"`{REQUEST_PREFIX}` and the request id, which is also in the log.")]
    exchange_id: Annotated[str, Field(description="The exchange concerned, where there is one.")] = ""
    errors: Annotated[
        tuple[FieldProblem, ...],
        Field(description="All faults found, when there are several; at most 20, of an imported table 200."),
    ] = ()


class ProblemAnswer:
    """An ASGI application that answers with one problem."""

    __slots__ = ("close", "errors", "headers", "refusal")

    def __init__(
        self,
        refusal: Refusal,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        close: bool = False,
    ) -> None:
        """``close`` ends the connection after the answer, for requests whose body was not read to its end."""
        self.refusal = refusal
        self.errors = errors
        self.headers = headers or {}
        self.close = close

    def body(self, request_id: str) -> bytes:
        """Return the JSON document."""
        refusal = self.refusal
        document: dict[str, object] = {
            "type": TYPE_PREFIX + refusal.code,
            "title": HTTPStatus(refusal.status).phrase,
            "status": refusal.status,
            "detail": refusal.sentence.en,
            "detail_vi": refusal.sentence.vi,
            "code": refusal.code,
            "field": refusal.field,
            "exchange_id": refusal.exchange_id,
            "instance": REQUEST_PREFIX + request_id,
        }
        if self.errors:
            document["errors"] = [one.model_dump() for one in self.errors]
        return orjson.dumps(document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the problem; to a client that is still sending, in a way that lets it arrive."""
        body = self.body(scope.get(REQUEST_ID, ""))
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.refusal.status, "headers": headers})
        lingers = _is_still_sending(scope) and (self.close or _ends_connection(scope))
        await send({"type": "http.response.body", "body": body, "more_body": lingers})
        if lingers:
            await _linger(receive)
            await send({"type": "http.response.body", "body": b""})


def _is_still_sending(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return BODY_READ not in scope and not names.isdisjoint({b"content-length", b"transfer-encoding"})


def _ends_connection(scope: Scope) -> bool:
    return scope.get("http_version") == "1.0" or (b"connection", b"close") in scope["headers"]


async def _linger(receive: Receive) -> None:
    # Closing a socket while the other side is sending makes its kernel discard the answer it has not read yet.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass


# --- refusals of the edge itself --------------------------------------------------------------------------


def no_such_address() -> Refusal:
    """404 for an address that does not exist."""
    return Refusal(
        404,
        "no_such_address",
        Sentence(
            en="There is nothing at this address; see /openapi.json for the addresses that exist.",
            vi="Không có gì tại địa chỉ này; xem /openapi.json để biết các địa chỉ hiện có.",
        ),
    )


def method_not_allowed() -> Refusal:
    """405 for an address that exists but not with this method."""
    return Refusal(
        405,
        "method_not_allowed",
        Sentence(
            en="This address does not accept this method; the Allow header lists those it accepts.",
            vi="Địa chỉ này không chấp nhận phương thức này; tiêu đề Allow liệt kê các phương thức được chấp nhận.",
        ),
    )


def http_failure(status: int) -> Refusal:
    """Any other HTTP status that the framework may raise."""
    return Refusal(
        status,
        f"http_{status}",
        Sentence(
            en=f"The request was refused ({HTTPStatus(status).phrase}).",
            vi=f"Yêu cầu bị từ chối (mã HTTP {status}).",
        ),
    )


def overloaded() -> Refusal:
    """503 when more requests are being served than this process can."""
    return Refusal(
        503,
        "overloaded",
        Sentence(
            en="Too many requests are being served at the moment. Nothing was stored; repeat the request shortly.",
            vi="Hiện có quá nhiều yêu cầu đang được xử lý. Chưa có gì được lưu; hãy gửi lại yêu cầu sau ít giây.",
        ),
    )


def store_unavailable(*, nothing_stored: bool) -> Refusal:
    """503 while the database does not answer; says whether the caller's work may have been stored."""
    if nothing_stored:
        return Refusal(
            503,
            "store_unavailable",
            Sentence(
                en="The database does not answer at the moment. Nothing was stored; repeat the request shortly.",
                vi="Cơ sở dữ liệu hiện không trả lời. Chưa có gì được lưu; hãy gửi lại yêu cầu sau ít giây.",
            ),
        )
    return Refusal(
        503,
        "store_unavailable",
        Sentence(
            en=(
                "The database stopped answering while this was being stored, so it may or may not be stored."
                " Repeat the same request with the same Idempotency-Key; it will not be done twice."
            ),
            vi=(
                "Cơ sở dữ liệu ngừng trả lời trong lúc lưu nên chưa rõ đã lưu hay chưa."
                " Hãy gửi lại đúng yêu cầu này với cùng Idempotency-Key; việc sẽ không bị thực hiện hai lần."
            ),
        ),
    )


def internal_error(*, nothing_stored: bool) -> Refusal:
    """500 for a fault of the hub; says what happened to the caller's work, as far as that is certain."""
    if nothing_stored:
        return Refusal(
            500,
            "internal_error",
            Sentence(
                en="The hub failed on this request. Nothing was stored. Tell the operator the instance given here.",
                vi="Hệ thống gặp lỗi khi xử lý yêu cầu. Chưa có gì được lưu. Hãy báo quản trị viên mã instance ở đây.",
            ),
        )
    return Refusal(
        500,
        "internal_error",
        Sentence(
            en=(
                "The hub failed on this request and it is not certain whether it was stored: ask with GET before"
                " repeating, or repeat with the same Idempotency-Key. Tell the operator the instance given here."
            ),
            vi=(
                "Hệ thống gặp lỗi khi xử lý yêu cầu và chưa rõ đã lưu hay chưa: hãy kiểm tra bằng GET trước khi gửi"
                " lại, hoặc gửi lại với cùng Idempotency-Key. Hãy báo quản trị viên mã instance ở đây."
            ),
        ),
    )
