"""Accounts are asked for by one party and granted by the other; never by the same client, person or party."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from contracts.accounts import Roster, SecondmentRequest
from hub.access import clients
from hub.access.scopes import Scope
from hub.accounts.frame import Caller
from hub.accounts.requests import Outcome
from hub.accounts.states import MOVES, AccountAct, AccountState, Party, RequestKind, after
from hub.errors import Refusal
from hub.store.engine import Store
from tests.hub.accounts.world import (
    ACCOUNT,
    NAME,
    NUMBER,
    TODAY,
    RegisterWorld,
    decision,
    declared,
    measure,
    register_world,
)


async def refused(code: str, work: Any) -> Refusal:
    """The refusal of this code, which the work must meet."""
    with pytest.raises(Refusal) as caught:
        await work
    assert caught.value.code == code, caught.value.code
    return caught.value


async def test_from_request_to_revocation_with_everything_on_record(world: RegisterWorld) -> None:
    """VP 8.2, 8.3: each act has its person, reason and document, in the history and in the ledger."""
    assert await world.declare() is Outcome.REQUESTED
    asked = await world.get()
    assert asked.state is AccountState.REQUESTED
    assert asked.pending is not None
    assert (asked.pending.kind, asked.pending.party) == (RequestKind.GRANT, Party.AGENCY)
    assert asked.pending.reason == "Cán bộ mới"
    await world.approve()
    active = await world.get()
    assert (active.state, active.pending, active.approved_at) == (AccountState.ACTIVE, None, world.clock.now)
    await world.measures.suspend(ACCOUNT, measure(), world.manager)
    await world.requests.reinstate(ACCOUNT, measure(reason="Đi làm lại"), world.manager)
    await world.approve()
    await world.measures.lock(ACCOUNT, measure(), world.police)
    await world.measures.revoke(ACCOUNT, measure(reason=f"Tra cứu sai {NAME}", document_number="78/QĐ"), world.manager)
    history = await world.reader.history(ACCOUNT, Caller("reader"))
    assert [one.act for one in reversed(history.items)] == [
        "request_grant",
        "approve_grant",
        "suspend",
        "request_reinstatement",
        "approve_reinstatement",
        "lock",
        "revoke",
    ]
    last = history.items[0]
    assert (last.from_state, last.to_state, last.document_number) == ("locked", "revoked", "78/QĐ")
    assert last.reason == f"Tra cứu sai {NAME}"
    assert history.items[1].party is Party.POLICE
    ledger = await world.rows("SELECT subject, facts FROM ledger_queue WHERE facts LIKE '%%account.%%' ORDER BY id")
    assert [orjson.loads(facts)["act"] for _, facts in ledger][-1] == "account.revoke"
    assert {subject for subject, _ in ledger} == {ACCOUNT}
    assert len(ledger) == 7


async def test_nothing_of_the_officer_lies_in_clear(world: RegisterWorld) -> None:
    """Name, number, telephone and reasons are sealed; the ledger has none of them."""
    await world.granted(request={"reason": f"Cho ông {NAME} {NUMBER}"})
    await world.measures.lock(ACCOUNT, measure(reason=f"Lộ số {NUMBER}"), world.manager)
    for table in ("lookup_accounts", "lookup_account_requests", "lookup_account_acts", "ledger_queue"):
        found = await world.rows(f"SELECT t::text FROM {table} t")  # noqa: S608 - our own tables
        assert found
        text = " ".join(row[0] for row in found)
        for secret in (NUMBER, NAME, "0912 345", NUMBER.encode().hex(), NAME.encode().hex()):
            assert secret not in text, table


async def test_nobody_approves_their_own(world: RegisterWorld, store: Store) -> None:
    """Another client, another person, another party; and never the officer."""
    await world.declare()
    both = await clients.add(
        store, name="Cả hai", scopes=[Scope.ACCOUNTS_REQUEST, Scope.ACCOUNTS_APPROVE_POLICE], agencies=[]
    )
    await refused("other_party_required", world.requests.declare("x", declared(), Caller(both.client_id)))
    await refused("not_the_approving_party", world.decisions.approve(ACCOUNT, decision(), world.dossier_system))
    await refused("not_the_approving_party", world.decisions.approve(ACCOUNT, decision(), world.office))
    for person in ("Trần Thị Đề Nghị", "  trần thị  ĐỀ nghị ", NAME, ACCOUNT):
        same = await refused(
            "second_person_required", world.decisions.approve(ACCOUNT, decision(person=person), world.police)
        )
        assert same.field == "person"
    # A client that was given the approving scope after it had asked.
    async with store.transaction() as conn:
        await conn.execute(
            "UPDATE clients SET scopes = scopes || %s WHERE id = %s",
            ([Scope.ACCOUNTS_APPROVE_POLICE.value], world.dossier_system.client_id),
        )
    await refused("second_person_required", world.decisions.approve(ACCOUNT, decision(), world.dossier_system))
    assert (await world.get()).state is AccountState.REQUESTED
    await refused("second_person_required", world.decisions.refuse(ACCOUNT, decision(), world.dossier_system))


@pytest.mark.parametrize(
    ("profile", "party", "consent"),
    [
        ("vinh_phuc", Party.PROVINCIAL_OFFICE, False),
        ("hai_duong", Party.POLICE, False),
        ("yen_bai", Party.PROVINCIAL_OFFICE, True),
        ("lam_dong", Party.POLICE, True),
    ],
)
async def test_who_approves_and_what_it_takes_is_the_provinces(
    store: Store, profile: str, party: Party, *, consent: bool
) -> None:
    """VP 8.2, HD 9.3, YB 13.1, LĐ 9.3."""
    world = await register_world(store, profile)
    other = world.office if party is Party.POLICE else world.police
    await world.declare()
    await refused("not_the_approving_party", world.decisions.approve(ACCOUNT, decision(), other))
    if consent:
        await refused("police_consent_required", world.decisions.approve(ACCOUNT, decision(), world.approver))
    await world.decisions.approve(ACCOUNT, decision(consent_document="9/PC06"), world.approver)
    act = (await world.reader.history(ACCOUNT, Caller("reader"))).items[0]
    assert (act.party, act.consent_document) == (party, "9/PC06")
    assert act.to_state is AccountState.ACTIVE


async def test_the_same_again_changes_nothing(world: RegisterWorld) -> None:
    """A dossier system may PUT what it knows every night, in any order of lists; it revives nothing."""
    await world.declare()
    assert await world.declare() is Outcome.UNCHANGED
    await world.approve()
    assert await world.declare(scope={"operations": ["confirm", "find_citizen"]}) is Outcome.UNCHANGED
    await world.measures.lock(ACCOUNT, measure(), world.manager)
    assert await world.declare() is Outcome.UNCHANGED
    assert (await world.get()).state is AccountState.LOCKED
    await world.measures.revoke(ACCOUNT, measure(), world.manager)
    assert await world.declare() is Outcome.UNCHANGED
    assert (await world.get()).state is AccountState.REVOKED
    await refused("account_ended", world.declare(purpose="Việc khác"))
    assert await world.declare(request={"document_number": "99/CV-UBND"}) is Outcome.REQUESTED
    assert (await world.get()).state is AccountState.REQUESTED


async def test_a_change_waits_while_what_was_granted_works(world: RegisterWorld) -> None:
    """LĐ 9.3: agreement also before a change. Contact and home are taken over at once, and stand in the history."""
    await world.granted()
    assert await world.declare(officer={"phone": "0999", "home_commune": "00070"}) is Outcome.AMENDED
    assert (await world.get()).facts.officer.phone == "0999"
    wider = {"units": ["H99.12", "H99.13"]}
    assert await world.declare(scope=wider) is Outcome.REQUESTED
    waiting = await world.get()
    assert waiting.state is AccountState.ACTIVE
    assert waiting.facts.scope.units == ("H99.12",)
    assert waiting.pending is not None
    assert waiting.pending.changed == ("scope.units",)
    # What the approver saw is what he grants: a wider request in between takes another number.
    await world.declare(scope={"units": ["H99"]})
    await refused("request_changed", world.decisions.approve(ACCOUNT, decision(2), world.police))
    await world.decisions.refuse(ACCOUNT, decision(3), world.police)
    assert (await world.get()).facts.scope.units == ("H99.12",)
    await world.declare(scope=wider)
    assert await world.declare(officer={"phone": "0999", "home_commune": "00070"}) is Outcome.AMENDED
    assert (await world.get()).pending is None, "what is in force again is not asked for any more"
    await world.declare(scope=wider)
    await world.approve()
    assert (await world.get()).facts.scope.units == ("H99.12", "H99.13")
    await refused("nothing_pending", world.decisions.approve(ACCOUNT, decision(), world.police))


async def test_many_at_the_same_instant_do_it_once(world: RegisterWorld) -> None:
    """One request of many equal ones, and one approval of many."""
    outcomes = await asyncio.gather(*(world.declare() for _ in range(6)))
    assert sorted(outcomes) == [Outcome.REQUESTED, *[Outcome.UNCHANGED] * 5]
    approvals = (world.decisions.approve(ACCOUNT, decision(), world.police) for _ in range(4))
    ends = await asyncio.gather(*approvals, return_exceptions=True)
    assert sorted("taken" if one is None else getattr(one, "code", "?") for one in ends) == [
        *["nothing_pending"] * 3,
        "taken",
    ]


async def test_a_client_acts_for_its_own_agencies(world: RegisterWorld) -> None:
    """Neither beyond them by the scope, nor upon accounts of others."""
    stranger = Caller(world.dossier_system.client_id, ("H98",))
    foreign = await refused("agency_not_allowed", world.requests.declare(ACCOUNT, declared(), stranger))
    assert foreign.field == "unit_code"
    beyond = await refused("agency_not_allowed", world.declare(scope={"units": ["H99.12", "H98"]}))
    assert beyond.field == "scope.units[0]"
    await world.granted()
    taken = declared(unit_code="H98", scope={"units": ["H98"]})
    assert (await refused("agency_not_allowed", world.requests.declare(ACCOUNT, taken, stranger))).field == "id"
    for work in (
        world.reader.get(ACCOUNT, stranger),
        world.reader.history(ACCOUNT, stranger),
        world.measures.lock(ACCOUNT, measure(), stranger),
    ):
        await refused("account_not_found", work)


async def test_an_end_in_the_past_is_not_granted(world: RegisterWorld) -> None:
    """Also where it has passed only while the request waited."""
    await world.declare(valid_until="2026-10-09")
    world.clock.pass_days(2)
    await refused("validity_over", world.decisions.approve(ACCOUNT, decision(), world.police))
    assert (await world.get()).state is AccountState.REQUESTED


async def test_a_secondment_is_requested_and_has_its_days(world: RegisterWorld) -> None:
    """Another unit for a time; before and after it the lasting one."""
    wanted = SecondmentRequest.model_validate_json(
        orjson.dumps(
            {
                "since": "2026-10-12",
                "until": "2026-10-16",
                "role": "land",
                "unit_code": "H99.13",
                "request": {"person": "Trần Thị Đề Nghị", "reason": "Biệt phái", "document_number": "1/QĐ"},
            }
        )
    )
    await refused("account_not_found", world.requests.second(ACCOUNT, wanted, world.dossier_system))
    await world.declare()
    await refused("account_state", world.requests.second(ACCOUNT, wanted, world.dossier_system))
    await world.approve()
    await world.requests.second(ACCOUNT, wanted, world.dossier_system)
    await refused("request_pending", world.declare(purpose="Việc khác"))
    await world.approve()
    seen = []
    for days in (0, 4, 4, 1):
        world.clock.pass_days(days)
        one = await world.get()
        seen.append((one.unit_today, one.role_today, one.facts.unit_code))
    here, there = ("H99.12", "one_stop", "H99.12"), ("H99.13", "land", "H99.12")
    assert seen == [here, there, there, here]


async def test_a_roster_is_no_alibi(world: RegisterWorld) -> None:
    """Days long over are neither added nor taken away; the same roster again is no act."""
    await world.granted()

    def roster_of(*days: int) -> Roster:
        first, last = TODAY.replace(day=1), TODAY.replace(day=31)
        return Roster(since=first, until=last, days=tuple(TODAY.replace(day=one) for one in days))

    assert await world.requests.set_roster(ACCOUNT, roster_of(6, 17, 24), world.dossier_system)
    assert not await world.requests.set_roster(ACCOUNT, roster_of(24, 17, 6), world.dossier_system)
    assert await world.requests.set_roster(ACCOUNT, roster_of(6, 18), world.dossier_system)
    assert [one.day for one in (await world.get()).duty_days] == [6, 18]
    await refused("roster_past", world.requests.set_roster(ACCOUNT, roster_of(2, 6, 18), world.dossier_system))
    world.clock.pass_days(20)
    await refused("roster_past", world.requests.set_roster(ACCOUNT, roster_of(18), world.dossier_system))


def test_only_the_other_party_makes_an_account_active() -> None:
    """By the table of moves: approval and reinstatement alone, and whatever is not in it is refused."""
    leads_to_active = {act for (_, act), to in MOVES.items() if to is AccountState.ACTIVE}
    assert leads_to_active == {AccountAct.APPROVE, AccountAct.REINSTATE}
    states: list[AccountState | None] = [None, *AccountState]
    for state in states:
        for act in AccountAct:
            if (state, act) in MOVES:
                assert after(state, act) is MOVES[state, act]
            else:
                with pytest.raises(Refusal, match="cannot take this act"):
                    after(state, act)
