"""The gate on a real Redis: rates, repeats, answers kept, and what happens when Redis or the database goes away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Sentence, TryLater
from hub.lookups.counting import ASKED, DAY_MS, HOUR_MS, Word, rate_owed
from hub.lookups.flow import MARGIN_SECONDS
from hub.lookups.gate import ALERT, Gate, GateRequest, GateVerdict
from hub.lookups.pauses import BELIEVE_SECONDS
from hub.lookups.settings import LookupSettings
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from tests.hub.api.world import assert_problem
from tests.hub.lookups.redis_server import RedisServer
from tests.hub.lookups.world import NUMBER, OTHER, REASON, LookupWorld, citizen

START = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
LIMITS: dict[str, Any] = {"ceilings": {"one_stop": 3}, "most_per_minute": 6, "redis_timeout_seconds": 10}


@dataclass
class Clock:
    """A clock a test sets."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **duration: float) -> None:
        """Let time pass, or go back."""
        self.now += timedelta(**duration)


class Counter:
    """A gate with a clock, asked about numbered people."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self.gate = gate
        self.clock = clock
        self._asked = 0

    async def ask(self, person: int, **changes: Any) -> GateVerdict:
        """Look a person up; each request is another one."""
        self._asked += 1
        same = hashlib.sha256(str(self._asked).encode()).digest()
        made = GateRequest("canbo01", "one_stop", f"lookup-{self._asked}", person.to_bytes(32, "big"), same, None)
        return await self.gate.admit(replace(made, **changes))

    async def words(self, *people: int) -> list[str]:
        """Look people up one after the other."""
        return [(await self.ask(one)).word.value for one in people]


@pytest.fixture(params=["redis", "in process"])
async def counter(request: pytest.FixtureRequest, store: Store, redis_server: RedisServer) -> AsyncIterator[Counter]:
    """The gate on a real Redis, and the same code inside this process."""
    redis_server.empty()
    clock = Clock()
    url = redis_server.url if request.param == "redis" else None
    gate = Gate(store, LookupSettings(**LIMITS), redis_url=url, clock=clock)
    yield Counter(gate, clock)
    await gate.aclose()


async def test_past_the_ceiling_a_reason_is_needed_and_work_goes_on(counter: Counter) -> None:
    """Distinct people of an hour count, not look-ups; the hour slides; a reason holds for its time."""
    assert await counter.words(1, 2, 1, 3, 3) == ["admitted"] * 5
    counter.clock.wait(minutes=1)
    over = await counter.ask(4)
    assert (over.word, over.hour, over.day, over.ceiling) == (Word.STEP_UP_REQUIRED, 3, 3, 3)
    assert over.wait_seconds == pytest.approx(19 * 60)
    reasoned = await counter.ask(4, has_reason=True)
    assert (reasoned.word, reasoned.hour) == (Word.STEPPED_UP, 4)
    assert await counter.words(5, 6) == ["stepped_up", "stepped_up"]
    counter.clock.wait(minutes=61)
    assert await counter.words(7, 8, 9) == ["admitted"] * 3
    counter.clock.wait(minutes=1)
    assert (await counter.ask(10)).word is Word.STEP_UP_REQUIRED, "the reason was for an hour"
    counter.clock.wait(minutes=20)
    assert (await counter.ask(10)).word is Word.ADMITTED, "a third of an hour frees a third of the ceiling"


async def test_nobody_works_faster_than_a_person(counter: Counter) -> None:
    """No reason lifts the rate of a minute; refusals are counted for a day."""
    words = [(await counter.ask(1, has_reason=True)).word for _ in range(8)]
    assert words == [Word.ADMITTED] * 6 + [Word.TOO_FAST] * 2
    counter.clock.wait(seconds=11)
    again = await counter.ask(1)
    assert (again.word, again.denied) == (Word.ADMITTED, 2)
    refused = await counter.ask(2, denied_code="dossier_unknown")
    assert (refused.word, refused.denied, refused.hour) == (Word.DENIED, 3, 1)
    counter.clock.wait(hours=25)
    assert (await counter.ask(1)).denied == 0


async def test_a_clock_that_jumps_frees_nobody_and_locks_nobody_out(counter: Counter) -> None:
    """Set back, what lies ahead counts as of now; at most an hour is owed. Set forth, old moments fall out."""
    await counter.words(1, 2, 3)
    counter.clock.wait(days=-2)
    back = await counter.ask(4)
    assert (back.word, back.hour, back.day) == (Word.STEP_UP_REQUIRED, 3, 3)
    assert back.wait_seconds <= 3600
    counter.clock.wait(minutes=20)
    assert (await counter.ask(4)).word is Word.ADMITTED
    counter.clock.wait(days=40)
    forth = await counter.ask(5)
    assert (forth.word, forth.hour, forth.day) == (Word.ADMITTED, 1, 1)


@pytest.mark.slow
async def test_ten_thousand_look_ups_in_a_minute(store: Store, redis_server: RedisServer) -> None:
    """All are decided and counted, none beyond what a person can do is let through."""
    redis_server.empty()
    clock = Clock()
    settings = LookupSettings(ceilings={"one_stop": 40}, redis_timeout_seconds=10)
    gate = Gate(store, settings, redis_url=redis_server.url, clock=clock)
    asked = Counter(gate, clock)
    words: list[Word] = []
    for second in range(50):
        clock.now = START + timedelta(seconds=second)
        words += [one.word for one in await asyncio.gather(*(asked.ask(second * 200 + n) for n in range(200)))]
    last = await asked.ask(1)
    await gate.aclose()
    assert len(words) == 10_000
    assert words.count(Word.ADMITTED) == 40
    assert set(words) == {Word.ADMITTED, Word.STEP_UP_REQUIRED, Word.TOO_FAST}
    assert (last.hour, last.day) == (40, 40)
    assert last.denied <= 5_001, "what is remembered is bounded"


def test_what_the_log_tells_owes_what_the_script_would() -> None:
    """Counting on from the log brakes as if nothing had been lost."""
    minute = 60_000
    now = 10 * DAY_MS
    people = [(b"a", now - 90 * minute), (b"a", now - 3 * minute), (b"b", now - 2 * minute), (b"a", now - minute)]
    assert rate_owed(people, 4, now) == now - 3 * minute + 2 * HOUR_MS // 4
    assert rate_owed([], 4, now) == 0


# --- through the whole look-up ------------------------------------------------------------------------------


@pytest.mark.parametrize("lookup_settings", [{"ceilings": {"one_stop": 2}}])
async def test_a_step_up_is_asked_for_and_recorded(desk: LookupWorld) -> None:
    """429 with the time to wait; with a reason, sealed, it goes on."""
    await desk.person("099199000001")
    await desk.person("099199000002")
    asked = await desk.person("099199000003")
    assert_problem(asked, 429, "step_up_required", "step_up")
    assert 0 < int(asked.headers["retry-after"]) <= 1800
    given = await desk.person("099199000003", step_up={"reason": REASON})
    assert given.json()["gate"]["stepped_up"] is True
    detail = (await desk.api.caller.get(f"/v1/lookups/{given.json()['lookup_id']}")).json()
    assert detail["reasons"] == {"step_up": REASON}
    assert detail["lookup"]["gate"]["code"] == "stepped_up"
    assert (await desk.outcomes())[2] == ("denied", "step_up_required", None)


async def test_the_same_request_is_asked_once(desk: LookupWorld) -> None:
    """While the first is under way, and a moment later; others are not the same. Each call is in the log."""
    desk.people.hold = asyncio.Event()
    asking = [asyncio.create_task(desk.ask()) for _ in range(5)]
    while not desk.people.asked:
        await asyncio.sleep(0.01)
    desk.people.hold.set()
    answers = [(await one).json() for one in asking]
    assert sorted(one["repeated"] for one in answers) == [False, True, True, True, True]
    assert {one["citizen"]["number"] for one in answers} == {NUMBER}
    assert (await desk.ask()).json()["repeated"] is True
    await desk.add_account("canbo02", officer_number="099188000457")
    other = (await desk.ask(actor={"account_id": "canbo02"})).json()
    assert (other["repeated"], other["cached"]) == (False, True), "a colleague, for the same dossier"
    assert len(desk.people.asked) == 1
    assert sorted(one[0] for one in await desk.outcomes()) == ["found", "found", *(["repeated"] * 5)]
    await desk.add_dossier("H99.12-261008-0002")
    assert (await desk.ask(dossier_code="H99.12-261008-0002")).json()["cached"] is False
    assert len(desk.people.asked) == 2, "kept inside one dossier only"
    with desk.redis.client() as client:
        while len(kept := [client.get(key) for key in client.scan_iter("lt:c:*")]) < 2:
            await asyncio.sleep(0.01)  # they are kept with the next round trip
        everything = [*client.scan_iter("*"), *kept]
    assert not any(NUMBER.encode() in one for one in everything), "keys are hashes, answers are sealed"


def noted_words(desk: LookupWorld) -> list[Word]:
    """Have the gate note what it decides from now on."""
    words: list[Word] = []
    admit = desk.lookups.gate.admit

    async def noted(request: GateRequest) -> GateVerdict:
        verdict = await admit(request)
        words.append(verdict.word)
        return verdict

    desk.lookups.gate.admit = noted  # type: ignore[method-assign]
    return words


@pytest.mark.parametrize("lookup_settings", [{"cache_minutes": 0}])
async def test_what_failed_may_be_asked_again_at_once(desk: LookupWorld) -> None:
    """Who waited with the first hears the same; the next one asks anew; a not-found is repeated for seconds."""
    desk.people.error, desk.people.hold = TryLater(Sentence("away", "bận")), asyncio.Event()
    passed = noted_words(desk)
    asking = [asyncio.create_task(desk.ask()) for _ in range(2)]
    while len(passed) < len(asking):
        await asyncio.sleep(0.01)
    desk.people.hold.set()
    answers = [await one for one in asking]
    assert passed == [Word.ADMITTED, Word.REPEATED]
    assert [one.status_code for one in answers] == [503, 503]
    assert len(desk.people.asked) == 1
    desk.people.error = desk.people.hold = None
    desk.people.answer = lambda _question: None
    first, second = (await desk.ask()).json(), (await desk.ask()).json()
    assert (first["found"], second["found"], second["repeated"]) == (False, False, True)
    outcomes = await desk.outcomes()
    assert sorted(outcomes[:2]) == [("failed", None, "TryLater"), ("repeated", None, "partner_unavailable")]
    assert outcomes[2:] == [("not_found", None, None), ("repeated", None, None)]


async def test_redis_gone_in_the_middle_is_counted_on_by_the_process(desk: LookupWorld) -> None:
    """Look-ups go on from what the log says, marked; back again, Redis is told what it missed."""
    await desk.person("099199000001")
    desk.people.before_answer = desk.redis.stop  # between the gate and the answer
    assert (await desk.person("099199000002")).json()["gate"]["degraded"] is False
    desk.people.before_answer = None
    alone = (await desk.person("099199000003")).json()["gate"]
    assert (alone["degraded"], alone["people_this_hour"]) == (True, 3)
    rows = await desk.rows("SELECT gate->>'degraded' FROM lookups ORDER BY id")
    assert [row[0] for row in rows] == ["false", "false", "true"]
    ready = (await desk.api.anonymous().get("/readyz")).json()
    assert (ready["status"], [one["name"] for one in ready["degraded"]]) == ("ready", ["lookup_counters"])
    assert "lienthong_lookup_gate_degraded 1.0" in (await desk.api.anonymous().get("/metrics")).text
    while await desk.rows("SELECT 1 FROM alerts WHERE key = %s", ALERT) == []:
        await asyncio.sleep(0.01)
    desk.redis.start()
    await desk.lookups.gate.try_again()
    back = (await desk.person("099199000004")).json()["gate"]
    assert (back["degraded"], back["people_this_hour"]) == (False, 4)
    desk.redis.stop()
    desk.redis.start()  # it forgot everything, and nobody asked meanwhile
    await desk.person("099199000005")
    await desk.lookups.gate.try_again()
    assert (await desk.person("099199000006")).json()["gate"]["people_this_hour"] == 6


async def test_redis_gone_again_while_its_return_is_told(desk: LookupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried until it is back for good, however soon after its return it is lost."""
    monkeypatch.setattr("hub.lookups.gate.PROBE_SECONDS", 0.01)
    gate = desk.lookups.gate
    alert, told = gate._alert, list[bool]()

    async def lost_meanwhile(*, lost: bool) -> None:
        told.append(lost)
        if told == [True, False]:
            gate._lose(TimeoutError())
        await alert(lost=lost)

    monkeypatch.setattr(gate, "_alert", lost_meanwhile)
    gate._lose(TimeoutError())
    assert gate._probing is not None
    async with asyncio.timeout(30):
        await gate._probing
    assert (told, gate.degraded) == ([True, False] * 2, False)
    assert await desk.rows("SELECT 1 FROM alerts WHERE key = %s AND cleared_at IS NULL", ALERT) == []


