"""What callers say about cases: bodies and queries of the API."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.codes import AgencyCode
from contracts.lookups import Actor
from contracts.text import Code, Model, Paragraph
from hub.cases.states import CaseState
from hub.watch.records import Verdict

LookupId = Annotated[UUID, Field(strict=False)]


class ByPerson(Model):
    """The person for whom the client acts."""

    person: Code
    """Login name of the person who acts; the client has authenticated them."""


class Reasoned(ByPerson):
    """An act with its reason."""

    reason: Paragraph
    """For the history of the case; sealed, and only its digest goes to the ledger."""


class CaseNoteRequest(ByPerson):
    """Something to write down."""

    text: Paragraph
    """Sealed; shown in the history of the case."""


class AskRequest(ByPerson):
    """A question to the officer."""

    question: Paragraph
    """What the officer is asked, in the reviewer's words."""
    lookup_ids: Annotated[tuple[LookupId, ...], Field(min_length=1, max_length=100)]
    """Look-ups of the case that are to be explained."""


class VerdictRequest(Reasoned):
    """A verdict with its reason."""

    verdict: Annotated[Verdict, Field(strict=False)]


class SuppressRequest(Reasoned):
    """For how long a case is put aside, and why."""

    days: Annotated[int, Field(ge=1, le=366)]


class LockAccountRequest(Reasoned):
    """Why the account is locked, and by which document."""

    document_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """Number of the document that orders it."""


class ExplanationRequest(Model):
    """What the officer says, or the supervisor where one is asked."""

    actor: Actor
    text: Paragraph
    """Sealed; shown to whoever asked."""
    justified: bool | None = None
    """Where a supervisor is asked: whether the look-ups are justified. Otherwise left out."""


class Query(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")] = 50


class CaseQuery(Query):
    """Which cases a list shows."""

    state: Annotated[CaseState | None, Field(description="Only in this state.")] = None
    verdict: Annotated[Verdict | None, Field(description="Only with this verdict.")] = None
    unit_code: Annotated[AgencyCode | None, Field(description="Only of this unit and those below it.")] = None
    rule: Annotated[
        str | None, StringConstraints(max_length=64, pattern=r"^[a-z_]+$"), Field(description="Only with this rule.")
    ] = None
    account_id: Annotated[Code | None, Field(description="Only of this account.")] = None
    taken_person: Annotated[Code | None, Field(description="Only those this person has taken.")] = None


class NumbersQuery(BaseModel):
    """Who reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Annotated[Code, Field(description="Login name of the person who reads.")]


class QuestionQuery(Query):
    """Which requests a list shows."""

    account_id: Annotated[Code | None, Field(description="Only about this account.")] = None
    closed: Annotated[bool, Field(description="Also those answered or not waited for any more.")] = False
