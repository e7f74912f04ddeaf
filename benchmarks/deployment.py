"""A deployment of its own for a benchmark: an embedded PostgreSQL with fsync on, one connection, one client."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.dossier import Procedure
from contracts.examples import dossier_body
from hub.access import clients
from hub.access.scopes import Scope
from hub.access.signing import KeyRing
from hub.access.tokens import Tokens
from hub.dossiers.procedures import save_procedures
from hub.exchanges.service import ConnectionInfo, ConnectionService
from hub.registry import load_adapters
from hub.settings import Settings, load_settings
from hub.store.engine import Store, open_store

CONNECTION = "national_portal"
AGENCY = "H99"
DSTCODE = "VN:GOV:000.00.00.G22:vpcpdvcprovider"
USERNAME = "000.00.00.H99"
PASSWORD = "benchmark"  # noqa: S105 - of the simulator
_DATE = re.compile(r"(?<=\")20[0-9]{2}-[0-9]{2}-[0-9]{2}T[^\"]+(?=\")")


@dataclass(frozen=True, slots=True)
class Deployment:
    """An open store and what a child needs to use the same one."""

    directory: Path
    """Holds ``lienthong.toml``, the data and the children's logs; removed at the end."""
    settings: Settings
    store: Store
    token: str
    """An access token that may write dossiers of the sample agency, and look people up for them."""


@contextlib.asynccontextmanager
async def deployment(
    *,
    portal_url: str = "http://127.0.0.1:9",
    portal_settings: Mapping[str, Any] | None = None,
    reconciliation: Mapping[str, Any] | None = None,
    top: str = "",
    further: str = "",
) -> AsyncGenerator[Deployment]:
    """Lend a fresh deployment; its database is stopped and its files are removed at the end.

    ``portal_url`` is where the simulated security server answers; ``portal_settings`` are put above the settings of
    the connection, ``reconciliation`` above its own. ``top`` and ``further`` are TOML for the beginning and the end of
    the configuration.
    """
    # /var/tmp, because a /tmp in memory would make durable commits look free.
    with _temporary_directory() as directory:
        _write_configuration(directory, portal_url, portal_settings or {}, reconciliation or {}, top, further)
        settings = load_settings(directory / "lienthong.toml")
        async with await open_store(settings, upgrade=True) as store:
            adapter = load_adapters()[CONNECTION]
            await ConnectionService(store, [ConnectionInfo(CONNECTION, adapter.name, adapter.title, {})]).register()
            await save_procedures(
                store, CONNECTION, [Procedure.model_validate_json(json.dumps(json.loads(sample_body())["procedure"]))]
            )
            yield Deployment(directory, settings, store, await _token(store, settings))


def sample_body() -> bytes:
    """Return the body of the sample dossier (2.8 KB) with all its dates moved: submitted yesterday."""
    text = dossier_body().decode()
    shift = _submitted_at() - datetime.fromisoformat(json.loads(text)["submitted_at"])
    return _DATE.sub(lambda found: (datetime.fromisoformat(found[0]) + shift).isoformat(), text).encode()


def code_prefix() -> str:
    """Return the codes' part before the sequence number."""
    return f"{AGENCY}.12-{_submitted_at():%y%m%d}-"


@functools.cache
def _submitted_at() -> datetime:
    """Return the moment once for the whole run: after midnight the codes would no longer be of the bodies' day."""
    return (datetime.now(UTC) - timedelta(days=1)).replace(hour=1, minute=15, second=0, microsecond=0)


async def _token(store: Store, settings: Settings) -> str:
    made = await clients.add(
        store, name="benchmark", scopes=[Scope.DOSSIERS_WRITE, Scope.PEOPLE_LOOKUP], agencies=[AGENCY]
    )
    client = await clients.authenticate(store, made.client_id, made.secret)
    if client is None:
        raise RuntimeError("the client made a moment ago is not known")
    tokens = Tokens(KeyRing(store), lifetime_seconds=settings.api.token_lifetime_seconds)
    return await tokens.issue(client, client.scopes)


def _write_configuration(  # noqa: PLR0917 - the parts of one file, in their order
    directory: Path, portal_url: str, more: Mapping[str, Any], reconciliation: Mapping[str, Any], top: str, further: str
) -> None:
    extra, asking = (
        "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items()) for table in (more, reconciliation)
    )
    (directory / "lienthong.toml").write_text(
        f"""
data_dir = "{directory / "data"}"
{top}

[connections.{CONNECTION}]
adapter = "national_portal"

[connections.{CONNECTION}.reconciliation]
{asking}

[connections.{CONNECTION}.settings]
username = "{USERNAME}"
password = "{PASSWORD}"
madonvi = "000.00.00.H99"
{extra}

[connections.{CONNECTION}.settings.forward]
adapter_url = "{portal_url}/XrdAdapter/RestService/forward"
dstcode = "{DSTCODE}"
file_hosts = ["tep.h99.example"]
{further}
""",
        encoding="utf-8",
    )


@contextlib.contextmanager
def _temporary_directory() -> Any:
    base = Path("/var/tmp")  # noqa: S108 - a directory of its own is made in it
    directory = Path(tempfile.mkdtemp(prefix="lienthong-bench-", dir=base if base.is_dir() else None))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
