"""What the API says about the personal e-document store."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from contracts.codes import DossierCode
from contracts.document_store import PaperQuery, SignatureState
from contracts.lookups import Actor
from contracts.text import Model


class StoreQuestion(Model):
    """A question for the papers of the owner of a dossier."""

    actor: Actor
    dossier_code: DossierCode
    """The dossier the papers are needed for."""
    query: PaperQuery


class FileQuestion(Model):
    """A question for one file that a query found."""

    actor: Actor
    dossier_code: DossierCode
    """The dossier of the query."""
    lookup_id: str
    """The query that found it."""
    file: int
    """Its number in the answer."""


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FoundFile(View):
    """A file of a paper."""

    file: int
    """Its number, with which it is fetched."""
    name: str
    """Its name for people; never a path."""


class FoundPaper(View):
    """A paper the store holds."""

    catalogue_code: str
    name: str
    paper_number: str
    owner_agency: str
    files: tuple[FoundFile, ...]


class StoreAnswer(View):
    """What the store gave to this officer."""

    lookup_id: str
    """The record of this query, and its subject in the ledger."""
    papers: tuple[FoundPaper, ...]
    signature: SignatureState
    """Whether the store's signature was checked; an unchecked one proves nothing."""
    files_until: datetime
    """Until when the files may be fetched."""


class PaperReceipt(View):
    """The answer to a result paper: it is durable, and this carries it."""

    dossier_code: str
    paper_id: str
    revision: int
    created: bool
    unchanged: bool = False
    """The same paper was already there; nothing is sent."""
    exchange_id: str | None = None
