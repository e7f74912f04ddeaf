"""The state of a connection and its one sentence follow from the facts, and from nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.errors import Sentence
from hub.exchanges.views import ConnectionState
from hub.health.blame import Blame
from hub.health.judgement import Facts, Failure, LastProbe, Pause, Window, judge
from hub.health.layers import Layer

S = ConnectionState
NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)  # 10:00 in Vietnam
CONTACT = "Trực ban Cổng, 024 0000 0000"
FOUND = Sentence("This was found.", "Đã phát hiện.")


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def failure(kind: str, code: str = "", minutes: float = 2) -> Failure:
    return Failure(ago(minutes), kind, code, FOUND)


def failed(layer: Layer, blame: Blame, place: str = "a.example:443", minutes: float = 1) -> LastProbe:
    return LastProbe(ago(minutes), passed=False, proven=False, layer=layer, blame=blame, sentence=FOUND, place=place)


PROVEN = LastProbe(ago(1), passed=True, proven=True)
NOTHING = Facts("portal", NOW, contact=CONTACT)
BROKEN = replace(NOTHING, breaker_open=True, breaker_until=NOW + timedelta(minutes=5), has_open=True)

# What is known; what the connection then is, and whose fault.
TABLE: list[tuple[str, Facts, ConnectionState, Blame]] = [
    ("nothing is known", NOTHING, S.UNVERIFIED, Blame.NOBODY),
    ("a real exchange", replace(NOTHING, success_at=ago(5)), S.WORKING, Blame.NOBODY),
    ("a full probe", replace(NOTHING, probe=PROVEN, proven_probe_at=ago(1)), S.WORKING, Blame.NOBODY),
    ("an old exchange", replace(NOTHING, success_at=ago(61)), S.UNVERIFIED, Blame.NOBODY),
    ("a probe that asks nothing", replace(NOTHING, probe=LastProbe(ago(1), True, False)), S.UNVERIFIED, Blame.NOBODY),
    ("paused", replace(BROKEN, pause=Pause("an", "x", ago(9))), S.MAINTENANCE, Blame.NOBODY),
    ("stopped", replace(BROKEN, pause=Pause("an", "x", ago(9), emergency=True)), S.MAINTENANCE, Blame.NOBODY),
    ("in a window", replace(BROKEN, window=Window(ago(9), NOW, "x")), S.MAINTENANCE, Blame.NOBODY),
    ("not reached", replace(BROKEN, failure=failure("TryLater")), S.DOWN, Blame.NETWORK),
    ("their 503", replace(BROKEN, failure=failure("TryLater", "HTTP 503")), S.DOWN, Blame.PARTNER),
    ("their silence", replace(BROKEN, failure=failure("OutcomeUnknown")), S.DOWN, Blame.PARTNER),
    ("our fault", replace(BROKEN, failure=failure("OutcomeUnknown", "hub_fault")), S.DOWN, Blame.US),
    ("HTML with 200", replace(BROKEN, failure=failure("Malformed")), S.DOWN, Blame.CONTRACT),
    ("a wrong password", replace(BROKEN, failure=failure("NeedsPerson", "-1")), S.DOWN, Blame.CREDENTIALS),
    ("an expired certificate", replace(BROKEN, failure=failure("NeedsPerson", "X509:10")), S.DOWN, Blame.CERTIFICATE),
    ("a wrong address", replace(BROKEN, failure=failure("NeedsPerson", "HTTP 404")), S.DOWN, Blame.US),
    ("the first failures", replace(NOTHING, failure=failure("TryLater"), has_open=True), S.DEGRADED, Blame.NETWORK),
    ("healed since", replace(NOTHING, failure=failure("TryLater"), success_at=ago(1)), S.WORKING, Blame.NOBODY),
    (
        "answers questions, fails exchanges",
        replace(BROKEN, failure=failure("TryLater", "HTTP 503"), probe=PROVEN, proven_probe_at=ago(1)),
        S.DEGRADED,
        Blame.PARTNER,
    ),
    (
        "nothing left to fail, and a probe passes",
        replace(NOTHING, failure=failure("TryLater"), probe=PROVEN, proven_probe_at=ago(1)),
        S.WORKING,
        Blame.NOBODY,
    ),
    (
        "nothing left to fail, long ago",
        replace(NOTHING, failure=failure("TryLater", minutes=90)),
        S.UNVERIFIED,
        Blame.NOBODY,
    ),
    ("name", replace(NOTHING, probe=failed(Layer.NAME, Blame.NETWORK)), S.DOWN, Blame.NETWORK),
    ("port", replace(NOTHING, probe=failed(Layer.PORT, Blame.PARTNER)), S.DOWN, Blame.PARTNER),
    ("certificate", replace(NOTHING, probe=failed(Layer.CERTIFICATE, Blame.CERTIFICATE)), S.DOWN, Blame.CERTIFICATE),
    ("credentials", replace(NOTHING, probe=failed(Layer.CREDENTIALS, Blame.CREDENTIALS)), S.DOWN, Blame.CREDENTIALS),
    ("contract", replace(NOTHING, probe=failed(Layer.CONTRACT, Blame.CONTRACT)), S.DOWN, Blame.CONTRACT),
    ("call", replace(NOTHING, probe=failed(Layer.CALL, Blame.PARTNER)), S.DOWN, Blame.PARTNER),
    ("clock", replace(NOTHING, probe=failed(Layer.CLOCK, Blame.CLOCK)), S.DEGRADED, Blame.CLOCK),
    (
        "clock, while exchanges arrive",
        replace(NOTHING, probe=failed(Layer.CLOCK, Blame.CLOCK), success_at=ago(0)),
        S.DEGRADED,
        Blame.CLOCK,
    ),
    (
        "clock, and every exchange fails",
        replace(BROKEN, probe=failed(Layer.CLOCK, Blame.CLOCK), failure=failure("NeedsPerson", "-7")),
        S.DOWN,
        Blame.CLOCK,
    ),
    (
        "a layer below explains the exchanges that fail",
        replace(BROKEN, failure=failure("TryLater"), probe=failed(Layer.CERTIFICATE, Blame.CERTIFICATE)),
        S.DOWN,
        Blame.CERTIFICATE,
    ),
    (
        "an exchange since proves the probe outdated",
        replace(NOTHING, probe=failed(Layer.PORT, Blame.NETWORK, minutes=3), success_at=ago(1)),
        S.WORKING,
        Blame.NOBODY,
    ),
    (
        "slow",
        replace(
            NOTHING,
            proven_probe_at=ago(1),
            probe=LastProbe(ago(1), True, True, Layer.CALL, Blame.PARTNER, FOUND),
        ),
        S.DEGRADED,
        Blame.PARTNER,
    ),
    (
        "a certificate that ends soon is no trouble yet",
        replace(
            NOTHING,
            proven_probe_at=ago(1),
            probe=LastProbe(ago(1), True, True, Layer.CERTIFICATE, Blame.CERTIFICATE, FOUND),
        ),
        S.WORKING,
        Blame.NOBODY,
    ),
]


@pytest.mark.parametrize(("facts", "state", "blame"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_state_and_the_blame_follow_from_the_facts(facts: Facts, state: ConnectionState, blame: Blame) -> None:
    """One table: what is known, what the connection then is, and whose fault."""
    judged = judge(facts)
    assert (judged.state, judged.blame) == (state, blame)
    for sentence in (judged.sentence.en, judged.sentence.vi):
        assert sentence.endswith((".", CONTACT + "."))
        assert "  " not in sentence


def test_every_blame_is_met() -> None:
    """No kind of fault is left out of the table."""
    assert {row[3] for row in TABLE} == set(Blame)


def test_the_sentence_says_everything_a_person_needs() -> None:
    """Whose fault, since when, what happens by itself, what to do, whom to call."""
    facts = replace(
        BROKEN,
        failure=failure("NeedsPerson", "-1"),
        streak_since=ago(46),
        trouble_since=datetime(2026, 10, 11, tzinfo=UTC),
    )
    said = judge(facts).sentence
    assert said.en == (
        "Down since 07:00 11/10/2026; at fault: our credentials or access rights. This was found. Nothing is lost; the "
        "next trial is at 10:05. Have the user name, password or access right corrected, then resume. "
        f"Call: {CONTACT}."
    )
    for part in ("07:00 11/10/2026", "tài khoản", "Đã phát hiện.", "10:05", "Không mất dữ liệu", CONTACT):
        assert part in said.vi


def test_a_partner_is_not_called_for_what_is_ours() -> None:
    """The contact of the connection cannot help with our settings, nor with our clock."""
    assert CONTACT not in judge(replace(BROKEN, failure=failure("NeedsPerson", "HTTP 404"))).sentence.en
    ours = judge(replace(NOTHING, probe=failed(Layer.CLOCK, Blame.CLOCK, "ours")))
    assert ours.cause == "clock ours"
    assert CONTACT not in ours.sentence.en


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        (Layer.NAME, "name a.example:443"),
        (Layer.PORT, "place a.example:443"),
        (Layer.CERTIFICATE, "a.example:443"),
        (Layer.CLOCK, "clock a.example:443"),
        (Layer.CREDENTIALS, None),
        (Layer.CONTRACT, None),
        (Layer.CALL, None),
    ],
)
def test_only_what_lies_below_the_partner_is_shared(layer: Layer, cause: str | None) -> None:
    """Connections behind one security server share its port; a refused password is each one's own."""
    assert judge(replace(NOTHING, probe=failed(layer, Blame.NETWORK))).cause == cause


def test_the_page_shows_the_table() -> None:
    """docs/health.md lists whose fault it can be exactly as the code names it."""
    page = (Path(__file__).parents[3] / "docs" / "health.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([a-z]+)` \| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    named = {name: (en.strip(), vi.strip()) for name, en, vi in shown}
    for one in Blame:
        if one is not Blame.NOBODY:
            assert named[one.value] == (one.words.en, one.words.vi)
    for layer in Layer:
        assert f"| {layer.value} |" in page
