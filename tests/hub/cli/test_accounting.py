"""The register of accounts from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hub.access import clients
from hub.access.scopes import Scope
from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.accounts.world import ACCOUNT, NAME, NUMBER, declaration
from tests.hub.cli.conftest import Lienthong

SAID = ("--person", "Lê Văn Duyệt", "--reason", "Đúng quy định", "--document", "34/PC06")


async def _police(settings: Settings) -> clients.Credentials:
    async with await open_store(settings) as store:
        return await clients.add(store, name="Công an", scopes=[Scope.ACCOUNTS_APPROVE_POLICE], agencies=[])


@pytest.mark.slow
def test_an_account_from_the_command_line(
    lienthong: Lienthong, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who runs the machine may ask and take away; to approve, one must be a client of the other party."""
    file = tmp_path / "account.json"
    file.write_text(json.dumps(declaration()), "utf-8")
    asked = lienthong("accounts", "request", ACCOUNT, str(file))
    assert asked.output == f"{ACCOUNT}: requested\n"
    police = asyncio.run(_police(settings))
    approve = ("accounts", "approve", ACCOUNT, "--client", police.client_id, "--request", "1", *SAID)
    monkeypatch.setenv("CLIENT_SECRET", "wrong")
    refused = lienthong(*approve)
    assert refused.exit_code == 1
    assert "its secret is wrong" in refused.stderr
    monkeypatch.setenv("CLIENT_SECRET", police.secret)
    assert lienthong(*approve).exit_code == 0
    assert lienthong("accounts", "lock", ACCOUNT, *SAID).exit_code == 0
    again = lienthong("accounts", "suspend", ACCOUNT, *SAID)
    assert "cannot take this act" in again.stderr
    shown = lienthong("accounts", "show", ACCOUNT).output
    assert f"{ACCOUNT}: locked since" in shown
    assert "approve_grant" in shown
    listed = lienthong("accounts", "list", "--state", "locked").output
    assert ACCOUNT in listed
    assert not any(secret in shown + listed for secret in (NUMBER, NAME))

    out = tmp_path / "register.csv"
    assert lienthong("accounts", "export", str(out)).exit_code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    taken = lienthong("accounts", "import", str(out), *SAID)
    assert taken.output == "1 rows: 0 were requested, 0 amended, 1 known.\n"
    broken = tmp_path / "broken.csv"
    broken.write_bytes(out.read_bytes().replace(NUMBER.encode(), b"1"))
    faulty = lienthong("accounts", "import", str(broken), *SAID)
    assert faulty.exit_code == 1
    assert "row 2, Số CCCD" in faulty.stderr
    assert "There are none" in lienthong("accounts", "dormant").output
    assert "Tệp không phải" in lienthong("accounts", "import", str(_bad(tmp_path)), *SAID).stderr
    unreadable = lienthong("accounts", "request", ACCOUNT, str(_bad(tmp_path)))
    assert "not valid JSON" in unreadable.stderr


def _bad(directory: Path) -> Path:
    path = directory / "bad.csv"
    path.write_bytes(b"\xff\xff")
    return path
