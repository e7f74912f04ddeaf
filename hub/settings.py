"""Everything a deployment can set: one TOML file, environment variables above it, nothing unknown.

The file is named by ``LIENTHONG_CONFIG``; without it ``./lienthong.toml`` is read if it exists. A variable
``LIENTHONG_<KEY>`` wins over the file; nested keys are joined by two underscores
(``LIENTHONG_API__PORT=9000``). Lists and tables in a variable are written as JSON.

`Settings` itself reads nothing, so that tests and tools can build one by hand; `load_settings` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hub.accounts.settings import AccountSettings
from hub.alerts.settings import AlertSettings
from hub.cases.settings import CaseSettings
from hub.catalogue.settings import CatalogueSettings
from hub.document_store.settings import DocumentStoreHubSettings
from hub.health.settings import DutyContact, HealthSettings
from hub.inbox.settings import InboundAccess, InboundSettings
from hub.ledger.settings import LedgerSettings
from hub.lookups.settings import LookupSettings
from hub.profiles.profile import load_profile
from hub.questions.settings import QuestionSettings
from hub.reconciliation.settings import ReconciliationSettings
from hub.replays.settings import ReplaySettings
from hub.score.settings import ScoreSettings

# Other modules import these two from here: where the settings are is where their error and loader are.
from hub.settings_loading import ENVIRONMENT_PREFIX, SettingsError, explain, read_sources
from hub.settings_section import Section
from hub.usage.settings import UsageSettings
from hub.watch.settings import WatchSettings
from hub.webhooks.settings import WebhookSettings

__all__ = [
    "AlertSettings",
    "ApiSettings",
    "ClerkSettings",
    "ConnectionSettings",
    "DeliverySettings",
    "HealthSettings",
    "LedgerSettings",
    "LogSettings",
    "RuleSettings",
    "ScoreSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "WorkerSettings",
    "load_settings",
]


class StoreSettings(Section):
    """The connection pool of one process."""

    pool_min_size: int = Field(default=2, ge=1, le=500, description="Database connections kept open per process.")
    pool_max_size: int = Field(
        default=16,
        ge=1,
        le=500,
        description="Most connections of a process's pool to the database; the api process keeps up to five more.",
    )
    pool_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long a request waits for a database connection before 503."
    )

    @model_validator(mode="after")
    def _sizes_in_order(self) -> Self:
        if self.pool_max_size < self.pool_min_size:
            raise PydanticCustomError("pool_sizes", "pool_max_size must not be smaller than pool_min_size")
        return self


class ApiSettings(Section):
    """The HTTP interface for the province's own systems."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address the API listens on.")
    port: int = Field(default=8480, ge=0, le=65535, description="TCP port of the API; 0 takes a free one.")
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, le=1 << 30, description="Largest request body accepted, in bytes; more is 413."
    )
    metrics_allow: tuple[IPvAnyNetwork, ...] = Field(
        default_factory=lambda: _networks("127.0.0.0/8", "::1/128"),
        description="Networks (CIDR) that may read /metrics.",
    )
    token_lifetime_seconds: int = Field(
        default=3600, ge=60, le=86_400, description="How long an OAuth2 access token is valid, in seconds."
    )
    read_timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="How long a client may take to send its request body, in seconds."
    )


class WorkerSettings(Section):
    """How workers claim exchanges."""

    processes: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Worker processes of `lienthong up`; unset: one for each core of the machine, at most 4.",
    )
    lease_seconds: int = Field(
        default=240, ge=5, le=3600, description="How long a claimed exchange belongs to its worker, in seconds."
    )
    claim_batch: int = Field(default=256, ge=1, le=10_000, description="Most exchanges claimed at once.")
    poll_seconds: float = Field(
        default=5.0, gt=0, le=300, description="How often to look for due exchanges without being woken, in seconds."
    )
    shutdown_grace_seconds: float = Field(
        default=25.0, ge=0, le=600, description="How long running calls may finish after SIGTERM, in seconds."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="TCP port of a worker's metrics, further workers the next ones; unset: none. 0 takes a free one.",
    )
    metrics_host: str = Field(default="127.0.0.1", min_length=1, description="Address of a worker's metrics.")


class ClerkSettings(Section):
    """The process that does what the clock asks for."""

    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="TCP port of the clerk's metrics; unset: none. 0 takes a free one."
    )
    metrics_host: str = Field(default="127.0.0.1", min_length=1, description="Address of the clerk's metrics.")


