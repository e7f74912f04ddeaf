"""Plays an LGSP: issues tokens in both styles and guards the application that plays the services behind it."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from adapters.transport.simulation.asgi import App, Receive, Scope, Send, answer_json, header, live, read_body

ACCESS_KEY_FIELDS = ("AccessKey", "SecretKey", "AppName", "PartnerCode", "PartnerCodeCus")


class LgspSimulator:
    """ASGI application: ``POST /token`` and, with its token, everything of ``service``.

    The service's own start-up and shutdown events are not passed on.
    """

    def __init__(
        self,
        service: App,
        *,
        consumer: tuple[str, str] | None = None,
        access_keys: Mapping[str, str] | None = None,
        officers: Mapping[str, str] | None = None,
        token_lifetime_seconds: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask for what is given: ``consumer`` key and secret, ``access_keys`` of the header, ``officers``.

        ``access_keys`` has the five names of `ACCESS_KEY_FIELDS`; ``officers`` maps keyName to keyPass, and
        with it every data call must carry the ``AuthHash`` of one of them.
        """
        if consumer is None and access_keys is None:
            raise ValueError("an LGSP asks for a consumer, for access keys, or for both")
        if access_keys is not None and set(access_keys) != set(ACCESS_KEY_FIELDS):
            raise ValueError(f"access_keys needs exactly {', '.join(ACCESS_KEY_FIELDS)}")
        self._service = service
        self._consumer = consumer
        self._access_keys = access_keys
        self._officers = officers
        self._lifetime = token_lifetime_seconds
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self.logins = 0
        """Tokens issued so far."""

    def expire_tokens(self) -> None:
        """Refuse every token issued so far, as after a restart of the LGSP."""
        self._tokens.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the application."""
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif scope["path"] == "/token":
            await self._issue(scope, receive, send)
        elif not self._partner_is_known(scope) or not self._token_is_good(scope) or not self._officer_is_known(scope):
            await read_body(receive)
            fault = {"code": 900901, "message": "Invalid Credentials", "description": "Access failure"}
            await answer_json(send, HTTPStatus.UNAUTHORIZED, {"fault": fault})
        else:
            await self._service(scope, receive, send)

    async def _issue(self, scope: Scope, receive: Receive, send: Send) -> None:
        form = parse_qs((await read_body(receive)).decode("utf-8", "replace"))
        if scope["method"] != "POST":
            await answer_json(send, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "invalid_request"})
        elif form.get("grant_type") != ["client_credentials"]:
            await answer_json(send, HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"})
        elif not self._consumer_is_known(scope) or not self._partner_is_known(scope):
            await answer_json(send, HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})
        else:
            token = secrets.token_urlsafe(24)
            self._tokens[token] = self._clock() + self._lifetime
            self.logins += 1
            # WSO2 writes whole seconds.
            fields = {"access_token": token, "scope": "default", "token_type": "Bearer"}
            await answer_json(send, HTTPStatus.OK, {**fields, "expires_in": max(1, round(self._lifetime))})

    def _consumer_is_known(self, scope: Scope) -> bool:
        if self._consumer is None:
            return True
        scheme, _, credentials = (header(scope, "authorization") or "").partition(" ")
        return scheme == "Basic" and _same(_unpacked(credentials), ":".join(self._consumer))

    def _partner_is_known(self, scope: Scope) -> bool:
        if self._access_keys is None:
            return True
        try:
            fields = json.loads(_unpacked(header(scope, "lgspaccesstoken") or ""))
        except ValueError:
            return False
        return isinstance(fields, dict) and all(
            _same(str(fields.get(name, "")), wanted) for name, wanted in self._access_keys.items()
        )

    def _token_is_good(self, scope: Scope) -> bool:
        scheme, _, token = (header(scope, "authorization") or "").partition(" ")
        return scheme == "Bearer" and self._tokens.get(token, float("-inf")) > self._clock()

    def _officer_is_known(self, scope: Scope) -> bool:
        if self._officers is None:
            return True
        name, _, key_pass = _unpacked(header(scope, "authhash") or "").partition(":")
        return name in self._officers and _same(self._officers[name], key_pass)


def _unpacked(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8"), right.encode("utf-8"))
