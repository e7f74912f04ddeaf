"""The sealer loses nothing, doubles nothing, and signs only what continues what it signed before."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from hub.ledger import entries, keys, leaf, log, merkle
from hub.ledger.audit import audit
from hub.ledger.note import VerifierKey, open_checkpoint
from hub.ledger.sealer import LedgerDamagedError, LedgerSealer
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable
from tests.hub.ledger.conftest import ORIGIN, Ledger, entry


async def leaves(store: Store) -> list[leaf.Leaf]:
    """Return the whole log, read back."""
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT leaf FROM ledger_leaves ORDER BY index")).fetchall()
    return [leaf.decode(bytes(row[0])) for row in rows]


async def numbers(store: Store) -> list[int]:
    """Return the numbers of the invented messages in the log, in its order."""
    return [int(one.facts["number"]) for one in await leaves(store) if one.kind == "inbound"]


async def test_what_waits_is_sealed_in_its_order(ledger: Ledger) -> None:
    """The first thing in a log is that its key was made."""
    await ledger.append(1, 2, 3)
    sealed = await ledger.sealer.seal()
    assert sealed is not None
    assert (sealed.entries, sealed.size) == (4, 4)
    assert await ledger.waiting() == 0
    assert await numbers(ledger.store) == [1, 2, 3]
    made = next(one for one in await leaves(ledger.store) if one.kind == "act")
    assert made.facts["act"] == "ledger.key_made"
    assert (await ledger.audit()).is_sound


async def test_nothing_waits_nothing_is_signed(ledger: Ledger) -> None:
    """There is no checkpoint that says the same as the one before."""
    assert await ledger.sealer.seal() is None
    await ledger.fill(1)
    assert await ledger.sealer.seal() is None
    report = await ledger.audit()
    assert (report.entries, report.checkpoints) == (2, 1)


async def test_what_is_rolled_back_never_happened(ledger: Ledger) -> None:
    """An entry shares the fate of the transaction that adds it; the gap it leaves in the numbers does not matter."""
    await ledger.append(1)
    async with ledger.store.transaction() as conn:
        await entries.append(conn, [entry(2)])
        await conn.rollback()
    await ledger.append(3)
    await ledger.sealer.seal()
    assert await numbers(ledger.store) == [1, 3]


async def test_what_commits_late_is_sealed_later(ledger: Ledger) -> None:
    """A lower number of the queue that is committed after a higher one was sealed is taken the next time."""
    async with ledger.store.transaction() as slow:
        await entries.append(slow, [entry(1)])
        await ledger.append(2)
        await ledger.sealer.seal()
        assert await numbers(ledger.store) == [2]
    await ledger.sealer.seal()
    assert await numbers(ledger.store) == [2, 1]
    assert await ledger.waiting() == 0


@pytest.mark.parametrize("place", ["_copy", "sign"])
async def test_a_crash_in_the_middle_leaves_everything_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Nothing is in the log and everything is in the queue; the next round seals it once."""
    await ledger.fill(20)
    await ledger.append(*range(20, 40))

    def crash(*_: Any) -> Any:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(f"hub.ledger.sealer.{place}", crash)
        with pytest.raises(ConnectionResetError):
            await ledger.sealer.seal()
    assert (await ledger.size(), await ledger.waiting()) == (21, 20)
    await ledger.sealer.seal()
    assert await numbers(ledger.store) == list(range(40))
    assert (await ledger.audit()).is_sound


async def test_a_killed_connection_in_the_middle_loses_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the sealer's connection after the leaves were written and before the checkpoint was."""
    await ledger.fill(5)
    await ledger.append(*range(5, 30))
    real = LedgerSealer._take

    async def take_and_die(self: LedgerSealer, conn: Any) -> Any:
        rows = await real(self, conn)
        async with ledger.store.transaction() as other:
            await other.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        return rows

    with monkeypatch.context() as broken:
        broken.setattr(LedgerSealer, "_take", take_and_die)
        with pytest.raises(StoreUnavailable):
            await ledger.sealer.seal()
    await ledger.sealer.seal()
    assert await numbers(ledger.store) == list(range(30))
    assert (await ledger.audit()).is_sound


