"""The door of this deployment, made of its connections, and what the clerk does about what came in."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from contracts.inbound import ServesInbound
from hub.clerk import Job
from hub.inbox.credentials import Doorman
from hub.inbox.desk import Desk
from hub.inbox.door import Door, Entrance
from hub.inbox.downloads import Downloads
from hub.inbox.retention import Retention
from hub.outgoing import OutgoingClient
from hub.registry import OpenConnection
from hub.settings import Settings
from hub.store.engine import Store
from hub.webhooks.dispatch import Dispatcher


def trust(ca_file: Path | None) -> ssl.SSLContext | None:
    """Return the trust in the authorities of this file; ``None`` where the system's are meant."""
    return None if ca_file is None else ssl.create_default_context(cafile=str(ca_file))


def file_client(settings: Settings) -> OutgoingClient:
    """Return the client that fetches files of dossiers; open it before use."""
    files = settings.inbound.files
    return OutgoingClient(files.reach(), tls=trust(files.ca_file))


def webhook_client(settings: Settings) -> OutgoingClient:
    """Return the client that calls webhooks; open it before use."""
    return OutgoingClient(settings.webhooks.reach(), tls=trust(settings.webhooks.ca_file))


def event_jobs(settings: Settings, store: Store, http: OutgoingClient) -> list[Job]:
    """Return what the clerk does about events: send them on through ``http``, and remove those whose time is over."""
    retention = Retention(
        store,
        events_for=timedelta(days=settings.inbound.keep_events_days),
        deliveries_for=timedelta(days=settings.webhooks.keep_deliveries_days),
    )
    return [
        Job("webhooks", Dispatcher(store, http, settings.webhooks).run),
        Job("inbox_retention", retention.run),
    ]


def build_door(settings: Settings, store: Store, opened: Mapping[str, OpenConnection], files: OutgoingClient) -> Door:
    """Return the door of every connection whose partner calls us; who may come in says its configuration."""
    entrances = {}
    for name, one in opened.items():
        if isinstance(one.connection, ServesInbound):
            downloads = Downloads(store, files, settings.inbound.files, connection=name)
            tolerance = timedelta(minutes=settings.inbound.clock_tolerance_minutes)
            desk = Desk(store, name, downloads, clock_tolerance=tolerance)
            entrances[name] = Entrance(one.connection.inbound(desk), Doorman(one.configured.inbound, settings.inbound))
    return Door(
        entrances,
        max_body_bytes=settings.inbound.max_body_bytes,
        timeout_seconds=settings.inbound.timeout_seconds,
    )
