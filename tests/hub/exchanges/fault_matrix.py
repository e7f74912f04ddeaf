"""Each fault on each operation, before and after the partner acted: what became of the exchange, from a real run.

The hub, a worker and the played partner are whole; only the faults are made. One cell is one dossier, question, rating
or paper: the fault is wished for as often as it takes to make one attempt of the hub fail, then everything goes well
again. A trigger of the test's database writes down every state an exchange passes through, so nothing depends on when
somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from contracts.conformance import Fault
from contracts.conformance.faults import EXPECTED, HANGING, OF_AN_ANSWER
from tests.hub.exchanges.fault_operations import OPERATIONS, Operation
from tests.hub.whole import WholeHub

CLOSED_SECONDS = 3.0
"""So long that an attempt finds nobody listening even on a machine that stands still for a moment."""

CALL_SECONDS = 1.0
"""Time limit of one call in the cells whose fault hangs."""

TRIGGER = """
CREATE TABLE passed (number bigint GENERATED ALWAYS AS IDENTITY, exchange_id uuid, state text);
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO passed (exchange_id, state) VALUES (NEW.id, NEW.state); RETURN NEW; END';
CREATE TRIGGER pass AFTER UPDATE OF state ON exchanges FOR EACH ROW EXECUTE FUNCTION pass();
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault on one operation."""

    operation: Operation
    fault: Fault
    after: bool | None
    """Whether the partner had acted; ``None`` where there is nothing to act upon."""

    def wish(self) -> dict[str, Any]:
        """Return the body of ``POST /faults``."""
        if self.fault is Fault.REFUSE:
            # Nobody listens, for a while: the one fault that cannot be aimed at a single call.
            return {"kind": "refuse", "duration_seconds": CLOSED_SECONDS}
        retried = not self.operation.is_write and self.fault in EXPECTED and self.fault not in _NOT_ASKED_AGAIN
        times = self.operation.asked_times if retried else 1
        wish = {"kind": self.fault.value, "operation": self.operation.call, "count": times}
        return wish | ({"when": "after"} if self.after and self.fault in OF_AN_ANSWER else {})


_NOT_ASKED_AGAIN = frozenset({Fault.HTML_200, Fault.WRONG_TYPE})
"""An answer that breaks the contract is heard of at once."""


def cells(*, hanging: bool | None = None, adapter: str | None = None) -> list[Cell]:
    """Return the cells of the matrix; if asked, only those whose fault hangs or does not, of one adapter."""
    return [
        Cell(operation, fault, after)
        for operation in OPERATIONS
        for fault in Fault
        if adapter in {None, operation.adapter}
        and hanging in {None, fault in HANGING}
        and not (fault is Fault.DUPLICATE_ANSWER and operation is not OPERATIONS[0])
        for after in _variants(operation, fault)
    ]


def _variants(operation: Operation, fault: Fault) -> Sequence[bool | None]:
    if not operation.is_write:
        return [None]
    if fault not in EXPECTED:
        return [fault is Fault.EXTRA_FIELD]
    return sorted(EXPECTED[fault].acted)


@dataclass(frozen=True, slots=True)
class Row:
    """What the run told of a cell."""

    operation: str
    fault: str
    acted: str
    states: str
    attempts: str
    arrived: str


async def play(hub: WholeHub, cell: Cell, code: str) -> Row:
    """Play one cell to its end; ``code`` is used by no other."""
    await cell.operation.prepare(hub, code)
    status, answer = await hub.control("POST", "/faults", cell.wish())
    assert status == 201, answer
    await cell.operation.act(hub, code)
    await hub.until(hub.settled)
    _, left = await hub.control("GET", "/faults")
    assert cell.fault is Fault.REFUSE or left == [], f"{cell} met no fault"
    await hub.control("DELETE", "/faults")
    ((exchange, ended),) = await hub.rows(
        "SELECT id, state FROM exchanges WHERE operation = %s ORDER BY position DESC LIMIT 1", cell.operation.exchange
    )
    states = await hub.rows("SELECT state FROM passed WHERE exchange_id = %s ORDER BY number", exchange)
    attempts = await hub.rows("SELECT outcome FROM attempts WHERE exchange_id = %s ORDER BY number", exchange)
    assert ended == "delivered", (cell, states)
    return Row(
        operation=cell.operation.name,
        fault=cell.fault.value,
        acted={True: "yes", False: "no", None: "–"}[cell.after],
        states=_in_turn(state for (state,) in states if state != "sending"),
        attempts=_in_turn(outcome for (outcome,) in attempts),
        arrived=await cell.operation.arrived(hub, code),
    )


def _in_turn(names: Iterable[str]) -> str:
    """Join names by arrows; how often one repeats itself is chance, and left out."""
    return " → ".join(name for name, _ in groupby(names))


def table(rows: Iterable[Row]) -> str:
    """Return the matrix as Markdown."""
    lines = ["| operation | fault | the partner had acted | states | attempts | at the partner in the end |"]
    lines.append("|---|---|---|---|---|---|")
    lines += [
        f"| {one.operation} | `{one.fault}` | {one.acted} | {one.states} | {one.attempts} | {one.arrived} |"
        for one in rows
    ]
    return "\n".join(lines)
