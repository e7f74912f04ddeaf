"""The live watch: explained at once or late, raised within the step that sees the look-up, never twice, never lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

from hub.cases.evidence import read_pieces
from hub.cases.opening import CaseOpener
from hub.cases.records import Acting
from hub.settings import Settings
from hub.store.engine import Store
from hub.watch.engine import Engine
from hub.watch.lag import tell_lag
from hub.watch.live import LiveWatch
from hub.watch.records import Judgement, Lookup, Verdict
from hub.watch.rules import Rule
from hub.watch.settings import WatchSettings
from hub.watch.shares import publish_shares
from tests.hub.cases.world import NOW, OFFICER, OWN, PERSON, UNIT, WatchWorld, watch_world

_EXPLANATIONS = "SELECT grade, late FROM lookup_explanations ORDER BY asked_at, late"


async def test_a_look_up_is_explained_and_one_that_is_not_becomes_a_case_at_once(world: WatchWorld) -> None:
    """One step later there are explanation, alert, case, frozen evidence and a notice in which nobody is named."""
    await world.look_up()
    await world.snoop()
    assert await world.rows(_EXPLANATIONS) == [("party_assigned", False), ("unexplained", False)]
    raised = await world.rows("SELECT rule, at, hard FROM watch_alerts")
    assert (Rule.OWN_RECORD, world.clock.now, True) in raised
    [[state, unit, evidence_hash]] = await world.rows("SELECT state, unit_code, evidence_hash FROM cases")
    assert (state, unit) == ("new", UNIT)
    async with world.store.transaction() as conn:
        [piece] = await read_pieces(conn, world.store.sealer, (await world.rows("SELECT id FROM cases"))[0][0])
    assert hashlib.sha256(piece.content).digest() == bytes(evidence_hash)
    document = piece.document
    [lookup] = document["lookups"]
    assert lookup["subject"] == OWN[OFFICER]
    assert lookup["explanation"]["w"] > 0
    assert document["account"]["state"] == "active"
    assert PERSON in document["dossiers"][0]["parties"]
    [[facts]] = await world.rows("SELECT facts FROM ledger_queue WHERE facts LIKE '%%evidence_frozen%%'")
    assert orjson.loads(facts)["sha256"] == piece.sha256.hex()
    [[sentence, vietnamese]] = await world.rows("SELECT sentence, sentence_vi FROM alerts WHERE key LIKE 'case.%%'")
    for named in (OFFICER, OWN[OFFICER], OWN[OFFICER][-3:]):
        assert named not in sentence
        assert named not in vietnamese


async def test_a_dossier_registered_afterwards_explains_late(world: WatchWorld) -> None:
    """The late row counts instead of the first, which stays."""
    await world.look_up("099199555666", dossier_code=None)
    await world.watch()
    world.clock.pass_time(minutes=20)
    await world.add_dossier("H99.12-261008-0002", person="099199555666")
    world.clock.pass_time(minutes=1)
    await world.watch()
    assert await world.rows(_EXPLANATIONS) == [("awaiting_registration", False), ("registered_afterwards", True)]


async def test_a_backlog_is_judged_as_it_happened(store: Store, make_settings: Callable[..., Settings]) -> None:
    """After a stop, no dossier explains a look-up at once that it was registered after, and none is lost."""
    world = await watch_world(store, make_settings(watch=WatchSettings(batch=2)))
    early = await world.look_up("099199555666", dossier_code=None)
    for minutes in (1, 2, 3):
        await world.look_up(at=world.clock.now + timedelta(minutes=minutes))
    await world.add_dossier("H99.12-261008-0002", person="099199555666", at=world.clock.now + timedelta(minutes=10))
    after = await world.look_up(
        "099199555666", dossier_code="H99.12-261008-0002", at=world.clock.now + timedelta(minutes=11)
    )
    world.clock.pass_time(minutes=12)
    await world.watch()
    await world.writer.aclose()
    grades = {
        (key, late): grade
        for key, late, grade in await world.rows("SELECT lookup_id, late, grade FROM lookup_explanations")
    }
    assert grades[early, False] == "awaiting_registration"
    assert grades[early, True] == "registered_afterwards"
    assert grades[after, False] == "party_assigned"
    assert len(grades) == 6


async def test_to_be_asked_for_a_reason_in_a_rush_is_held_against_nobody(world: WatchWorld) -> None:
    """Past the ceiling the gate asks why and goes on; to be refused again and again is another matter."""
    for _ in range(8):
        await world.look_up(denied_code="step_up_required")
    await world.watch()
    assert await world.rows("SELECT rule FROM watch_alerts") == []
    for number in range(8):
        await world.look_up(f"09919955566{number}", denied_code="procedure_not_allowed")
    await world.watch()
    assert ("denied_burst",) in await world.rows("SELECT DISTINCT rule FROM watch_alerts")


async def test_a_restart_raises_nothing_again_and_forgets_nothing(world: WatchWorld) -> None:
    """What spans days is found by a watch that was started in between, from the log; and nothing is stored twice."""
    await world.snoop(person_of="099199555666")
    stored = "SELECT count(*) FROM watch_alerts UNION ALL SELECT count(*) FROM lookup_explanations"
    before = await world.rows(stored)
    await world.watch(world.new_watch())
    assert await world.rows(stored) == before
    world.clock.pass_time(days=1)
    restarted = world.new_watch()
    await world.watch(restarted)
    await world.look_up("099199555666")
    await world.watch(restarted)
    repeated = await world.rows("SELECT case_id FROM watch_alerts WHERE rule = %s", Rule.REPEATED_PERSON)
    assert repeated == await world.rows("SELECT id FROM cases")


async def test_a_failure_while_storing_loses_nothing(world: WatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has seen what was not stored, so it is built anew from what was; the alert is stored once."""
    whole = CaseOpener.take_in

    async def broken(*_: Any, **__: Any) -> list[Any]:
        raise ConnectionResetError

    await world.look_up()
    await world.watch()
    monkeypatch.setattr(CaseOpener, "take_in", broken)
    with pytest.raises(ConnectionResetError):
        await world.snoop()
    assert await world.rows("SELECT count(*) FROM lookup_explanations") == [(1,)]
    monkeypatch.setattr(CaseOpener, "take_in", whole)
    await world.watch()
    assert (Rule.OWN_RECORD,) in await world.rows("SELECT rule FROM watch_alerts")
    assert await world.rows("SELECT count(*) FROM lookup_explanations") == [(2,)]


