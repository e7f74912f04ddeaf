"""What a province profile can set: every value typed, bounded and described in both languages.

A value is here only if something in the hub behaves differently with another one; ``used_by`` of each names it.
What the regulations say that nothing uses yet is listed in docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


def _value(en: str, vi: str, used_by: str, **limits: Any) -> Any:
    return Field(description=en, json_schema_extra={"vi": vi, "used_by": used_by}, **limits)


class ProfileValues(BaseModel):
    """The values of a profile. All of them are required here: `hub.profiles.profile` fills what a file leaves out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    # --- reception and supplements ---
    reception_working_hours: float = _value(
        "Working hours within which an online dossier is accepted or answered.",
        "Số giờ làm việc để tiếp nhận hoặc trả lời hồ sơ trực tuyến.",
        "score guard and early warnings: reception",
        gt=0,
        le=80,
    )
    reception_warning_working_hours: float = _value(
        "Working hours after which a dossier not yet received is warned of, while there is still time.",
        "Số giờ làm việc sau đó hồ sơ chưa tiếp nhận được cảnh báo sớm, khi vẫn còn kịp.",
        "early warnings: reception",
        gt=0,
        le=80,
    )
    max_supplements: int = _value(
        "Supplement requests allowed per dossier.",
        "Số lần được yêu cầu bổ sung cho mỗi hồ sơ.",
        "rules of dossiers: a further request is refused",
        ge=0,
        le=10,
    )
    supplement_request_working_days: float = _value(
        "Working days after reception (after submission, if not received yet) within which a supplement is asked for.",
        "Số ngày làm việc kể từ khi tiếp nhận (hoặc khi nộp, nếu chưa tiếp nhận) để yêu cầu bổ sung.",
        "advice to a supplement request that comes later",
        gt=0,
        le=60,
    )

    # --- deadlines ---
    max_extensions: int = _value(
        "New dates a late dossier may get.",
        "Số lần được hẹn lại ngày trả kết quả.",
        "rules of dossiers: a further extension is refused",
        ge=0,
        le=1,
    )
    apology_letter_days_ahead: int = _value(
        "Days before the deadline at which the apology letter with the new date must have left.",
        "Số ngày trước ngày hẹn trả mà văn bản xin lỗi và hẹn lại phải được gửi.",
        "advice to an extension that comes later, and early warnings: apology letter",
        ge=0,
        le=30,
    )
    fee_payment_working_days: int = _value(
        "Working days an applicant has to pay a fee before the dossier is refused.",
        "Số ngày làm việc để người nộp hoàn thành phí, lệ phí trước khi hồ sơ bị từ chối.",
        "early warnings: end of the fee payment term",
        ge=1,
        le=90,
    )
    fees_before_result: bool = _value(
        "Whether the result is returned only when the fee duty is met.",
        "Chỉ trả kết quả khi đã hoàn thành nghĩa vụ phí, lệ phí.",
        "rules of dossiers: returning the result with a fee open is refused",
    )
    warning_ahead_working_hours: float = _value(
        "Working hours before a deadline at which it is warned of.",
        "Số giờ làm việc trước hạn mà hệ thống cảnh báo sớm.",
        "early warnings: due soon and not synchronised, end of the fee payment term",
        gt=0,
        le=200,
    )

    # --- endings and late entry ---
    withdrawal_working_days: float = _value(
        "Working days within which a withdrawal is settled (half a day to pass it on, one to return the papers).",
        "Số ngày làm việc để giải quyết việc rút hồ sơ (0,5 ngày chuyển, 1 ngày trả hồ sơ).",
        "advice to a withdrawal that took longer",
        gt=0,
        le=60,
    )
    cancellation_approval_working_days: float = _value(
        "Working days within which the cancellation of a dossier is approved.",
        "Số ngày làm việc để duyệt đề nghị huỷ hồ sơ.",
        "advice to a cancellation that took longer",
        gt=0,
        le=60,
    )
    late_entry_after_hours: float = _value(
        "Hours after which what is recorded counts as entered late, as after an outage worked through on paper.",
        "Số giờ sau đó việc nhập được coi là nhập bù, như sau sự cố phải ghi giấy.",
        "rules of dossiers: the entry is marked",
        ge=0,
        le=8760,
    )

    # --- citizens ---
    feedback_answer_working_days: int = _value(
        "Working days within which a question or feedback of a citizen is answered.",
        "Số ngày làm việc để trả lời câu hỏi, phản ánh, kiến nghị.",
        "questions from the portal: their deadline and its warning",
        ge=1,
        le=60,
    )

    # --- population data ---
    account_requested_by: Literal["agency", "provincial_office", "police"] = _value(
        "Who requests accounts for population data in writing: each agency, the provincial office, or the police.",
        "Bên đề nghị bằng văn bản cấp tài khoản khai thác dân cư: cơ quan, Văn phòng UBND tỉnh hay Công an tỉnh.",
        "accounts: the party of a request; the party that approves cannot request",
    )
    account_approved_by: Literal["provincial_office", "police"] = _value(
        "Who approves and refuses accounts for population data, as the other party.",
        "Bên phê duyệt hoặc từ chối tài khoản khai thác dữ liệu dân cư, khác với bên đề nghị.",
        "accounts: the scope an approval needs",
    )
    account_police_consent: bool = _value(
        "Whether an approval must name the document by which the police agreed.",
        "Khi phê duyệt phải ghi số văn bản đồng ý của Công an tỉnh hay không.",
        "accounts: an approval without the document is refused",
    )
    account_dormant_days: int = _value(
        "Days on end without a look-up after which an account is locked.",
        "Số ngày liên tục không khai thác thì tài khoản bị khoá.",
        "accounts: the lock for disuse; look-ups: the gate",
        ge=30,
        le=1100,
    )
    lookup_log_retention_months: int = _value(
        "Months for which look-ups are kept.",
        "Số tháng lưu giữ nhật ký tra cứu.",
        "look-up log: months that are dropped",
        ge=12,
        le=600,
    )
    population_report_periods: tuple[Literal["month", "quarter", "half_year", "year"], ...] = _value(
        "The periods for which the use of population data is reported.",
        "Các kỳ báo cáo khai thác dữ liệu dân cư.",
        "reports on population data: which periods are due",
        min_length=1,
        max_length=4,
    )
    explanation_working_hours: float = _value(
        "Working hours an officer has to explain a look-up that was asked about.",
        "Số giờ làm việc để cán bộ giải trình lượt tra cứu được hỏi.",
        "cases: the clock of a question to the officer",
        gt=0,
        le=200,
    )
    cases_per_day_per_1000_officers: float = _value(
        "Cases a day for each 1000 officers that the queue puts forward.",
        "Số vụ việc mỗi ngày trên 1000 cán bộ được đưa vào hàng đợi xử lý.",
        "cases: the budget of the queue",
        gt=0,
        le=1000,
    )
    usage_shows_officer: bool = _value(
        "Whether the citizen's own view names the officer who looked.",
        "Lịch sử tra cứu trả cho công dân có nêu tên cán bộ hay không.",
        "citizens' own view of look-ups",
    )

    # --- operation ---
    maintenance_notice_working_days: int = _value(
        "Working days ahead at which planned maintenance is announced.",
        "Số ngày làm việc phải thông báo trước khi bảo trì có kế hoạch.",
        "maintenance windows: one announced later is refused unless it is an emergency",
        ge=0,
        le=30,
    )
    reconciliation_at: time = _value(
        "Time of day, in Vietnam, at which the nightly reconciliation begins.",
        "Giờ bắt đầu đối soát hằng đêm (giờ Việt Nam).",
        "nightly reconciliation",
    )

    # --- calendar ---
    office_hours: tuple[tuple[time, time], ...] = _value(
        "The stretches of a full working day, in order, in Vietnam time.",
        "Các khung giờ của một ngày làm việc, theo thứ tự (giờ Việt Nam).",
        "working-day calendar",
        min_length=1,
        max_length=6,
    )
    saturday_morning: bool = _value(
        "Whether the offices work on Saturdays until noon.",
        "Có làm việc sáng thứ Bảy hay không.",
        "working-day calendar",
    )
    extra_holidays: tuple[date, ...] = _value(
        "Days off beside the national holidays.",
        "Các ngày nghỉ thêm ngoài ngày lễ quốc gia.",
        "working-day calendar",
        max_length=400,
    )
    makeup_days: tuple[date, ...] = _value(
        "Days off by the rule that are worked all the same (ngày làm bù), beside those the nation announced.",
        "Các ngày làm bù ngoài những ngày làm bù chung của cả nước.",
        "working-day calendar",
        max_length=400,
    )

    @model_validator(mode="after")
    def _hours_in_order(self) -> Self:
        _refuse_unless(
            all(start < end for start, end in self.office_hours)
            and all(before[1] <= after[0] for before, after in pairwise(self.office_hours)),
            "office_hours",
            "office_hours must be stretches in order that do not overlap",
        )
        _refuse_unless(
            all(moment.tzinfo is None for moment in (*_flat(self.office_hours), self.reconciliation_at)),
            "wall_clock",
            "times of day are wall-clock times without an offset",
        )
        _refuse_unless(
            not set(self.extra_holidays) & set(self.makeup_days),
            "holiday_and_makeup",
            "a day cannot be both in extra_holidays and in makeup_days",
        )
        _refuse_unless(
            self.reception_warning_working_hours <= self.reception_working_hours,
            "warning_after_term",
            "reception_warning_working_hours must not be larger than reception_working_hours",
        )
        _refuse_unless(
            self.account_requested_by != self.account_approved_by,
            "one_party",
            "account_requested_by and account_approved_by must be two different parties",
        )
        _refuse_unless(
            len(set(self.population_report_periods)) == len(self.population_report_periods),
            "period_twice",
            "population_report_periods must name each period once",
        )
        return self


def _flat(spans: Iterable[tuple[time, time]]) -> list[time]:
    return [moment for span in spans for moment in span]


def _refuse_unless(holds: bool, kind: str, message: str) -> None:  # noqa: FBT001 - the condition of the check
    if not holds:
        raise PydanticCustomError(kind, message)
