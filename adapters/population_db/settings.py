"""The settings of one connection to the national population database (CSDLQG về dân cư).

What the public facts do not say is a setting here, never a constant; its description says so. There is no setting for
an officer: whoever asks is named by the register of accounts, call by call.
"""

from __future__ import annotations

import string
from pathlib import Path as FilePath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from adapters.population_db.request_ids import PLACES, WHOLE_IDS
from adapters.transport.forward import ForwardSettings
from adapters.transport.http import HttpSettings
from adapters.transport.lgsp import LgspSettings

WebAddress = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!-~]+$")]
Path = Annotated[str, StringConstraints(max_length=200, pattern=r"^/?[A-Za-z0-9][A-Za-z0-9/_.{}-]*$")]
Seconds = Annotated[float, Field(gt=0, le=600)]
WireValue = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z._:/-]+$")]
HeaderValue = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
ElementName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ErrorCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z._:-]+$")]


class _Section(BaseModel):
    # Environment variables and TOML may write a code as a number; the code itself is text.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class DirectSettings(_Section):
    """The database's own wire: SOAP with a digest of the moment, straight or through the security server."""

    service_url: WebAddress = Field(
        description="Address of the service: what is called, and what goes into the digest to the letter."
    )
    username: str = Field(
        min_length=1, max_length=100, pattern=r"^[^:]+$", description="User name given by the database's operator."
    )
    secret: SecretStr = Field(min_length=1, description="Secret of that user; only its digest is ever sent.")
    timestamp_unit: Literal["ms", "s"] = Field(
        "ms", description="Whether the header Timestamp counts milliseconds since 1970 or seconds; both are in use."
    )
    x_road_client: HeaderValue | None = Field(
        None, description="Header X-Road-Client, as VN/GOV/H99/hub, where the security server wants it."
    )
    api_key: SecretStr | None = Field(None, min_length=1, description="Header ApiKey, where the gateway wants it.")
    dossier_in_x_road_issue: bool = Field(
        False, description="Send the dossier code as X-Road-Issue; whether it reaches the other side is not public."
    )
    forward: ForwardSettings | None = Field(
        None,
        description="The forward adapter, where the service is reached through it; service_url is then signed only.",
    )
    forward_path: Path = Field("dancu", description="Path of the service behind the forward adapter; not public.")
    http: HttpSettings = Field(
        default_factory=HttpSettings, description="Limits and TLS of the calls, where no forward adapter has its own."
    )


class OfficerKey(_Section):
    """What the header AuthHash of one officer is made of."""

    key_name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^:]+$")] = Field(
        description="keyName given to this officer by the LGSP's operator."
    )
    key_pass: SecretStr = Field(min_length=1, description="keyPass of this officer.")


class LgspWaySettings(_Section):
    """The province's LGSP: a token for us, and a key of their own for every officer."""

    lgsp: LgspSettings = Field(description="Address and keys of the LGSP, limits and TLS of the calls.")
    path: Path = Field(
        "/dancu",
        description="Path of the service below the LGSP's address; {call} stands for the call's name. Not public.",
    )
    officer_keys: dict[str, OfficerKey] = Field(
        default_factory=dict, description="Keys by account id, for few officers; many belong into officer_keys_file."
    )
    officer_keys_file: FilePath | None = Field(
        None,
        description="TOML file with a table per account id (key_name, key_pass), mode 0600, read anew when changed. "
        "An officer without a key asks nothing: there is no shared one.",
    )

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        return "/" + _with_places(value, {"call"}).lstrip("/")

    @model_validator(mode="after")
    def _someone_may_ask(self) -> Self:
        if not self.officer_keys and self.officer_keys_file is None:
            raise ValueError("give officer_keys or officer_keys_file: every officer asks with a key of their own")
        return self


