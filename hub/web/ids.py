"""Ids in requests: what is none names nothing."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from hub.errors import Refusal


def id_or(text: str, missing: Callable[[], Refusal]) -> UUID:
    """Return the id that a text is; raises the refusal of what does not exist where it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise missing() from None
