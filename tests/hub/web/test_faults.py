"""The table of faults covers everything that can be raised, and its sentences give nothing away."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic_core import core_schema
from pydantic_core._pydantic_core import list_all_errors

import contracts
from hub.web.faults import FAULTS, Fault

BUILT_IN = set(get_args(core_schema.ErrorType))
FILLED_BY_PYDANTIC = {one["type"]: set(one["example_context"] or ()) for one in list_all_errors()}

QUOTES_THE_INPUT = {"tag", "error", "attribute", "encoding_error", "actual_length", "tz_actual"}
"""What pydantic puts into the context of an error that comes from, or counts, the value that was sent."""


def _raised_by_contracts() -> dict[str, set[str]]:
    """Return every error type our contracts raise, with the names in its context."""
    found: dict[str, set[str]] = {}
    for path in Path(contracts.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PydanticCustomError":
                kind = node.args[0]
                assert isinstance(kind, ast.Constant), f"{path}:{node.lineno}: the type must be a plain text"
                context = node.args[2] if len(node.args) > 2 else None
                names = {key.value for key in context.keys} if isinstance(context, ast.Dict) else set()  # type: ignore[union-attr]
                found.setdefault(str(kind.value), set()).update(str(name) for name in names)
    return found


OURS = _raised_by_contracts()


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_error_of_the_installed_pydantic_has_a_sentence() -> None:
    """A newer pydantic that brings a new type of error makes this fail, and not an integrator wonder."""
    assert BUILT_IN - set(FAULTS) == set()


def test_every_error_of_our_contracts_has_a_sentence() -> None:
    """A check that is added to the contracts gets its sentences in both languages."""
    assert {"personal_number", "not_nfc", "dates_out_of_order"} <= set(OURS)
    assert set(OURS) - set(FAULTS) == set()


def test_there_is_no_sentence_for_what_nobody_raises() -> None:
    """The table holds no leftovers."""
    assert set(FAULTS) - BUILT_IN - set(OURS) == set()


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_sentences_are_complete_and_safe(kind: str) -> None:
    """Both languages say the same limits, and neither can quote what was sent."""
    fault: Fault = FAULTS[kind]
    available = FILLED_BY_PYDANTIC.get(kind, set()) | OURS.get(kind, set())
    assert fault.en.strip()
    assert fault.vi.strip()
    assert fault.en != fault.vi
    assert not fault.vi.isascii(), "Vietnamese is written with its diacritics"
    assert fault.code.replace("_", "").isalnum()
    assert fault.code == fault.code.lower()
    assert _placeholders(fault.en) == _placeholders(fault.vi)
    assert _placeholders(fault.en) <= available
    assert not _placeholders(fault.en) & QUOTES_THE_INPUT


def test_every_template_can_be_filled() -> None:
    """No sentence holds a brace that Python would take for a name."""
    limits: dict[str, Any] = {name: "7" for names in (*FILLED_BY_PYDANTIC.values(), *OURS.values()) for name in names}
    for fault in FAULTS.values():
        assert fault.en.format_map(limits)
        assert fault.vi.format_map(limits)
