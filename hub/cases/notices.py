"""Security notices of cases: a person should look, told through the channels of alerts, without anybody's data.

Neither the citizen nor the officer is named: channels are e-mail and chat of whoever is on duty. At most `MOST_OPEN`
cases are told one by one; of what is more, one notice says how many wait, so that a flood stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.cases.records import NUMBER_SQL
from hub.cases.scoring import CaseLevel, level_of
from hub.store.connections import Connection

MOST_OPEN = 20
"""Open notices about single cases; more are told as one."""

QUEUE = "cases.queue"
"""Key of the notice that says how many cases wait."""

_PREFIX = "case."

_SEVERITY: Mapping[CaseLevel, Severity] = {
    CaseLevel.CRITICAL: Severity.CRITICAL,
    CaseLevel.HIGH: Severity.CRITICAL,
    CaseLevel.MEDIUM: Severity.WARNING,
    CaseLevel.LOW: Severity.INFO,
}
_WORDS: Mapping[CaseLevel, tuple[str, str]] = {
    CaseLevel.CRITICAL: ("critical", "nghiêm trọng"),
    CaseLevel.HIGH: ("high", "cao"),
    CaseLevel.MEDIUM: ("medium", "vừa"),
    CaseLevel.LOW: ("low", "thấp"),
}

_SELECT: LiteralString = f"SELECT {NUMBER_SQL}, c.unit_code, c.score, c.state, c.lookups FROM cases c WHERE c.id = %s"  # noqa: S608 - constants


def key_of_case(case_id: UUID) -> str:
    """Return the key of the notice about one case."""
    return f"{_PREFIX}{case_id}"


async def tell_of_case(conn: Connection, case_id: UUID, *, now: datetime) -> None:
    """Raise the notice of a case that waits for somebody, or make it more severe; clear it when it does not wait."""
    row = await (await conn.execute(_SELECT, (case_id,))).fetchone()
    if row is None:
        return
    number, unit, score, state, lookups = row
    if state != "new":
        await clear_alert(conn, key_of_case(case_id), now=now, sentence=_TAKEN)
        return
    level = level_of(score)
    en, vi = _WORDS[level]
    sentence = Sentence(
        f"Case {number} ({en}) about look-ups of the population database in unit {unit} waits to be taken:"
        f" {lookups} look-ups, score {score:.1f}.",
        f"Vụ việc {number} (mức {vi}) về tra cứu CSDL dân cư tại đơn vị {unit} chờ người nhận:"
        f" {lookups} lượt tra cứu, điểm {score:.1f}.",
    )
    key = key_of_case(case_id)
    if await _is_one_too_many(conn, key):
        await raise_alert(conn, Alert(QUEUE, Severity.WARNING, await _many(conn)), now=now)
        return
    await raise_alert(conn, Alert(key, _SEVERITY[level], sentence), now=now)


async def tell_queue(conn: Connection, *, now: datetime) -> None:
    """Clear the notice about many cases when few wait again."""
    cursor = await conn.execute("SELECT count(*) FROM cases WHERE state = 'new'")
    row = await cursor.fetchone()
    if row is not None and row[0] <= MOST_OPEN:
        await clear_alert(conn, QUEUE, now=now)


async def _is_one_too_many(conn: Connection, key: str) -> bool:
    cursor = await conn.execute(
        "SELECT count(*) FILTER (WHERE key <> %s), count(*) FILTER (WHERE key = %s) FROM alerts"
        " WHERE cleared_at IS NULL AND starts_with(key, %s)",
        (key, key, _PREFIX),
    )
    row = await cursor.fetchone()
    return row is not None and row[1] == 0 and row[0] >= MOST_OPEN


async def _many(conn: Connection) -> Sentence:
    cursor = await conn.execute("SELECT count(*) FROM cases WHERE state = 'new'")
    row = await cursor.fetchone()
    count = 0 if row is None else row[0]
    return Sentence(
        f"{count} cases about look-ups wait to be taken; further ones are not told one by one. See the queue of cases.",
        f"{count} vụ việc về tra cứu đang chờ người nhận; các vụ tiếp theo không báo riêng. Xem hàng đợi vụ việc.",
    )


_TAKEN = Sentence("Somebody works on this case, or it is decided.", "Vụ việc đã có người xử lý hoặc đã kết luận.")
