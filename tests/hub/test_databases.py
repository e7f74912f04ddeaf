"""A database that is lent again is as new, or it is not lent again."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hub.store.embedded import EmbeddedPostgres
from tests.hub.databases import Databases


@pytest.fixture(scope="module")
def pool(database_server: EmbeddedPostgres, database_template: str) -> Iterator[Databases]:
    """A pool of these tests' own."""
    pool = Databases(database_server, database_template)
    yield pool
    pool.close()


def test_rows_numbers_and_sessions_are_gone(pool: Databases, database_server: EmbeddedPostgres) -> None:
    """What a test leaves behind does not meet the next one: neither what it wrote nor who still listens."""
    name = pool.lend()
    left = psycopg.connect(database_server.url_of(name), autocommit=True)
    for _ in range(3):
        left.execute("INSERT INTO lanes (connection, subject, open_count) VALUES ('p', gen_random_uuid()::text, 0)")
    left.execute("DELETE FROM lanes")
    left.execute("SELECT pg_advisory_lock(7)")
    pool.take_back(name)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    assert pool.lend() == name, "it is lent again"
    with psycopg.connect(database_server.url_of(name)) as connection:
        insert = "INSERT INTO lanes (connection, subject, open_count) VALUES ('p', 's', 0) RETURNING id"
        assert connection.execute(insert).fetchone() == (1,)
        assert connection.execute("SELECT pg_try_advisory_lock(7)").fetchone() == (True,)
    pool.take_back(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE other (x int)",
        "DROP TABLE lanes CASCADE",
        "ALTER TABLE lanes ADD COLUMN x int",
        "ALTER TABLE lanes ALTER subject DROP NOT NULL",
        "DROP INDEX ix_lanes_due",
        "UPDATE alembic_version SET version_num = '0'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA other",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END $$",
    ],
)
def test_a_changed_one_is_not_lent_again(pool: Databases, database_server: EmbeddedPostgres, change: str) -> None:
    """Whatever a test does to tables, functions or settings stays with it."""
    name = pool.lend()
    with psycopg.connect(database_server.url_of(name), autocommit=True) as connection:
        connection.execute(change.encode())
    pool.take_back(name)
    assert pool.lend() != name
