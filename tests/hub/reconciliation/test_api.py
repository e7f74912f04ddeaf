"""The API and the files: start, follow, read, preview, start the repair; who may do which; what is refused."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.access.scopes import Scope
from hub.cli.reconciling import read_codes
from hub.reconciliation.classify import Outcome
from hub.reconciliation.reports import differences_csv, report_csv
from hub.reconciliation.running import Reconciler, Waits
from hub.reconciliation.settings import ReconciliationSettings
from hub.reconciliation.views import DifferenceView, ReportLine
from hub.running.command_error import CommandError
from hub.settings import DeliverySettings
from tests.hub.api.conftest import api, services
from tests.hub.api.world import PORTAL, ApiWorld, assert_problem, fresh_key
from tests.hub.exchanges.fakes import FakePortal

__all__ = ["api", "services"]

ROOT = "/v1/reconciliations"
CODES = tuple(f"H99.12-251008-000{number}" for number in range(1, 4))


@pytest.fixture
async def reconciler(api: ApiWorld) -> Reconciler:
    """Compares with a partner that holds nothing."""
    return Reconciler(
        api.store,
        PORTAL,
        FakePortal(),
        ReconciliationSettings(rate_per_second=2000),
        DeliverySettings(),
        waits=Waits(0.01, 0.02),
    )


async def test_a_run_from_its_start_to_its_repair(api: ApiWorld, reconciler: Reconciler) -> None:
    """Everything over HTTP: a run, its pages, its report in JSON and CSV, a preview, a repair with a reason."""
    for number, code in enumerate(CODES):
        moment = f"2025-10-08T0{number + 1}:00:00Z"
        await api.put(
            code,
            submitted_at=moment,
            received_at=moment,
            due_at="2025-10-18T00:00:00Z",
            fees=[],
            databases_consulted=[],
        )
    await _deliver_nothing(api)
    started = await api.caller.post(ROOT, json={"from": "2025-10-08", "to": "2025-10-08"}, headers=fresh_key())
    assert started.status_code == 202, started.text
    run = started.json()
    assert (run["state"], run["expected"], run["connection"]) == ("requested", 3, PORTAL)
    busy = await api.caller.post(ROOT, json={}, headers=fresh_key())
    assert_problem(busy, 409, "reconciliation_running")
    early = await api.caller.post(f"{ROOT}/{run['id']}/repairs", headers=fresh_key())
    assert_problem(early, 409, "reconciliation_running")
    assert await reconciler.work()
    done = (await api.caller.get(f"{ROOT}/{run['id']}")).json()
    assert (done["state"], done["counts"]["missing_there"], done["differences"]) == ("completed", 3, 3)

    first = (await api.caller.get(f"{ROOT}/{run['id']}/differences?limit=2&outcome=missing_there")).json()
    second = (await api.caller.get(f"{ROOT}/{run['id']}/differences?cursor={first['next_cursor']}")).json()
    assert [one["code"] for page in (first, second) for one in page["items"]] == list(CODES)
    assert second["next_cursor"] is None
    report = (await api.caller.get(f"{ROOT}/{run['id']}/report")).json()
    (line,) = report["lines"]
    assert (line["day"], line["agency"], line["open"]) == ("2025-10-08", "H99.12", 3)
    sheet = await api.caller.get(f"{ROOT}/{run['id']}/report.csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig")))
    assert (row["agency"], row["missing_there"], row["open"]) == ("H99.12", "3", "3")

    preview = (await api.caller.post(f"{ROOT}/{run['id']}/repairs", headers=fresh_key())).json()
    assert (preview["state"], preview["preview"]["sends"]["create"]) == ("previewed", 3)
    start = f"{ROOT}/{run['id']}/repairs/start"
    blank = await api.caller.post(start, json={"repair": preview["id"], "reason": " "}, headers=fresh_key())
    assert_problem(blank, 422, "blank", "reason")
    key = fresh_key()
    wish = {"repair": preview["id"], "reason": "Cổng mất dữ liệu"}
    begun = await api.caller.post(start, json=wish, headers=key)
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    again = await api.caller.post(start, json=wish, headers=key)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", begun.json())
    assert await reconciler.work()
    repaired = (await api.caller.get(f"{ROOT}/{run['id']}/repairs/{preview['id']}")).json()
    assert (repaired["state"], repaired["done"], repaired["reason"]) == ("completed", {"create": 3}, wish["reason"])
    trend = (await api.caller.get(f"{ROOT}?limit=1")).json()
    assert ([one["id"] for one in trend["items"]], trend["next_cursor"]) == ([run["id"]], None)


async def test_what_is_refused_says_why(api: ApiWorld) -> None:
    """Wrong days, days with codes, strange codes, unknown ids, too long a stretch: a code, a field, two sentences."""
    for body, code, field in (
        ({"from": "2025-10-09", "to": "2025-10-08"}, "days_out_of_order", "from"),
        ({"from": "2015-10-09", "to": "2025-10-08"}, "too_many_days", "from"),
        ({"from": "2025-10-08", "codes": [CODES[0]]}, "codes_and_days", "codes"),
        ({"connection": "nobody"}, "connection_not_found", "connection"),
    ):
        assert_problem(await api.caller.post(ROOT, json=body, headers=fresh_key()), 422, code, field)
    strange = await api.caller.post(ROOT, json={"codes": ["099199000123"]}, headers=fresh_key())
    assert strange.status_code == 422
    assert "099199000123" not in strange.text
    for path in (f"{ROOT}/nothing", f"{ROOT}/019a0000-0000-7000-8000-000000000000/report"):
        assert_problem(await api.caller.get(path), 404, "reconciliation_not_found", "id")
    assert_problem(await api.caller.get(f"{ROOT}?cursor=x"), 400, "bad_cursor", "cursor")
    assert await api.count("reconciliation_runs") == 0


async def test_reading_and_steering_are_different_rights(api: ApiWorld) -> None:
    """A client that may look may not start anything, and a dossier system may do neither."""
    reader = await api.calling([Scope.RECONCILIATIONS_READ])
    assert (await reader.get(ROOT)).status_code == 200
    assert_problem(await reader.post(ROOT, json={}, headers=fresh_key()), 403, "scope_missing")
    stranger = await api.calling([Scope.DOSSIERS_READ, Scope.DOSSIERS_WRITE])
    assert_problem(await stranger.get(ROOT), 403, "scope_missing")


def test_files_hold_identifiers_as_text() -> None:
    """Agency codes that look like numbers stay text for a spreadsheet; the BOM says that it is UTF-8."""
    line = ReportLine(
        day=datetime(2025, 10, 8, tzinfo=UTC).date(),
        agency="000.00.12.H99",
        counts=dict.fromkeys(Outcome, 0),
        open=1,
        repaired=0,
        oldest_open_at=datetime(2025, 10, 8, 20, tzinfo=UTC),
    )
    text = report_csv(_Report((line,)))  # type: ignore[arg-type]
    assert text.startswith("\ufeff")
    assert '"000.00.12.H99"' in text
    assert '"2025-10-09T03:00:00+07:00"' in text
    found = DifferenceView(
        code=CODES[0],
        agency="H99.12",
        day=line.day,
        outcome=Outcome.THEIRS_OLDER,
        fields=("state", "steps"),
        shown={},
        our_state=4,
        their_state=2,
        our_revision=3,
        confirmed_revision=3,
        missing_steps=(1, 2),
        why="steps_lacking",
        found_at=datetime(2025, 10, 8, tzinfo=UTC),
        repair_id=None,
        repair_outcome=None,
    )
    rows = list(csv.reader(io.StringIO(differences_csv([found]).removeprefix("\ufeff"))))
    assert rows[1][:6] == [CODES[0], "H99.12", "2025-10-08", "theirs_older", "state steps", "4 Đang xử lý"]
    assert not differences_csv([found], with_head=False).startswith("\ufeff")


def test_a_list_of_codes_is_read_as_people_write_it(tmp_path: Path) -> None:
    """With a BOM, a heading, further columns and empty lines; and refused where it is no such list."""
    path = tmp_path / "codes.csv"
    path.write_text(f'\ufeff"Mã hồ sơ";\r\n\r\n{CODES[0]},x\r\n  {CODES[1]}  \r\n', encoding="utf-8")
    assert read_codes(path) == CODES[:2]
    path.write_bytes(b"\xff\xfe\x00")
    for content, code in ((b"\xff\xfe", "list_unreadable"), (b"", "list_empty"), (b"x" * 5_000_001, "list_too_large")):
        path.write_bytes(content)
        with pytest.raises(CommandError) as error:
            read_codes(path)
        assert error.value.code == code


class _Report:
    def __init__(self, lines: Any) -> None:
        self.lines = lines


async def _deliver_nothing(api: ApiWorld) -> None:
    """Pretend that everything was delivered, to a partner that has lost it."""
    async with api.store.transaction() as conn:
        await conn.execute("UPDATE exchanges SET state = 'delivered', ended_at = now()")
        await conn.execute("UPDATE lanes SET open_count = 0, due_at = NULL, known_there = true, confirmed_revision = 1")
