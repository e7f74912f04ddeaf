"""Whether the watch keeps up: told to the operators when it does not, for then nobody watches."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.lookups.log import LogPosition
from hub.store.engine import Store

BEHIND = "watch.behind"
"""Key of the alert."""

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
