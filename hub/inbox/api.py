"""The API of the inbox: read what came in, fetch its files, acknowledge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.types import ASGIApp

from contracts.errors import Sentence
from contracts.inbox import InboxKind
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.inbox.reading import InboxService
from hub.inbox.views import Acknowledgement, InboxPage
from hub.settings import ApiSettings
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, fingerprint, once
from hub.web.ids import id_or
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.queries import read_query
from hub.web.resources import Call, Operation, Parameter, Resource, Success

TAG = "inbox"
MAX_PAGE = 500


class InboxQuery(BaseModel):
    """What of the inbox is wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Annotated[int, Field(ge=0, le=2**62, description="`next_after` of the page before; 0 from the start.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Most events of a page.")] = 100
    kind: Annotated[InboxKind | None, Field(description="Events of this kind only.")] = None
    unacknowledged: Annotated[bool, Field(description="Only what this client has not acknowledged.")] = False


class AcknowledgeRequest(BaseModel):
    """Nothing needs to be said to acknowledge; the body may also be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


QUERY: TypeAdapter[InboxQuery] = TypeAdapter(InboxQuery)
PAGE = TypeAdapter(InboxPage)
ACKNOWLEDGEMENT = TypeAdapter(Acknowledgement)
ACKNOWLEDGE: TypeAdapter[AcknowledgeRequest] = TypeAdapter(AcknowledgeRequest)

_NUMBER = re.compile(r"[0-9]{1,4}")

_NOT_FOUND = Sentence(
    "There is no such event for the agencies of this client.", "Không có sự kiện này cho các cơ quan được giao."
)


class InboxApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, inbox: InboxService, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by idempotency key."""
        self._inbox = inbox
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/inbox``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._inbox.page(
            client_id=call.principal.client_id,
            agencies=call.principal.agencies,
            after=query.after,
            limit=query.limit,
            kind=query.kind,
            open_only=query.unacknowledged,
        )
        return Answer(200, page)

    async def file(self, call: Call) -> ASGIApp:
        """``GET /v1/inbox/{id}/files/{number}``."""
        found = await self._inbox.file(
            _event_id(call),
            _number(call),
            agencies=call.principal.agencies,
        )
        headers = ((b"content-disposition", b"attachment"),)
        return Answer(200, found.content, headers, media_type=found.media_type.encode("ascii", "replace"))

    async def acknowledge(self, call: Call) -> ASGIApp:
        """``POST /v1/inbox/{id}/ack``."""
        key = idempotency_key(call.headers)
        body = await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()

        async def work() -> bytes:
            done = await self._inbox.acknowledge(
                _event_id(call),
                client_id=call.principal.client_id,
                agencies=call.principal.agencies,
                now=datetime.now(UTC),
            )
            return ACKNOWLEDGEMENT.dump_json(done)

        document, replayed = await once(self._store, claim, work)
        return Answer(200, document, ((b"idempotency-replayed", b"true"),) if replayed else ())


def _event_id(call: Call) -> UUID:
    return id_or(call.path["id"], lambda: Refusal(404, "inbox_event_not_found", _NOT_FOUND, field="id"))


def _number(call: Call) -> int:
    text = call.path["number"]
    # No event has a file 0: what is no number is answered like a number that does not exist.
    return int(text) if _NUMBER.fullmatch(text) else 0


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "Id of the event.", {"type": "string", "format": "uuid"}, required=True)


def resources(api: InboxApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the inbox."""
    return (
        Resource(
            "/v1/inbox",
            (
                Operation(
                    method="GET",
                    handler=api.page,
                    access=Scope.INBOX_READ,
                    name="read_inbox",
                    summary="Read what came in, oldest first",
                    description="Events of the client's agencies after a cursor. Keep `next_after` and ask again with"
                    " it: no event ever appears behind it. An acknowledged event stays readable.",
                    tag=TAG,
                    parameters=filters(QUERY),
                    successes=(Success(200, "The page.", PAGE),),
                    refusals={400: "malformed_query, repeated_parameter", 422: "a parameter is invalid"},
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/inbox/{id}/files/{number}",
            (
                Operation(
                    method="GET",
                    handler=api.file,
                    access=Scope.INBOX_READ,
                    name="get_inbox_file",
                    summary="Fetch a file that came with an event",
                    description="The bytes as they came. Scan them before anybody opens them.",
                    tag=TAG,
                    parameters=(
                        _ID,
                        Parameter(
                            "number", "path", "Place among the files of the event.", {"type": "integer"}, required=True
                        ),
                    ),
                    successes=(Success(200, "The file.", None, media_type="application/octet-stream"),),
                    refusals={404: "inbox_event_not_found, inbox_file_not_found"},
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/inbox/{id}/ack",
            (
                Operation(
                    method="POST",
                    handler=api.acknowledge,
                    access=Scope.INBOX_READ,
                    name="acknowledge_inbox_event",
                    summary="Acknowledge an event",
                    description="This client has taken over the event; repeating changes nothing, and other clients"
                    " have acknowledgements of their own.",
                    tag=TAG,
                    body=ACKNOWLEDGE,
                    body_required=False,
                    parameters=(_ID, IDEMPOTENCY_KEY),
                    successes=(
                        Success(
                            200, "When it was first acknowledged.", ACKNOWLEDGEMENT, headers=("Idempotency-Replayed",)
                        ),
                    ),
                    refusals={404: "inbox_event_not_found", 409: "idempotency_conflict"},
                ),
            ),
            guard,
        ),
    )
