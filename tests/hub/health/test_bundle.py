"""The diagnostics bundle holds no citizen and no secret, wherever they are planted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import INET

from contracts.errors import Sentence
from hub.health import bundle
from hub.health.findings import bad
from hub.lookups.tables import TransactionId
from hub.settings import Settings
from hub.store.engine import Store
from hub.store.metadata import METADATA

NAME, NUMBER, PHONE = "Trần Thị Mẫu", "099199000123", "0901234567"
SECRET = "Mat-Khau-Bi-Mat"
PLANTED = (NAME, NUMBER, PHONE, SECRET, "Mẫu", "bi-mat")
POISON = f"{NAME} {NUMBER} {PHONE} {SECRET}"


def everything(packed: bytes) -> str:
    """All files of the bundle as one text, their names included."""
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        return "\n".join(f"{name}\n{opened.read(name).decode()}" for name in opened.namelist())


def assert_clean(text: str) -> None:
    for planted in PLANTED:
        assert planted.lower() not in text.lower(), planted


_DROP_CHECKS = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conrelid::regclass AS place, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.place, one.conname); END LOOP;
END $$
"""


async def poison(store: Store) -> None:
    """Plant it into every column of every table that holds text, bytes, JSON or lists of them."""
    async with store.transaction() as conn:
        # Whether a row makes sense does not matter here.
        await conn.execute("SET session_replication_role = replica")
        await conn.execute(_DROP_CHECKS)
        for table in METADATA.sorted_tables:
            columns = [one for one in table.columns if one.computed is None and one.identity is None]
            names = sql.SQL(", ").join(sql.Identifier(one.name) for one in columns)
            values = sql.SQL(", ").join(sql.SQL(_poisoned(one.type)) for one in columns)
            await conn.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table.name), names, values)
            )


_POISONED: tuple[tuple[Any, str], ...] = (
    (sa.Boolean, "true"),
    (sa.LargeBinary, f"convert_to('{POISON}', 'UTF8')"),
    (sa.Uuid, "gen_random_uuid()"),
    (sa.DateTime, "now()"),
    (sa.Date, "current_date"),
    (sa.Integer, "1"),
    (sa.Numeric, "1"),
    (sa.Float, "1"),
    (sa.JSON, f"jsonb_build_array('{POISON}')"),
    (sa.Text, f"'{POISON}'"),
    (INET, "'10.0.0.7'"),
    (TransactionId, "pg_current_xact_id()"),
)


def _poisoned(kind: Any) -> str:
    if isinstance(kind, sa.ARRAY):
        return f"ARRAY[{_poisoned(kind.item_type)}]"
    return next(value for known, value in _POISONED if isinstance(kind, known))


def settings_with_secrets(make: Callable[..., Settings]) -> Settings:
    return make(
        redis_url=f"redis://:{SECRET}@cache.example",
        connections={
            "portal": {
                "adapter": "national_portal",
                "title": POISON,
                "contact": {"name": NAME, "telephone": PHONE},
                "settings": {"password": SECRET, "forward": {"dstcode": NUMBER, SECRET.replace("-", " "): "x"}, "n": 7},
            }
        },
        alerts={
            "channels": {
                "mail": {
                    "kind": "email",
                    "host": "mail.example",
                    "username": NAME,
                    "password": SECRET,
                    "sender": "hub@h99.example",
                    "recipients": [f"{NUMBER}@h99.example"],
                }
            }
        },
    )


async def test_nothing_planted_anywhere_is_in_the_bundle(
    make_settings: Callable[..., Settings], store: Store, tmp_path: Path
) -> None:
    """Poison in every table, in the settings, in what the doctor says and in the log: none of it comes out."""
    await poison(store)
    log = tmp_path / "hub.log"
    lines = [
        orjson.dumps(
            {
                "timestamp": "2026-10-12T03:00:00Z",
                "level": "error",
                "event": "job_failed",
                "job": "watch",
                "error": POISON,
                "connection": "portal",
                "seconds": 1.5,
                POISON: POISON,
                "exception": [{"type": "builtins.ValueError", "sentence": POISON, "at": [POISON]}],
            }
        ),
        orjson.dumps({"event": POISON, "logger": POISON, "timestamp": POISON}),
        POISON.encode(),
        b"[1]",
    ]
    log.write_bytes(b"\n".join(lines))
    findings = [bad("database", Sentence(POISON, POISON))]
    packed = await bundle.build(settings_with_secrets(make_settings), store, findings, log)
    text = everything(packed)
    assert_clean(text)
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        shown = {name: opened.read(name) for name in opened.namelist()}
    assert orjson.loads(shown["log.json"])["lines"][0] == {
        "timestamp": "2026-10-12T03:00:00Z",
        "event": "job_failed",
        "level": "error",
        "job": "watch",
        "connection": "portal",
        "seconds": 1.5,
        "exception": ["builtins.ValueError"],
    }
    assert orjson.loads(shown["log.json"])["left_out"] == 2
    settings = orjson.loads(shown["settings.json"])
    assert settings["connections"]["portal"]["adapter"] == "national_portal"
    assert settings["connections"]["portal"]["settings"] == ["forward", "forward.dstcode", "n", "password"]
    assert settings["database_url"] == "(set)"
    assert orjson.loads(shown["doctor.json"]) == [{"subject": "database", "verdict": "bad"}]


async def test_it_helps(store: Store, settings: Settings) -> None:
    """Versions, the schema, counts and codes of errors are there; a code that is none is left out."""
    async with store.transaction() as conn:
        await conn.execute("SET session_replication_role = replica")
        await conn.execute("INSERT INTO connections (id, adapter) VALUES ('portal', 'national_portal')")
        for code in ("HTTP 503", "099199000123", "Xin chào bạn nhé"):
            await conn.execute(
                "INSERT INTO exchanges (id, lane_id, connection, subject, operation, state, accepted_at, upstream_code)"
                " VALUES (gen_random_uuid(), 1, 'portal', 'x', 'push_dossier', 'refused', now(), %s)",
                (code,),
            )
    with zipfile.ZipFile(io.BytesIO(await bundle.build(settings, store, [], None))) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    assert {"README.txt", "versions.json", "settings.json", "tables.json", "errors.json", "probes.json"} <= parts.keys()
    assert orjson.loads(parts["versions.json"])["packages"]["lienthong"]
    codes = sorted(one["upstream_code"] for one in orjson.loads(parts["errors.json"]))
    assert codes == ["(left out)", "(left out)", "HTTP 503"]
    assert {one["name"] for one in orjson.loads(parts["tables.json"])} >= {"exchanges", "alerts"}


async def test_without_a_database(settings: Settings) -> None:
    """What is most needed when nothing works is there without the database."""
    with zipfile.ZipFile(io.BytesIO(await bundle.build(settings, None, [], None))) as opened:
        assert set(opened.namelist()) == {
            "README.txt",
            "versions.json",
            "settings.json",
            "doctor.json",
            "schema.json",
        }


def test_it_is_written_for_its_owner_only_and_over_nothing(tmp_path: Path) -> None:
    """A bundle never replaces a file."""
    path = tmp_path / "d.zip"
    bundle.write(path, b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        bundle.write(path, b"y")
    assert path.read_bytes() == b"x"
