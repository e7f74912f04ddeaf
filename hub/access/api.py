"""``POST /oauth/token``: OAuth 2.0 client credentials (RFC 6749 section 4.4), errors in its own JSON form.

The client names itself by HTTP Basic or by form fields, never by both. Every error also carries
``error_description_vi``; unknown client, disabled client and wrong secret are one and the same answer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qsl, unquote_plus

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.types import Scope as AsgiScope

from contracts.errors import Sentence
from hub.access import clients
from hub.access.guard import Guard
from hub.access.scopes import parse_scopes
from hub.access.throttle import FailureThrottle
from hub.access.tokens import Tokens
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_uncompressed
from hub.web.problems import REQUEST_ID
from hub.web.resources import PUBLIC, Call, Operation, Resource, Success

MAX_BODY_BYTES = 8192
_FORM = b"application/x-www-form-urlencoded"
_log = structlog.get_logger("hub.access")


class TokenAnswer(BaseModel):
    """A successful answer (RFC 6749 section 5.1)."""

    model_config = ConfigDict(frozen=True)

    access_token: Annotated[str, Field(description="Send it as Authorization: Bearer …")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token, not one
    expires_in: Annotated[int, Field(description="Seconds until it expires.")]
    scope: Annotated[str, Field(description="What it allows, separated by spaces.")]


class TokenError(BaseModel):
    """An error (RFC 6749 section 5.2)."""

    model_config = ConfigDict(frozen=True)

    error: Annotated[str, Field(description="The code of RFC 6749; slow_down when too many attempts failed.")]
    error_description: Annotated[str, Field(description="What is wrong, in English.")]
    error_description_vi: Annotated[str, Field(description="Điều gì sai, bằng tiếng Việt.")]


class TokenRequest(BaseModel):
    """The form of a token request; the client's id and secret may stand in HTTP Basic instead."""

    grant_type: Literal["client_credentials"]
    scope: Annotated[str, Field(description="Separated by spaces; all scopes of the client if left out.")] = ""
    client_id: str = ""
    client_secret: str = ""


class _Failed(Exception):  # noqa: N818 - an answer, not a crash
    def __init__(self, status: int, error: str, sentence: Sentence, *, wait: float = 0.0, basic: bool = False) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.sentence = sentence
        self.wait = wait
        self.basic = basic


@dataclass(frozen=True, slots=True)
class _Claimed:
    client_id: str
    secret: str
    basic: bool


_INVALID_REQUEST = Sentence(
    en="The token request must be a form (application/x-www-form-urlencoded) with each parameter at most once.",
    vi="Yêu cầu lấy mã phải là biểu mẫu (application/x-www-form-urlencoded), mỗi tham số xuất hiện tối đa một lần.",
)
_GRANT = Sentence(en="Only grant_type=client_credentials is supported.", vi="Chỉ hỗ trợ grant_type=client_credentials.")
_CREDENTIALS_TWICE = Sentence(
    en="Send the client's credentials either by HTTP Basic or in the form, not both.",
    vi="Chỉ gửi thông tin xác thực bằng HTTP Basic hoặc trong biểu mẫu, không dùng cả hai.",
)
_CREDENTIALS = Sentence(
    en="The client is not known, is disabled, or its secret is wrong.",
    vi="Ứng dụng không tồn tại, đã bị vô hiệu hóa, hoặc sai khóa bí mật.",
)
_SCOPE = Sentence(
    en="A requested scope does not exist or was not given to this client.",
    vi="Có quyền được yêu cầu không tồn tại hoặc chưa được cấp cho ứng dụng này.",
)
_SLOW_DOWN = Sentence(
    en="Too many failed token requests for this client from this address; wait before trying again.",
    vi="Quá nhiều yêu cầu lấy mã thất bại cho ứng dụng này từ địa chỉ này; hãy chờ rồi thử lại.",
)


