"""Early warnings: each once while its cause lasts, announced in the inbox, cleared when it has ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

import hub.score.warnings
from contracts.dossier import Channel
from contracts.events import Event
from contracts.inbox import EarlyWarning
from contracts.states import DossierState as S
from hub.inbox.receiving import body_context
from hub.profiles.profile import load_profile
from hub.score.causes import WarningCause
from hub.score.jobs import ScoreKeeper
from hub.settings import ScoreSettings
from tests.hub.score.conftest import NOW, PORTAL, Scene, vn
from tests.hub.score.happenings import answer, ask, cancel, extend, finish, result, step

UNRECEIVED = {"channel": Channel.ONLINE, "submitted_at": vn("2025-10-06 07:30"), "received_at": None, "due_at": None}


async def _warned(scene: Scene, now: str) -> dict[str, set[str]]:
    """Run the clerk's round as of ``now`` and return the warnings in force."""
    await scene.projection.catch_up()
    await scene.warner.run_once(vn(now))
    found: dict[str, set[str]] = {}
    for code, cause in await scene.rows("SELECT code, cause FROM score_warnings WHERE cleared_at IS NULL"):
        found.setdefault(code, set()).add(cause)
    return found


async def test_reception_is_warned_of_before_and_when_it_is_too_late(scene: Scene) -> None:
    """From Monday 7:30, four working hours end at 11:30 and eight at 17:00; an answer ends the warning."""
    code = await scene.dossier(**UNRECEIVED)
    await scene.dossier(**UNRECEIVED | {"channel": Channel.DIRECT})
    await scene.dossier(ask("2025-10-06 08:00"), **UNRECEIVED)  # answered: papers are missing
    await scene.dossier(cancel("2025-10-06 08:00"), **UNRECEIVED)
    for now, expected in (
        ("2025-10-06 11:29", None),
        ("2025-10-06 11:30", "reception_ending"),
        ("2025-10-06 16:59", "reception_ending"),
        ("2025-10-06 17:00", "not_received_in_time"),
        ("2025-10-13 08:00", "not_received_in_time"),
    ):
        assert await _warned(scene, now) == ({code: {expected}} if expected else {}), now
    await scene.happen(code, step(S.ACCEPTED, "2025-10-13 08:00"))
    assert await _warned(scene, "2025-10-13 09:00") == {}
    rows = await scene.rows("SELECT cause, raised_at, cleared_at, due_at FROM score_warnings ORDER BY id")
    due = vn("2025-10-06 17:00")
    assert rows == [
        ("reception_ending", vn("2025-10-06 11:30"), vn("2025-10-06 17:00"), due),
        ("not_received_in_time", vn("2025-10-06 17:00"), vn("2025-10-13 09:00"), due),
    ]


async def test_due_soon_and_not_synchronised(scene: Scene) -> None:
    """Due on Wednesday the 15th at 17:00: one working day before is Tuesday 17:00. On its way is not yet missing."""
    synchronised = await scene.dossier()
    behind = await scene.dossier(extend("2025-10-09 08:00", "2025-10-15 17:01"), confirmed=False)
    on_its_way = await scene.dossier(extend("2025-10-09 08:00", "2025-10-15 17:01"), confirmed=False)
    await scene.confirm(behind, revision=1)
    await scene.execute("UPDATE dossiers SET recorded_at = %s WHERE code = %s", vn("2025-10-14 16:45"), on_its_way)
    cause = WarningCause.DUE_SOON_NOT_SYNCHRONISED.value

    async def unsynchronised(now: str) -> set[str]:
        return {code for code, causes in (await _warned(scene, now)).items() if cause in causes}

    assert await unsynchronised("2025-10-14 16:59") == set()
    assert await unsynchronised("2025-10-14 17:01") == {behind}
    assert await unsynchronised("2025-10-14 17:16") == {behind, on_its_way}
    await scene.confirm(behind, at=vn("2025-10-14 18:00"))
    await scene.confirm(on_its_way, at=vn("2025-10-14 18:00"))
    assert await unsynchronised("2025-10-14 18:00") == set()
    await scene.differ(synchronised, "missing_there")
    assert await unsynchronised("2025-10-14 18:00") == {synchronised}


async def test_apology_letter_until_the_new_date_is_told(scene: Scene) -> None:
    """Due on the 15th at 17:00, the letter leaves on the 14th; warned of a working day before, on the 13th at 17:00."""
    code = await scene.dossier()
    stopped = (step(S.FINANCIAL_OBLIGATION_REQUESTED, "2025-10-13 08:00"),)
    await scene.dossier(*stopped)  # its clock stands still
    await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    assert await _warned(scene, "2025-10-13 16:59") == {}
    assert await _warned(scene, "2025-10-13 17:00") == {code: {"apology_letter_due"}}
    ((due,),) = await scene.rows("SELECT due_at FROM score_warnings")
    assert due == vn("2025-10-14 17:00")
    await scene.happen(code, extend("2025-10-14 08:00", "2025-10-22 17:00"))
    await scene.confirm(code)
    assert await _warned(scene, "2025-10-14 09:00") == {}


