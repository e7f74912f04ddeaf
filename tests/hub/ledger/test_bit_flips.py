"""Any bit flipped, in a thousand random places of the stored log and of exported proofs, is found every time."""

from __future__ import annotations

import random
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hub.ledger.audit import audit_in
from hub.ledger.evidence import EvidenceFault, verify
from tests.hub.ledger.conftest import Ledger

TIMES = 1000
COLUMNS = {
    "ledger_leaves": ("index", "subject", "leaf", "hash", "digest"),
    "ledger_nodes": ("level", "index", "hash"),
    "ledger_checkpoints": ("size", "root", "note"),
}
"""Everything the log consists of, to the last column."""


async def test_in_a_thousand_places_of_an_exported_proof(ledger: Ledger) -> None:
    """In both forms of the document; a flipped bit is never taken for another, equally good document."""
    await ledger.fill(20, 1)
    await ledger.append(7, 7, 8)  # a subject with more than one entry
    await ledger.sealer.seal()
    dice = random.Random(9162)
    for indented in (False, True):
        document = await ledger.service.evidence("event-7", actor="test", indented=indented)
        assert len(verify(document).entries) == 3
        found = 0
        for _ in range(TIMES // 2):
            altered = bytearray(document)
            altered[dice.randrange(len(altered))] ^= 1 << dice.randrange(8)
            with pytest.raises(EvidenceFault):
                verify(bytes(altered))
            found += 1
        assert found == TIMES // 2


@pytest.mark.parametrize("times", [40, pytest.param(TIMES, marks=pytest.mark.slow)])
async def test_in_a_thousand_places_of_the_stored_log(ledger: Ledger, times: int) -> None:
    """Flipped in the database itself; each place is put back before the next."""
    await ledger.fill(17, 1, 14, 3)
    dice = random.Random(6962)
    found = 0
    async with ledger.store.transaction() as conn:
        assert (await audit_in(conn, ledger.store.sealer)).is_sound
        places = await _places(conn)
        while found < times:
            async with conn.transaction() as back:
                if await _flip(conn, dice, dice.choice(places)):
                    report = await audit_in(conn, ledger.store.sealer)
                    assert not report.is_sound
                    found += 1
                raise psycopg.Rollback(back)
        assert (await audit_in(conn, ledger.store.sealer)).is_sound


async def _places(conn: Any) -> list[tuple[str, str, str, int]]:
    """Return every byte of the log: table, row, column, byte; each byte as likely as any other."""
    places: list[tuple[str, str, str, int]] = []
    for table, columns in COLUMNS.items():
        for column in columns:
            query = sql.SQL("SELECT ctid::text, {bytes} FROM {table}").format(
                bytes=_as_bytes(column), table=sql.Identifier(table)
            )
            for row, data in await (await conn.execute(query)).fetchall():
                places += [(table, row, column, n) for n in range(len(data))]
    return places


def _as_bytes(column: str) -> sql.Composable:
    name = sql.Identifier(column)
    forms = {"level": "int2send({})", "index": "int8send({})", "size": "int8send({})"}
    if column in forms:
        return sql.SQL(forms[column]).format(name)
    return sql.SQL("convert_to({}, 'UTF8')" if column in {"subject", "note"} else "{}").format(name)


async def _flip(conn: Any, dice: random.Random, where: tuple[str, str, str, int]) -> bool:
    """Flip a bit; say whether it could be: what is no text any more cannot be stored in a text column."""
    table, row, column, place = where
    read = sql.SQL("SELECT {bytes} FROM {table} WHERE ctid = %s").format(
        bytes=_as_bytes(column), table=sql.Identifier(table)
    )
    data = bytearray((await (await conn.execute(read, (row,))).fetchone())[0])
    data[place] ^= 1 << dice.randrange(8)
    value: Any = bytes(data)
    if column in {"level", "index", "size"}:
        value = int.from_bytes(value, "big", signed=True)
    elif column in {"subject", "note"}:
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return False
        if "\0" in value:
            return False
    write = sql.SQL("UPDATE {table} SET {column} = %s WHERE ctid = %s").format(
        table=sql.Identifier(table), column=sql.Identifier(column)
    )
    try:
        async with conn.transaction():
            await conn.execute(write, (value, row))
    except psycopg.errors.UniqueViolation:
        return False  # the database itself does not take two entries in one place
    return True
