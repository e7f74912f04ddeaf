"""For which agencies a client may act."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codes import AGENCY_CODE_MAX
from hub.access.agencies import covers, levels, patterns
from tests.contracts.code_strategies import agency_codes


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
    assert covers(iter(agencies), code) is allowed
    assert covers(tuple(agencies), code) is allowed, "also when it is asked again"


@given(above=agency_codes(), other=agency_codes(), below=st.booleans())
def test_a_query_by_patterns_leaves_none_of_them_out(above: str, other: str, *, below: bool) -> None:
    """Whatever an agency stands for fits one of its patterns, written in either generation."""
    code = f"{'.'.join(levels(above))}.{other.partition('.')[0]}"[:AGENCY_CODE_MAX].rstrip(".") if below else other
    fits = any(re.fullmatch(re.escape(one).replace("%", ".*"), code) for one in patterns([above]))
    assert fits or not covers([above], code)


@pytest.mark.parametrize("code", ["005.03.12.H99", "000.03.12.H99", "H99.12.03"])
@pytest.mark.parametrize("above", ["H99", "H99.12", "000.00.12.H99", "000.03.12.H99", "H99.12.03"])
def test_patterns_of_both_generations(above: str, code: str) -> None:
    """A code of the old generation ends with what it stands below, and may itself be all that was given."""
    assert covers([above], code)
    for given_one in (above, code):
        assert any(re.fullmatch(re.escape(one).replace("%", ".*"), code) for one in patterns([given_one]))
