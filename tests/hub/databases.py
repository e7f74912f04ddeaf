"""Databases for tests: cloned from a template once, emptied and lent again.

Making a database costs a hundred times what emptying one does. A database goes back into the pool only when it is
then indistinguishable from a new one: no sessions, no rows, every sequence at its start, the tables, settings and
seeded rows as in the template. One that a test has changed in any other way is dropped.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import Store

_ENOUGH_USES = 50
"""After so many tests a database is replaced: statistics and dead rows of system tables are not reset by emptying."""

_SHAPE = """
SELECT md5(concat_ws('|',
    (SELECT string_agg(concat_ws(',', c.oid, c.relname, c.relkind, c.relpersistence, c.reloptions), ';' ORDER BY c.oid)
        FROM pg_class c WHERE c.relnamespace = ANY (spaces.own)),
    (SELECT string_agg(concat_ws(',', a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.attstattarget), ';'
        ORDER BY a.attrelid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = ANY (spaces.own)),
    (SELECT string_agg(concat_ws(',', o.oid, o.conname, o.convalidated), ';' ORDER BY o.oid) FROM pg_constraint o),
    (SELECT string_agg(concat_ws(',', i.indexrelid, i.indisvalid), ';' ORDER BY i.indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = ANY (spaces.own)),
    (SELECT string_agg(concat_ws(',', t.oid, t.tgname, t.tgenabled), ';' ORDER BY t.oid) FROM pg_trigger t),
    (SELECT string_agg(concat_ws(',', p.oid, p.proname, md5(p.prosrc)), ';' ORDER BY p.oid)
        FROM pg_proc p WHERE p.pronamespace = ANY (spaces.own)),
    (SELECT string_agg(concat_ws(',', d.adrelid, d.adnum, pg_get_expr(d.adbin, d.adrelid)), ';' ORDER BY d.oid)
        FROM pg_attrdef d),
    (SELECT string_agg(s.nspname, ';' ORDER BY s.oid) FROM pg_namespace s),
    (SELECT string_agg(e.extname, ';' ORDER BY e.oid) FROM pg_extension e),
    (SELECT string_agg(s.setconfig::text, ';') FROM pg_db_role_setting s JOIN pg_database b ON b.oid = s.setdatabase
        WHERE b.datname = current_database()),
    (SELECT concat_ws(',', b.datallowconn, b.datconnlimit) FROM pg_database b WHERE b.datname = current_database())))
FROM (SELECT array_agg(oid) AS own FROM pg_namespace
    WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%%') AS spaces
"""

_WRITTEN = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' AND pg_relation_size(c.oid) > 0 AND c.relname <> ALL (%s)
"""
# Also those whose rows are gone again: what is left of them costs the next test time.


class Databases:
    """The databases of one test process, all alike."""

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self._server = server
        self._template = template
        self._free: deque[str] = deque()
        self._uses: dict[str, int] = {}
        self._sessions: dict[str, psycopg.Connection[Any]] = {}
        self._admin = psycopg.connect(server.url, autocommit=True)
        name = self._create()
        with psycopg.connect(server.url_of(name), autocommit=True) as connection:
            self._shape = _value(connection, _SHAPE)
            tables = [
                str(row[0])
                for row in connection.execute(
                    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.oid"
                )
            ]
            self._seeded = [
                table for table in tables if _value(connection, _of("SELECT EXISTS (SELECT FROM {})", table))
            ]
            self._seeds = self._content(connection)
        self._free.append(name)

    def lend(self) -> str:
        """Return the name of a database with all tables and no rows but the template's."""
        name = self._free.popleft() if self._free else self._create()
        self._uses[name] = self._uses.get(name, 0) + 1
        return name

    def take_back(self, name: str) -> None:
        """Keep it for another test if it can be made as new, else drop it."""
        if self._uses[name] < _ENOUGH_USES and self._empty(name):
            self._free.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Drop all that are not lent."""
        while self._free:
            self._drop(self._free.popleft())
        self._admin.close()

    def _create(self) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        create(self._admin, name, self._template)
        return name

    def _drop(self, name: str) -> None:
        self._uses.pop(name, None)
        if session := self._sessions.pop(name, None):
            session.close()
        drop(self._admin, name)

    def _empty(self, name: str) -> bool:
        try:
            connection = self._connection_to(name)
            # A session left by a task that was not awaited must not write into the next test.
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
            written = [sql.Identifier(row[0]) for row in connection.execute(_WRITTEN, (self._seeded,))]
            if written:
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(written)))
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
                "FROM pg_sequences WHERE last_value IS NOT NULL"
            )
            connection.execute("SELECT pg_stat_reset()")
            is_as_new = _value(connection, _SHAPE) == self._shape and self._content(connection) == self._seeds
        except psycopg.Error:
            return False  # its tables are not the template's any more
        return is_as_new and all(row[0] for row in ended)

    def _connection_to(self, name: str) -> psycopg.Connection[Any]:
        """Return a session of ours in this database: kept, because a new one would have to learn all tables anew."""
        kept = self._sessions.get(name)
        if kept is not None:
            try:
                kept.execute("SELECT 1")
            except psycopg.Error:  # the test has ended all sessions, this one too
                kept.close()
            else:
                return kept
        self._sessions[name] = psycopg.connect(self._server.url_of(name), autocommit=True)
        # Tables that only grow refuse to be emptied, by a trigger; a replica's session fires none.
        self._sessions[name].execute("SET session_replication_role = replica")
        return self._sessions[name]

    def _content(self, connection: psycopg.Connection[Any]) -> list[Any]:
        return [
            _value(connection, _of("SELECT array_agg(one::text ORDER BY one::text) FROM {} AS one", table))
            for table in self._seeded
        ]


async def settled(store: Store) -> None:
    """Wait until no transaction of the whole server is older than what was committed up to now.

    What follows rows in an order that no later commit can slip before sees them from then on. A transaction of
    another test, in another database, holds it back like one of this test's own.
    """
    async with store.transaction() as conn:
        mine = (await (await conn.execute("SELECT pg_current_xact_id()::text")).fetchone() or ("",))[0]
    async with asyncio.timeout(120):
        while True:
            async with store.transaction() as conn:
                query = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::text::xid8"
                if (await (await conn.execute(query, (mine,))).fetchone() or (False,))[0]:
                    return
            await asyncio.sleep(0.01)


def create(admin: psycopg.Connection[Any], name: str, template: str) -> None:
    """Clone a database."""
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY WAL_LOG").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def drop(admin: psycopg.Connection[Any], name: str) -> None:
    """Delete a database and end the sessions in it."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _of(query: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(query).format(sql.Identifier(table))


def _value(connection: psycopg.Connection[Any], query: LiteralString | sql.Composed) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
