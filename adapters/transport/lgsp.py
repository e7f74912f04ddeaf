"""The LGSP of a province: a token first, then calls that carry it.

Two styles are in use, alone or together. WSO2: ``POST <lgsp>/token`` with the form
``grant_type=client_credentials`` and ``Authorization: Basic base64(consumer_key:consumer_secret)`` gives
``{access_token, token_type, expires_in, scope}``; calls then carry ``Authorization: Bearer``. VNPT / Tân Dân:
both the token call and the data calls carry ``lgspaccesstoken``, the base64 of a JSON object with AccessKey,
SecretKey, AppName, PartnerCode and PartnerCodeCus, and data calls an ``AuthHash`` for the officer who acts.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.transport.faults_to_errors import Call, Fate, error_of
from adapters.transport.http import HttpAnswer, HttpClient, HttpSettings, TransportSettings
from adapters.transport.retry_after import not_now
from contracts.errors import Malformed, NeedsPerson, Sentence, TryLater


class LgspAccessKeys(TransportSettings):
    """What the header ``lgspaccesstoken`` is made of."""

    access_key: SecretStr = Field(description="AccessKey given by the LGSP's operator.")
    secret_key: SecretStr = Field(description="SecretKey given by the LGSP's operator.")
    app_name: str = Field(description="AppName: our system as registered at the LGSP.")
    partner_code: str = Field(description="PartnerCode: our agency as registered at the LGSP.")
    partner_code_cus: str = Field(description="PartnerCodeCus: the agency whose service is called.")


class LgspSettings(TransportSettings):
    """How to reach services through the province's LGSP."""

    base_url: str = Field(description="Address of the LGSP, as https://lgsp.h99.example.")
    token_url: str | None = Field(default=None, description="Address of the token endpoint; default base_url/token.")
    consumer_key: SecretStr | None = Field(default=None, description="Consumer key of our application (WSO2).")
    consumer_secret: SecretStr | None = Field(default=None, description="Consumer secret of our application (WSO2).")
    access_keys: LgspAccessKeys | None = Field(
        default=None, description="Keys of the lgspaccesstoken header, where the LGSP asks for it."
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Limits and TLS of the calls.")

    @field_validator("base_url", "token_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username is not None:
            raise ValueError("must be an http:// or https:// address without a query and without credentials")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_one_style(self) -> LgspSettings:
        if (self.consumer_key is None) != (self.consumer_secret is None):
            raise ValueError("consumer_key and consumer_secret belong together")
        if self.consumer_key is None and self.access_keys is None:
            raise ValueError("give consumer_key and consumer_secret, or access_keys, or both")
        return self


def officer_header(key_name: str, key_pass: SecretStr) -> dict[str, str]:
    """Return the ``AuthHash`` header of the officer who acts: base64 of ``keyName:keyPass``."""
    return {"AuthHash": _base64(f"{key_name}:{key_pass.get_secret_value()}")}


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: float
    """Reading of the monotonic clock from which a new one is fetched."""


class LgspClient:
    """Calls services behind an LGSP. Constructing it has no side effects.

    The token is kept in memory and shared by all calls of this client: one login at a time, renewed before
    it expires, fetched anew once when a call is answered 401.
    """

    def __init__(self, settings: LgspSettings, *, connection: str) -> None:
        """``connection`` is the id of the connection, named in every error."""
        self._settings = settings
        self._connection = connection
        self._token_url = settings.token_url or f"{settings.base_url}/token"
        self._http = HttpClient(settings.http.allowing(settings.base_url, self._token_url), connection=connection)
        self._partner_header = _partner_header(settings.access_keys)
        self._token: _Token | None = None
        self._login = asyncio.Lock()

    async def request(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        deadline_seconds: float,
        is_write: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> HttpAnswer:
        """Call a service with a valid token; the deadline covers the login too.

        ``url`` is absolute, or a path below ``base_url``. Answers and errors as `HttpClient.request`; besides,
        `NeedsPerson` when the LGSP does not accept our keys, and `TryLater` for a 429 or 503 with
        ``Retry-After``. A 401 means that nothing was processed: the call is repeated once with a new token.
        """
        call = Call(self._connection, operation, is_write)
        target = f"{self._settings.base_url}{url}" if url.startswith("/") else url
        give_up_at = monotonic() + deadline_seconds
        refused: _Token | None = None
        while True:
            token = await self._valid_token(refused, give_up_at, call)
            answer = await self._http.request(
                method,
                target,
                operation=operation,
                deadline_seconds=_time_left(give_up_at, call),
                is_write=is_write,
                headers={**(headers or {}), **self._partner_header, "Authorization": f"Bearer {token.value}"},
                params=params,
                content=content,
            )
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            if refused is not None:
                raise NeedsPerson(
                    _TOKEN_REFUSED, connection=call.connection, operation=call.operation, upstream_code="401"
                )
            refused = token
        later = not_now(answer.status, answer.headers, call)
        if later is not None:
            raise later
        return answer

    async def aclose(self) -> None:
        """Close every connection and forget the token."""
        self._token = None
        await self._http.aclose()

    async def _valid_token(self, refused: _Token | None, give_up_at: float, call: Call) -> _Token:
        """Return a token that is neither old nor the refused one; only one caller at a time logs in."""
        token = self._token
        if token is not None and token is not refused and monotonic() < token.renew_at:
            return token
        try:
            async with asyncio.timeout(_time_left(give_up_at, call)):
                await self._login.acquire()
        except TimeoutError:
            raise error_of(Fate.NOT_SENT, call) from None
        try:
            token = self._token
            if token is None or token is refused or monotonic() >= token.renew_at:
                self._token = token = await self._fetch_token(give_up_at, call)
            return token
        finally:
            self._login.release()

    async def _fetch_token(self, give_up_at: float, call: Call) -> _Token:
        asked_at = monotonic()
        settings = self._settings
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        headers.update(self._partner_header)
        if settings.consumer_key is not None and settings.consumer_secret is not None:
            pair = f"{settings.consumer_key.get_secret_value()}:{settings.consumer_secret.get_secret_value()}"
            headers["Authorization"] = f"Basic {_base64(pair)}"
        # Asking for a token changes nothing at the partner: never a write, even on behalf of one.
        answer = await self._http.request(
            "POST",
            self._token_url,
            operation=call.operation,
            deadline_seconds=_time_left(give_up_at, call),
            is_write=False,
            headers=headers,
            content=b"grant_type=client_credentials",
        )
        later = not_now(answer.status, answer.headers, call)
        if later is not None:
            raise later
        code = str(answer.status)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TryLater(_TOKEN_LATER, connection=call.connection, operation=call.operation, upstream_code=code)
        if answer.status != HTTPStatus.OK:
            raise NeedsPerson(_KEYS_REFUSED, connection=call.connection, operation=call.operation, upstream_code=code)
        return _read_token(answer.content, asked_at, call)


def _read_token(content: bytes, asked_at: float, call: Call) -> _Token:
    malformed = Malformed(_TOKEN_MALFORMED, connection=call.connection, operation=call.operation)
    try:
        fields = json.loads(content)
        value = fields["access_token"]
        lifetime = float(fields.get("expires_in", _UNSAID_LIFETIME_SECONDS))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Not chained: the text of the error may quote the token.
        raise malformed from None
    if not isinstance(value, str) or not _TOKEN_CHARACTERS.issuperset(value) or not value or not lifetime > 0:
        raise malformed
    early = min(_EARLY_SECONDS, lifetime * _EARLY_SHARE)
    return _Token(value, asked_at + lifetime - early)


def _partner_header(keys: LgspAccessKeys | None) -> dict[str, str]:
    if keys is None:
        return {}
    fields = {
        "AccessKey": keys.access_key.get_secret_value(),
        "SecretKey": keys.secret_key.get_secret_value(),
        "AppName": keys.app_name,
        "PartnerCode": keys.partner_code,
        "PartnerCodeCus": keys.partner_code_cus,
    }
    return {"lgspaccesstoken": _base64(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))}


def _time_left(give_up_at: float, call: Call) -> float:
    left = give_up_at - monotonic()
    if left <= 0:
        raise error_of(Fate.NOT_SENT, call)
    return left


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


_UNSAID_LIFETIME_SECONDS = 300
"""For an answer without ``expires_in`` (optional in RFC 6749 5.1); a 401 ends it sooner."""
_EARLY_SECONDS = 60.0
_EARLY_SHARE = 0.1
_TOKEN_CHARACTERS = frozenset(map(chr, range(0x21, 0x7F)))

_KEYS_REFUSED = Sentence(
    en="The LGSP does not accept our keys; check consumer_key, consumer_secret and access_keys with its operator.",
    vi="LGSP không chấp nhận khóa truy cập; hãy cùng đơn vị quản trị LGSP kiểm tra consumer_key, consumer_secret "
    "và access_keys.",
)
_TOKEN_REFUSED = Sentence(
    en="The LGSP refused a token it had just issued; check with its operator whether our application may call "
    "this service.",
    vi="LGSP từ chối mã truy cập vừa cấp; hãy cùng đơn vị quản trị LGSP kiểm tra quyền gọi dịch vụ này của ứng dụng.",
)
_TOKEN_LATER = Sentence(
    en="The LGSP cannot issue a token at the moment; nothing was sent to the partner.",
    vi="LGSP tạm thời không cấp được mã truy cập; chưa gửi gì tới bên nhận.",
)
_TOKEN_MALFORMED = Sentence(
    en="The LGSP's token answer is not the agreed JSON; nothing was sent to the partner.",
    vi="Trả lời cấp mã truy cập của LGSP không đúng định dạng JSON đã thống nhất; chưa gửi gì tới bên nhận.",
)
