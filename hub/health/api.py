"""What machines ask: is it alive, is it ready, what does it count."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.types import ASGIApp

from contracts.errors import Sentence
from hub.access.guard import Guard
from hub.errors import Refusal
from hub.health.backlog import BacklogGauges
from hub.health.metrics import MEDIA_TYPE, exposition
from hub.health.networks import is_allowed
from hub.health.readiness import Prober, Readiness
from hub.web.answers import Answer
from hub.web.resources import PUBLIC, Call, Operation, Resource, Success

TAG = "machines"


class Liveness(BaseModel):
    """The answer of ``/livez``."""

    model_config = ConfigDict(frozen=True)

    status: Literal["alive"] = "alive"


LIVENESS = TypeAdapter(Liveness)
READINESS = TypeAdapter(Readiness)

_ALIVE = LIVENESS.dump_json(Liveness())


class HealthApi:
    """The handlers; see `resources` for the addresses."""

    def __init__(
        self, prober: Prober, backlog: BacklogGauges, metrics_allow: Sequence[IPv4Network | IPv6Network]
    ) -> None:
        """``metrics_allow`` are the networks that may read the metrics."""
        self._prober = prober
        self._backlog = backlog
        self._metrics_allow = tuple(metrics_allow)

    async def livez(self, call: Call) -> ASGIApp:  # noqa: ARG002 - every handler takes the call
        """``GET /livez``: the process answers; says nothing about the database."""
        return Answer(200, _ALIVE)

    async def readyz(self, call: Call) -> ASGIApp:  # noqa: ARG002
        """``GET /readyz``: 200 when requests can be served, else 503; the reasons are in the document."""
        found = await self._prober.check()
        return Answer(200 if found.status == "ready" else 503, READINESS.dump_json(found))

    async def metrics(self, call: Call) -> ASGIApp:
        """``GET /metrics``: the Prometheus text format, for the allowed networks."""
        if not is_allowed((call.scope.get("client") or ("",))[0], self._metrics_allow):
            raise Refusal(
                403,
                "network_not_allowed",
                Sentence(
                    en="Metrics are not given to this network; see api.metrics_allow in the settings.",
                    vi="Không cung cấp số đo cho mạng này; xem api.metrics_allow trong cấu hình.",
                ),
            )
        body = exposition(await self._backlog.read())
        return Answer(200, body, media_type=MEDIA_TYPE.encode())


def resources(api: HealthApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses for machines; they need no token."""

    def get(path: str, name: str, handler: Any, summary: str, *successes: Success, **rest: Any) -> Resource:
        operation = Operation(
            method="GET",
            handler=handler,
            access=PUBLIC,
            name=name,
            summary=summary,
            description=(handler.__doc__ or "").split(": ", 1)[-1],
            tag=TAG,
            successes=successes,
            **rest,
        )
        return Resource(path, (operation,), guard)

    return (
        get("/livez", "livez", api.livez, "Is the process alive?", Success(200, "It is.", LIVENESS)),
        get(
            "/readyz",
            "readyz",
            api.readyz,
            "Can requests be served?",
            Success(200, "They can.", READINESS),
            Success(503, "They cannot; the checks say why.", READINESS),
        ),
        get(
            "/metrics",
            "metrics",
            api.metrics,
            "Metrics for Prometheus",
            Success(200, "The metrics.", None, media_type="text/plain"),
            refusals={403: "network_not_allowed"},
        ),
    )
