"""The table of docs/watch-evaluation.md: the engine and the baseline on several streams, made, replayed and scored."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.watch_evaluation import records
from tests.watch_evaluation.baseline import z_scores
from tests.watch_evaluation.generate import SHAPES, generate
from tests.watch_evaluation.scoring import BudgetReading, CaseReading, Figures, Result, score
from tests.watch_evaluation.truth import Alert, Truth, read_alerts, read_truth

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "watch-evaluation.md"
BEGIN, END = "<!-- table: written by tests.watch_evaluation report -->", "<!-- end of the table -->"

ROWS = (
    ("recall at 5 / at 10", ("recall_5", "recall_10"), "≥ .55 / ≥ .73", ".65 / .85"),
    ("precision at 5 / at 10", ("precision_5", "precision_10"), "≥ .95 / ≥ .80", ".98 / .90"),
    ("PR-AUC by account-day", ("pr_auc",), "≥ .45", ".65"),
    ("officers in honest windows shown at 10", ("rushes_flagged",), "≤ .02", "0"),
    ("honest windows in which anybody is shown at 10", ("windows_flagged",), "–", "–"),
    ("median look-ups when found", ("median_lookups",), "≤ 2", "1"),
    ("look-ups done before, of those found at 10", ("before_detection",), "≤ .05", ".03"),
    ("look-ups done before, of all", ("before_detection_all",), "–", "–"),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One stream, replayed and scored."""

    shape: str
    seed: int
    seconds: float
    truth: Truth
    engine: Sequence[Alert]

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.shape}, seed {self.seed}"


def prepared(shape: str, seed: int, work: Path) -> Path:
    """Return the folder of a stream; it is made if it is not there."""
    folder = work / f"{shape}-{seed}"
    if not (folder / records.WINDOWS).exists():
        generate(seed, SHAPES[shape], folder)
    return folder


def replay(folder: Path) -> float:
    """Replay a stream with `lienthong detect replay`; returns the seconds it took."""
    parts = ("events", "dossiers", "officers", "subjects", "context")
    files = (records.EVENTS, records.DOSSIERS, records.OFFICERS, records.SUBJECTS, records.CONTEXT)
    options = [word for part, file in zip(parts, files, strict=True) for word in (f"--{part}", str(folder / file))]
    began = time.perf_counter()
    command = [sys.executable, "-m", "hub.cli", "detect", "replay", *options]
    done = subprocess.run(
        [*command, "--out", str(folder / "alerts.jsonl"), "--cases", str(folder / "cases.jsonl")],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - began


def run(shape: str, seed: int, work: Path) -> Run:
    """Make, replay and read one stream."""
    folder = prepared(shape, seed, work)
    seconds = replay(folder)
    return Run(shape, seed, seconds, read_truth(folder), read_alerts(folder / "alerts.jsonl"))


def figures_table(columns: Sequence[tuple[str, Figures]]) -> list[str]:
    """Return a Markdown table: a row for each figure, a column for each stream."""
    heads = ["figure", *(name for name, _ in columns), "bar", "goal"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for title, fields, bar, goal in ROWS:
        cells = [" / ".join(written(getattr(one, field)) for field in fields) for _, one in columns]
        lines.append("| " + " | ".join([title, *cells, bar, goal]) + " |")
    return lines


def written(value: float) -> str:
    """Write a share as the issue does (.95), a number of look-ups as it is."""
    if value > 1 or value != value:  # noqa: PLR0124 - only "not a number" differs from itself
        return f"{value:g}"
    return f"{value:.2f}".removeprefix("0") if value < 1 else f"{value:g}"


def tables(runs: Sequence[Run]) -> str:
    """Return the tables of the page: main reading, baseline, every reading, recall by kind."""
    main = [(one.name, score(one.engine, one.truth).figures) for one in runs]
    base = [(one.name, score(z_scores(one.truth), one.truth).figures) for one in runs]
    lines = ["### The engine", "", *figures_table(main), ""]
    lines += [
        "Replay: "
        + "; ".join(f"{one.name}: {_lookups(one):,} look-ups in {one.seconds:.0f} s" for one in runs)
        + " (start of the program, reading and writing included).",
        "",
        "### The baseline: z-score on daily counts",
        "",
        *figures_table(base),
        "",
        "### Every reading",
        "",
        "The lowest and the highest value over the streams above.",
        "",
        *_readings(runs),
        "",
        "### Found at 10, by kind",
        "",
        *_kinds([(one, score(one.engine, one.truth)) for one in runs]),
    ]
    return "\n".join(lines)


def _lookups(one: Run) -> int:
    return sum(sum(days.values()) for days in one.truth.counts.values())


def _readings(runs: Sequence[Run]) -> list[str]:
    shown = ("recall_5", "recall_10", "precision_5", "precision_10", "rushes_flagged", "median_lookups")
    heads = ["a case is", "the budget is spent", *(field.replace("_", " at ") for field in shown[:4])]
    heads += ["rushes", "median"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for case in CaseReading:
        for budget in BudgetReading:
            all_of = [score(one.engine, one.truth, case, budget).figures for one in runs]
            cells = []
            for field in shown:
                values = [getattr(one, field) for one in all_of]
                cells.append(f"{written(min(values))} … {written(max(values))}")
            words = [case.value.replace("_", " "), {"whole": "over the whole stream", "daily": "every evening"}[budget]]
            lines.append("| " + " | ".join([*words, *cells]) + " |")
    return lines


def _kinds(results: Sequence[tuple[Run, Result]]) -> list[str]:
    there: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for one, result in results:
        there.update(wrong.kind for wrong in one.truth.wrongs)
        missed.update(wrong.kind for wrong in result.missed)
    lines = ["| kind | incidents | found |", "|---|---|---|"]
    lines += [
        f"| {kind.replace('_', ' ')} | {count} | {written((count - missed[kind]) / count)} |"
        for kind, count in sorted(there.items())
    ]
    return lines


def write_page(text: str, page: Path = PAGE) -> None:
    """Put the tables into the page, between its two marks."""
    old = page.read_text("utf-8")
    before, rest = old.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def details(folder: Path, result: Result, truth: Truth) -> str:
    """Return every miss and false alarm of a scored stream, one a line."""
    kind_of = {window.id: window.kind for window in truth.windows}
    lines = [f"{key}: {value:.3f}" for key, value in dataclasses.asdict(result.figures).items()]
    sizes = Counter(len({account for _, account in one.lookups}) for one in result.missed)
    lines.append(f"missed {len(result.missed)} (accounts: {dict(sizes)})")
    lines += [
        f"  missed {one.id} {one.kind}: {len(one.lookups)} look-ups, {sorted({who for _, who in one.lookups})}"
        for one in sorted(result.missed, key=lambda one: one.kind)
    ]
    lines.append(f"false {len(result.false)}")
    lines += [
        f"  false {one.score:.2f} {one.account} day {truth.day(one.shown_at)} "
        f"{dict(Counter(alert.rule for alert in one.alerts))}"
        for one in sorted(result.false, key=lambda one: -one.score)
    ]
    lines += [f"  honest window {window} ({kind_of[window]}) {account}" for window, account in result.flagged]
    scores = [one.score for one in result.shown]
    lines.append(f"{folder.name}: score of the shown {min(scores, default=0):.2f} … {max(scores, default=0):.2f}")
    lines.append(f"median alerts of a case {statistics.median(len(one.alerts) for one in result.shown or ()):g}")
    return "\n".join(lines)
