"""The settings of what the portal sends to us; what its public facts leave open is here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")]
Segment = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}(/[A-Za-z0-9]{1,64})?$")]


class InboundPaths(BaseModel):
    """Where the portal calls us, below the address of the connection."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    search: Segment = Field("search/call", description="TraCuuHoSo.")
    dossier: Segment = Field("nhanhsdvcqg", description="A dossier filed or amended on the portal.")
    promotion: Segment = Field("addtthcKhuyenMai", description="A notice of sales promotion.")
    tax_notice: Segment = Field("nhantbthuedvcqg", description="A tax notice.")
    payment: Segment = Field("dptracuuthanhtoanhs", description="What is to be paid for a dossier.")
    file: Segment = Field("downloadfile", description="A file by its one-time address.")


class InboundMessageSettings(BaseModel):
    """How messages of the portal are read and answered."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    paths: InboundPaths = Field(InboundPaths(), description="Addresses of the services.")
    reference_fields: tuple[FieldName, ...] = Field(
        ("refId", "RefId"),
        max_length=8,
        description="Fields that may hold the portal's own id of a message; without one its content tells it apart.",
    )
    code_type: Literal["number", "text"] = Field(
        "number", description="Whether error_code is answered as a number or as text; both are seen in the wild."
    )
    found_in: Literal["result", "top"] = Field(
        "result", description="Where TraCuuHoSo answers the fields of a dossier: in `result` or beside error_code."
    )
    security_keys: tuple[Annotated[SecretStr, Field(min_length=16)], ...] = Field(
        (),
        max_length=2,
        repr=False,
        description="SecurityKey values a tax notice must carry; unset: it is not looked at.",
    )
    payment_client_id: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="client_id answered with a payment; given by the payment platform."
    )
    max_files: int = Field(50, ge=0, le=200, description="Most files in one message.")
    max_file_bytes: int = Field(6_291_456, ge=1024, le=1 << 28, description="Largest file in a message, decoded.")
    max_notice_bytes: int = Field(
        2_097_152, ge=1024, le=1 << 24, description="Largest tax notice, decoded and, where it is compressed, unpacked."
    )
