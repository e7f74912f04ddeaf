"""Many accounts requested from one table: all of them or none, and every fault told with its row and column.

A table is one written request: one document number, one official, one reason. Rows that say what is known already
change nothing, so an export can be corrected and sent back. Nothing is granted by an import; each account waits for the
other party like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from psycopg import Rollback
from pydantic import TypeAdapter, ValidationError

from contracts.accounts import AccountDeclaration, AccountId, Authority
from contracts.errors import Sentence
from hub.accounts import refusals
from hub.accounts.columns import LABELS, Fault, document_of, fields_of, heading_of
from hub.accounts.directory import announce_change
from hub.accounts.frame import Caller
from hub.accounts.requests import AccountRequests, Outcome
from hub.accounts.views import ImportReport
from hub.errors import Refusal
from hub.sheets import Cell, read_csv, read_workbook
from hub.store.connections import Connection
from hub.store.joining import joined
from hub.web.validation import refuse_invalid

MOST_FAULTS = 200
_ID: TypeAdapter[str] = TypeAdapter(AccountId)
_ID_HEADING = LABELS["account_id"]
_WORKBOOK = b"PK\x03\x04"

Rows = Sequence[tuple[int, str, AccountDeclaration]]


class ImportFaults(Exception):  # noqa: N818 - an answer, not a crash
    """The table has faults; nothing was imported."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """``faults`` in the order of rows."""
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults[:MOST_FAULTS])
        self.more = len(faults) > MOST_FAULTS
        self.sentence = Sentence(
            f"The table has {len(faults)} faults and nothing was imported; see each row.",
            f"Bảng có {len(faults)} lỗi nên chưa nhập gì; hãy xem từng dòng.",
        )


class AccountImport:
    """Takes tables in."""

    def __init__(self, requests: AccountRequests) -> None:
        """``requests`` is what each row goes through."""
        self._requests = requests

    async def read(self, data: bytes, authority: Authority) -> Rows:
        """Return the accounts of a file, whose kind its first bytes tell; raise `Refusal` or `ImportFaults`."""
        most = self._requests.settings.most_rows
        read = read_workbook if data.startswith(_WORKBOOK) else read_csv
        table = await asyncio.to_thread(read, data, most_rows=most)
        return await asyncio.to_thread(_accounts, table, authority)

    async def apply(
        self, rows: Rows, caller: Caller, *, trial: bool = False, within: Connection | None = None
    ) -> ImportReport:
        """Request all of them in one transaction, or with faults none; ``trial`` looks only.

        Raises `ImportFaults`; then nothing was changed.
        """
        counts = dict.fromkeys(Outcome, 0)
        faults: list[Fault] = []
        async with joined(self._requests.store, within) as conn, conn.transaction() as whole:
            # In the order of ids, as every transaction that changes several accounts.
            for row, account_id, declared in sorted(rows, key=lambda one: one[1]):
                try:
                    async with conn.transaction():
                        outcome = await self._requests.declare_quietly(conn, account_id, declared, caller)
                except Refusal as refusal:
                    if refusal.code == refusals.own_party().code:
                        raise  # it is about the caller, and so about every row
                    faults.append(Fault(row, heading_of(refusal.field), refusal.code, refusal.sentence))
                else:
                    counts[outcome] += 1
            if faults or trial:
                raise Rollback(whole)
            if counts[Outcome.REQUESTED] or counts[Outcome.AMENDED]:
                await announce_change(conn)
        if faults:
            raise ImportFaults(sorted(faults, key=lambda one: one.row))
        return ImportReport(
            rows=len(rows),
            requested=counts[Outcome.REQUESTED],
            amended=counts[Outcome.AMENDED],
            unchanged=counts[Outcome.UNCHANGED],
            applied=not trial,
        )


def _accounts(table: Sequence[Sequence[Cell]], authority: Authority) -> Rows:
    filled = [(row, cells) for row, cells in enumerate(table, start=1) if any(cell not in {None, ""} for cell in cells)]
    fields, faults = fields_of(table[0]) if table else ([], [])
    if not faults and not [row for row, _ in filled if row > 1]:
        faults = [Fault(1, "", "table_empty", _EMPTY)]
    if faults:
        raise ImportFaults(faults)
    found: list[tuple[int, str, AccountDeclaration]] = []
    seen: set[str] = set()
    request = authority.model_dump(mode="json", include=set(Authority.model_fields))
    for row, cells in filled:
        if row == 1:
            continue
        document, wrong = document_of(fields, cells, row)
        if len(cells) > len(fields):
            wrong.append(Fault(row, "", "too_many_cells", _TOO_MANY))
        told = {one.column for one in wrong}
        if document["scope"]["units"] == [document.get("unit_code")]:
            told.add(LABELS["units"])  # it is the officer's own agency, whose fault is told there
        account_id, declared, more = _checked(document, request, row, told)
        if account_id in seen:
            more.append(Fault(row, _ID_HEADING, "account_twice", _TWICE))
        seen.add(account_id)
        faults += [*wrong, *more]
        if declared is not None:
            found.append((row, account_id, declared))
    if faults:
        raise ImportFaults(faults)
    return found


def _checked(
    document: dict[str, Any], request: dict[str, Any], row: int, told: set[str]
) -> tuple[str, AccountDeclaration | None, list[Fault]]:
    """Return the id and the account of a row, and one fault of each column that is not told already."""
    faults: list[Fault] = []
    account_id = str(document.pop("id", ""))
    whole = {**document, "request": request}
    checks: list[tuple[str, ValidationError]] = []
    declared = None
    try:
        _ID.validate_python(account_id)
    except ValidationError as error:
        checks.append(("id", error))
    try:
        declared = AccountDeclaration.model_validate_json(orjson.dumps(whole))
    except ValidationError as error:
        checks.append(("", error))
    for field, invalid in checks:
        answer = refuse_invalid(invalid.errors(include_url=False, include_input=False), whole)
        first = answer.refusal
        problems = [(one.field, one.code, Sentence(one.detail, one.detail_vi)) for one in answer.errors]
        for path, code, said in problems or [(first.field, first.code, first.sentence)]:
            column = heading_of(field or path)
            if column not in told:
                told.add(column)
                faults.append(Fault(row, column, code, said))
    return account_id, None if faults else declared, faults


_EMPTY = Sentence("The table holds no account.", "Bảng không có tài khoản nào.")
_TOO_MANY = Sentence("This row has more cells than there are headings.", "Dòng này có nhiều ô hơn số tiêu đề.")
_TWICE = Sentence(
    "This account stands in the table more than once.", "Tài khoản này xuất hiện nhiều hơn một lần trong bảng."
)
