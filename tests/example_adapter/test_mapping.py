"""The example's translation: what is sent and what is not, the limit, the states; and that it is pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from contracts.conformance import examples
from contracts.dossier import DossierFacts
from contracts.errors import Unsupported
from contracts.states import STATES


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


def test_every_field_is_sent_or_left_out_with_a_reason() -> None:
    """A canonical field that is added must be decided upon."""
    from so_mau import mapping  # noqa: PLC0415 - installed by the fixture

    assert set(DossierFacts.model_fields) == mapping.SENT | mapping.LEFT_OUT.keys()
    assert not mapping.SENT & mapping.LEFT_OUT.keys()


def test_a_dossier_and_a_step_in_the_words_of_the_register() -> None:
    """Every field of the wire, from a dossier with a value in every field."""
    from so_mau import mapping  # noqa: PLC0415

    sent = mapping.dossier_to_wire(examples.dossier())
    assert all(sent.model_dump().values())
    assert (sent.ma, sent.trangThai, sent.ngayNop) == (examples.CODE, 2, "2026-10-08T08:15:00")
    step = mapping.step_to_wire(examples.step(3))
    assert (step.so, step.luc) == (3, "2026-10-09T09:03:00")
    assert mapping.fingerprint(step) != mapping.fingerprint(mapping.step_to_wire(examples.step(4)))


def test_a_summary_that_is_too_long_is_refused() -> None:
    """Exactly the limit passes; one more is refused before anything is sent, and nothing is cut."""
    from so_mau import mapping  # noqa: PLC0415

    limit = mapping.LONGEST_SUMMARY
    assert mapping.dossier_to_wire(examples.dossier(summary="a" * limit)).trichYeu == "a" * limit
    with pytest.raises(Unsupported) as refused:
        mapping.dossier_to_wire(examples.dossier(summary="a" * (limit + 1)))
    assert refused.value.field == "facts.summary"


def test_every_state_has_its_number() -> None:
    """There and back; a number that is none is no state."""
    from so_mau import mapping  # noqa: PLC0415

    assert [mapping.state_from_wire(state.number) for state in STATES] == list(STATES)
    assert mapping.state_from_wire(0) is mapping.state_from_wire(11) is None


def test_the_mapping_imports_nothing_that_talks(installed: Path) -> None:
    """Translation is pure: no network, no clock, no file."""
    roots = {name.split(".")[0] for name in imports_of(installed / "mapping.py")}
    assert roots == {"__future__", "contracts", "datetime", "hashlib", "orjson", "so_mau"}


def test_the_simulator_shares_no_message_with_the_client(installed: Path) -> None:
    """It is written from the description of the register, not from what our client happens to send."""
    ours = {name for name in imports_of(installed / "simulator.py") if name.startswith("so_mau.")}
    assert ours == {"so_mau.settings.RegisterSettings"}


def test_a_third_party_needs_nothing_of_the_hub(installed: Path) -> None:
    """The language and the shared wires are enough."""
    for path in installed.glob("*.py"):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert "hub" not in roots
        assert not {name for name in imports_of(path) if name.startswith("adapters.") and "transport" not in name}
