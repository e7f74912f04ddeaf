"""Database, clients and keys from the command line."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.access import clients, signing
from hub.access.scopes import Scope
from hub.sealed_columns import SEALED_COLUMNS
from hub.settings import Settings
from hub.store.engine import open_store
from hub.store.schema import METADATA, head_revision
from tests.hub.cli.conftest import Lienthong


def _credentials(output: str) -> clients.Credentials:
    found = re.search(r"^CLIENT_ID=(\S+)\nCLIENT_SECRET=(\S+)$", output, flags=re.MULTILINE)
    assert found is not None, output
    return clients.Credentials(found[1], found[2])


async def _authenticate(settings: Settings, credentials: clients.Credentials) -> clients.Client | None:
    async with await open_store(settings) as store:
        return await clients.authenticate(store, credentials.client_id, credentials.secret)


def test_a_client_is_made_and_its_secret_shown_once(lienthong: Lienthong, settings: Settings) -> None:
    """The secret that is printed works, for the scopes and agencies asked for; it is in no list."""
    done = lienthong("clients", "add", "Một cửa", "--scope", "dossiers:write", "--agency", "H99.12")
    assert done.exit_code == 0, done.output
    credentials = _credentials(done.output)
    client = asyncio.run(_authenticate(settings, credentials))
    assert client is not None
    assert client.name == "Một cửa"
    assert client.scopes == {Scope.DOSSIERS_WRITE}
    assert client.agencies == ("H99.12",)
    listed = lienthong("clients", "list")
    assert credentials.client_id in listed.output
    assert "Một cửa" in listed.output
    assert credentials.secret not in listed.output


def test_a_name_is_given_once(lienthong: Lienthong) -> None:
    """Two clients of one name could not be told apart in the record."""
    assert lienthong("clients", "add", "A", "--scope", "connections:read").exit_code == 0
    again = lienthong("clients", "add", "A", "--scope", "connections:read")
    assert again.exit_code == 1
    assert "already exists" in again.stderr
    assert "Đã có ứng dụng mang tên này" in again.stderr


@pytest.mark.slow
def test_a_rotated_secret_replaces_the_former(lienthong: Lienthong, settings: Settings) -> None:
    """With an overlap both secrets work, without one only the new."""
    first = _credentials(lienthong("clients", "add", "A", "--scope", "connections:read").output)
    second = _credentials(lienthong("clients", "rotate", first.client_id).output)
    assert asyncio.run(_authenticate(settings, first)) is not None
    assert asyncio.run(_authenticate(settings, second)) is not None
    third = _credentials(lienthong("clients", "rotate", first.client_id, "--overlap-hours", "0").output)
    assert asyncio.run(_authenticate(settings, second)) is None
    assert asyncio.run(_authenticate(settings, third)) is not None


@pytest.mark.slow
def test_a_disabled_client_gets_in_no_more(lienthong: Lienthong, settings: Settings) -> None:
    """Disabling is for good: neither the secret nor a rotation brings the client back."""
    made = _credentials(lienthong("clients", "add", "A", "--scope", "connections:read").output)
    assert lienthong("clients", "disable", made.client_id).exit_code == 0
    assert asyncio.run(_authenticate(settings, made)) is None
    assert lienthong("clients", "rotate", made.client_id).exit_code == 1
    assert lienthong("clients", "disable", "client-0000000000000000").exit_code == 1


@pytest.mark.slow
def test_db_upgrade_makes_the_tables_and_then_nothing(
    lienthong: Lienthong, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be run at every deployment."""
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", empty_database_url)
    first = lienthong("db", "upgrade")
    assert first.exit_code == 0, first.output
    assert f"from none to version {head_revision()}" in first.output
    assert "up to date" in lienthong("db", "upgrade").output


def test_keys_create_never_overwrites(lienthong: Lienthong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overwriting a key file would lose everything that was sealed."""
    path = tmp_path / "fresh" / "keys.json"
    monkeypatch.setenv("LIENTHONG_KEY_FILE", str(path))
    assert lienthong("keys", "create").exit_code == 0
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    again = lienthong("keys", "create")
    assert again.exit_code == 1
    assert "not overwritten" in again.stderr
    assert path.read_bytes() == before


@pytest.mark.slow
def test_keys_rotate_reseals_everything(lienthong: Lienthong, settings: Settings) -> None:
    """After a rotation with --reseal every sealed value opens, and none needs the old data key."""

    async def prepare() -> int:
        async with await open_store(settings) as store:
            await signing.KeyRing(store).signing()
            async with store.transaction() as conn:
                sealed = store.sealer.seal(b"token", "partner_sessions:portal:1")
                await conn.execute(
                    "INSERT INTO partner_sessions (connection, generation, sealed, obtained_at)"
                    " VALUES ('portal', 1, %s, now())",
                    (sealed,),
                )
            return store.sealer.active_id

    async def verify(old: int) -> None:
        async with await open_store(settings) as store:
            assert store.sealer.active_id != old
            async with store.transaction() as conn:
                for column in SEALED_COLUMNS:
                    names = [*column.key_columns, *column.context_columns, column.blob_column]
                    cursor = await conn.execute(f"SELECT {', '.join(names)} FROM {column.table}")  # noqa: S608
                    for values in await cursor.fetchall():
                        row = dict(zip(names, values, strict=True))
                        blob = bytes(row.pop(column.blob_column))
                        assert store.sealer.open(blob, column.context(row))
                        assert int.from_bytes(blob[1:5], "big") == store.sealer.active_id

    before = settings.resolved_key_file.read_text()
    old = asyncio.run(prepare())
    done = lienthong("keys", "rotate", "--reseal", "--delay-seconds", "0")
    assert done.exit_code == 0, done.output
    # The session, and the signing key from before; the one made by the rotation may be sealed with either.
    assert re.search(r"[23] values sealed anew", done.output)
    assert json.loads(settings.resolved_key_file.read_text())["active"] != json.loads(before)["active"]
    asyncio.run(verify(old))


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    """A column that a rotation does not know keeps its old key alive, or loses its values when that key goes."""
    by_name = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and (column.name == "sealed" or column.name.endswith("_sealed"))
    }
    assert {(one.table, one.blob_column) for one in SEALED_COLUMNS} == by_name
