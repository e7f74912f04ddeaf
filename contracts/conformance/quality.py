"""Maturity: what every adapter says of itself in ``quality.toml`` and in its README, and what counts as an answer."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

QUALITY_RULES: Mapping[str, str] = {
    "exports_adapter_only": "the package exports ADAPTER and nothing else",
    "strict_described_settings": "unknown keys are errors, every field is described, secrets are not repeated",
    "no_side_effects_when_built": "constructing a connection opens nothing and calls nobody",
    "repeat_class_declared": "each operation says how it may be repeated, and how long it may take",
    "mapping_is_pure": "translation does no input or output",
    "every_canonical_field_accounted_for": "each canonical field is sent, or said not to be, with its reason",
    "every_wire_field_tested": "each field of the wire is seen to be written or read",
    "limits_checked_before_sending": "a value that does not fit is refused before anything is sent",
    "total_value_tables": "a value list maps every canonical value; there is no default",
    "answers_classified_by_code_and_shape": "text of an answer is never searched",
    "drift_reported": "unknown fields of answers are counted",
    "session_shared_between_workers": "one expiry costs one login",
    "unknown_outcome_settled_by_asking": "what an unanswered write did can be found out",
    "every_fault_has_a_reaction": "each fault of the wire and of answers becomes one of the six errors",
    "deadline_bounds_the_operation": "login, questions and repeats included",
    "nothing_of_a_citizen_in_errors": "nor in logs, field names or representations",
    "simulator_independent_of_the_client": "the simulator is written from the facts and shares no message",
    "simulator_accepts_the_samples": "the samples of the facts pass it",
    "readme_complete": "system and legal basis, flows, set-up, failures, simulator, removal",
    "conformance_suite": "this suite runs, without a test left out by name",
}
"""The rules every adapter answers: ``done`` with its proof, ``todo`` or ``exempt`` with the reason."""

README_SECTIONS = (
    "System and legal basis",
    "What flows",
    "Set-up",
    "When it fails",
    "Simulator",
    "How to remove it",
)

_SHORTEST_REASON = 20
_OF_THE_SUITE = "conformance"


def unanswered(folder: Path, tests: Path, suites: Mapping[str, type]) -> Iterator[str]:
    """Yield what is wrong with ``quality.toml`` in ``folder``, one sentence each.

    A proof is ``file.py::test_name`` below ``tests``, or ``conformance::SuiteClass.test_name`` for a test that the
    adapter inherits; ``suites`` are those it inherits, by name.
    """
    path = folder / "quality.toml"
    if not path.is_file():
        yield "there is no quality.toml"
        return
    rules: dict[str, Any] = tomllib.loads(path.read_text("utf-8")).get("rules", {})
    for name in QUALITY_RULES:
        if name not in rules:
            yield f"{name} is not answered"
    for name, claim in rules.items():
        match claim:
            case {"status": "done", "proof": str(proof), **rest} if not rest:
                if not _proves(proof, tests, suites):
                    yield f"{name}: there is no test {proof} that asserts something"
            case {"status": "todo" | "exempt", "reason": str(reason), **rest} if not rest:
                if len(reason) < _SHORTEST_REASON:
                    yield f"{name}: its reason says too little"
            case _:
                yield f"{name}: done with a proof, or todo or exempt with a reason; nothing else"


def missing_sections(folder: Path, operations: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    """Yield the headings and the operations that ``README.md`` in ``folder`` does not have."""
    path = folder / "README.md"
    text = path.read_text("utf-8") if path.is_file() else ""
    for heading in README_SECTIONS:
        if f"\n## {heading}\n" not in text:
            yield f"## {heading}"
    for operation in operations:
        if f"`{operation}`" not in text:
            yield f"`{operation}`"


def _proves(proof: str, tests: Path, suites: Mapping[str, type]) -> bool:
    place, _, name = proof.partition("::")
    if place == _OF_THE_SUITE:
        suite, _, test = name.partition(".")
        return suite in suites and callable(getattr(suites[suite], test, None)) and test.startswith("test_")
    file = tests / place
    if not file.is_file() or not name.startswith("test_"):
        return False
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return any(_asserts(one) for one in ast.walk(node))
    return False


def _asserts(node: ast.AST) -> bool:
    is_raises = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "raises"
    is_helper = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("assert_")
    return isinstance(node, ast.Assert) or is_raises or is_helper
