"""The settings of one connection to the personal e-document store of the National Public Service Portal.

What the public facts do not say is a setting here, never a constant; its description says so.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from adapters.transport.forward import ForwardSettings

Path = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9/_.-]*$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
WireCode = Annotated[str, StringConstraints(pattern=r"^(0|-?[1-9][0-9]{0,5})$")]
WireValue = Annotated[str, StringConstraints(min_length=1, max_length=10, pattern=r"^[0-9A-Za-z]+$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class _Section(BaseModel):
    # Environment variables and TOML may write a code as a number; the code itself is text.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class OwnerKindValues(_Section):
    """``LoaiDinhDanhCHS``. 1 and 2 are those of a dossier's owner; 3 is inferred."""

    personal_number: WireValue = Field("1", description="Sent for a personal number of 12 digits.")
    identity_card_9: WireValue = Field("2", description="Sent for an old identity card of 9 digits.")
    enterprise: WireValue = Field("3", description="Sent for the code of an enterprise; not public.")


class ScopeValues(_Section):
    """``PhamViHieuLuc``. The list of values is not public."""

    national: WireValue = Field("1", description="Sent for a paper that is valid in the whole country.")
    provincial: WireValue = Field("2", description="Sent for a paper that is valid in the province.")


class SandboxSettings(_Section):
    """How the simulator plays the store; the real connection never reads this."""

    session_lifetime_seconds: Seconds = Field(600, description="After how long the simulator forgets a session.")


class DocumentStoreSettings(_Section):
    """How this deployment reaches the personal e-document store."""

    forward: ForwardSettings = Field(
        description="The road: forward adapter, destination subsystem (dstcode, as a query parameter in the one public "
        "client), provider_url of the store, TLS."
    )
    username: str = Field(
        min_length=1, max_length=100, description="User name of the login: the agency code 000.00.00.H99."
    )
    password: SecretStr = Field(min_length=1, description="Password of the login.")
    login_path: Path = Field("bndp/public/v1/login", description="Path of the login behind the forward adapter.")
    query_path: Path = Field("bndp/public/v1/tracuu", description="Path of the query; not public, ask the operator.")
    file_path: Path = Field("bndp/public/v1/taitep", description="Path that gives a file; not public.")
    paper_path: Path = Field("bndp/public/v1/giayto", description="Path that takes result papers; not public.")

    session_field: FieldName = Field(
        "session", description="Field of the login's answer that holds the session, and its name in every call."
    )
    session_in: Literal["body", "header"] = Field(
        "body", description="Whether a call carries the session as a field of its body or as a header; not public."
    )
    session_lifetime_seconds: Seconds = Field(
        600, description="After how long a session is renewed before it fails; not public."
    )
    session_error_codes: tuple[WireCode, ...] = Field(
        ("-2",), min_length=1, description="errorCode values that mean: log in again. Not public."
    )
    not_found_codes: tuple[WireCode, ...] = Field(
        ("-1",), min_length=1, description="errorCode values with which a query says that there is nothing. Not public."
    )

    call_deadline_seconds: Seconds = Field(20, description="Longest time one HTTP call may take, answer included.")
    find_papers_deadline_seconds: Seconds = Field(25, description="Longest time one query may take; a person waits.")
    fetch_file_deadline_seconds: Seconds = Field(60, description="Longest time one file may take.")
    push_result_paper_deadline_seconds: Seconds = Field(60, description="Longest time one result paper may take.")
    max_file_bytes: int = Field(
        7_340_032,
        ge=1024,
        le=100 << 20,
        description="Largest file taken, in bytes; the answer is a third larger and must fit forward.http's limit.",
    )

    signature_key_file: FilePath | None = Field(
        None,
        description="PEM public key of the store (RSA or EC) that answers are checked with; without it a signature is "
        "reported as unverified. How the store signs is not public: SHA-256 over the compact JSON of result.",
    )
    require_signature: bool = Field(
        False,
        description="Refuse answers whose signature is absent or cannot be checked; needs signature_key_file.",
    )

    owner_kind_values: OwnerKindValues = Field(OwnerKindValues(), description="Values of LoaiDinhDanhCHS.")
    scope_values: ScopeValues = Field(ScopeValues(), description="Values of PhamViHieuLuc; not public.")
    date_format: Literal["yyyyMMdd", "yyyyMMddHHmmss", "dd/MM/yyyy"] = Field(
        "yyyyMMdd", description="How NgayCap, ThoiHanHieuLuc and NgaySoHoa are written; not public."
    )
    databases_as: Literal["text", "list"] = Field(
        "text", description="Whether MaCSDLDaKetNoi is one text with commas or a list; not public."
    )

    sandbox: SandboxSettings = Field(
        SandboxSettings(), description="How the simulator behaves; ignored by the real connection."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        codes = [*self.session_error_codes, *self.not_found_codes]
        if len(codes) != len(set(codes)) or "0" in codes:
            raise ValueError("session_error_codes and not_found_codes must not share a value; 0 means success")
        if self.require_signature and self.signature_key_file is None:
            raise ValueError("require_signature needs signature_key_file")
        if self.forward.http.max_response_bytes < self.max_file_bytes * 4 // 3 + _ENVELOPE_BYTES:
            raise ValueError("forward.http.max_response_bytes is too small for a file of max_file_bytes in base64")
        return self


_ENVELOPE_BYTES = 4096
