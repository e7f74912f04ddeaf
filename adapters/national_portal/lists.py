"""The portal's lists: one call, all rows read, and every field of them that we do not know reported."""

from __future__ import annotations

from typing import TypeVar

from adapters.national_portal import answers, wire
from adapters.national_portal.answers import Verdict
from adapters.national_portal.client import Budget, PortalClient
from adapters.national_portal.refusals import refused

_Row = TypeVar("_Row", bound=wire.Received)


async def read_list(client: PortalClient, service: str, model: type[_Row], budget: Budget, *, path: str) -> list[_Row]:
    """Return the rows of a list that is asked for whole; raises what `PortalClient.call` raises, and `Rejected`."""
    reply = await client.call(service, {}, budget, is_write=False, path=path)
    if reply.verdict is not Verdict.DONE:
        raise refused(reply.code)
    place, rows = answers.rows_of(reply.result)
    items = [answers.read_part(model, row, f"{place}.{index}") for index, row in enumerate(rows)]
    for item in items:
        client.report_unknown(service, item)
    return items
