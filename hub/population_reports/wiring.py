"""What reports add to the processes of the hub."""

from __future__ import annotations

from hub.access.guard import Guard
from hub.population_reports import api
from hub.population_reports.service import PopulationReports
from hub.profiles.profile import Profile
from hub.store.engine import Store
from hub.web.resources import Resource


def resources(store: Store, guard: Guard, profile: Profile) -> list[Resource]:
    """Return the addresses of reports."""
    return [*api.resources(api.PopulationReportApi(PopulationReports(store, profile)), guard)]
