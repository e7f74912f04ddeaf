"""The portal's "no" as an error: its code, and a sentence that does not quote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from contracts.errors import LienThongError, Rejected, Sentence

REJECTED = Sentence(
    en="The national portal understood the message and refused it; its code says why, ask its operator what it means.",
    vi="Cổng Dịch vụ công quốc gia hiểu nhưng từ chối thông điệp; hãy hỏi đơn vị vận hành về ý nghĩa của mã lỗi.",
)


def refused(code: str) -> Rejected:
    """Return the error for an ``error_code`` that says no."""
    return Rejected(REJECTED, upstream_code=code)


@contextmanager
def signed(connection: str, operation: str, exchange_id: str = "") -> Iterator[None]:
    """Write on every error whose it is."""
    try:
        yield
    except LienThongError as error:
        error.connection = connection
        error.operation = operation
        error.exchange_id = error.exchange_id or exchange_id
        raise