async def test_the_end_of_a_payment_term(scene: Scene) -> None:
    """Ten working days from Monday the 6th at 8:00 end on Monday the 20th at 8:00; payment ends the warning."""
    code = await scene.dossier(
        step(S.FINANCIAL_OBLIGATION_REQUESTED, "2025-10-06 08:00"),
        submitted_at=vn("2025-10-06 07:30"),
        received_at=vn("2025-10-06 07:40"),
        due_at=vn("2025-12-01 08:00"),
    )
    assert await _warned(scene, "2025-10-17 07:59") == {}
    assert await _warned(scene, "2025-10-17 08:00") == {code: {"fee_term_ending"}}
    await scene.happen(code, step(S.IN_PROCESS, "2025-10-17 09:00"))
    await scene.confirm(code)
    assert await _warned(scene, "2025-10-17 10:00") == {}


async def test_what_costs_points_whatever_the_time(scene: Scene) -> None:
    """A second supplement, an end without a result, a channel that is lost at the portal."""
    twice: list[Event] = [ask("2025-10-09 08:00"), answer("2025-10-09 09:00"), ask("2025-10-09 10:00", "BS02")]
    second = await scene.dossier(*twice)
    empty = await scene.dossier(finish("2025-10-10 08:00"))
    channelless = await scene.dossier()
    await scene.differ(channelless, "differs", channel=["online", ""])
    assert await _warned(scene, "2025-10-10 09:00") == {
        second: {"second_supplement"},
        empty: {"result_missing"},
        channelless: {"null_channel"},
    }
    await scene.happen(empty, result("2025-10-10 10:00"))
    await scene.confirm(empty)
    await scene.confirm(channelless, at=vn("2026-02-01 00:00"))
    assert await _warned(scene, "2025-10-10 11:00") == {second: {"second_supplement"}}


async def test_a_warning_is_announced_once_and_holds_no_citizens_data(scene: Scene) -> None:
    """However often the clerk looks; what comes back later is announced again."""
    code = await scene.dossier(**UNRECEIVED)
    for _ in range(3):
        await _warned(scene, "2025-10-06 12:00")
    ((event_id, kind, subject, agency, sealed),) = await scene.rows(
        "SELECT id, kind, subject, agency_code, sealed FROM inbox_events"
    )
    assert (kind, subject, agency) == ("warning.raised", code, "H99.12")
    body = EarlyWarning.model_validate_json(scene.store.sealer.open(sealed, body_context(event_id)))
    assert (body.rule, body.dossier_code, body.due_at) == ("reception_ending", code, vn("2025-10-06 17:00"))
    assert body.sentence == WarningCause.RECEPTION_ENDING.sentence.en
    assert body.sentence_vi == WarningCause.RECEPTION_ENDING.sentence.vi


async def test_many_warnings_are_raised_in_batches(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one transaction's worth: none is lost and none told twice."""
    monkeypatch.setattr(hub.score.warnings, "BATCH", 2)
    codes = {await scene.dossier(**UNRECEIVED) for _ in range(5)}
    for _ in range(2):
        assert set(await _warned(scene, "2025-10-06 12:00")) == codes
        assert await scene.rows("SELECT count(*) FROM inbox_events") == [(5,)]


async def test_the_clerk_does_it_all(scene: Scene) -> None:
    """One round brings facts and warnings up to date; a dossier that ended long ago is no longer watched."""
    await scene.dossier(**UNRECEIVED)
    await scene.dossier(finish("2025-10-10 08:00"))
    clock = [vn("2025-10-12 12:00")]
    keeper = ScoreKeeper(scene.store, load_profile(), ScoreSettings(), PORTAL, now=lambda: clock[0])
    await keeper.run_once()
    query = "SELECT cause FROM score_warnings WHERE cleared_at IS NULL ORDER BY cause"
    assert await scene.rows(query) == [("not_received_in_time",), ("result_missing",)]
    clock[0] = NOW
    await keeper.run_once()
    assert await scene.rows(query) == [("not_received_in_time",)]
    page = await scene.service().warnings(cleared=True)
    assert [one.cause for one in page.items] == [WarningCause.RESULT_MISSING]
    assert page.items[0].cleared_at == NOW
    clock[0] = NOW + timedelta(days=401)
    await keeper.run_once()
    assert (await scene.service().warnings(cleared=True)).items == ()
    assert await scene.rows(query) == [("not_received_in_time",)], "what lasts is kept however old it is"