class TokenEndpoint:
    """Answers token requests."""

    def __init__(self, store: Store, tokens: Tokens, *, timeout_seconds: float) -> None:
        """``timeout_seconds`` is how long a client may take to send its form."""
        self._store = store
        self._tokens = tokens
        self._timeout = timeout_seconds
        self._throttle = FailureThrottle()

    async def issue(self, call: Call) -> Answer:
        """Answer ``POST /oauth/token``; never cached (RFC 6749 section 5.1)."""
        try:
            return await self._issue(call)
        except _Failed as failed:
            return _answer_failure(failed)

    async def _issue(self, call: Call) -> Answer:
        form = await self._form(call)
        claimed = _claimed(call.headers, form)
        if form.get("grant_type") != "client_credentials":
            raise _Failed(400, "unsupported_grant_type", _GRANT)
        client = await clients.authenticate(self._store, claimed.client_id, claimed.secret)
        if client is None:
            raise self._refused(call.scope, claimed)
        scopes = parse_scopes(form["scope"]) if form.get("scope") else client.scopes
        if not scopes or not scopes <= client.scopes:
            raise _Failed(400, "invalid_scope", _SCOPE)
        token = await self._tokens.issue(client, scopes)
        _log.info("token_issued", client_id=client.id, request_id=call.scope.get(REQUEST_ID))
        body = TokenAnswer(access_token=token, expires_in=self._tokens.lifetime_seconds, scope=" ".join(sorted(scopes)))
        return Answer(200, body.model_dump_json().encode(), ((b"pragma", b"no-cache"),))

    async def _form(self, call: Call) -> dict[str, str]:
        if call.headers.get(b"content-type", b"").split(b";")[0].strip().lower() != _FORM:
            raise _Failed(400, "invalid_request", _INVALID_REQUEST)
        require_uncompressed(call.headers)
        body = await call.body(max_bytes=MAX_BODY_BYTES, timeout_seconds=self._timeout)
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=16)
        except ValueError:
            raise _Failed(400, "invalid_request", _INVALID_REQUEST) from None
        form = dict(pairs)
        if len(form) != len(pairs):
            raise _Failed(400, "invalid_request", _INVALID_REQUEST)
        return form

    def _refused(self, scope: AsgiScope, claimed: _Claimed) -> _Failed:
        address = str((scope.get("client") or ("",))[0])
        # The id is the caller's own text: kept and logged only where it looks like one of ours.
        shown = claimed.client_id if clients.looks_like_id(claimed.client_id) else "?"
        wait = self._throttle.fail((shown, address))
        if wait > 0:
            return _Failed(429, "slow_down", _SLOW_DOWN, wait=wait)
        _log.warning("token_refused", client_id=shown, ip=address, request_id=scope.get(REQUEST_ID))
        return _Failed(401, "invalid_client", _CREDENTIALS, basic=claimed.basic)


def _claimed(headers: Mapping[bytes, bytes], form: Mapping[str, str]) -> _Claimed:
    authorization = headers.get(b"authorization")
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise _Failed(401, "invalid_client", _CREDENTIALS, basic=True)
        return _Claimed(form["client_id"], form["client_secret"], basic=False)
    if "client_secret" in form:
        raise _Failed(400, "invalid_request", _CREDENTIALS_TWICE)
    kind, _, value = authorization.partition(b" ")
    try:
        user, separator, secret = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        kind, user, separator, secret = b"", "", "", ""
    if kind.lower() != b"basic" or not separator:
        raise _Failed(401, "invalid_client", _CREDENTIALS, basic=True)
    # RFC 6749 section 2.3.1: both parts are form-encoded before they go into Basic.
    return _Claimed(unquote_plus(user), unquote_plus(secret), basic=True)


def _answer_failure(failed: _Failed) -> Answer:
    error = TokenError(
        error=failed.error, error_description=failed.sentence.en, error_description_vi=failed.sentence.vi
    )
    headers: list[tuple[bytes, bytes]] = [(b"pragma", b"no-cache")]
    if failed.basic:
        headers.append((b"www-authenticate", b'Basic realm="lienthong"'))
    if failed.wait:
        headers.append((b"retry-after", b"%d" % (int(failed.wait) + 1)))
    return Answer(failed.status, error.model_dump_json().encode(), tuple(headers))


# --- address ----------------------------------------------------------------------------------------------

TOKEN = TypeAdapter(TokenAnswer)
ERROR = TypeAdapter(TokenError)
FORM = TypeAdapter(TokenRequest)


def resources(endpoint: TokenEndpoint, guard: Guard) -> Sequence[Resource]:
    """Return the address of the token endpoint."""
    operation = Operation(
        method="POST",
        handler=endpoint.issue,
        access=PUBLIC,
        name="issue_token",
        summary="Get an access token",
        description="OAuth 2.0 client credentials (RFC 6749 section 4.4), by HTTP Basic or in the form.",
        tag="access",
        body=FORM,
        body_media_type="application/x-www-form-urlencoded",
        successes=(
            Success(200, "The token.", TOKEN),
            Success(400, "invalid_request, unsupported_grant_type, invalid_scope", ERROR),
            Success(401, "invalid_client", ERROR, headers=("WWW-Authenticate",)),
            Success(429, "slow_down: too many failures", ERROR, headers=("Retry-After",)),
        ),
        refusals={
            408: "body_too_slow",
            413: "body_too_large",
            415: "unsupported_encoding",
            503: "store_unavailable",
        },
        speaks_problems=False,
    )
    return (Resource("/oauth/token", (operation,), guard),)
