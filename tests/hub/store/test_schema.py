"""The tables in the database are those the code declares, and a start says so when they are not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hub.settings import Settings
from hub.store import schema
from hub.store.engine import open_store
from hub.store.errors import SchemaError, StoreUnavailable


def test_the_migrations_lead_to_the_declared_tables(database_url: str) -> None:
    """A table declared in code and forgotten in the migrations fails here, not in production."""
    with schema.connect(database_url) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "target_metadata": schema.METADATA,
                "include_name": schema.is_declared_name,
            },
        )
        assert compare_metadata(context, schema.METADATA) == []


def test_all_table_modules_are_registered() -> None:
    """A subject folder's ``tables.py`` that nobody imports would silently have no tables."""
    root = Path(schema.__file__).parent.parent
    found = {path.parent.name for path in root.glob("*/tables.py")}
    assert found == {module.__name__.split(".")[1] for module in schema.TABLE_MODULES}


def test_every_foreign_key_has_an_index() -> None:
    """Without one, each row removed from the table it points to is a walk through all rows that may point there."""
    for table in schema.METADATA.sorted_tables:
        whole = (one for one in table.indexes if one.dialect_options["postgresql"]["where"] is None)
        indexed = [[one.name for one in table.primary_key.columns]]
        indexed += [[getattr(one, "name", None) for one in index.expressions] for index in whole]
        for key in table.foreign_key_constraints:
            columns = {one.name for one in key.columns}
            assert any(set(one[: len(columns)]) == columns for one in indexed), (table.name, columns)


@pytest.mark.slow
def test_upgrading_is_repeatable_and_reaches_the_head(empty_database_url: str) -> None:
    """``db upgrade`` may be run at any time."""
    assert schema.current_revision(empty_database_url) is None
    assert schema.needs_upgrade(empty_database_url)
    schema.upgrade(empty_database_url)
    schema.upgrade(empty_database_url)
    assert schema.current_revision(empty_database_url) == schema.head_revision()
    assert not schema.needs_upgrade(empty_database_url)
    schema.check_schema(empty_database_url)


@pytest.mark.slow
def test_programs_that_upgrade_together_do_not_collide(empty_database_url: str) -> None:
    """One migrates, the others wait and find it done."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.upgrade, [empty_database_url] * 4))
    assert not schema.needs_upgrade(empty_database_url)


@pytest.mark.slow
def test_every_migration_can_be_undone(database_url: str) -> None:
    """Going down to nothing and up again leaves the declared tables."""
    with schema.connect(database_url) as connection:
        config = schema.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        left = connection.exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        assert left == []
    schema.upgrade(database_url)
    test_the_migrations_lead_to_the_declared_tables(database_url)


def test_a_failed_upgrade_leaves_nothing_behind(empty_database_url: str) -> None:
    """All steps are one transaction: the old program still runs on the old tables."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE data_keys (in_the_way int)")
    with pytest.raises(Exception, match="data_keys"):
        schema.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert rows == [("data_keys",)]


async def test_a_start_on_an_empty_database_says_what_to_run(
    empty_database_url: str, make_settings: Callable[..., Settings]
) -> None:
    """The operator reads the command in the error."""
    with pytest.raises(SchemaError) as caught:
        await open_store(make_settings(database_url=empty_database_url))
    assert caught.value.code == "schema_missing"
    assert "lienthong db upgrade" in caught.value.sentence.en
    assert "lienthong db upgrade" in caught.value.sentence.vi


@pytest.mark.slow
async def test_opening_with_upgrade_makes_the_tables(
    empty_database_url: str, make_settings: Callable[..., Settings]
) -> None:
    """``up`` on the embedded database needs no second command."""
    async with await open_store(make_settings(database_url=empty_database_url), upgrade=True):
        assert not schema.needs_upgrade(empty_database_url)


@pytest.mark.parametrize("upgrade", [True, False])
async def test_a_database_of_a_newer_program_is_left_alone(
    database_url: str, settings: Settings, *, upgrade: bool
) -> None:
    """An old program must not write into tables it does not know."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError) as caught:
        await open_store(settings, upgrade=upgrade)
    assert caught.value.code == "schema_newer"


async def test_outdated_tables_are_refused(
    database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program whose tables are one step behind says so and does not start."""
    monkeypatch.setattr(schema, "head_revision", lambda: "0002")
    with pytest.raises(SchemaError) as caught:
        await open_store(settings)
    assert caught.value.code == "schema_outdated"


def test_a_database_that_does_not_answer_is_an_outage(tmp_path: Path) -> None:
    """The schema check reports an outage in the store's own words."""
    with pytest.raises(StoreUnavailable):
        schema.current_revision(f"postgresql://u@/d?host={tmp_path}")
