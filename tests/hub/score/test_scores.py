"""Every line of the score by small examples worked out by hand, by our data and by what the portal holds."""

from __future__ import annotations

from typing import Any

import pytest

import hub.score.service
from contracts.dossier import Channel, DatabaseConsultation, PaymentPlatform
from contracts.states import DossierState as S
from hub.errors import Refusal
from hub.score.lines import Line
from hub.score.service import ScoreService, month_bounds, scored_connection
from hub.settings import ScoreSettings, SettingsError
from tests.contracts.strategies import example_facts
from tests.hub.score.conftest import NOW, Scene, counted, line, vn
from tests.hub.score.happenings import (
    answer,
    ask,
    cancel,
    component,
    fee,
    finish,
    give_back,
    result,
    step,
    withdraw,
)

BOTH_OF_ONE = ((1, 1), (1, 1))
NEITHER_OF_ONE = ((0, 1), (0, 1))


async def test_1_4_is_counted_by_the_month_of_reception_in_vietnam(scene: Scene) -> None:
    """The first and last second of October in Vietnam are in; the seconds before and after are not."""
    for received in ("2025-09-30 23:59:59", "2025-10-01 00:00:00", "2025-10-31 23:59:59", "2025-11-01 00:00:00"):
        moment = vn(received)
        await scene.dossier(submitted_at=moment, received_at=moment, due_at=None)
    await scene.dossier(received_at=None, due_at=None)  # never received: no NgayTiepNhan, not counted
    assert counted(await scene.score("2025-09"), Line.SYNCHRONISED) == BOTH_OF_ONE
    assert counted(await scene.score("2025-10"), Line.SYNCHRONISED) == ((2, 2), (2, 2))
    assert counted(await scene.score("2025-11"), Line.SYNCHRONISED) == BOTH_OF_ONE
    assert month_bounds("2025-12")[1] == month_bounds("2026-01")[0] == vn("2026-01-01 00:00")


async def test_1_4_is_of_the_larger_of_synchronised_and_reported(scene: Scene) -> None:
    """Of our three, two are there: 2/3; with eight reported 2/8; one reported cannot make it more than whole."""
    for confirmed in (True, True, False):
        await scene.dossier(confirmed=confirmed)
    assert counted(await scene.score(), Line.SYNCHRONISED) == ((2, 3), (2, 3))
    for reported, of in ((8, 8), (1, 2)):
        score = await scene.score(reported={"2025-10": {"H99.12": reported}})
        assert (score.reported, counted(score, Line.SYNCHRONISED)) == (reported, ((2, of), (2, of)))


CASES: list[tuple[list[Any], dict[str, Any], bool]] = [
    # The end is that of state 9; that the result is handed over later does not matter.
    ([finish("2025-10-15 17:00"), give_back("2025-10-20 08:00")], {}, True),
    ([finish("2025-10-15 17:01")], {}, False),
    # A refusal, a stop and a withdrawal end it too.
    ([step(S.PROCESSING_STOPPED, "2025-10-15 16:00")], {}, True),
    ([step(S.PROCESSING_STOPPED, "2025-10-16 08:00")], {}, False),
    ([withdraw("2025-10-10 08:00")], {}, True),
    # No end: the end of October is counted, which is past the 15th but not past November 3rd.
    ([], {}, False),
    ([], {"due_at": vn("2025-11-03 17:00")}, True),
    ([], {"due_at": vn("2025-10-31 23:59")}, False),
    # Asked on the 9th at 8, answered on the 11th at 8: two days come off, so the 17th at 17:00 is still in time.
    ([ask("2025-10-09 08:00"), answer("2025-10-11 08:00"), finish("2025-10-17 17:00")], {}, True),
    ([ask("2025-10-09 08:00"), answer("2025-10-11 08:00"), finish("2025-10-17 17:01")], {}, False),
    # The answer moved the due date to the 20th: its time is in there already and is not taken off once more.
    (
        [ask("2025-10-09 08:00"), answer("2025-10-11 08:00", due="2025-10-20 17:00"), finish("2025-10-20 17:00")],
        {},
        True,
    ),
    (
        [ask("2025-10-09 08:00"), answer("2025-10-11 08:00", due="2025-10-20 17:00"), finish("2025-10-20 17:01")],
        {},
        False,
    ),
    # Never answered: the clock has stood still since the 9th.
    ([ask("2025-10-09 08:00")], {}, True),
    # Asked twice: overdue, however early it ends.
    (
        [
            ask("2025-10-09 08:00"),
            answer("2025-10-09 09:00"),
            ask("2025-10-09 10:00", "BS02"),
            answer("2025-10-09 11:00", "BS02"),
            finish("2025-10-10 08:00"),
        ],
        {},
        False,
    ),
    # No due date and no maximum known: cannot be on time.
    ([finish("2025-10-09 08:00")], {"due_at": None}, False),
]
"""What happened to a dossier received on October 8th and due on the 15th at 17:00, and whether it was on time."""


