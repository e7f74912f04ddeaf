"""The register, and the list of accounts that nobody uses, as files for people: CSV and XLSX, Vietnamese headings."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from hub.accounts.columns import COLUMNS, row_of
from hub.accounts.directory import today
from hub.accounts.frame import Caller
from hub.accounts.reading import AccountReader, Filter
from hub.accounts.views import DormantList
from hub.ledger.entries import record_act
from hub.sheets import CSV_TYPE, XLSX_TYPE, Column, csv_bytes, workbook_bytes
from hub.store.engine import Store

SHEET = "Tài khoản khai thác"

_DORMANT_COLUMNS = (
    Column("Mã đơn vị"),
    Column("Tên đăng nhập"),
    Column("Mã cán bộ"),
    Column("Trạng thái"),
    Column("Không khai thác từ", 20),
    Column("Ngày khoá", 20),
)


class FileKind(StrEnum):
    """What a file is."""

    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> bytes:
        """The media type."""
        return CSV_TYPE if self is FileKind.CSV else XLSX_TYPE


async def export_accounts(store: Store, reader: AccountReader, wanted: Filter, caller: Caller, kind: FileKind) -> bytes:
    """Return the accounts of the filter as a file that `hub.accounts.importing` reads back.

    It holds officers' numbers, so taking it stands in the ledger: by whom, and how many.
    """
    async with store.transaction() as conn:
        accounts = await reader.all(wanted, caller, within=conn)
        await record_act(
            conn,
            act="accounts.exported",
            actor=caller.client_id,
            target="accounts",
            facts={"accounts": str(len(accounts)), "format": kind.value},
        )
    if kind is FileKind.CSV:
        return await asyncio.to_thread(csv_bytes, COLUMNS, map(row_of, accounts))
    return await asyncio.to_thread(workbook_bytes, [(SHEET, COLUMNS, map(row_of, accounts))])


def dormant_csv(found: DormantList) -> bytes:
    """Return the list of accounts that nobody uses as CSV, by agency."""
    return csv_bytes(
        _DORMANT_COLUMNS,
        (
            (agency.unit_code, one.id, one.officer_code, one.state.value, one.idle_since, one.locked_at)
            for agency in found.agencies
            for one in agency.accounts
        ),
    )


def file_name(found: DormantList) -> str:
    """Return a name for the file of that list."""
    return f"tai-khoan-khong-khai-thac-{today(found.as_of).isoformat()}.csv"