async def test_a_verdict_teaches_the_watch(world: WatchWorld) -> None:
    """Live and after a restart, once."""
    await world.snoop()
    case_id = await world.one_case()
    world.clock.pass_time(minutes=1)
    await world.do(
        "UPDATE cases SET state = 'decided', verdict = 'normal', decided_at = %s WHERE id = %s",
        world.clock.now,
        case_id,
    )
    world.clock.pass_time(minutes=1)
    await world.look_up()
    restarted = world.new_watch()
    for live in (world.live, restarted, restarted):
        await world.watch(live)
        assert live._engine is not None
        assert live._engine.track_record(Rule.OWN_RECORD) == {Verdict.NORMAL: 1}


async def test_a_unit_without_explanations_is_told_to_the_operators(world: WatchWorld) -> None:
    """Below 80 % the link is broken: a warning for whoever runs the systems, over when it is repaired."""
    settings = WatchSettings(explained_share_lookups=4)
    for _ in range(2):
        await world.look_up()
        await world.look_up("099199555666", account_id="canbo02")
    await world.watch()
    await publish_shares(world.store, settings, now=world.clock.now)
    query = "SELECT severity, sentence FROM alerts WHERE key = 'watch.explained_share.H99.12' AND cleared_at IS NULL"
    [[severity, sentence]] = await world.rows(query)
    assert severity == "warning"
    assert "50%" in sentence
    for _ in range(8):
        await world.look_up()
    await world.watch()
    await publish_shares(world.store, settings, now=world.clock.now)
    assert await world.rows(query) == []


