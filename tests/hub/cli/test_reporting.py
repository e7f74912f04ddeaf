"""The report on the use of the population database from the command line: on the screen, and as a file."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import orjson
import pytest
from python_calamine import CalamineWorkbook

from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.cli.conftest import Lienthong
from tests.hub.population_reports.conftest import Seeded, seed


@pytest.fixture
def seeded(settings: Settings) -> Seeded:
    """A province that has been looking people up."""

    async def write() -> Seeded:
        async with await open_store(settings) as store:
            return await seed(store, lookups=200)

    return asyncio.run(write())


@pytest.mark.slow
def test_a_report_is_shown_and_written(lienthong: Lienthong, seeded: Seeded, tmp_path: Path) -> None:
    """Every format says the same; a file is its owner's alone; what makes no sense is one sentence."""
    shown = lienthong("reports", "population", "--period", "2024-H2")
    assert shown.exit_code == 0, shown.output
    assert "6 tháng cuối năm 2024" in shown.output
    assert "H99.12.01" in shown.output

    book = tmp_path / "khai-thac.xlsx"
    written = lienthong("reports", "population", "--period", "2024-Q4", "--out", str(book))
    assert written.exit_code == 0, written.output
    assert book.stat().st_mode & 0o777 == 0o600
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.read_bytes())).get_sheet_by_name("Tổng hợp").to_python()
    assert ["Kỳ báo cáo", "Quý IV năm 2024"] in sheet
    plain = lienthong("reports", "population", "--period", "2024-Q4", "--format", "json")
    total = orjson.loads(plain.stdout)["total"]
    assert ["Số lượt khai thác", float(total["lookups"])] in sheet
    csv = lienthong("reports", "population", "--period", "2024-Q4", "--format", "csv", "--out", "-")
    assert csv.stdout.splitlines()[-1].startswith(f'"Tổng cộng",{total["lookups"]},')

    for arguments, sentence in (
        (("--period", "2024-Q5"), "Kỳ báo cáo viết theo dạng"),
        (("--period", "2024-Q4", "--format", "xlsx"), "--out"),
        (("--period", "2024-Q4", "--agency", "x"), "Mã cơ quan"),
        (("--period", "2024-Q4", "--out", str(tmp_path / "x.pdf")), "--format"),
        (("--period", "2024-Q4", "--out", str(tmp_path / "khong" / "co.csv")), "Không ghi được"),
    ):
        refused = lienthong("reports", "population", *arguments)
        assert refused.exit_code == 1
        assert sentence in refused.output
