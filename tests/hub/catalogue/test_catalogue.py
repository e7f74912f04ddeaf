"""The catalogue is kept in versions whose differences are shown; half an answer deletes nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.simulation.faults import FaultKind
from contracts.dossier import Procedure
from hub.catalogue.differences import FieldChange, compare
from hub.catalogue.settings import CatalogueSettings
from hub.catalogue.sync import CatalogueSync, Source, Synchronised
from tests.hub.api.world import assert_problem, dossier
from tests.hub.subjects_world import PORTAL, SubjectWorld

FAST = CatalogueSettings(requests_per_second=1000)


def sync(world: SubjectWorld, settings: CatalogueSettings = FAST, **source: Any) -> CatalogueSync:
    return CatalogueSync(world.store, {PORTAL: Source(world.portal.connection, **source)}, settings)


async def run(world: SubjectWorld, **options: Any) -> Synchronised:
    (done,) = await sync(world).copy_all(**options)
    return done


async def get(world: SubjectWorld, path: str, **query: Any) -> Any:
    answer = await world.caller.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcome(done: Synchronised) -> tuple[int | None, int, int, int, int]:
    one = done.outcome
    return one.version, one.added, one.changed, one.withdrawn, one.kept_back


# --- differences ------------------------------------------------------------------------------------------


def test_a_difference_names_the_field_and_both_values() -> None:
    """Inside lists of the same length by index; a list that grew is one field."""
    before = {"name": "Cũ", "ways": [{"times": [{"duration": "5"}]}], "agencies": [{"code": "H99.1"}]}
    after = {"name": "Mới", "ways": [{"times": [{"duration": "3"}]}], "agencies": []}
    assert compare(before, after) == (
        FieldChange("name", "Cũ", "Mới"),
        FieldChange("ways[0].times[0].duration", "5", "3"),
        FieldChange("agencies", [{"code": "H99.1"}], []),
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), _JSON, max_size=4), st.dictionaries(st.text(max_size=3), _JSON, max_size=4))
def test_equal_entries_and_only_they_have_no_difference(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing changes unseen, and nothing is shown that did not change."""
    changes = compare(before, after)
    assert all(one.before != one.after for one in changes)
    plain = {name: value for name, value in before.items() if value is not None}
    if plain == {name: value for name, value in after.items() if value is not None}:
        assert changes == ()
    else:
        assert changes


# --- versions ---------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_each_run_that_changes_something_is_a_version(world: SubjectWorld) -> None:
    """Added, changed from what to what, withdrawn; a run that changes nothing makes none."""
    first = await run(world)
    assert (first.procedures, first.unread) == (8, 0)
    assert outcome(first)[0] == 1
    assert outcome(await run(world)) == (None, 0, 0, 0, 0)
    portal = world.portal.app.portal
    portal.procedures["1.000002.H99"]["TENTTHC"] = "Đăng ký khai sinh (sửa đổi)"
    portal.procedures["1.000002.H99"]["CACHTHUCTHUCHIEN"][0]["THOIGIAN"][0]["THOIGIANGIAIQUYET"] = 3
    portal.withdraw_procedure("2.000003")
    portal.add_procedure("1.000777.H99", "Thủ tục mới (mẫu)")
    second = await run(world)
    assert second.outcome.version == 2
    view = await get(world, "/v1/catalogue/versions/2")
    procedures = {one["key"]: one for one in view["differences"] if one["kind"] == "procedure"}
    assert {key: one["change"] for key, one in procedures.items()} == {
        "1.000002": "changed",
        "1.000777": "added",
        "2.000003": "withdrawn",
    }
    assert procedures["1.000002"]["fields"] == [
        {"path": "name", "before": "Đăng ký khai sinh (mẫu)", "after": "Đăng ký khai sinh (sửa đổi)"},
        {"path": "ways[0].times[0].duration", "before": "5", "after": "3"},
    ]
    shown = await get(world, "/v1/procedures/1.000002.000.00.00.H99")
    assert shown["procedure"]["code"] == "1.000002.H99", "found by its root, whatever the suffix"
    assert [(one["version"], one["change"]) for one in shown["history"]] == [(2, "changed"), (1, "added")]
    gone = await get(world, "/v1/procedures/2.000003")
    assert gone["withdrawn_at"] is not None
    portal.add_procedure("2.000003", "Cấp giấy phép xây dựng nhà ở riêng lẻ (mẫu)")
    await run(world)
    back = await get(world, "/v1/procedures/2.000003")
    assert (back["withdrawn_at"], back["history"][0]["change"]) == (None, "added")


