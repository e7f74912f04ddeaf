"""Administrative units that exist: 34 provinces and 3,321 communes since 1/7/2025 (QĐ 19/2025/QĐ-TTg).

The form of a unit's code is checked by `contracts.codes`; whether the unit exists is asked here. The list is
that of the ``vietnam-provinces`` package, which follows the General Statistics Office.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from pydantic_core import PydanticCustomError

from contracts.codes import parse_commune_unit, parse_province_unit


@dataclass(frozen=True, slots=True)
class Province:
    """A province or centrally-run city."""

    code: str
    name: str
    is_city: bool


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune, ward or special zone; nothing stands between it and its province."""

    code: str
    name: str
    province_code: str


@dataclass(frozen=True, slots=True)
class AdministrativeUnits:
    """All units, by code."""

    as_of: str
    """The day of the list, yyyy-MM-dd."""
    provinces: Mapping[str, Province]
    communes: Mapping[str, Commune]


_CITIES_SINCE: Mapping[str, str] = MappingProxyType({"75": "Thành phố Đồng Nai"})
"""Provinces that became centrally-run cities after the list was made; their codes stay.

Đồng Nai on 30/4/2026 (Resolution 30/2026/QH16)."""


@cache
def administrative_units() -> AdministrativeUnits:
    """Return the list, read at the first call.

    That call takes about 0.15 s, nearly all of it the import of the package (an enum of 3,321 members), which
    is why it is not at the top of this module; a server makes it while it starts.
    """
    from vietnam_provinces import NESTED_DIVISIONS_JSON_PATH, __data_version__  # noqa: PLC0415 - see above

    provinces: dict[str, Province] = {}
    communes: dict[str, Commune] = {}
    for entry in json.loads(NESTED_DIVISIONS_JSON_PATH.read_text("utf-8")):
        # The package counts codes as numbers; the leading zeros come back here.
        code = f"{entry['code']:02d}"
        name = _CITIES_SINCE.get(code, entry["name"])
        provinces[code] = Province(code, name, is_city=name.startswith("Thành phố "))
        for ward in entry["wards"]:
            commune = Commune(f"{ward['code']:05d}", ward["name"], code)
            communes[commune.code] = commune
    return AdministrativeUnits(str(__data_version__), MappingProxyType(provinces), MappingProxyType(communes))


def check_province_exists(code: str) -> Province:
    """Return the province of this code; raise ``province_unit_unknown`` where there is none."""
    province = administrative_units().provinces.get(parse_province_unit(code))
    if province is None:
        raise PydanticCustomError("province_unit_unknown", "no province has this code since 1/7/2025")
    return province


def check_commune_exists(code: str, province_code: str | None = None) -> Commune:
    """Return the commune of this code; raise ``commune_unit_unknown`` where there is none.

    With ``province_code``, a commune of another province raises ``commune_unit_elsewhere``.
    """
    commune = administrative_units().communes.get(parse_commune_unit(code))
    if commune is None:
        raise PydanticCustomError("commune_unit_unknown", "no commune has this code since 1/7/2025")
    if province_code is not None and commune.province_code != province_code:
        raise PydanticCustomError("commune_unit_elsewhere", "this commune lies in another province")
    return commune