@pytest.mark.parametrize("lookup_settings", [{"default_fields": ["identity", "family"]}])
async def test_the_database_gone_in_the_middle(desk: LookupWorld) -> None:
    """After the partner answered: nothing is handed out, Redis keeps what was asked, both rows are written later."""
    writer = desk.lookups.writer
    real = writer._connections.execute
    broken = asyncio.Event()

    async def break_off(query: Any, values: Any) -> Any:
        if broken.is_set():
            raise StoreUnavailable(committed=False)
        return await real(query, values)

    writer._connections.execute = break_off  # type: ignore[method-assign]
    desk.people.before_answer = broken.set
    answer = await desk.ask()
    assert answer.status_code == 503
    assert NUMBER not in answer.text
    assert "citizen" not in answer.json()
    ready = (await desk.api.anonymous().get("/readyz")).json()
    assert [one["name"] for one in ready["degraded"]] == ["lookup_log"]
    with desk.redis.client() as client:
        assert (await desk.outcomes(), client.hlen(ASKED)) == ([], 1)
    broken.clear()
    desk.people.before_answer = None
    async with asyncio.timeout(30):
        while not await desk.outcomes():
            await asyncio.sleep(0.05)
    assert await desk.outcomes() == [("failed", None, "StoreUnavailable")]
    assert await desk.rows("SELECT data_groups, found, other_subject_hashes FROM lookup_ends") == [([], None, None)]


