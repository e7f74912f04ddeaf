"""Connections, exchanges and procedures from the command line."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from contracts.dossier import DossierFacts, Procedure
from contracts.examples import dossier_body
from contracts.rules import DossierRules
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.cli.conftest import Lienthong

PORTAL = "national_portal"
CODE = "H99.12-261008-0001"
CONNECTIONS = {
    PORTAL: {
        "adapter": "national_portal",
        "settings": {
            "username": "u",
            "password": "never-shown",
            "madonvi": "000.00.00.H99",
            "forward": {"adapter_url": "http://127.0.0.1:9/XrdAdapter/RestService/forward", "dstcode": "VN:GOV:X"},
        },
    }
}


@pytest.fixture
def configured(lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch) -> Lienthong:
    """The command line with one connection, to a portal where nobody answers."""
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(CONNECTIONS))
    return lienthong


@pytest.fixture
def exchange(settings: Settings) -> str:
    """One accepted dossier; the exchange that will carry it."""

    async def declare() -> str:
        facts = DossierFacts.model_validate_json(dossier_body())
        async with await open_store(settings) as store:
            await save_procedures(store, PORTAL, [facts.procedure])
            intake = DossierIntake(store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store))
            receipt = await intake.put(code=CODE, facts=facts, caller=Caller("test", ("H99",)))
            await intake.aclose()
            return receipt.exchange_ids[0]

    return asyncio.run(declare())


def _set_state(settings: Settings, exchange: str, state: str) -> None:
    async def change() -> None:
        async with await open_store(settings) as store, store.transaction() as conn:
            await conn.execute(
                "UPDATE exchanges SET state = %s, ended_at = now(), reason = 'No.', reason_vi = 'Không.' WHERE id = %s",
                (state, exchange),
            )
            await conn.execute("UPDATE lanes SET open_count = 0, due_at = NULL")

    asyncio.run(change())


def test_connections_are_listed_with_their_sentence(configured: Lienthong, exchange: str) -> None:
    """An operator sees the state, what waits, and the sentence; no password."""
    done = configured("connections", "list")
    assert done.exit_code == 0, done.output
    assert re.search(rf"{PORTAL} +National Public Service Portal +unverified +1 +0 +-", done.output)
    assert "Chưa từng được kiểm chứng" in done.output
    assert "never-shown" not in done.output


def test_without_connections_the_list_says_what_to_do(lienthong: Lienthong) -> None:
    """An empty list is an answer, and says how to fill it."""
    done = lienthong("connections", "list")
    assert done.exit_code == 0
    assert "No connection is configured" in done.output


def test_a_pause_needs_a_reason_and_names_who(configured: Lienthong) -> None:
    """Every operator can see who stopped a connection and why; resuming takes it back."""
    assert configured("connections", "pause", PORTAL).exit_code == 2
    paused = configured("connections", "pause", PORTAL, "--reason", "bảo trì đường truyền")
    assert paused.exit_code == 0, paused.output
    assert re.search(r"maintenance\. Paused by .+ \(command line\): bảo trì đường truyền", paused.output)
    resumed = configured("connections", "resume", PORTAL)
    assert "unverified" in resumed.output
    unknown = configured("connections", "pause", "elsewhere", "--reason", "x")
    assert unknown.exit_code == 1
    assert "Không có kết nối nào với mã này" in unknown.stderr


def test_a_probe_names_the_layer_that_fails(configured: Lienthong) -> None:
    """Nothing listens on port 9: the port is at fault, and nothing behind it is asked."""
    done = configured("connections", "probe", PORTAL)
    assert done.exit_code == 1
    assert "Nothing answers at 127.0.0.1:9" in done.output
    assert "login" not in done.output
    unknown = configured("connections", "probe", "elsewhere")
    assert unknown.exit_code == 1
    assert "There is no connection elsewhere" in unknown.stderr


@pytest.mark.slow
def test_exchanges_are_found_by_what_is_known_of_them(configured: Lienthong, exchange: str) -> None:
    """By dossier, state and connection; a filter that nothing meets says so."""
    for arguments in ([], ["--dossier", CODE], ["--state", "accepted"], ["--connection", PORTAL, "--limit", "1"]):
        done = configured("exchanges", "list", *arguments)
        assert done.exit_code == 0, done.output
        assert exchange in done.output
        assert CODE in done.output
    assert "There are no such exchanges" in configured("exchanges", "list", "--state", "refused").output
    assert configured("exchanges", "list", "--state", "lost").exit_code == 2


@pytest.mark.slow
def test_an_exchange_is_shown_without_its_contents(configured: Lienthong, exchange: str) -> None:
    """State, repeat class and attempts; nothing of the citizen it is about."""
    done = configured("exchanges", "show", exchange)
    assert done.exit_code == 0, done.output
    assert "push_dossier (idempotent)" in done.output
    assert "Not tried yet" in done.output
    assert "Mẫu" not in done.output
    unknown = configured("exchanges", "show", "01990000-0000-7000-8000-000000000000")
    assert unknown.exit_code == 1
    assert "There is no exchange with this id" in unknown.stderr


def test_a_refused_exchange_is_replayed(configured: Lienthong, settings: Settings, exchange: str) -> None:
    """Only an ended exchange is tried again, and the record names who asked."""
    early = configured("exchanges", "replay", exchange)
    assert early.exit_code == 1
    assert "can be replayed" in early.stderr
    _set_state(settings, exchange, "refused")
    done = configured("exchanges", "replay", exchange)
    assert done.exit_code == 0, done.output
    assert re.search(r"state +accepted", done.output)
    assert "(command line)" in done.output


def test_a_dismissal_keeps_who_and_why(configured: Lienthong, settings: Settings, exchange: str) -> None:
    """Dismissing is for good and needs a reason."""
    _set_state(settings, exchange, "refused")
    assert configured("exchanges", "dismiss", exchange).exit_code == 2
    done = configured("exchanges", "dismiss", exchange, "--reason", "hồ sơ trùng")
    assert done.exit_code == 0, done.output
    assert re.search(r"dismissed +by .+ \(command line\): hồ sơ trùng", done.output)
    assert configured("exchanges", "replay", exchange).exit_code == 1


@pytest.mark.slow
def test_procedures_come_from_the_portal(
    lienthong: Lienthong, settings: Settings, portal_connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public procedures with a national code are copied, and how many there are is said."""
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(portal_connections))
    monkeypatch.setenv("LIENTHONG_CATALOGUE__REQUESTS_PER_SECOND", "1000")
    done = lienthong("catalogue", "sync")
    assert done.exit_code == 0, done.output
    assert "national_portal: 8 procedures. Version 1: " in done.output
    again = lienthong("catalogue", "sync")
    assert "Nothing changed." in again.output
    versions = lienthong("catalogue", "versions").output
    assert re.search(r"1 +national_portal +\S+ \S+ +\d+ +0 +0", versions)
    assert "0 unread, 0 kept back" in versions
    shown = lienthong("catalogue", "show", "1").output
    assert re.search(r"procedure +1\.000001 +added +Thủ tục mẫu", shown)
    procedure = lienthong("catalogue", "show", "1.000001").output
    assert procedure.startswith("1.000001.H99  Thủ tục mẫu")
    assert "TP01" in procedure
    assert "KQ.G99.000001" in procedure
    unknown = lienthong("catalogue", "show", "9.999999")
    assert (unknown.exit_code, unknown.stderr.startswith("Error: The catalogue has no procedure")) == (1, True)

    async def read() -> list[Procedure]:
        async with await open_store(settings) as store, store.transaction() as conn:
            cursor = await conn.execute("SELECT code, name, field_code, field_name FROM procedures ORDER BY root")
            return [
                Procedure(code=row[0], name=row[1], field_code=row[2], field_name=row[3])
                for row in await cursor.fetchall()
            ]

    assert asyncio.run(read())[0] == Procedure(
        code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Hộ tịch (mẫu)"
    )


def test_a_portal_that_does_not_answer_is_one_sentence(configured: Lienthong) -> None:
    """A failed synchronisation is told like every other expected error."""
    done = configured("catalogue", "sync")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.output
