"""Many callers, one commit: what arrives together is written together, and nobody disturbs the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from contracts.dossier import DossierFacts
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.events_store import read_dossiers
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.views import Receipt
from hub.errors import Refusal
from hub.settings import Settings
from hub.store.engine import Store, open_store
from hub.store.errors import SealError, StoreUnavailable
from hub.web.idempotency import IdempotencyClaim
from tests.hub.disturbances import count_transactions
from tests.hub.exchanges.conftest import CALLER, PORTAL, World, facts, step

__all__ = ["count_transactions"]

CODES = [f"H99.12-261008-{number:04d}" for number in range(1, 201)]


async def on_a_connection_of_its_own(settings: Settings, query: str) -> Any:
    """Ask as another process would: only what is committed is seen."""
    async with await open_store(settings) as other, other.transaction() as conn:
        row = await (await conn.execute(query)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.slow
async def test_two_hundred_callers_share_few_commits_and_all_is_durable(
    world: World, settings: Settings, count_transactions: Callable[[Store], list[int]]
) -> None:
    """The commit is what costs; every answered call is there for another process to see."""
    counted = count_transactions(world.store)
    receipts = await asyncio.gather(*(world.put(code) for code in CODES))
    assert all(one.created and one.revision == 1 and len(one.exchange_ids) == 1 for one in receipts)
    assert [one.code for one in receipts] == CODES, "everyone gets the answer to the own call"
    assert counted[0] <= 10, "the catalogue is read once, and up to 32 calls make one transaction"
    assert await on_a_connection_of_its_own(settings, "SELECT count(*) FROM dossiers WHERE revision = 1") == 200
    assert await on_a_connection_of_its_own(settings, "SELECT count(*) FROM dossier_events") == 200
    assert await on_a_connection_of_its_own(settings, "SELECT count(*) FROM lanes WHERE open_count = 1") == 200
    assert await on_a_connection_of_its_own(settings, "SELECT count(*) FROM exchanges WHERE state = 'accepted'") == 200


async def test_calls_about_one_dossier_serialise_into_consecutive_revisions(world: World) -> None:
    """Declarations and steps of one dossier at once: each gets a revision of its own, none is lost."""
    code = CODES[0]
    await world.put(code)
    receipts = await asyncio.gather(
        *(world.record(code, step(minutes=10, content=f"Bước {number}")) for number in range(25)),
        *(world.put(code, summary=f"Lần {number}") for number in range(15)),
    )
    assert sorted(one.revision for one in receipts) == list(range(2, 42))
    assert sorted(one.step_sequence for one in receipts if one.step_sequence) == list(range(1, 26))
    async with world.store.transaction() as conn:
        cursor = await conn.execute("SELECT revision, step_sequence FROM dossier_events ORDER BY revision")
        kept = await cursor.fetchall()
    assert [row[0] for row in kept] == list(range(1, 42))
    assert [row[1] for row in kept if row[1]] == list(range(1, 26)), "sequences grow with revisions"
    assert await world.scalar("SELECT revision FROM dossiers") == 41
    positions = "SELECT array_agg(step_sequence ORDER BY position) FROM exchanges WHERE operation = 'push_step'"
    assert await world.scalar(positions) == list(range(1, 26)), "the lane has them in the same order"


async def test_refused_calls_do_not_disturb_those_beside_them(world: World) -> None:
    """Every kind of refusal in one batch: the others are kept, the refused leave nothing."""
    moving, finished, fresh = CODES[0], CODES[1], CODES[2:12]
    for code in (moving, finished):
        await world.put(code)
    await world.record(finished, step(DossierState.PROCESSING_FINISHED))

    def record(code: str, event: Any, key: str, **more: Any) -> Any:
        claim = IdempotencyClaim(CALLER.client_id, key, key.encode())
        return world.intake.record(code=code, event=event, caller=CALLER, claim=claim, **more)

    bad = {
        "dossier_not_found": record("H99.12-261008-9999", step(), "k1"),
        "transition_not_allowed": record(finished, step(DossierState.IN_PROCESS, minutes=60), "k2"),
        "in_the_future": record(moving, step(minutes=60 * 24 * 30), "k3"),
        "revision_mismatch": record(moving, step(), "k4", if_match=9),
        "dossier_exists": world.intake.put(code=moving, facts=facts(), caller=CALLER, if_none_match=True),
        "before_submission": record(moving, step(minutes=-60 * 24), "k5"),
    }
    outcomes = await asyncio.gather(*bad.values(), *(world.put(code) for code in fresh), return_exceptions=True)
    refusals = outcomes[: len(bad)]
    assert [one.code for one in refusals if isinstance(one, Refusal)] == list(bad)
    assert all(isinstance(one, Receipt) and one.created for one in outcomes[len(bad) :])
    assert await world.scalar("SELECT count(*) FROM dossier_events") == 3 + len(fresh)
    assert await world.scalar("SELECT count(*) FROM idempotency_keys") == 1


async def test_a_dossier_that_cannot_be_read_fails_alone(world: World) -> None:
    """A damaged record breaks the batch it is in; the batch is done again call by call, and only its caller hears."""
    damaged, *others = CODES[:20]
    await world.put(damaged)
    async with world.store.transaction() as conn:
        await conn.execute("UPDATE dossier_events SET sealed = set_byte(sealed, 39, get_byte(sealed, 39) # 255)")
    outcomes = await asyncio.gather(
        world.put(damaged, note="Sửa"), *(world.put(code) for code in others), return_exceptions=True
    )
    assert isinstance(outcomes[0], SealError)
    assert all(isinstance(one, Receipt) and one.created for one in outcomes[1:])
    assert await world.scalar("SELECT revision FROM dossiers WHERE code = %s", damaged) == 1


async def test_a_caller_that_hangs_up_disturbs_nobody(world: World) -> None:
    """Whether it leaves before its batch or during it, the others are answered and their work is kept."""
    await world.put(CODES[-1])
    tasks = [asyncio.create_task(world.put(code)) for code in CODES[:100]]
    for task in tasks[::7]:
        task.cancel()
    await asyncio.sleep(0.01)
    for task in tasks[::9]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        if number % 7 and number % 9:
            assert isinstance(outcome, Receipt)
            assert outcome.created
    assert (await world.put(CODES[0], note="Sau")).revision in {1, 2}, "the dossier of a caller that left is not stuck"


# --- two nodes ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def nodes(world: World, settings: Settings) -> AsyncIterator[tuple[DossierIntake, DossierIntake]]:
    """Two API nodes on one database: each with its own pool and its own intake, the second one as in production."""
    async with await open_store(settings) as store:
        other = DossierIntake(
            store, publishers=[PORTAL], rules=DossierRules(), procedures=ProcedureIndex(store), own_connections=True
        )
        yield world.intake, other
        await other.aclose()


async def test_each_dossier_of_a_commit_keeps_its_own_facts(
    world: World, nodes: tuple[DossierIntake, DossierIntake]
) -> None:
    """Written on connections kept for it, and after those broke: one statement carries the facts of all."""
    _, node = nodes

    async def put(code: str, content: DossierFacts) -> None:
        for _ in range(4):  # as a caller does who hears 503
            with contextlib.suppress(StoreUnavailable):
                await node.put(code=code, facts=content, caller=CALLER)
                return
        pytest.fail("no connection was opened anew")

    contents = [facts(note="ố" * size) for size in (1, 1900, 3, 700, 20, 0)]
    for codes in (CODES[:6], CODES[6:12]):
        await asyncio.gather(*(put(code, one) for code, one in zip(codes, contents, strict=True)))
        async with world.store.transaction() as conn:
            kept = await read_dossiers(conn, world.store.sealer, codes)
        assert [kept[code].facts for code in codes] == contents
        broken = await world.scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND (query LIKE '%WITH r AS MATERIALIZED%' OR query LIKE 'NOTIFY%')"
        )
        assert broken > 0
    assert await world.scalar("SELECT count(*) FROM exchanges WHERE state = 'accepted'") == 12


async def test_two_nodes_race_to_declare_the_same_dossier(
    world: World, nodes: tuple[DossierIntake, DossierIntake]
) -> None:
    """One declares it, the other finds it declared: as unchanged, or as the next revision; nobody sees an error."""
    for number, code in enumerate(CODES[:15]):
        contents = [facts(note="Một"), facts(note="Một" if number % 2 else "Hai")]
        contents[1] = contents[0] if number % 2 else contents[1]
        receipts = await asyncio.gather(
            *(node.put(code=code, facts=one, caller=CALLER) for node, one in zip(nodes, contents, strict=True))
        )
        first, second = sorted(receipts, key=lambda one: not one.created)
        assert (first.created, first.revision) == (True, 1)
        assert not second.created
        assert (second.unchanged, second.revision) == ((True, 1) if number % 2 else (False, 2))
    assert await world.scalar("SELECT count(*) FROM dossiers") == 15


async def test_of_two_nodes_that_insist_on_a_new_dossier_one_is_refused(
    world: World, nodes: tuple[DossierIntake, DossierIntake]
) -> None:
    """`If-None-Match: *` holds across nodes."""
    for code in CODES[:10]:
        outcomes = await asyncio.gather(
            *(node.put(code=code, facts=facts(), caller=CALLER, if_none_match=True) for node in nodes),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in outcomes) == ["Receipt", "Refusal"]
    assert await world.scalar("SELECT max(revision) FROM dossiers") == 1


async def test_two_nodes_that_write_many_of_the_same_dossiers_at_once_lose_nothing(
    world: World, nodes: tuple[DossierIntake, DossierIntake]
) -> None:
    """Batches that overlap, in opposite orders, on new and on known dossiers."""
    one, other = nodes
    for note in ("Lần một", "Lần hai"):
        receipts = await asyncio.gather(
            *(one.put(code=code, facts=facts(note=f"{note} a"), caller=CALLER) for code in CODES[:40]),
            *(other.put(code=code, facts=facts(note=f"{note} b"), caller=CALLER) for code in reversed(CODES[:40])),
        )
        assert len(receipts) == 80
    assert await world.scalar("SELECT array_agg(DISTINCT revision) FROM dossiers") == [4]
    assert await world.scalar("SELECT count(*) FROM dossier_events") == 160


async def test_one_key_at_two_nodes_does_the_work_once(
    world: World, nodes: tuple[DossierIntake, DossierIntake]
) -> None:
    """A dossier system behind a load balancer repeats its call at another node."""
    await world.put(CODES[0])
    for number in range(8):
        claim = IdempotencyClaim(CALLER.client_id, f"k{number}", b"same")
        event = step(minutes=number)
        first, second = await asyncio.gather(
            *(node.record(code=CODES[0], event=event, caller=CALLER, claim=claim) for node in nodes)
        )
        assert first.receipt == second.receipt
        assert {first.replayed, second.replayed} == {True, False}
    assert await world.scalar("SELECT revision FROM dossiers") == 9
