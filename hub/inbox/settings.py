"""What a deployment can set about calls of partners."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, IPvAnyNetwork, SecretStr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from hub.reach import Reach
from hub.settings_section import Section

PREFIX = "/inbound/"
"""Below this partners call, each below the id of its connection."""

MIN_SECRET = 16
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", to_lower=True)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class FileSourceSettings(Section):
    """How a file of a dossier is fetched when a partner opens a one-time address of ours."""

    allow: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="Hosts and networks the files of dossiers are fetched from, as in webhooks.allow; none by default.",
    )
    allow_plain_http: bool = Field(default=False, description="Allow http:// addresses of files.")
    ca_file: Path | None = Field(
        default=None, description="PEM file with the certificate authorities trusted instead of the system's."
    )
    max_bytes: int = Field(default=67_108_864, ge=1024, le=1 << 34, description="Largest file handed out, in bytes.")
    timeout_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="Longest time one file may take from its source to the partner."
    )
    address_lifetime_minutes: float = Field(
        default=1440.0, gt=0, le=43_200, description="How long an address opens its file, in minutes."
    )
    address_uses: int = Field(default=1, ge=1, le=100, description="How many times an address opens its file.")

    @model_validator(mode="after")
    def _allow_is_readable(self) -> Self:
        try:
            self.reach()
        except ValueError as error:
            raise PydanticCustomError("allow", "each entry is a host, host:port or network") from error
        return self

    def reach(self) -> Reach:
        """Return where files may be fetched."""
        return Reach(self.allow, plain_http=self.allow_plain_http)


class InboundSettings(Section):
    """Calls of partners, below ``/inbound/<connection>/``."""

    max_body_bytes: int = Field(
        default=8_388_608, ge=1024, le=1 << 28, description="Largest message accepted, in bytes; files are inside it."
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Longest time one call may take to arrive, and then to be answered."
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="Networks (CIDR) of front proxies whose X-Forwarded-For and certificate header are believed.",
    )
    certificate_header: HeaderName = Field(
        default="x-client-certificate-sha256",
        description="Header in which a trusted front proxy gives the SHA-256 of the client certificate it has checked.",
    )
    secret_header: HeaderName = Field(
        default="x-inbound-secret",
        description="Header in which a partner, or the front proxy for it, gives the secret.",
    )
    clock_tolerance_minutes: float = Field(
        default=5.0, gt=0, le=1440, description="How far ahead a partner's clock may be before a person is told."
    )
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=500)] | None = Field(
        default=None,
        description="Address under which partners reach this hub, for one-time addresses of files; e.g. "
        "https://lienthong.h99.example",
    )
    keep_events_days: int = Field(
        default=730, ge=90, le=36_500, description="How long an event is kept after it was acknowledged, in days."
    )
    files: FileSourceSettings = Field(default_factory=FileSourceSettings, description="Files handed to partners.")


class InboundAccess(Section):
    """Who may call as the partner of one connection. Without networks: nobody."""

    networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(), max_length=50, description="Networks (CIDR) the partner calls from; none: every call is refused."
    )
    secrets: tuple[Annotated[SecretStr, Field(min_length=MIN_SECRET)], ...] = Field(
        default=(),
        max_length=2,
        repr=False,
        description="Shared secret of at least 16 characters; two while it is being changed.",
    )
    client_certificates: tuple[Fingerprint, ...] = Field(
        default=(), max_length=8, description="SHA-256 fingerprints of the client certificates accepted, if any."
    )
    network_only: bool = Field(
        default=False,
        description="Let the network alone prove the partner, where it can send neither secret nor certificate.",
    )
    hand_out_files: bool = Field(
        default=False, description="Give this partner one-time addresses of ours instead of the files' own addresses."
    )

    @model_validator(mode="after")
    def _something_proves_the_partner(self) -> Self:
        if self.networks and not (self.secrets or self.client_certificates or self.network_only):
            raise PydanticCustomError(
                "inbound_unproven", "networks need secrets or client_certificates beside them, or network_only = true"
            )
        return self
