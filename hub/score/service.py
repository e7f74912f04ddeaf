"""Reading scores, the dossiers that cost points, and early warnings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import dict_row

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from contracts.states import STATES
from hub.access.agencies import covers
from hub.errors import Refusal
from hub.score import queries
from hub.score.causes import Cause, WarningCause
from hub.score.lines import Counts, Line, Rate, add, rates
from hub.score.views import (
    AgencyScore,
    CauseView,
    CostlyDossier,
    CostlyPage,
    LineView,
    RateView,
    ScorePage,
    WarningPage,
    WarningView,
)
from hub.settings import ScoreSettings, SettingsError
from hub.store.engine import Store
from hub.web import cursors

_NOT_YOURS = Sentence(
    "This client may not see this agency; ask the operator of the hub.",
    "Ứng dụng này không được phép xem cơ quan này; hãy liên hệ quản trị viên.",
)
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
_MOST = 500

SCAN = 1000
MOST_SCANS = 10
"""Dossiers looked at with one statement, and statements for one page: what bounds the time of an answer."""

EVERYWHERE: tuple[str, ...] | None = None
"""In place of a client's agencies: whoever sits at the command line sees all of them."""


def scored_connection(settings: ScoreSettings, publishers: Sequence[str]) -> str | None:
    """Return the connection whose copy of the dossiers is scored; ``publishers`` are those that follow dossiers.

    Raises:
        SettingsError: The settings name another one.
    """
    if settings.connection is None:
        return next(iter(publishers), None)
    if settings.connection not in publishers:
        raise SettingsError(
            Sentence(
                en="The setting scores.connection names no enabled connection that follows dossiers.",
                vi="Khóa cấu hình scores.connection không phải là một kết nối đang bật có theo dõi hồ sơ.",
            ),
            key="scores.connection",
        )
    return settings.connection


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Return the first moment of a month ``YYYY-MM`` and of the next one, as Vietnam reckons."""
    year, number = int(month[:4]), int(month[5:])
    start = datetime(year, number, 1, tzinfo=VIETNAM)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=VIETNAM)
    return start.astimezone(UTC), end.astimezone(UTC)


class ScoreService:
    """Reads scores and warnings; ``agencies`` of every call are those the caller may see."""

    def __init__(self, store: Store, settings: ScoreSettings, connection: str | None) -> None:
        """``connection`` is the one whose copy of the dossiers is scored; ``None`` where there is none."""
        self._store = store
        self._settings = settings
        self._connection = connection

    async def scores(
        self, month: str, *, now: datetime, agencies: Collection[str] | None = EVERYWHERE, agency: str | None = None
    ) -> ScorePage:
        """Return every line of the month, by agency and in total; refuse (403) an agency the caller may not see."""
        _require_visible(agencies, agency)
        values = self._values(month, now)
        async with self._store.transaction() as conn:
            rows = await (await conn.cursor(row_factory=dict_row).execute(queries.COUNTS, values)).fetchall()
            found = await (await conn.execute("SELECT worked_at FROM score_progress")).fetchone()
        sides: dict[str, dict[str, Counts]] = {}
        for row in rows:
            if _is_visible(row["agency_code"], agencies, agency):
                sides.setdefault(row["agency_code"], {})[row["side"]] = _counts(row)
        told = self._settings.reported.get(month, {})
        items = [
            _agency_score(code, one.get("ours", Counts()), one.get("portal", Counts()), reported=told.get(code))
            for code, one in sorted(sides.items())
        ]
        return ScorePage(
            month=month,
            as_of=values["until"],
            worked_at=found[0] if found else None,
            connection=self._connection,
            total=_total(sides, items),
            items=tuple(items),
        )

    async def costly(
        self,
        month: str,
        *,
        now: datetime,
        agencies: Collection[str] | None = EVERYWHERE,
        agency: str | None = None,
        cause: Cause | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> CostlyPage:
        """Return a page of the dossiers of the month that cost points and why, in the order of reception.

        A page may hold fewer than ``limit``, even none, and still have a ``next_cursor``: so many dossiers are looked
        at for one page and no more, however few of them cost a point.
        """
        _require_visible(agencies, agency)
        at, code = _read_cursor(cursor) if cursor else (_BEGINNING, "")
        size = min(max(limit, 1), _MOST)
        values = self._values(month, now) | {"scan": SCAN}
        shown: list[CostlyDossier] = []
        async with self._store.transaction() as conn:
            for _ in range(MOST_SCANS):
                values |= {"after_at": at, "after_code": code}
                rows = await (await conn.cursor(row_factory=dict_row).execute(queries.COSTS, values)).fetchall()
                for row in rows:
                    at, code = row["counted_at"], row["code"]
                    if _is_wanted(row, cause) and _is_visible(row["agency_code"], agencies, agency):
                        shown.append(_costly(row))
                    if len(shown) == size:
                        return CostlyPage(items=tuple(shown), next_cursor=_write_cursor(at, code))
                if len(rows) < SCAN:
                    return CostlyPage(items=tuple(shown), next_cursor=None)
        return CostlyPage(items=tuple(shown), next_cursor=_write_cursor(at, code))

    async def warnings(
        self,
        *,
        agencies: Collection[str] | None = EVERYWHERE,
        agency: str | None = None,
        cause: WarningCause | None = None,
        cleared: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> WarningPage:
        """Return a page of warnings, newest first: those in force, or with ``cleared`` those that have ended."""
        _require_visible(agencies, agency)
        size = min(max(limit, 1), _MOST)
        values: dict[str, Any] = {
            "before": _read_number(cursor) if cursor else None,
            "cause": cause.value if cause else None,
            "cleared": cleared,
            "limit": size + 1,
        }
        async with self._store.transaction() as conn:
            known = await (await conn.execute(_WARNING_AGENCIES, values)).fetchall()
            values["agencies"] = [code for (code,) in known if _is_visible(code, agencies, agency)]
            rows = await (await conn.cursor(row_factory=dict_row).execute(_WARNINGS, values)).fetchall()
        shown = rows[:size]
        return WarningPage(
            items=tuple(_warning(row) for row in shown),
            next_cursor=str(shown[-1]["id"]) if len(rows) > size else None,
        )

    def _values(self, month: str, now: datetime) -> dict[str, Any]:
        start, end = month_bounds(month)
        return {
            "connection": self._connection,
            "start": start,
            "end": end,
            "until": max(start, min(end, now)),
            "now": now,
            "settled": now - timedelta(minutes=self._settings.synchronised_within_minutes),
            "handled": self._settings.on_time_among == "handled",
            "always": self._settings.supplement_clock == "always",
            "finished": self._settings.results_among == "finished",
            "population": list(self._settings.population_databases),
        }


_WARNING_AGENCIES: LiteralString = (
    "SELECT DISTINCT agency_code FROM score_warnings WHERE (cleared_at IS NOT NULL) = %(cleared)s"
)
_WARNINGS: LiteralString = """
    SELECT id, code, agency_code, cause, due_at, raised_at, cleared_at FROM score_warnings
    WHERE (cleared_at IS NOT NULL) = %(cleared)s AND agency_code = ANY(%(agencies)s)
      AND (%(cause)s::text IS NULL OR cause = %(cause)s) AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC LIMIT %(limit)s
