"""Nothing about a citizen stands readable in the database, in any table, in any encoding."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import pytest

from contracts.errors import Rejected, Sentence
from contracts.people import Contact, PersonalNumberIdentifier, PersonApplicant
from hub.dossiers.events_store import read_dossiers
from hub.exchanges.sessions import StoredSessions
from hub.store.engine import Store
from hub.store.errors import SealError
from tests.hub.dossiers.test_service import SECRETS, history
from tests.hub.exchanges.conftest import PORTAL, World, yesterday

CODE = "H99.12-261008-0001"
_ID = re.compile(rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
MORE = ("0900000001", "mau@h99.example", "Số 1 đường Thử", "phien-dang-nhap-bi-mat")


async def every_byte(store: Store) -> bytes:
    """Everything in every table, as stored and as text."""
    everything = bytearray()
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            # Of a table in partitions, the partitions hold the rows.
            " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [row[0] for row in await cursor.fetchall()]
        for table in tables:
            for form in ("binary", "text"):
                async with conn.cursor().copy(f"COPY {table} TO STDOUT (FORMAT {form})") as copy:
                    async for part in copy:
                        everything += part
    assert len(tables) >= 10
    return bytes(everything)


def encodings(secret: str) -> set[bytes]:
    """The ways in which a text could lie in a column without being sealed."""
    plain = {secret.encode(), secret.encode("utf-16-le"), secret.encode("unicode-escape")}
    # Of base64 only the middle is the same wherever the text begins.
    bases = {base64.b64encode(b"\0" * pad + secret.encode())[4:-4] for pad in range(3)}
    return {one for one in (*plain, *(one.hex().encode() for one in plain), *bases) if len(one) >= 8}


async def live(world: World) -> None:
    """Let one of everything happen, be delivered in part and refused in part, and a session be kept."""
    applicant = PersonApplicant(
        name="Trần Thị Mẫu",
        identifiers=(PersonalNumberIdentifier(value="099199000123"),),
        contact=Contact(phone=MORE[0], email=MORE[1], address=MORE[2]),
    )
    await world.put(CODE, applicant=applicant, summary="Trích yếu bí mật", submitted_at=yesterday(-1))
    for event in history():
        await world.record(CODE, event)

    def refuse(operation: str, _pushes: Sequence[Any]) -> None:
        if operation == "push_step":
            raise Rejected(Sentence("They said no.", "Bên nhận từ chối."))

    world.portal.before = refuse
    async with world.working():
        await world.until(world.settled)

    async def login() -> str:
        return MORE[3]

    await StoredSessions(world.store, PORTAL).renew(None, login)


async def test_no_table_holds_a_citizens_data_in_clear(world: World) -> None:
    """Codes, states, dates, agencies and hashes stand in clear; everything else is sealed."""
    await live(world)
    everything = await every_byte(world.store)
    assert CODE.encode() in everything, "the test must see what is stored in clear"
    assert b"They said no." in everything
    for secret in (*SECRETS, *MORE):
        for form in encodings(secret):
            assert form not in everything, f"{secret!r} can be read in the database"
    # One random id in three thousand ends in twelve digits that begin with 0.
    without_ids = _ID.sub(b"", everything)
    assert re.search(rb"\b0\d{11}\b", without_ids) is None, "no twelve-digit number stands anywhere"
    async with world.store.transaction() as conn:
        dossier = (await read_dossiers(conn, world.store.sealer, [CODE]))[CODE]
    assert dossier.facts.applicant.name == "Trần Thị Mẫu", "with the key it can be read"


async def test_a_sealed_event_opens_in_its_own_place_only(world: World) -> None:
    """Moved to another revision or another dossier it does not open: nobody can mix histories in the database."""
    other = "H99.12-261008-0002"
    for code in (CODE, other):
        await world.put(code)
        await world.put(code, note="Sửa")
    async with world.store.transaction() as conn:
        await conn.execute(
            "UPDATE dossier_events e SET sealed = f.sealed FROM dossier_events f"
            " WHERE e.dossier_code = %s AND f.dossier_code = %s AND e.revision = f.revision",
            (CODE, other),
        )
    async with world.store.transaction() as conn:
        with pytest.raises(SealError):
            await read_dossiers(conn, world.store.sealer, [CODE])
        assert (await read_dossiers(conn, world.store.sealer, [other]))[other].revision == 2
