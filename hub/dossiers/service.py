"""Reading dossiers: the whole with its standing at each system, and the timeline in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from contracts.errors import Sentence
from contracts.history import DECLARED
from contracts.states import STATES
from hub.dossiers.events_store import read_dossiers
from hub.dossiers.views import DossierAtSystem, DossierView, SystemStanding, Timeline, TimelineEntry
from hub.errors import Refusal
from hub.exchanges.service import ConnectionInfo
from hub.exchanges.views import ExchangeState
from hub.store.engine import Store

_NOT_FOUND = Sentence("No dossier with this code has been declared here.", "Chưa có hồ sơ nào được khai với mã này.")


class DossierService:
    """Reads dossiers for the API."""

    def __init__(self, store: Store, connections: Sequence[ConnectionInfo]) -> None:
        """``connections`` name the systems whose standing is shown."""
        self._store = store
        self._titles = {one.id: one.title for one in connections}

    async def get(self, code: str) -> DossierView:
        """Return the dossier as of its newest revision, or refuse with 404."""
        async with self._store.transaction() as conn:
            found = await read_dossiers(conn, self._store.sealer, [code])
            if code not in found:
                raise Refusal(404, "dossier_not_found", _NOT_FOUND, field="code")
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT l.*, d.recorded_at, d.revision FROM dossiers d LEFT JOIN lanes l ON l.subject = d.code"
                " WHERE d.code = %s ORDER BY l.connection",
                (code,),
            )
            rows = await cursor.fetchall()
        return DossierView(
            dossier=found[code],
            recorded_at=rows[0]["recorded_at"],
            systems=tuple(_standing(row) for row in rows if row["connection"] is not None),
        )

    async def timeline(self, code: str) -> Timeline:
        """Return what happened, oldest first: to the dossier, and to its messages. Holds no personal data."""
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT revision, kind, state, occurred_at, recorded_at, late_entry FROM dossier_events"
                " WHERE dossier_code = %s ORDER BY revision",
                (code,),
            )
            events = await cursor.fetchall()
            if not events:
                raise Refusal(404, "dossier_not_found", _NOT_FOUND, field="code")
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT id, connection, operation, revision, step_sequence, state, accepted_at, ended_at, attempts,"
                " reason, reason_vi FROM exchanges WHERE subject = %s ORDER BY position",
                (code,),
            )
            exchanges = await cursor.fetchall()
        entries = [_event_entry(row, first=row["revision"] == 1) for row in events]
        entries.extend(self._exchange_entry(row) for row in exchanges if row["state"] != ExchangeState.SUPERSEDED)
        entries.sort(key=lambda entry: entry.at)
        return Timeline(code=code, entries=tuple(entries))

    def _exchange_entry(self, row: dict[str, Any]) -> TimelineEntry:
        title = self._titles.get(row["connection"], Sentence(row["connection"], row["connection"]))
        what, what_vi = (
            (f"step {row['step_sequence']}", f"bước {row['step_sequence']}")
            if row["step_sequence"] is not None
            else (f"revision {row['revision']}", f"phiên bản {row['revision']}")
        )
        outcome, outcome_vi = _OUTCOMES[ExchangeState(row["state"])]
        at: datetime = row["ended_at"] or row["accepted_at"]
        reason = f" {row['reason']}" if row["reason"] and row["state"] != ExchangeState.DELIVERED else ""
        reason_vi = f" {row['reason_vi']}" if row["reason_vi"] and row["state"] != ExchangeState.DELIVERED else ""
        return TimelineEntry(
            at=at,
            recorded_at=at,
            kind="exchange",
            text=f"{title.en}: {what} {outcome}.{reason}",
            text_vi=f"{title.vi}: {what_vi} {outcome_vi}.{reason_vi}",
            revision=row["revision"],
            connection=row["connection"],
            exchange_id=str(row["id"]),
        )


_OUTCOMES: dict[ExchangeState, tuple[str, str]] = {
    ExchangeState.ACCEPTED: ("waits to be sent", "đang chờ gửi"),
    ExchangeState.SENDING: ("is being sent", "đang gửi"),
    ExchangeState.WAITING: ("waits for another try", "chờ thử lại"),
    ExchangeState.UNKNOWN: ("has an unknown outcome", "chưa rõ kết quả"),
    ExchangeState.DELIVERED: ("was delivered", "đã giao"),
    ExchangeState.REFUSED: ("was refused", "bị từ chối"),
    ExchangeState.QUARANTINED: ("is quarantined", "bị cách ly"),
    ExchangeState.GIVEN_UP: ("was given up and needs a person", "đã ngừng gửi, cần người xử lý"),
    ExchangeState.DISMISSED: ("was dismissed", "đã bỏ qua"),
    ExchangeState.SUPERSEDED: ("was replaced by a newer one", "được thay bằng bản mới hơn"),
}

_EVENTS: dict[str, tuple[str, str]] = {
    DECLARED: ("The dossier's facts were declared again", "Khai lại thông tin hồ sơ"),
    "step": ("A step of processing", "Một bước xử lý"),
    "supplement_request": ("More papers were requested", "Yêu cầu bổ sung giấy tờ"),
    "supplement_receipt": ("The papers asked for have come", "Đã nhận giấy tờ bổ sung"),
    "result": ("A result paper was recorded", "Ghi nhận giấy tờ kết quả"),
    "withdrawal": ("The applicant withdrew the dossier", "Người nộp rút hồ sơ"),
    "cancellation": ("The dossier was cancelled", "Hồ sơ bị huỷ"),
}


def _event_entry(row: dict[str, Any], *, first: bool) -> TimelineEntry:
    text, text_vi = _EVENTS[row["kind"]]
    if first:
        text, text_vi = "The dossier was declared", "Khai hồ sơ"
    state = STATES[row["state"] - 1]
    when, when_vi = "state", "trạng thái"
    late, late_vi = "", ""
    if row["late_entry"]:
        # A late entry stands at its own time, but the state is that of the dossier when it was entered.
        late, late_vi = ", entered late", ", nhập muộn"
        when, when_vi = "when it was entered the dossier stood in state", "khi nhập, hồ sơ đang ở trạng thái"
    return TimelineEntry(
        at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        kind=row["kind"],
        text=f"{text}{late}; {when} {state.number} ({state.value}).",
        text_vi=f"{text_vi}{late_vi}; {when_vi} {state.number} ({state.vietnamese}).",
        late_entry=row["late_entry"],
        revision=row["revision"],
    )


def _standing(row: dict[str, Any]) -> DossierAtSystem:
    if row["held_reason"] is not None:
        standing = SystemStanding.HELD
    elif row["open_count"] == 0 and row["confirmed_revision"] == row["revision"]:
        standing = SystemStanding.CURRENT
    elif row["confirmed_revision"] is None and row["open_count"] == 0:
        standing = SystemStanding.NEVER_SENT
    elif row["open_count"] == 0:
        standing = SystemStanding.BEHIND
    else:
        standing = SystemStanding.PENDING
    state = row["confirmed_state"]
    return DossierAtSystem(
        connection=row["connection"],
        standing=standing,
        confirmed_revision=row["confirmed_revision"],
        confirmed_state=STATES[state - 1] if state is not None else None,
        confirmed_at=row["confirmed_at"],
        open_exchanges=row["open_count"],
        held_reason=row["held_reason"],
        next_attempt_at=row["due_at"] if row["open_count"] else None,
    )
