"""An answer that says "not now": 429 and 503 with ``Retry-After`` (RFC 9110 10.2.3, RFC 6585 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from adapters.transport.faults_to_errors import Call
from contracts.errors import Sentence, TryLater

LONGEST = timedelta(hours=24)
"""A longer wish is read as this one: a mistyped date must not park a connection for years."""

_STATUSES = frozenset({429, 503})


def not_now(status: int, headers: Mapping[str, str], call: Call) -> TryLater | None:
    """Return `TryLater` with their wish if the answer is a 429 or 503 that says when to come back.

    Both statuses say that the request was not processed, so this holds for writes too. Without a readable
    ``Retry-After`` the answer is left to the adapter: then it may be any server's page on the way.
    """
    if status not in _STATUSES:
        return None
    after = wish(headers.get("retry-after", ""), now=datetime.now(UTC))
    if after is None:
        return None
    return TryLater(
        Sentence(
            en="The partner asks to come back later; nothing was processed.",
            vi="Bên nhận đề nghị gửi lại sau; yêu cầu chưa được xử lý.",
        ),
        after=after,
        connection=call.connection,
        operation=call.operation,
        upstream_code=str(status),
    )


def wish(value: str, *, now: datetime) -> timedelta | None:
    """Return how long ``Retry-After`` asks to wait, from 0 to `LONGEST`; ``None`` when it cannot be read."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - now, LONGEST))
