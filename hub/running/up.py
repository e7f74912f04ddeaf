"""All of the hub on one machine: the database, an api, a worker and a clerk process, and on demand the sandbox.

Started in the order in which one needs the other; stopped in the order api, clerk, worker, sandbox, database, so
that nothing accepted is left unrecorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.access import clients
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.inbox.settings import PREFIX
from hub.registry import load_adapters
from hub.running import running_sandbox, sandbox
from hub.running.command_error import CommandError
from hub.running.supervisor import Child, Command, Say
from hub.settings import Settings
from hub.settings_loading import ENVIRONMENT_PREFIX
from hub.store import external, keys, postmaster, schema
from hub.store.connections import connection_options
from hub.store.engine import Store, open_store
from hub.store.errors import StoreError
from hub.store.key_file import KeyFile
from hub.web.server import GRACE_SECONDS, listen

SANDBOX_CLIENT = "sandbox (lienthong up --sandbox)"
"""Name of the API client of a sandbox; a database that has it is for invented data."""

SANDBOX_AGENCY = "H99"
"""The invented province of the examples."""

_OF_THE_OTHER_PARTY = frozenset({Scope.ACCOUNTS_APPROVE_POLICE, Scope.ACCOUNTS_APPROVE_OFFICE})
"""Not the sandbox client's: whoever may approve accounts cannot request them."""

_STOP_MARGIN_SECONDS = 10.0
_WATCH_SECONDS = 1.0
_MOST_WORKERS = 4
_LOOPBACK = ["127.0.0.0/8", "::1/128"]
_DATABASE_RETRY_SECONDS = 15.0
_PROCEDURES_SECONDS = 60.0
_CONNECTIONS_VARIABLE = f"{ENVIRONMENT_PREFIX}CONNECTIONS"


@dataclass(slots=True)
class Running:
    """The hub while it runs."""

    settings: Settings
    """As its processes have them: with ``sandbox`` every connection leads to a simulator."""
    store: Store
    api_url: str
    api: Child
    workers: list[Child]
    clerk: Child
    sandbox: Child | None
    sandbox_url: str | None
    credentials: clients.Credentials | None
    """Of the sandbox's client."""


@contextlib.asynccontextmanager
async def all_in_one(
    settings: Settings,
    *,
    with_sandbox: bool,
    say: Say,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    children: list[Child] | None = None,
) -> AsyncGenerator[Running]:
    """Start everything, lend it running, and stop it in order.

    Args:
        settings: What this process has loaded; its children load the same from ``environment``.
        with_sandbox: Play the partners and lead every connection to them.
        say: Told what a person should know while it runs.
        environment: Of the children; ours if not given.
        output: Where the children write; with us if not given.
        children: Filled as they are made, for who must end them by force in the middle of anything.

    Raises:
        CommandError, SettingsError, StoreError, ServerStartError: Each with a sentence; nothing is left running.
    """
    if settings.api.port:
        listen(settings.api.host, settings.api.port).close()
    setup = _Setup(
        settings,
        dict(os.environ if environment is None else environment),
        say,
        output,
        children if children is not None else [],
    )
    async with contextlib.AsyncExitStack() as stack:
        if settings.database_url is not None:
            await _prepare_external(settings)
        store = await stack.enter_async_context(await _open_whole(settings))
        await _check_purpose(store, settings, with_sandbox=with_sandbox)
        sandbox_url = await setup.start_sandbox(stack) if with_sandbox else None
        running = await setup.start_processes(stack, store)
        running.sandbox_url = sandbox_url
        if sandbox_url is not None:
            await setup.aim_sandbox(sandbox_url, running.api_url)
        if store.embedded is not None:
            watching = asyncio.create_task(_watch_database(store, say), name="watch the database")
            stack.callback(watching.cancel)
        if with_sandbox:
            running.credentials = await _sandbox_client(store)
            await _wait_for_procedures(store)
        yield running