async def test_2_1_on_time(scene: Scene) -> None:
    """NgayKetThucXuLy ≤ NgayHenTra with everything the paper says of it; the sides agree where both have it all."""
    for number, (events, changes, _) in enumerate(CASES, start=10):
        await scene.dossier(*events, agency=f"H99.{number}", **changes)
    await scene.projection.catch_up()
    page = await scene.service().scores("2025-10", now=NOW)
    found = {one.agency: counted(one, Line.ON_TIME) for one in page.items}
    assert found == {
        f"H99.{number}": BOTH_OF_ONE if on_time else NEITHER_OF_ONE
        for number, (_, _, on_time) in enumerate(CASES, start=10)
    }


async def test_2_1_what_the_paper_leaves_open_is_a_setting(scene: Scene) -> None:
    """Whether a renewed due date and the supplement's time count together; whether carried-over dossiers count."""
    late = [ask("2025-10-09 08:00"), answer("2025-10-11 08:00", due="2025-10-20 17:00"), finish("2025-10-22 17:00")]
    await scene.dossier(*late)
    assert counted(await scene.score(), Line.ON_TIME)[0] == (0, 1)
    assert counted(await scene.score(supplement_clock="always"), Line.ON_TIME)[0] == (1, 1)
    # In September it was received, in October it ended late; in November it no longer counts.
    september = {"submitted_at": vn("2025-09-10 08:00"), "received_at": vn("2025-09-10 08:00")}
    await scene.dossier(finish("2025-10-20 08:00"), **september)
    assert counted(await scene.score(on_time_among="handled"), Line.ON_TIME) == ((0, 2), (0, 2))
    assert counted(await scene.score("2025-11", on_time_among="handled"), Line.ON_TIME) == ((0, 0), (0, 0))
    assert counted(await scene.score("2025-09"), Line.ON_TIME)[0] == (0, 1)


async def test_2_1_while_the_month_runs_the_present_is_its_end(scene: Scene) -> None:
    """Not ended and not due yet is on time today, whatever the end of the month will bring."""
    await scene.dossier()
    for now, counts in (("2025-10-15 17:00", 1), ("2025-10-15 17:01", 0)):
        assert counted(await scene.score(now=vn(now)), Line.ON_TIME)[0] == (counts, 1)


