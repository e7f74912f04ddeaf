"""The settings of alerts: the channels through which they are told."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from hub.alerts.severity import Severity
from hub.settings_section import Section

MailAddress = Annotated[str, Field(pattern=r"^[^\s@<>\",;:]{1,64}@[A-Za-z0-9.-]{1,190}$")]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=48)]


class _Channel(Section):
    """What all channels have in common."""

    least: Severity = Field(
        default=Severity.WARNING, description="Least severity told on this channel; the all-clear follows its alert."
    )
    language: Literal["en", "vi", "both"] = Field(default="both", description="Language of the messages.")
    timeout_seconds: float = Field(
        default=15.0, gt=0, le=120, description="Longest time one message may take, in seconds."
    )


def _require_web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.fragment:
        raise PydanticCustomError("web_address", "must be an http:// or https:// address without credentials")
    return value


LEAST_SECRET, MOST_SECRET = 24, 64
"""Bytes of a signing secret, as Standard Webhooks recommends."""


def _require_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not text.startswith("whsec_") or not LEAST_SECRET <= size <= MOST_SECRET:
        raise PydanticCustomError("webhook_secret", "must be whsec_ and base64 of 24 to 64 bytes")
    return value


class WebhookChannel(_Channel):
    """Alerts as Standard Webhooks: signed, with an id that stays the same over every attempt."""

    kind: Literal["webhook"] = Field(description="Kind of the channel.")
    url: Annotated[str, AfterValidator(_require_web_address)] = Field(
        description="Where messages are posted; must be on the list webhooks.allow."
    )
    secret: Annotated[SecretStr, AfterValidator(_require_secret)] = Field(
        description="Signing secret as Standard Webhooks writes it: whsec_ and base64 of 24 to 64 bytes."
    )


class EmailChannel(_Channel):
    """Alerts by e-mail. The server's certificate is always verified; there is no switch."""

    kind: Literal["email"] = Field(description="Kind of the channel.")
    host: str = Field(min_length=1, max_length=253, description="SMTP server.")
    port: int = Field(default=587, ge=1, le=65_535, description="Port of the SMTP server.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the line is secured; none only towards this machine itself."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file with the authorities trusted instead of the system's."
    )
    username: str | None = Field(default=None, description="User name, where the server wants one.")
    password: SecretStr | None = Field(default=None, description="Password, where the server wants one.")
    sender: MailAddress = Field(description="Address the messages come from.")
    recipients: tuple[MailAddress, ...] = Field(
        min_length=1, max_length=50, description="Addresses the messages go to."
    )

    @model_validator(mode="after")
    def _open_lines_stay_here(self) -> Self:
        if self.security == "none":
            if self.host not in {"localhost", "127.0.0.1", "::1"}:
                raise PydanticCustomError("open_mail", "security none is for an SMTP server on this machine only")
            if self.password is not None:
                raise PydanticCustomError("open_password", "a password is not sent over an unsecured line")
        return self


def _require_log_address(value: str) -> str:
    parts = urlsplit(value)
    placed = parts.path.startswith("/") if parts.scheme == "unix" else bool(parts.hostname)
    if parts.scheme not in {"udp", "tcp", "tls", "unix"} or not placed:
        raise PydanticCustomError(
            "log_address", "must be udp://host:port, tcp://host:port, tls://host:port or unix:///path"
        )
    return value


class SyslogChannel(_Channel):
    """Alerts to a log server, in the form of RFC 5424."""

    kind: Literal["syslog"] = Field(description="Kind of the channel.")
    address: Annotated[str, AfterValidator(_require_log_address)] = Field(
        default="unix:///dev/log", description="udp://host:514, tcp://host:601, tls://host:6514 or unix:///dev/log."
    )
    facility: int = Field(default=16, ge=0, le=23, description="Facility of RFC 5424; 16 is local0.")
    ca_file: Path | None = Field(
        default=None, description="PEM file with the authorities trusted instead of the system's, for tls://."
    )


Channel = Annotated[WebhookChannel | EmailChannel | SyslogChannel, Field(discriminator="kind")]


class AlertSettings(Section):
    """Through which channels alerts are told, and for how long that is tried."""

    channels: dict[ChannelName, Channel] = Field(
        default_factory=dict, description="Channels by name; kind is webhook, email or syslog."
    )
    give_up_hours: float = Field(
        default=24.0, gt=0, le=720, description="How long a message is tried again on one channel."
    )
    first_delay_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="Wait before the first repetition, in seconds; doubles from there."
    )
    max_delay_seconds: float = Field(
        default=900.0, gt=0, le=86_400, description="Longest wait between two attempts, in seconds."
    )
