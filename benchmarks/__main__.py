"""``python -m benchmarks [names…] [--quick] [--out FILE]``: run benchmarks, print the table, write JSON."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import backlog_growth, detect, drain, exchange_list, intake, ledger, lookup, reconcile
from benchmarks.report import Measurement, show, write
from benchmarks.sizes import QUICK, Sizes

BENCHMARKS: dict[str, Callable[[Sizes], Awaitable[list[Measurement]]]] = {
    "intake": intake.run,
    "lookup": lookup.run,
    "gate": lookup.run_gate,
    "drain": drain.run,
    "backlog-growth": backlog_growth.run,
    "exchange-list": exchange_list.run,
    "reconcile": reconcile.run,
    "ledger-cost": ledger.run_cost,
    "ledger-proof": ledger.run_proof,
    "detect": detect.run,
}
"""In the order of a full run; ``drain`` also measures ``memory``, ``lookup`` also ``lookup-latency``."""


def main() -> int:
    """Run what was asked for; the exit code is 1 when a bar is not met in a full run."""
    parser = argparse.ArgumentParser(description="Measures the hub against its references, in one run.")
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which; all of them by default")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--out", type=Path, default=Path("bench-results.json"), help="where the JSON goes")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else Sizes()
    measured: list[Measurement] = []
    for name in arguments.names or BENCHMARKS:
        print(f"{name} …", flush=True)
        measured.extend(asyncio.run(_run(name, sizes)))
    show(measured)
    write(arguments.out, measured)
    return 1 if not arguments.quick and any(one.is_met is False for one in measured) else 0


async def _run(name: str, sizes: Sizes) -> list[Measurement]:
    return await BENCHMARKS[name](sizes)


if __name__ == "__main__":
    sys.exit(main())