class FacadeSettings(_Section):
    """The façade of a province: JSON in, and XML in a text of the JSON that comes out."""

    base_url: WebAddress = Field(description="Address of the façade, as https://api.h99.example.")
    path: Path = Field(
        "/KetNoiCSDLDanCu/{call}", description="Path below it; {call} stands for the call's name. Not public."
    )
    bearer_token: SecretStr | None = Field(
        None, min_length=1, description="Token sent as Bearer, where it never changes."
    )
    lgsp: LgspSettings | None = Field(
        None, description="Where the token is fetched, if it is: the LGSP in front of it."
    )
    body: Literal["fields", "envelope"] = Field(
        "fields",
        description="Whether the JSON holds the elements by their names, or the SOAP envelope as one text; not public.",
    )
    envelope_field: ElementName = Field("message", description="The field that holds the envelope; not public.")
    done_codes: tuple[ErrorCode, ...] = Field(("0",), min_length=1, description="error_code values that mean success.")
    not_found_codes: tuple[ErrorCode, ...] = Field(
        (), description="error_code values that mean: no such citizen. None is public."
    )
    login_codes: tuple[ErrorCode, ...] = Field(
        (), description="error_code values that mean: our token or our rights are refused. None is public."
    )
    http: HttpSettings = Field(
        default_factory=HttpSettings, description="Limits and TLS of the calls, where no lgsp has its own."
    )

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        return "/" + _with_places(value, {"call"}).lstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.bearer_token is not None and self.lgsp is not None:
            raise ValueError("give bearer_token or lgsp, not both")
        codes = [*self.done_codes, *self.not_found_codes, *self.login_codes]
        if len(codes) != len(set(codes)):
            raise ValueError("done_codes, not_found_codes and login_codes must not share a value")
        return self


class IntegrationCodes(_Section):
    """`MaTichHop`: the permission under which a call is made. Provinces hold 037 and 033 or 003; others are not public.

    A call without its code is refused before anything is sent.
    """

    look_up: WireValue | None = Field("037", description="For TraCuuThongTinCongDan.")
    provide: WireValue | None = Field(None, description="For CungCapThongTinCongDan.")
    blood_group: WireValue | None = Field(None, description="For CungCapThongTinNhomMau.")
    household: WireValue | None = Field(None, description="For CungCapThongTinHoGiaDinh.")
    identity: WireValue | None = Field("033", description="For XacThucThongTinCongDan; some provinces hold 003.")
    relative: WireValue | None = Field(None, description="For XacMinhThongTinNhanThan.")
    guardian: WireValue | None = Field(None, description="For XacMinhThongTinNguoiGiamHo.")
    household_head: WireValue | None = Field(None, description="For XacMinhThongTinChuHo.")
    present_residence: WireValue | None = Field(None, description="For XacMinhThongTinNoiOHienTai.")
    marital_status: WireValue | None = Field(None, description="For XacMinhTinhTrangHonNhan.")
    death: WireValue | None = Field(None, description="For XacMinhTinhTrangChetMatTich.")


class ElementNames(_Section):
    """Names of the elements that say what is to be confirmed; the published facts name the calls only."""

    relative: ElementName = Field("NhanThan", description="The relative, in XacMinhThongTinNhanThan.")
    guardian: ElementName = Field("NguoiGiamHo", description="The guardian, in XacMinhThongTinNguoiGiamHo.")
    household_head: ElementName = Field("ChuHo", description="The head, in XacMinhThongTinChuHo.")
    present_residence: ElementName = Field("NoiOHienTai", description="The address, in XacMinhThongTinNoiOHienTai.")
    marital_status: ElementName = Field("TinhTrangHonNhan", description="The status, in XacMinhTinhTrangHonNhan.")


class SandboxSettings(_Section):
    """How the simulator plays the database; the real connection never reads this."""

    people: int = Field(400, ge=1, le=200_000, description="How many invented people it knows.")
    quick: bool = Field(
        False, description="Answer at once by the number alone, without looking at who asks: for measuring only."
    )
    wrapped: bool = Field(False, description="Put the answer into an element named after the call and Response.")


