"""Commands that move an account: decided by the other party, taken out of use, asked back.

What takes an account out of use may be done by whoever runs this machine, and is recorded with that name. To approve,
one needs to be the other party: a client of theirs, whose secret is asked for or taken from CLIENT_SECRET.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Sentence
from hub.cli.account_input import Account, Document, Person, Reason, checked, here, with_store
from hub.cli.frame import say
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.profiles.profile import Profile
    from hub.settings import Settings
    from hub.store.engine import Store

SECRET_VARIABLE = "CLIENT_SECRET"  # noqa: S105 - the name of a variable, as `clients add` prints it

_CLIENT = Annotated[str, typer.Option("--client", help="Id of the approving party's client; its secret is asked for.")]
_NUMBER = Annotated[int, typer.Option("--request", min=1, help="Number of the request, as `accounts show` says it.")]


def register(of_accounts: typer.Typer) -> None:
    """Add the commands of this module."""
    of_accounts.command("approve")(accounts_approve)
    of_accounts.command("refuse")(accounts_refuse)
    of_accounts.command("suspend")(accounts_suspend)
    of_accounts.command("lock")(accounts_lock)
    of_accounts.command("revoke")(accounts_revoke)
    of_accounts.command("reinstate")(accounts_reinstate)


# --- deciding -----------------------------------------------------------------------------------------------


def accounts_approve(
    account: Account,
    *,
    client: _CLIENT,
    request: _NUMBER,
    person: Person,
    reason: Reason,
    document: Document,
    consent_document: Annotated[str, typer.Option(help="Document by which the police agreed, where needed.")] = "",
) -> None:
    """Approve what waits, as the other party."""
    _decide(account, client, "approve", (request, person, reason, document, consent_document))


def accounts_refuse(
    account: Account,
    *,
    client: _CLIENT,
    request: _NUMBER,
    person: Person,
    reason: Reason,
    document: Document,
) -> None:
    """Refuse what waits, as the other party."""
    _decide(account, client, "refuse", (request, person, reason, document, ""))


def _decide(account: str, client_id: str, act: str, said: tuple[int, str, str, str, str]) -> None:
    from contracts.accounts import Decision
    from hub.access import clients
    from hub.accounts.decisions import AccountDecisions
    from hub.accounts.frame import Caller

    number, person, reason, document, consent = said
    decision = checked(
        Decision,
        request_number=number,
        person=person,
        reason=reason,
        document_number=document,
        consent_document=consent,
    )
    secret = os.environ.get(SECRET_VARIABLE) or typer.prompt("Secret", hide_input=True)

    async def decide(store: Store, settings: Settings, profile: Profile) -> None:
        client = await clients.authenticate(store, client_id, secret)
        if client is None:
            raise CommandError(
                "client_unknown",
                Sentence(
                    "The client is not known, is disabled, or its secret is wrong.",
                    "Ứng dụng không tồn tại, đã bị vô hiệu hoá, hoặc sai khoá bí mật.",
                ),
            )
        decisions = AccountDecisions(store, profile, settings.accounts)
        await getattr(decisions, act)(account, decision, Caller(client.id, client.agencies))

    with_store(decide)
    say(f"{account}: request {number} {act}d.")


# --- out of use ---------------------------------------------------------------------------------------------


def accounts_suspend(account: Account, *, person: Person, reason: Reason, document: Document) -> None:
    """Take an account out of use for a time."""
    _measure(account, "suspend", person, reason, document)


def accounts_lock(account: Account, *, person: Person, reason: Reason, document: Document) -> None:
    """Lock an account; in force at the next look-up."""
    _measure(account, "lock", person, reason, document)


def accounts_revoke(account: Account, *, person: Person, reason: Reason, document: Document) -> None:
    """Take an account back for good."""
    _measure(account, "revoke", person, reason, document)


def accounts_reinstate(account: Account, *, person: Person, reason: Reason, document: Document) -> None:
    """Ask to give an account back; the other party decides."""
    _measure(account, "reinstate", person, reason, document)


def _measure(account: str, act: str, person: str, reason: str, document: str) -> None:
    from contracts.accounts import Measure
    from hub.accounts.measures import AccountMeasures
    from hub.accounts.requests import AccountRequests

    measure = checked(Measure, person=person, reason=reason, document_number=document)

    async def take(store: Store, settings: Settings, profile: Profile) -> None:
        register_ = AccountRequests if act == "reinstate" else AccountMeasures
        await getattr(register_(store, profile, settings.accounts), act)(account, measure, here())

    with_store(take)
    say(f"{account}: {act} recorded.")
