"""Replay: the same bytes for the same files, nothing of the future, and every fault named by file and line."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.running.command_error import CommandError
from hub.watch.engine import Engine
from hub.watch.records import Dossier
from hub.watch.replay import ReplayInput, replay
from tests.watch_evaluation.generate import SHAPES, generate

NAMES = ("events", "dossiers", "officers", "subjects")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> ReplayInput:
    """A small labelled stream of the evaluation, with incidents of many kinds."""
    folder = tmp_path_factory.mktemp("stream")
    generate(3, SHAPES["tiny"], folder)
    return ReplayInput(*(folder / f"{name}.jsonl" for name in NAMES), folder / "context.json")


def options(files: ReplayInput, out: Path) -> list[str]:
    """Return the command line of a replay."""
    said = [f"--{name}={getattr(files, name)}" for name in (*NAMES, "context")]
    return ["detect", "replay", *said, f"--out={out}"]


def run(files: ReplayInput, out: Path, **more: Any) -> list[dict[str, Any]]:
    """Replay and read the alerts."""
    replay(files, out, **more)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_the_same_files_give_the_same_bytes(stream: ReplayInput, tmp_path: Path) -> None:
    """Alerts in order of time, cases the worst first; progress is told to whoever wants it and changes nothing."""
    told: list[tuple[int, int]] = []
    for name in ("one", "two"):
        replay(stream, tmp_path / name, cases=tmp_path / f"{name}-cases", progress=lambda *done: told.append(done))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one-cases").read_bytes() == (tmp_path / "two-cases").read_bytes()
    assert all(0 < done <= whole for done, whole in told)


def test_what_the_engine_cannot_take_is_passed_over_and_told(
    stream: ReplayInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One dossier in a hundred brings the program down: the others are judged, and nobody's number is told."""
    whole = {json.dumps(one) for one in run(stream, tmp_path / "whole")}
    opened = Engine.open_dossier
    seen: list[str] = []

    def broken(engine: Engine, dossier: Dossier) -> None:
        seen.append(dossier.code)
        if len(seen) % 100 == 0:
            raise KeyError(dossier.party_ids[0])
        opened(engine, dossier)

    monkeypatch.setattr(Engine, "open_dossier", broken)
    done = CliRunner().invoke(app, options(stream, tmp_path / "out"))
    assert done.exit_code == 0, done.output
    place = f"KeyError, {__name__}:"
    assert f"{len(seen) // 100} records could not be judged ({place}" in done.stderr
    assert not re.search(r"[0-9]{12}", done.output + done.stderr)
    told = {line.decode() for line in (tmp_path / "out").read_bytes().splitlines()}
    assert len({json.dumps(json.loads(one)) for one in told} & whole) > len(whole) // 2


@pytest.mark.slow
def test_the_command_writes_alerts_and_cases_byte_for_byte_the_same(stream: ReplayInput, tmp_path: Path) -> None:
    """In processes with different hash seeds; with neither database nor configuration; nothing half-written is left."""
    written = []
    for seed in ("1", "2"):
        out, cases = tmp_path / f"alerts{seed}", tmp_path / f"cases{seed}"
        done = subprocess.run(
            [sys.executable, "-m", "hub.cli", *options(stream, out), f"--cases={cases}"],
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "LIENTHONG_DATABASE_URL": "postgresql://nowhere"},
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        written.append((out.read_bytes(), cases.read_bytes()))
    assert written[0] == written[1]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["alerts1", "alerts2", "cases1", "cases2"]
    alerts = [json.loads(line) for line in written[0][0].splitlines()]
    assert alerts
    first = alerts[0]
    assert {"ts", "account_id", "score", "rule", "reason", "reason_en"} <= first.keys()
    assert first["ts"].endswith("+07:00")
    assert [one["ts"] for one in alerts] == sorted(one["ts"] for one in alerts)
    cases_ = [json.loads(line) for line in written[0][1].splitlines()]
    assert {one["case"] for one in alerts} <= {one["case"] for one in cases_}
    assert [one["score"] for one in cases_] == sorted((one["score"] for one in cases_), reverse=True)


