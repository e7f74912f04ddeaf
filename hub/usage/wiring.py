"""What citizens' own views add to the processes of the hub."""

from __future__ import annotations

from hub.access.guard import Guard
from hub.lookups.writer import LogWriter
from hub.profiles.profile import Profile
from hub.settings import Settings
from hub.store.engine import Store
from hub.usage import api
from hub.usage.service import UsageService
from hub.usage.withholdings import WithholdingService
from hub.web.resources import Resource


def resources(
    settings: Settings, store: Store, guard: Guard, profile: Profile, *, writer: LogWriter | None = None
) -> list[Resource]:
    """Return the addresses of citizens' own views; ``writer`` is that of the process, where it has one."""
    usage = UsageService(store, writer or LogWriter(store), profile, settings.usage)
    withholdings = WithholdingService(store, settings.usage)
    return [*api.resources(api.UsageApi(usage, withholdings, store, settings.api), guard)]
