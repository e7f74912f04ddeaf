"""Sorting a selection: which of its exchanges may be acted on, and why the others may not. Pure rules, no input.

The same rules are asked twice: for the preview, and again for each exchange when its turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from contracts.errors import Sentence
from contracts.ports import RepeatClass
from hub.exchanges.outbox import PUSH_DOSSIER
from hub.exchanges.reopening import Candidate
from hub.exchanges.views import ExchangeState

NOT_ACCEPTED_THERE = "not_accepted_there"
"""Why a lane is held whose partner does not know the dossier; see `hub.dossiers.delivery`."""


class Action(StrEnum):
    """What is done to the exchanges of a selection."""

    REPLAY = "replay"
    DISMISS = "dismiss"


class Exclusion(StrEnum):
    """Why an exchange of a selection is left out."""

    STILL_OPEN = "still_open"
    BEING_SENT = "being_sent"
    UNDECIDED = "undecided"
    NEVER_REPEATED = "never_repeated"
    NEWER_REVISION = "newer_revision"
    OVERTAKEN = "overtaken"
    DOSSIER_CANCELLED = "dossier_cancelled"
    NOT_THERE = "not_there"
    CONNECTION_UNKNOWN = "connection_unknown"
    ARRIVED = "arrived"
    SUPERSEDED = "superseded"
    DISMISSED = "dismissed"
    GONE = "gone"

    @property
    def sentence(self) -> Sentence:
        """The reason for people."""
        return _SENTENCES[self]


_SENTENCES: dict[Exclusion, Sentence] = {
    Exclusion.STILL_OPEN: Sentence(
        "Still on its way; the hub tries by itself.", "Vẫn đang chờ gửi; hệ thống tự thử lại."
    ),
    Exclusion.BEING_SENT: Sentence("Being sent at this moment.", "Đang được gửi ngay lúc này."),
    Exclusion.UNDECIDED: Sentence(
        "It may have arrived and the partner cannot tell: look there first, then replay it singly.",
        "Có thể đã tới nơi mà bên nhận không xác định được: hãy kiểm tra bên nhận rồi gửi lại từng lượt.",
    ),
    Exclusion.NEVER_REPEATED: Sentence(
        "This operation may not be repeated in bulk: a person decides on each.",
        "Thao tác này không được gửi lại hàng loạt: phải quyết định từng lượt.",
    ),
    Exclusion.NEWER_REVISION: Sentence(
        "A newer revision of the dossier has an exchange of its own; that one counts.",
        "Hồ sơ đã có phiên bản mới hơn với lượt trao đổi riêng; chỉ gửi phiên bản đó.",
    ),
    Exclusion.OVERTAKEN: Sentence(
        "The partner already holds a newer revision; this one would set it back.",
        "Bên nhận đã có phiên bản mới hơn; gửi lại sẽ làm lùi dữ liệu.",
    ),
    Exclusion.DOSSIER_CANCELLED: Sentence(
        "The dossier was cancelled; only its cancellation itself is still sent.",
        "Hồ sơ đã huỷ; chỉ còn gửi chính việc huỷ hồ sơ.",
    ),
    Exclusion.NOT_THERE: Sentence(
        "The partner does not know the dossier yet; its declaration has to arrive first.",
        "Bên nhận chưa có hồ sơ này; phải gửi được hồ sơ trước.",
    ),
    Exclusion.CONNECTION_UNKNOWN: Sentence(
        "The connection or the operation is not configured in this deployment.",
        "Kết nối hoặc thao tác này không có trong cấu hình.",
    ),
    Exclusion.ARRIVED: Sentence("It was delivered meanwhile.", "Đã được giao trong lúc chờ."),
    Exclusion.SUPERSEDED: Sentence("A newer revision went in its place.", "Đã được thay bằng phiên bản mới hơn."),
    Exclusion.DISMISSED: Sentence("A person has dismissed it.", "Đã có người bỏ qua."),
    Exclusion.GONE: Sentence("It is not stored any more.", "Không còn được lưu trữ."),
}

_ENDED: Mapping[ExchangeState, Exclusion] = {
    ExchangeState.DELIVERED: Exclusion.ARRIVED,
    ExchangeState.SUPERSEDED: Exclusion.SUPERSEDED,
    ExchangeState.DISMISSED: Exclusion.DISMISSED,
}

RepeatClasses = Mapping[str, Mapping[str, RepeatClass]]
"""The repeat class of each operation, by connection; what is not in it is not configured."""


def repeat_class(one: Candidate, classes: RepeatClasses) -> RepeatClass | None:
    """Return how an exchange may be repeated; ``None`` where that is not configured."""
    return classes.get(one.connection, {}).get(one.operation)


def sort_out(
    action: Action, candidates: Sequence[Candidate], classes: RepeatClasses
) -> tuple[list[Candidate], dict[Candidate, Exclusion]]:
    """Return what may be acted on, in its order, and the others with their reasons."""
    rule = _why_not_dismissed if action is Action.DISMISS else _why_not_replayed
    excluded = {one: why for one in candidates if (why := rule(one, classes)) is not None}
    included = [one for one in candidates if one not in excluded]
    if action is Action.DISMISS:
        return included, excluded
    # Where the dossier itself goes again, its steps may follow it.
    declared = {one.lane_id for one in included if one.operation == PUSH_DOSSIER}
    for one in included:
        if one.held_reason == NOT_ACCEPTED_THERE and one.lane_id not in declared:
            excluded[one] = Exclusion.NOT_THERE
    return [one for one in included if one not in excluded], excluded


def _why_not_replayed(one: Candidate, classes: RepeatClasses) -> Exclusion | None:
    repeat = repeat_class(one, classes)
    is_snapshot = one.operation == PUSH_DOSSIER and one.revision is not None
    checks: tuple[tuple[bool, Exclusion], ...] = (
        (one.state in _ENDED, _ENDED.get(one.state, Exclusion.GONE)),
        (one.being_sent, Exclusion.BEING_SENT),
        (not one.may_be_replayed, Exclusion.STILL_OPEN),
        (repeat is None, Exclusion.CONNECTION_UNKNOWN),
        (repeat is RepeatClass.NEVER, Exclusion.NEVER_REPEATED),
        (one.is_undecided, Exclusion.UNDECIDED),
        (is_snapshot and (one.confirmed_revision or 0) > (one.revision or 0), Exclusion.OVERTAKEN),
        (one.has_newer, Exclusion.NEWER_REVISION),
        (
            one.cancelled and not (is_snapshot and one.revision == one.newest_revision),
            Exclusion.DOSSIER_CANCELLED,
        ),
    )
    return next((why for holds, why in checks if holds), None)


def _why_not_dismissed(one: Candidate, classes: RepeatClasses) -> Exclusion | None:  # noqa: ARG001 - as its sibling
    if one.being_sent:
        return Exclusion.BEING_SENT
    return None if one.may_be_dismissed else _ENDED.get(one.state, Exclusion.STILL_OPEN)