@pytest.mark.parametrize("kept", [0.72, 0.85, 0.95])
def test_the_future_changes_nothing_that_was_said(stream: ReplayInput, tmp_path: Path, kept: float) -> None:
    """Cut the events anywhere, and drop what is registered or closed later: every alert until then is the same.

    So nothing is read before its moment: no dossier, no closing, no attribute of a person found later.
    """
    lines = stream.events.read_bytes().splitlines(keepends=True)
    lines = lines[: int(len(lines) * kept)]
    until = json.loads(lines[-1])["ts"]
    cut = replace(stream, events=tmp_path / "events", dossiers=tmp_path / "dossiers", subjects=tmp_path / "subjects")
    cut.events.write_bytes(b"".join(lines))
    with cut.dossiers.open("w", encoding="utf-8") as file:
        for line in stream.dossiers.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if one["opened_at"] <= until:
                one["closed_at"] = one["closed_at"] if (one["closed_at"] or "9") <= until else None
                file.write(json.dumps(one) + "\n")
    found = {one["subject_id"] for one in map(json.loads, lines) if one["outcome"] == "found"}
    with cut.subjects.open("w", encoding="utf-8") as file:
        for line in stream.subjects.read_text(encoding="utf-8").splitlines():
            if json.loads(line)["subject_id"] in found:
                file.write(line + "\n")
    whole = [one for one in run(stream, tmp_path / "whole") if one["ts"] <= until]
    part = [one for one in run(cut, tmp_path / "part") if one["ts"] <= until]
    assert part == whole
    assert kept < 0.9 or part


