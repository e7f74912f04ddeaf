"""A probe of a connection: login, contract and the real call are told apart, and whose clock is wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Malformed, NeedsPerson, OutcomeUnknown, Sentence, TryLater
from hub.health.blame import Blame
from hub.health.layers import Layer, Passed
from hub.health.probe_service import probe_alone
from hub.health.probing import ProbeReport, probe, tell_clocks_apart, whose_clock
from hub.health.settings import HealthSettings
from hub.settings import Settings
from tests.hub.health.partners import NOW, clock, connection, http, notes, partner, raising

SETTINGS = HealthSettings()
WORDS = Sentence("They say no.", "Họ từ chối.")


async def probed(ask: Any = None, *, settings: HealthSettings = SETTINGS, date: datetime = NOW) -> ProbeReport:
    async with partner(http(date)) as port:
        return await probe(connection(f"http://127.0.0.1:{port}/", ask=ask), notes(), settings, now=clock)


async def test_a_full_probe_proves_the_connection() -> None:
    """Every layer in its order, the last of them a real call."""
    report = await probed()
    assert [one.layer for one in report.layers] == [
        Layer.PORT,
        Layer.CLOCK,
        Layer.CREDENTIALS,
        Layer.CONTRACT,
        Layer.CALL,
    ]
    assert (report.passed, report.proven, report.failure, report.attention) == (True, True, None, None)


@pytest.mark.parametrize(
    ("error", "layer", "blame"),
    [
        (NeedsPerson(WORDS, upstream_code="HTTP 403"), Layer.CREDENTIALS, Blame.CREDENTIALS),
        (NeedsPerson(WORDS, upstream_code="HTTP 404"), Layer.CALL, Blame.US),
        (Malformed(WORDS), Layer.CONTRACT, Blame.CONTRACT),
        (TryLater(WORDS, upstream_code="HTTP 503"), Layer.CALL, Blame.PARTNER),
        (TryLater(WORDS), Layer.CALL, Blame.PARTNER),
        (OutcomeUnknown(WORDS), Layer.CALL, Blame.PARTNER),
    ],
)
async def test_what_fails_in_the_call_is_told_by_its_class(error: Exception, layer: Layer, blame: Blame) -> None:
    """The same question answers for login, contract and call."""
    report = await probed(raising(error))
    assert report.failure is not None
    assert (report.failure.layer, report.failure.blame) == (layer, blame)
    assert not report.proven


async def test_a_slow_answer_is_degraded() -> None:
    """It passes, and is told to the partner."""

    async def slowly() -> None:
        await asyncio.sleep(0.02)

    report = await probed(slowly, settings=HealthSettings(slow_seconds=0.01))
    assert report.attention is not None
    assert (report.attention.layer, report.attention.blame) == (Layer.CALL, Blame.PARTNER)
    assert report.proven


async def test_unknown_fields_want_attention() -> None:
    """The contract layer says how many, not what they hold."""
    page = notes()

    def drifting() -> None:
        page.drift.add("TraCuuHoSo.MoiThem")

    async with partner(http()) as port:
        report = await probe(connection(f"http://127.0.0.1:{port}/", ask=drifting), page, SETTINGS, now=clock)
    assert report.attention is not None
    assert report.attention.layer is Layer.CONTRACT
    assert "1 fields" in report.attention.sentence.en


async def test_a_connection_without_a_harmless_question_stays_unproven() -> None:
    """What cannot be asked is not claimed."""
    async with partner(http()) as port:
        opened = connection(f"http://127.0.0.1:{port}/")
        object.__setattr__(opened, "connection", object())
        report = await probe(opened, notes(), SETTINGS, now=clock)
    assert (report.passed, report.proven) == (True, False)


async def test_html_with_200_breaks_the_contract(make_settings: Any) -> None:
    """The real portal's adapter against a page: what answers is not the portal."""
    async with partner(http(datetime.now(UTC), b"<html>Welcome</html>")) as port:
        settings: Settings = make_settings(connections={"portal": portal(port)})
        [report] = await probe_alone(settings)
    assert report.failure is not None
    assert (report.failure.layer, report.failure.blame) == (Layer.CONTRACT, Blame.CONTRACT)


async def test_a_refused_login_is_the_credentials(make_settings: Any) -> None:
    """The real portal's adapter is refused at the login, so nothing behind it is claimed."""
    refused = http(datetime.now(UTC), b'{"error_code":"-1","session":""}', "application/json")
    async with partner(refused) as port:
        [report] = await probe_alone(make_settings(connections={"portal": portal(port)}))
    assert report.failure is not None
    assert (report.failure.layer, report.failure.blame) == (Layer.CREDENTIALS, Blame.CREDENTIALS)
    assert "very-secret" not in str(report)


def portal(port: int) -> dict[str, Any]:
    return {
        "adapter": "national_portal",
        "settings": {
            "forward": {"adapter_url": f"http://127.0.0.1:{port}/f", "dstcode": "VN:GOV:000.00.00.G22:x"},
            "username": "000.00.00.H99",
            "password": "very-secret",
            "madonvi": "000.00.00.H99",
        },
    }


# --- whose clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "whose"),
    [
        ([], ""),
        ([600.0], "ours"),
        ([0.5], "theirs"),
        ([600.0, 0.0], ""),
        ([599.0, 620.0, 0.0], "ours"),
        ([1.0, -2.0, 600.0], "theirs"),
        ([-600.0], ""),
    ],
)
def test_whose_clock_is_wrong(others: list[float], whose: str) -> None:
    """The majority of the other clocks decides; without one nobody is accused."""
    assert whose_clock(600.0, others) == whose


async def test_two_partners_tell_that_the_clock_is_ours() -> None:
    """Both are ten minutes ahead, so we are ten minutes behind; one cause for both."""
    report = await probed(date=NOW + timedelta(minutes=10))
    told = tell_clocks_apart(report, {"b.example:443": 601.0}, SETTINGS)
    assert told.failure is not None
    assert told.failure.place == "ours"
    assert told.failure.passed is Passed.NO
    assert report.failure is not None
    alone = tell_clocks_apart(report, {report.failure.place: report.clock_skew or 0.0}, SETTINGS)
    assert "cannot be told" in alone.layers[-1].sentence.en
