"""The HTTP edge: bodies, problems in both languages, conditions, idempotency, the ASGI edge and the server."""
