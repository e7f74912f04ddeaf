"""Announcing and cancelling maintenance windows, with the notice the province's profile demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from contracts.calendar import VIETNAM, WorkingCalendar
from contracts.errors import Sentence
from contracts.inbox import InboxKind, MaintenanceAnnounced
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.errors import Refusal
from hub.exchanges.outbox import WAKE_CHANNEL
from hub.health.views import WindowList, WindowView
from hub.health.windows import ALERT, earliest_start, latest_announcement
from hub.inbox.receiving import announce
from hub.ledger.entries import record_act
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.store.joining import joined

LONGEST = timedelta(days=30)
FURTHEST = timedelta(days=366)
"""How long a window may be, and how far ahead it may lie."""

GRACE = timedelta(minutes=5)
"""A window may be said to begin "now" by a clock a little behind ours."""

MOST_LISTED = 500

_NO_CONNECTION = Sentence("There is no connection with this id in this deployment.", "Không có kết nối nào với mã này.")
_NO_WINDOW = Sentence("There is no maintenance window with this id.", "Không có khung giờ bảo trì nào với mã này.")
_ENDED = Sentence(
    "This window has ended or was cancelled already.", "Khung giờ bảo trì này đã kết thúc hoặc đã được huỷ."
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the province's profile demands."""

    days: int
    """Working days ahead."""
    article: str
    calendar: WorkingCalendar


@dataclass(frozen=True, slots=True)
class Wanted:
    """A window somebody wants to announce."""

    connection: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    urgent_reason: str | None = None
    """Why it cannot wait for the lawful notice."""


