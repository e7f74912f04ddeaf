"""Each fault on each operation, before and after the partner acted: what became of the exchange, from a real run.

The hub, a worker and the played portal are whole; only the faults are made. One cell is one dossier: the fault is
wished for as often as it takes to make one attempt of the hub fail, then everything goes well again. A trigger of the
test's database writes down every state an exchange passes through, so nothing depends on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from contracts.conformance import Fault
from contracts.conformance.faults import EXPECTED, HANGING, OF_AN_ANSWER
from tests.hub.exchanges.conftest import step
from tests.hub.whole import WholeHub

QUICK_REPEATS = 3
"""A question is asked so often within one attempt before the hub hears of it."""

CLOSED_SECONDS = 0.3
CALL_SECONDS = 0.5
"""Time limit of one call in the cells whose fault hangs."""

TRIGGER = """
CREATE TABLE passed (number bigint GENERATED ALWAYS AS IDENTITY, exchange_id uuid, state text);
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO passed (exchange_id, state) VALUES (NEW.id, NEW.state); RETURN NEW; END';
CREATE TRIGGER pass AFTER UPDATE OF state ON exchanges FOR EACH ROW EXECUTE FUNCTION pass();
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row group of the matrix."""

    name: str
    call: str
    """On the wire: what the fault is aimed at."""
    is_write: bool
    exchange: str
    """The operation of the exchange that is watched."""
    prepare: Callable[[WholeHub, str], Awaitable[Any]]
    act: Callable[[WholeHub, str], Awaitable[Any]]


async def _nothing(_hub: WholeHub, _code: str) -> None:
    pass


async def _declared(hub: WholeHub, code: str) -> None:
    await hub.put(code)
    await hub.until(hub.settled)


async def _step_lost(hub: WholeHub, code: str) -> None:
    """The answer to the step is lost as well, so that the hub must ask."""
    await hub.control("POST", "/faults", {"kind": "reset_after", "operation": "CapNhatTienDoHoSoMC", "count": 1})
    await hub.record(code, step(content="Bước một"))


OPERATIONS = (
    Operation(
        "push_dossier, a create",
        "DongBoHoSoMC",
        is_write=True,
        exchange="push_dossier",
        prepare=_nothing,
        act=lambda hub, code: hub.put(code),
    ),
    Operation(
        "push_dossier, an update",
        "DongBoHoSoMC",
        is_write=True,
        exchange="push_dossier",
        prepare=_declared,
        act=lambda hub, code: hub.put(code, summary="Trích yếu mới"),
    ),
    Operation(
        "push_step",
        "CapNhatTienDoHoSoMC",
        is_write=True,
        exchange="push_step",
        prepare=_declared,
        act=lambda hub, code: hub.record(code, step(content="Bước một")),
    ),
    Operation(
        "find_dossier, before a create",
        "TraCuuHoSo",
        is_write=False,
        exchange="push_dossier",
        prepare=_nothing,
        act=lambda hub, code: hub.put(code),
    ),
    Operation(
        "find_dossier, to settle a step",
        "TraCuuHoSo",
        is_write=False,
        exchange="push_step",
        prepare=_declared,
        act=_step_lost,
    ),
)


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
        wish = {"kind": self.fault.value, "operation": self.operation.call, "count": QUICK_REPEATS if retried else 1}
        return wish | ({"when": "after"} if self.after and self.fault in OF_AN_ANSWER else {})


_NOT_ASKED_AGAIN = frozenset({Fault.HTML_200, Fault.WRONG_TYPE})
"""An answer that breaks the contract is heard of at once."""


def cells(*, hanging: bool) -> list[Cell]:
    """Return the cells of the matrix, those whose fault ends by our own time limit or the others."""
    return [
        Cell(operation, fault, after)
        for operation in OPERATIONS
        for fault in Fault
        if (fault in HANGING) is hanging and not (fault is Fault.DUPLICATE_ANSWER and operation is not OPERATIONS[0])
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
    """Play one cell to its end."""
    await cell.operation.prepare(hub, code)
    status, answer = await hub.control("POST", "/faults", cell.wish())
    assert status == 201, answer
    await cell.operation.act(hub, code)
    await hub.until(hub.settled)
    _, left = await hub.control("GET", "/faults")
    assert cell.fault is Fault.REFUSE or left == [], f"{cell} met no fault"
    await hub.control("DELETE", "/faults")
    ((exchange, ended),) = await hub.rows(
        "SELECT id, state FROM exchanges WHERE subject = %s AND operation = %s ORDER BY position DESC LIMIT 1",
        code,
        cell.operation.exchange,
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
        arrived=await _arrived(hub, cell, code),
    )


async def _arrived(hub: WholeHub, cell: Cell, code: str) -> str:
    _, held = await hub.control("GET", f"/dossiers/{code}")
    assert held["creates"] == 1, cell
    if cell.operation.exchange == "push_step":
        assert (held["steps"], held["repeated_steps"]) == (1, 0), cell
        return "the step, once"
    if cell.operation is OPERATIONS[1]:
        assert held["dossier"]["TrichYeuHoSo"] == "Trích yếu mới", cell
        return "the newest revision"
    return "created once"


def _in_turn(names: Iterable[str]) -> str:
    """Join names by arrows; how often one repeats itself is chance, and left out."""
    return " → ".join(name for name, _ in groupby(names))


def table(rows: Iterable[Row]) -> str:
    """Return the matrix as Markdown."""
    lines = ["| operation | fault | the portal had acted | states | attempts | at the portal in the end |"]
    lines.append("|---|---|---|---|---|---|")
    lines += [
        f"| {one.operation} | `{one.fault}` | {one.acted} | {one.states} | {one.attempts} | {one.arrived} |"
        for one in rows
    ]
    return "\n".join(lines)
