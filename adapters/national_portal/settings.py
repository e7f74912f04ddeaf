"""The settings of one connection to the National Public Service Portal.

What the public facts of the portal do not say is a setting here, never a constant; its description says so.
The value tables have one field per canonical value, so they are total by construction.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from adapters.national_portal.inbound_settings import InboundMessageSettings
from adapters.national_portal.values import Vocabulary
from adapters.transport.forward import ForwardSettings
from contracts.codes import AgencyCode
from contracts.dossier import FeeCollection, FeeKind, Reuse, SubmissionPlace

_Member = TypeVar("_Member", bound=StrEnum)

WireCode = Annotated[str, StringConstraints(pattern=r"^(0|-?[1-9][0-9]{0,5})$")]
"""An ``error_code`` as text; the portal writes the same code as a number in some answers."""

WireValue = Annotated[str, StringConstraints(min_length=1, max_length=10, pattern=r"^[0-9A-Za-z]+$")]
"""A short code of one of the portal's value lists."""

Path = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9/_.-]*$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Section(BaseModel):
    # Environment variables and TOML may write a code as a number; the code itself is text.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)


class SubmissionPlaceValues(_Section):
    """``NoiNopHoSo``. One public client always sends 2; the meaning of 1 is inferred, not documented."""

    national_portal: WireValue = Field("1", description="Sent when the dossier was handed in on the national portal.")
    provincial_system: WireValue = Field("2", description="Sent when it was handed in on the provincial system.")


class FeeCollectionValues(_Section):
    """``HinhThucThu``. The list of values is not public; one neighbouring system means the moment of collection."""

    direct: WireValue = Field("1", description="Sent for a fee collected at the counter.")
    online: WireValue = Field("2", description="Sent for a fee collected online.")
    postal: WireValue = Field("3", description="Sent for a fee collected by the postal service.")


class FeeKindValues(_Section):
    """``LoaiPhiLePhi``. The list of values is not public."""

    fee: WireValue = Field("1", description="Sent for a fee (phí).")
    charge: WireValue = Field("2", description="Sent for a charge (lệ phí).")


class ReuseValues(_Section):
    """``DuocTaiSuDung``. 0, 1 and 2 are seen; what tells 1 from 2 is not public."""

    none: WireValue = Field("0", description="Sent when the component was not reused.")
    first_degree: WireValue = Field("1", description="Sent for the first degree of reuse.")
    second_degree: WireValue = Field("2", description="Sent for the second degree of reuse.")


class SupplementStateValues(_Section):
    """``TrangThaiBoSung``. The list of values is not public; one client keeps it as yes or no."""

    requested: WireValue = Field("0", description="Sent while the applicant still owes the papers.")
    received: WireValue = Field("1", description="Sent once the papers have been received.")


FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
"""The name of a field on the portal's wire."""


class QuestionFieldNames(_Section):
    """Fields of a question in the portal's lists. Only those of an answer are public; these are inferred."""

    id: FieldName = Field("CAUHOIID", description="Id of the question; LayNoiDungTraLoiTheoCauHoi asks with cauhoiid.")
    title: FieldName = Field("TIEUDE", description="Title of the question.")
    content: FieldName = Field("NOIDUNG", description="Text of the question.")
    asker_name: FieldName = Field("NGUOIHOI", description="Name of who asks.")
    asker_email: FieldName = Field("EMAIL", description="Mail address of who asks.")
    asker_phone: FieldName = Field("SODIENTHOAI", description="Telephone number of who asks.")
    asked_at: FieldName = Field("NGAYHOI", description="When it was asked.")
    procedure_code: FieldName = Field("MATTHC", description="Code of the procedure it is about.")
    agency_code: FieldName = Field("MADONVI", description="Code of the agency that is asked.")