class MaintenanceService:
    """Announces, lists and cancels windows."""

    def __init__(self, store: Store, titles: Mapping[str, Sentence], notice: Notice) -> None:
        """``titles`` of all configured connections, by id."""
        self._store = store
        self._titles = dict(titles)
        self._notice = notice

    async def announce(
        self, wanted: Wanted, *, actor: str, now: datetime | None = None, within: Connection | None = None
    ) -> WindowView:
        """Announce a window; the dossier systems hear of it through the inbox, people through the alert channels.

        Refuses an unknown connection (404), times out of order (422), and a notice shorter than the profile demands
        (422 ``notice_too_short``) unless it says why it is urgent; then it is marked as such.
        """
        at = now if now is not None else datetime.now(UTC)
        late = self._check(wanted, at)
        async with joined(self._store, within) as conn:
            cursor = await conn.execute(
                "INSERT INTO maintenance_windows (connection, starts_at, ends_at, reason, announced_at, announced_by,"
                " notice_days, notice_basis, notice_until, urgent_reason)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                (
                    wanted.connection,
                    wanted.starts_at,
                    wanted.ends_at,
                    wanted.reason,
                    at,
                    actor,
                    self._notice.days,
                    self._notice.article,
                    latest_announcement(self._notice.calendar, wanted.starts_at, self._notice.days),
                    wanted.urgent_reason if late else None,
                ),
            )
            row = await cursor.fetchone()
            window_id = int(row[0]) if row is not None else 0
            sentence = self._words(wanted)
            await record_act(
                conn,
                act="maintenance_window.announced",
                actor=actor,
                target=wanted.connection,
                reason=wanted.reason,
                facts={
                    "window": str(window_id),
                    "starts_at": wanted.starts_at.isoformat(),
                    "ends_at": wanted.ends_at.isoformat(),
                    "short_notice": "yes" if late else "no",
                },
                at=at,
            )
            await self._tell(conn, window_id, wanted, sentence, late=late, cancelled=False, now=at)
            await raise_alert(
                conn,
                Alert(
                    key=f"{ALERT}{window_id}",
                    severity=Severity.WARNING if late else Severity.INFO,
                    sentence=sentence,
                    connection=wanted.connection,
                ),
                now=at,
            )
            return await self._get(conn, window_id, at)

    async def list(
        self, *, connection: str | None = None, past: bool = False, now: datetime | None = None
    ) -> WindowList:
        """Return the windows that are under way or ahead, the next first; with ``past`` also those that were."""
        at = now if now is not None else datetime.now(UTC)
        async with self._store.transaction() as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT * FROM maintenance_windows WHERE (%(id)s::text IS NULL OR connection = %(id)s)"
                " AND (%(past)s OR (cancelled_at IS NULL AND ends_at > %(now)s)) ORDER BY starts_at, id LIMIT %(most)s",
                {"id": connection, "past": past, "now": at, "most": MOST_LISTED},
            )
            return WindowList(items=tuple(_view(row, at) for row in await cursor.fetchall()))

    async def cancel(
        self, window_id: int, *, actor: str, now: datetime | None = None, within: Connection | None = None
    ) -> WindowView:
        """Take back a window that has not begun, or end one that is under way; what waits leaves at once."""
        at = now if now is not None else datetime.now(UTC)
        async with joined(self._store, within) as conn:
            cursor = await conn.cursor(row_factory=dict_row).execute(
                "SELECT * FROM maintenance_windows WHERE id = %s FOR UPDATE", (window_id,)
            )
            row = await cursor.fetchone()
            if row is None:
                raise Refusal(404, "window_not_found", _NO_WINDOW, field="id")
            if row["cancelled_at"] is not None or row["ends_at"] <= at:
                raise Refusal(409, "window_ended", _ENDED, field="id")
            await conn.execute(
                "UPDATE maintenance_windows SET cancelled_at = %s, cancelled_by = %s WHERE id = %s",
                (at, actor, window_id),
            )
            await record_act(
                conn,
                act="maintenance_window.cancelled",
                actor=actor,
                target=row["connection"],
                facts={"window": str(window_id)},
                at=at,
            )
            title = self._titles.get(row["connection"], Sentence(row["connection"], row["connection"]))
            sentence = Sentence(
                f"{title.en}: the announced maintenance is cancelled or ended early; exchanges leave as usual.",
                f"{title.vi}: đã huỷ hoặc kết thúc sớm đợt bảo trì; trao đổi dữ liệu như thường lệ.",
            )
            wanted = Wanted(row["connection"], row["starts_at"], row["ends_at"], row["reason"])
            late = row["urgent_reason"] is not None
            await self._tell(conn, window_id, wanted, sentence, late=late, cancelled=True, now=at)
            await clear_alert(conn, f"{ALERT}{window_id}", now=at, sentence=sentence)
            await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
            return await self._get(conn, window_id, at)

    # --- inside ---------------------------------------------------------------------------------------------

    def _check(self, wanted: Wanted, now: datetime) -> bool:
        """Refuse what cannot be; return whether the notice is too short."""
        if wanted.connection not in self._titles:
            raise Refusal(404, "connection_not_found", _NO_CONNECTION, field="connection")
        for bad, code, field, sentence in (
            (wanted.ends_at <= wanted.starts_at, "window_out_of_order", "ends_at", _OUT_OF_ORDER),
            (wanted.starts_at < now - GRACE, "window_in_the_past", "starts_at", _IN_THE_PAST),
            (wanted.ends_at - wanted.starts_at > LONGEST, "window_too_long", "ends_at", _TOO_LONG),
            (wanted.starts_at - now > FURTHEST, "window_too_far", "starts_at", _TOO_FAR),
            (not wanted.reason.strip(), "reason_required", "reason", _NO_REASON),
        ):
            if bad:
                raise Refusal(422, code, sentence, field=field)
        earliest = earliest_start(self._notice.calendar, now, self._notice.days)
        if wanted.starts_at >= earliest:
            return False
        if wanted.urgent_reason is None or not wanted.urgent_reason.strip():
            raise Refusal(422, "notice_too_short", self._too_short(earliest), field="starts_at")
        return True

    def _too_short(self, earliest: datetime) -> Sentence:
        at, days, article = earliest.astimezone(VIETNAM), self._notice.days, self._notice.article
        return Sentence(
            en=f"Maintenance is announced {days} working days ahead ({article}): announced now it may begin at "
            f"{at:%Y-%m-%d %H:%M} at the earliest. If it cannot wait, say why in urgent_reason.",
            vi=f"Phải thông báo bảo trì trước {days} ngày làm việc ({article}): thông báo bây giờ thì sớm nhất được "
            f"bắt đầu lúc {at:%H:%M %d/%m/%Y}. Nếu khẩn cấp, hãy ghi lý do vào urgent_reason.",
        )

    def _words(self, wanted: Wanted) -> Sentence:
        # Without the reason, which a person typed: this goes to channels outside.
        title = self._titles[wanted.connection]
        start, end = wanted.starts_at.astimezone(VIETNAM), wanted.ends_at.astimezone(VIETNAM)
        return Sentence(
            en=f"{title.en}: announced maintenance from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}. What is "
            "declared meanwhile is taken in and leaves afterwards; nothing needs to be done.",
            vi=f"{title.vi}: bảo trì theo thông báo từ {start:%H:%M %d/%m/%Y} đến {end:%H:%M %d/%m/%Y}. Hồ sơ khai "
            "trong thời gian này vẫn được nhận và gửi đi sau đó; không cần làm gì thêm.",
        )

    async def _tell(
        self,
        conn: Connection,
        window_id: int,
        wanted: Wanted,
        sentence: Sentence,
        *,
        late: bool,
        cancelled: bool,
        now: datetime,
    ) -> None:
        await announce(
            conn,
            sealer=self._store.sealer,
            kind=InboxKind.MAINTENANCE_ANNOUNCED,
            subject=None,
            key=f"maintenance-{window_id}-{'cancelled' if cancelled else 'announced'}",
            body=MaintenanceAnnounced(
                window_id=window_id,
                connection=wanted.connection,
                starts_at=wanted.starts_at,
                ends_at=wanted.ends_at,
                cancelled=cancelled,
                short_notice=late,
                sentence=sentence.en,
                sentence_vi=sentence.vi,
            ),
            now=now,
        )

    async def _get(self, conn: Connection, window_id: int, now: datetime) -> WindowView:
        cursor = await conn.cursor(row_factory=dict_row).execute(
            "SELECT * FROM maintenance_windows WHERE id = %s", (window_id,)
        )
        rows: Sequence[Mapping[str, Any]] = await cursor.fetchall()
        return _view(rows[0], now)


