"""For which agencies a client may act."""

from __future__ import annotations

import pytest

from hub.access.agencies import covers


@pytest.mark.parametrize(
    ("agencies", "code", "allowed"),
    [
        (["H99"], "H99", True),
        (["H99"], "H99.12", True),
        (["H99"], "H99.12.3.4", True),
        (["H99.12"], "H99.12.3", True),
        (["H99.12"], "H99", False),
        (["H99.1"], "H99.12", False),
        (["H99.12"], "H99.1", False),
        (["H98", "H99.12"], "H99.12", True),
        ([], "H99", False),
        # the old generation, read from the bottom
        (["H99"], "000.00.12.H99", True),
        (["H99.12"], "000.00.12.H99", True),
        (["H99.12"], "000.03.12.H99", True),
        (["H99.13"], "000.00.12.H99", False),
        (["000.00.12.H99"], "H99.12", True),
        (["000.00.12.H99"], "000.03.12.H99", True),
        (["000.00.12.H99"], "000.00.13.H99", False),
        (["000.00.00.H99"], "H99.12.3", True),
        # 01 and 1 may be two agencies: a doubt ends in no
        (["H99.1"], "000.00.01.H99", False),
        (["000.00.01.H99"], "H99.1", False),
        # a gap in the old code is a level like any other
        (["H99"], "000.12.00.H99", True),
        (["H99.12"], "000.12.00.H99", False),
    ],
)
def test_covers(agencies: list[str], code: str, *, allowed: bool) -> None:
    """An agency stands for itself and all below it, by whole levels, in both generations."""
    assert covers(agencies, code) is allowed
