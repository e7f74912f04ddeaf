"""The watch on an invented stream: the bars hold with a margin, the baseline is far below."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watch_evaluation import report
from tests.watch_evaluation.baseline import z_scores
from tests.watch_evaluation.scoring import BudgetReading, CaseReading, score

SHAPE, SEED = "small", 5


@pytest.mark.slow
def test_the_bars_hold_on_a_small_stream(tmp_path: Path) -> None:
    """A change of a rule that costs recall or precision is seen here, before anybody replays a large stream.

    Eleven incidents are few, and so are some thirty officers in honest windows: one of them is a tenth of recall, or
    .04 of the officers shown. So the limits lie a little beside the bars, which are for large streams.
    """
    run = report.run(SHAPE, SEED, tmp_path)
    figures = score(run.engine, run.truth).figures
    assert figures.recall_5 >= 0.7
    assert figures.recall_10 >= 0.8
    assert figures.precision_5 >= 0.8
    assert figures.precision_10 >= 0.65
    assert figures.pr_auc >= 0.6
    assert figures.rushes_flagged <= 0.1
    assert figures.median_lookups <= 2
    assert figures.before_detection <= 0.1
    by_day = score(run.engine, run.truth, CaseReading.ACCOUNT_DAY, BudgetReading.DAILY).figures
    assert by_day.recall_10 >= 0.7
    baseline = score(z_scores(run.truth), run.truth).figures
    assert baseline.recall_10 < figures.recall_10 / 2
    assert baseline.precision_10 < figures.precision_10 / 2