def _view(row: Mapping[str, Any], now: datetime) -> WindowView:
    if row["cancelled_at"] is not None:
        state = "cancelled"
    elif now < row["starts_at"]:
        state = "ahead"
    else:
        state = "under_way" if now < row["ends_at"] else "over"
    return WindowView(
        id=row["id"],
        connection=row["connection"],
        state=state,
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        reason=row["reason"],
        announced_at=row["announced_at"],
        announced_by=row["announced_by"],
        notice_working_days=row["notice_days"],
        notice_basis=row["notice_basis"],
        notice_until=row["notice_until"],
        short_notice=row["urgent_reason"] is not None,
        urgent_reason=row["urgent_reason"],
        cancelled_at=row["cancelled_at"],
        cancelled_by=row["cancelled_by"],
    )


_OUT_OF_ORDER = Sentence(
    "A maintenance window ends after it begins.", "Thời điểm kết thúc bảo trì phải sau thời điểm bắt đầu."
)
_IN_THE_PAST = Sentence(
    "A maintenance window cannot begin in the past.", "Khung giờ bảo trì không thể bắt đầu trong quá khứ."
)
_TOO_LONG = Sentence(
    "A maintenance window is at most 30 days long; for longer, pause the connection.",
    "Khung giờ bảo trì dài nhất 30 ngày; nếu lâu hơn, hãy tạm dừng kết nối.",
)
_TOO_FAR = Sentence(
    "A maintenance window begins within a year; check the date.",
    "Khung giờ bảo trì phải bắt đầu trong vòng một năm; hãy kiểm tra lại ngày.",
)
_NO_REASON = Sentence("A maintenance window needs a reason.", "Khung giờ bảo trì phải ghi lý do.")
