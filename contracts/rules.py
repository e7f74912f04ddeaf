"""The rules an event must meet to be accepted: plain checks, each with the sentence a person can act on.

Regulation articles: VP = Vĩnh Phúc 2024, LĐ = Lâm Đồng 1806/2024. A check raises `RuleBroken` or says nothing;
what an accepted event does to the dossier is `contracts.history`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.codes import agency_of_dossier, level_one
from contracts.dossier import Dossier, DossierFacts
from contracts.errors import Sentence
from contracts.events import (
    CancellationEntry,
    Event,
    ResultEntry,
    StepEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.states import PAUSE_REASONS_BY_STATE, DossierState, PauseReason


@dataclass(frozen=True, slots=True)
class DossierRules:
    """The numbers in which provinces differ; the defaults are those most regulations share."""

    max_supplements: int = 1
    """VP 16.3: a dossier is returned for supplement once."""
    max_extensions: int = 1
    """VP 16.4: a new date at most once. Also where more are allowed the dossier holds one, so no second is taken."""
    late_entry_after: timedelta = timedelta(hours=24)
    """An event recorded this long after it happened is marked as entered late (LĐ 19.2)."""
    clock_skew: timedelta = timedelta(minutes=5)
    """How far ahead of ours the dossier system's clock may be."""
    fees_before_result: bool = True
    """VP 19: the result is returned only when the fee duty is met."""


class RuleBroken(Exception):  # noqa: N818 - a refusal is an answer, not a crash
    """An event cannot be accepted: the stable code, the field at fault and the sentence for people.

    ``conflict`` says that the dossier's present state stands in the way, not the event's own content.
    """

    def __init__(self, code: str, field: str, en: str, vi: str, *, conflict: bool = False) -> None:
        """Build the refusal; sentences never quote the dossier's content."""
        super().__init__(en)
        self.code = code
        self.field = field
        self.sentence = Sentence(en, vi)
        self.conflict = conflict


def check_facts(code: str, facts: DossierFacts, recorded_at: datetime, rules: DossierRules) -> None:
    """Check a declaration against its code and the clock."""
    if level_one(agency_of_dossier(code)) != level_one(facts.agency.code):
        raise RuleBroken(
            "agency_mismatch",
            "agency.code",
            "The agency is of another province or ministry than the dossier code.",
            "Cơ quan tiếp nhận không cùng tỉnh hoặc bộ với mã hồ sơ.",
        )
    for field in ("submitted_at", "received_at"):
        moment: datetime | None = getattr(facts, field)
        if moment is not None:
            _refuse_future(moment, field, recorded_at, rules)


def check_event(dossier: Dossier, event: Event, recorded_at: datetime, rules: DossierRules) -> None:
    """Check an event against the dossier it is about; the order of states is checked when it has its place."""
    refuse_cancelled(dossier)
    _refuse_future(event.occurred_at, "occurred_at", recorded_at, rules)
    if not isinstance(event, CancellationEntry) and event.occurred_at < dossier.facts.submitted_at:
        raise RuleBroken(
            "before_submission",
            "occurred_at",
            "This happened before the dossier was submitted; check the date.",
            "Thời điểm này trước khi hồ sơ được nộp; hãy kiểm tra lại ngày giờ.",
        )
    match event:
        case StepEntry():
            _check_step(dossier, event, rules)
        case SupplementRequestEntry():
            _check_supplement_request(dossier, event, rules)
        case SupplementReceiptEntry():
            _check_supplement_receipt(dossier, event)
        case ResultEntry():
            _check_result(dossier, event)
        case WithdrawalEntry() | CancellationEntry():
            pass


_OWN_CALL = {
    DossierState.SUPPLEMENT_REQUESTED: "supplements",
    DossierState.WITHDRAWN_BY_CITIZEN: "withdrawals",
}


def _check_step(dossier: Dossier, step: StepEntry, rules: DossierRules) -> None:
    if call := _OWN_CALL.get(step.state):
        raise RuleBroken(
            "state_has_its_own_call",
            "state",
            f"This state is reached through POST …/{call}, which carries what the state needs.",
            f"Trạng thái này phải gửi qua POST …/{call} để có đủ thông tin kèm theo.",
        )
    _check_pause(step)
    owed = dossier.open_supplement
    # What was done before the papers were asked for may be entered late (LĐ 19.2).
    if (
        owed
        and step.occurred_at >= owed.requested_at
        and step.state in {DossierState.ACCEPTED, DossierState.IN_PROCESS}
    ):
        raise RuleBroken(
            "supplement_open",
            "state",
            "The applicant still owes a supplement; record its receipt first.",
            "Hồ sơ đang chờ bổ sung; hãy ghi nhận việc bổ sung trước.",
            conflict=True,
        )
    if step.due_at is not None and (step.state is not DossierState.ACCEPTED or step.due_at < step.occurred_at):
        raise RuleBroken(
            "due_date_not_here",
            "due_at",
            "A legal deadline is set by the step that accepts the dossier, and lies after it.",
            "Ngày hẹn trả chỉ được đặt ở bước tiếp nhận và phải sau thời điểm tiếp nhận.",
        )
    if step.extension is not None:
        _check_extension(dossier, step, rules)
    if step.state is DossierState.RESULT_RETURNED and rules.fees_before_result and _fees_open(dossier):
        raise RuleBroken(
            "fee_duty_open",
            "state",
            "The result may be returned only when all fees are paid; declare the payments first.",
            "Chỉ được trả kết quả khi người nộp đã hoàn thành nghĩa vụ phí, lệ phí; hãy khai thanh toán trước.",
            conflict=True,
        )


