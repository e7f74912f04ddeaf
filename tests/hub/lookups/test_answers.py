"""What the watch is told of where somebody lives."""

from __future__ import annotations

import unicodedata

import pytest

from hub.lookups.answers import hamlet_of


@pytest.mark.parametrize(
    ("detail", "hamlet"),
    [
        ("Thôn 5, xã Mẫu", 5),
        ("Số 12, ngõ 3, tổ dân phố số 7, phường Thử", 7),
        ("TDP 14", 14),
        ("ẤP 2", 2),
        ("xóm 09", 9),
        ("Khu phố 11, đường 3/2", 11),
        ("Bản 1", 1),
        ("Thôn Đông, xã Mẫu", None),
        ("Số 8 đường Thử", None),
        ("Nhà trọ thôn", None),
        ("", None),
    ],
)
def test_a_numbered_hamlet_is_found_in_an_address(detail: str, hamlet: int | None) -> None:
    """With marks, without them, in capitals, and however the marks are written."""
    plain = "".join(one for one in unicodedata.normalize("NFD", detail) if not unicodedata.combining(one))
    for written in (detail, detail.upper(), unicodedata.normalize("NFD", detail), plain.replace("Đ", "D")):
        assert hamlet_of(written) == hamlet
