"""The register as CSV and XLSX: what is written is read back, all or nothing, and no cell is a formula."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter

from contracts.accounts import Authority
from hub.accounts.exporting import FileKind, export_accounts
from hub.accounts.frame import Caller
from hub.accounts.importing import AccountImport, ImportFaults
from hub.accounts.reading import Filter
from hub.errors import Refusal
from hub.sheets import Column, as_typed, csv_bytes, harmless, read_csv, read_workbook, workbook_bytes
from tests.hub.accounts.world import ACCOUNT, NUMBER, RegisterWorld

SAID = Authority(person="Trần Thị Đề Nghị", reason="Danh sách năm 2026", document_number="20/CV")
HEAD = "Tên đăng nhập,Họ và tên,Số CCCD,Mã cán bộ,Mã đơn vị,Vai trò,Mục đích khai thác,Chức năng được dùng,Hiệu lực từ"
ROW = f"{ACCOUNT},Nguyễn Văn Thử,{NUMBER},007,H99.12,one_stop,Một cửa,find_citizen; confirm,08/10/2026"


async def take_in(world: RegisterWorld, data: bytes, **more: Any) -> Any:
    """Import a file as the dossier system does."""
    table = AccountImport(world.requests)
    return await table.apply(await table.read(data, SAID), world.dossier_system, **more)


async def faults_of(world: RegisterWorld, data: bytes) -> list[tuple[int, str, str]]:
    """What is wrong with a file; it must have changed nothing."""
    with pytest.raises(ImportFaults) as caught:
        await take_in(world, data)
    assert await world.rows("SELECT 1 FROM lookup_accounts") == []
    return [(one.row, one.column, one.code) for one in caught.value.faults]


@pytest.mark.parametrize("kind", FileKind)
async def test_an_export_can_be_sent_back(world: RegisterWorld, kind: FileKind) -> None:
    """Leading zeros stay; what looks like a formula is text; the same again changes nothing; a correction is asked."""
    name = "=HYPERLINK(http://xau.example)"
    await world.granted(
        officer={"full_name": name, "code": "007", "phone": "+84 912 345 678"}, valid_until="2030-01-31"
    )
    await world.granted("b", scope={"procedures": ["1.000001", "2.000002"], "units": ["H99.12", "H99.13"]})
    data = await export_accounts(world.store, world.reader, Filter(), Caller("đọc"), kind)
    assert (await take_in(world, data)).unchanged == 2
    read = read_csv if kind is FileKind.CSV else read_workbook
    rows = read(data, most_rows=10)
    assert rows[1][:4] == [("b"), "Nguyễn Văn Thử", NUMBER, "CB-0001"]
    assert rows[2][:4] == [ACCOUNT, name, NUMBER, "007"]
    if kind is FileKind.CSV:
        assert data.startswith(b"\xef\xbb\xbf")
        assert f'"\'{name}"'.encode() in data
        changed = await take_in(world, data.replace(b'"007"', b'"008"'))
        assert (changed.requested, changed.unchanged) == (1, 1)
        assert (await world.get()).facts.officer.code == "007", "asked for, not granted"
    exported = await world.rows("SELECT facts FROM ledger_queue WHERE subject = 'accounts'")
    assert '"accounts":"2"' in exported[0][0]


async def test_every_fault_is_told_with_its_row_and_column(world: RegisterWorld) -> None:
    """And nothing of the good rows is taken in."""
    bad = [
        ROW,
        ROW.replace(ACCOUNT, "b").replace(NUMBER, "99199000123"),
        ROW.replace(ACCOUNT, "c").replace("H99.12", "h99"),
        ROW.replace(ACCOUNT, "d").replace("08/10/2026", "31/02/2026").replace("find_citizen", "everything"),
        ROW.replace(ACCOUNT, "e f"),
        ROW.replace(ACCOUNT, "g") + ",x",
        ROW,
        ",,,,,,,,",
    ]
    assert await faults_of(world, "\n".join((HEAD, *bad)).encode()) == [
        (3, "Số CCCD", "personal_number"),
        (4, "Mã đơn vị", "agency_code"),
        (5, "Hiệu lực từ", "not_a_date"),
        (5, "Chức năng được dùng", "unknown_value"),
        (6, "Tên đăng nhập", "wrong_form"),
        (7, "", "too_many_cells"),
        (8, "Tên đăng nhập", "account_twice"),
    ]
    foreign = "\n".join((HEAD, ROW, ROW.replace(ACCOUNT, "z").replace("H99.12", "H98.1")))
    assert await faults_of(world, foreign.encode()) == [(3, "Mã đơn vị", "agency_not_allowed")]


async def test_headings_are_checked_first(world: RegisterWorld) -> None:
    """In Vietnamese or by key; the sender's own words are not repeated."""
    assert await faults_of(world, HEAD.replace("Số CCCD", "CMND").encode()) == [
        (1, "#3", "column_unknown"),
        (1, "Số CCCD", "column_missing"),
    ]
    assert await faults_of(world, (HEAD + ",account_id").encode()) == [(1, "Tên đăng nhập", "column_twice")]
    for empty in (b"", HEAD.encode(), f"{HEAD}\n,,\n".encode()):
        assert await faults_of(world, empty) == [(1, "", "table_empty")]


