"""What a selection is narrowed to, and the same as conditions of a query."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from contracts.codes import AgencyCode, DossierCode
from contracts.text import Model, require_plausible
from hub.access.agencies import patterns
from hub.exchanges.views import ATTENTION_STATES, ExchangeState

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Moment = Annotated[AwareDatetime, AfterValidator(require_plausible)]


class ErrorKind(StrEnum):
    """How the last attempt of an exchange ended, as its record says."""

    REFUSED = "refused"
    MALFORMED = "malformed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    CANNOT_TELL = "cannot_tell"
    TRY_LATER = "try_later"
    NEEDS_PERSON = "needs_person"
    UNSUPPORTED = "unsupported"
    WORKER_LOST = "worker_lost"


ENDED_BADLY = (ExchangeState.REFUSED, ExchangeState.QUARANTINED, ExchangeState.GIVEN_UP, ExchangeState.UNKNOWN)
"""The states selected where none are named."""

ARRIVED = frozenset({ExchangeState.DELIVERED, ExchangeState.SUPERSEDED})
"""States that no selection may name: nothing can be done to these."""


class ExchangeSelection(Model):
    """Which exchanges; everything given must hold."""

    connection: Annotated[_Name | None, Field(description="Of this connection.")] = None
    states: Annotated[
        tuple[ExchangeState, ...],
        Field(strict=False, min_length=1, max_length=8, description="In one of these states."),
    ] = ENDED_BADLY
    operation: Annotated[_Name | None, Field(description="Of this operation.")] = None
    subject: Annotated[DossierCode | None, Field(description="About this dossier.")] = None
    agency: Annotated[AgencyCode | None, Field(description="About dossiers of this agency and all below it.")] = None
    accepted_since: Annotated[_Moment | None, Field(description="Accepted at or after this moment.")] = None
    accepted_until: Annotated[_Moment | None, Field(description="Accepted before this moment.")] = None
    ended_since: Annotated[_Moment | None, Field(description="Ended at or after this moment.")] = None
    ended_until: Annotated[_Moment | None, Field(description="Ended before this moment.")] = None
    upstream_code: Annotated[
        str | None, StringConstraints(min_length=1, max_length=100), Field(description="With this code of theirs.")
    ] = None
    error_kind: Annotated[ErrorKind | None, Field(description="Whose last attempt ended so.")] = None


def conditions(wanted: ExchangeSelection, agencies: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """Return the condition on ``e`` (exchanges) with its values.

    ``agencies`` confine the selection further; none: all agencies.
    """
    states = [one.value for one in wanted.states]
    parts = [
        "e.attention = ANY(%(states)s)"
        if ATTENTION_STATES.issuperset(wanted.states)
        else "(e.attention = ANY(%(states)s) OR (e.ended_at IS NULL AND e.state = ANY(%(states)s)))"
    ]
    values: dict[str, Any] = {"states": states}

    def add(condition: str, name: str, value: str | datetime | list[str] | None) -> None:
        if value is not None:
            parts.append(condition)
            values[name] = value

    add("e.connection = %(connection)s", "connection", wanted.connection)
    add("e.operation = %(operation)s", "operation", wanted.operation)
    add("e.subject = %(subject)s", "subject", wanted.subject)
    add("e.subject LIKE ANY(%(agency)s)", "agency", None if wanted.agency is None else _of_dossiers([wanted.agency]))
    add("e.subject LIKE ANY(%(confined)s)", "confined", _of_dossiers(agencies) or None)
    add("e.accepted_at >= %(accepted_since)s", "accepted_since", wanted.accepted_since)
    add("e.accepted_at < %(accepted_until)s", "accepted_until", wanted.accepted_until)
    add("e.ended_at >= %(ended_since)s", "ended_since", wanted.ended_since)
    add("e.ended_at < %(ended_until)s", "ended_until", wanted.ended_until)
    add("e.upstream_code = %(upstream_code)s", "upstream_code", wanted.upstream_code)
    add(
        "EXISTS (SELECT 1 FROM attempts a WHERE a.exchange_id = e.id AND a.number = e.attempts"
        " AND a.outcome = %(error_kind)s)",
        "error_kind",
        wanted.error_kind.value if wanted.error_kind else None,
    )
    return " AND ".join(parts), values


def _of_dossiers(agencies: Iterable[str]) -> list[str]:
    """Return what dossier codes of agencies and of all below them look like."""
    return [f"{one}-%" for one in patterns(agencies)]
