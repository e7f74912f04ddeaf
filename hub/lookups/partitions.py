"""The months of the look-up log: made ahead, and dropped as a whole when their time is over.

A row for which no month was made falls into the default partition, so none is ever lost; when the month is made, its
rows move there. Nothing is ever deleted row by row. Months are those of UTC, so that every server agrees on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import AsyncConnection, sql

from hub.ledger.entries import PROGRAM, record_act

TABLES: Final = ("lookups", "lookup_ends")

MONTHS_AHEAD: Final = 3

LOCK: Final = 0x4C544C50
"""Advisory lock ("LTLP"): one process makes or drops months."""

_NAME = re.compile(r"y(20[0-9]{2})m(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """Return the month a moment lies in."""
        here = moment.astimezone(UTC)
        return cls(here.year, here.month)

    def plus(self, months: int) -> Month:
        """Return the month so many later."""
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def __str__(self) -> str:
        """Return the end of a partition's name."""
        return f"y{self.year}m{self.month:02d}"


async def made(conn: AsyncConnection[Any], table: str) -> list[Month]:
    """Return the months of a table, oldest first."""
    cursor = await conn.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
        (table,),
    )
    found = (_NAME.fullmatch(str(row[0]).removeprefix(f"{table}_")) for row in await cursor.fetchall())
    return sorted(Month(int(one[1]), int(one[2])) for one in found if one is not None)


async def make_ahead(conn: AsyncConnection[Any], now: datetime) -> list[str]:
    """Make what is missing of this month and the next ones, and the months of rows that have none; return names.

    In the caller's transaction, which waits for look-ups under way and keeps new ones waiting for a moment.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    names: list[str] = []
    for table in TABLES:
        wanted = {Month.of(now).plus(ahead) for ahead in range(MONTHS_AHEAD + 1)} | await _without_month(conn, table)
        missing = sorted(wanted - set(await made(conn, table)))
        if missing:
            await _make(conn, table, missing)
            names += [f"{table}_{one}" for one in missing]
    return names


async def _without_month(conn: AsyncConnection[Any], table: str) -> set[Month]:
    cursor = await conn.execute(
        sql.SQL("SELECT DISTINCT date_trunc('month', asked_at, 'UTC') FROM {}").format(
            sql.Identifier(f"{table}_default")
        )
    )
    return {Month.of(row[0]) for row in await cursor.fetchall()}


async def _make(conn: AsyncConnection[Any], table: str, months: Iterable[Month]) -> None:
    """Make months beside the default partition, whose rows are laid aside meanwhile and then find their place."""
    parent, default, aside = (sql.Identifier(name) for name in (table, f"{table}_default", f"{table}_aside"))
    await conn.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(parent))
    cursor = await conn.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(default))
    row = await cursor.fetchone()
    has_rows = row is not None and bool(row[0])
    if has_rows:
        await conn.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, default))
        await conn.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(default, aside))
    for one in months:
        await _make_partition(conn, table, str(one), one)
    if has_rows:
        await _drop_indexes(conn, f"{table}_aside")
        await _make_partition(conn, table, "default", None)
        await conn.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(parent, aside))
        await conn.execute(sql.SQL("DROP TABLE {}").format(aside))


async def _make_partition(conn: AsyncConnection[Any], table: str, end_of_name: str, month: Month | None) -> None:
    name = sql.Identifier(f"{table}_{end_of_name}")
    if month is None:
        bounds: sql.Composable = sql.SQL("DEFAULT")
    else:
        bounds = sql.SQL("FOR VALUES FROM ({}) TO ({})").format(month.begins, month.plus(1).begins)
    await conn.execute(sql.SQL("CREATE TABLE {} PARTITION OF {} {}").format(name, sql.Identifier(table), bounds))
    await conn.execute(
        sql.SQL(
            "CREATE TRIGGER {} BEFORE TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION lookup_log_guard()"
        ).format(sql.Identifier(f"{table}_{end_of_name}_is_not_emptied"), name)
    )


async def _drop_indexes(conn: AsyncConnection[Any], name: str) -> None:
    """Free the names of indexes and constraints of a partition that was laid aside, for the one that follows it."""
    cursor = await conn.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'", (name,)
    )
    for row in await cursor.fetchall():
        await conn.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(name), sql.Identifier(row[0]))
        )
    cursor = await conn.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass", (name,)
    )
    for row in await cursor.fetchall():
        await conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(row[0])))


async def drop_old(conn: AsyncConnection[Any], now: datetime, *, retention_months: int) -> list[str]:
    """Drop the months that have lain for longer than they are kept, each with an entry of the ledger; return names.

    In the caller's transaction. A month is dropped when all of it is older than ``retention_months`` months.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    first_kept = Month.of(now).plus(-retention_months)
    names: list[str] = []
    for table in TABLES:
        for month in await made(conn, table):
            if month >= first_kept:
                continue
            name = f"{table}_{month}"
            cursor = await conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))
            row = await cursor.fetchone()
            await conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
            facts = {"rows": str(0 if row is None else row[0]), "retention_months": str(retention_months)}
            await record_act(conn, act="lookups.month_dropped", actor=PROGRAM, target=name, facts=facts, at=now)
            names.append(name)
    return names
