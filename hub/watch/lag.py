"""Whether the watch keeps up and takes every record: told to the operators when not, for then nobody watches."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.lookups.log import LogPosition
from hub.store.engine import Store
from hub.watch.faults import Faults

BEHIND = "watch.behind"
"""Key of the alert."""

FAULT = "watch.fault"
"""Key of the alert that the program could not take a record."""

LATEST = timedelta(minutes=2)
"""How old a look-up may be that the watch has not seen: a transaction that stays open holds all later ones back."""


async def tell_lag(store: Store, position: LogPosition, *, now: datetime) -> None:
    """Raise or clear the alert that look-ups wait to be judged."""
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT ended_at FROM lookup_ends WHERE (txid, lookup_id) > (%s::text::xid8, %s)"
            " ORDER BY txid, lookup_id LIMIT 1",
            (str(position.txid), position.lookup_id),
        )
        row = await cursor.fetchone()
        if row is None or now - row[0] < LATEST:
            await clear_alert(conn, BEHIND, now=now)
            return
        minutes = int((now - row[0]) / timedelta(minutes=1))
        sentence = Sentence(
            f"The watch over look-ups is {minutes} minutes behind: is a database transaction left open, or the clerk"
            " overloaded? Look-ups are recorded meanwhile and judged later.",
            f"Giám sát tra cứu đang chậm {minutes} phút: có giao dịch cơ sở dữ liệu bị bỏ ngỏ hoặc tiến trình văn thư"
            " quá tải? Lượt tra cứu vẫn được ghi và sẽ được xét sau.",
        )
        await raise_alert(conn, Alert(BEHIND, Severity.CRITICAL, sentence), now=now)


async def tell_faults(store: Store, faults: Faults, *, now: datetime) -> None:
    """Raise the alert that records could not be judged since the watch was rebuilt, or clear it."""
    async with store.transaction() as conn:
        if not faults.count:
            await clear_alert(conn, FAULT, now=now)
            return
        [(place, _)] = faults.places.most_common(1)
        sentence = Sentence(
            f"The watch could not take {faults.count} records and went on without them ({place}). This is a fault of"
            " the program: report this sentence. Look-ups it could not judge are in the log, without an explanation.",
            f"Giám sát tra cứu không xử lý được {faults.count} bản ghi và đã bỏ qua ({place}). Đây là lỗi chương"
            " trình: hãy báo lại nguyên văn câu này. Lượt chưa xét được vẫn nằm trong nhật ký, không có phần lý giải.",
        )
        await raise_alert(conn, Alert(FAULT, Severity.CRITICAL, sentence), now=now)
