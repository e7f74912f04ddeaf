"""API clients: the programs that may call the hub.

A client proves itself with a secret of 256 random bits, shown once when it is made and stored only as its SHA-256.
When a secret is rotated, the former one stays good for a while, so that no dossier system has to be changed at the
same second as the hub.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from pydantic_core import PydanticCustomError

from contracts.codes import parse_agency_code
from contracts.errors import Sentence
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.ledger.entries import MAX_FACT, PROGRAM, record_act
from hub.store.engine import Store

MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Client:
    """A client, without its secret."""

    id: str
    name: str
    scopes: frozenset[Scope]
    agencies: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to get tokens. The secret is shown once and cannot be read again."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


_ID = re.compile(r"client-[0-9a-f]{16}")


def looks_like_id(text: str) -> bool:
    """Say whether this is the form of an id made by `add`."""
    return _ID.fullmatch(text) is not None


async def add(
    store: Store, *, name: str, scopes: Iterable[Scope], agencies: Iterable[str], actor: str = PROGRAM
) -> Credentials:
    """Make a client and return its credentials.

    ``agencies`` are agency codes of either generation; each stands for itself and all below it. Raises `Refusal`
    for a name that is taken or empty, no scope, an agency code that is none, or dossier scopes without an agency.
    """
    scopes, agencies = sorted(set(scopes)), list(dict.fromkeys(agencies))
    _check(name, scopes, agencies)
    credentials = Credentials(f"client-{secrets.token_hex(8)}", secrets.token_urlsafe(32))
    try:
        async with store.transaction() as conn:
            await conn.execute(
                "INSERT INTO clients (id, name, secret_hash, scopes, agencies) VALUES (%s, %s, %s, %s, %s)",
                [credentials.client_id, name, _hash(credentials.secret), [str(one) for one in scopes], agencies],
            )
            await record_act(
                conn,
                act="client.added",
                actor=actor,
                target=credentials.client_id,
                facts={"scopes": _listed(scopes), "agencies": _listed(agencies)},
            )
    except UniqueViolation:
        raise Refusal(
            409,
            "client_name_taken",
            Sentence(en="A client of this name already exists.", vi="Đã có ứng dụng mang tên này."),
            field="name",
        ) from None
    return credentials


async def all_clients(store: Store) -> list[Client]:
    """Return every client, disabled ones too, oldest first."""
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "SELECT id, name, scopes, agencies, created_at, disabled_at FROM clients ORDER BY created_at, id"
        )
        return [_client(row) for row in await cursor.fetchall()]


async def disable(store: Store, client_id: str, *, actor: str = PROGRAM) -> None:
    """Refuse this client from now on, tokens it already has included (within `hub.access.guard.RELOAD_SECONDS`)."""
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "UPDATE clients SET disabled_at = coalesce(disabled_at, now()) WHERE id = %s", [client_id]
        )
        if cursor.rowcount == 0:
            raise _no_such_client()
        await record_act(conn, act="client.disabled", actor=actor, target=client_id)


async def rotate(
    store: Store, client_id: str, *, overlap: timedelta = timedelta(hours=24), actor: str = PROGRAM
) -> Credentials:
    """Give the client a new secret; the one in force stays good for ``overlap``, an older one ends now."""
    credentials = Credentials(client_id, secrets.token_urlsafe(32))
    async with store.transaction() as conn:
        cursor = await conn.execute(
            "UPDATE clients SET former_secret_hash = secret_hash, former_secret_until = now() + %s, secret_hash = %s"
            " WHERE id = %s AND disabled_at IS NULL",
            [overlap, _hash(credentials.secret), client_id],
        )
        if cursor.rowcount == 0:
            raise _no_such_client()
        hours = f"{overlap / timedelta(hours=1):g}"
        await record_act(conn, act="client.rotated", actor=actor, target=client_id, facts={"overlap_hours": hours})
    return credentials


async def authenticate(store: Store, client_id: str, secret: str) -> Client | None:
    """Return the client whose secret this is; ``None`` for an unknown or disabled client and a wrong secret alike."""
    if not looks_like_id(client_id):
        return None
    async with store.transaction() as conn:
        row = await _row(conn, client_id)
    given = _hash(secret)
    # An unknown client costs the same comparisons as a known one with a wrong secret.
    current, former, until = (bytes(row[6]), row[7], row[8]) if row is not None else (b"", None, None)
    is_current = hmac.compare_digest(given, current)
    is_former = hmac.compare_digest(given, bytes(former or b""))
    if row is None or row[5] is not None:
        return None
    if is_current or (is_former and until is not None and until > datetime.now(UTC)):
        return _client(row)
    return None


async def disabled_ids(store: Store) -> frozenset[str]:
    """Return the ids of all disabled clients."""
    async with store.transaction() as conn:
        cursor = await conn.execute("SELECT id FROM clients WHERE disabled_at IS NOT NULL")
        return frozenset(row[0] for row in await cursor.fetchall())


async def _row(conn: AsyncConnection[Any], client_id: str) -> Any:
    cursor = await conn.execute(
        "SELECT id, name, scopes, agencies, created_at, disabled_at, secret_hash, former_secret_hash,"
        " former_secret_until FROM clients WHERE id = %s",
        [client_id],
    )
    return await cursor.fetchone()


def _client(row: Any) -> Client:
    # A scope that this version does not know any more gives no right.
    known = {scope.value for scope in Scope}
    scopes = frozenset(Scope(one) for one in row[2] if one in known)
    return Client(row[0], row[1], scopes, tuple(row[3]), row[4], row[5])


def _listed(values: Sequence[str]) -> str:
    """Return the values in one line for the record; of too many, how many."""
    line = " ".join(values)
    return line if len(line) <= MAX_FACT else f"{len(values)} values"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _check(name: str, scopes: list[Scope], agencies: list[str]) -> None:
    if not name.strip() or len(name) > MAX_NAME:
        raise Refusal(
            422,
            "client_name",
            Sentence(
                en=f"A client needs a name of 1 to {MAX_NAME} characters.",
                vi=f"Ứng dụng phải có tên từ 1 đến {MAX_NAME} ký tự.",
            ),
            field="name",
        )
    if not scopes:
        raise Refusal(
            422,
            "scope_required",
            Sentence(en="A client needs at least one scope.", vi="Ứng dụng phải có ít nhất một quyền."),
            field="scopes",
        )
    for agency in agencies:
        try:
            parse_agency_code(agency)
        except PydanticCustomError:
            raise Refusal(
                422,
                "agency_code",
                Sentence(
                    en="An agency must be given by its code, such as H99 or H99.12.",
                    vi="Cơ quan phải được khai bằng mã định danh, ví dụ H99 hoặc H99.12.",
                ),
                field="agencies",
            ) from None
    if not agencies and {Scope.DOSSIERS_READ, Scope.DOSSIERS_WRITE} & set(scopes):
        raise Refusal(
            422,
            "agency_required",
            Sentence(
                en="A client that reads or writes dossiers needs the agencies it acts for.",
                vi="Ứng dụng đọc hoặc ghi hồ sơ phải được giao ít nhất một cơ quan.",
            ),
            field="agencies",
        )


def _no_such_client() -> Refusal:
    return Refusal(
        404,
        "client_not_found",
        Sentence(en="There is no such active client.", vi="Không có ứng dụng đang hoạt động nào như vậy."),
        field="client_id",
    )
