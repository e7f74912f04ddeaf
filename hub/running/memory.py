"""How a long-running process of the hub treats its memory."""

from __future__ import annotations

import gc

_YOUNGEST = 10_000
"""Allocations between two looks at the youngest objects; Python's own figure is made for small programs."""
_OLDER = 20


def settle() -> None:
    """Put everything that start-up made out of the collector's sight, and let it look less often.

    Models, routes and statements live as long as the process; walking over them at every collection is wasted time
    on the hot path. Reference counting is not touched: almost everything still goes at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNGEST, _OLDER, _OLDER)
