"""The citizen's own view: everything that concerns them, nothing of others, recorded, paged, without the officer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from hub.accounts.directory import account_context
from hub.errors import Refusal
from hub.lookups.log import BEGINNING, digests_of, ended_since
from hub.usage.service import HIDDEN, UsageReader
from hub.watch.feed import to_lookup
from tests.hub.databases import settled
from tests.hub.dossiers.test_sealed_at_rest import every_byte
from tests.hub.usage.conftest import CITIZEN, OTHER, UsageWorld

PORTAL = UsageReader("cong-dan")


async def test_it_says_when_who_for_what_and_which_data(world: UsageWorld) -> None:
    """Of this citizen only, newest first, in words; also what was refused, and what an old card led to."""
    first = await world.look(minutes=30)
    await world.look(minutes=25, number=OTHER)
    card = await world.look(minutes=20, number="099000123", found=CITIZEN, kind="confirm:identity", data_groups=())
    denied = await world.look(minutes=10, outcome="denied", dossier_code=None, break_glass=True, data_groups=())
    view = await world.usage.read(CITIZEN, PORTAL)
    assert [one.lookup_id for one in view.items] == [str(denied), str(card), str(first)]
    newest, _, oldest = view.items
    assert (newest.outcome, newest.without_dossier, newest.dossier_code) == ("denied", True, None)
    assert (oldest.at, oldest.agency) == (world.now - timedelta(minutes=30), "H99.12")
    assert oldest.title_vi == "Tra cứu thông tin công dân trong CSDLQG về dân cư"
    assert oldest.data_groups == ("identity", "residence")
    assert oldest.purpose == "Giải quyết hồ sơ đăng ký khai sinh"
    assert (view.shown, view.withheld.count, view.next_cursor) == (3, 0, None)


async def test_what_came_back_with_somebody_elses_look_up(world: UsageWorld) -> None:
    """The citizen learns of it; not of whom, nor of what that person has business with unless it is theirs too."""
    await world.put_dossier("H99.12-261008-0001", CITIZEN)
    theirs = {"number": OTHER, "dossier_code": "H99.12-261008-0002", "purpose": "Giải quyết ly hôn"}
    groups = ("identity", "marital", "family")
    await world.look(minutes=4, others=[CITIZEN], data_groups=groups, **theirs)
    await world.look(minutes=3, others=[CITIZEN], kind="find_household", data_groups=groups, **theirs)
    await world.look(minutes=2, others=[CITIZEN, "099199000789"], number=OTHER)
    await world.look(minutes=1, others=["099199000789"])
    await world.look(minutes=1, others=["099199000789"], number=OTHER)
    view = await world.usage.read(CITIZEN, PORTAL)
    assert view.shown == 4
    own, joint, house, named = view.items
    assert [one.of_another for one in view.items] == [False, True, True, True]
    assert (own.title, own.data_groups) == ("Looked up in the population database", ("identity", "residence"))
    assert (joint.procedure, joint.purpose) == ("1.000001", "Giải quyết hồ sơ đăng ký khai sinh")
    for one in (house, named):
        assert (one.dossier_code, one.procedure, one.purpose) == (f"H99.12-{HIDDEN}", None, HIDDEN)
    assert (house.title_vi, house.data_groups) == ("Có trong hộ gia đình của người được tra cứu", groups)
    assert named.title_vi == "Có tên với tư cách người thân trong thông tin của người được tra cứu"
    assert (named.data_groups, joint.data_groups) == (("family",), ())


async def test_another_citizens_dossier_is_masked(world: UsageWorld) -> None:
    """Whoever is a party sees the code; anybody else only the agency, and no number somebody typed into the purpose."""
    await world.put_dossier("H99.12-261008-0001", CITIZEN)
    await world.put_dossier("H99.12-261008-0002", OTHER)
    await world.look(minutes=3)
    await world.look(minutes=2, dossier_code="H99.12-261008-0002", purpose=f"Xác minh cho {OTHER}")
    await world.look(minutes=1, dossier_code="H99.12-261008-0003")
    shown = [(one.dossier_code, one.own_dossier) for one in (await world.usage.read(CITIZEN, PORTAL)).items]
    masked = f"H99.12-{HIDDEN}"
    assert shown == [(masked, False), (masked, False), ("H99.12-261008-0001", True)]
    assert OTHER not in (await world.usage.read(CITIZEN, PORTAL)).model_dump_json()


async def test_officers_are_named_only_where_the_province_says_so(world: UsageWorld) -> None:
    """The profile decides; the login name is shown nowhere."""
    sealed = world.store.sealer.seal(orjson.dumps({"full_name": "Phạm Thị Thử"}), account_context("canbo01"))
    await world.do(
        "INSERT INTO lookup_accounts (id, state, unit_code, unit_path, role, officer_code, purpose, scope, valid_from,"
        " created_at, state_since, changed_at, sealed) VALUES ('canbo01', 'active', 'H99.12', 'H99.12.', 'one_stop',"
        " '0001', 'x', '{}', '2026-01-01', now(), now(), now(), %s)",
        sealed,
    )
    await world.look()
    view = await world.usage.read(CITIZEN, PORTAL)
    assert view.items[0].officer is None
    assert "canbo01" not in view.model_dump_json()
    assert "Phạm" not in view.model_dump_json()
    world.profile = {"usage_shows_officer": True}
    assert (await world.usage.read(CITIZEN, PORTAL)).items[0].officer == "Phạm Thị Thử"


async def test_pages_hold_every_look_up_once(world: UsageWorld) -> None:
    """By cursor, also with equal moments, and while new ones come in; a confined reader sees and counts its own."""
    known = [await world.look(minutes=minutes // 2) for minutes in range(9)]
    await world.look(minutes=1, unit_code="H99.13")
    reader = replace(PORTAL, agencies=("H99.12",))
    seen, cursor = [], None
    while True:
        view = await world.usage.read(CITIZEN, reader, cursor=cursor, limit=4)
        assert view.shown >= len(known)
        assert all(one.agency == "H99.12" for one in view.items)
        seen += [one.lookup_id for one in view.items]
        cursor = view.next_cursor
        if cursor is None:
            break
        assert CITIZEN not in cursor
        await world.look(minutes=-5)
    assert sorted(seen) == sorted(map(str, known))
    assert (await world.usage.read(CITIZEN, PORTAL)).shown == len(known) + 1 + 2
    for bad in ("x", "====", "MjAyNi0xMS0yMlQwMzowMDowMHww", "ab|cd"):
        with pytest.raises(Refusal) as refused:
            await world.usage.read(CITIZEN, PORTAL, cursor=bad)
        assert refused.value.code == "bad_cursor"


async def test_reading_is_an_act_of_its_own(world: UsageWorld) -> None:
    """In the look-up log and the ledger, with digests that hold; counted for the citizen, and nothing for the watch."""
    await world.look(minutes=5)
    assert (await world.usage.read(CITIZEN, PORTAL)).readings.count == 0
    world.now += timedelta(minutes=1)
    view = await world.usage.read(CITIZEN, UsageReader("mot-cua", ("H99.12",)))
    assert (view.shown, view.readings.count) == (1, 1)
    assert view.readings.last_at == world.now - timedelta(minutes=1)
    await settled(world.store)
    async with world.store.transaction() as conn:
        ended = await ended_since(conn, BEGINNING, 10)
    readings = [one for one in ended if one.kind == "usage"]
    assert [one.client_id for one in readings] == ["cong-dan", "mot-cua"]
    assert [one.subject_number(world.store.sealer) for one in readings] == [CITIZEN, CITIZEN]
    assert [to_lookup(one, world.store.sealer) for one in readings] == [None, None]
    digests = {bytes(row[0]) for row in await world.rows("SELECT digest FROM ledger_queue WHERE kind = 'lookup'")}
    assert {each for one in readings for each in digests_of(one, world.store.sealer)} <= digests
    facts = [orjson.loads(row[0]) for row in await world.rows("SELECT facts FROM ledger_queue")]
    assert {"lookup.usage"} <= {one["act"] for one in facts}


async def test_nothing_is_told_that_was_not_recorded(world: UsageWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log cannot be written, the citizen's view is not handed out either."""
    await world.look()

    async def lost(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(world.writer, "whole", lost)
    with pytest.raises(ConnectionError):
        await world.usage.read(CITIZEN, PORTAL)


async def test_the_number_lies_nowhere_in_clear(world: UsageWorld) -> None:
    """After look-ups and readings, no table and no ledger entry holds it."""
    await world.look()
    await world.usage.read(CITIZEN, PORTAL)
    everything = await every_byte(world.store)
    assert b"lookup.usage" in everything
    assert CITIZEN.encode() not in everything
