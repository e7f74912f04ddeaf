"""The generator: the same bytes for the same seed, and labels that say what the files hold."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.watch_evaluation import records
from tests.watch_evaluation.conftest import SEED
from tests.watch_evaluation.days import WARM_UP
from tests.watch_evaluation.generate import KINDS, SHAPES, _kinds, generate, make
from tests.watch_evaluation.misuse import Scene
from tests.watch_evaluation.procedures import FOREIGN
from tests.watch_evaluation.records import Incident, Stream
from tests.watch_evaluation.report import ROOT
from tests.watch_evaluation.work import Plan, Work

FILES = (
    records.EVENTS,
    records.DOSSIERS,
    records.OFFICERS,
    records.SUBJECTS,
    records.CONTEXT,
    records.LABELS,
    records.WINDOWS,
)
Made = tuple[Stream, Path]

PRETEXTS = {"invented_codes"}
"""Kinds that claim codes that were never issued."""


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(records.read_lines(folder / name))


def _digest(folder: Path) -> str:
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in FILES)).hexdigest()


def test_the_same_seed_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    """Figures of two runs can be compared, because the streams are equal to the byte; another seed gives another."""
    generate(SEED, SHAPES["tiny"], tmp_path / "again")
    generate(SEED + 1, SHAPES["tiny"], tmp_path / "other")
    assert _digest(tmp_path / "again") == _digest(made[1]) != _digest(tmp_path / "other")


@pytest.mark.slow
def test_no_order_of_a_set_gets_into_a_stream(made: Made, tmp_path: Path) -> None:
    """Python hashes text anew in each process; the bytes stay."""
    for hashing in ("1", "2"):
        folder = tmp_path / hashing
        subprocess.run(
            [
                *(sys.executable, "-m", "tests.watch_evaluation", "generate"),
                *("--shapes", "tiny", "--seeds", str(SEED), "--work", str(folder)),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashing},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        assert _digest(folder / f"tiny-{SEED}") == _digest(made[1])


def test_the_files_are_those_of_the_replay(made: Made) -> None:
    """Fields, order and types are those of lookup-monitoring §3."""
    folder = made[1]
    events = _rows(folder, records.EVENTS)
    assert set(events[0]) == {
        "ts", "account_id", "officer_role", "unit_code", "ip", "dossier_code", "purpose", "subject_id", "outcome",
    }  # fmt: skip
    assert [one["ts"] for one in events] == sorted(one["ts"] for one in events)
    assert {one["outcome"] for one in events} <= {"found", "not_found", "denied"}
    assert all(len(one["subject_id"]) == 12 and one["subject_id"].isdecimal() for one in events)
    assert set(_rows(folder, records.DOSSIERS)[0]) == {
        "code", "unit_code", "procedure", "assigned_officers", "party_ids", "opened_at", "closed_at",
    }  # fmt: skip
    assert set(_rows(folder, records.OFFICERS)[0]) == {
        "account_id", "officer_role", "unit_code", "own_subject_id", "household_id", "home_commune", "home_hamlet",
        "account_created", "last_lookup_before_stream", "role_change", "duty_dates",
    }  # fmt: skip
    assert set(json.loads((folder / records.CONTEXT).read_text("utf-8"))) == {
        "start", "days", "timezone", "holidays", "makeup_workdays", "office_hours", "saturday_morning_units",
        "protected_persons", "communes", "departments",
    }  # fmt: skip


def test_subjects_are_the_people_found_and_nobody_else(made: Made) -> None:
    """The replay learns of a person what the population database answered, never of people it did not find."""
    found = {one["subject_id"] for one in _rows(made[1], records.EVENTS) if one["outcome"] == "found"}
    subjects = [one["subject_id"] for one in _rows(made[1], records.SUBJECTS)]
    assert set(subjects) == found
    assert len(subjects) == len(found)


def test_each_labelled_look_up_exists(made: Made) -> None:
    """A label names the line, the moment and the account; no look-up belongs to two incidents; warm-up is honest."""
    events = _rows(made[1], records.EVENTS)
    context = json.loads((made[1] / records.CONTEXT).read_text("utf-8"))
    seen: set[int] = set()
    labels = _rows(made[1], records.LABELS)
    assert labels
    for label in labels:
        assert label["lookups"]
        for one in label["lookups"]:
            event = events[one["line"] - 1]
            assert (event["ts"], event["account_id"]) == (one["ts"], one["account_id"])
            assert one["account_id"] in label["accounts"]
            assert one["line"] not in seen
            seen.add(one["line"])
            assert event["ts"][:10] in label["days"]
            assert records.day_number(_start(context), records.moment(event["ts"])) >= WARM_UP


def _start(context: dict[str, Any]) -> dt.date:
    return dt.date.fromisoformat(context["start"])


def test_nobody_in_an_honest_window_of_their_own_does_wrong(made: Made) -> None:
    """Whoever is flagged in such a window is flagged wrongly. The days after the holidays are everybody's."""
    labels = _rows(made[1], records.LABELS)
    wrong = {account for label in labels for account in label["accounts"] if label["kind"] != "many_on_one"}
    windows = [one for one in _rows(made[1], records.WINDOWS) if one["kind"] != "after_holidays"]
    assert windows
    assert not [one for one in windows if wrong & set(one["accounts"])]


