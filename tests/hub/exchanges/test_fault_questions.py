"""The faults of questions that somebody waits for are played, and docs/reliability.md tells what came of them.

``pytest tests/hub/exchanges/test_fault_questions.py --write-pages`` writes the table anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.conformance.faults import HANGING, Fault
from hub.registry import load_adapters
from hub.settings import Settings
from tests.hub.exchanges.fault_matrix import CALL_SECONDS
from tests.hub.exchanges.fault_operations import PORTAL
from tests.hub.exchanges.fault_questions import (
    FAULTS,
    QUESTIONS,
    ROUNDS,
    Row,
    ask,
    go_round,
    is_expected,
    names,
    table,
)
from tests.hub.whole import whole_hub

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
BEGIN, END = "<!-- the faults of questions, written by their test -->\n", "\n<!-- end of the faults of questions -->"


def written() -> str:
    """Return the table of the page."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def test_every_question_stands_on_the_page_with_every_fault() -> None:
    """Each fault once for each question, and each became what the contract's table of errors says."""
    told: dict[tuple[str, str], str] = {}
    for line in written().splitlines()[2:]:
        operation, _, faults, became, *_ = (part.strip() for part in line.split("|")[1:-1])
        for fault in faults.split(", "):
            assert (operation, fault) not in told, "once"
            told[operation, fault] = became
    assert told.keys() == {(name, f"`{fault.value}`") for name in names() for fault in FAULTS}
    assert [
        (name, fault) for name in names() for fault in FAULTS if not is_expected(name, fault, told[name, f"`{fault}`"])
    ] == []


@pytest.mark.slow
async def test_what_the_page_says_of_questions_is_what_happens(
    make_settings: Callable[..., Settings], pytestconfig: pytest.Config
) -> None:
    """No fault is hidden from who waits, and asked again when all is well everything is answered, once."""
    adapters = load_adapters()
    rows = [row for question in QUESTIONS for row in await ask(question, adapters)]
    played: dict[tuple[str, Fault], Row] = {}
    for hanging in (False, True):
        limits = {"call_deadline_seconds": CALL_SECONDS} if hanging else {}
        async with whole_hub(make_settings, adapters[PORTAL], configured=limits) as hub:
            for one in ROUNDS:
                for fault in FAULTS:
                    if (fault in HANGING) is hanging:
                        code = f"H99.12-261008-{len(played) + 1:04}"
                        played[one.operation, fault] = await go_round(hub, one, fault, code)
    rows += [played[one.operation, fault] for one in ROUNDS for fault in FAULTS]
    told = table(rows)
    if pytestconfig.getoption("--write-pages"):
        page = PAGE.read_text("utf-8")
        PAGE.write_text(page.replace(BEGIN + written() + END, BEGIN + told + END), "utf-8")
    assert written() == told