class ServiceRatingNames(_Section):
    """Fields of DongBoDanhGia for the online service. That they exist is public, their spelling is inferred."""

    very_satisfied: FieldName = Field("PhanTramDanhGiaDichVuRatHaiLong", description="Share of rất hài lòng.")
    satisfied: FieldName = Field("PhanTramDanhGiaDichVuHaiLong", description="Share of hài lòng.")
    not_satisfied: FieldName = Field("PhanTramDanhGiaDichVuChuaHaiLong", description="Share of chưa hài lòng.")


class SandboxSettings(_Section):
    """How the simulator plays the portal; the real connection never reads this."""

    duplicate_code: Literal["0", "3", "-3"] = Field(
        "3",
        description="error_code with which a create of a known dossier is answered; all three are seen in the wild.",
    )
    code_type: Literal["alternate", "number", "text"] = Field(
        "alternate", description="Whether error_code is a number, a text, or each in turn."
    )
    lookup_shape: Literal["alternate", "object", "list"] = Field(
        "alternate", description="Whether TraCuuHoSo answers with an object, a list of one, or each in turn."
    )
    lookup_extent: Literal["documented", "whole"] = Field(
        "documented",
        description="Whether TraCuuHoSo tells the nine documented fields, or dates, channel, owner and marks as well.",
    )
    session_lifetime_seconds: Seconds = Field(600, description="After how long the simulator forgets a session.")


