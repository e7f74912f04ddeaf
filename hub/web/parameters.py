"""The headers and queries that several calls share, as the OpenAPI document describes them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from hub.web.resources import Parameter

IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "New for each piece of work, the same when it is repeated; kept for 30 days. The same key with the same body"
    " gets the same answer (with `Idempotency-Replayed: true`), with another body 409.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    required=True,
    example="4f0c9d5e-0001",
)
IF_MATCH = Parameter(
    "If-Match",
    "header",
    'Only if the dossier is still at this revision (its ETag), as in "3"; 412 otherwise.',
    {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "header",
    "`*`: only if the dossier does not exist yet; 412 otherwise.",
    {"type": "string", "const": "*"},
)


@lru_cache(maxsize=256)
def filters(query: TypeAdapter[Any]) -> tuple[Parameter, ...]:
    """Return the parameters of an address whose query is read with this model; every field has a description."""
    properties: dict[str, Any] = query.json_schema(ref_template="#/components/schemas/{model}")["properties"]
    return tuple(
        Parameter(
            name, "query", schema.pop("description"), {key: value for key, value in schema.items() if key != "title"}
        )
        for name, schema in properties.items()
    )
