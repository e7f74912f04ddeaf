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
    PEOPLE_LOOKUP = "people:lookup"
    PEOPLE_VERIFY = "people:verify"
    BUSINESSES_LOOKUP = "businesses:lookup"
    LOOKUPS_READ = "lookups:read"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_REQUEST = "accounts:request"
    ACCOUNTS_APPROVE_POLICE = "accounts:approve_police"
    ACCOUNTS_APPROVE_OFFICE = "accounts:approve_office"
    ACCOUNTS_MANAGE = "accounts:manage"
    CASES_READ = "cases:read"
    CASES_MANAGE = "cases:manage"
    CASES_REVEAL = "cases:reveal"
    EXPLANATIONS_WRITE = "explanations:write"
    WATCH_READ = "watch:read"
    WATCH_PROPOSE = "watch:propose"
    WATCH_APPROVE = "watch:approve"
    POPULATION_REPORTS_READ = "population_reports:read"
    USAGE_READ = "usage:read"
    USAGE_RELEASE = "usage:release"

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
        "See exchanges; a client that has agencies, only theirs. They name codes and states, nothing of a citizen.",
        "Xem trao đổi; ứng dụng được giao cơ quan thì chỉ của các cơ quan đó. Chỉ có mã và trạng thái, không có dữ liệu"
        " công dân.",
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
    Scope.PEOPLE_LOOKUP: Sentence(
        "Look people up in the population database for an approved officer; each look-up is recorded and watched.",
        "Tra cứu công dân trong CSDLQG về dân cư thay mặt cán bộ được phê duyệt; mỗi lượt được ghi lại và giám sát.",
    ),
    Scope.PEOPLE_VERIFY: Sentence(
        "Have facts about people confirmed, yes or no, for an approved officer; recorded and watched.",
        "Xác thực thông tin công dân (đúng hoặc sai) thay mặt cán bộ được phê duyệt; được ghi lại và giám sát.",
    ),
    Scope.BUSINESSES_LOOKUP: Sentence(
        "Look enterprises up for an approved officer; each look-up is recorded.",
        "Tra cứu doanh nghiệp thay mặt cán bộ được phê duyệt; mỗi lượt đều được ghi lại.",
    ),
    Scope.LOOKUPS_READ: Sentence(
        "Read the look-up log, people masked; for security staff. Reading it is recorded.",
        "Đọc nhật ký tra cứu, số định danh được che (cán bộ an ninh); việc đọc cũng được ghi lại.",
    ),
    Scope.ACCOUNTS_READ: Sentence(
        "See the register of officers allowed to look up; a client that has agencies, only theirs.",
        "Xem danh sách tài khoản khai thác; nếu được giao cơ quan thì chỉ của các cơ quan đó.",
    ),
    Scope.ACCOUNTS_REQUEST: Sentence(
        "Request accounts for officers, changes of them, and keep rosters in step.",
        "Đề nghị cấp, thay đổi tài khoản khai thác cho cán bộ và cập nhật lịch trực.",
    ),
    Scope.ACCOUNTS_APPROVE_POLICE: Sentence(
        "Approve or refuse account requests, as the provincial police.",
        "Phê duyệt hoặc từ chối đề nghị cấp tài khoản, với tư cách Công an tỉnh.",
    ),
    Scope.ACCOUNTS_APPROVE_OFFICE: Sentence(
        "Approve or refuse account requests, as the provincial office.",
        "Phê duyệt hoặc từ chối đề nghị cấp tài khoản, với tư cách Văn phòng UBND tỉnh.",
    ),
    Scope.ACCOUNTS_MANAGE: Sentence(
        "Suspend, lock, revoke and reinstate accounts.",
        "Tạm ngưng, khóa, thu hồi và mở lại tài khoản khai thác.",
    ),
    Scope.CASES_READ: Sentence(
        "See cases, alerts of the watch and their evidence, people masked.",
        "Xem vụ việc, cảnh báo giám sát và chứng cứ, số định danh được che.",
    ),
    Scope.CASES_MANAGE: Sentence(
        "Work on cases: take, ask, decide, reopen, suppress, lock the account, hand over.",
        "Xử lý vụ việc: nhận, yêu cầu giải trình, kết luận, mở lại, tạm ẩn, khóa tài khoản, chuyển hồ sơ.",
    ),
    Scope.CASES_REVEAL: Sentence(
        "Read citizens' numbers in a case after giving a reason, with a second person; recorded.",
        "Xem số định danh trong vụ việc sau khi nêu lý do và có người thứ hai đồng ý; được ghi lại.",
    ),
    Scope.EXPLANATIONS_WRITE: Sentence(
        "Read questions about look-ups asked of its own officers, and answer them.",
        "Đọc yêu cầu giải trình gửi cho cán bộ của mình và trả lời.",
    ),
    Scope.WATCH_READ: Sentence(
        "See the rules of the watch, their thresholds and track record.",
        "Xem quy tắc giám sát, ngưỡng và kết quả áp dụng.",
    ),
    Scope.WATCH_PROPOSE: Sentence(
        "Propose changes of rules, thresholds and lists of the watch.",
        "Đề xuất thay đổi quy tắc, ngưỡng và danh sách giám sát.",
    ),
    Scope.WATCH_APPROVE: Sentence(
        "Approve, as the second person, changes that another client proposed.",
        "Phê duyệt, với tư cách người thứ hai, thay đổi do ứng dụng khác đề xuất.",
    ),
    Scope.POPULATION_REPORTS_READ: Sentence(
        "Read reports on the use of the population database; figures and accounts, nothing of a citizen.",
        "Đọc báo cáo khai thác CSDL dân cư: số liệu và tài khoản, không có dữ liệu công dân.",
    ),
    Scope.USAGE_READ: Sentence(
        "Read who looked a citizen up, for the citizen's own view; reading it is recorded.",
        "Đọc lịch sử tra cứu về một công dân để trả cho chính công dân đó; việc đọc được ghi lại.",
    ),
    Scope.USAGE_RELEASE: Sentence(
        "Withhold look-ups from citizens' own views, and release them.",
        "Tạm giữ và công bố lượt tra cứu trong lịch sử của công dân.",
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
