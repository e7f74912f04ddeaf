"""Who may ask the simulated database: the digest of the moment, or the token of a façade; written from the facts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import tomllib
from collections.abc import Mapping

from adapters.population_db.settings import DirectSettings, FacadeSettings, LgspWaySettings
from adapters.transport.lgsp import LgspSettings
from adapters.transport.simulation.asgi import App, Scope, header
from adapters.transport.simulation.lgsp import LgspSimulator

SKEW_SECONDS = 300
"""How far a timestamp may be off: five minutes, as elsewhere on these wires."""


def direct_is_open(scope: Scope, settings: DirectSettings, *, now: float) -> bool:
    """Tell whether ``Authorization``, ``Timestamp``, ``X-Road-Client`` and ``ApiKey`` are right at this moment."""
    timestamp = header(scope, "timestamp") or ""
    if not timestamp.isascii() or not timestamp.isdigit():
        return False
    seconds = int(timestamp) / (1000 if settings.timestamp_unit == "ms" else 1)
    if abs(now - seconds) > SKEW_SECONDS:
        return False
    secret = settings.secret.get_secret_value()
    digest = hashlib.sha256((settings.service_url + settings.username + timestamp + secret).encode()).hexdigest()
    scheme, _, told = (header(scope, "authorization") or "").partition(" ")
    api_key = None if settings.api_key is None else settings.api_key.get_secret_value()
    wanted = {"x-road-client": settings.x_road_client, "apikey": api_key}
    return (
        scheme == "Basic"
        and _same(_unpacked(told), f"{settings.username}:{digest}")
        and all(_same(header(scope, name) or "", value) for name, value in wanted.items() if value is not None)
    )


def facade_is_open(scope: Scope, settings: FacadeSettings) -> bool:
    """Tell whether the token of the façade is right."""
    if settings.bearer_token is None:
        return True
    return _same(header(scope, "authorization") or "", f"Bearer {settings.bearer_token.get_secret_value()}")


def lgsp_gate(service: App, settings: LgspSettings, officers: Mapping[str, str] | None) -> LgspSimulator:
    """Return the LGSP in front of a service; ``officers`` are keyName and keyPass of those who may ask."""
    consumer = None
    if settings.consumer_key is not None and settings.consumer_secret is not None:
        consumer = (settings.consumer_key.get_secret_value(), settings.consumer_secret.get_secret_value())
    keys = settings.access_keys
    access_keys = (
        None
        if keys is None
        else {
            "AccessKey": keys.access_key.get_secret_value(),
            "SecretKey": keys.secret_key.get_secret_value(),
            "AppName": keys.app_name,
            "PartnerCode": keys.partner_code,
            "PartnerCodeCus": keys.partner_code_cus,
        }
    )
    return LgspSimulator(service, consumer=consumer, access_keys=access_keys, officers=officers)


def officers_of(settings: LgspWaySettings) -> dict[str, str]:
    """Return keyName and keyPass of every officer the connection has a key for."""
    known = {one.key_name: one.key_pass.get_secret_value() for one in settings.officer_keys.values()}
    if settings.officer_keys_file is not None and settings.officer_keys_file.is_file():
        told = tomllib.loads(settings.officer_keys_file.read_text("utf-8"))
        known |= {one["key_name"]: one["key_pass"] for one in told.values()}
    return known


def _unpacked(told: str) -> str:
    try:
        return base64.b64decode(told, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
