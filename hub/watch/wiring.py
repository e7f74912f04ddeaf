"""The watch, put together: its jobs for the clerk, its addresses for the api."""

from __future__ import annotations

from collections.abc import Sequence

import hub.watch.api
from hub.access.guard import Guard
from hub.clerk import Job
from hub.profiles.profile import Profile
from hub.settings import Settings
from hub.store.engine import Store
from hub.watch.live import LiveWatch
from hub.watch.previewing import Previewer
from hub.watch.proposals import Proposals
from hub.watch.reading import WatchReader
from hub.watch.sampling import Sampler
from hub.web.resources import Resource


def jobs(settings: Settings, store: Store, profile: Profile) -> list[Job]:
    """Return what the clerk does for the watch."""
    return [
        Job("lookup_watch", LiveWatch(store, profile, settings.watch, settings.cases).run),
        Job("lookup_watch_previews", Previewer(store, profile).run),
        Job("lookup_watch_samples", Sampler(store, profile, settings.watch, settings.cases).run),
    ]


def resources(settings: Settings, store: Store, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of the watch."""
    api = hub.watch.api.WatchApi(WatchReader(store, settings.watch), Proposals(store, settings.watch), settings.api)
    return hub.watch.api.resources(api, guard)