"""


def _is_visible(code: str, agencies: Collection[str] | None, agency: str | None) -> bool:
    return (agencies is None or covers(agencies, code)) and (agency is None or covers([agency], code))


def _require_visible(agencies: Collection[str] | None, agency: str | None) -> None:
    # One above the caller's own is fine: the part of it that is the caller's is shown.
    if agency is None or agencies is None or covers(agencies, agency):
        return
    if not any(covers([agency], own) for own in agencies):
        raise Refusal(403, "agency_not_allowed", _NOT_YOURS, field="agency")


def _counts(row: Mapping[str, Any]) -> Counts:
    counted = (line for line in Line if line is not Line.SYNCHRONISED)
    lines: dict[Line, tuple[int, int]] = {line: (row[line.value], row[f"{line.value} of"]) for line in counted}
    return Counts(held=row["held"], received=row["received"], lines=lines)


def _agency_score(agency: str | None, ours: Counts, portal: Counts, *, reported: int | None) -> AgencyScore:
    expected = ours.received if reported is None else reported
    here, there = rates(ours, expected=expected), rates(portal, expected=expected)
    return AgencyScore(
        agency=agency,
        received=ours.received,
        received_there=portal.received,
        reported=reported,
        lines=tuple(
            LineView(
                line=line,
                title=line.sentence.en,
                title_vi=line.sentence.vi,
                ours=_rate_view(here[line]),
                portal=_rate_view(there[line]),
                full_mark_at=line.full_mark_at,
            )
            for line in Line
        ),
    )


def _total(sides: Mapping[str, Mapping[str, Counts]], items: Sequence[AgencyScore]) -> AgencyScore:
    ours = portal = Counts()
    for one in sides.values():
        ours, portal = add(ours, one.get("ours", Counts())), add(portal, one.get("portal", Counts()))
    # Where the report system is known of some agencies only, our own count stands in for the others.
    told = [one.received if one.reported is None else one.reported for one in items]
    known = any(one.reported is not None for one in items)
    return _agency_score(None, ours, portal, reported=sum(told) if known else None)


def _rate_view(rate: Rate) -> RateView:
    return RateView(counted=rate.counted, of=rate.of, rate=None if rate.rate is None else round(rate.rate, 4))


def _is_wanted(row: Mapping[str, Any], cause: Cause | None) -> bool:
    return bool(row["causes"]) if cause is None else cause.value in row["causes"]


def _costly(row: Mapping[str, Any]) -> CostlyDossier:
    causes = [Cause(one) for one in row["causes"]]
    return CostlyDossier(
        code=row["code"],
        agency=row["agency_code"],
        state=STATES[row["state"] - 1],
        portal_state=STATES[row["portal_state"] - 1] if row["portal_state"] is not None else None,
        received_at=row["received_at"],
        due_at=row["due_at"],
        ended_at=row["ended_at"],
        revision=row["newest_revision"],
        confirmed_revision=row["confirmed_revision"],
        causes=tuple(
            CauseView(cause=one, line=one.line, text=one.sentence.en, text_vi=one.sentence.vi) for one in causes
        ),
    )


def _warning(row: Mapping[str, Any]) -> WarningView:
    cause = WarningCause(row["cause"])
    return WarningView(
        id=row["id"],
        dossier_code=row["code"],
        agency=row["agency_code"],
        cause=cause,
        due_at=row["due_at"],
        raised_at=row["raised_at"],
        cleared_at=row["cleared_at"],
        text=cause.sentence.en,
        text_vi=cause.sentence.vi,
    )


def _write_cursor(at: datetime, code: str) -> str:
    return base64.urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()}|{code}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        at, _, code = text.partition("|")
        moment = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise cursors.bad_cursor() from None
    if moment.tzinfo is None or not code or not code.isprintable():
        raise cursors.bad_cursor()
    return moment, code


def _read_number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):  # noqa: PLR2004 - a bigint has 18 safe digits
        raise cursors.bad_cursor()
    return int(cursor)
