"""Taking dossiers in: revisions, conditions and idempotency, one call at a time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from contracts.dossier import Agency, Procedure
from contracts.errors import Sentence
from contracts.events import Event
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.decisions import Caller, Recorded
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.views import Receipt
from hub.errors import Refusal, RuleViolation
from hub.store.errors import StoreUnavailable
from hub.web.idempotency import IdempotencyClaim
from tests.hub.exchanges.conftest import CALLER, World, facts, step, yesterday

CODE = "H99.12-261008-0001"
TABLES = ("dossiers", "dossier_events", "lanes", "exchanges", "idempotency_keys")


def claim(key: str, body: str = "một", client: str = CALLER.client_id) -> IdempotencyClaim:
    return IdempotencyClaim(client, key, hashlib.sha256(body.encode()).digest())


async def record(
    world: World, event: Event, *, code: str = CODE, key: str = "k", body: str = "một", if_match: int | None = None
) -> Recorded:
    return await world.intake.record(code=code, event=event, caller=CALLER, claim=claim(key, body), if_match=if_match)


async def rows(world: World) -> dict[str, int]:
    """How many rows each table holds."""
    return {table: await world.scalar(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608


async def refused(work: Awaitable[Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


# --- revisions ---------------------------------------------------------------------------------------------------


async def test_a_receipt_says_what_is_durable_and_what_will_carry_it(world: World) -> None:
    """The first declaration makes revision 1 and one exchange; a step makes two, the step first."""
    first = await world.put(CODE)
    assert (first.revision, first.created, first.unchanged, first.state) == (1, True, False, DossierState.ACCEPTED)
    assert len(first.exchange_ids) == 1
    second = await world.record(CODE, step())
    assert (second.revision, second.created, second.step_sequence) == (2, False, 1)
    assert second.state is DossierState.IN_PROCESS
    page = await world.exchanges.page()
    assert {one.id for one in page.items} == {*first.exchange_ids, *second.exchange_ids}
    operations = {one.id: one.operation for one in page.items}
    assert [operations[one] for one in second.exchange_ids] == ["push_step", "push_dossier"]


async def test_the_head_holds_what_queries_need(world: World) -> None:
    """The clear columns follow the newest revision."""
    submitted, finished = yesterday(-1), step(DossierState.PROCESSING_FINISHED)
    await world.put(CODE, submitted_at=submitted)
    await world.record(CODE, finished)
    async with world.store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT agency_code, procedure_root, state, revision, submitted_at, finished_at, cancelled FROM dossiers"
        )
        assert await cursor.fetchall() == [
            ("H99.12", "1.000001", 9, 2, submitted, finished.occurred_at, False),
        ]


async def test_unchanged_facts_make_no_revision_whatever_happened_since(world: World) -> None:
    """A repeated PUT says so and costs nothing, also after steps."""
    content = facts()
    await world.intake.put(code=CODE, facts=content, caller=CALLER)
    await world.record(CODE, step())
    before = await rows(world)
    again = await world.intake.put(code=CODE, facts=content, caller=CALLER)
    assert (again.unchanged, again.revision, again.state) == (True, 2, DossierState.IN_PROCESS)
    assert again.exchange_ids == ()
    assert await rows(world) == before


async def test_without_publishers_dossiers_are_kept_all_the_same(world: World) -> None:
    """A deployment may be set up before its first connection."""
    world.intake = DossierIntake(
        world.store, publishers=[], rules=DossierRules(), procedures=ProcedureIndex(world.store)
    )
    receipt = await world.put(CODE)
    assert receipt.exchange_ids == ()
    assert (await world.record(CODE, step())).revision == 2


# --- conditions --------------------------------------------------------------------------------------------------


async def test_if_none_match_declares_only_what_is_new(world: World) -> None:
    """`If-None-Match: *` never replaces, not even by the same facts."""
    content = facts()

    async def put() -> Any:
        return await world.intake.put(code=CODE, facts=content, caller=CALLER, if_none_match=True)

    assert (await put()).created
    refusal = await refused(put())
    assert (refusal.status, refusal.code, refusal.field) == (412, "dossier_exists", "If-None-Match")


@pytest.mark.parametrize(("match", "accepted"), [(1, False), (2, True), (3, False)])
async def test_if_match_must_name_the_present_revision(world: World, match: int, *, accepted: bool) -> None:
    """Whoever read an older revision must read again, for a PUT as for an event."""
    await world.put(CODE)
    await world.record(CODE, step())
    put = world.intake.put(code=CODE, facts=facts(note="Mới"), caller=CALLER, if_match=match)
    if accepted:
        assert (await put).revision == 3
        assert (await record(world, step(minutes=5), if_match=3)).receipt.revision == 4
        return
    for refusal in (await refused(put), await refused(record(world, step(minutes=5), if_match=match))):
        assert (refusal.status, refusal.code, refusal.field) == (412, "revision_mismatch", "If-Match")
    assert await world.scalar("SELECT revision FROM dossiers") == 2


async def test_if_match_on_a_dossier_that_does_not_exist_fails(world: World) -> None:
    """There is no revision to match."""
    refusal = await refused(world.intake.put(code=CODE, facts=facts(), caller=CALLER, if_match=1))
    assert refusal.status == 412
    assert await rows(world) == dict.fromkeys(TABLES, 0)


# --- refusals store nothing --------------------------------------------------------------------------------------


async def test_a_refused_call_stores_nothing(world: World) -> None:
    """No row, no key, no exchange: the same call may be made again after the mistake is mended."""
    refusal = await refused(record(world, step()))
    assert (refusal.status, refusal.code, refusal.field) == (404, "dossier_not_found", "code")
    wrong = facts(agency=Agency(code="H98.12", name="UBND phường khác"))
    refusal = await refused(world.intake.put(code=CODE, facts=wrong, caller=CALLER))
    assert isinstance(refusal, RuleViolation)
    assert (refusal.status, refusal.code, refusal.field) == (422, "agency_mismatch", "agency.code")
    assert await rows(world) == dict.fromkeys(TABLES, 0)
    await world.put(CODE)
    before = await rows(world)
    refusal = await refused(record(world, step(DossierState.RESULT_RETURNED)))
    assert (refusal.status, refusal.code) == (409, "transition_not_allowed")
    assert await rows(world) == before
    assert not (await record(world, step())).replayed, "the key of a refused call is free"


async def test_an_unknown_procedure_is_refused_and_an_empty_catalogue_is_not_its_fault(world: World) -> None:
    """Unknown is 422; while nothing is known at all it is ours: 503."""
    other = Procedure(code="1.999999", name="Thủ tục lạ", field_code="LV", field_name="Lĩnh vực")
    refusal = await refused(world.intake.put(code=CODE, facts=facts(procedure=other), caller=CALLER))
    assert (refusal.status, refusal.code, refusal.field) == (422, "unknown_procedure", "procedure.code")
    async with world.store.transaction() as conn:
        await conn.execute("TRUNCATE procedures")
    refusal = await refused(world.intake.put(code=CODE, facts=facts(), caller=CALLER))
    assert (refusal.status, refusal.code) == (503, "procedures_not_synchronised")
    assert await rows(world) == dict.fromkeys(TABLES, 0)


# --- idempotency -------------------------------------------------------------------------------------------------


async def test_a_repeated_key_gets_the_first_answer_and_does_nothing(world: World) -> None:
    """To the byte, also after other things happened and whatever If-Match says now."""
    await world.put(CODE)
    first = await record(world, step(), key="k1", if_match=1)
    await record(world, step(minutes=1), key="k2")
    before = await rows(world)
    again = await record(world, step(), key="k1", if_match=1)
    assert not first.replayed
    assert again.replayed
    assert again.receipt == first.receipt
    assert await rows(world) == before


async def test_a_key_reused_for_something_else_is_refused(world: World) -> None:
    """Also for another dossier; another client may use the same key."""
    await world.put(CODE)
    await world.put("H99.12-261008-0002")
    await record(world, step(), key="k1")
    before = await rows(world)
    for code in (CODE, "H99.12-261008-0002"):
        refusal = await refused(record(world, step(minutes=1), code=code, key="k1", body="hai"))
        assert (refusal.status, refusal.code, refusal.field) == (409, "idempotency_conflict", "Idempotency-Key")
    assert await rows(world) == before
    other = await world.intake.record(
        code=CODE, event=step(minutes=1), caller=Caller("other"), claim=claim("k1", client="other")
    )
    assert not other.replayed


async def test_two_calls_with_one_key_at_once_do_the_work_once(world: World) -> None:
    """Whoever comes second waits and gets the answer of the first."""
    await world.put(CODE)
    outcomes = await asyncio.gather(*(record(world, step(), key="k1") for _ in range(10)))
    assert sorted(one.replayed for one in outcomes) == [False] + [True] * 9
    assert len({one.receipt for one in outcomes}) == 1
    assert await world.scalar("SELECT revision FROM dossiers") == 2


async def test_two_different_calls_with_one_key_at_once_leave_one_winner(world: World) -> None:
    """Also where they are about different dossiers, so that no lock of a dossier stands between them."""
    codes = [CODE, "H99.12-261008-0002"]
    for code in codes:
        await world.put(code)
    outcomes = await asyncio.gather(
        *(record(world, step(), code=code, key="k1", body=code) for code in codes), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Recorded", "Refusal"]
    assert await world.scalar("SELECT count(*) FROM dossier_events WHERE kind = 'step'") == 1


async def test_a_commit_whose_answer_was_lost_is_found_again_by_its_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told that it is not known; repeating with the same key tells, and does nothing twice."""
    await world.put(CODE)
    lend = world.store.transaction

    @asynccontextmanager
    async def breaking() -> AsyncIterator[Any]:
        async with lend() as conn:
            yield conn
        raise StoreUnavailable(committed=None)

    monkeypatch.setattr(world.store, "transaction", breaking)
    with pytest.raises(StoreUnavailable) as caught:
        await record(world, step(), key="k1")
    assert caught.value.committed is None
    monkeypatch.setattr(world.store, "transaction", lend)
    again = await record(world, step(), key="k1")
    assert again.replayed
    assert again.receipt.revision == await world.scalar("SELECT revision FROM dossiers") == 2


