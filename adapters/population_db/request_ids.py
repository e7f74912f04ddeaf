"""`MaYeuCau`: a request id that names the look-up it belongs to and never repeats.

A known client took the seconds of the clock and had sixty ids. Here the look-up's UUID is in it whole, and a further
call for the same look-up is numbered.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta, timezone

from contracts.population import Asker

_REMEMBERED = 10_000
"""Look-ups whose calls are counted; a look-up is asked again within seconds or never."""
_VIETNAM = timezone(timedelta(hours=7))
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

PLACES = frozenset({"id", "short_id", "uuid", "day", "unit"})
WHOLE_IDS = frozenset({"id", "short_id", "uuid"})
"""Those that hold the look-up's UUID whole: one of them must be there."""


class RequestIds:
    """Gives request ids of one form."""

    def __init__(self, form: str) -> None:
        """``form`` has the places of `PLACES` in braces."""
        self._form = form
        self._calls: OrderedDict[str, int] = OrderedDict()

    def next(self, asker: Asker, now: datetime) -> str:
        """Return the id of the next call for this asker's look-up."""
        calls = self._calls.pop(asker.lookup_id, 0) + 1
        self._calls[asker.lookup_id] = calls
        if len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)
        digits = asker.lookup_id.replace("-", "")
        written = self._form.format(
            id=digits,
            short_id=_base36(int(digits, 16)) if "{short_id}" in self._form else "",
            uuid=asker.lookup_id,
            day=now.astimezone(_VIETNAM).strftime("%Y%m%d") if "{day}" in self._form else "",
            unit=asker.unit_code,
        )
        return written if calls == 1 else f"{written}-{calls}"


def _base36(value: int) -> str:
    written = ""
    while value:
        value, digit = divmod(value, 36)
        written = _DIGITS[digit] + written
    return written.rjust(25, "0")