class NationalPortalSettings(_Section):
    """How this deployment reaches the National Public Service Portal."""

    forward: ForwardSettings = Field(
        description="The road: forward adapter, destination subsystem, file addresses, TLS."
    )
    username: str = Field(
        min_length=1, max_length=100, description="User name at mapi/login, usually the old agency code 000.00.00.H99."
    )
    password: SecretStr = Field(min_length=1, description="Password at mapi/login.")
    madonvi: AgencyCode = Field(
        description="Agency code sent as madonvi with every call, usually of the old form 000.00.00.H99."
    )
    login_path: Path = Field("mapi/login", description="Path of the login behind the forward adapter.")
    service_path: Path = Field("mapi/g", description="Path of the dossier services behind the forward adapter.")
    catalogue_path: Path = Field(
        "mapi/g",
        description="Path of the catalogue services (LayDanhSachTTHC …); deployments may be given one of their own.",
    )

    call_deadline_seconds: Seconds = Field(20, description="Longest time one HTTP call may take, answer included.")
    push_dossier_deadline_seconds: Seconds = Field(
        90, description="Longest time one push of dossiers may take, with login, questions and repeats."
    )
    push_step_deadline_seconds: Seconds = Field(60, description="Longest time one push of steps may take.")
    find_dossier_deadline_seconds: Seconds = Field(45, description="Longest time one question for a dossier may take.")
    list_procedures_deadline_seconds: Seconds = Field(
        100, description="Longest time the synchronisation of the procedure list may take."
    )

    list_catalogue_deadline_seconds: Seconds = Field(
        100, description="Longest time the lists of the catalogue (procedures, agencies, fields, services) may take."
    )
    read_procedure_deadline_seconds: Seconds = Field(
        45, description="Longest time one question for a procedure may take."
    )
    find_technical_ids_deadline_seconds: Seconds = Field(
        15, description="Longest time one question for a TechID may take; a person waits for it."
    )
    list_questions_deadline_seconds: Seconds = Field(
        60, description="Longest time the lists of questions may take; also one question for answers."
    )
    push_answer_deadline_seconds: Seconds = Field(45, description="Longest time one answer to a question may take.")
    push_rating_deadline_seconds: Seconds = Field(45, description="Longest time one rating may take.")

    dossiers_per_call: int = Field(10, ge=1, le=100, description="How many dossiers one DongBoHoSoMC call carries.")
    steps_per_call: int = Field(10, ge=1, le=100, description="How many steps one CapNhatTienDoHoSoMC call carries.")
    steps_of_several_dossiers: bool = Field(
        default=True, description="Whether one CapNhatTienDoHoSoMC call may carry steps of several dossiers."
    )
    asks_in_flight: int = Field(
        8, ge=1, le=32, description="How many TraCuuHoSo questions of one push run at the same time."
    )

    session_lifetime_seconds: Seconds = Field(
        600, description="After how long a session is renewed before it fails; not public, 600 is OpenCPS's assumption."
    )
    session_error_codes: tuple[WireCode, ...] = Field(
        ("-2",),
        min_length=1,
        description="error_code values that mean: log in again. Not public: ask the operator of the portal.",
    )
    already_exists_codes: tuple[WireCode, ...] = Field(
        ("3", "-3"),
        min_length=1,
        description="error_code values of a create that may mean that the dossier is already there.",
    )
    not_found_codes: tuple[WireCode, ...] = Field(
        ("-1",), min_length=1, description="error_code values with which TraCuuHoSo says that it knows no such dossier."
    )
    lookup_steps_field: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{0,64}$")] = Field(
        "",
        description=(
            "Field of the TraCuuHoSo answer that lists the steps; empty when the portal lists none. Not public."
        ),
    )

    submission_place_values: SubmissionPlaceValues = Field(
        SubmissionPlaceValues(), description="Values of NoiNopHoSo; inferred."
    )
    fee_collection_values: FeeCollectionValues = Field(
        FeeCollectionValues(), description="Values of HinhThucThu; not public."
    )
    fee_kind_values: FeeKindValues = Field(FeeKindValues(), description="Values of LoaiPhiLePhi; not public.")
    reuse_values: ReuseValues = Field(ReuseValues(), description="Values of DuocTaiSuDung; partly public.")
    supplement_state_values: SupplementStateValues = Field(
        SupplementStateValues(), description="Values of TrangThaiBoSung; not public."
    )

    technical_id_provider: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")] = Field(
        "wso2is", description="provider sent with TraCuuTechID; the one value public clients send."
    )
    question_fields: QuestionFieldNames = Field(
        QuestionFieldNames(), description="How the portal spells the fields of a question; not public."
    )
    service_rating_fields: ServiceRatingNames = Field(
        ServiceRatingNames(), description="How DongBoDanhGia spells the grades of the online service; not public."
    )
    rating_in_data: bool = Field(
        False,
        description="Send the fields of a rating inside data instead of beside service; which one is not public.",
    )
    rating_repeat: Literal["idempotent", "never"] = Field(
        "idempotent",
        description=(
            "Whether a rating of the same month and procedure replaces the one before (idempotent) or is added to it"
            " (never: a rating whose answer was lost waits for a person). Not public."
        ),
    )

    inbound: InboundMessageSettings = Field(
        InboundMessageSettings(), description="What the portal sends to us; who may call is connections.<id>.inbound."
    )

    sandbox: SandboxSettings = Field(
        SandboxSettings(), description="How the simulator behaves; ignored by the real connection."
    )

    @model_validator(mode="after")
    def _codes_mean_one_thing(self) -> Self:
        codes = [*self.session_error_codes, *self.already_exists_codes, *self.not_found_codes]
        if len(codes) != len(set(codes)) or "0" in codes:
            message = (
                "session_error_codes, already_exists_codes and not_found_codes must not share a value, "
                "and 0 always means success"
            )
            raise ValueError(message)
        return self

    def vocabulary(self) -> Vocabulary:
        """Return the value tables for the mapping; a canonical value without a setting cannot be overlooked."""
        return Vocabulary(
            submission_places=_table(SubmissionPlace, self.submission_place_values),
            fee_collections=_table(FeeCollection, self.fee_collection_values),
            fee_kinds=_table(FeeKind, self.fee_kind_values),
            reuse=_table(Reuse, self.reuse_values),
            supplement_open=self.supplement_state_values.requested,
            supplement_received=self.supplement_state_values.received,
        )


def _table(members: type[_Member], values: _Section) -> dict[_Member, str]:
    return {member: getattr(values, member.value) for member in members}
