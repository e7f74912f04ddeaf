"""The statement that counts, against a plain reading of the paper in Python, over many invented rows."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from hub.score.facts import ScoreFacts, columns
from hub.score.lines import Line
from tests.hub.score.conftest import NOW, PORTAL, Scene, counted, vn

START, END = vn("2025-10-01 00:00"), vn("2025-11-01 00:00")
AGENCIES = ("H99.12", "H99.13", "H99.14")


@dataclass(frozen=True)
class Invented:
    """A dossier of two revisions, and which of them the portal confirmed."""

    code: str
    first: ScoreFacts
    newest: ScoreFacts
    confirmed: int | None


def _facts(dice: random.Random) -> ScoreFacts:
    """Facts that need not go together: the statement must count them all the same."""

    def perhaps(moment: datetime) -> datetime | None:
        return moment if dice.random() < 0.7 else None

    def flip() -> bool:
        return dice.random() < 0.5

    def days(most: float) -> timedelta:
        return timedelta(hours=dice.randrange(int(most * 24) + 1))

    submitted = vn("2025-09-20 00:00") + days(50)
    received = perhaps(submitted + days(3))
    requested = perhaps(submitted + days(5))
    return ScoreFacts(
        agency_code=dice.choice(AGENCIES),
        procedure_root="1.000001",
        channel=dice.choice(("direct", "online", "postal")),
        state=dice.randint(1, 10),
        cancelled=dice.random() < 0.1,
        submitted_at=submitted,
        received_at=received,
        counted_at=received or submitted,
        due_at=perhaps(submitted + days(20)),
        longest_due_at=perhaps(submitted + days(20)),
        ended_at=perhaps(submitted + days(25)),
        supplements=0 if requested is None else dice.randint(1, 2),
        supplement_requested_at=requested,
        supplement_received_at=perhaps(requested + days(8)) if requested else None,
        supplement_renewed=flip(),
        clock_stopped=flip(),
        result_filed=flip(),
        component_file=flip(),
        digitised=flip(),
        from_store=flip(),
        verified_account=flip(),
        databases=("7",) if flip() else (),
        fee_asked=flip(),
        paid_online=flip(),
        answered_at=None,
        reception_warn_at=None,
        reception_due_at=None,
        due_warn_at=None,
        apology_warn_at=None,
        apology_due_at=None,
        fee_warn_at=None,
        fee_due_at=None,
    )


def _invent(dice: random.Random, number: int) -> Invented:
    first = replace(_facts(dice), cancelled=False)
    newest = replace(_facts(dice), agency_code=first.agency_code)
    return Invented(f"H99.12-251001-{number:04d}", first, newest, dice.choice((None, 1, 2)))


async def _store(scene: Scene, invented: list[Invented]) -> None:
    rows = [
        {"code": one.code, "revision": revision, "through": revision, "newest": revision == 2, "rules": ""}
        | {name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns(facts).items()}
        for one in invented
        for revision, facts in ((1, one.first), (2, one.newest))
    ]
    await scene.execute(
        "INSERT INTO score_facts SELECT r.* FROM jsonb_populate_recordset(NULL::score_facts, %s) r", Jsonb(rows)
    )
    lanes = [{"subject": one.code, "confirmed_revision": one.confirmed} for one in invented]
    await scene.execute(
        "INSERT INTO lanes (connection, subject, open_count, confirmed_revision, confirmed_at)"
        " SELECT %s, r.subject, 0, r.confirmed_revision, %s"
        " FROM jsonb_to_recordset(%s) AS r(subject text, confirmed_revision int)",
        PORTAL,
        NOW,
        Jsonb(lanes),
    )


# --- the paper, read plainly -----------------------------------------------------------------------------------


def _on_time(one: ScoreFacts, *, always: bool) -> bool:
    if one.supplements > 1:
        return False
    due = one.due_at or one.longest_due_at
    if due is None:
        return False
    end = one.ended_at or END
    if one.supplements == 1 and (always or not one.supplement_renewed):
        assert one.supplement_requested_at is not None
        answered = one.supplement_received_at or one.ended_at or END
        end -= max(answered - one.supplement_requested_at, timedelta(0))
    return end <= due


def _count(side: list[ScoreFacts], settings: dict[str, Any]) -> dict[Line, tuple[int, int]]:
    counts: Counter[tuple[Line, bool]] = Counter()
    always = settings.get("supplement_clock") == "always"
    handled = settings.get("on_time_among") == "handled"
    among_all = settings.get("results_among") == "received"
    for one in side:
        received = one.received_at
        if received is None or received >= END:
            continue
        carried = received < START and (one.ended_at is None or one.ended_at >= START)
        if received >= START or (handled and carried):
            counts[Line.ON_TIME, _on_time(one, always=always)] += 1
        if received < START:
            continue
        if among_all or one.state in {9, 10}:
            counts[Line.ONLINE, one.channel == "online" and one.result_filed] += 1
            counts[Line.RESULT_FILE, one.result_filed] += 1
            counts[Line.FILES, one.result_filed and one.component_file] += 1
        if one.fee_asked:
            counts[Line.PAID_ONLINE, one.paid_online] += 1
        counts[Line.DIGITISED, one.digitised] += 1
        counts[Line.FROM_STORE, one.from_store] += 1
        counts[Line.IDENTIFIED, one.verified_account or one.from_store or "7" in one.databases] += 1
    lines = [line for line in Line if line is not Line.SYNCHRONISED]
    return {line: (counts[line, True], counts[line, True] + counts[line, False]) for line in lines}


SETTINGS = [
    {"supplement_clock": clock, "on_time_among": among, "results_among": results}
    for clock, among, results in itertools.product(
        ("unless_renewed", "always"), ("received", "handled"), ("finished", "received")
    )
]


async def test_the_statement_counts_as_the_paper_says(scene: Scene) -> None:
    """Every line, both sides, under all settings that the paper leaves open."""
    dice = random.Random(1)
    invented = [_invent(dice, number) for number in range(300)]
    await _store(scene, invented)
    await scene.execute("INSERT INTO score_progress (id, events_until) VALUES (1, now())")  # nothing to work in
    ours = [one.newest for one in invented if not one.newest.cancelled]
    portal = [one.first if one.confirmed == 1 else one.newest for one in invented if one.confirmed]
    for settings in SETTINGS:
        total = await scene.score(**settings, population_databases=("7",))
        expected = {line: (_count(ours, settings)[line], _count(portal, settings)[line]) for line in _count([], {})}
        assert {line: counted(total, line) for line in expected} == expected, settings


async def test_agencies_add_up_to_the_total(scene: Scene) -> None:
    """Of every line but the rates themselves."""
    dice = random.Random(3)
    await _store(scene, [_invent(dice, number) for number in range(100)])
    page = await scene.service().scores("2025-10", now=NOW)
    assert {one.agency for one in page.items} == set(AGENCIES)
    for line in Line:
        parts = [counted(one, line) for one in page.items]
        sums = tuple((sum(p[side][0] for p in parts), sum(p[side][1] for p in parts)) for side in (0, 1))
        total = counted(page.total, line)
        if line is not Line.SYNCHRONISED:
            assert total == sums
        else:
            assert [one[0] for one in total] == [one[0] for one in sums]