# --- late entries and advice come with the receipt -----------------------------------------------------------------


async def test_a_late_entry_is_accepted_and_marked_everywhere(world: World) -> None:
    """In the receipt, beside the event and in the dossier itself (LĐ 19.2)."""
    await world.put(CODE, submitted_at=yesterday(-48), received_at=yesterday(-47), due_at=None)
    late = step().model_copy(update={"occurred_at": yesterday(-30)})
    receipt = await world.record(CODE, late)
    assert receipt.late_entry
    assert "late_entry" in [one.code for one in receipt.warnings]
    assert await world.scalar("SELECT late_entry FROM dossier_events WHERE revision = 2") is True
    assert not (await world.record(CODE, step(minutes=30))).late_entry


# --- the database goes away ----------------------------------------------------------------------------------------


async def test_while_the_database_is_away_calls_fail_together_and_store_nothing(
    world: World, stop_database: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """Every caller hears within one wait for a connection, however many wait; afterwards all can be repeated."""
    world.store._pool.timeout = 0.5
    await world.put(CODE)
    codes = [f"H99.12-261008-{number:04d}" for number in range(2, 42)]
    content = facts()

    async def put_all() -> list[Receipt | BaseException]:
        puts = (world.intake.put(code=code, facts=content, caller=CALLER) for code in codes)
        return await asyncio.gather(*puts, return_exceptions=True)

    async with stop_database():
        clock = time.monotonic()
        outcomes = await put_all()
        assert time.monotonic() - clock < 15, "one after the other they would wait twenty"
        assert {type(one) for one in outcomes} == {StoreUnavailable}
    world.store._pool.timeout = 30
    async with asyncio.timeout(60):
        while any(isinstance(one, StoreUnavailable) for one in outcomes):
            await asyncio.sleep(0.1)
            outcomes = await put_all()
    assert {one.revision for one in outcomes if isinstance(one, Receipt)} == {1}
    assert await rows(world) == dict.fromkeys(TABLES, len(codes) + 1) | {"idempotency_keys": 0}
    assert (await world.put(CODE, note="Sau sự cố")).revision == 2


async def test_words_of_a_refusal_are_there_in_both_languages(world: World) -> None:
    """People read them."""
    refusal = await refused(record(world, step()))
    assert isinstance(refusal.sentence, Sentence)
    assert "PUT" in refusal.sentence.en
    assert "hồ sơ" in refusal.sentence.vi
