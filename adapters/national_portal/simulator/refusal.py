"""The portal's way of saying no."""

from __future__ import annotations

OK = "0"
ERROR = "-1"


class Refusal(Exception):  # noqa: N818 - the portal's way of saying no
    """A call is refused; nothing of it was carried out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