async def test_lists_are_paged_and_filtered(world: SubjectWorld) -> None:
    """In the order of the roots; the other lists are there too."""
    await run(world)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await get(world, "/v1/procedures", limit=4, **({"cursor": cursor} if cursor else {}))
        seen += [one["root"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 10, "the local one and the one that is not public are shown as well"
    assert [one["root"] for one in (await get(world, "/v1/procedures", name="KHAI SINH"))["items"]] == ["1.000002"]
    field = await get(world, "/v1/procedures", field="G99-LV02", withdrawn="false")
    assert [one["root"] for one in field["items"]] == ["1.000004", "1.000005"]
    assert len((await get(world, "/v1/catalogue/fields"))["items"]) == 4
    assert (await get(world, "/v1/catalogue/agencies"))["items"][0]["name"] == "Tỉnh Mẫu"
    assert (await get(world, "/v1/catalogue/services"))["items"][0]["procedure_code"] == "1.000001.H99"
    versions = await get(world, "/v1/catalogue/versions")
    assert [one["number"] for one in versions["items"]] == [1]
    assert (versions["sources"][0]["complete"], versions["sources"][0]["kept_back"]) == (True, 0)
    differences = await get(world, "/v1/catalogue/versions/1", limit=5)
    assert len(differences["differences"]) == 5
    more = await get(world, "/v1/catalogue/versions/1", limit=500, cursor=differences["next_cursor"])
    assert len(more["differences"]) + 5 == versions["items"][0]["added"]
    for path, code in (
        ("procedures/9.9", "procedure_not_found"),
        ("procedures/%00", "procedure_not_found"),
        ("catalogue/versions/%00", "version_not_found"),
        ("catalogue/versions/9", "version_not_found"),
    ):
        assert_problem(await world.caller.get(f"/v1/{path}"), 404, code)
    assert_problem(await world.caller.get("/v1/procedures", params={"cursor": "x"}), 400, "bad_cursor")


# --- half an answer ---------------------------------------------------------------------------------------


async def test_a_detail_that_does_not_come_changes_nothing(world: SubjectWorld) -> None:
    """One LayThuTuc fails: its procedure keeps what is known of it, and the run is told as incomplete."""
    await run(world)
    for kind in (FaultKind.HTML_200, FaultKind.WRONG_TYPE):
        world.portal.faults.add(kind, connection=PORTAL, operation="LayThuTuc", count=1)
        done = await run(world)
        assert (outcome(done), done.unread) == ((None, 0, 0, 0, 0), 1)
    (source,) = (await get(world, "/v1/catalogue/versions"))["sources"]
    assert (source["complete"], source["unread"]) == (False, 1)
    assert (await get(world, "/v1/procedures/1.000001"))["detailed"] is True
    world.portal.faults.add(FaultKind.HTML_200, connection=PORTAL, operation="LayDVC")
    assert outcome(await run(world)) == (None, 0, 0, 0, 0), "a list that did not come withdraws nothing"
    assert (await get(world, "/v1/catalogue/services"))["items"]


@pytest.mark.slow
async def test_a_portal_in_trouble_is_not_asked_for_every_detail(world: SubjectWorld) -> None:
    """Three failures in a row end the asking; what the list says is usable at once."""
    world.portal.faults.add(FaultKind.SERVER_500, connection=PORTAL, operation="LayThuTuc")
    done = await run(world)
    assert (done.procedures, done.unread) == (8, 10)
    asked = sum(one.service == "LayThuTuc" for one in world.portal.app.portal.calls)
    assert asked == 0, "none was carried out"
    assert (await get(world, "/v1/procedures/1.000001"))["detailed"] is False
    world.portal.faults.clear()
    assert outcome(await run(world))[2] == 10, "the details come later, as a change"


async def test_an_empty_list_is_not_believed(world: SubjectWorld) -> None:
    """Everything at once, or more than the share: kept, with an alert, until a person says that it is true."""
    await run(world)
    portal = world.portal.app.portal
    kept = dict(portal.procedures)
    portal.procedures.clear()
    done = await run(world)
    assert outcome(done) == (None, 0, 0, 0, 19), "ten procedures and nine services"
    assert (await world.caller.put("/v1/dossiers/H99.12-261008-0001", json=dossier())).status_code == 201
    ((key,),) = await world.rows("SELECT key FROM alerts WHERE cleared_at IS NULL")
    assert key == f"catalogue.{PORTAL}.withdrawals"
    portal.procedures.update(kept)
    await run(world)
    assert await world.rows("SELECT key FROM alerts WHERE cleared_at IS NULL") == []
    for code in list(portal.procedures)[:5]:
        portal.withdraw_procedure(code)
    assert outcome(await run(world))[4] > 0
    believed = await run(world, accept_withdrawals=True, actor="tester")
    assert (believed.outcome.kept_back, believed.outcome.withdrawn) == (0, 10)
    acts = await world.rows("SELECT facts FROM ledger_queue WHERE kind = 'act'")
    assert any("catalogue.withdrawals_accepted" in str(one) for one in acts)


async def test_a_withdrawn_procedure_takes_no_later_dossier(world: SubjectWorld) -> None:
    """Dossiers handed in before go on to their end; a later one is told to choose the successor."""
    await run(world)
    world.portal.app.portal.withdraw_procedure("1.000001.H99")
    await run(world)
    path = "/v1/dossiers/H99.12-261008-0001"
    assert (await world.caller.put(path, json=dossier())).status_code == 201
    await world.do("UPDATE procedures SET withdrawn_at = '2020-01-01'")
    subjects = [world.api.services.intake._procedures]  # type: ignore[attr-defined]
    subjects[0]._read_at = None
    later = await world.caller.put("/v1/dossiers/H99.12-261008-0002", json=dossier())
    assert_problem(later, 422, "procedure_withdrawn", "procedure.code")


# --- the schedule -----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_schedule_copies_what_is_missing_and_rests(world: SubjectWorld) -> None:
    """At once when there is no copy, not while it is fresh or paused, and one process at a time."""
    await world.do("UPDATE connections SET paused = true WHERE id = %s", PORTAL)
    jobs = [asyncio.create_task(sync(world).run()) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert await world.rows("SELECT * FROM catalogue_sources") == []
    for job in jobs:
        job.cancel()
    await world.do("UPDATE connections SET paused = false")
    jobs = [asyncio.create_task(sync(world).run()) for _ in range(3)]
    async with asyncio.timeout(60):
        while not await world.rows("SELECT * FROM catalogue_sources"):
            await asyncio.sleep(0.02)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert sum(one.service == "LayDanhSachTTHC" for one in world.portal.app.portal.calls) == 1


class _ListOnly:
    """A catalogue of another adapter, which lists procedures and nothing else."""

    async def list_procedures(self) -> list[Procedure]:
        return [Procedure(code="1.000009.H99", name="Thủ tục", field_code="G99", field_name="Lĩnh vực")]


async def test_details_come_at_the_rate_and_a_list_alone_will_do(world: SubjectWorld) -> None:
    """No faster than the connection's rate; and the older, smaller port is enough for declarations."""
    begun = time.monotonic()
    (done,) = await sync(world, rate_per_second=100).copy_all()
    assert done.unread == 0
    assert time.monotonic() - begun >= 9 / 100, "ten details, one at once and nine in their time"
    (done,) = await CatalogueSync(world.store, {"other": Source(_ListOnly())}, FAST).copy_all()
    assert (done.procedures, done.outcome.added, done.unread) == (1, 1, 3)