def _check_pause(step: StepEntry) -> None:
    lawful = PAUSE_REASONS_BY_STATE.get(step.state, frozenset[PauseReason]())
    if step.pause is None and step.state is DossierState.FINANCIAL_OBLIGATION_REQUESTED:
        raise RuleBroken(
            "pause_reason_required",
            "pause",
            "This state stops the clock and needs its lawful reason: land_finance_duty or fee_payment.",
            "Trạng thái này tạm dừng thời hạn nên phải nêu lý do hợp pháp: nghĩa vụ tài chính đất đai hoặc nộp phí.",
        )
    if step.pause is not None and step.pause not in lawful:
        raise RuleBroken(
            "pause_reason_not_lawful",
            "pause",
            "The regulation does not allow a pause for this reason in this state.",
            "Quy chế không cho phép tạm dừng vì lý do này ở trạng thái này.",
        )


def _check_extension(dossier: Dossier, step: StepEntry, rules: DossierRules) -> None:
    extension = step.extension
    if dossier.due_at is None or extension is None or extension.new_due_at <= dossier.due_at:
        raise RuleBroken(
            "extension_without_deadline",
            "extension.new_due_at",
            "An extension needs a deadline to extend and a later date.",
            "Gia hạn phải có ngày hẹn trả trước đó và ngày hẹn mới phải muộn hơn.",
        )
    if rules.max_extensions < 1 or dossier.extension is not None:
        raise RuleBroken(
            "second_extension",
            "extension",
            "A dossier may get a new date only once.",
            "Mỗi hồ sơ chỉ được hẹn lại ngày trả một lần.",
            conflict=True,
        )


def _check_supplement_request(dossier: Dossier, request: SupplementRequestEntry, rules: DossierRules) -> None:
    if len(dossier.supplements) >= rules.max_supplements:
        raise RuleBroken(
            "second_supplement",
            "kind",
            "A dossier may be returned for supplement only once; a second request costs the province its score.",
            "Mỗi hồ sơ chỉ được yêu cầu bổ sung một lần; yêu cầu lần hai sẽ bị tính là quá hạn.",
            conflict=True,
        )
    if any(one.id == request.id for one in dossier.supplements):
        raise RuleBroken(
            "duplicate_id",
            "id",
            "This id already names another supplement of the dossier.",
            "Mã này đã dùng cho một lần bổ sung khác của hồ sơ.",
            conflict=True,
        )


def _check_supplement_receipt(dossier: Dossier, receipt: SupplementReceiptEntry) -> None:
    supplement = next((one for one in dossier.supplements if one.id == receipt.id), None)
    if supplement is None or not supplement.is_open:
        raise RuleBroken(
            "no_open_supplement",
            "id",
            "No supplement with this id is waiting for papers.",
            "Không có yêu cầu bổ sung nào với mã này đang chờ giấy tờ.",
            conflict=True,
        )
    if receipt.occurred_at < supplement.requested_at or receipt.new_due_at < receipt.occurred_at:
        raise RuleBroken(
            "dates_out_of_order",
            "occurred_at" if receipt.occurred_at < supplement.requested_at else "new_due_at",
            "The receipt lies after the request, and the new deadline after the receipt.",
            "Thời điểm nhận bổ sung phải sau khi yêu cầu, và ngày hẹn mới phải sau khi nhận.",
        )


def _check_result(dossier: Dossier, result: ResultEntry) -> None:
    if any(one.id == result.id for one in dossier.results):
        raise RuleBroken(
            "duplicate_id",
            "id",
            "This id already names another result of the dossier.",
            "Mã này đã dùng cho một kết quả khác của hồ sơ.",
            conflict=True,
        )


def _fees_open(dossier: Dossier) -> bool:
    return any(fee.amount_vnd > 0 and fee.payment is None for fee in dossier.fees_asked)


def refuse_cancelled(dossier: Dossier) -> None:
    """Refuse any change of a cancelled dossier (VP 20)."""
    if dossier.cancellation is not None:
        raise RuleBroken(
            "dossier_cancelled",
            "",
            "This dossier was cancelled; it is kept for look-up and cannot change.",
            "Hồ sơ đã bị huỷ; chỉ lưu để tra cứu, không thể thay đổi.",
            conflict=True,
        )


def _refuse_future(moment: datetime, field: str, recorded_at: datetime, rules: DossierRules) -> None:
    if moment > recorded_at + rules.clock_skew:
        raise RuleBroken(
            "in_the_future",
            field,
            "This moment lies in the future; check the date and the clock of the sending machine.",
            "Thời điểm này ở tương lai; hãy kiểm tra ngày giờ và đồng hồ của máy gửi.",
        )
