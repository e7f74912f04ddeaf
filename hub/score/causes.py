"""Why a dossier costs points, and what warns before it does: stable words, each with its sentences."""

from __future__ import annotations

from enum import StrEnum

from contracts.errors import Sentence
from hub.score.lines import Line


class Cause(StrEnum):
    """Why a dossier costs points in the score of a month."""

    NOT_RECEIVED_IN_TIME = "not_received_in_time"
    SECOND_SUPPLEMENT = "second_supplement"
    NULL_CHANNEL = "null_channel"
    RESULT_MISSING = "result_missing"
    NOT_SYNCHRONISED = "not_synchronised"
    OUT_OF_DATE_THERE = "out_of_date_there"
    DUE_DATE_MISSING = "due_date_missing"
    OVERDUE = "overdue"
    OVERDUE_THERE = "overdue_there"

    @property
    def sentence(self) -> Sentence:
        """What is wrong, for people."""
        return _CAUSES[self][0]

    @property
    def line(self) -> Line | None:
        """The line of the score that suffers most; none where it is the reception that is watched."""
        return _CAUSES[self][1]


_CAUSES: dict[Cause, tuple[Sentence, Line | None]] = {
    Cause.NOT_RECEIVED_IN_TIME: (
        Sentence(
            "The online dossier was not answered within the reception term.",
            "Hồ sơ trực tuyến không được tiếp nhận hoặc trả lời trong thời hạn tiếp nhận.",
        ),
        None,
    ),
    Cause.SECOND_SUPPLEMENT: (
        Sentence(
            "A supplement was asked for more than once, which counts as overdue.",
            "Hồ sơ bị yêu cầu bổ sung quá một lần nên bị tính là quá hạn.",
        ),
        Line.ON_TIME,
    ),
    Cause.NULL_CHANNEL: (
        Sentence(
            "The portal holds no channel, which counts as handed in directly.",
            "Trên Cổng DVCQG hồ sơ không có kênh thực hiện nên bị tính là nộp trực tiếp.",
        ),
        Line.ONLINE,
    ),
    Cause.RESULT_MISSING: (
        Sentence(
            "The dossier is finished without a result that has its catalogue code and file.",
            "Hồ sơ đã kết thúc nhưng chưa có kết quả kèm mã giấy tờ và tệp.",
        ),
        Line.RESULT_FILE,
    ),
    Cause.NOT_SYNCHRONISED: (
        Sentence("The portal does not hold the dossier.", "Hồ sơ chưa có trên Cổng DVCQG."),
        Line.SYNCHRONISED,
    ),
    Cause.OUT_OF_DATE_THERE: (
        Sentence(
            "The portal holds another or an older version of the dossier.",
            "Cổng DVCQG đang giữ bản cũ hơn hoặc khác với hồ sơ.",
        ),
        Line.ON_TIME,
    ),
    Cause.DUE_DATE_MISSING: (
        Sentence(
            "No due date is set and the procedure's maximum is not known, so the dossier cannot count as on time.",
            "Chưa có ngày hẹn trả và chưa biết thời hạn tối đa của thủ tục nên hồ sơ không thể tính là đúng hạn.",
        ),
        Line.ON_TIME,
    ),
    Cause.OVERDUE: (
        Sentence("Processing did not end by the due date.", "Hồ sơ giải quyết quá hạn."),
        Line.ON_TIME,
    ),
    Cause.OVERDUE_THERE: (
        Sentence(
            "On time by our data, overdue by what the portal holds.",
            "Đúng hạn theo dữ liệu của tỉnh nhưng quá hạn theo dữ liệu trên Cổng DVCQG.",
        ),
        Line.ON_TIME,
    ),
}


class WarningCause(StrEnum):
    """What an early warning is about."""

    RECEPTION_ENDING = "reception_ending"
    NOT_RECEIVED_IN_TIME = "not_received_in_time"
    DUE_SOON_NOT_SYNCHRONISED = "due_soon_not_synchronised"
    SECOND_SUPPLEMENT = "second_supplement"
    RESULT_MISSING = "result_missing"
    NULL_CHANNEL = "null_channel"
    APOLOGY_LETTER_DUE = "apology_letter_due"
    FEE_TERM_ENDING = "fee_term_ending"

    @property
    def sentence(self) -> Sentence:
        """What will happen and what to do, for people."""
        return _WARNINGS[self]


_WARNINGS: dict[WarningCause, Sentence] = {
    WarningCause.RECEPTION_ENDING: Sentence(
        "The reception term of this online dossier is running out; receive it or answer the applicant.",
        "Sắp hết thời hạn tiếp nhận hồ sơ trực tuyến; hãy tiếp nhận hoặc trả lời người nộp.",
    ),
    WarningCause.NOT_RECEIVED_IN_TIME: Sentence(
        "The reception term of this online dossier has passed; receive it or answer the applicant at once.",
        "Đã quá thời hạn tiếp nhận hồ sơ trực tuyến; hãy tiếp nhận hoặc trả lời người nộp ngay.",
    ),
    WarningCause.DUE_SOON_NOT_SYNCHRONISED: Sentence(
        "The due date is near and the portal does not hold the newest state; look at the exchanges of this dossier.",
        "Sắp đến ngày hẹn trả mà Cổng DVCQG chưa có trạng thái mới nhất; hãy xem các lượt trao đổi của hồ sơ.",
    ),
    WarningCause.SECOND_SUPPLEMENT: Sentence(
        "A supplement was asked for more than once; the dossier counts as overdue whenever it ends.",
        "Hồ sơ bị yêu cầu bổ sung quá một lần; hồ sơ sẽ bị tính là quá hạn.",
    ),
    WarningCause.RESULT_MISSING: Sentence(
        "The dossier is finished without a result on file; post the result with its catalogue code and file.",
        "Hồ sơ đã kết thúc mà chưa có kết quả; hãy gửi kết quả kèm mã giấy tờ và tệp.",
    ),
    WarningCause.NULL_CHANNEL: Sentence(
        "The portal holds no channel for this dossier and counts it as direct; send it again.",
        "Hồ sơ trên Cổng DVCQG không có kênh thực hiện nên bị tính là trực tiếp; hãy gửi lại hồ sơ.",
    ),
    WarningCause.APOLOGY_LETTER_DUE: Sentence(
        "If the due date cannot be kept, the apology letter with the new date must leave now.",
        "Nếu không kịp ngày hẹn trả, văn bản xin lỗi và hẹn lại phải được gửi ngay.",
    ),
    WarningCause.FEE_TERM_ENDING: Sentence(
        "The term for paying the fee is running out; without payment the dossier is refused.",
        "Sắp hết thời hạn nộp phí, lệ phí; nếu không nộp hồ sơ sẽ bị từ chối.",
    ),
}
