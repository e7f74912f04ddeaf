"""The request headers that several calls share, as the OpenAPI document describes them; see `hub.web.conditions`."""

from __future__ import annotations

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