async def test_an_import_may_be_tried_first(world: RegisterWorld) -> None:
    """It says what it would do and does nothing; separated by semicolons as a Vietnamese spreadsheet saves it."""
    data = f"{HEAD}\n{ROW}".replace("; ", "|").replace(",", ";").replace("|", "\n")
    quoted = data.replace("find_citizen\nconfirm", '"find_citizen; confirm"').encode("utf-8-sig")
    tried = await take_in(world, quoted, trial=True)
    assert (tried.rows, tried.requested, tried.applied) == (1, 1, False)
    assert await world.rows("SELECT 1 FROM lookup_accounts") == []
    assert (await take_in(world, quoted)).applied
    assert (await world.get()).facts.officer.code == "007"


def workbook(cells: dict[str, Any]) -> bytes:
    """A workbook with these cells."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place, value in cells.items():
            sheet.write(place, value)
    return file.getvalue()


async def test_a_number_cell_has_lost_its_zero(world: RegisterWorld) -> None:
    """It is refused, not padded."""
    heads = dict(zip(("A1", "B1", "C1", "D1", "E1", "F1", "G1", "H1", "I1"), HEAD.split(","), strict=True))
    values = dict(zip(("A2", "B2", "C2", "D2", "E2", "F2", "G2", "H2", "I2"), ROW.split(","), strict=True))
    faults = await faults_of(world, workbook({**heads, **values, "C2": 99199000123, "D2": 7}))
    assert faults == [(2, "Số CCCD", "not_text"), (2, "Mã cán bộ", "not_text")]


def _zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.xml", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        # Made by the test that needs it, not by every process that collects tests.
        (lambda: b"PK\x03\x04 nonsense", "sheet_unreadable"),
        (lambda: _zipped(a=b"<x/>"), "sheet_unreadable"),
        (lambda: _zipped(a=b" " * (33 << 20)), "sheet_too_large"),
        (lambda: workbook({"A1": 1, "XFD1": 1}), "sheet_too_large"),
        (lambda: workbook({"A1": 1, "A60000": 1}), "sheet_too_large"),
        (lambda: _zipped(a=b'<!DOCTYPE x [<!ENTITY e "e">]><sheet><c r="&e;A9"/></sheet>'), "sheet_unreadable"),
    ],
    ids=["not a zip", "not a workbook", "bomb", "wide", "long", "entities"],
)
def test_a_hostile_workbook_is_refused_before_it_is_opened(make: Callable[[], bytes], code: str) -> None:
    """A few bytes must not become gigabytes."""
    with pytest.raises(Refusal) as caught:
        read_workbook(make(), most_rows=5000)
    assert caught.value.code == code


def test_csv_that_is_none() -> None:
    """Other encodings, unbalanced quotation marks, and too many rows are refused with a sentence."""
    for data, code in ((b"\xff\xfea", "not_utf8"), (b'a\n"b', "sheet_unreadable"), (b"a\n" * 9, "sheet_too_large")):
        with pytest.raises(Refusal) as caught:
            read_csv(data, most_rows=5)
        assert caught.value.code == code


def test_no_cell_begins_a_formula() -> None:
    """Neither by ASCII nor by full-width signs; numbers stay numbers; what was typed comes back."""
    for text in ("=1+1", "+84", "-x", "@a", "\tx", "\uff1d1", "\uff0b1"):
        assert harmless(text) == f"'{text}"
        assert as_typed(harmless(text)) == text
    for text in ("Nguyễn", "'x", "", "1-2"):
        assert as_typed(harmless(text)) == text
    data = csv_bytes([Column("Số"), Column("Tên")], [(-5, "-5"), (None, "=cmd|' /C calc'!A0")])
    assert data.decode() == '\ufeff"Số","Tên"\r\n-5,"\'-5"\r\n"","\'=cmd|\' /C calc\'!A0"\r\n'
    rows = read_workbook(workbook_bytes([("Bảng", [Column("a")], [("=1+1",), ("007",)])]), most_rows=9)
    assert rows == [["a"], ["=1+1"], ["007"]]
