"""Commands of an administrator: database, keys, API clients."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from contracts.errors import Sentence
from hub.access.scopes import Scope
from hub.cli.frame import actor, load, run, say, table
from hub.running.command_error import CommandError
from hub.settings import Settings

_MARGIN_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    db = typer.Typer(help="The database.", no_args_is_help=True)
    db.command("upgrade")(db_upgrade)
    app.add_typer(db, name="db")

    of_clients = typer.Typer(help="Programs that may call the API.", no_args_is_help=True)
    of_clients.command("add")(clients_add)
    of_clients.command("list")(clients_list)
    of_clients.command("disable")(clients_disable)
    of_clients.command("rotate")(clients_rotate)
    app.add_typer(of_clients, name="clients")

    of_keys = typer.Typer(help="The keys that seal citizens' data.", no_args_is_help=True)
    of_keys.command("create")(keys_create)
    of_keys.command("rotate")(keys_rotate)
    app.add_typer(of_keys, name="keys")


# --- database -----------------------------------------------------------------------------------------------


def db_upgrade() -> None:
    """Bring the database's tables up to date; does nothing when they are."""
    settings = load(quiet=True)
    before, after = run(_upgrade(settings))
    if before == after:
        say(f"The tables are up to date (version {after}).")
    else:
        say(f"The tables were upgraded from {before or 'none'} to version {after}.")


async def _upgrade(settings: Settings) -> tuple[str | None, str | None]:
    from hub.store import external
    from hub.store.embedded import EmbeddedPostgres

    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        await external.check(url)
        return await _upgrade_at(url)
    embedded = EmbeddedPostgres(settings.data_dir)
    await asyncio.to_thread(embedded.start_or_attach)
    try:
        return await _upgrade_at(embedded.url)
    finally:
        await asyncio.to_thread(embedded.release)


async def _upgrade_at(url: str) -> tuple[str | None, str | None]:
    from hub.store import schema

    before = await asyncio.to_thread(schema.current_revision, url)
    await asyncio.to_thread(schema.upgrade, url)
    after = await asyncio.to_thread(schema.current_revision, url)
    if after != before:
        await _record_upgrade(url, before, after)
    return before, after


async def _record_upgrade(url: str, before: str | None, after: str | None) -> None:
    from psycopg import AsyncConnection

    from hub.ledger.entries import record_act

    facts = {"from_version": before or "none", "to_version": after or "none"}
    async with await AsyncConnection.connect(url) as conn:
        await record_act(conn, act="database.upgraded", actor=actor(), target="database", facts=facts)


# --- clients ------------------------------------------------------------------------------------------------

_CLIENT = Annotated[str, typer.Argument(help="Id of the client.")]


def clients_add(
    name: Annotated[str, typer.Argument(help="Name of the program, for people.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for several.")],
    agency: Annotated[
        list[str] | None, typer.Option(help="Agency code it acts for, all below included; repeat for several.")
    ] = None,
) -> None:
    """Make an API client and show its secret, once."""
    from hub.access import clients
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def add() -> clients.Credentials:
        async with await open_store(settings) as store:
            return await clients.add(store, name=name, scopes=scope, agencies=agency or [], actor=actor())

    made = run(add())
    _show_once(made.client_id, made.secret)


def clients_list() -> None:
    """List all API clients, oldest first."""
    from hub.access import clients
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def read() -> list[clients.Client]:
        async with await open_store(settings) as store:
            return await clients.all_clients(store)

    table(
        "API clients",
        ["id", "name", "scopes", "agencies", "made", "disabled"],
        [
            (one.id, one.name, " ".join(sorted(one.scopes)), " ".join(one.agencies), one.created_at, one.disabled_at)
            for one in run(read())
        ],
        empty="There are no API clients; make one with: lienthong clients add",
    )


def clients_disable(client_id: _CLIENT) -> None:
    """Refuse a client from now on, tokens it already has included."""
    from hub.access import clients
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def disable() -> None:
        async with await open_store(settings) as store:
            await clients.disable(store, client_id, actor=actor())

    run(disable())
    say(f"{client_id} is disabled.")


def clients_rotate(
    client_id: _CLIENT,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=8760, help="Hours for which the former secret stays good.")
    ] = 24.0,
) -> None:
    """Give a client a new secret and show it, once; the former one stays good for a while."""
    from hub.access import clients
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def rotate() -> clients.Credentials:
        async with await open_store(settings) as store:
            return await clients.rotate(store, client_id, overlap=timedelta(hours=overlap_hours), actor=actor())

    made = run(rotate())
    _show_once(made.client_id, made.secret)


def _show_once(client_id: str, secret: str) -> None:
    say(f"CLIENT_ID={client_id}\nCLIENT_SECRET={secret}")
    say("The secret is shown this once; keep it now.  Khóa bí mật chỉ hiện một lần; hãy lưu lại ngay.")


# --- keys ---------------------------------------------------------------------------------------------------


def keys_create() -> None:
    """Write a new key file, for a database of your own; never overwrites one."""
    from hub.store.key_file import KeyFile

    settings = load(quiet=True)
    path = settings.resolved_key_file
    if path.exists():
        raise CommandError(
            "key_file_exists",
            Sentence(
                en=f"The key file {path} is there already and is not overwritten.",
                vi=f"Tệp khóa {path} đã có và không bị ghi đè.",
            ),
        )
    KeyFile.create(path)
    say(f"Wrote {path}. Back it up apart from the database: without it what is sealed is lost.")


def keys_rotate(
    *,
    reseal: Annotated[
        bool, typer.Option("--reseal", help="Also seal anew, beside normal traffic, what older keys sealed.")
    ] = False,
    delay_seconds: Annotated[
        float, typer.Option(min=0, help="When the new key begins to seal; by then every process must have read it.")
    ] = 60.0,
) -> None:
    """Make new keys, for sealing and for signing access tokens; data and tokens stay good."""
    settings = load(quiet=True)
    run(_rotate(settings, timedelta(seconds=delay_seconds), reseal=reseal))


async def _rotate(settings: Settings, delay: timedelta, *, reseal: bool) -> None:
    from hub.access import signing
    from hub.sealed_columns import SEALED_COLUMNS
    from hub.store import rotation
    from hub.store.engine import open_store

    async with await open_store(settings) as store:
        done = await rotation.rotate_keys(store, activation_delay=delay, actor=actor())
        await signing.rotate(store, actor=actor())
        say(f"New key-encryption key {done.kek_id} and data key {done.data_key_id}; {done.rewrapped} keys re-wrapped.")
        say(f"Back up {store.key_file} again.")
        if reseal:
            say(f"Sealing anew begins in {delay.total_seconds():g} s, when every process knows the new key.")
            await asyncio.sleep(delay.total_seconds() + _MARGIN_SECONDS)
            resealed = await rotation.reseal(store, SEALED_COLUMNS)
            retired = await rotation.retire_data_keys(store, SEALED_COLUMNS)
            say(f"{resealed} values sealed anew; {len(retired)} data keys that nothing needs any more were deleted.")
