"""The published JSON Schemas (draft 2020-12): made from the models, checked in, guarded against breaking change.

``contracts/schemas/*.schema.json`` is what the models say today; ``contracts/schemas/published/v1/`` is what
users have been promised. The README beside this file says how a promise changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from contracts.accounts import AccountDeclaration, Decision, Measure, Roster, SecondmentRequest
from contracts.document_store import PaperQuery, ResultPaperEntry
from contracts.dossier import Dossier, DossierFacts
from contracts.events import (
    CancellationEntry,
    ResultEntry,
    StepEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.inbox import BODIES
from contracts.lookups import (
    BusinessAnswer,
    BusinessLookup,
    HouseholdAnswer,
    HouseholdLookup,
    PeopleAnswer,
    PeopleLookup,
    PeopleVerification,
    TechnicalIdQuestion,
    VerificationAnswer,
)
from contracts.questions import AnswerEntry
from contracts.ratings import RatingEntry
from contracts.schemas.compatibility import Break, Direction, find_breaks

VERSION = "1"
"""Major version of the published contract; grows only with a breaking change."""

DIRECTORY = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model that users write (input) or read (output)."""

    name: str
    model: type[BaseModel]
    direction: Direction
    version: str = VERSION
    """The major version this model belongs to; an older one stays as long as it is accepted or answered."""

    @property
    def file_name(self) -> str:
        """Name of the file of what the model says now; only older versions carry theirs in the name."""
        return f"{self.name}.schema.json" if self.version == VERSION else f"{self.name}.v{self.version}.schema.json"

    @property
    def promise(self) -> Path:
        """Path of the file of what users were promised, below the folder of the schemas."""
        return Path("published", f"v{self.version}", f"{self.name}.schema.json")

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the model as it is now; the caller's own, to change."""
        schema: dict[str, Any] = json.loads(self.text())
        return schema

    def text(self) -> str:
        """Return the contents of the schema's file."""
        return _text(self)


@cache
def _text(one: PublishedModel) -> str:
    mode: Literal["validation", "serialization"] = "validation" if one.direction == "input" else "serialization"
    body = one.model.model_json_schema(mode=mode)
    _require_tags(body)
    if one.direction == "output":
        _open_objects(body)
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:lienthong:schema:v{one.version}:{one.name}",
        "x-direction": one.direction,
        **body,
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


PUBLISHED: tuple[PublishedModel, ...] = (
    PublishedModel("dossier-facts", DossierFacts, "input"),
    PublishedModel("step", StepEntry, "input"),
    PublishedModel("supplement-request", SupplementRequestEntry, "input"),
    PublishedModel("supplement-receipt", SupplementReceiptEntry, "input"),
    PublishedModel("result", ResultEntry, "input"),
    PublishedModel("withdrawal", WithdrawalEntry, "input"),
    PublishedModel("cancellation", CancellationEntry, "input"),
    PublishedModel("question-answer", AnswerEntry, "input"),
    PublishedModel("rating", RatingEntry, "input"),
    PublishedModel("technical-id-question", TechnicalIdQuestion, "input"),
    PublishedModel("people-lookup", PeopleLookup, "input"),
    PublishedModel("household-lookup", HouseholdLookup, "input"),
    PublishedModel("people-verification", PeopleVerification, "input"),
    PublishedModel("business-lookup", BusinessLookup, "input"),
    PublishedModel("people-answer", PeopleAnswer, "output"),
    PublishedModel("household-answer", HouseholdAnswer, "output"),
    PublishedModel("verification-answer", VerificationAnswer, "output"),
    PublishedModel("business-answer", BusinessAnswer, "output"),
    PublishedModel("paper-query", PaperQuery, "input"),
    PublishedModel("result-paper", ResultPaperEntry, "input"),
    PublishedModel("account", AccountDeclaration, "input"),
    PublishedModel("account-roster", Roster, "input"),
    PublishedModel("account-secondment", SecondmentRequest, "input"),
    PublishedModel("account-decision", Decision, "input"),
    PublishedModel("account-measure", Measure, "input"),
    PublishedModel("dossier", Dossier, "output"),
    *(PublishedModel(f"inbox-{kind.name.lower().replace('_', '-')}", body, "output") for kind, body in BODIES.items()),
)
"""Everything whose form users rely on."""


def stale_files(root: Path = DIRECTORY) -> list[str]:
    """Return the names of schema files that do not say what the models say, missing and surplus ones too."""
    expected = {one.file_name: one.text() for one in PUBLISHED}
    found = {path.name: path.read_text("utf-8") for path in root.glob("*.schema.json")}
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def write_current(root: Path = DIRECTORY) -> None:
    """Write the schema of every model, and remove those of models no longer published."""
    for path in root.glob("*.schema.json"):
        path.unlink()
    for one in PUBLISHED:
        (root / one.file_name).write_text(one.text(), "utf-8")


def breaking_changes(root: Path = DIRECTORY) -> list[Break]:
    """Compare the models with the promises of all versions and return everything that breaks them."""
    known = {root / one.promise: one for one in PUBLISHED}
    breaks: list[Break] = []
    for path in sorted(root.glob("published/v*/*.schema.json")):
        one = known.get(path)
        if one is None:
            breaks.append(Break(f"{path.parent.name}/{path.name}", "schema removed", "no model stands behind it"))
            continue
        found = find_breaks(json.loads(path.read_text("utf-8")), one.schema(), one.direction)
        breaks.extend(Break(f"{one.name}{each.path.removeprefix('$')}", each.rule, each.detail) for each in found)
    return breaks


def publish(root: Path = DIRECTORY) -> None:
    """Make what the models say now the promise in force; a `ValueError` where that would break one."""
    if breaks := breaking_changes(root):
        raise ValueError("; ".join(map(str, breaks)))
    for one in PUBLISHED:
        path = root / one.promise
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text(), "utf-8")


def _require_tags(node: Any, root: dict[str, Any] | None = None) -> None:
    """Say that each form of a tagged union needs its tag.

    A tag has a default in Python, so pydantic calls it optional; in the union its absence is an error.
    """
    root = node if root is None else root
    if isinstance(node, dict):
        if "discriminator" in node:
            tag = node["discriminator"]["propertyName"]
            for reference in node["discriminator"]["mapping"].values():
                form = root["$defs"][reference.removeprefix("#/$defs/")]
                form["required"] = sorted({*form.get("required", ()), tag}, key=list(form["properties"]).index)
        for child in node.values():
            _require_tags(child, root)
    elif isinstance(node, list):
        for child in node:
            _require_tags(child, root)


def _open_objects(node: Any) -> None:
    """Let objects that users read gain fields: readers must ignore what they do not know."""
    if isinstance(node, dict):
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        for child in node.values():
            _open_objects(child)
    elif isinstance(node, list):
        for child in node:
            _open_objects(child)