def test_a_full_disk_is_no_fault_of_a_record(
    stream: ReplayInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written ends the replay, and nothing half-written is left."""

    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hub.watch.replay._alert_line", full)
    with pytest.raises(CommandError, match="No space left"):
        replay(stream, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_files_may_begin_with_a_byte_order_mark(stream: ReplayInput, tmp_path: Path) -> None:
    """As programs of one system write them; the answer is the same."""
    marked = {}
    for name in (*NAMES, "context"):
        marked[name] = tmp_path / name
        marked[name].write_bytes(BOM_UTF8 + getattr(stream, name).read_bytes())
    assert run(ReplayInput(**marked), tmp_path / "out") == run(stream, tmp_path / "plain")


def test_an_address_that_is_not_told_is_nowhere_else(stream: ReplayInput, tmp_path: Path) -> None:
    """Nothing follows from what is not known: without addresses nobody is outside, and every look-up is judged."""
    told = tmp_path / "events"
    lines = [json.loads(line) | {"ip": None} for line in stream.events.read_bytes().splitlines()]
    told.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    done = replay(replace(stream, events=told), tmp_path / "out")
    assert (done.lookups, done.faults) == (len(lines), {})
    rules = {json.loads(line)["rule"] for line in (tmp_path / "out").read_bytes().splitlines()}
    assert rules
    assert not rules & {"outside_network", "two_networks"}


def test_lines_that_contradict_each_other_are_told(stream: ReplayInput, tmp_path: Path) -> None:
    """A dossier under two procedures, an officer of two units: counted by file; the same line twice is nothing."""
    changes = {"dossiers": {"procedure": "another"}, "officers": {"unit_code": "H99.98"}, "subjects": {}}
    files = {}
    for name, change in changes.items():
        lines = getattr(stream, name).read_text(encoding="utf-8").splitlines()
        files[name] = tmp_path / f"{name}.jsonl"
        again = [lines[0], json.dumps(json.loads(lines[0]) | change)]
        files[name].write_text("\n".join([*lines, *again]) + "\n", encoding="utf-8")
    done = CliRunner().invoke(app, options(replace(stream, **files), tmp_path / "out"))
    assert done.exit_code == 0, done.output
    told = done.stderr
    assert "dossiers.jsonl: 1 lines say otherwise" in told
    assert "officers.jsonl: 1 dòng nói khác" in told
    assert "subjects.jsonl" not in told


def damaged(line: int, change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """Return what changes one line of a file."""

    def apply(content: bytes) -> bytes:
        lines = content.splitlines()
        changed = change(json.loads(lines[line - 1]))
        lines[line - 1] = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return b"\n".join(lines) + b"\n"

    return apply


@pytest.mark.parametrize(
    ("name", "line", "change", "says"),
    [
        ("events", 3, lambda _one: b"{broken", "not a JSON object"),
        ("events", 4, lambda one: one | {"ts": "2026-01-01T08:00:00"}, "no offset"),
        ("events", 5, lambda one: one | {"ts": "2020-01-01T08:00:00+07:00"}, "order of time"),
        ("events", 6, lambda one: one | {"outcome": "lost"}, "outcome"),
        ("events", 7, lambda one: {k: v for k, v in one.items() if k != "account_id"}, "account_id is missing"),
        ("events", 8, lambda one: one | {"subject_id": 99199000123}, "must be text"),
        ("events", 8, lambda one: one | {"ip": 5}, "ip must be text"),
        ("events", 9, lambda _one: b"[]", "wrong type"),
        ("dossiers", 2, lambda one: one | {"opened_at": "yesterday"}, "wrong type"),
        ("dossiers", 3, lambda one: one | {"party_ids": 7}, "wrong type"),
        ("officers", 2, lambda one: one | {"home_hamlet": "third"}, "wrong type"),
        ("subjects", 2, lambda one: {"commune": one["commune"]}, "subject_id is missing"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(
    stream: ReplayInput, tmp_path: Path, *, name: str, line: int, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    """In both languages, with file and line, without a word of what stands in it; no output is left behind."""
    path = tmp_path / f"{name}.jsonl"
    path.write_bytes(damaged(line, change)(getattr(stream, name).read_bytes()))
    with pytest.raises(CommandError, match=f"line {line}: .*{says}") as caught:
        replay(replace(stream, **{name: path}), tmp_path / "out", cases=tmp_path / "cases")
    assert f"dòng {line}:" in caught.value.sentence.vi
    assert "99199000123" not in caught.value.sentence.en
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_read_or_written_is_said(stream: ReplayInput, tmp_path: Path) -> None:
    """A missing file, a folder that is none, a context that is none, rules that are not valid: one sentence, exit 1."""
    runner = CliRunner()
    missing = replace(stream, officers=tmp_path / "nobody")
    bad_context = replace(stream, context=tmp_path / "context")
    bad_context.context.write_text('{"start": "2026-01-05"}', encoding="utf-8")
    reversed_hours = replace(stream, context=tmp_path / "reversed")
    hours = json.loads(stream.context.read_bytes()) | {"office_hours": [["17:00", "13:30"]]}
    reversed_hours.context.write_text(json.dumps(hours), encoding="utf-8")
    rules = tmp_path / "rules.json"
    rules.write_text('{"people": {"own_record": -1}}', encoding="utf-8")
    for command, says in (
        (options(missing, tmp_path / "out"), "nobody cannot be read"),
        (options(stream, tmp_path / "none" / "out"), "cannot be written"),
        (options(bad_context, tmp_path / "out"), "office_hours is missing"),
        (options(reversed_hours, tmp_path / "out"), "office_hours end before they begin"),
        ([*options(stream, tmp_path / "out"), f"--rules={rules}"], "people.own_record"),
    ):
        done = runner.invoke(app, command)
        assert done.exit_code == 1
        assert says in done.stderr
        assert "Lỗi:" in done.stderr


def test_other_rules_can_be_tried(stream: ReplayInput, tmp_path: Path) -> None:
    """A version of the rules as JSON changes what is shown: this is how a rule is judged before it goes live."""
    rules = tmp_path / "rules.json"
    rules.write_text('{"version": 2, "alert_from": 5.5}', encoding="utf-8")
    done = CliRunner().invoke(app, [*options(stream, tmp_path / "strict"), f"--rules={rules}"])
    assert done.exit_code == 0
    strict = (tmp_path / "strict").read_text(encoding="utf-8").splitlines()
    assert len(strict) < len(run(stream, tmp_path / "usual"))
    assert "look-ups" in done.stdout
    assert "lượt tra cứu" in done.stdout
