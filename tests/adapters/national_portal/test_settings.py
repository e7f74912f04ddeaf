"""The settings: strict, described, total, and silent about secrets."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from adapters.national_portal.settings import (
    FeeCollectionValues,
    FeeKindValues,
    ReuseValues,
    SubmissionPlaceValues,
)
from contracts import dossier as d
from tests.adapters.national_portal import situations as s


@pytest.mark.parametrize("where", [(), ("sandbox",), ("forward",), ("reuse_values",)])
def test_an_unknown_key_is_an_error_at_every_depth(where: tuple[str, ...]) -> None:
    """The error names the key."""
    forward = {"adapter_url": "http://127.0.0.1:9/x", "dstcode": s.DSTCODE}
    changes: dict[str, Any] = {"khong_co": 1}
    if where:
        changes = {where[0]: (forward if where == ("forward",) else {}) | changes}
    with pytest.raises(ValidationError) as refused:
        s.settings(**changes)
    assert refused.value.errors()[0]["loc"] == (*where, "khong_co")


@pytest.mark.parametrize(
    ("members", "section"),
    [
        (d.SubmissionPlace, SubmissionPlaceValues),
        (d.FeeCollection, FeeCollectionValues),
        (d.FeeKind, FeeKindValues),
        (d.Reuse, ReuseValues),
    ],
)
def test_a_value_table_has_one_field_per_canonical_value(members: type[StrEnum], section: type[BaseModel]) -> None:
    """Total by construction: a canonical value that is added needs its setting."""
    assert set(section.model_fields) == {member.value for member in members}


@pytest.mark.parametrize(
    "changes",
    [
        {"session_error_codes": ["-1"]},
        {"already_exists_codes": ["0"]},
        {"not_found_codes": ["3"]},
        {"session_error_codes": ["-2", "-2"]},
        {"session_error_codes": []},
        {"session_error_codes": ["hết hạn"]},
        {"session_error_codes": ["007"]},
        {"madonvi": "H99 12"},
        {"dossiers_per_call": 0},
        {"call_deadline_seconds": 0},
        {"login_path": "http://khac.example/login"},
        {"login_path": "/mapi/login"},
        {"lookup_steps_field": "Danh sách"},
        {"password": ""},
    ],
)
def test_settings_that_cannot_work_are_refused_at_boot(changes: dict[str, Any]) -> None:
    """One code means one thing, and every value is of its form."""
    with pytest.raises(ValidationError):
        s.settings(**changes)


def test_codes_may_be_written_as_numbers() -> None:
    """TOML authors write -2 without quotes; the code itself is text."""
    assert s.settings(session_error_codes=[-2, "401"]).session_error_codes == ("-2", "401")


def test_the_password_is_never_printed() -> None:
    """Neither by the settings nor by an error about them."""
    assert s.PASSWORD not in f"{s.settings()!r} {s.settings()} {s.settings().model_dump_json()}"
    with pytest.raises(ValidationError) as refused:
        s.settings(madonvi="không phải mã")
    assert s.PASSWORD not in str(refused.value)
