"""What the API says about the catalogue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.catalogue import CatalogueAgency, CatalogueField, CatalogueProcedure, CatalogueService, EntryKind


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(StrEnum):
    """What a version did to an entry."""

    ADDED = "added"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


class FieldDifference(View):
    """One field that changed."""

    path: str
    """As in ``ways[0].times[0].duration``; empty for the entry as a whole."""
    before: Any
    after: Any


class EntryVersion(View):
    """What one version did to one entry."""

    version: int
    made_at: datetime
    change: Change
    fields: tuple[FieldDifference, ...]


class ProcedureSummary(View):
    """One line of the list of procedures."""

    root: str
    """``N.NNNNNN``; of a local code the code itself."""
    code: str
    name: str
    public: bool | None
    source: str
    version: int
    withdrawn_at: datetime | None


class ProcedurePage(View):
    """Procedures in the order of their roots."""

    items: tuple[ProcedureSummary, ...]
    next_cursor: str | None


class ProcedureView(View):
    """A procedure with everything that is published of it, and its history."""

    procedure: CatalogueProcedure
    source: str
    detailed: bool
    """Whether its details have been read; else only what the list says is here."""
    withdrawn_at: datetime | None
    history: tuple[EntryVersion, ...]
    """Newest first."""


class VersionSummary(View):
    """One synchronisation that changed something."""

    number: int
    source: str
    made_at: datetime
    added: int
    changed: int
    withdrawn: int


class SourceView(View):
    """How the copy of one connection's catalogue stands."""

    source: str
    version: int | None
    asked_at: datetime
    complete: bool
    unread: int
    """Lists and details that did not come the last time."""
    kept_back: int
    """Entries that vanished at once and are kept until a person says that it is true."""


class VersionPage(View):
    """Versions, newest first, and how each source stands."""

    items: tuple[VersionSummary, ...]
    next_cursor: str | None
    sources: tuple[SourceView, ...]


class EntryDifference(View):
    """What a version did to one entry."""

    kind: EntryKind
    key: str
    name: str
    change: Change
    fields: tuple[FieldDifference, ...]


class VersionView(View):
    """One version with its differences, a page of them at a time."""

    version: VersionSummary
    differences: tuple[EntryDifference, ...]
    next_cursor: str | None


class AgencyList(View):
    """Agencies as the portal lists them."""

    items: tuple[CatalogueAgency, ...]


class FieldList(View):
    """Fields of procedures."""

    items: tuple[CatalogueField, ...]


class ServiceList(View):
    """Public services."""

    items: tuple[CatalogueService, ...]