class RuleSettings(Section):
    """Rules of this deployment in place of those of its profile; what is unset is as the profile says."""

    max_supplements: int | None = Field(
        default=None, ge=0, le=10, description="Supplement requests allowed per dossier; unset: as the profile says."
    )
    max_extensions: int | None = Field(
        default=None, ge=0, le=1, description="Deadline extensions allowed per dossier; unset: as the profile says."
    )
    late_entry_after_hours: float | None = Field(
        default=None,
        ge=0,
        le=8760,
        description="A step reported later than this many hours is marked as late entry; unset: as the profile says.",
    )
    clock_skew_minutes: float = Field(
        default=5.0, ge=0, le=1440, description="How far in the future a reported moment may lie, in minutes."
    )
    fees_before_result: bool | None = Field(
        default=None,
        description="Whether all fees must be paid before the result is returned; unset: as the profile says.",
    )


class LogSettings(Section):
    """The log of a process, written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least severity logged.")
    format: Literal["json", "console"] = Field(
        default="json", description="One JSON object per line, or coloured lines for people."
    )


class DeliverySettings(Section):
    """How exchanges go to one connection."""

    max_in_flight: int = Field(default=16, ge=1, le=1000, description="Most calls at the same time, per worker.")
    rate_per_second: float | None = Field(
        default=None, gt=0, le=100_000, description="Most calls per second; unset means no limit."
    )
    first_delay_seconds: float = Field(
        default=2.0, gt=0, le=3600, description="Wait before the first repetition, in seconds; doubles from there."
    )
    max_delay_seconds: float = Field(
        default=900.0, gt=0, le=86_400, description="Longest wait between two repetitions, in seconds."
    )
    max_age_hours: float = Field(
        default=240.0, gt=0, le=8760, description="An exchange older than this many hours is given up to a person."
    )
    retry_budget_ratio: float = Field(
        default=0.2, ge=0, le=10, description="Repetitions allowed per first attempt, over the recent past."
    )
    retry_budget_floor_per_second: float = Field(
        default=1.0, ge=0, le=1000, description="Repetitions per second allowed whatever the ratio says."
    )
    breaker_failures: int = Field(
        default=5, ge=1, le=1000, description="Failures in a row after which the connection rests."
    )
    breaker_cooldown_seconds: float = Field(
        default=15.0, gt=0, le=3600, description="First rest of a failing connection, in seconds; doubles from there."
    )
    breaker_max_cooldown_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="Longest rest of a failing connection, in seconds."
    )
    malformed_limit: int = Field(
        default=10, ge=1, le=100, description="Answers that break the contract before an exchange is quarantined."
    )
    settle_delay_seconds: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Least wait before a partner is asked about a write that was cut off, in seconds.",
    )
    unsettled: Literal["needs_person", "resend"] = Field(
        default="needs_person",
        description="What to do with a write whose outcome the partner cannot tell: ask a person, or send it again.",
    )

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.max_delay_seconds < self.first_delay_seconds:
            raise PydanticCustomError("delays", "max_delay_seconds must not be smaller than first_delay_seconds")
        if self.breaker_max_cooldown_seconds < self.breaker_cooldown_seconds:
            raise PydanticCustomError(
                "cooldowns", "breaker_max_cooldown_seconds must not be smaller than breaker_cooldown_seconds"
            )
        return self


class ConnectionSettings(Section):
    """One connection: an adapter configured for this deployment."""

    adapter: str = Field(min_length=1, max_length=64, description="Name of the adapter, e.g. national_portal.")
    enabled: bool = Field(default=True, description="Whether the hub opens this connection.")
    title: str | None = Field(
        default=None, min_length=1, max_length=120, description="Name shown to operators; the adapter's own if unset."
    )
    delivery: DeliverySettings = Field(
        default_factory=DeliverySettings, description="How exchanges go to this connection."
    )
    contact: DutyContact | None = Field(default=None, description="Whom to call when this connection has trouble.")
    reconciliation: ReconciliationSettings = Field(
        default_factory=ReconciliationSettings, description="How our dossiers are compared with the partner's."
    )
    inbound: InboundAccess = Field(
        default_factory=InboundAccess, description="Who may call us as the partner of this connection."
    )
    # May hold secrets, whose names only the adapter knows: never shown.
    settings: dict[str, Any] = Field(
        default_factory=dict, repr=False, description="The adapter's own keys; see the README of the adapter."
    )


def _networks(*values: str) -> tuple[Any, ...]:
    return tuple(IPvAnyNetwork(value) for value in values)  # type: ignore[operator] # pydantic's own call form


def _require_postgresql(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise PydanticCustomError("database_url", "must be a URL that begins with postgresql://")
    return value


def _require_redis(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise PydanticCustomError("redis_url", "must be a URL that begins with redis://, rediss:// or unix://")
    return value


# Lower case and single underscores, so that every connection can also be named in an environment variable.
ConnectionId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=48)]


class Settings(BaseSettings):
    """The whole configuration of a deployment, checked. Constructing it reads neither file nor environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
    )

    data_dir: Path = Field(
        default=Path(".lienthong"), description="Directory of the embedded database and of the key file."
    )
    database_url: Annotated[SecretStr, AfterValidator(_require_postgresql)] | None = Field(
        default=None, description="PostgreSQL 15 or newer; unset starts the embedded server in data_dir."
    )
    redis_url: Annotated[SecretStr, AfterValidator(_require_redis)] | None = Field(
        default=None, description="Redis for shared counters; unset counts inside the process."
    )
    key_file: Path | None = Field(
        default=None, description="JSON file of the key-encryption keys; data_dir/keys.json if unset."
    )
    store: StoreSettings = Field(default_factory=StoreSettings, description="Database connection pool.")
    api: ApiSettings = Field(default_factory=ApiSettings, description="The HTTP interface.")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="How workers claim exchanges.")
    clerk: ClerkSettings = Field(default_factory=ClerkSettings, description="What the clock asks for.")
    profile: str = Field(
        default="default",
        min_length=1,
        max_length=500,
        description="Province profile: default, vinh_phuc, hai_duong, yen_bai, binh_dinh, lam_dong, or a file's path.",
    )
    rules: RuleSettings = Field(default_factory=RuleSettings, description="Rules in place of those of the profile.")
    scores: ScoreSettings = Field(
        default_factory=ScoreSettings, description="How the national score is estimated where its formulas leave room."
    )
    ledger: LedgerSettings = Field(default_factory=LedgerSettings, description="The tamper-evident record.")
    replays: ReplaySettings = Field(default_factory=ReplaySettings, description="Replays and dismissals by filter.")
    catalogue: CatalogueSettings = Field(
        default_factory=CatalogueSettings, description="The copy of the national catalogue of procedures."
    )
    questions: QuestionSettings = Field(
        default_factory=QuestionSettings, description="Questions at the national portal and their deadlines."
    )
    document_store: DocumentStoreHubSettings = Field(
        default_factory=DocumentStoreHubSettings, description="What the personal e-document store gives."
    )
    accounts: AccountSettings = Field(default_factory=AccountSettings, description="Officers who may look people up.")
    lookups: LookupSettings = Field(default_factory=LookupSettings, description="Look-ups of people and enterprises.")
    watch: WatchSettings = Field(default_factory=WatchSettings, description="The watch over look-ups.")
    cases: CaseSettings = Field(default_factory=CaseSettings, description="Cases of the watch.")
    usage: UsageSettings = Field(default_factory=UsageSettings, description="The citizen's own view.")
    log: LogSettings = Field(default_factory=LogSettings, description="The log.")
    health: HealthSettings = Field(default_factory=HealthSettings, description="Probes, states and forecasts.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="Alerts and their channels.")
    inbound: InboundSettings = Field(default_factory=InboundSettings, description="Calls of partners to us.")
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings, description="Where events are sent to.")
    connections: dict[ConnectionId, ConnectionSettings] = Field(
        default_factory=dict, description="Connections by id, in the order in which they are opened and shown."
    )

    @property
    def resolved_key_file(self) -> Path:
        """Where the key-encryption keys are."""
        return self.key_file if self.key_file is not None else self.data_dir / "keys.json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library fixes this signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing by itself; `load_settings` brings file and environment, and remembers which said what."""
        return (init_settings,)


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the configuration.

    Args:
        path: The TOML file; ``None`` takes ``LIENTHONG_CONFIG``, else ``./lienthong.toml`` if it exists.

    Raises:
        SettingsError: With one sentence that names the key and where it was set.
    """
    sources = read_sources(Settings, path)
    with explain(Settings, sources):
        settings = Settings(**sources.merged)
    load_profile(settings.profile)  # a mistake in it is told here, where mistakes in settings are, and not later
    return settings
