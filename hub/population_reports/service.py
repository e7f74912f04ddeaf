"""Making a report: whose agencies it may cover, its figures as of one moment, and its own entry in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.errors import Sentence
from hub.access.agencies import covers
from hub.errors import Refusal
from hub.ledger.entries import record_act
from hub.population_reports import queries
from hub.population_reports.periods import Period, newest_due
from hub.population_reports.views import (
    AccountsLine,
    CaseFigures,
    ClosedAccount,
    DormantAccount,
    DuePeriods,
    PeriodView,
    PopulationUseReport,
    RefusalLine,
    UseLine,
)
from hub.profiles.profile import Profile
from hub.store.connections import Connection
from hub.store.engine import Store

MOST_LISTED = 20_000
"""Accounts in a list; a province has thousands."""

_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL statement_timeout = '180s'",
)
"""All tables of a report are of one moment; a report may take long, and not for ever."""


@dataclass(frozen=True, slots=True)
class ReportReader:
    """Who asks for a report."""

    actor: str
    """The id of the API client, or the operator the command line names."""
    agencies: tuple[str, ...] = ()
    """Those the reader is confined to; none: the whole province."""


def _now() -> datetime:
    return datetime.now(UTC)


class PopulationReports:
    """Makes reports on the use of the population database (VP 8.4, 29.8b; HD 21; YB 22; LĐ 23)."""

    def __init__(self, store: Store, profile: Profile, now: Callable[[], datetime] = _now) -> None:
        """``profile`` says which periods are due and when an account counts as dormant."""
        self._store = store
        self._profile = profile
        self._now = now

    def due(self) -> DuePeriods:
        """Return the newest complete period of each kind that the province reports."""
        now = self._now()
        found = newest_due(self._profile.population_report_periods, now)
        return DuePeriods(items=tuple(_period(one, now) for one in found))

    def newest_due(self) -> Period:
        """Return the newest complete period of the shortest kind that the province reports."""
        return newest_due(self._profile.population_report_periods, self._now())[0]

    async def make(
        self, period: Period, reader: ReportReader, *, agency: str | None = None, form: str = "json"
    ) -> PopulationUseReport:
        """Return the report of a period, which may still run; that it was read stands in the ledger.

        Args:
            period: The period.
            reader: Who asks.
            agency: Only this agency and those below it.
            form: In which format it is handed out, for the ledger.

        Raises:
            Refusal: 403 ``agency_not_allowed``; 422 ``period_in_future``.
            StoreUnavailable: The database does not answer.
        """
        now = self._now()
        if period.start > now:
            raise Refusal(
                422,
                "period_in_future",
                Sentence("This period has not begun yet.", "Kỳ báo cáo này chưa bắt đầu."),
                field="period",
            )
        _require_visible(reader.agencies, agency)
        async with self._store.transaction() as conn:
            for one in _SETTINGS:
                await conn.execute(one)
            report = await self._count(conn, period, reader, agency, now)
            await record_act(
                conn,
                act="report.population_use",
                actor=reader.actor,
                target=f"population-use:{period}",
                facts={"agency": agency or "", "confined_to": " ".join(reader.agencies)[:1000], "format": form},
                at=now,
            )
        return report

    async def _count(
        self, conn: Connection, period: Period, reader: ReportReader, agency: str | None, now: datetime
    ) -> PopulationUseReport:
        values: dict[str, Any] = {
            "start": period.start,
            "end": period.end,
            "idle_before": now - timedelta(days=self._profile.account_dormant_days),
            "most": MOST_LISTED,
        }
        known = [row["unit_code"] for row in await queries.rows(conn, queries.UNITS, values)]
        values["units"] = [one for one in known if _is_visible(one, reader.agencies, agency)]
        use = await self._use(conn, values)
        accounts = [AccountsLine(**row) for row in await queries.rows(conn, queries.ACCOUNTS, values)]
        cases = [CaseFigures(**row) for row in await queries.rows(conn, queries.CASES, values)]
        return PopulationUseReport(
            period=_period(period, now),
            made_at=now,
            agency=agency,
            units=reader.agencies,
            due=period.kind.value in self._profile.population_report_periods,
            total=use["total"][0],
            by_unit=tuple(use["unit"]),
            by_account=tuple(use["account"]),
            by_month=tuple(use["month"]),
            by_quarter=tuple(use["quarter"]),
            by_unit_and_month=tuple(use["unit_month"]),
            by_kind=tuple(use["kind"]),
            refusals=tuple(RefusalLine(**row) for row in await queries.rows(conn, queries.REFUSALS, values)),
            accounts_total=accounts[0],
            accounts=tuple(accounts[1:]),
            closed_accounts=tuple(ClosedAccount(**row) for row in await queries.rows(conn, queries.CLOSED, values)),
            dormant_accounts=tuple(DormantAccount(**row) for row in await queries.rows(conn, queries.DORMANT, values)),
            cases_total=cases[0],
            cases=tuple(cases[1:]),
        )

    async def _use(self, conn: Connection, values: dict[str, Any]) -> dict[str, list[UseLine]]:
        found = await queries.rows(conn, queries.USE, values)
        ids = list({row["account_id"] for row in found if row["account_id"] is not None})
        named = await queries.rows(conn, queries.CODES, {"ids": ids})
        codes = {row["id"]: row["officer_code"] for row in named}
        lines: dict[str, list[UseLine]] = {name: [] for name in queries.GRAINS.values()}
        for row in found:
            grain = queries.GRAINS[row["grain"]]
            lines[grain].append(_line(row, codes, with_account=grain == "account"))
        return lines


def _line(row: Mapping[str, Any], codes: Mapping[str, str], *, with_account: bool) -> UseLine:
    account = {"role": row["role"] or None, "officer_code": codes.get(row["account_id"])} if with_account else {}
    judged, explained = row["judged"], row["explained"]
    share = round(explained / judged, 4) if judged else None
    # The role is of an account; in the other tables it would be anybody's.
    return UseLine(**{**row, "role": None, **account, "explained_share": share})


def _period(period: Period, now: datetime) -> PeriodView:
    return PeriodView(
        period=str(period),
        kind=period.kind,
        title=period.vietnamese,
        first_day=period.first_day,
        last_day=period.last_day,
        complete=period.end <= now,
    )


def _is_visible(code: str, agencies: Sequence[str], agency: str | None) -> bool:
    return (not agencies or covers(agencies, code)) and (agency is None or covers([agency], code))


def _require_visible(agencies: Sequence[str], agency: str | None) -> None:
    # One above the reader's own is fine: the part of it that is the reader's is shown.
    if agency is None or not agencies or covers(agencies, agency):
        return
    if not any(covers([agency], own) for own in agencies):
        raise Refusal(
            403,
            "agency_not_allowed",
            Sentence(
                "This client may not see this agency; ask the operator of the hub.",
                "Ứng dụng này không được phép xem cơ quan này; hãy liên hệ quản trị viên.",
            ),
            field="agency",
        )