async def test_3_3_online_with_a_result_times_the_synchronised_rate(scene: Scene) -> None:
    """Of four finished ones two are online with a result; three of our five dossiers are at the portal: 2/4 × 3/5."""
    done = (result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    await scene.dossier(*done, channel=Channel.ONLINE)
    await scene.dossier(*done, channel=Channel.ONLINE, confirmed=False)
    await scene.dossier(*done, channel=Channel.DIRECT)
    await scene.dossier(finish("2025-10-10 08:00"), channel=Channel.ONLINE)
    await scene.dossier(channel=Channel.ONLINE, confirmed=False)  # not finished
    score = await scene.score()
    found = line(score, Line.ONLINE)
    assert (found.ours.counted, found.ours.of, found.ours.rate) == (2, 4, round(2 / 4 * 3 / 5, 4))
    assert (found.portal.counted, found.portal.of, found.portal.rate) == (1, 3, round(1 / 3 * 3 / 5, 4))
    assert found.full_mark_at == 0.5
    assert counted(await scene.score(results_among="received"), Line.ONLINE) == ((2, 5), (1, 3))


async def test_3_6_paid_online_of_those_with_a_fee(scene: Scene) -> None:
    """1 and 2 count; cash, an open fee and a free procedure do not, and the last is not in the measure either."""
    for paid in (PaymentPlatform.NATIONAL, PaymentPlatform.PROVINCIAL, PaymentPlatform.CASH, None):
        await scene.dossier(fees=(fee(paid),))
    await scene.dossier(fees=())
    assert counted(await scene.score(), Line.PAID_ONLINE) == ((2, 4), (2, 4))


async def test_4_1_and_4_2_files_of_finished_dossiers(scene: Scene) -> None:
    """A result file for 4.1; a component file beside it for 4.2."""
    done = (result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    await scene.dossier(*done, components=(component(),))
    await scene.dossier(*done)
    await scene.dossier(finish("2025-10-10 08:00"), components=(component(),))
    await scene.dossier(components=(component(),))  # not finished
    score = await scene.score()
    assert counted(score, Line.RESULT_FILE) == ((2, 3), (2, 3))
    assert counted(score, Line.FILES) == ((1, 3), (1, 3))
    assert line(score, Line.FILES).full_mark_at == 0.8


async def test_4_3_to_4_5_of_received_dossiers(scene: Scene) -> None:
    """Digitised, reused from the store, identified by VNeID, by the store, or by the population database."""
    example = example_facts().applicant
    account = example.portal_account
    assert account is not None
    verified = example.model_copy(update={"portal_account": account.model_copy(update={"verified_by_vneid": True})})
    plain = example.model_copy(update={"portal_account": None})
    consulted = DatabaseConsultation(database_code="7", consulted_at=vn("2025-10-08 08:00"))
    await scene.dossier(applicant=verified, components=(component(digitised=True),))
    await scene.dossier(applicant=plain, components=(component(from_store=True),))
    await scene.dossier(applicant=plain, databases_consulted=(consulted,))
    await scene.dossier(applicant=plain)
    # Without NgayTiepNhan it is not counted, however digital it is.
    await scene.dossier(applicant=verified, components=(component(digitised=True),), received_at=None, due_at=None)
    score = await scene.score(population_databases=("7",))
    assert counted(score, Line.DIGITISED) == ((1, 4), (1, 4))
    assert counted(score, Line.FROM_STORE) == ((1, 4), (1, 4))
    assert counted(score, Line.IDENTIFIED) == ((3, 4), (3, 4))
    assert counted(await scene.score(), Line.IDENTIFIED) == ((2, 4), (2, 4)), "which code it is, nobody has published"


async def test_the_portal_is_counted_by_the_revision_it_confirmed(scene: Scene) -> None:
    """The end of the dossier has not arrived there: on time for us, overdue for the nation."""
    code = await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-10 08:00"), confirmed=False)
    await scene.confirm(code, revision=2)  # the result, not the end
    score = await scene.score()
    assert counted(score, Line.ON_TIME) == ((1, 1), (0, 1))
    assert counted(score, Line.RESULT_FILE) == ((1, 1), (0, 0))
    assert await scene.costs() == {code: {"out_of_date_there", "overdue_there"}}
    await scene.confirm(code)
    assert counted(await scene.score(), Line.ON_TIME) == BOTH_OF_ONE
    assert await scene.costs() == {}


async def test_what_reconciliation_was_told_wins_until_something_is_delivered(scene: Scene) -> None:
    """Gone, without its end, without its channel: each costs, and a later delivery settles it."""
    done = (result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    gone, endless, channelless = [await scene.dossier(*done, channel=Channel.ONLINE) for _ in range(3)]
    await scene.differ(gone, "missing_there")
    await scene.differ(endless, "theirs_older", their_state=4, finished_at=["2025-10-10T01:00:00Z", ""])
    await scene.differ(channelless, "differs", channel=["online", ""])
    score = await scene.score()
    assert counted(score, Line.SYNCHRONISED) == ((2, 3), (2, 3))
    assert counted(score, Line.ON_TIME) == ((3, 3), (1, 2))
    assert counted(score, Line.ONLINE) == ((3, 3), (0, 1))
    assert await scene.costs() == {
        gone: {"not_synchronised"},
        endless: {"out_of_date_there", "overdue_there"},
        channelless: {"null_channel", "out_of_date_there"},
    }
    for code in (gone, endless, channelless):
        await scene.confirm(code, at=vn("2026-02-01 00:00"))
    assert await scene.costs() == {}
    assert counted(await scene.score(), Line.ONLINE) == ((3, 3), (3, 3))


async def test_a_moment_in_another_form_is_not_believed(scene: Scene) -> None:
    """What a partner writes may be anything: our own value stands in, but that it differs is told."""
    code = await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    await scene.differ(code, "differs", due_at=["2025-10-15T10:00:00Z", "(another form)"])
    unit = await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    await scene.differ(unit, "differs")  # in a field that the score does not read
    assert counted(await scene.score(), Line.ON_TIME) == ((2, 2), (2, 2))
    assert await scene.costs() == {code: {"out_of_date_there"}}


async def test_a_cancelled_dossier_leaves_our_side_only(scene: Scene) -> None:
    """VP 20 strikes it here; the portal knows no cancellation and goes on counting a stopped dossier."""
    await scene.dossier(cancel("2025-10-09 08:00"))
    score = await scene.score()
    assert (score.received, score.received_there) == (0, 1)
    assert await scene.costs() == {}


async def test_costs_name_every_cause(scene: Scene) -> None:
    """One dossier each; the sentence in both languages is the API's matter."""
    monday = {"submitted_at": vn("2025-10-06 07:30"), "channel": Channel.ONLINE}
    done = (result("2025-10-09 08:00"), finish("2025-10-10 08:00"))
    fine = await scene.dossier(*done, **monday | {"received_at": vn("2025-10-06 17:00")})
    # Eight working hours from Monday 7:30 are over on Monday at 17:00.
    slow = await scene.dossier(*done, **monday | {"received_at": vn("2025-10-06 17:01")})
    never = await scene.dossier(**monday | {"received_at": None, "due_at": None})
    twice = await scene.dossier(
        *(ask("2025-10-09 08:00"), answer("2025-10-09 09:00"), ask("2025-10-09 10:00", "BS02")),
    )
    empty = await scene.dossier(finish("2025-10-10 08:00"))
    absent = await scene.dossier(*done, confirmed=False)
    late = await scene.dossier(result("2025-10-09 08:00"), finish("2025-10-16 08:00"))
    dateless = await scene.dossier(*done, due_at=None)
    assert await scene.costs() == {
        slow: {"not_received_in_time"},
        never: {"not_received_in_time"},
        twice: {"second_supplement"},
        empty: {"result_missing"},
        absent: {"not_synchronised"},
        late: {"overdue"},
        dateless: {"due_date_missing"},
    }
    assert fine not in await scene.costs()


async def test_agencies_are_apart_and_a_caller_sees_its_own(scene: Scene) -> None:
    """Both generations of codes; one above the caller's own shows the part that is the caller's."""
    for agency in ("H99.12", "H99.12.01", "H99.13", "000.00.12.H99"):
        await scene.dossier(agency=agency, confirmed=False)
    await scene.projection.catch_up()
    service = scene.service()
    now = vn("2026-01-05 08:00")

    async def seen(agencies: tuple[str, ...] | None, agency: str | None = None) -> list[str | None]:
        page = await service.scores("2025-10", now=now, agencies=agencies, agency=agency)
        listed = await service.costly("2025-10", now=now, agencies=agencies, agency=agency)
        assert [one.agency for one in page.items] == sorted({one.agency for one in listed.items})
        assert page.total.received == len(listed.items)
        return [one.agency for one in page.items]

    assert await seen(None) == ["000.00.12.H99", "H99.12", "H99.12.01", "H99.13"]
    assert await seen(("H99.12",)) == ["000.00.12.H99", "H99.12", "H99.12.01"]
    assert await seen(("H99",), "H99.13") == ["H99.13"]
    assert await seen(("H99.13",), "H99") == ["H99.13"]
    with pytest.raises(Refusal, match="agency"):
        await seen(("H99.13",), "H99.12")


async def test_pages_of_costs_give_each_dossier_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of reception, also where several were received at one moment, and however little is looked at."""
    codes = [
        await scene.dossier(
            confirmed=confirmed, received_at=vn(f"2025-10-08 08:0{minute}"), due_at=vn("2026-10-08 08:00")
        )
        for minute, confirmed in ((0, False), (0, False), (1, True), (1, False), (2, True), (2, True), (3, False))
    ]
    await scene.projection.catch_up()
    for scan, scans in ((1000, 10), (2, 10), (2, 1), (1, 1)):
        monkeypatch.setattr(hub.score.service, "SCAN", scan)
        monkeypatch.setattr(hub.score.service, "MOST_SCANS", scans)
        seen: list[str] = []
        cursor = None
        while True:
            page = await scene.service().costly("2025-10", now=vn("2026-01-05 08:00"), limit=2, cursor=cursor)
            assert len(page.items) <= 2
            seen += [one.code for one in page.items]
            if (cursor := page.next_cursor) is None:
                break
        assert seen == [codes[0], codes[1], codes[3], codes[6]]
    for bad in ("x", "%", "MjAyNQ", "bm9wZXw", "é"):
        with pytest.raises(Refusal) as caught:
            await scene.service().costly("2025-10", now=vn("2026-01-05 08:00"), cursor=bad)
        assert (caught.value.status, caught.value.code) == (400, "bad_cursor")


async def test_without_a_partner_our_side_is_counted_all_the_same(scene: Scene) -> None:
    """A deployment may be set up before its first connection; nobody is blamed for not synchronising."""
    code = await scene.dossier(finish("2025-10-10 08:00"), confirmed=False)
    await scene.projection.catch_up()
    service = ScoreService(scene.store, ScoreSettings(), None)
    score = (await service.scores("2025-10", now=NOW)).total
    assert counted(score, Line.ON_TIME) == ((1, 1), (0, 0))
    (one,) = (await service.costly("2025-10", now=NOW)).items
    assert (one.code, [cause.cause for cause in one.causes]) == (code, ["result_missing"])
    assert scored_connection(ScoreSettings(), []) is None
    assert scored_connection(ScoreSettings(), ["portal", "other"]) == "portal"
    assert scored_connection(ScoreSettings(connection="other"), ["portal", "other"]) == "other"
    with pytest.raises(SettingsError):
        scored_connection(ScoreSettings(connection="nobody"), ["portal"])