def test_dossiers_are_opened_before_they_are_used(made: Made) -> None:
    """A code that was issued is used from its opening on; codes never issued are another system's or misuse."""
    opened = {one["code"]: records.moment(one["opened_at"]) for one in _rows(made[1], records.DOSSIERS)}
    kind_of = {one["line"]: label["kind"] for label in _rows(made[1], records.LABELS) for one in label["lookups"]}
    for line, event in enumerate(_rows(made[1], records.EVENTS), 1):
        code = event["dossier_code"]
        if code in opened:
            assert opened[code] <= records.moment(event["ts"]), event
        elif code is not None:
            assert code.startswith(FOREIGN) or kind_of.get(line) in PRETEXTS, event


def test_most_honest_work_is_explained(made: Made) -> None:
    """Nine look-ups in ten under a dossier's code are of one of its parties, or of who lives with one."""
    stream = made[0]
    by_code = {one.code: one for one in stream.dossiers}
    honest = [one for one in stream.lookups if one.incident is None and one.person and one.code in by_code]
    plain = [
        one for one in honest if any(one.person in party.household.members for party in by_code[one.code or ""].parties)
    ]
    assert 0.9 < len(plain) / len(honest) < 0.995


def test_every_kind_can_be_acted(made: Made) -> None:
    """Each kind of misuse makes look-ups of its incident, by an officer whom it fits."""
    assert len(KINDS) >= 12
    stream = make(SEED, SHAPES["tiny"])
    work = _work_of(stream)
    done: dict[str, int] = defaultdict(int)
    for kind in KINDS:
        officers = [one for one in stream.province.officers if kind.fits(one)]
        for officer in officers[:8]:
            incident = Incident("I", kind.name, [officer, *officers[8 : 7 + kind.people[1]]][: kind.people[1]])
            kind.act(Scene(work.rng, work, incident))
            done[kind.name] += len(incident.lookups)
    assert [kind.name for kind in KINDS if not done[kind.name]] == []


def _work_of(stream: Stream) -> Work:
    work = Work(random.Random(1), stream.days, stream.province, Plan(), 0, 0.3, alike=False)
    for dossier in stream.dossiers:
        work.dossiers.append(dossier)
        work.of_unit[dossier.unit.code].append(dossier)
        for one in dossier.assigned:
            work.of_officer[one.account].append(dossier)
    work.lookups.extend(stream.lookups)
    return work


def test_four_misuses_in_five_are_small_and_personal() -> None:
    """As in practice: 80 % of confirmed misuses concern the employee, family, friends or neighbours."""
    chosen = _kinds(random.Random(1), 160)
    assert len(chosen) == 160
    assert 0.75 < sum(kind.personal for kind in chosen) / len(chosen) < 0.85
    assert {kind.name for kind in chosen} == {kind.name for kind in KINDS}
