"""The API of webhooks: a client manages its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.inbox import InboxKind
from contracts.text import Model, Moment
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.settings import ApiSettings
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, answered, fingerprint, once, remember
from hub.web.parameters import IDEMPOTENCY_KEY
from hub.web.resources import Call, Handler, Operation, Parameter, Resource, Success
from hub.web.validation import read_json
from hub.webhooks.endpoints import Endpoints, ReplayFilter
from hub.webhooks.views import Deliveries, Endpoint, EndpointList, NewEndpoint, Replayed

TAG = "webhooks"

# JSON has no word for an enum: the members are read from their values.
Kinds = Annotated[tuple[Annotated[InboxKind, Field(strict=False)], ...], Field(max_length=50)]


class WebhookRequest(Model):
    """An address for events."""

    url: Annotated[str, StringConstraints(min_length=8, max_length=500)]
    """Where messages are posted; its host must be on the list of the operator of the hub."""
    kinds: Kinds = ()
    """Events wanted; empty: all."""


class ReplayRequest(Model):
    """Which events to send again."""

    since: Moment
    until: Moment | None = None
    kinds: Kinds = ()
    """Of these kinds only; empty: all that the webhook wants."""
    failed_only: bool = False
    """Only what the receiver never took."""


class NothingToSay(Model):
    """The call says it all; the body may also be left out."""


WEBHOOK: TypeAdapter[WebhookRequest] = TypeAdapter(WebhookRequest)
REPLAY: TypeAdapter[ReplayRequest] = TypeAdapter(ReplayRequest)
NOTHING: TypeAdapter[NothingToSay] = TypeAdapter(NothingToSay)
LIST = TypeAdapter(EndpointList)
ENDPOINT = TypeAdapter(Endpoint)
NEW = TypeAdapter(NewEndpoint)
REPLAYED = TypeAdapter(Replayed)
DELIVERIES = TypeAdapter(Deliveries)


class WebhookApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(self, endpoints: Endpoints, store: Store, settings: ApiSettings) -> None:
        """``store`` keeps the answers by idempotency key."""
        self._endpoints = endpoints
        self._store = store
        self._max_bytes = settings.max_body_bytes
        self._timeout = settings.read_timeout_seconds

    async def list(self, call: Call) -> ASGIApp:
        """``GET /v1/webhooks``."""
        found = await self._endpoints.all(call.principal.client_id)
        return Answer(200, LIST.dump_json(EndpointList(webhooks=tuple(found))))

    async def get(self, call: Call) -> ASGIApp:
        """``GET /v1/webhooks/{id}``."""
        return Answer(200, ENDPOINT.dump_json(await self._endpoints.get(call.path["id"], call.principal.client_id)))

    async def deliveries(self, call: Call) -> ASGIApp:
        """``GET /v1/webhooks/{id}/deliveries``."""
        found = await self._endpoints.deliveries(call.path["id"], call.principal.client_id)
        return Answer(200, DELIVERIES.dump_json(found))

    async def add(self, call: Call) -> ASGIApp:
        """``POST /v1/webhooks``."""
        key = idempotency_key(call.headers)
        require_json(call.headers)
        body = await self._body(call)
        wanted = read_json(WEBHOOK, body)
        client = call.principal.client_id

        async def work() -> NewEndpoint:
            return await self._endpoints.add(
                client_id=client, url=wanted.url, kinds=wanted.kinds, actor=client, now=datetime.now(UTC)
            )

        return await self._once_shown(call, key, body, work, status=201)

    async def rotate(self, call: Call) -> ASGIApp:
        """``POST /v1/webhooks/{id}/rotate``."""
        key = idempotency_key(call.headers)
        body = await self._empty(call)
        client = call.principal.client_id

        async def work() -> NewEndpoint:
            return await self._endpoints.rotate(call.path["id"], client, actor=client, now=datetime.now(UTC))

        return await self._once_shown(call, key, body, work, status=200)

    async def disable(self, call: Call) -> ASGIApp:
        """``POST /v1/webhooks/{id}/disable``."""
        key = idempotency_key(call.headers)
        body = await self._empty(call)
        client = call.principal.client_id

        async def work() -> bytes:
            return ENDPOINT.dump_json(
                await self._endpoints.disable(call.path["id"], client, actor=client, now=datetime.now(UTC))
            )

        return await self._once(call, key, body, work)

    async def enable(self, call: Call) -> ASGIApp:
        """``POST /v1/webhooks/{id}/enable``."""
        key = idempotency_key(call.headers)
        body = await self._empty(call)
        client = call.principal.client_id

        async def work() -> bytes:
            return ENDPOINT.dump_json(
                await self._endpoints.enable(call.path["id"], client, actor=client, now=datetime.now(UTC))
            )

        return await self._once(call, key, body, work)

    async def replay(self, call: Call) -> ASGIApp:
        """``POST /v1/webhooks/{id}/replay``."""
        key = idempotency_key(call.headers)
        require_json(call.headers)
        body = await self._body(call)
        wanted = read_json(REPLAY, body)
        client = call.principal.client_id
        chosen = ReplayFilter(wanted.since, wanted.until, wanted.kinds, wanted.failed_only)

        async def work() -> bytes:
            return REPLAYED.dump_json(
                await self._endpoints.replay(call.path["id"], client, chosen, actor=client, now=datetime.now(UTC))
            )

        return await self._once(call, key, body, work)

    async def _once(self, call: Call, key: str, body: bytes, work: Callable[[], Awaitable[bytes]]) -> Answer:
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        document, replayed = await once(self._store, claim, work)
        return Answer(200, document, _REPLAYED if replayed else ())

    async def _once_shown(
        self, call: Call, key: str, body: bytes, work: Callable[[], Awaitable[NewEndpoint]], *, status: int
    ) -> Answer:
        """Do the work once per key; its answer is remembered without the secret, which nobody keeps in clear."""
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        async with self._store.transaction() as conn:
            known = await answered(conn, claim)
            if known is not None:
                return Answer(known.status, known.body, _REPLAYED)
            made = await work()
            await remember(conn, [(claim, status, NEW.dump_json(made.model_copy(update={"secret": None})))])
        return Answer(status, NEW.dump_json(made))

    async def _empty(self, call: Call) -> bytes:
        body = await self._body(call)
        if body:
            require_json(call.headers)
            read_json(NOTHING, body)
        return body

    async def _body(self, call: Call) -> bytes:
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


_REPLAYED = ((b"idempotency-replayed", b"true"),)


# --- addresses --------------------------------------------------------------------------------------------

_ID = Parameter("id", "path", "Id of the webhook.", {"type": "string"}, required=True)
_URL_REFUSALS = "url_invalid, url_not_https, url_not_allowed, webhook_client_invalid, or a fault of the contract"


def _read(name: str, handler: Handler, summary: str, answer: TypeAdapter[Any], *, one: bool) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=Scope.WEBHOOKS_MANAGE,
        name=name,
        summary=summary,
        description="Of the calling client.",
        tag=TAG,
        parameters=(_ID,) if one else (),
        successes=(Success(200, "The answer.", answer),),
        refusals={404: "webhook_not_found"} if one else {},
    )


def _do(
    name: str, handler: Handler, texts: tuple[str, str], body: TypeAdapter[Any], answer: TypeAdapter[Any], **rest: Any
) -> Operation:
    return Operation(
        method="POST",
        handler=handler,
        access=Scope.WEBHOOKS_MANAGE,
        name=name,
        summary=texts[0],
        description=texts[1],
        tag=TAG,
        body=body,
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(200, "What is so now.", answer, headers=("Idempotency-Replayed",)),),
        refusals={404: "webhook_not_found", 409: "idempotency_conflict"},
        **rest,
    )


def resources(api: WebhookApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of webhooks."""
    path = "/v1/webhooks"
    add = Operation(
        method="POST",
        handler=api.add,
        access=Scope.WEBHOOKS_MANAGE,
        name="add_webhook",
        summary="Register an address for events from now on",
        description="Messages follow Standard Webhooks. The secret is shown in this answer and never again. The client"
        " also needs the scope inbox:read, and gets the events of its agencies.",
        tag=TAG,
        body=WEBHOOK,
        body_example={"url": "https://motcua.h99.example/lien-thong", "kinds": ["dossier.filed"]},
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(201, "The webhook and its secret.", NEW, headers=("Idempotency-Replayed",)),),
        refusals={409: "idempotency_conflict, too_many_webhooks", 422: _URL_REFUSALS},
    )
    return (
        Resource(path, (_read("list_webhooks", api.list, "List webhooks", LIST, one=False), add), guard),
        Resource(f"{path}/{{id}}", (_read("get_webhook", api.get, "Read one webhook", ENDPOINT, one=True),), guard),
        Resource(
            f"{path}/{{id}}/deliveries",
            (_read("list_webhook_deliveries", api.deliveries, "Newest deliveries, each try", DELIVERIES, one=True),),
            guard,
        ),
        Resource(
            f"{path}/{{id}}/rotate",
            (
                _do(
                    "rotate_webhook",
                    api.rotate,
                    (
                        "Give it a new secret",
                        "Messages carry signatures of the new and of the former secret until the overlap ends.",
                    ),
                    NOTHING,
                    NEW,
                    body_required=False,
                ),
            ),
            guard,
        ),
        Resource(
            f"{path}/{{id}}/disable",
            (
                _do(
                    "disable_webhook",
                    api.disable,
                    ("Stop calling it", "Events wait until it is enabled again."),
                    NOTHING,
                    ENDPOINT,
                    body_required=False,
                ),
            ),
            guard,
        ),
        Resource(
            f"{path}/{{id}}/enable",
            (
                _do(
                    "enable_webhook",
                    api.enable,
                    ("Call it again", "Begins with what waited."),
                    NOTHING,
                    ENDPOINT,
                    body_required=False,
                ),
            ),
            guard,
        ),
        Resource(
            f"{path}/{{id}}/replay",
            (
                _do(
                    "replay_webhook",
                    api.replay,
                    (
                        "Send events again",
                        "Of a time, under the same ids, also from before the webhook was made; at most 10,000 at once.",
                    ),
                    REPLAY,
                    REPLAYED,
                    body_example={"since": "2026-10-08T00:00:00+07:00", "failed_only": True},
                ),
            ),
            guard,
        ),
    )
