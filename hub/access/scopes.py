"""Scopes: what an API client may do. A call needs exactly one; there is no scope that includes another."""

from __future__ import annotations

from enum import StrEnum

from contracts.errors import Sentence


class Scope(StrEnum):
    """One permission of an API client."""

    DOSSIERS_READ = "dossiers:read"
    DOSSIERS_WRITE = "dossiers:write"
    EXCHANGES_READ = "exchanges:read"
    EXCHANGES_MANAGE = "exchanges:manage"
    REPLAYS_MANAGE = "replays:manage"
    REPLAYS_APPROVE = "replays:approve"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_MANAGE = "connections:manage"
    ALERTS_READ = "alerts:read"
    ALERTS_MANAGE = "alerts:manage"
    LEDGER_READ = "ledger:read"
    SCORES_READ = "scores:read"
    INBOX_READ = "inbox:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    RECONCILIATIONS_READ = "reconciliations:read"
    RECONCILIATIONS_MANAGE = "reconciliations:manage"
    CATALOGUE_READ = "catalogue:read"
    QUESTIONS_READ = "questions:read"
    QUESTIONS_ANSWER = "questions:answer"
    RATINGS_WRITE = "ratings:write"
    TECHNICAL_IDS_READ = "technical_ids:read"
    DOCUMENT_STORE_READ = "document_store:read"
    DOCUMENT_STORE_WRITE = "document_store:write"

    @property
    def sentence(self) -> Sentence:
        """What the scope allows, for people."""
        return _SENTENCES[self]


_SENTENCES: dict[Scope, Sentence] = {
    Scope.DOSSIERS_READ: Sentence("Read dossiers of its own agencies.", "Đọc hồ sơ của các cơ quan được giao."),
    Scope.RECONCILIATIONS_READ: Sentence(
        "See reconciliations of all agencies: codes, days, states and names of fields, nothing of a citizen.",
        "Xem kết quả đối soát của mọi cơ quan: mã, ngày, trạng thái, tên trường; không có dữ liệu công dân.",
    ),
    Scope.RECONCILIATIONS_MANAGE: Sentence(
        "Start reconciliations, and their repairs after a preview.",
        "Bắt đầu đối soát và gửi bù sau khi xem trước.",
    ),
    Scope.DOSSIERS_WRITE: Sentence(
        "Declare dossiers of its own agencies and record what happens to them.",
        "Khai hồ sơ của các cơ quan được giao và ghi nhận diễn biến của hồ sơ.",
    ),
    Scope.EXCHANGES_READ: Sentence(
        "See the exchanges of all agencies; for operators. They name dossier codes and states, nothing of a citizen.",
        "Xem trao đổi của mọi cơ quan (người vận hành). Chỉ có mã, trạng thái hồ sơ, không có dữ liệu công dân.",
    ),
    Scope.EXCHANGES_MANAGE: Sentence(
        "Replay or dismiss single exchanges; a client that has agencies, only theirs.",
        "Gửi lại hoặc bỏ qua từng lượt trao đổi; ứng dụng được giao cơ quan thì chỉ của các cơ quan đó.",
    ),
    Scope.REPLAYS_MANAGE: Sentence(
        "Preview, start, pause and stop replays and dismissals by filter; a client that has agencies, only theirs.",
        "Xem trước, chạy, tạm dừng và dừng gửi lại, bỏ qua hàng loạt; nếu được giao cơ quan thì chỉ của cơ quan đó.",
    ),
    Scope.REPLAYS_APPROVE: Sentence(
        "Approve, as the second person, replays that another client has previewed.",
        "Phê duyệt, với tư cách người thứ hai, đợt gửi lại do ứng dụng khác lập.",
    ),
    Scope.CONNECTIONS_READ: Sentence("See the state of all connections.", "Xem tình trạng mọi kết nối."),
    Scope.INBOX_READ: Sentence(
        "Read and acknowledge what came in for its own agencies; holds citizens' data.",
        "Đọc và xác nhận thông tin đến của các cơ quan được giao; có dữ liệu công dân.",
    ),
    Scope.WEBHOOKS_MANAGE: Sentence(
        "Register its own webhooks, rotate their secrets and replay what they missed.",
        "Đăng ký webhook của mình, đổi khóa ký và gửi lại những gì bị lỡ.",
    ),
    Scope.SCORES_READ: Sentence(
        "Read the scores and early warnings of its own agencies: figures, dossier codes and dates.",
        "Đọc điểm số và cảnh báo sớm của các cơ quan được giao: số liệu, mã hồ sơ và ngày giờ.",
    ),
    Scope.LEDGER_READ: Sentence(
        "Read checkpoints, proofs and evidence of all agencies; for auditors. They hold nothing of a citizen.",
        "Đọc điểm kiểm tra, chứng minh và chứng cứ của mọi cơ quan (kiểm tra viên); không có dữ liệu công dân.",
    ),
    Scope.CATALOGUE_READ: Sentence(
        "Read the national catalogue of procedures and its versions; all of it is public.",
        "Đọc danh mục thủ tục quốc gia và các phiên bản; toàn bộ là dữ liệu công khai.",
    ),
    Scope.QUESTIONS_READ: Sentence(
        "Read the questions asked of its own agencies; they hold citizens' data.",
        "Đọc câu hỏi gửi tới các cơ quan được giao; có dữ liệu công dân.",
    ),
    Scope.QUESTIONS_ANSWER: Sentence(
        "Answer the questions asked of its own agencies.", "Trả lời câu hỏi gửi tới các cơ quan được giao."
    ),
    Scope.RATINGS_WRITE: Sentence(
        "Hand in the monthly satisfaction of its own agencies.",
        "Gửi kết quả đánh giá hài lòng hằng tháng của các cơ quan được giao.",
    ),
    Scope.TECHNICAL_IDS_READ: Sentence(
        "Look up the TechID of the owner of a dossier; each look-up is recorded.",
        "Tra cứu TechID của chủ hồ sơ; mỗi lượt tra cứu đều được ghi lại.",
    ),
    Scope.DOCUMENT_STORE_READ: Sentence(
        "Ask the personal e-document store for an officer and fetch what it found; each time is recorded.",
        "Tra cứu Kho dữ liệu điện tử thay mặt cán bộ và tải giấy tờ tìm được; mỗi lần đều được ghi lại.",
    ),
    Scope.DOCUMENT_STORE_WRITE: Sentence(
        "Hand result papers in to the personal e-document store.", "Gửi giấy tờ kết quả vào Kho dữ liệu điện tử."
    ),
    Scope.ALERTS_READ: Sentence(
        "See alerts and their channels; they hold nothing of a citizen.",
        "Xem cảnh báo và các kênh cảnh báo; không có dữ liệu công dân.",
    ),
    Scope.ALERTS_MANAGE: Sentence("Acknowledge alerts.", "Xác nhận đã tiếp nhận cảnh báo."),
    Scope.CONNECTIONS_MANAGE: Sentence(
        "Pause, resume and probe connections, and announce their maintenance.",
        "Tạm dừng, nối lại, kiểm tra kết nối và thông báo bảo trì.",
    ),
}


def parse_scopes(text: str) -> frozenset[Scope] | None:
    """Return the scopes of a space-separated list; ``None`` when one of them does not exist."""
    try:
        return frozenset(Scope(word) for word in text.split())
    except ValueError:
        return None
