"""The settings of one connection to the national business registration database.

What the public facts do not say is a setting here, never a constant; its description says so.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from adapters.transport.forward import ForwardSettings
from adapters.transport.http import HttpSettings
from adapters.transport.lgsp import LgspSettings

Path = Annotated[str, StringConstraints(max_length=200, pattern=r"^([A-Za-z0-9][A-Za-z0-9/_.-]*)?$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
ParameterValue = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,63})?$")]
WireCode = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z._-]+$")]
DateFormat = Literal["dd/MM/yyyy", "yyyy-MM-dd", "yyyyMMdd", "MM/dd/yyyy"]


class _Section(BaseModel):
    # Environment variables and TOML may write a code as a number; the code itself is text.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class FacadeSettings(_Section):
    """A service of the province that asks for no token, because only the province's network reaches it."""

    base_url: str = Field(
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        max_length=300,
        description="Address of the service, as https://api.h99.example.",
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Limits and TLS of the calls.")

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")


class StatusValues(_Section):
    """``ENTERPRISE_STATUS_ID`` and ``MaTinhTrangPhapLy`` by what they mean. The list of values is not public."""

    active: tuple[WireCode, ...] = Field((), description="Values that mean: in business. Not public.")
    suspended: tuple[WireCode, ...] = Field((), description="Values that mean: suspended for a time. Not public.")
    dissolving: tuple[WireCode, ...] = Field((), description="Values that mean: being dissolved. Not public.")
    dissolved: tuple[WireCode, ...] = Field((), description="Values that mean: dissolved. Not public.")
    bankrupt: tuple[WireCode, ...] = Field((), description="Values that mean: bankrupt. Not public.")
    revoked: tuple[WireCode, ...] = Field((), description="Values that mean: certificate revoked. Not public.")


class ActivityFields(_Section):
    """The names of the fields in an item of ``BusinessActivities``, which the public facts do not give."""

    code: FieldName = Field("CODE", description="Field with the code of the line of business; not public.")
    name: FieldName = Field("NAME", description="Field with its name; not public.")
    main: FieldName = Field("IS_MAIN", description="Field that is 1 for the main line of business; not public.")


class RegistrySettings(_Section):
    """How this deployment reaches the national business registration database."""

    dialect: Literal["national", "province"] = Field(
        "national",
        description="Form of the answers: `national` (Data/MainInformation, NGSP and LGSP) or `province` (GetEntCert).",
    )
    lgsp: LgspSettings | None = Field(
        None, description="The road with a token: NGSP, or the province's LGSP. Exactly one road is given."
    )
    forward: ForwardSettings | None = Field(None, description="The road through the security server's forward adapter.")
    facade: FacadeSettings | None = Field(None, description="The road to a service of the province without a token.")

    named_by: Literal["path", "category"] = Field(
        "path",
        description="Whether the path names the service (NGSP, province), or the query does as at an LGSP adapter: "
        "?category=…&version=….",
    )
    path: Path = Field(
        "apiCSDLDKDN/1.0/chiTietDoanhNghiep",
        description="Path of the service below the road; of the province dialect apiDKKD/DoanhNghiep/"
        "chiTietDoanhNghiep; often empty where the category names the service.",
    )
    category: ParameterValue = Field("chiTietDoanhNghiep", description="Value of category, where it names the service.")
    category_version: ParameterValue = Field("1.1", description="Value of version beside the category.")
    code_parameter: ParameterName = Field("msdn", description="Query parameter that holds the enterprise code.")
    branch_as: Literal["dash", "digits"] = Field(
        "dash",
        description="Whether the code of a branch is sent as 9999999997-001 or as 13 digits; not public.",
    )

    find_enterprise_deadline_seconds: float = Field(
        15, gt=0, le=600, description="Longest time one look-up may take, a new token included; a person waits."
    )
    date_formats: tuple[DateFormat, ...] = Field(
        ("dd/MM/yyyy", "yyyy-MM-dd", "yyyyMMdd"),
        min_length=1,
        description="How days are written, in the order in which they are tried; a time behind one is left out.",
    )
    status_values: StatusValues = Field(
        StatusValues(),
        description="What the codes of states mean. A code that is not given is `other`, never `active`.",
    )
    activity_fields: ActivityFields = Field(
        ActivityFields(), description="Names of the fields of a line of business in the national dialect."
    )

    @property
    def http(self) -> HttpSettings:
        """Limits and TLS of the road that is used."""
        road = self.lgsp or self.forward or self.facade
        return HttpSettings() if road is None else road.http

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if sum(road is not None for road in (self.lgsp, self.forward, self.facade)) != 1:
            raise ValueError("give exactly one road: lgsp, forward or facade")
        if self.named_by == "path" and not self.path:
            raise ValueError("path must not be empty where it names the service")
        if self.code_parameter in {"category", "version", "dstcode", "providerurl"}:
            raise ValueError("code_parameter must not be a parameter with another meaning")
        values = [value for name in StatusValues.model_fields for value in getattr(self.status_values, name)]
        if len(values) != len(set(values)):
            raise ValueError("one value of status_values cannot mean two states")
        return self
