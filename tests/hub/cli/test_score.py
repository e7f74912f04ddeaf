"""Scores and early warnings from the command line."""

from __future__ import annotations

import asyncio
import json

import pytest

from contracts.dossier import DossierFacts
from contracts.examples import dossier_body
from hub.settings import Settings
from hub.store.engine import open_store
from tests.hub.cli.conftest import Lienthong
from tests.hub.cli.test_operate import CODE, CONNECTIONS, PORTAL, exchange

__all__ = ["exchange"]

FACTS = DossierFacts.model_validate_json(dossier_body())
MONTH = "2026-10"


def _warn(settings: Settings) -> None:
    """Leave a warning as the clerk would."""

    async def write() -> None:
        async with await open_store(settings) as store, store.transaction() as conn:
            await conn.execute(
                "INSERT INTO score_warnings (code, agency_code, cause, raised_at)"
                " VALUES (%s, 'H99.12', 'result_missing', now())",
                (CODE,),
            )
            await conn.execute("UPDATE dossiers SET recorded_at = recorded_at - interval '1 day'")

    asyncio.run(write())


@pytest.mark.usefixtures("exchange")
@pytest.mark.slow
def test_a_month_is_shown_with_what_costs_points(
    lienthong: Lienthong, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the clerk has not come to yet is worked in first; nothing of the citizen is shown."""
    assert FACTS.received_at is not None
    assert FACTS.received_at.strftime("%Y-%m") == MONTH
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(CONNECTIONS))
    _warn(settings)
    shown = lienthong("scores", "--month", MONTH, "--dossiers")
    assert shown.exit_code == 0, shown.output
    for words in (f"{MONTH}, all agencies: 1 received, 0 at the portal", f"{MONTH}, H99.12:", CODE, "not_synchronised"):
        assert words in shown.output
    shown = lienthong("scores", "--month", MONTH, "--agency", "H99.13", "--rebuild")
    assert "1 dossiers worked out anew" in shown.output
    assert "all agencies: 0 received" in shown.output
    shown = lienthong("warnings", "--agency", "H99.12")
    assert shown.exit_code == 0
    assert "result_missing" in shown.output
    assert FACTS.applicant.name not in shown.output
    assert lienthong("warnings", "--cause", "null_channel").output.startswith("There are no early warnings")
    assert PORTAL in CONNECTIONS


@pytest.mark.parametrize("arguments", [("--month", "10/2026"), ("--month", "2026-13"), ("--agency", "x y")])
def test_a_wrong_argument_is_one_sentence(lienthong: Lienthong, arguments: tuple[str, ...]) -> None:
    """In both languages, before anything is opened."""
    wrong = lienthong("scores", *arguments)
    assert wrong.exit_code == 1
    assert "Error: " in wrong.stderr
    assert "Lỗi: " in wrong.stderr


def test_a_profile_that_is_not_there_is_told_before_anything_is_opened(
    lienthong: Lienthong, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence lists the profiles there are."""
    monkeypatch.setenv("LIENTHONG_PROFILE", "ha_noi")
    wrong = lienthong("scores")
    assert wrong.exit_code == 1
    assert "vinh_phuc" in wrong.stderr
