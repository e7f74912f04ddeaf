"""The fault matrix is played, and docs/reliability.md tells what came of it.

``pytest tests/hub/exchanges/test_fault_matrix.py --write-pages`` writes the table anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.conformance import Fault
from hub.registry import load_adapters
from hub.settings import Settings
from tests.hub.exchanges.fault_matrix import CALL_SECONDS, OPERATIONS, TRIGGER, Cell, Row, cells, play, table
from tests.hub.whole import whole_hub

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
BEGIN, END = "<!-- the fault matrix, written by its test -->\n", "\n<!-- end of the fault matrix -->"


def written() -> str:
    """Return the table of the page."""
    return PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def test_every_fault_stands_on_the_page_for_every_operation() -> None:
    """The page is whole: each operation with each fault, and each variant of it."""
    rows = [tuple(part.strip(" `") for part in line.split("|")[1:4]) for line in written().splitlines()[2:]]
    acted = {True: "yes", False: "no", None: "–"}
    expected = [(one.operation.name, one.fault.value, acted[one.after]) for one in all_cells()]
    assert rows == expected
    assert {(operation.name, fault.value) for operation in OPERATIONS for fault in Fault} - {
        row[:2] for row in rows
    } == {(operation.name, "duplicate_answer") for operation in OPERATIONS[1:]}, "only a create can be there already"


@pytest.mark.slow
async def test_what_the_matrix_says_is_what_happens(
    make_settings: Callable[..., Settings], pytestconfig: pytest.Config
) -> None:
    """Nothing is lost or doubled in any cell, nobody has to act, and the page tells it as it was."""
    adapters = load_adapters()
    found: dict[Cell, Row] = {}
    trigger = TRIGGER
    for name in sorted({operation.adapter for operation in OPERATIONS}):
        for hanging in (False, True):
            limits = {"call_deadline_seconds": CALL_SECONDS} if hanging else {}
            async with whole_hub(make_settings, adapters[name], configured=limits) as hub:
                await hub.execute(trigger)
                trigger = "SELECT 1"  # it is one database
                for cell in cells(hanging=hanging, adapter=name):
                    found[cell] = await play(hub, cell, f"H99.12-261008-{len(found) + 1:04}")
    told = table(found[cell] for cell in all_cells())
    if pytestconfig.getoption("--write-pages"):
        page = PAGE.read_text("utf-8")
        PAGE.write_text(page.replace(BEGIN + written() + END, BEGIN + told + END), "utf-8")
    assert written() == told


def all_cells() -> list[Cell]:
    """Return all cells in the order of the page: by operation, then by fault."""
    order = [(operation, fault) for operation in OPERATIONS for fault in Fault]
    return sorted(cells(), key=lambda one: (order.index((one.operation, one.fault)), bool(one.after)))
