"""How much each benchmark does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a full run; `QUICK` only shows that everything runs."""

    # Short turns, many of them: a shared machine changes its speed within seconds, and both sides must see the same.
    intake_rounds: int = 16
    intake_seconds: float = 1.2
    intake_warm_up_seconds: float = 0.4
    drain_exchanges: int = 100_000
    drain_single_exchanges: int = 20_000
    drain_rounds: int = 4
    memory_few: int = 1_000
    backlog_few: int = 1_000
    backlog_many: int = 1_000_000
    backlog_claims: int = 200
    reconcile_dossiers: int = 10_000
    reconcile_rate: float = 200.0
    list_few: int = 10_000
    list_many: int = 1_000_000
    list_pages: int = 15
    ledger_rounds: int = 8
    ledger_seconds: float = 2.0
    ledger_entries: int = 10_000_000
    ledger_sealed: int = 2_000
    ledger_proofs: int = 1_000
    detect_lookups: int = 380_000
    detect_officers: int = 800
    # Short turns, as for intake.
    lookup_rounds: int = 16
    lookup_seconds: float = 1.2
    lookup_warm_up_seconds: float = 0.4
    gate_decisions: int = 10_000


QUICK = Sizes(
    intake_rounds=1,
    intake_seconds=0.5,
    intake_warm_up_seconds=0.2,
    drain_exchanges=200,
    drain_single_exchanges=100,
    drain_rounds=1,
    memory_few=50,
    backlog_few=200,
    backlog_many=1_000,
    backlog_claims=5,
    reconcile_dossiers=60,
    reconcile_rate=200.0,
    list_few=1_000,
    list_many=3_000,
    list_pages=2,
    ledger_rounds=1,
    ledger_seconds=0.5,
    ledger_entries=5_000,
    ledger_sealed=100,
    ledger_proofs=20,
    detect_lookups=2_000,
    detect_officers=40,
    lookup_rounds=1,
    lookup_seconds=0.5,
    lookup_warm_up_seconds=0.2,
    gate_decisions=200,
)
