"""Asking for runs and repairs, and reading what they found. Carrying them out is `hub.reconciliation.running`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from psycopg import AsyncConnection, errors
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.errors import Refusal
from hub.ledger.entries import record_act
from hub.reconciliation import reports
from hub.reconciliation.classify import Outcome
from hub.reconciliation.preview import preview_of
from hub.reconciliation.reading import count_received, is_dossier_code
from hub.reconciliation.views import (
    DifferencePage,
    DifferenceView,
    RepairPreview,
    RepairView,
    Report,
    RunPage,
    RunState,
    RunView,
    ValuePair,
)
from hub.store.engine import Store
from hub.web import cursors
from hub.web.ids import id_or

WAKE_CHANNEL = "lienthong_reconciliation"
"""Notified when there is something to be carried out."""

NIGHTLY, ON_DEMAND = "nightly", "on_demand"

MOST_CODES = 100_000
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Reconcilable:
    """A connection that can be asked what it holds, and its rates."""

    id: str
    questions_per_second: float
    delivery_per_second: float | None


class ReconciliationService:
    """Runs, differences, reports and repairs, for the API and the command line."""

    def __init__(self, store: Store, connections: Iterable[Reconcilable]) -> None:
        """``connections`` that can be asked, in the order of configuration."""
        self._store = store
        self._connections = {one.id: one for one in connections}

    # --- runs -------------------------------------------------------------------------------------------------

    async def start(
        self,
        *,
        actor: str,
        connection: str | None = None,
        from_day: date | None = None,
        to_day: date | None = None,
        agency: str | None = None,
        codes: Iterable[str] = (),
        origin: str = ON_DEMAND,
        now: datetime | None = None,
    ) -> RunView:
        """Ask for a run, to be carried out by a clerk or by the caller; refuses a second one at the connection.

        Without days it covers yesterday; with ``codes`` only those dossiers, whatever their day.
        """
        now = now if now is not None else datetime.now(UTC)
        chosen = self._chosen(connection)
        wanted = sorted(set(codes))
        if wanted:
            _check_codes(wanted, has_days=from_day is not None or to_day is not None or agency is not None)
        scope = _Scope(chosen.id, origin, None if wanted else _days(from_day, to_day, now), agency, wanted)
        run_id = uuid_utils.compat.uuid7()
        try:
            async with self._store.transaction() as conn:
                await _insert(conn, run_id, scope, actor, now)
        except errors.UniqueViolation as error:
            raise Refusal(409, "reconciliation_running", _RUNNING, field="connection") from error
        return await self.get(str(run_id))

    async def list(self, *, connection: str | None = None, cursor: str | None = None, limit: int = 30) -> RunPage:
        """Return runs with their counts, newest first."""
        after = cursors.id_of(cursor) if cursor is not None else None
        async with self._store.transaction() as conn:
            return await reports.page_of_runs(conn, connection=connection, after=after, limit=min(max(limit, 1), 200))

    async def get(self, run_id: str) -> RunView:
        """Return one run, or refuse with 404."""
        async with self._store.transaction() as conn:
            return await self._run(conn, run_id)

    async def report(self, run_id: str) -> Report:
        """Return the report of a run by day and agency, or refuse with 404."""
        async with self._store.transaction() as conn:
            return await reports.report_of(conn, await self._run(conn, run_id))

    async def differences(
        self, run_id: str, *, outcome: Outcome | None = None, cursor: str | None = None, limit: int = 100
    ) -> DifferencePage:
        """Return what a run found, in the order of the codes; ``cursor`` continues after the page before."""
        most = min(max(limit, 1), 500)
        if cursor is not None and not is_dossier_code(cursor):
            raise cursors.bad_cursor()
        async with self._store.transaction() as conn:
            run = await self._run(conn, run_id)
            found = await conn.cursor(row_factory=dict_row).execute(
                "SELECT code, agency, day, outcome, fields, shown, our_state, their_state, our_revision,"
                " confirmed_revision, missing_steps, why, found_at, repair_id, repair_outcome"
                " FROM reconciliation_findings WHERE run_id = %s AND code > %s"
                " AND (%s::text IS NULL OR outcome = %s) ORDER BY code LIMIT %s",
                (run.id, cursor or "", outcome, outcome, most + 1),
            )
            rows = await found.fetchall()
        items = tuple(_difference(row) for row in rows[:most])
        return DifferencePage(items=items, next_cursor=items[-1].code if len(rows) > most else None)

    # --- repairs ----------------------------------------------------------------------------------------------

    async def preview(self, run_id: str, *, actor: str) -> RepairView:
        """Count what a repair of this run would send and what it would leave alone; nothing is sent."""
        async with self._store.transaction() as conn:
            run = await self._run(conn, run_id)
            if run.ended_at is None:
                raise Refusal(409, "reconciliation_running", _NOT_ENDED, field="id")
            rates = self._connections.get(run.connection)
            if rates is None:
                raise Refusal(409, "connection_not_found", _NO_CONNECTION, field="id")
            preview = await preview_of(conn, run, rates.questions_per_second, rates.delivery_per_second)
            repair_id = uuid_utils.compat.uuid7()
            await conn.execute(
                "INSERT INTO reconciliation_repairs (id, run_id, connection, state, previewed_by, previewed_at,"
                " preview) VALUES (%s, %s, %s, %s, %s, now(), %s)",
                (
                    repair_id,
                    run.id,
                    run.connection,
                    RunState.PREVIEWED.value,
                    actor,
                    Jsonb(preview.model_dump(mode="json")),
                ),
            )
            return await self._repair(conn, run_id, str(repair_id))

    async def start_repair(self, run_id: str, repair_id: str, *, actor: str, reason: str) -> RepairView:
        """Start a previewed repair; who and why are recorded. Refuses a second one at the connection."""
        if not reason.strip():
            raise Refusal(422, "reason_required", _REASON, field="reason")
        try:
            async with self._store.transaction() as conn:
                repair = await self._repair(conn, run_id, repair_id)
                cursor = await conn.execute(
                    "UPDATE reconciliation_repairs SET state = %s, reason = %s, started_by = %s, started_at = now()"
                    " WHERE id = %s AND state = %s",
                    (RunState.RUNNING.value, reason, actor, repair.id, RunState.PREVIEWED.value),
                )
                if cursor.rowcount != 1:
                    raise Refusal(409, "repair_started", _STARTED, field="repair")
                facts = {"run": run_id, "connection": repair.connection, "exchanges": str(repair.preview.exchanges)}
                await record_act(
                    conn, act="reconciliation.repaired", actor=actor, target=repair.id, reason=reason, facts=facts
                )
                await conn.execute(f"NOTIFY {WAKE_CHANNEL}")
                return await self._repair(conn, run_id, repair_id)
        except errors.UniqueViolation as error:
            raise Refusal(409, "repair_running", _REPAIR_RUNNING, field="repair") from error

    async def repair(self, run_id: str, repair_id: str) -> RepairView:
        """Return one repair of a run with what it came to so far, or refuse with 404."""
        async with self._store.transaction() as conn:
            return await self._repair(conn, run_id, repair_id)

    # --- parts ------------------------------------------------------------------------------------------------

    def _chosen(self, connection: str | None) -> Reconcilable:
        if connection is None and len(self._connections) == 1:
            return next(iter(self._connections.values()))
        if connection is None:
            raise Refusal(422, "connection_required", _WHICH, field="connection")
        chosen = self._connections.get(connection)
        if chosen is None:
            raise Refusal(422, "connection_not_found", _NO_CONNECTION, field="connection")
        return chosen

    async def _run(self, conn: AsyncConnection[Any], run_id: str) -> RunView:
        found = await reports.run_by_id(conn, id_or(run_id, _no_run))
        if found is None:
            raise _no_run()
        return found

    async def _repair(self, conn: AsyncConnection[Any], run_id: str, repair_id: str) -> RepairView:
        key = id_or(repair_id, _no_repair)
        cursor = await conn.cursor(row_factory=dict_row).execute(
            "SELECT id, run_id, connection, state, why, why_vi, previewed_by, previewed_at, preview, reason,"
            " started_by, started_at, ended_at FROM reconciliation_repairs WHERE id = %s",
            (key,),
        )
        row = await cursor.fetchone()
        if row is None or row["run_id"] != id_or(run_id, _no_run):
            raise _no_repair()
        done = await conn.execute(
            "SELECT repair_outcome, count(*) FROM reconciliation_findings WHERE run_id = %s AND repair_id = %s"
            " GROUP BY repair_outcome ORDER BY repair_outcome",
            (row["run_id"], key),
        )
        values = {
            **row,
            "id": str(row["id"]),
            "run_id": str(row["run_id"]),
            "state": RunState(row["state"]),
            "preview": RepairPreview.model_validate(row["preview"]),
            "done": dict(await done.fetchall()),
        }
        return RepairView(**values)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a run compares."""

    connection: str
    origin: str
    days: tuple[date, date] | None
    agency: str | None
    codes: list[str]


