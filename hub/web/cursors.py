"""Cursors of pages: what a list says to one that it has not given."""

from __future__ import annotations

from uuid import UUID

from contracts.errors import Sentence
from hub.errors import Refusal
from hub.web.ids import id_or


def bad_cursor() -> Refusal:
    """400: the cursor is of somebody's own making."""
    return Refusal(
        400,
        "bad_cursor",
        Sentence(
            "This cursor is not one the API gave; start again without it.",
            "Con trỏ trang không hợp lệ; hãy bắt đầu lại từ trang đầu.",
        ),
        field="cursor",
    )


def id_of(cursor: str) -> UUID:
    """Return the id that a cursor is; refuses what is none."""
    return id_or(cursor, bad_cursor)
