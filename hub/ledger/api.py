"""The API of evidence: checkpoints, consistency, and the proofs of one exchange.

Reading the evidence of an exchange is itself recorded. Reading checkpoints and proofs of consistency is not: they
tell nothing of anybody, monitors ask for them all the time, and each record would make the next checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.types import ASGIApp

from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.ledger.views import CheckpointView, ConsistencyView, EvidenceView
from hub.web.answers import Answer
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "evidence"

_Size = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]


class ConsistencyQuery(BaseModel):
    """Two sizes of the log."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    old: Annotated[_Size, Field(alias="from", description="Leaves of the older tree, at least 1.")]
    new: Annotated[
        _Size | None, Field(alias="to", description="Leaves of the newer tree; the newest if not given.")
    ] = None


class EvidenceQuery(BaseModel):
    """Which checkpoint the proofs lead to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Annotated[_Size | None, Field(description="Leaves of a checkpoint; the newest if not given.")] = None


CONSISTENCY_QUERY: TypeAdapter[ConsistencyQuery] = TypeAdapter(ConsistencyQuery)
EVIDENCE_QUERY: TypeAdapter[EvidenceQuery] = TypeAdapter(EvidenceQuery)
CHECKPOINT = TypeAdapter(CheckpointView)
CONSISTENCY = TypeAdapter(ConsistencyView)
EVIDENCE = TypeAdapter(EvidenceView)


class Ledger(Protocol):
    """What reads the ledger; `hub.ledger.service.LedgerService` in production."""

    async def checkpoint(self) -> CheckpointView:
        """Return the newest checkpoint."""
        ...

    async def consistency(self, old: int, new: int | None) -> ConsistencyView:
        """Prove that one tree is the beginning of another."""
        ...

    async def evidence(self, subject: str, *, actor: str, size: int | None = None, indented: bool = False) -> bytes:
        """Return the evidence of an exchange as a document."""
        ...


class LedgerApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, ledger: Ledger) -> None:
        """``ledger`` answers."""
        self._ledger = ledger

    async def checkpoint(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /v1/ledger/checkpoint``."""
        return Answer(200, CHECKPOINT.dump_json(await self._ledger.checkpoint()))

    async def consistency(self, call: Call) -> ASGIApp:
        """``GET /v1/ledger/consistency``."""
        query = read_query(CONSISTENCY_QUERY, call.scope["query_string"])
        return Answer(200, CONSISTENCY.dump_json(await self._ledger.consistency(query.old, query.new)))

    async def evidence(self, call: Call) -> ASGIApp:
        """``GET /v1/evidence/{exchange_id}``."""
        query = read_query(EVIDENCE_QUERY, call.scope["query_string"])
        call.begin_work()
        made = await self._ledger.evidence(call.path["exchange_id"], actor=call.principal.client_id, size=query.size)
        return Answer(200, made)


def resources(api: LedgerApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of evidence."""
    size = {"type": "integer", "minimum": 0}
    return (
        Resource(
            "/v1/ledger/checkpoint",
            (
                Operation(
                    method="GET",
                    handler=api.checkpoint,
                    access=Scope.LEDGER_READ,
                    name="get_checkpoint",
                    summary="Read the newest signed state of the ledger",
                    description="A C2SP checkpoint: keep it, and nobody can change what it covers unnoticed.",
                    tag=TAG,
                    successes=(Success(200, "The checkpoint.", CHECKPOINT),),
                    refusals={404: "nothing_sealed"},
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/ledger/consistency",
            (
                Operation(
                    method="GET",
                    handler=api.consistency,
                    access=Scope.LEDGER_READ,
                    name="get_consistency",
                    summary="Prove that an earlier state of the ledger is the beginning of a later one",
                    description="RFC 9162, section 2.1.4: with two checkpoints it shows that nothing was changed.",
                    tag=TAG,
                    successes=(Success(200, "The proof.", CONSISTENCY),),
                    parameters=(
                        Parameter("from", "query", "Leaves of the older tree, at least 1.", size, required=True),
                        Parameter("to", "query", "Leaves of the newer tree; the newest if not given.", size),
                    ),
                    refusals={
                        400: "malformed_query, repeated_parameter",
                        404: "nothing_sealed",
                        409: "not_sealed_yet",
                        422: "sizes_out_of_order, or a parameter is invalid",
                    },
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/evidence/{exchange_id}",
            (
                Operation(
                    method="GET",
                    handler=api.evidence,
                    access=Scope.LEDGER_READ,
                    name="get_evidence",
                    summary="Read the evidence of one exchange",
                    description="What the ledger holds of it; `lienthong evidence verify` checks the proofs offline."
                    " That it was read is recorded in the ledger. The id of an inbox event is answered too.",
                    tag=TAG,
                    successes=(Success(200, "The evidence; keep it to the byte.", EVIDENCE),),
                    parameters=(
                        Parameter("exchange_id", "path", "The id.", {"type": "string"}, required=True),
                        Parameter(
                            "size", "query", "Leaves of a checkpoint that the proofs shall lead to; the newest.", size
                        ),
                    ),
                    refusals={
                        400: "malformed_query, repeated_parameter",
                        404: "exchange_not_found, checkpoint_not_found",
                        409: "not_ended_yet, not_sealed_yet",
                        422: "a parameter is invalid",
                    },
                ),
            ),
            guard,
        ),
    )