async def test_two_sealers_and_many_appenders(ledger: Ledger) -> None:
    """Whoever seals and however it interleaves: each entry once, each appender's in its own order."""
    others = [LedgerSealer(ledger.store, origin=ORIGIN, portion=7, most=20) for _ in range(2)]
    running = True

    async def add(appender: int) -> None:
        for n in range(30):
            await ledger.append(appender * 1000 + n)

    async def seal(sealer: LedgerSealer) -> None:
        while running:
            await sealer.seal()

    sealing = [asyncio.create_task(seal(one)) for one in others]
    await asyncio.gather(*(add(one) for one in range(6)))
    running = False
    await asyncio.gather(*sealing)
    while await ledger.waiting():
        await ledger.sealer.seal()
    found = await numbers(ledger.store)
    assert len(found) == 180
    for appender in range(6):
        assert [one for one in found if one // 1000 == appender] == [appender * 1000 + n for n in range(30)]
    assert (await ledger.audit()).is_sound


async def test_a_backlog_is_sealed_in_portions_under_few_checkpoints(ledger: Ledger) -> None:
    """A round takes at most so many; the rest waits for the next round."""
    await ledger.append(*range(50))
    small = LedgerSealer(ledger.store, origin=ORIGIN, portion=8, most=24)
    sizes = [sealed.size for _ in range(3) if (sealed := await small.seal()) is not None]
    assert sizes == [24, 48, 51]
    assert await numbers(ledger.store) == list(range(50))
    assert (await ledger.audit()).checkpoints == 3


async def test_every_pair_of_sizes_is_proven_consistent(ledger: Ledger) -> None:
    """From what is stored, between all states the log ever had, and every leaf in each of them."""
    await ledger.fill(2, 1, 13, 1, 16, 3)
    async with ledger.store.transaction() as conn:
        size = await log.log_size(conn)
        rows = await (await conn.execute("SELECT hash FROM ledger_leaves ORDER BY index")).fetchall()
        roots = dict(enumerate(await log.hashes_of(conn, [(0, n) for n in range(1, size + 1)]), 1))
        for new in range(1, size + 1, 3):
            for old in range(1, new + 1, 2):
                proof = await log.hashes_of(conn, merkle.consistency_ranges(old, new))
                assert merkle.verify_consistency(old, new, proof, roots[old], roots[new])
            path = await log.hashes_of(conn, merkle.inclusion_ranges(new // 2, new))
            assert merkle.verify_inclusion(bytes(rows[new // 2][0]), new // 2, new, path, roots[new])


async def test_a_log_that_contradicts_its_signature_is_not_continued(ledger: Ledger) -> None:
    """The sealer signs nothing on top of it, raises an alert once, and what happens meanwhile waits."""
    await ledger.fill(10)
    async with ledger.store.transaction() as conn:
        await conn.execute("UPDATE ledger_leaves SET hash = sha256(hash) WHERE index = 9")
    await ledger.append(10)
    for _ in range(2):
        with pytest.raises(LedgerDamagedError):
            await ledger.sealer.seal()
    assert (await ledger.size(), await ledger.waiting()) == (11, 1)
    async with ledger.store.transaction() as conn:
        [alert] = await (
            await conn.execute("SELECT key, severity, cleared_at FROM alerts WHERE cleared_at IS NULL")
        ).fetchall()
    assert alert == ("ledger.damaged", "critical", None)


async def test_a_log_cut_short_is_not_continued(ledger: Ledger) -> None:
    """Removing the newest leaves leaves a checkpoint behind that knows better."""
    await ledger.fill(10, 5)
    async with ledger.store.transaction() as conn:
        await conn.execute("DELETE FROM ledger_leaves WHERE index >= 11")
    await ledger.append(20)
    with pytest.raises(LedgerDamagedError):
        await ledger.sealer.seal()


async def test_both_keys_sign_in_an_overlap(ledger: Ledger) -> None:
    """Whoever knows only the former key can still verify; afterwards only the new one signs."""
    await ledger.fill(1)
    [old] = await ledger.keys()
    new = await keys.replace_checkpoint_key(ledger.store, ORIGIN, actor="test")
    await ledger.fill(1)
    assert await signers(ledger) == [new, old]
    async with ledger.store.transaction() as conn:
        await conn.execute("UPDATE ledger_keys SET signs_until = now() WHERE signs_until IS NOT NULL")
    await ledger.fill(1)
    assert await signers(ledger) == [new]
    assert (await ledger.audit()).is_sound
    assert [one.facts["key_id"] for one in await leaves(ledger.store) if one.kind == "act"] == [
        old.id.hex(),
        new.id.hex(),
    ]


async def test_another_origin_has_another_key(ledger: Ledger) -> None:
    """A log that is renamed signs under its new name, and its history stays one."""
    await ledger.fill(2)
    await ledger.append(3)
    await LedgerSealer(ledger.store, origin="other.example/ledger").seal()
    assert [key.name for key in await ledger.keys()] == ["other.example/ledger", ORIGIN]
    assert (await ledger.audit()).is_sound


async def test_the_audit_knows_checkpoints_kept_elsewhere(ledger: Ledger) -> None:
    """A log rewritten as a whole, with its keys, agrees with itself; not with what somebody kept."""
    await ledger.fill(5)
    kept, _ = open_checkpoint((await ledger.service.checkpoint()).note, await ledger.keys())
    async with ledger.store.transaction() as conn:
        await conn.execute("TRUNCATE ledger_leaves, ledger_nodes, ledger_checkpoints, ledger_keys")
    await ledger.append(*range(100, 108))
    await ledger.sealer.seal()
    assert (await ledger.audit()).is_sound
    report = await audit(ledger.store, kept=[kept])
    assert [re.sub(r"[0-9]+", "N", one.en) for one in report.faults] == [
        "The log is not the one of the kept checkpoint of N entries: it was rewritten or cut short."
    ]


async def signers(ledger: Ledger) -> list[VerifierKey]:
    """Return who signed the newest checkpoint."""
    return open_checkpoint((await ledger.service.checkpoint()).note, await ledger.keys())[1]


async def test_the_job_seals_by_itself_and_may_be_stopped_at_any_moment(ledger: Ledger) -> None:
    """Cancelled and begun anew, as the clerk does, it neither loses nor doubles anything."""
    job = LedgerSealer(ledger.store, origin=ORIGIN, every_seconds=0.01)
    for n in range(4):
        running = asyncio.create_task(job.run())
        await ledger.append(n)
        async with asyncio.timeout(10):
            while n % 2 and await ledger.waiting():
                await asyncio.sleep(0.01)
        # Python 3.11 loses a cancellation that meets the end of a wait in the pool (gh-86296): once is not enough.
        while not running.done():
            running.cancel()
            await asyncio.wait([running], timeout=0.1)
    await ledger.sealer.seal()
    assert await numbers(ledger.store) == [0, 1, 2, 3]
    assert (await ledger.audit()).is_sound
