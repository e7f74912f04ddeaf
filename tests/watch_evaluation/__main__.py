"""`python -m tests.watch_evaluation generate|score|report`: make labelled streams, score alerts, write the table."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.watch_evaluation import report
from tests.watch_evaluation.baseline import z_scores
from tests.watch_evaluation.generate import SHAPES, generate
from tests.watch_evaluation.scoring import BudgetReading, CaseReading, score
from tests.watch_evaluation.truth import read_alerts, read_truth


def main() -> None:
    """Read the command line and do as it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.watch_evaluation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("generate", help="write streams into WORK/SHAPE-SEED")
    judge = commands.add_parser("score", help="score the alerts of one stream, with each miss and false alarm")
    table = commands.add_parser("report", help="make, replay and score streams; print or write the tables")
    for command in (make, table):
        command.add_argument("--shapes", nargs="+", choices=SHAPES, default=["small"])
        command.add_argument("--seeds", nargs="+", type=int, default=[1])
        command.add_argument("--work", type=Path, default=Path("/tmp/watch_eval"))  # noqa: S108 - the caller's choice
    table.add_argument("--pairs", nargs="+", metavar="SHAPE:SEED", help="instead of every shape with every seed")
    table.add_argument("--write", action="store_true", help="put the tables into docs/watch-evaluation.md")
    judge.add_argument("folder", type=Path)
    judge.add_argument("--alerts", type=Path, help="what the replay wrote; the z-score baseline if not given")
    judge.add_argument("--case", type=CaseReading, choices=list(CaseReading), default=CaseReading.WEEK_FROM_FIRST)
    judge.add_argument("--budget", type=BudgetReading, choices=list(BudgetReading), default=BudgetReading.WHOLE)
    {"generate": _generate, "score": _score, "report": _report}[(said := parser.parse_args()).command](said)


def _pairs(said: argparse.Namespace) -> list[tuple[str, int]]:
    return [(shape, seed) for shape in said.shapes for seed in said.seeds]


def _generate(said: argparse.Namespace) -> None:
    for shape, seed in _pairs(said):
        began = time.perf_counter()
        stream = generate(seed, SHAPES[shape], said.work / f"{shape}-{seed}")
        _say(
            f"{said.work}/{shape}-{seed}: {len(stream.lookups):,} look-ups, {len(stream.dossiers):,} dossiers, "
            f"{len(stream.incidents)} incidents, {len(stream.windows)} honest windows "
            f"({time.perf_counter() - began:.1f} s)"
        )


def _score(said: argparse.Namespace) -> None:
    truth = read_truth(said.folder)
    alerts = read_alerts(said.alerts) if said.alerts else z_scores(truth)
    _say(report.details(said.folder, score(alerts, truth, said.case, said.budget), truth))


def _report(said: argparse.Namespace) -> None:
    chosen = _pairs(said)
    if said.pairs:
        chosen = [(shape, int(seed)) for shape, _, seed in (pair.partition(":") for pair in said.pairs)]
    runs = []
    for shape, seed in chosen:
        runs.append(report.run(shape, seed, said.work))
        _say(f"{shape}-{seed} replayed in {runs[-1].seconds:.0f} s")
    text = report.tables(runs)
    _say(text)
    if said.write:
        report.write_page(text)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
