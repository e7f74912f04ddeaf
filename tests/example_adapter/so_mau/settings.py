"""The settings of one connection to the Model Register."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.transport.http import HttpSettings


class RegisterSettings(BaseModel):
    """How this deployment reaches the Model Register."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(
        pattern=r"^https?://[^/?#@ ]+$", description="Base address of the register, as https://so-mau.example."
    )
    key: SecretStr = Field(min_length=1, description="Key the register has given us; sent with every call.")
    call_deadline_seconds: float = Field(20, gt=0, le=300, description="Longest time one call may take, in seconds.")
    http: HttpSettings = Field(HttpSettings(), description="Limits and TLS of the calls.")
