"""The tables of the hub and their versions (Alembic). Every function here blocks: call it in a thread.

Importing this module registers all tables with `METADATA`. A new migration is written by
``python -m hub.store.autogenerate "what changes"``.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import hub.access.tables
import hub.accounts.tables
import hub.alerts.tables
import hub.cases.tables
import hub.catalogue.tables
import hub.document_store.tables
import hub.dossiers.tables
import hub.exchanges.tables
import hub.health.tables
import hub.inbox.tables
import hub.ledger.tables
import hub.lookups.tables
import hub.questions.tables
import hub.ratings.tables
import hub.reconciliation.tables
import hub.replays.tables
import hub.score.tables
import hub.store.tables
import hub.usage.tables
import hub.watch.tables
import hub.webhooks.tables
from contracts.errors import Sentence
from hub.store.errors import SchemaError, StoreUnavailable
from hub.store.metadata import METADATA

__all__ = [
    "METADATA",
    "check_schema",
    "current_revision",
    "head_revision",
    "is_declared_name",
    "needs_upgrade",
    "upgrade",
]

TABLE_MODULES = (
    hub.access.tables,
    hub.accounts.tables,
    hub.alerts.tables,
    hub.cases.tables,
    hub.catalogue.tables,
    hub.document_store.tables,
    hub.dossiers.tables,
    hub.exchanges.tables,
    hub.health.tables,
    hub.ledger.tables,
    hub.inbox.tables,
    hub.lookups.tables,
    hub.questions.tables,
    hub.ratings.tables,
    hub.reconciliation.tables,
    hub.replays.tables,
    hub.score.tables,
    hub.store.tables,
    hub.usage.tables,
    hub.watch.tables,
    hub.webhooks.tables,
)
"""All modules that declare tables; a subject folder that gets a ``tables.py`` is added here."""

MIGRATIONS = Path(__file__).parent / "migrations"

_UPGRADE_LOCK = 0x4C544D47
# Advisory lock ("LTMG"): of several processes told to upgrade, one does and the others find it done.


def upgrade(url: str) -> None:
    """Bring the tables to the newest version in one transaction; does nothing when they are.

    Raises:
        SchemaError: ``schema_newer``: they belong to a newer program.
        StoreUnavailable: The database does not answer.
    """
    with _connect(url) as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        _refuse_unknown(_revision_of(connection))
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def current_revision(url: str) -> str | None:
    """Return the version of the tables; ``None`` when there are none yet."""
    with _connect(url) as connection:
        return _revision_of(connection)


@cache
def head_revision() -> str:
    """Return the version this program needs."""
    head = _scripts().get_current_head()
    assert head is not None  # noqa: S101 - the package always carries migrations
    return head


def needs_upgrade(url: str) -> bool:
    """Say whether `upgrade` would do anything."""
    return current_revision(url) != head_revision()


def check_schema(url: str) -> None:
    """Make sure that the tables are those of this program.

    Raises:
        SchemaError: ``schema_missing``, ``schema_outdated`` or ``schema_newer``, saying what to run.
        StoreUnavailable: The database does not answer.
    """
    found = current_revision(url)
    _refuse_unknown(found)
    if found is None:
        raise SchemaError(
            Sentence(
                en="The database has no tables yet; run: lienthong db upgrade",
                vi="Cơ sở dữ liệu chưa có bảng nào; hãy chạy: lienthong db upgrade",
            ),
            code="schema_missing",
        )
    if found != head_revision():
        raise SchemaError(
            Sentence(
                en=f"The tables are of version {found}, this program needs {head_revision()}; "
                "run: lienthong db upgrade",
                vi=f"Các bảng ở phiên bản {found}, chương trình này cần {head_revision()}; "
                "hãy chạy: lienthong db upgrade",
            ),
            code="schema_outdated",
        )


def is_declared_name(name: str | None, kind: str, _parents: object) -> bool:
    """Say whether a table is for Alembic to compare: a partition, made as time goes by, is not (``include_name``)."""
    partitioned = (
        table.name for table in METADATA.tables.values() if table.dialect_options["postgresql"]["partition_by"]
    )
    return kind != "table" or name is None or not any(name.startswith(f"{one}_") for one in partitioned)


def configuration() -> Config:
    """Return Alembic's configuration; the packaged migrations need no ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())


@contextmanager
def connect(url: str) -> Generator[sa.Connection]:
    """Lend a SQLAlchemy connection to any PostgreSQL URL that libpq understands."""
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=10), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        yield connection


@contextmanager
def _connect(url: str) -> Generator[sa.Connection]:
    try:
        with connect(url) as connection:
            yield connection
    except sa.exc.OperationalError as error:
        raise StoreUnavailable from error


def _revision_of(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_unknown(found: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            Sentence(
                en=f"The tables are of version {found}, which this program does not know: it is older than the "
                "database; install the newer program.",
                vi=f"Các bảng ở phiên bản {found} mà chương trình này không biết: chương trình cũ hơn cơ sở dữ liệu; "
                "hãy cài chương trình mới hơn.",
            ),
            code="schema_newer",
        )