class _Setup:
    """Starts the children; what one tells goes into the environment of the next."""

    def __init__(
        self,
        settings: Settings,
        environment: dict[str, str],
        say: Say,
        output: IO[bytes] | None,
        children: list[Child],
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._say = say
        self._output = output
        self._sandbox: Child | None = None
        self._sandbox_orders: dict[str, Any] = {}
        self._inbound_secrets: dict[str, str] = {}
        self._children = children

    async def start_sandbox(self, stack: contextlib.AsyncExitStack) -> str:
        """Start the sandbox and lead every connection to it; return the address of its page."""
        if not sandbox.cast(self._settings, load_adapters()):
            raise CommandError(
                "nothing_to_play",
                Sentence(
                    en="No installed adapter can play its partner, so there is no sandbox.",
                    vi="Không có bộ kết nối nào giả lập được hệ thống đối tác nên không có môi trường giả lập.",
                ),
            )
        orders = self._sandbox_orders
        orders["secret"] = secrets.token_urlsafe(24)
        child = self._child("sandbox", ["sandbox", "--port", "0"], _STOP_MARGIN_SECONDS, orders)
        stack.push_async_callback(child.stop)
        facts = await child.start()
        # Started anew, it must be found where it was.
        orders.update(port=facts["port"], ports=facts["ports"])
        self._sandbox = child
        tables: dict[str, Any] = facts["connections"]
        for name, configured in self._settings.connections.items():
            kept = configured.model_dump(mode="json", exclude={"settings"})
            if name in tables:
                tables[name] = {**kept, **tables[name], "enabled": True}
            else:
                # Nothing of a sandbox may reach a real system.
                tables[name] = {**kept, "enabled": False}
                if configured.enabled:
                    self._say(_not_played(name))
        for name, table in tables.items():
            if table.get("enabled", True):
                self._inbound_secrets[name] = secrets.token_urlsafe(24)
                table["inbound"] = {"networks": _LOOPBACK, "secrets": [self._inbound_secrets[name]]}
        self._environment = {
            name: value
            for name, value in self._environment.items()
            if not name.upper().startswith(_CONNECTIONS_VARIABLE)
        }
        self._environment[_CONNECTIONS_VARIABLE] = json.dumps(tables)
        self._settings = Settings(**{**dict(self._settings), "connections": tables})
        stack.enter_context(running_sandbox.noted(self._settings.data_dir, tables))
        return f"http://{sandbox.HOST}:{facts['port']}{sandbox.ROOT}"

    async def start_processes(self, stack: contextlib.AsyncExitStack, store: Store) -> Running:
        """Start api, worker and clerk; on leaving the stack the api stops first."""
        settings = self._settings
        workers = [self._worker(number) for number in range(worker_processes(settings))]
        api = self._child("api", ["api"], GRACE_SECONDS + _STOP_MARGIN_SECONDS)
        clerk = self._child("clerk", ["clerk"], _STOP_MARGIN_SECONDS)
        stack.push_async_callback(_all_stopped, workers)
        stack.push_async_callback(clerk.stop)
        stack.push_async_callback(api.stop)
        facts, *_ = await _all_of(api.start(), clerk.start(), *(one.start() for one in workers))
        self._environment[f"{ENVIRONMENT_PREFIX}API__PORT"] = str(facts["port"])
        host = f"[{settings.api.host}]" if ":" in settings.api.host else settings.api.host
        return Running(
            settings=settings,
            store=store,
            api_url=f"http://{host}:{facts['port']}",
            api=api,
            workers=workers,
            clerk=clerk,
            sandbox=self._sandbox,
            sandbox_url=None,
            credentials=None,
        )

    def _worker(self, number: int) -> Child:
        """Return the worker of this number; each serves its metrics at a port of its own."""
        own = self._settings.worker
        environment = self._environment
        if own.metrics_port:
            port = {f"{ENVIRONMENT_PREFIX}WORKER__METRICS_PORT": str(own.metrics_port + number)}
            environment = {**environment, **port}
        name = f"worker {number + 1}" if number else "worker"
        return self._child(name, ["worker"], own.shutdown_grace_seconds + _STOP_MARGIN_SECONDS, None, environment)

    async def aim_sandbox(self, sandbox_url: str, api_url: str) -> None:
        """Tell the played partners where we are, now and whenever the sandbox has to be started anew."""
        # An api that listens everywhere is called on loopback.
        base = api_url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        targets = {
            name: {"url": f"{base}{PREFIX}{name}", "secret": secret} for name, secret in self._inbound_secrets.items()
        }
        self._sandbox_orders["inbound"] = targets
        for name, target in targets.items():
            await asyncio.to_thread(sandbox.tell, f"{sandbox_url}/{name}/inbound_target", target)

    def _child(
        self,
        name: str,
        arguments: list[str],
        stop_seconds: float,
        orders: dict[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        child = Child(
            Command(
                name=name,
                arguments=arguments,
                environment=self._environment if environment is None else environment,
                stop_seconds=stop_seconds,
                orders=orders if orders is not None else {},
                output=self._output,
            ),
            self._say,
        )
        self._children.append(child)
        return child


def worker_processes(settings: Settings) -> int:
    """Return how many workers to run: what is configured, else one for each core, but no more than four."""
    return settings.worker.processes or min(_MOST_WORKERS, os.cpu_count() or 1)


async def _all_stopped(children: Sequence[Child]) -> None:
    await asyncio.gather(*(one.stop() for one in children))


async def _all_of(*starting: Any) -> list[Any]:
    """Wait for all, then raise the first failure: none may be left half started."""
    outcomes = await asyncio.gather(*starting, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


def _not_played(name: str) -> Sentence:
    return Sentence(
        en=f"The connection {name} cannot be played and is switched off in the sandbox.",
        vi=f"Kết nối {name} không giả lập được nên bị tắt trong môi trường giả lập.",
    )


# --- the database -----------------------------------------------------------------------------------------


async def _prepare_external(settings: Settings) -> None:
    """Bring the tables up to date and, for a database that has sealed nothing yet, make the key file."""
    if settings.database_url is None:
        raise ValueError("not external")
    url = settings.database_url.get_secret_value()
    await external.check(url)
    await asyncio.to_thread(schema.upgrade, url)
    if await asyncio.to_thread(settings.resolved_key_file.exists):
        return
    async with await AsyncConnection.connect(url, **connection_options()) as connection:
        if not await keys.read_data_keys(connection):
            await asyncio.to_thread(KeyFile.create, settings.resolved_key_file)


async def _open_whole(settings: Settings) -> Store:
    """Open the store; told to stop meanwhile, wait for it and close it: a server half started would stay behind."""
    opening = asyncio.create_task(open_store(settings, upgrade=True))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await (await opening).close()
        raise


async def _check_purpose(store: Store, settings: Settings, *, with_sandbox: bool) -> None:
    """Refuse to mix invented and real: a database belongs to the sandbox or to real connections, never to both."""
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT EXISTS (SELECT FROM clients WHERE name = %s), EXISTS (SELECT FROM dossiers)", (SANDBOX_CLIENT,)
        )
        row = await cursor.fetchone()
    of_sandbox, has_dossiers = row if row is not None else (False, False)
    if with_sandbox and has_dossiers and not of_sandbox:
        raise CommandError(
            "database_is_real",
            Sentence(
                en="This database holds dossiers that were not made in a sandbox, and a simulator would swallow what "
                "still waits to be sent; set LIENTHONG_DATA_DIR or LIENTHONG_DATABASE_URL to another one.",
                vi="Cơ sở dữ liệu này có hồ sơ không thuộc môi trường giả lập, bộ giả lập sẽ nhận mất những gì đang "
                "chờ gửi; hãy đặt LIENTHONG_DATA_DIR hoặc LIENTHONG_DATABASE_URL sang nơi khác.",
            ),
        )
    if not with_sandbox and of_sandbox and any(one.enabled for one in settings.connections.values()):
        raise CommandError(
            "database_is_sandbox",
            Sentence(
                en="This database holds invented dossiers of the sandbox, which must not reach a real system; add "
                "--sandbox, or set LIENTHONG_DATA_DIR or LIENTHONG_DATABASE_URL to another one.",
                vi="Cơ sở dữ liệu này chứa hồ sơ giả định của môi trường giả lập, không được gửi tới hệ thống thật; "
                "hãy thêm --sandbox, hoặc đặt LIENTHONG_DATA_DIR hay LIENTHONG_DATABASE_URL sang nơi khác.",
            ),
        )


async def _watch_database(store: Store, say: Say) -> None:
    """Start the embedded server anew when it died."""
    embedded = store.embedded
    while embedded is not None:
        await asyncio.sleep(_WATCH_SECONDS)
        if await asyncio.to_thread(postmaster.find, embedded.data) is not None:
            continue
        if not await asyncio.to_thread(embedded.data.exists):
            continue  # The directory was deleted under the server; there is nothing to start.
        say(Sentence(en="The database ended; it starts again.", vi="Cơ sở dữ liệu đã dừng; đang khởi động lại."))
        try:
            await asyncio.to_thread(embedded.start_or_attach)
        except StoreError as error:
            say(error.sentence)
            await asyncio.sleep(_DATABASE_RETRY_SECONDS)
        else:
            say(Sentence(en="The database runs again.", vi="Cơ sở dữ liệu đã chạy lại."))


# --- the sandbox's client and procedures ------------------------------------------------------------------


async def _sandbox_client(store: Store) -> clients.Credentials:
    """Return fresh credentials of the sandbox's client; those of an earlier run end now."""
    known = {one.name: one for one in await clients.all_clients(store)}
    scopes = [one for one in Scope if one not in _OF_THE_OTHER_PARTY]
    if SANDBOX_CLIENT not in known:
        return await clients.add(store, name=SANDBOX_CLIENT, scopes=scopes, agencies=[SANDBOX_AGENCY])
    try:
        return await clients.rotate(store, known[SANDBOX_CLIENT].id, overlap=timedelta(0))
    except Refusal:
        # Somebody disabled it, and disabled it stays.
        name = f"{SANDBOX_CLIENT} {secrets.token_hex(3)}"
        return await clients.add(store, name=name, scopes=scopes, agencies=[SANDBOX_AGENCY])


async def _wait_for_procedures(store: Store) -> None:
    """Wait until the clerk has copied the catalogue: before that every dossier is refused."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PROCEDURES_SECONDS):
            while not await known_procedures(store):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.1)


async def known_procedures(store: Store) -> list[str]:
    """Return the roots of all procedures copied so far, in order."""
    async with store.transaction() as conn:
        cursor = await conn.execute("SELECT root FROM procedures ORDER BY root")
        return [row[0] for row in await cursor.fetchall()]