async def _insert(conn: AsyncConnection[Any], run_id: UUID, scope: _Scope, actor: str, now: datetime) -> None:
    days = scope.days
    expected = (
        len(scope.codes)
        if days is None
        else await count_received(conn, first=days[0], last=days[1], agency=scope.agency)
    )
    await conn.execute(
        "INSERT INTO reconciliation_runs (id, connection, origin, requested_by, requested_at, from_day, to_day,"
        " agency, state, phase, expected) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            run_id,
            scope.connection,
            scope.origin,
            actor,
            now,
            None if days is None else days[0],
            None if days is None else days[1],
            scope.agency,
            RunState.REQUESTED.value,
            "codes" if days is None else "dossiers",
            expected,
        ),
    )
    if scope.codes:
        await conn.execute(
            "INSERT INTO reconciliation_codes (run_id, code) SELECT %s, * FROM unnest(%s::text[])",
            (run_id, scope.codes),
        )
    facts = {"connection": scope.connection, "origin": scope.origin, "expected": str(expected)}
    if days is not None:
        facts |= {"from_day": days[0].isoformat(), "to_day": days[1].isoformat()}
    await record_act(conn, act="reconciliation.started", actor=actor, target=str(run_id), facts=facts)
    await conn.execute(f"NOTIFY {WAKE_CHANNEL}")


