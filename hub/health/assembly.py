"""Puts the parts of health and alerts together, for `hub.app`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping

from contracts.errors import Sentence
from hub.access.guard import Guard
from hub.alerts import api as alerts_api
from hub.alerts.reading import AlertService
from hub.alerts.telling import Teller, open_channels
from hub.clerk import Job
from hub.health import operators_api
from hub.health.forecasting import Forecasted, Forecasting
from hub.health.maintenance import MaintenanceService, Notice
from hub.health.probe_service import ProbeService, probe_service
from hub.health.watch import Watch, Watched
from hub.profiles.calendar import working_calendar
from hub.profiles.profile import load_profile
from hub.registry import OpenConnection, load_adapters, title_of
from hub.settings import Settings
from hub.store.engine import Store
from hub.web.resources import Resource


@contextlib.asynccontextmanager
async def health_jobs(
    settings: Settings, store: Store, opened: Mapping[str, OpenConnection]
) -> AsyncGenerator[list[Job]]:
    """Lend the clerk's jobs of this folder and of alerts."""
    watched = {
        name: Watched(one.title, one.configured.contact.words if one.configured.contact is not None else "")
        for name, one in opened.items()
    }
    forecasted = {name: Forecasted(one.title, one.configured.delivery.rate_per_second) for name, one in opened.items()}
    async with probe_service(settings, store) as probes, open_channels(settings) as channels:
        yield [
            Job("probes", probes.run),
            Job("watch", Watch(store, watched, settings.health).run),
            Job("alerts", Teller(store, settings.alerts, channels).run),
            Job("forecasts", Forecasting(store, forecasted, settings.health, settings.data_dir).run),
        ]


def maintenance_service(settings: Settings, store: Store) -> MaintenanceService:
    """Return what announces maintenance windows, with the notice of the province's profile.

    Raises `hub.settings.SettingsError` where the profile cannot be used.
    """
    profile = load_profile(settings.profile)
    notice = Notice(
        days=profile.maintenance_notice_working_days,
        article=profile.sources["maintenance_notice_working_days"].article,
        calendar=working_calendar(profile),
    )
    return MaintenanceService(store, _titles(settings), notice)


def _titles(settings: Settings) -> dict[str, Sentence]:
    adapters = load_adapters()
    return {
        name: title_of(one, adapters[one.adapter]) if one.adapter in adapters else Sentence(name, name)
        for name, one in settings.connections.items()
        if one.enabled
    }


def operator_resources(settings: Settings, store: Store, probes: ProbeService | None, guard: Guard) -> list[Resource]:
    """Return the addresses of probes, maintenance windows and alerts."""
    windows = maintenance_service(settings, store)
    alerts = AlertService(store, settings.alerts)
    return [
        *operators_api.resources(operators_api.HealthOperatorApi(probes, windows, store, settings.api), guard),
        *alerts_api.resources(alerts_api.AlertApi(alerts, store, settings.api), guard),
    ]