class PopulationSettings(_Section):
    """How this deployment reaches the national population database."""

    way: Literal["direct", "lgsp", "facade"] = Field(
        "direct", description="Which of the three ways is used; the section of the same name describes it."
    )
    direct: DirectSettings | None = Field(None, description="The database's own wire, straight or by security server.")
    lgsp: LgspWaySettings | None = Field(None, description="Through the province's LGSP, with a key per officer.")
    facade: FacadeSettings | None = Field(None, description="Through a façade of the province that speaks JSON.")

    officer_id: Literal["personal_number", "officer_code"] = Field(
        "personal_number",
        description="What MaCanBo holds of the officer who asks: the own 12 digits, as newer versions want, or code.",
    )
    unit_elements: bool = Field(
        False, description="Send MaDonVi, TaiKhoan and SoDienThoai after MaCanBo, as newer versions want."
    )
    name_form: Literal["joined", "spaced"] = Field(
        "joined", description="Whether a name is written without spaces, as published, or with them."
    )
    request_id_form: str = Field(
        "{id}",
        max_length=100,
        pattern=r"^[A-Za-z0-9._{}-]+$",
        description="Form of MaYeuCau: text with one of {id}, {uuid} or {short_id} (the look-up's id in 32, 36 or 25 "
        "characters) and, on demand, {day} and {unit}.",
    )
    service_codes: dict[str, WireValue] = Field(
        default_factory=dict,
        description="MaDVC by procedure code or by its root, where the database has a code of its own, as G15-TP110.",
    )
    service_code_otherwise: Literal["root", "code", "refuse"] = Field(
        "root",
        description="MaDVC of a procedure that is not in service_codes: its root, its whole code, or no question.",
    )
    integration_codes: IntegrationCodes = Field(IntegrationCodes(), description="MaTichHop by call.")
    element_names: ElementNames = Field(ElementNames(), description="Names of elements that are not public.")
    fault_reactions: dict[ErrorCode, Literal["try_later", "needs_person", "rejected"]] = Field(
        default_factory=dict,
        description="What codes of SOAP faults mean that neither SOAP nor X-Road defines; others are a refusal.",
    )
    messages_by: Literal["templates", "wsdl"] = Field(
        "templates",
        description="templates: prepared messages and a tolerant reader. wsdl: every message is built and every answer "
        "checked against wsdl_file, strictly and several times slower: for acceptance at the partner.",
    )
    wsdl_file: FilePath | None = Field(
        None, description="The partner's WSDL with its schemas beside it, for messages_by wsdl; without it our own."
    )

    max_answer_bytes: int = Field(
        1_048_576, ge=4096, le=32 << 20, description="Largest XML of an answer that is read, in bytes."
    )
    find_citizen_deadline_seconds: Seconds = Field(
        10, description="Longest time find_citizen may take; a person waits."
    )
    find_household_deadline_seconds: Seconds = Field(15, description="Longest time find_household may take.")
    confirm_deadline_seconds: Seconds = Field(10, description="Longest time confirm may take.")

    sandbox: SandboxSettings = Field(
        SandboxSettings(), description="How the simulator behaves; ignored by the real connection."
    )

    @field_validator("request_id_form")
    @classmethod
    def _names_the_look_up(cls, value: str) -> str:
        _with_places(value, PLACES)
        if not any(f"{{{place}}}" in value for place in WHOLE_IDS):
            raise ValueError("request_id_form must hold {id}, {uuid} or {short_id}: an id that repeats is refused")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name in ("direct", "lgsp", "facade"):
            if (getattr(self, name) is not None) != (name == self.way):
                raise ValueError("give the section that way names, and no other")
        if self.wsdl_file is not None and self.messages_by != "wsdl":
            raise ValueError("wsdl_file is for messages_by wsdl")
        return self

    def addresses(self) -> tuple[str, ...]:
        """Return the addresses this connection calls."""
        if self.direct is not None:
            forward = self.direct.forward
            return (self.direct.service_url if forward is None else forward.adapter_url,)
        lgsp = self.lgsp.lgsp if self.lgsp is not None else self.facade.lgsp if self.facade is not None else None
        token = () if lgsp is None or lgsp.token_url is None else (lgsp.token_url,)
        own = (self.facade.base_url,) if self.facade is not None else ()
        return (*own, *(() if lgsp is None else (lgsp.base_url,)), *token)

    def http(self) -> HttpSettings:
        """Return the limits and TLS files of its calls."""
        if self.direct is not None:
            return self.direct.http if self.direct.forward is None else self.direct.forward.http
        if self.lgsp is not None:
            return self.lgsp.lgsp.http
        if self.facade is not None:
            return self.facade.http if self.facade.lgsp is None else self.facade.lgsp.http
        raise ValueError("settings name a way without its section")


def _with_places(value: str, allowed: set[str] | frozenset[str]) -> str:
    for _, place, form, conversion in string.Formatter().parse(value):
        if place is not None and (place not in allowed or form or conversion):
            raise ValueError(f"may hold {', '.join(f'{{{one}}}' for one in sorted(allowed))} and no other place")
    return value
