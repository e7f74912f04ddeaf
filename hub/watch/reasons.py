"""The sentences a reviewer reads: what was seen, in figures, without a citizen's data."""

from __future__ import annotations

from contracts.errors import Sentence
from hub.watch.rules import Rule

_WORDS: dict[Rule, tuple[str, str]] = {
    Rule.OWN_RECORD: (
        "The officer looked up their own record, and no dossier assigned to them is about it.",
        "Cán bộ tra cứu chính mình mà không có hồ sơ nào được giao liên quan.",
    ),
    Rule.OWN_HOUSEHOLD: (
        "A person of the officer's own household was looked up, and no dossier explains it.",
        "Tra cứu người cùng hộ gia đình với cán bộ mà không có hồ sơ giải thích.",
    ),
    Rule.COLLEAGUE: (
        "A colleague of the same unit was looked up, and no dossier explains it.",
        "Tra cứu đồng nghiệp cùng đơn vị mà không có hồ sơ giải thích.",
    ),
    Rule.NEIGHBOUR: (
        "{n} people of the officer's own hamlet were looked up within seven days, and no dossier explains it.",
        "Trong bảy ngày đã tra cứu {n} người cùng thôn, tổ với nơi ở của cán bộ mà không có hồ sơ giải thích.",
    ),
    Rule.PROTECTED_PERSON: (
        "A person on the protected list was looked up, and the dossier does not fully explain it.",
        "Tra cứu người thuộc danh sách bảo vệ mà hồ sơ không giải thích đầy đủ.",
    ),
    Rule.DORMANT_ACCOUNT: (
        "The account had not been used for {n} days and is used again.",
        "Tài khoản không sử dụng trong {n} ngày nay được dùng trở lại.",
    ),
    Rule.OUTSIDE_NETWORK: (
        "The look-up came from an address outside the state network.",
        "Lượt tra cứu đến từ địa chỉ ngoài mạng của cơ quan nhà nước.",
    ),
    Rule.TWO_NETWORKS: (
        "The account was used in its own office's network and in another office's within {n} minutes.",
        "Tài khoản được dùng ở mạng của cơ quan mình và mạng của cơ quan khác cách nhau {n} phút.",
    ),
    Rule.NIGHT: (
        "{n} look-ups in one night, without a duty roster.",
        "{n} lượt tra cứu trong một đêm, không có lịch trực.",
    ),
    Rule.OFF_HOURS: (
        "{n} look-ups in the evening or on a day off within seven days, which no dossier explains.",
        "Trong bảy ngày có {n} lượt tra cứu ngoài giờ hoặc ngày nghỉ mà không có hồ sơ giải thích.",
    ),
    Rule.DOSSIER_CODE: (
        "{n} look-ups within seven days under dossier codes that are unknown, another unit's, or long closed.",
        "Trong bảy ngày có {n} lượt tra cứu theo mã hồ sơ không tồn tại, của đơn vị khác hoặc đã đóng từ lâu.",
    ),
    Rule.SEQUENCE: (
        "{n} personal numbers that follow each other were looked up, and no dossier explains them.",
        "Tra cứu {n} số định danh liên tiếp nhau mà không có hồ sơ giải thích.",
    ),
    Rule.NOT_FOUND_BURST: (
        "{n} look-ups within an hour found nobody.",
        "Trong một giờ có {n} lượt tra cứu không tìm thấy người.",
    ),
    Rule.DENIED_BURST: (
        "{n} look-ups were refused on one day.",
        "Trong một ngày có {n} lượt tra cứu bị từ chối.",
    ),
    Rule.REPEATED_PERSON: (
        "The same person or household was looked up on {n} days, and no dossier explains it.",
        "Cùng một người hoặc một hộ bị tra cứu trong {n} ngày khác nhau mà không có hồ sơ giải thích.",
    ),
    Rule.SHARED_PERSON: (
        "The same person was looked up by {n} officers within seven days, and no dossier explains it.",
        "Trong bảy ngày có {n} cán bộ tra cứu cùng một người mà không có hồ sơ giải thích.",
    ),
    Rule.SHAM_DOSSIER: (
        "{n} dossiers of unrelated people were closed far sooner than is usual, touched by nobody but this officer.",
        "{n} hồ sơ của những người không liên quan bị đóng sớm bất thường, không ai khác ngoài cán bộ này xử lý.",
    ),
    Rule.UNRELATED_PEOPLE: (
        "{n} people unrelated to the dossiers given were looked up under them within seven days.",
        "Trong bảy ngày có {n} người không liên quan bị tra cứu dưới mã hồ sơ có thật.",
    ),
    Rule.NO_DOSSIER: (
        "{n} look-ups within seven days named no dossier, and none was registered afterwards.",
        "Trong bảy ngày có {n} lượt tra cứu không kèm mã hồ sơ và sau đó cũng không có hồ sơ nào được đăng ký.",
    ),
    Rule.OUT_OF_AREA: (
        "{n} people from places outside the unit's area were looked up within seven days, and no dossier explains it.",
        "Trong bảy ngày đã tra cứu {n} người ở ngoài địa bàn của đơn vị mà không có hồ sơ giải thích.",
    ),
    Rule.SPIKE: (
        "{n} look-ups today, where {usual} are to be expected with the work in hand.",
        "Hôm nay có {n} lượt tra cứu, trong khi với khối lượng công việc đang xử lý chỉ khoảng {usual} lượt.",
    ),
    Rule.UNEXPLAINED: (
        "About {n} look-ups of the day are not explained by dossiers, where {usual} would be usual.",
        "Trong ngày có khoảng {n} lượt tra cứu không được hồ sơ giải thích, bình thường chỉ khoảng {usual} lượt.",
    ),
    Rule.CREEP: (
        "For {n} working days more look-ups stay unexplained than is usual for this account and role.",
        "Đã {n} ngày làm việc số lượt tra cứu không được giải thích cao hơn thông lệ của tài khoản và chức danh.",
    ),
}


def reason(rule: Rule, *, n: float = 1, usual: float = 0.0) -> Sentence:
    """Return the sentence of a rule with its figures."""
    en, vi = _WORDS[rule]
    count = f"{n:.0f}"
    often = f"{usual:.1f}"
    return Sentence(en.format(n=count, usual=often), vi.format(n=count, usual=often.replace(".", ",")))
