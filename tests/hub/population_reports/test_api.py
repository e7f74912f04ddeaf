"""The report as it is asked for: in which format, by whom, for which agencies."""

from __future__ import annotations

import io

import pytest
from python_calamine import CalamineWorkbook

from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.population_reports.api import accepted
from hub.population_reports.files import ReportFormat
from tests.hub.api.conftest import api, services  # noqa: F401 - fixtures
from tests.hub.api.world import ApiWorld
from tests.hub.population_reports.conftest import Seeded

REPORT = "/v1/reports/population-use"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", ReportFormat.JSON),
        ("*/*", ReportFormat.JSON),
        ("text/csv", ReportFormat.CSV),
        ("TEXT/CSV; charset=utf-8", ReportFormat.CSV),
        (XLSX, ReportFormat.XLSX),
        ("application/json;q=0.5, text/csv;q=0.8", ReportFormat.CSV),
        ("text/html, application/xhtml+xml, */*;q=0.8", ReportFormat.JSON),
        ("text/csv;q=0, text/*", None),
        ("text/html", None),
        ("text/csv;q=nan", None),
        ("text/csv;q=x", None),
        (",;,", None),
    ],
)
def test_the_accept_header_is_honoured(accept: str, form: ReportFormat | None) -> None:
    """The best of what it names, by quality; nothing it does not take."""
    if form is not None:
        assert accepted({b"accept": accept.encode()}) is form
        return
    with pytest.raises(Refusal) as refused:
        accepted({b"accept": accept.encode()})
    assert (refused.value.status, refused.value.code) == (406, "format_not_offered")


async def test_police_read_it_whole_and_an_agency_its_own(api: ApiWorld, seeded: Seeded) -> None:  # noqa: F811
    """The police's client has no agencies and sees the province; an agency's client sees itself and those below."""
    scopes = [Scope.POPULATION_REPORTS_READ]
    police, agency = await api.calling(scopes, agencies=()), await api.calling(scopes, agencies=("H99.12",))
    whole = (await police.get(REPORT, params={"period": "2024-H2"})).json()
    assert {one["unit_code"] for one in whole["by_unit"]} == {one["unit_code"] for one in seeded.lookups}
    part = (await agency.get(REPORT, params={"period": "2024-H2"})).json()
    assert {one["unit_code"] for one in part["by_unit"]} == {"H99.12", "H99.12.01"}
    assert part["units"] == ["H99.12"]
    assert part["total"]["lookups"] < whole["total"]["lookups"]
    assert all(one["unit_code"].startswith("H99.12") for one in part["closed_accounts"] + part["cases"])
    refused = await agency.get(REPORT, params={"period": "2024-H2", "agency": "H99.13"})
    assert (refused.status_code, refused.json()["code"]) == (403, "agency_not_allowed")
    assert len((await police.get(f"{REPORT}/due")).json()["items"]) == 3


async def test_it_comes_as_a_file(api: ApiWorld, seeded: Seeded) -> None:  # noqa: F811
    """By header or by parameter, which goes first; named so that it can be saved."""
    csv = await api.caller.get(
        REPORT, params={"period": "2024-10", "table": "accounts"}, headers={"accept": "text/csv"}
    )
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["content-disposition"] == ('attachment; filename="khai-thac-csdl-dan-cu-2024-10-accounts.csv"')
    assert csv.content.startswith("\ufeff".encode())
    book = await api.caller.get(REPORT, params={"period": "2024-10", "format": "xlsx"}, headers={"accept": "text/csv"})
    assert book.headers["content-type"] == XLSX
    assert "Theo đơn vị" in CalamineWorkbook.from_filelike(io.BytesIO(book.content)).sheet_names
    for params, code in (
        ({"period": "2024-5"}, "period_invalid"),
        ({}, "field_required"),
        ({"period": "2024-10", "table": "x"}, "unknown_value"),
    ):
        refused = await api.caller.get(REPORT, params=params)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
