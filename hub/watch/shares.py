"""The explained share per unit: the first figure to publish.

A look-up counts as explained when less than half of it stays unexplained. Below the least share the link between
dossiers and look-ups is broken, as when a dossier system does not send codes: that is told to the operators, as theirs
to repair, and says nothing about anybody's conduct.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString

from pydantic import BaseModel, ConfigDict

from contracts.errors import Sentence
from hub.access.agencies import covers
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.watch import metrics
from hub.watch.settings import WatchSettings

LOOK_BACK = timedelta(days=7)
PREFIX = "watch.explained_share."
"""Begin of the key of the alert about a unit; its code follows."""

MOST_TOLD = 200
"""Units for which an alert may be open."""

_QUERY: LiteralString = """
    WITH counted AS (
        SELECT DISTINCT ON (lookup_id) unit_code, w FROM lookup_explanations
        WHERE asked_at >= %(since)s AND asked_at <= %(until)s ORDER BY lookup_id, late DESC
    )
    SELECT unit_code, count(*), count(*) FILTER (WHERE w < 0.5) FROM counted GROUP BY unit_code ORDER BY unit_code
"""


class ExplainedShare(BaseModel):
    """How many look-ups of a unit are explained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_code: str
    lookups: int
    explained: int
    share: float


async def explained_shares(
    conn: Connection, *, since: datetime, until: datetime, agencies: Sequence[str] = ()
) -> list[ExplainedShare]:
    """Return the shares of the units that looked anybody up, of these agencies (none: all)."""
    cursor = await conn.execute(_QUERY, {"since": since, "until": until})
    return [
        ExplainedShare(unit_code=unit, lookups=count, explained=explained, share=round(explained / count, 4))
        for unit, count, explained in await cursor.fetchall()
        if not agencies or covers(agencies, unit)
    ]


async def publish_shares(store: Store, settings: WatchSettings, *, now: datetime) -> None:
    """Set the metrics, and tell the operators of units whose link to dossiers is broken."""
    async with store.transaction() as conn:
        found = await explained_shares(conn, since=now - LOOK_BACK, until=now)
        metrics.shares({one.unit_code: one.share for one in found})
        low = {
            one.unit_code: one
            for one in found
            if one.lookups >= settings.explained_share_lookups and one.share < settings.explained_share_least
        }
        cursor = await conn.execute(
            "SELECT key FROM alerts WHERE cleared_at IS NULL AND starts_with(key, %s)", (PREFIX,)
        )
        for (key,) in await cursor.fetchall():
            if key.removeprefix(PREFIX) not in low:
                await clear_alert(conn, key, now=now)
        for unit, one in list(low.items())[:MOST_TOLD]:
            least = f"{settings.explained_share_least:.0%}"
            sentence = Sentence(
                f"Only {one.share:.0%} of the look-ups of unit {unit} in seven days are explained by a dossier (at"
                f" least {least} is usual): the dossier system may not send dossier codes, parties or assignments.",
                f"Chỉ {one.share:.0%} lượt tra cứu của đơn vị {unit} trong bảy ngày gắn được với hồ sơ (thường từ"
                f" {least}): có thể phần mềm hồ sơ không gửi mã hồ sơ, người liên quan hoặc phân công.",
            )
            await raise_alert(conn, Alert(f"{PREFIX}{unit}", Severity.WARNING, sentence), now=now)
