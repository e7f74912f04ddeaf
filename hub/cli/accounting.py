"""Commands of accounts: the register of officers who may look people up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.errors import Sentence
from hub.accounts.states import AccountState
from hub.cli import accounting_acts
from hub.cli.account_input import Account, Document, Person, Reason, checked, content, here, read, with_store, write
from hub.cli.frame import err, local_time, say, table
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.accounts.views import AccountDetail, DormantList, History, ImportReport
    from hub.profiles.profile import Profile
    from hub.settings import Settings
    from hub.store.engine import Store

_UNIT = Annotated[str | None, typer.Option(help="Of this agency and all below it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_accounts = typer.Typer(help="Officers who may look people up.", no_args_is_help=True)
    of_accounts.command("list")(accounts_list)
    of_accounts.command("show")(accounts_show)
    of_accounts.command("dormant")(accounts_dormant)
    of_accounts.command("request")(accounts_request)
    of_accounts.command("import")(accounts_import)
    of_accounts.command("export")(accounts_export)
    accounting_acts.register(of_accounts)
    app.add_typer(of_accounts, name="accounts")


# --- reading ------------------------------------------------------------------------------------------------


def accounts_list(
    *,
    state: Annotated[AccountState | None, typer.Option(help="In this state.")] = None,
    unit: _UNIT = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Only those whose id comes after this one.")] = None,
) -> None:
    """List accounts by id; without names and numbers of officers."""
    from hub.accounts.reading import AccountReader, Filter

    async def look(store: Store, _: Settings, profile: Profile) -> Any:
        reader = AccountReader(store, profile)
        return await reader.page(Filter(state=state, unit=unit), here(), cursor=after, limit=limit)

    page = with_store(look)
    table(
        "Accounts",
        ["id", "state", "unit", "role", "officer", "until", "last used", "waits for"],
        [
            (
                one.id,
                one.state,
                one.unit_code,
                one.role,
                one.officer_code,
                one.valid_until,
                one.last_used_at,
                one.pending,
            )
            for one in page.items
        ],
        empty="There are no such accounts.",
    )
    if page.next_cursor is not None:
        say(f"There are more: --after {page.next_cursor}")


def accounts_show(account: Account) -> None:
    """Show an account, what waits for it, and what was done to it; without the officer's personal data."""
    from hub.accounts.reading import AccountReader

    async def look(store: Store, _: Settings, profile: Profile) -> tuple[AccountDetail, History]:
        reader = AccountReader(store, profile)
        return await reader.get(account, here()), await reader.history(account, here(), limit=20)

    one, history = with_store(look)
    facts, scope = one.facts, one.facts.scope
    say(f"{one.id}: {one.state} since {local_time(one.state_since)}")
    say(f"officer     {facts.officer.code}, {one.role_today} at {one.unit_today}")
    say(f"purpose     {facts.purpose}")
    say(f"units       {' '.join(scope.units)}")
    say(f"procedures  {' '.join(scope.procedures) or 'all of its units'}")
    say(f"look-ups    {' '.join(scope.operations)}; data: {' '.join(scope.data_groups)}")
    say(f"valid       {facts.valid_from} to {facts.valid_until or 'without end'}")
    say(f"last used   {local_time(one.last_used_at)}; disuse locks it on {one.dormant_on or '-'}")
    if one.pending is not None:
        waiting = one.pending
        say(f"waits       request {waiting.number} ({waiting.kind}) of {waiting.party}, {waiting.document_number}")
        say(f"            by {waiting.requested_by}, {local_time(waiting.requested_at)}: {' '.join(waiting.changed)}")
    table(
        "History",
        ["when", "act", "from", "to", "party", "document", "client"],
        [
            (act.at, act.act, act.from_state, act.to_state, act.party, act.document_number, act.client_id)
            for act in history.items
        ],
        empty="Nothing was done to it.",
    )