async def test_a_slow_partner_is_not_waited_for_for_ever(desk: LookupWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the deadline of its operation the caller hears it, and the log says so."""
    monkeypatch.setattr("hub.lookups.flow.MARGIN_SECONDS", -4.95)
    desk.people.hold = asyncio.Event()
    assert_problem(await desk.ask(), 503, "partner_unavailable")
    assert await desk.outcomes() == [("failed", None, "TimeoutError")]
    assert MARGIN_SECONDS > 0


async def test_a_paused_connection_is_not_asked(desk: LookupWorld) -> None:
    """A stop is a stop, within a blink: nobody is asked, nothing is written, with Redis or without it."""
    assert (await desk.ask()).status_code == 200
    await desk.do(
        "INSERT INTO connections (id, adapter, paused) VALUES ('dan_cu', 'x', true)"
        " ON CONFLICT (id) DO UPDATE SET paused = true"
    )
    await asyncio.sleep(BELIEVE_SECONDS)
    assert_problem(await desk.person("099199000002"), 503, "connection_paused")
    with desk.redis.client() as client:
        while client.hlen(ASKED):
            await asyncio.sleep(0.01)
    desk.redis.stop()
    assert_problem(await desk.person("099199000003"), 503, "connection_paused")
    assert (len(desk.people.asked), await desk.outcomes()) == (1, [("found", None, None)])


async def test_a_database_that_is_slow_to_say_what_is_paused_is_asked_once(
    desk: LookupWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read from then on is new enough, however long it takes; the next look-up asks again."""
    monkeypatch.setattr("hub.lookups.pauses.BELIEVE_SECONDS", 0.0)
    pauses = desk.lookups.service._flow._parts.pauses
    real, read = pauses._store.execute_alone, 0

    async def slow(query: Any, values: Any) -> Any:
        nonlocal read
        read += 1
        await asyncio.sleep(0.02)
        return await real(query, values)

    monkeypatch.setattr(pauses._store, "execute_alone", slow)
    async with asyncio.timeout(30):
        await pauses.require_open("dan_cu")
        assert read == 1
        await pauses.require_open("dan_cu")
    assert read == 2


async def test_another_process_leaves_its_answer(desk: LookupWorld) -> None:
    """What one process asked first, another answers with; where the first one died, its caller is told to try again."""
    desk.people.answer = lambda question: citizen(question.number or OTHER)
    assert (await desk.ask()).json()["repeated"] is False
    flow = desk.lookups.service._flow
    assert flow._firsts._pending == {}, "nothing of it is left in this process"
    assert (await desk.ask()).json()["repeated"] is True
    passed = noted_words(desk)
    with desk.redis.client() as client:
        for key in [*client.scan_iter("lt:c:*"), *client.scan_iter("lt:a:*")]:
            client.delete(key)
        (first,) = client.scan_iter("lt:1:*")
        asking = asyncio.create_task(desk.ask())
        while not passed:
            await asyncio.sleep(0.01)
        client.delete(first)
    assert_problem(await asking, 503, "first_request_failed")
    assert passed == [Word.REPEATED]