def _difference(row: Mapping[str, Any]) -> DifferenceView:
    shown = {name: ValuePair(ours=pair[0], theirs=pair[1]) for name, pair in row["shown"].items()}
    repair_id = None if row["repair_id"] is None else str(row["repair_id"])
    return DifferenceView(
        **{**row, "shown": shown, "repair_id": repair_id, "outcome": Outcome(row["outcome"])}
        | {"fields": tuple(row["fields"]), "missing_steps": tuple(row["missing_steps"])}
    )


def _days(first: date | None, last: date | None, now: datetime) -> tuple[date, date]:
    yesterday = now.astimezone(VIETNAM).date() - timedelta(days=1)
    end = last if last is not None else max(first, yesterday) if first is not None else yesterday
    begin = first if first is not None else end
    if begin > end:
        raise Refusal(422, "days_out_of_order", _DAYS, field="from")
    if (end - begin).days >= MOST_DAYS:
        raise Refusal(422, "too_many_days", _TOO_MANY_DAYS, field="from")
    return begin, end


def _check_codes(codes: list[str], *, has_days: bool) -> None:
    if has_days:
        raise Refusal(422, "codes_and_days", _CODES_AND_DAYS, field="codes")
    if len(codes) > MOST_CODES:
        raise Refusal(422, "too_many_codes", _TOO_MANY_CODES, field="codes")
    wrong = sum(not is_dossier_code(one) for one in codes)
    if wrong:
        # Not which: what is no code may be anything, a citizen's number too.
        said = Sentence(
            f"{wrong} of the handed-in values are no dossier codes such as H99.12-261008-0001.",
            f"Có {wrong} giá trị không phải mã hồ sơ dạng H99.12-261008-0001.",
        )
        raise Refusal(422, "dossier_code", said, field="codes")


def _no_run() -> Refusal:
    return Refusal(404, "reconciliation_not_found", _NO_RUN, field="id")


def _no_repair() -> Refusal:
    return Refusal(404, "repair_not_found", _NO_REPAIR, field="repair")


_RUNNING = Sentence(
    "A reconciliation of this connection is under way; wait for its end.",
    "Đang đối soát kết nối này; hãy chờ đến khi kết thúc.",
)
_NOT_ENDED = Sentence(
    "This reconciliation has not ended; preview its repair afterwards.",
    "Lần đối soát này chưa kết thúc; hãy xem trước việc gửi bù sau khi kết thúc.",
)
_REPAIR_RUNNING = Sentence(
    "Another repair of this connection is under way; wait for its end.",
    "Đang có một lần gửi bù khác của kết nối này; hãy chờ đến khi kết thúc.",
)
_STARTED = Sentence(
    "This repair has been started already; preview a new one for what is left.",
    "Lần gửi bù này đã được bắt đầu; hãy xem trước lần mới cho phần còn lại.",
)
_REASON = Sentence("A repair needs a reason.", "Gửi bù phải ghi lý do.")
_NO_RUN = Sentence("There is no reconciliation with this id.", "Không có lần đối soát nào với mã này.")
_NO_REPAIR = Sentence(
    "There is no repair with this id of this reconciliation.", "Không có lần gửi bù nào với mã này của lần đối soát."
)
_NO_CONNECTION = Sentence(
    "There is no connection with this id that can be asked what it holds.",
    "Không có kết nối nào với mã này có thể tra cứu hồ sơ.",
)
_WHICH = Sentence(
    "Several connections can be asked; name one.", "Có nhiều hoặc chưa có kết nối tra cứu được; hãy nêu rõ kết nối."
)
_DAYS = Sentence("The first day must not be after the last one.", "Ngày đầu không được sau ngày cuối.")
_TOO_MANY_DAYS = Sentence(
    f"One reconciliation covers at most {MOST_DAYS} days.", f"Mỗi lần đối soát tối đa {MOST_DAYS} ngày."
)
_CODES_AND_DAYS = Sentence(
    "Give either codes, or days and an agency.", "Chỉ nêu danh sách mã, hoặc nêu ngày và cơ quan."
)
_TOO_MANY_CODES = Sentence(
    f"One reconciliation takes at most {MOST_CODES} codes.", f"Mỗi lần đối soát nhận tối đa {MOST_CODES} mã hồ sơ."
)
