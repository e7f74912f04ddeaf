"""The TechID look-up: recorded before it is asked, in the ledger without a number, and never logged."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.transport.simulation.faults import FaultKind
from hub.access.scopes import Scope
from hub.lookups.api import EXAMPLE
from hub.lookups.log import BEGINNING, digests_of, ended_since
from hub.lookups.rows import lookup_context
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.databases import settled
from tests.hub.subjects_world import PORTAL, SubjectWorld

PATH = "/v1/lookups/technical-ids"
NUMBER = EXAMPLE["number"]


async def read_all(conn: Any) -> Any:
    """Everything that ended, also what this very moment could still be overtaken."""
    return await ended_since(conn, BEGINNING, 100)


async def ask(world: SubjectWorld, **changes: Any) -> Any:
    return await world.caller.post(PATH, json=EXAMPLE | changes, headers=fresh_key())


async def test_a_look_up_is_answered_and_recorded(world: SubjectWorld) -> None:
    """What was asked is sealed with a salt; the ledger holds the digest of both and nothing else of it."""
    answer = await ask(world)
    assert answer.status_code == 200, answer.text
    assert answer.json()["technical_ids"] == ["00000000-0000-4000-8000-000000000001"]
    assert answer.headers["cache-control"] == "no-store"
    lookup_id = answer.json()["lookup_id"]
    ((key, account, dossier, outcome, found, sealed),) = await world.rows(
        "SELECT a.id, account_id, dossier_code, outcome, found, a.sealed"
        " FROM lookups a JOIN lookup_ends ON lookup_id = a.id"
    )
    assert (str(key), account, dossier, outcome, found) == (
        lookup_id,
        "canbo01",
        EXAMPLE["dossier_code"],
        "found",
        1,
    )
    content = world.store.sealer.open(bytes(sealed), lookup_context(key))
    assert orjson.loads(content)["question"]["number"] == NUMBER
    leaves = await world.rows("SELECT kind, digest, facts FROM ledger_queue WHERE subject = %s ORDER BY at", lookup_id)
    assert [(kind, orjson.loads(facts)["act"]) for kind, _, facts in leaves] == [
        ("lookup", "lookup.technical_id"),
        ("lookup", "lookup.ended"),
    ]
    assert NUMBER not in str(leaves)
    await settled(world.store)
    async with world.store.transaction() as conn:
        (ended,) = await read_all(conn)
    assert digests_of(ended, world.store.sealer) == tuple(bytes(digest) for _, digest, _ in leaves)


async def test_a_portal_that_fails_is_told_and_recorded(world: SubjectWorld) -> None:
    """The caller learns whose fault it is; the record says how it ended, also that nobody was found."""
    assert (await ask(world, number="099199000999")).json()["technical_ids"] == []
    world.portal.faults.add(FaultKind.HTML_200, connection=PORTAL, operation="TraCuuTechID")
    assert_problem(await ask(world), 502, "partner_answer_broken")
    world.portal.faults.clear()
    world.portal.faults.add(FaultKind.SERVER_500, connection=PORTAL, operation="TraCuuTechID")
    assert_problem(await ask(world), 503, "partner_unavailable")
    ends = await world.rows("SELECT coalesce(error, outcome) FROM lookup_ends ORDER BY lookup_id")
    outcomes = [row[0] for row in ends]
    assert outcomes == ["not_found", "Malformed", "TryLater"]


ACTOR = {"account_id": "a", "unit_code": "H99.12", "ip": "::1"}
WRONG: tuple[tuple[dict[str, Any], int, str, str], ...] = (
    ({"number": "123"}, 422, "enterprise_code", "number"),
    ({"actor": ACTOR | {"ip": "nhà"}}, 422, "ip_address", "actor.ip"),
    ({"actor": ACTOR | {"unit_code": "H56"}}, 403, "unit_not_allowed", "actor.unit_code"),
    ({"dossier_code": "H56.12-261008-0001"}, 403, "agency_not_allowed", "code"),
    ({"dossier_code": ""}, 422, "dossier_code", "dossier_code"),
)


async def test_a_look_up_serves_a_dossier_of_ones_own(world: SubjectWorld) -> None:
    """Refused before anything is recorded or asked; the number is quoted nowhere."""
    for changes, status, code, field in WRONG:
        assert_problem(await ask(world, **changes), status, code, field)
    assert await world.rows("SELECT * FROM lookups") == []
    assert world.portal.app.portal.logins == 0


async def test_the_scope_is_needed_and_nothing_is_logged(world: SubjectWorld, caplog: Any, capsys: Any) -> None:
    """Deny by default; and the number is in no log line."""
    stranger = await world.api.calling([scope for scope in Scope if scope is not Scope.TECHNICAL_IDS_READ])
    assert_problem(await stranger.post(PATH, json=EXAMPLE, headers=fresh_key()), 403, "scope_missing")
    await ask(world)
    logged = caplog.text + "".join(capsys.readouterr())
    assert NUMBER not in logged
    assert "token_issued" in logged
    await world.do("UPDATE connections SET paused = true WHERE id = %s", PORTAL)
    assert_problem(await ask(world), 503, "connection_paused")
    assert len(await world.rows("SELECT * FROM lookups")) == 1, "a stop is a stop, for questions too"
