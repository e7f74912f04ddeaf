"""What operators see of exchanges and connections, and what they may do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import Malformed, Sentence, TryLater
from contracts.ports import RepeatClass
from hub.errors import Refusal
from hub.exchanges.claims import claim
from hub.exchanges.completing import complete
from hub.exchanges.service import ConnectionInfo, ConnectionService, ExchangeService
from hub.exchanges.views import ConnectionState, ExchangeState
from tests.hub.exchanges.conftest import PORTAL, World, step
from tests.hub.exchanges.test_flusher import delivered

CODE = "H99.12-261008-0001"
E = ExchangeState
WORDS = Sentence("Does not answer.", "Không trả lời.")


async def refused(work: Awaitable[Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


async def lane(world: World, code: str = CODE) -> dict[str, Any]:
    """The lane of a dossier, and whether it counts right and is due only when it should be."""
    names = ("open_count", "due_at", "lease_token", "leased_by", "held_reason", "really_open", "in_time")
    async with world.store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT open_count, due_at, lease_token, leased_by, held_reason,"
            " (SELECT count(*) FROM exchanges e WHERE e.lane_id = l.id AND e.ended_at IS NULL), due_at > now()"
            " FROM lanes l WHERE subject = %s",
            (code,),
        )
        row = await cursor.fetchone()
    assert row is not None
    found = dict(zip(names, row, strict=True))
    assert found["open_count"] == found["really_open"], "the lane counts what is open"
    if found["open_count"] == 0:
        assert found["due_at"] is None, "nothing open, nothing due"
    return found


async def put_in(
    world: World, state: ExchangeState, code: str = CODE, *, held: str | None = None, leased: str | None = None
) -> str:
    """Make one exchange that stands in a state, with the lane as the worker would have left it."""
    receipt = await world.put(code)
    key = receipt.exchange_ids[0]
    async with world.store.transaction() as conn:
        await conn.execute(
            "UPDATE exchanges SET state = %s, ended_at = CASE WHEN %s THEN NULL ELSE now() END, attempts = 3,"
            " doubts = 2, accepted_at = now() - interval '20 days' WHERE id = %s",
            (state.value, state.is_open, key),
        )
        await conn.execute(
            "UPDATE lanes SET open_count = %(open)s, held_reason = %(held)s,"
            " due_at = CASE WHEN %(open)s = 1 AND %(held)s::text IS NULL THEN now() + %(lease)s::interval END,"
            " claims = 5, lease_token = CASE WHEN %(lease)s IS NULL THEN NULL ELSE 5 END,"
            " leased_by = CASE WHEN %(lease)s IS NULL THEN NULL ELSE 'worker-1' END WHERE subject = %(code)s",
            {"open": int(state.is_open), "held": held, "lease": leased, "code": code},
        )
        await conn.execute(
            "UPDATE lanes SET due_at = now() WHERE open_count = 1 AND held_reason IS NULL AND due_at IS NULL"
        )
    return key


# --- lists -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def many(world: World) -> World:
    """Five dossiers, each with a step: fifteen exchanges, five of them delivered snapshots."""
    for number in range(5):
        await world.put(f"H99.12-261008-{number:04d}")
    async with world.working():
        await world.until(world.settled)
    for number in range(5):
        await world.record(f"H99.12-261008-{number:04d}", step())
    return world


async def test_filters_narrow_the_list(many: World) -> None:
    """Each alone, and all together."""
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 15),
        ({"state": E.DELIVERED}, 5),
        ({"state": E.ACCEPTED}, 10),
        ({"operation": "push_step"}, 5),
        ({"connection": PORTAL}, 15),
        ({"connection": "other"}, 0),
        ({"subject": "H99.12-261008-0003"}, 3),
        ({"subject": "H99.12-261008-0003", "operation": "push_dossier", "state": E.ACCEPTED}, 1),
        ({"since": datetime.now(UTC) + timedelta(minutes=1)}, 0),
        ({"until": datetime.now(UTC) + timedelta(minutes=1)}, 15),
        ({"since": datetime.now(UTC) - timedelta(minutes=1), "until": datetime.now(UTC) - timedelta(seconds=59)}, 0),
    ]
    for filters, count in cases:
        page = await many.exchanges.page(**filters)
        assert len(page.items) == count, filters
        assert page.next_cursor is None


async def test_pages_follow_each_other_while_new_exchanges_arrive(many: World) -> None:
    """Newest first; going on with the cursor skips nothing and repeats nothing, whatever is accepted meanwhile."""
    whole = [one.id for one in (await many.exchanges.page()).items]
    assert whole == sorted(whole, reverse=True)
    seen: list[str] = []
    cursor: str | None = None
    for number in range(100):
        page = await many.exchanges.page(limit=4, cursor=cursor)
        seen += [one.id for one in page.items]
        await many.put(f"H99.12-261009-{number:04d}")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == whole


async def test_a_page_that_is_just_full_is_the_last(many: World) -> None:
    """No empty page at the end; limits out of range are put right."""
    assert (await many.exchanges.page(limit=15)).next_cursor is None
    page = await many.exchanges.page(limit=14)
    assert len((await many.exchanges.page(limit=14, cursor=page.next_cursor)).items) == 1
    assert len((await many.exchanges.page(limit=0)).items) == 1
    assert len((await many.exchanges.page(limit=10**9)).items) == 15


async def test_a_cursor_of_ones_own_making_is_refused(world: World) -> None:
    """It is not guessed what was meant."""
    refusal = await refused(world.exchanges.page(cursor="2"))
    assert (refusal.status, refusal.code, refusal.field) == (400, "bad_cursor", "cursor")


async def test_an_exchange_shows_its_attempts_and_what_may_be_done_with_it(world: World) -> None:
    """Numbers, outcomes, sizes, codes, durations and the worker; never a payload."""
    failures = 1

    def fail(_operation: str, _pushes: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise TryLater(WORDS, upstream_code="503")

    world.portal.before = fail
    receipt = await world.put(CODE)
    async with world.working(name="worker-9"):
        await world.until(world.settled)
    detail = await world.exchanges.get(receipt.exchange_ids[0])
    assert (detail.connection, detail.operation, detail.subject, detail.revision) == (PORTAL, "push_dossier", CODE, 1)
    assert (detail.state, detail.attempts, detail.repeat_class) == (E.DELIVERED, 2, RepeatClass.IDEMPOTENT)
    assert detail.next_attempt_at is None
    first, second = detail.attempt_list
    assert (first.number, first.outcome, first.upstream_code) == (1, "try_later", "503")
    assert (first.reason, first.reason_vi) == (WORDS.en, WORDS.vi)
    assert (first.request_bytes, first.answer_bytes) == (None, None)
    assert (second.number, second.outcome, second.upstream_code) == (2, "delivered", "0")
    assert (second.request_bytes, second.answer_bytes) == (100, 10)
    assert first.started_at <= second.started_at
    assert all(one.worker == "worker-9" and one.duration_ms is not None for one in detail.attempt_list)


async def test_of_a_connection_that_is_no_longer_configured_nothing_is_repeated_by_itself(world: World) -> None:
    """Its exchanges are still shown, as such of which a person decides."""
    await world.put(CODE)
    (one,) = (await ExchangeService(world.store, []).page()).items
    assert one.repeat_class is RepeatClass.NEVER
    assert one.next_attempt_at is not None


async def test_an_unknown_exchange_is_refused_with_404(world: World) -> None:
    """For everything that can be asked of it."""
    service = world.exchanges
    for key in ("not-an-id", "019a0000-0000-7000-8000-000000000000", ""):
        for work in (service.get(key), service.replay(key, actor="a"), service.dismiss(key, actor="a", reason="b")):
            refusal = await refused(work)
            assert (refusal.status, refusal.code, refusal.field) == (404, "exchange_not_found", "id")


# --- replay ------------------------------------------------------------------------------------------------------

REPLAYED_AS = {E.REFUSED: E.ACCEPTED, E.GIVEN_UP: E.ACCEPTED, E.QUARANTINED: E.UNKNOWN}


async def test_only_what_ended_without_delivery_is_replayed(world: World) -> None:
    """Under its own id, with its age counted anew; a quarantined write may have been done, so it is asked about."""
    for state in E:
        code = f"H99.12-261008-{1000 + list(E).index(state)}"
        key = await put_in(world, state, code)
        if state not in REPLAYED_AS:
            refusal = await refused(world.exchanges.replay(key, actor="trực ca"))
            assert (refusal.status, refusal.code, refusal.exchange_id) == (409, "not_replayable", key)
            assert (await world.exchanges.get(key)).state is state
            await lane(world, code)
            continue
        detail = await world.exchanges.replay(key, actor="trực ca")
        assert (detail.id, detail.state, detail.ended_at) == (key, REPLAYED_AS[state], None)
        assert detail.attempts == 3, "attempts are numbered on"
        assert "trực ca" in detail.reason
        assert "trực ca" in detail.reason_vi
        found = await lane(world, code)
        assert (found["open_count"], found["held_reason"], found["in_time"]) == (1, None, False)
        async with world.store.transaction() as conn:
            cursor = await conn.execute("SELECT replayed_at > accepted_at, doubts FROM exchanges WHERE id = %s", (key,))
            assert await cursor.fetchone() == (True, 0)


async def test_an_undecided_exchange_is_replayed_when_a_person_has_looked(world: World) -> None:
    """Whoever replays it says that it is not there: it is sent, not asked about again."""
    key = await put_in(world, E.UNKNOWN, held="outcome_unknown")
    detail = await world.exchanges.replay(key, actor="trực ca")
    assert detail.state is E.ACCEPTED
    found = await lane(world)
    assert (found["open_count"], found["held_reason"]) == (1, None)
    assert found["due_at"] is not None


async def test_a_replayed_exchange_is_delivered_although_it_is_old(world: World) -> None:
    """Its age counts from the replay, so that one more failure does not give it up again."""
    failures = 2

    def fail(_operation: str, _pushes: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise TryLater(WORDS)

    world.portal.before = fail
    key = await put_in(world, E.GIVEN_UP, held="not_accepted_there")
    async with world.working():
        await world.exchanges.replay(key, actor="trực ca")
        await world.until(world.settled)
    detail = await world.exchanges.get(key)
    assert (detail.state, detail.attempts) == (E.DELIVERED, 6)
    assert [one.number for one in detail.attempt_list] == [4, 5, 6]


async def test_a_replay_does_not_take_the_lane_from_its_worker(world: World) -> None:
    """While another exchange of the lane is being sent, the replayed one waits for its turn."""
    key = await put_in(world, E.REFUSED)
    await world.record(CODE, step())
    async with world.store.transaction() as conn:
        (sending, *_) = await claim(conn, PORTAL, limit=1, depth=1, lease=timedelta(minutes=5), worker="w")
    before = await lane(world)
    await world.exchanges.replay(key, actor="trực ca")
    after = await lane(world)
    assert (after["due_at"], after["lease_token"]) == (before["due_at"], sending.token)
    assert after["open_count"] == before["open_count"] + 1


# --- dismiss -----------------------------------------------------------------------------------------------------

NOT_DISMISSED = {E.DELIVERED, E.SUPERSEDED, E.DISMISSED}


async def test_what_is_not_delivered_can_be_dismissed_for_good(world: World) -> None:
    """Who and why stay on record; what is delivered stays delivered."""
    for state in E:
        code = f"H99.12-261008-{1000 + list(E).index(state)}"
        key = await put_in(world, state, code)
        if state in NOT_DISMISSED:
            refusal = await refused(world.exchanges.dismiss(key, actor="trực ca", reason="Trùng"))
            assert (refusal.status, refusal.code, refusal.exchange_id) == (409, "not_dismissible", key)
            assert (await world.exchanges.get(key)).state is state
        else:
            detail = await world.exchanges.dismiss(key, actor="trực ca", reason="Trùng")
            assert (detail.state, detail.dismissed_by, detail.dismissed_reason) == (E.DISMISSED, "trực ca", "Trùng")
            assert detail.ended_at is not None
            assert (await lane(world, code))["open_count"] == 0
            refusal = await refused(world.exchanges.replay(key, actor="trực ca"))
            assert refusal.code == "not_replayable", "for good"
        await lane(world, code)


async def test_dismissing_needs_a_reason(world: World) -> None:
    """An exchange that vanishes without a word cannot be explained to an auditor."""
    key = await put_in(world, E.REFUSED)
    for reason in ("", "  \n"):
        refusal = await refused(world.exchanges.dismiss(key, actor="trực ca", reason=reason))
        assert (refusal.status, refusal.code, refusal.field) == (422, "reason_required", "reason")
    assert (await world.exchanges.get(key)).state is E.REFUSED


async def test_what_is_being_sent_right_now_cannot_be_dismissed(world: World) -> None:
    """It may arrive this very second."""
    key = await put_in(world, E.SENDING, leased="5 minutes")
    refusal = await refused(world.exchanges.dismiss(key, actor="trực ca", reason="Trùng"))
    assert (refusal.status, refusal.code) == (409, "not_dismissible")


async def test_a_dismissed_exchange_stays_dismissed_when_its_lost_worker_comes_back(world: World) -> None:
    """A worker that was asleep longer than its lease has no say any more."""
    await world.put(CODE)
    async with world.store.transaction() as conn:
        (asleep,) = await claim(conn, PORTAL, limit=1, depth=1, lease=timedelta(seconds=-1), worker="asleep")
        await conn.execute("UPDATE exchanges SET state = 'sending'")
    await world.exchanges.dismiss(str(asleep.id), actor="trực ca", reason="Trùng")
    async with world.store.transaction() as conn:
        recorded = await complete(conn, [delivered(asleep)], now=datetime.now(UTC), worker="asleep")
    assert recorded.lost == {asleep.id}
    assert (await world.exchanges.get(str(asleep.id))).state is E.DISMISSED
    assert (await lane(world))["open_count"] == 0


async def test_dismissing_one_exchange_does_not_take_the_lane_from_the_worker_that_sends_another(
    world: World,
) -> None:
    """Were the lane due at once, a second worker would ask about a step that is still on its way, and send it twice."""
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)
    sent = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(operation: str, _pushes: Any) -> None:
        if operation == "push_step":
            sent.set()
            await go_on.wait()

    world.portal.before = slow
    receipt = await world.record(CODE, step())
    async with world.working(name="first"), world.working(name="second"):
        await sent.wait()
        before = await lane(world)
        await world.exchanges.dismiss(receipt.exchange_ids[1], actor="trực ca", reason="Không cần")
        after = await lane(world)
        assert (after["due_at"], after["lease_token"]) == (before["due_at"], before["lease_token"])
        await asyncio.sleep(0.3)
        go_on.set()
        await world.until(world.settled)
    assert len(world.portal.steps[CODE]) == 1
    assert await world.scalar("SELECT count(*) FROM attempts WHERE outcome = 'worker_lost'") == 0


async def test_dismissing_a_refused_dossier_does_not_send_its_steps_into_nothing(world: World) -> None:
    """The partner still does not know the dossier; its steps wait for a corrected declaration, or are dismissed too."""
    key = await put_in(world, E.REFUSED, held="not_accepted_there")
    receipt = await world.record(CODE, step())
    await world.exchanges.dismiss(key, actor="trực ca", reason="Sai dữ liệu")
    found = await lane(world)
    assert (found["held_reason"], found["due_at"], found["open_count"]) == ("not_accepted_there", None, 2)
    for one in receipt.exchange_ids:
        await world.exchanges.dismiss(one, actor="trực ca", reason="Sai dữ liệu")
    found = await lane(world)
    assert (found["held_reason"], found["open_count"]) == (None, 0)


async def test_dismissing_another_exchange_leaves_the_undecided_one_to_its_person(world: World) -> None:
    """Only the end of the exchange that holds the lane lets it go on."""
    key = await put_in(world, E.UNKNOWN, held="outcome_unknown")
    receipt = await world.record(CODE, step())
    await world.exchanges.dismiss(receipt.exchange_ids[0], actor="trực ca", reason="Không cần")
    found = await lane(world)
    assert (found["held_reason"], found["due_at"]) == ("outcome_unknown", None)
    await world.exchanges.dismiss(key, actor="trực ca", reason="Đã kiểm tra, bên nhận đã có")
    found = await lane(world)
    assert found["held_reason"] is None
    assert found["open_count"] == 1
    assert found["due_at"] is not None


async def test_a_dismissed_exchange_lets_the_next_one_go(world: World) -> None:
    """The lane goes on behind it at once."""
    await world.put(CODE)
    async with world.working():
        await world.until(world.settled)

        def breaks(operation: str, pushes: Any) -> None:
            if operation == "push_step" and any(one.step.content == "Hỏng" for one in pushes):
                raise Malformed(WORDS)

        world.portal.before = breaks
        world.portal._operations["push_step"] = world.portal.operations["push_dossier"].__class__(
            "push_step", RepeatClass.NEVER, 2.0, 1, batch_within_lane=True
        )
    async with world.working():
        bad = await world.record(CODE, step(content="Hỏng"))
        await world.record(CODE, step(minutes=1, content="Tốt"))
        await world.until(lambda: _held(world))
        await world.exchanges.dismiss(bad.exchange_ids[0], actor="trực ca", reason="Bên nhận đã có")
        await world.until(world.settled)
    assert [one.content for one in world.portal.steps[CODE]] == ["Tốt"]


async def _held(world: World) -> bool:
    return await world.scalar("SELECT count(*) FROM lanes WHERE held_reason IS NOT NULL") == 1


# --- connections ---------------------------------------------------------------------------------------------------


async def test_a_connection_is_registered_once_and_follows_its_adapter(world: World) -> None:
    """Starting again changes nothing; another adapter under the same id is taken over."""
    await world.connections.register()
    other = ConnectionService(world.store, [ConnectionInfo(PORTAL, "other", Sentence("P", "C"), {})])
    await other.register()
    assert await world.scalar("SELECT array_agg(adapter) FROM connections") == ["other"]


async def test_connections_are_listed_in_the_order_of_configuration_even_before_their_rows_exist(
    world: World,
) -> None:
    """Whoever asks first makes the rows."""
    infos = [ConnectionInfo(name, "fake", Sentence(name, name), {}) for name in ("zulu", PORTAL, "alpha")]
    listed = await ConnectionService(world.store, infos).list()
    assert [one.id for one in listed.items] == ["zulu", PORTAL, "alpha"]


async def test_an_unknown_connection_is_refused_with_404(world: World) -> None:
    """For everything that can be asked of it."""
    service = world.connections
    for work in (service.get("x"), service.pause("x", actor="a", reason="b"), service.resume("x", actor="a")):
        refusal = await refused(work)
        assert (refusal.status, refusal.code, refusal.field) == (404, "connection_not_found", "id")


async def test_a_pause_says_who_and_why_and_resuming_ends_it(world: World) -> None:
    """A connection that does not send must say whose decision that is."""
    refusal = await refused(world.connections.pause(PORTAL, actor="trực ca", reason=" "))
    assert (refusal.status, refusal.code) == (422, "reason_required")
    paused = await world.connections.pause(PORTAL, actor="trực ca", reason="Bảo trì cổng")
    assert (paused.state, paused.paused, paused.paused_by) == (ConnectionState.MAINTENANCE, True, "trực ca")
    assert paused.paused_reason == "Bảo trì cổng"
    for sentence in (paused.sentence, paused.sentence_vi):
        assert "trực ca" in sentence
        assert "Bảo trì cổng" in sentence
    resumed = await world.connections.resume(PORTAL, actor="ca sau")
    assert (resumed.paused, resumed.paused_reason, resumed.paused_by) == (False, None, None)
    assert resumed.state is ConnectionState.UNVERIFIED


PROVEN: list[tuple[dict[str, str], ConnectionState]] = [
    ({}, ConnectionState.UNVERIFIED),
    ({"last_success_at": "now()"}, ConnectionState.WORKING),
    ({"last_success_at": "now() - interval '2 hours'"}, ConnectionState.UNVERIFIED),
    ({"last_failure_at": "now()"}, ConnectionState.DEGRADED),
    ({"last_failure_at": "now()", "breaker": "'open'"}, ConnectionState.DOWN),
    ({"last_failure_at": "now()", "breaker": "'half_open'"}, ConnectionState.DOWN),
    ({"last_success_at": "now()", "last_failure_at": "now() - interval '1 second'"}, ConnectionState.WORKING),
    ({"last_success_at": "now() - interval '1 second'", "last_failure_at": "now()"}, ConnectionState.DEGRADED),
    ({"last_failure_at": "now()", "breaker": "'open'", "paused": "true"}, ConnectionState.MAINTENANCE),
]


async def test_a_connection_is_never_shown_better_than_it_was_proven(world: World) -> None:
    """The state follows from what workers recorded; failures are explained in their own words, in both languages."""
    untold = {
        "last_success_at": "NULL",
        "last_failure_at": "NULL",
        "breaker": "'closed'",
        "paused": "false",
        "last_failure_kind": "'TryLater'",
        "last_failure_reason": "'Does not answer.'",
        "last_failure_reason_vi": "'Không trả lời.'",
    }
    for columns, state in PROVEN:
        async with world.store.transaction() as conn:
            setting = ", ".join(f"{name} = {value}" for name, value in (untold | columns).items())
            await conn.execute(f"UPDATE connections SET {setting}")  # type: ignore[arg-type] # noqa: S608
        view = await world.connections.get(PORTAL)
        assert view.state is state, columns
        assert view.sentence.endswith(".")
        assert view.sentence_vi.endswith(".")
        failing = state in {ConnectionState.DEGRADED, ConnectionState.DOWN}
        assert ("Does not answer." in view.sentence) == failing
        assert ("Không trả lời." in view.sentence_vi) == failing


async def test_a_connection_shows_what_waits_for_it(world: World) -> None:
    """How much is open, how much is held, and how long the oldest has been due."""
    for number in range(3):
        await world.put(f"H99.12-261008-{number:04d}")
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE lanes SET due_at = now() - interval '90 seconds' WHERE subject LIKE '%0001'")
        await conn.execute("UPDATE lanes SET due_at = NULL, held_reason = 'x' WHERE subject LIKE '%0002'")
        await conn.execute('UPDATE connections SET drift = \'{"a.b": 3, "a.c": 1}\'')
    view = await world.connections.get(PORTAL)
    assert (view.open_exchanges, view.held_lanes, view.drift_fields) == (3, 1, 2)
    assert view.oldest_due_age_seconds == pytest.approx(90, abs=20)