def accounts_dormant(
    *,
    ahead_days: Annotated[int, typer.Option(min=0, max=365, help="Also those soon to be locked.")] = 30,
    out: Annotated[Path | None, typer.Option(help="Write the list as CSV to this file.")] = None,
) -> None:
    """List accounts locked for disuse, and those soon to be, by agency."""
    from hub.accounts.exporting import dormant_csv
    from hub.accounts.reading import AccountReader

    async def look(store: Store, _: Settings, profile: Profile) -> DormantList:
        return await AccountReader(store, profile).dormant(here(), ahead_days=ahead_days)

    found = with_store(look)
    if out is not None:
        write(out, dormant_csv(found))
        return
    table(
        f"Accounts without a look-up for {found.dormant_days} days",
        ["agency", "id", "officer", "state", "idle since", "locked"],
        [
            (agency.unit_code, one.id, one.officer_code, one.state, one.idle_since, one.locked_at)
            for agency in found.agencies
            for one in agency.accounts
        ],
        empty="There are none.",
    )


# --- requesting ---------------------------------------------------------------------------------------------


def accounts_request(
    account: Account,
    file: Annotated[Path, typer.Argument(help="JSON of the account, as for PUT /v1/accounts/{id}; - reads the input.")],
) -> None:
    """Request an account or a change of one; the other party decides."""
    import orjson
    from pydantic import TypeAdapter

    from contracts.accounts import AccountDeclaration, AccountId
    from hub.accounts.requests import AccountRequests

    account_id = read(TypeAdapter(AccountId), orjson.dumps(account))
    declared = read(TypeAdapter(AccountDeclaration), content(file))

    async def declare(store: Store, settings: Settings, profile: Profile) -> str:
        requests = AccountRequests(store, profile, settings.accounts)
        return (await requests.declare(account_id, declared, here())).value

    say(f"{account}: {with_store(declare)}")


def accounts_import(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX with the headings of an export.")],
    *,
    person: Person,
    reason: Reason,
    document: Document,
    trial: Annotated[bool, typer.Option("--trial", help="Only look whether it could be imported.")] = False,
) -> None:
    """Request the accounts of a table: all of them or none; every fault is told with its row and column."""
    from contracts.accounts import Authority
    from hub.accounts.importing import AccountImport, ImportFaults
    from hub.accounts.requests import AccountRequests

    data, said = content(file), checked(Authority, person=person, reason=reason, document_number=document)

    async def take_in(store: Store, settings: Settings, profile: Profile) -> ImportReport:
        table_ = AccountImport(AccountRequests(store, profile, settings.accounts))
        return await table_.apply(await table_.read(data, said), here(), trial=trial)

    try:
        report = with_store(take_in)
    except ImportFaults as faults:
        for one in faults.faults:
            err.print(f"row {one.row}, {one.column or '-'}: {one.sentence.en} / {one.sentence.vi}", soft_wrap=True)
        raise
    done = "could be" if trial else "were"
    say(f"{report.rows} rows: {report.requested} {done} requested, {report.amended} amended, {report.unchanged} known.")


def accounts_export(
    out: Annotated[Path, typer.Argument(help="File to write: its ending, .csv or .xlsx, says what.")],
    *,
    state: Annotated[AccountState | None, typer.Option(help="In this state.")] = None,
    unit: _UNIT = None,
) -> None:
    """Write the register to a file that only you can read; it holds officers' numbers, and taking it is recorded."""
    from hub.accounts.exporting import FileKind, export_accounts
    from hub.accounts.reading import AccountReader, Filter

    try:
        kind = FileKind(out.suffix.lower().lstrip("."))
    except ValueError:
        raise CommandError(
            "file_kind", Sentence("The file must end in .csv or .xlsx.", "Tên tệp phải kết thúc bằng .csv hoặc .xlsx.")
        ) from None

    async def export(store: Store, _: Settings, profile: Profile) -> bytes:
        return await export_accounts(store, AccountReader(store, profile), Filter(state, unit), here(), kind)

    write(out, with_store(export))
