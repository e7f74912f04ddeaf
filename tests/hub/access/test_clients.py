"""API clients: made once, shown once, rotated with an overlap, disabled for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.access import clients
from hub.access.scopes import Scope
from hub.errors import Refusal
from hub.store.engine import Store

READ = [Scope.DOSSIERS_READ]


async def _row(store: Store, client_id: str) -> dict[str, Any]:
    async with store.transaction() as conn:
        cursor = await conn.execute("SELECT to_jsonb(c) FROM clients c WHERE id = %s", [client_id])
        row = await cursor.fetchone()
    assert row is not None
    return dict(row[0])


@pytest.mark.slow
async def test_a_client_proves_itself_with_its_secret(store: Store) -> None:
    """The right secret is known again; every other is not, and an unknown client neither."""
    made = await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    known = await clients.authenticate(store, made.client_id, made.secret)
    assert known is not None
    assert (known.name, known.scopes, known.agencies) == ("iGate", frozenset(READ), ("H99",))
    for client_id, secret in (
        (made.client_id, made.secret[:-1]),
        (made.client_id, ""),
        (made.client_id, made.secret.swapcase()),
        ("client-0000000000000000", made.secret),
        ("", made.secret),
        ("\0", made.secret),
    ):
        assert await clients.authenticate(store, client_id, secret) is None


async def test_the_secret_is_nowhere_but_in_the_answer(store: Store) -> None:
    """Neither the table nor the printed form of the credentials gives the secret away."""
    made = await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    assert made.secret not in str(await _row(store, made.client_id))
    assert made.secret not in repr(made)
    assert len(made.secret) >= 43, "256 bits in base64url"


async def test_a_rotated_secret_overlaps(store: Store) -> None:
    """Both secrets are good during the overlap, and only the new one after it."""
    first = await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    second = await clients.rotate(store, first.client_id, overlap=timedelta(hours=1))
    assert second.secret != first.secret
    for one in (first, second):
        assert await clients.authenticate(store, one.client_id, one.secret) is not None
    third = await clients.rotate(store, first.client_id, overlap=timedelta(0))
    assert await clients.authenticate(store, first.client_id, first.secret) is None
    assert await clients.authenticate(store, first.client_id, second.secret) is None
    assert await clients.authenticate(store, first.client_id, third.secret) is not None


async def test_a_disabled_client_is_unknown(store: Store) -> None:
    """Disabling is final, may be repeated, and keeps the first moment."""
    made = await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    await clients.disable(store, made.client_id)
    at = (await _row(store, made.client_id))["disabled_at"]
    await clients.disable(store, made.client_id)
    assert (await _row(store, made.client_id))["disabled_at"] == at
    assert await clients.authenticate(store, made.client_id, made.secret) is None
    assert await clients.disabled_ids(store) == {made.client_id}
    with pytest.raises(Refusal, match="no such active client"):
        await clients.rotate(store, made.client_id)


async def test_clients_are_listed(store: Store) -> None:
    """The list is what an operator sees; oldest first, disabled ones too."""
    a = await clients.add(store, name="A", scopes=READ, agencies=["H99", "H98.1"])
    b = await clients.add(store, name="B", scopes=[Scope.CONNECTIONS_READ], agencies=[])
    await clients.disable(store, a.client_id)
    listed = await clients.all_clients(store)
    assert [(one.id, one.disabled_at is not None) for one in listed] == [(a.client_id, True), (b.client_id, False)]


@pytest.mark.parametrize(
    ("name", "scopes", "agencies", "code", "field"),
    [
        ("", READ, ["H99"], "client_name", "name"),
        ("   ", READ, ["H99"], "client_name", "name"),
        ("x" * 121, READ, ["H99"], "client_name", "name"),
        ("A", [], ["H99"], "scope_required", "scopes"),
        ("A", READ, [], "agency_required", "agencies"),
        ("A", READ, ["99"], "agency_code", "agencies"),
    ],
)
async def test_what_makes_no_sense_is_refused(  # noqa: PLR0917 - a table
    store: Store, name: str, scopes: list[Scope], agencies: list[str], code: str, field: str
) -> None:
    """A client that could do nothing, or that nobody could tell from another, is not made."""
    with pytest.raises(Refusal) as refused:
        await clients.add(store, name=name, scopes=scopes, agencies=agencies)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert await clients.all_clients(store) == []


async def test_a_name_is_unique(store: Store) -> None:
    """Operators tell clients apart by their names."""
    await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    with pytest.raises(Refusal) as refused:
        await clients.add(store, name="iGate", scopes=READ, agencies=["H99"])
    assert refused.value.code == "client_name_taken"


@pytest.mark.parametrize("call", [clients.disable, clients.rotate])
async def test_an_unknown_client_is_told(store: Store, call: Any) -> None:
    """A typing mistake of an operator does not pass for success."""
    with pytest.raises(Refusal) as refused:
        await call(store, "client-0000000000000000")
    assert refused.value.code == "client_not_found"