async def test_rates_say_nothing_until_the_log_is_old_enough(world: WatchWorld) -> None:
    """Hard rules speak from the first look-up on; what needs history waits for it."""
    for number in range(40):
        await world.look_up(f"0991995{number:05d}", dossier_code=None, at=NOW + timedelta(minutes=2, seconds=number))
    world.clock.pass_time(minutes=50)
    await world.look_up()
    await world.watch()
    rules = {row[0] for row in await world.rows("SELECT DISTINCT rule FROM watch_alerts")}
    assert rules
    assert not rules & {Rule.SPIKE, Rule.UNEXPLAINED, Rule.CREEP, Rule.TWO_NETWORKS}


async def test_a_case_is_about_everything_that_stays_unexplained(world: WatchWorld) -> None:
    """A harvest needs few alerts; whoever takes the case sees all of it, and not what a dossier explains."""
    await world.snoop()
    for number in range(30):
        await world.look_up(f"0991620{number * 1217:05d}")
        await world.look_up()
    await world.watch()
    await world.case_clock.step()
    assert await world.rows("SELECT lookups FROM cases") == [(31,)]
    await world.cases.take(await world.one_case(), Acting("client-a", "anninh01"), now=world.clock.now)
    async with world.store.transaction() as conn:
        *_, taken = await read_pieces(conn, world.store.sealer, UUID(await world.one_case()))
    assert taken.occasion == "taken"
    assert len(taken.document["lookups"]) == 31


async def test_what_was_said_and_frozen_cannot_be_altered(world: WatchWorld) -> None:
    """Not even by a program with the database in its hands by mistake: sealing anew is all that is let through."""
    await world.snoop()
    for statement in (
        "UPDATE lookup_explanations SET w = 0",
        "UPDATE watch_alerts SET rule_score = 0",
        "DELETE FROM watch_alerts",
        "UPDATE case_evidence SET sha256 = ''",
        "DELETE FROM case_acts",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await world.do(statement)
    await world.do("UPDATE case_evidence SET sealed = ''")


async def test_one_record_that_cannot_be_taken_does_not_blind_the_watch(
    world: WatchWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are judged, the operators hear of it without a number, and a mended program takes all of them."""
    judge = Engine.judge

    def broken(engine: Engine, lookup: Lookup) -> Judgement:
        if lookup.subject_id == "099199555111":
            raise KeyError(lookup.subject_id)
        return judge(engine, lookup)

    monkeypatch.setattr(Engine, "judge", broken)
    await world.look_up("099199555111")
    other = await world.look_up("099199555222")
    await world.watch()
    assert await world.rows("SELECT lookup_id FROM lookup_explanations") == [(other,)]
    [(severity, sentence)] = await world.rows("SELECT severity, sentence::text FROM alerts WHERE key = 'watch.fault'")
    assert severity == "critical"
    assert f"1 records and went on without them (KeyError, {__name__}:" in sentence
    assert "099199555111" not in sentence + caplog.text
    monkeypatch.setattr(Engine, "judge", judge)
    await world.watch(world.new_watch())
    assert await world.rows("SELECT 1 FROM alerts WHERE key = 'watch.fault' AND cleared_at IS NULL") == []


async def test_a_watch_that_fails_says_how_far_behind_it_is(world: WatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops it, the operators are told that nobody watches."""
    await world.look_up()
    await world.watch()
    await world.look_up()
    world.clock.pass_time(minutes=5)

    async def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(LiveWatch, "_work", broken)
    with pytest.raises(ZeroDivisionError):
        await world.live.run()
    query = "SELECT severity FROM alerts WHERE key = 'watch.behind' AND cleared_at IS NULL"
    assert await world.rows(query) == [("critical",)]


async def test_the_operators_hear_when_the_watch_is_behind(world: WatchWorld) -> None:
    """A look-up that waits for minutes is told; when it has been judged that is over."""
    await world.look_up()
    await world.watch()
    await world.look_up()
    world.clock.pass_time(minutes=5)
    await tell_lag(world.store, world.live._position, now=world.clock.now)
    query = "SELECT severity FROM alerts WHERE key = 'watch.behind' AND cleared_at IS NULL"
    assert await world.rows(query) == [("critical",)]
    await world.watch()
    await tell_lag(world.store, world.live._position, now=world.clock.now)
    assert await world.rows(query) == []
