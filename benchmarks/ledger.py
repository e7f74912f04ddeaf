"""``ledger-cost`` and ``ledger-proof``: what the ledger costs an intake, and a proof among ten million entries.

``ledger-cost`` is the intake of `benchmarks.intake`, in turns without and with a sealer that is running. To take a
dossier in is no entry of the ledger, so this shows that it stays without cost. ``ledger-cost-sealing``, shown without a
bar, is the intake while an outcome is recorded and sealed for every dossier it takes in, on the same cores: what a
machine pays that does everything at once, the whole work of the ledger against the first part of the hub's.

``ledger-proof`` builds the tree with the database's own hashing, because ten million entries would take the sealer
some minutes; then the sealer continues it with real entries, which it only does when the tree is right, and each
proof is verified against the checkpoint it signs.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import replace
from typing import Any, LiteralString, cast

import psycopg

from benchmarks.deployment import Deployment, deployment
from benchmarks.intake import Load
from benchmarks.processes import Child
from benchmarks.report import Measurement
from benchmarks.sizes import Sizes
from hub.ledger import evidence, keys, log, merkle
from hub.ledger.entries import record_act
from hub.ledger.note import Checkpoint, sign
from hub.ledger.sealer import LedgerSealer
from hub.ledger.service import LedgerService
from hub.store.engine import Store

COST_BAR = 0.95
PROOF_BAR_MS = 50.0


async def run_cost(sizes: Sizes) -> list[Measurement]:
    """Measure what the ledger takes from an intake."""
    async with deployment() as made, Child("api_server", {"storeless": False}, made.directory) as server:
        # Many short turns: what else the machine does then falls on both alike.
        load = Load(made, replace(sizes, intake_seconds=sizes.ledger_seconds))
        without: list[float] = []
        sealing: list[float] = []
        sealing_all: list[float] = []
        for _ in range(sizes.ledger_rounds):
            without.append(await load.on(server))
            for outcomes, rates in ((False, sealing), (True, sealing_all)):
                async with Child("ledger_keeper", {"outcomes": outcomes}, made.directory):
                    rates.append(await load.on(server))
    return [
        Measurement.rate("ledger-cost", sealing, without, unit="PUT/s", bar=COST_BAR),
        Measurement.rate("ledger-cost-sealing", sealing_all, without, unit="PUT/s", bar=None),
    ]


async def run_proof(sizes: Sizes) -> list[Measurement]:
    """Measure one inclusion proof, and the evidence of one exchange, in a large log."""
    async with deployment() as made:
        await _build(made, sizes.ledger_entries)
        subjects = await _continue(made.store, sizes.ledger_sealed)
        proofs = await _proofs(made.store, sizes.ledger_proofs)
        documents = await _documents(made.store, subjects[: sizes.ledger_proofs])
    return [
        _worst_of_a_hundred("ledger-proof", proofs),
        _worst_of_a_hundred("ledger-evidence", documents),
    ]


def _worst_of_a_hundred(name: str, milliseconds: list[float]) -> Measurement:
    worst = statistics.quantiles(milliseconds, n=100, method="inclusive")[98]
    return Measurement.cost(name, worst, PROOF_BAR_MS, unit="ms (p99)", bar=1.0)


# --- building -------------------------------------------------------------------------------------------------

_LEAVES = """
INSERT INTO ledger_leaves (index, subject, leaf, hash, digest)
SELECT index, subject, leaf, sha256('\\x00'::bytea || leaf), digest
FROM (
    SELECT index, subject, digest,
           convert_to('{"at":"2026-10-08T01:15:00.000000Z","digest":"' || encode(digest, 'hex')
                      || '","facts":{"system":"national_portal"},"kind":"inbound","subject":"' || subject
                      || '","v":1}', 'UTF8') AS leaf
    FROM (
        SELECT index, 'event-' || index AS subject, sha256(int8send(index)) AS digest
        FROM generate_series(0::bigint, %s::bigint - 1) AS index
    ) AS numbered
) AS written
"""


def _block_hash(first: int, count: int) -> str:
    """Return the SQL of the hash above ``count`` hashes of array ``h``, from ``first`` on."""
    if count == 1:
        return f"h[{first}]"
    half = count // 2
    return f"sha256('\\x01'::bytea || {_block_hash(first, half)} || {_block_hash(first + half, half)})"


_NODES = """
INSERT INTO ledger_nodes (level, index, hash)
SELECT %(level)s, g, {hash}
FROM generate_series(0, %(count)s::bigint - 1) AS g CROSS JOIN LATERAL (
    SELECT array_agg(hash ORDER BY index) AS h FROM {below} AND index >= g * 16 AND index < g * 16 + 16
) AS block
"""


async def _build(made: Deployment, entries: int) -> None:
    """Write so many entries and their tree, and sign a checkpoint of it."""
    store = made.store
    async with await psycopg.AsyncConnection.connect(store.url, autocommit=True) as conn:
        for table in ("ledger_leaves", "ledger_nodes"):
            await conn.execute(cast("LiteralString", f"ALTER TABLE {table} SET UNLOGGED"))
        await conn.execute("DROP INDEX ix_ledger_leaves_subject")
        await conn.execute("ALTER TABLE ledger_leaves DROP CONSTRAINT pk_ledger_leaves")
        await conn.execute("SET maintenance_work_mem TO '512MB'")
        await conn.execute(_LEAVES, (entries,))
        await conn.execute("ALTER TABLE ledger_leaves ADD CONSTRAINT pk_ledger_leaves PRIMARY KEY (index)")
        await conn.execute("CREATE INDEX ix_ledger_leaves_subject ON ledger_leaves (subject, index)")
        await conn.execute("VACUUM ANALYZE ledger_leaves")
        for level in range(merkle.STEP, 64, merkle.STEP):
            below = "ledger_leaves WHERE true" if level == merkle.STEP else f"ledger_nodes WHERE level = {level - 4}"
            query = _NODES.format(hash=_block_hash(1, merkle.BLOCK), below=below)
            await conn.execute(cast("LiteralString", query), {"level": level, "count": entries >> level})
            await conn.execute("ANALYZE ledger_nodes")
        await conn.execute("CHECKPOINT")
    async with store.transaction() as conn:
        await keys.lock(conn)
        signing = await keys.signing_keys(conn, store.sealer, made.settings.ledger.origin)
        edge = await log.edge_of(conn, entries)
        checkpoint = Checkpoint(made.settings.ledger.origin, entries, edge.root())
        await conn.execute(
            "INSERT INTO ledger_checkpoints (size, root, note) VALUES (%s, %s, %s)",
            (checkpoint.size, checkpoint.root, sign(checkpoint.text, signing)),
        )


async def _continue(store: Store, count: int) -> list[str]:
    """Let the sealer add real entries; return their subjects."""
    subjects = [f"connection-{n}" for n in range(count)]
    async with store.transaction() as conn:
        for one in subjects:
            await record_act(conn, act="connection.paused", actor="benchmark", target=one, reason="measured")
    origin = (await LedgerService(store).checkpoint()).note.split("\n")[0]
    sealed = await LedgerSealer(store, origin=origin).seal()
    if sealed is None or sealed.entries < count:
        raise RuntimeError("the sealer did not continue the tree")
    return subjects


# --- measuring ------------------------------------------------------------------------------------------------


async def _proofs(store: Store, count: int) -> list[float]:
    """Prove entries anywhere in the log; return the milliseconds of each, verification apart."""
    dice = random.Random(9162)  # noqa: S311 - which entries are asked for
    spent: list[float] = []
    async with store.transaction() as conn:
        signed = await log.checkpoint(conn)
        if signed is None:
            raise RuntimeError("there is no checkpoint")
    for _ in range(count):
        index = dice.randrange(signed.size)
        began = time.perf_counter()
        async with store.transaction() as conn:
            path = await log.hashes_of(conn, merkle.inclusion_ranges(index, signed.size))
        spent.append((time.perf_counter() - began) * 1000)
        async with store.transaction() as conn:
            row: Any = await (
                await conn.execute("SELECT hash FROM ledger_leaves WHERE index = %s", (index,))
            ).fetchone()
        if not merkle.verify_inclusion(bytes(row[0]), index, signed.size, path, signed.root):
            raise RuntimeError(f"the proof of entry {index} does not hold")
    return spent


async def _documents(store: Store, subjects: list[str]) -> list[float]:
    """Make whole documents, as the API answers, reading recorded; return the milliseconds of each."""
    service = LedgerService(store)
    spent: list[float] = []
    for one in subjects:
        began = time.perf_counter()
        document = await service.evidence(one, actor="benchmark")
        spent.append((time.perf_counter() - began) * 1000)
        evidence.verify(document)
    return spent
