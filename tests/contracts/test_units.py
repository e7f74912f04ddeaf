"""Administrative units after the merger of 1/7/2025."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from contracts.units import administrative_units, check_commune_exists, check_province_exists


def test_there_are_34_provinces_and_3321_communes() -> None:
    """QĐ 19/2025/QĐ-TTg; every commune lies in a province of the list."""
    units = administrative_units()
    assert len(units.provinces) == 34
    assert len(units.communes) == 3321
    assert {commune.province_code for commune in units.communes.values()} == set(units.provinces)
    assert sum(province.is_city for province in units.provinces.values()) == 7
    assert units.as_of >= "2025-07-01"


def test_codes_keep_their_leading_zeros() -> None:
    """The package behind the list counts codes as numbers; here they are text of two and five digits."""
    assert all(len(code) == 2 and code.isdigit() for code in administrative_units().provinces)
    assert all(len(code) == 5 and code.isdigit() for code in administrative_units().communes)
    assert check_province_exists("01").name == "Thành phố Hà Nội"
    assert check_commune_exists("00070", "01").name == "Phường Hoàn Kiếm"


def test_dong_nai_is_a_city_and_keeps_its_code() -> None:
    """Resolution 30/2026/QH16 changed the name on 30/4/2026, not the code 75."""
    assert check_province_exists("75").name == "Thành phố Đồng Nai"
    assert check_province_exists("75").is_city


@pytest.mark.parametrize(
    ("check", "values", "kind"),
    [
        (check_province_exists, ("99",), "province_unit_unknown"),
        (check_province_exists, ("02",), "province_unit_unknown"),  # Hà Giang, merged into Tuyên Quang
        (check_province_exists, ("1",), "province_unit_code"),
        (check_commune_exists, ("99999",), "commune_unit_unknown"),
        (check_commune_exists, ("70",), "commune_unit_code"),
        (check_commune_exists, ("00070", "79"), "commune_unit_elsewhere"),
    ],
)
def test_a_unit_that_does_not_exist_is_refused(
    check: Callable[..., object], values: tuple[str, ...], kind: str
) -> None:
    """Unknown, closed by the merger, badly formed, or in another province: each has its error type."""
    with pytest.raises(PydanticCustomError) as caught:
        check(*values)
    assert caught.value.type == kind


def test_the_list_is_read_only_when_asked_for() -> None:
    """The package takes over 0.1 s to import; a process that asks for no unit must not pay for it."""
    script = "import sys, contracts.units, contracts.dossier; sys.exit('vietnam_provinces' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
