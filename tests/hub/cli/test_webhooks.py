"""Webhooks from the command line: of any client, with the secret shown once and every act by name."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.cli.conftest import Lienthong

HOOK = "https://office.h99.example/hook"


@pytest.fixture(autouse=True)
def _one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENTHONG_WEBHOOKS__ALLOW", '["office.h99.example"]')


def client(lienthong: Lienthong, *scopes: str) -> str:
    """Make a client; return its id."""
    options = [part for scope in scopes for part in ("--scope", scope)]
    done = lienthong("clients", "add", "Một cửa", *options, "--agency", "H99")
    return re.findall(r"CLIENT_ID=(\S+)", done.output)[0]


async def acts(settings: Settings) -> list[tuple[str, str]]:
    """Return what the ledger will say of webhooks: act and actor."""
    async with await open_store(settings) as store, store.transaction() as conn:
        rows = await (await conn.execute("SELECT facts FROM ledger_queue WHERE kind = 'act' ORDER BY id")).fetchall()
    facts = [json.loads(row[0]) for row in rows]
    return [(one["act"], one["actor"]) for one in facts if one["act"].startswith("webhook.")]


@pytest.mark.slow
def test_a_webhook_lives_its_life(lienthong: Lienthong, settings: Settings) -> None:
    """Added, listed, rotated, disabled, enabled, replayed; the secret is in no list, each act is recorded."""
    made = lienthong("webhooks", "add", client(lienthong, "inbox:read"), HOOK, "--kind", "dossier.filed")
    assert made.exit_code == 0, made.output
    ((webhook, secret),) = re.findall(r"^WEBHOOK_ID=(\S+)\nWEBHOOK_SECRET=(whsec_\S+)$", made.output, re.MULTILINE)
    listed = lienthong("webhooks", "list")
    assert webhook in listed.output
    assert "dossier.filed" in listed.output
    assert secret not in listed.output
    assert secret not in lienthong("webhooks", "rotate", webhook).output
    assert "is disabled" in lienthong("webhooks", "disable", webhook).output
    assert "is enabled" in lienthong("webhooks", "enable", webhook).output
    assert "0 events" in lienthong("webhooks", "replay", webhook, "--since", "2026-10-08").output
    recorded = asyncio.run(acts(settings))
    assert [act for act, _ in recorded] == [
        f"webhook.{what}" for what in ("added", "rotated", "disabled", "enabled", "replayed")
    ]
    assert all(actor.endswith("(command line)") for _, actor in recorded)


def test_mistakes_are_one_sentence_in_both_languages(lienthong: Lienthong) -> None:
    """An address that is not listed, a client that may not read the inbox, an unknown webhook, a bad moment."""
    reader, other = client(lienthong, "inbox:read"), "client-0000000000000000"
    for arguments, says in (
        (("add", reader, "https://evil.example/"), "danh sách"),
        (("add", other, HOOK), "inbox:read"),
        (("rotate", "wh-1"), "webhook"),
        (("replay", "wh-1", "--since", "yesterday"), "2026-10-08"),
    ):
        done = lienthong("webhooks", *arguments)
        assert done.exit_code == 1
        assert says in done.stderr
    assert "There are no webhooks" in lienthong("webhooks", "list").output
