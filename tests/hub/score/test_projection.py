"""Score facts follow from events alone: worked in once, the same again, rebuilt when asked or when rules change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contracts.catalogue import CatalogueProcedure, ProcessingTime, SubmissionWay
from contracts.states import DossierState as S
from hub.profiles.profile import load_profile
from hub.score.facts import FactReader
from hub.score.lines import Line
from hub.score.projection import Projection
from tests.contracts.histories import facts
from tests.hub.score.conftest import PORTAL, PROCEDURE, Scene, counted, vn
from tests.hub.score.happenings import finish, result, step


async def _stored(scene: Scene) -> list[tuple[Any, ...]]:
    return await scene.rows("SELECT * FROM score_facts ORDER BY code, revision")


async def test_what_changed_is_worked_in_once_and_the_rest_is_left_alone(scene: Scene) -> None:
    """The second run finds nothing to do; an event brings its dossier back, and no other."""
    one, other = [await scene.dossier() for _ in range(2)]
    assert await scene.projection.catch_up() == 2
    before = await _stored(scene)
    assert await scene.projection.catch_up() == 0
    assert await scene.projection.sweep() == 0
    assert await _stored(scene) == before
    await scene.happen(one, finish("2025-10-10 08:00"))
    assert await scene.projection.catch_up() == 1
    newest = dict(await scene.rows("SELECT code, through FROM score_facts WHERE newest"))
    assert newest == {one: 2, other: 1}


async def test_facts_kept_step_by_step_are_those_rebuilt_from_nothing(scene: Scene) -> None:
    """Whatever the order of runs and deliveries was."""
    code = await scene.dossier(confirmed=False)
    for number, event in enumerate((step(S.IN_PROCESS, "2025-10-09 08:00"), result("2025-10-09 09:00")), start=1):
        await scene.projection.catch_up()
        await scene.confirm(code, revision=number)
        await scene.happen(code, event)
    await scene.dossier(finish("2025-10-10 08:00"))
    await scene.projection.catch_up()
    before = await _stored(scene)
    assert len(before) == 3, "the second step changed no fact but the state; the result did"
    assert await scene.projection.rebuild() == 2
    assert await _stored(scene) == before
    await scene.execute("UPDATE score_facts SET digitised = NOT digitised, agency_code = 'H99.99', through = through")
    assert await scene.projection.rebuild() == 2, "also when something was wrong with them"
    assert await _stored(scene) == before
    await scene.execute("DELETE FROM score_facts")
    assert await scene.projection.sweep() == 2, "or when they were lost"
    assert await _stored(scene) == before


async def test_revisions_a_partner_has_left_behind_are_forgotten(scene: Scene) -> None:
    """Only the confirmed one and what came after it can still be what the portal holds."""
    code = await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-10 08:00"), confirmed=False)
    await scene.projection.catch_up()
    query = "SELECT revision, through, newest FROM score_facts WHERE code = %s ORDER BY revision"
    assert await scene.rows(query, code) == [(1, 1, False), (2, 2, False), (3, 3, True)]
    await scene.confirm(code, revision=2)
    await scene.projection.rebuild()
    assert await scene.rows(query, code) == [(2, 2, False), (3, 3, True)]


async def test_an_event_of_a_slow_clock_or_a_late_commit_is_found(scene: Scene) -> None:
    """Within the overlap by the next run, beyond it by the next sweep."""
    code = await scene.dossier()
    await scene.projection.catch_up()
    for late, found_by_next in ((timedelta(minutes=5), 1), (timedelta(days=3), 0)):
        await scene.happen(code, step(S.IN_PROCESS, "2025-10-09 08:00"))
        await scene.execute(
            "UPDATE dossier_events SET recorded_at = now() - %s::interval"
            " WHERE revision = (SELECT max(revision) FROM dossier_events)",
            late,
        )
        assert await scene.projection.catch_up() == found_by_next
        assert await scene.projection.sweep() == 1 - found_by_next


async def test_another_profile_works_everything_out_anew(scene: Scene) -> None:
    """The term of reception is in the facts; a profile that says otherwise must not be mixed with the old one."""
    await scene.dossier()
    await scene.projection.catch_up()
    (before,) = await scene.rows("SELECT reception_due_at FROM score_facts")
    shorter = load_profile().model_copy(update={"reception_working_hours": 4.0})
    projection = Projection(scene.store, FactReader(shorter), PORTAL)
    assert await projection.sweep() == 1
    (after,) = await scene.rows("SELECT reception_due_at FROM score_facts")
    assert (before[0], after[0]) == (vn("2025-10-08 17:00"), vn("2025-10-08 11:30"))
    assert await projection.sweep() == 0


async def test_without_a_due_date_the_longest_time_of_the_procedure_counts(scene: Scene) -> None:
    """As soon as the catalogue has it: three working days from Wednesday at 8 end on Monday at 8."""
    await scene.dossier(finish("2025-10-13 08:00"), due_at=None)
    await scene.dossier(finish("2025-10-13 08:01"), due_at=None)
    await scene.dossier(due_at=None)
    assert counted(await scene.score(), Line.ON_TIME) == ((0, 3), (0, 3))
    times = tuple(
        ProcessingTime(duration=duration, unit=unit)
        for duration, unit in (("3", "Ngày làm việc"), ("16", " giờ  làm việc"), ("2", "ngày"), ("vài", "ngày"))
    )
    published = CatalogueProcedure(code=PROCEDURE.code, name="Thủ tục mẫu", ways=(SubmissionWay(times=times),))
    await scene.execute(
        "INSERT INTO catalogue_entries (source, kind, key, name, body, detailed, first_version, version)"
        " VALUES ('test', 'procedure', '1.000001', 'Thủ tục mẫu', %s::jsonb, true, 1, 1)",
        published.model_dump_json(),
    )
    assert await scene.projection.sweep() == 1, "of its own accord only what is still open"
    await scene.projection.rebuild()
    assert counted(await scene.score(), Line.ON_TIME) == ((1, 3), (1, 3))


async def test_only_what_is_no_citizens_data_is_kept(scene: Scene) -> None:
    """Neither names nor numbers nor texts, in no column."""
    declared = facts(procedure=PROCEDURE, summary="Bí mật gia đình", received_at=None)
    await scene.put("H99.12-251001-9999", declared)
    await scene.projection.catch_up()
    kept = str(await _stored(scene))
    for secret in ("Bí mật", declared.applicant.name, "099199000123", "tep.h99.example"):
        assert secret not in kept


async def test_one_bad_dossier_does_not_stop_the_others(scene: Scene, monkeypatch: Any) -> None:
    """A date no calendar reaches is left out and told by its code; all others are counted."""
    bad, good = [await scene.dossier() for _ in range(2)]
    reader = FactReader(load_profile())
    read = reader.read

    def failing(dossier: Any, term: Any = None) -> Any:
        if dossier.code == bad:
            raise OverflowError("date value out of range")
        return read(dossier, term)

    monkeypatch.setattr(FactReader, "read", lambda _self, dossier, term=None: failing(dossier, term))
    await Projection(scene.store, reader, PORTAL).catch_up()
    assert await scene.rows("SELECT code FROM score_facts") == [(good,)]
