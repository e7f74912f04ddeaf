"""Replay: the engine over history, one event after the other, never seeing what had not happened yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import orjson

from contracts.errors import Sentence
from hub.running.command_error import CommandError
from hub.watch.engine import Engine
from hub.watch.explain import UNEXPLAINED
from hub.watch.faults import Faults
from hub.watch.records import Alert, CaseScore, Context, Dossier, Judgement
from hub.watch.replay_files import (
    Position,
    dossier_of,
    event_maker,
    officer_of,
    read_context,
    read_lines,
    repeats,
    subject_of,
)
from hub.watch.rules import DEFAULT, RuleSet

_AT_ONCE = 2_000
"""Look-ups read, then judged, then told of as progress: taken in turns, each would push the other out of the cache."""
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """The five files."""

    events: Path
    dossiers: Path
    officers: Path
    subjects: Path
    context: Path


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did."""

    lookups: int
    explained: int
    """Look-ups of which less than half stays unexplained, as decided in the end."""
    alerts: int
    cases: int
    faults: Mapping[str, int]
    """Records that could not be judged, by where the program failed; each is a fault of the program."""
    repeated: Mapping[Path, int]
    """By file, lines about somebody or something of which an earlier line of it said otherwise."""


def replay(
    files: ReplayInput,
    out: Path,
    *,
    cases: Path | None = None,
    rules: RuleSet = DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> ReplayResult:
    """Run the engine over five files; write alerts, and their cases where wanted. The same input, the same bytes.

    ``progress`` is told how many bytes of the events have been read, and of how many. Nothing is left where it fails.
    Raises `CommandError` for a file that cannot be read or written, and for a line that is not valid.
    """
    context = read_context(files.context)
    zone = _zone(context, files.context)
    engine = Engine(context, rules)
    officers = list(read_lines(files.officers, officer_of))
    for officer in officers:
        engine.learn_officer(officer)
    people = list(read_lines(files.subjects, subject_of))
    subjects = {one.subject_id: one for one in people}
    dossiers = list(read_lines(files.dossiers, dossier_of))
    repeated = {
        files.officers: repeats(officers, attrgetter("account_id")),
        files.subjects: repeats(people, attrgetter("subject_id")),
        files.dossiers: repeats(dossiers, attrgetter("code")),
    }
    del people
    history = History(engine, dossiers)
    position = Position()
    last = 0.0
    faults = Faults()
    with _written(out) as sink:
        told = _Told(sink, zone)
        events = read_lines(files.events, event_maker(subjects), position)
        while lookups := list(islice(events, _AT_ONCE)):
            for lookup in lookups:
                last = lookup.ts
                # As live, the watch goes on without what it cannot take.
                with faults:
                    history.until(last, told.late)
                with faults:
                    told.judged(engine.judge(lookup))
            if progress is not None:
                progress(position.read, files.events.stat().st_size)
        with faults:
            history.until(last + rules.weights.registration_seconds, told.late)
    shown = [one for one in engine.cases() if one.case_key in told.cases]
    if cases is not None:
        with _written(cases) as sink:
            for case in sorted(shown, key=lambda one: (-one.score, one.opened_at, one.case_key)):
                sink.write(_case_line(case, zone))
    explained = told.lookups - told.unexplained
    return ReplayResult(told.lookups, explained, told.alerts, len(shown), dict(faults.places), repeated)


class _Told:
    """Writes what the engine says, and counts."""

    def __init__(self, sink: BinaryIO, zone: ZoneInfo) -> None:
        self._sink = sink
        self._zone = zone
        self.lookups = 0
        self.unexplained = 0
        self.alerts = 0
        self.cases: set[str] = set()

    def judged(self, judged: Judgement) -> None:
        """Take in what was said of one look-up."""
        self.lookups += 1
        if judged.explanation is not None and judged.explanation.w >= UNEXPLAINED:
            self.unexplained += 1
        if judged.alerts:
            self._write(judged.alerts)

    def late(self, judged: list[Judgement]) -> None:
        """Take in what fell due."""
        for one in judged:
            explanation = one.explanation
            if explanation is not None and explanation.w < UNEXPLAINED:
                self.unexplained -= 1
            self._write(one.alerts)

    def _write(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self._sink.write(_alert_line(alert, self._zone))
            self.cases.add(alert.case_key)
        self.alerts += len(alerts)


class History:
    """Tells the engine of dossiers in the order in which they came and went."""

    def __init__(self, engine: Engine, dossiers: list[Dossier]) -> None:
        self._engine = engine
        self._opening = sorted(dossiers, key=lambda one: (one.opened_at, one.code))
        self._closing = sorted((one.closed_at, one.code) for one in dossiers if one.closed_at is not None)
        self._opened = 0
        self._closed = 0
        self._next_open = self._opening[0].opened_at if self._opening else _NEVER
        self._next_close = self._closing[0][0] if self._closing else _NEVER

    def until(self, ts: float, note: Callable[[list[Judgement]], None]) -> None:
        """Let everything happen that had happened at ``ts``."""
        engine, opening, closing = self._engine, self._opening, self._closing
        while self._next_open <= ts or self._next_close <= ts:
            if self._next_open <= self._next_close:
                if late := engine.advance(self._next_open):
                    note(late)
                dossier = opening[self._opened]
                self._opened += 1
                self._next_open = opening[self._opened].opened_at if self._opened < len(opening) else _NEVER
                engine.open_dossier(dossier)
            else:
                if late := engine.advance(self._next_close):
                    note(late)
                closed_at, code = closing[self._closed]
                self._closed += 1
                self._next_close = closing[self._closed][0] if self._closed < len(closing) else _NEVER
                engine.close_dossier(code, closed_at)
        if late := engine.advance(ts):
            note(late)


def _zone(context: Context, path: Path) -> ZoneInfo:
    try:
        return ZoneInfo(context.timezone)
    except (KeyError, ValueError, OSError):
        raise CommandError(
            "replay_input_invalid",
            Sentence(f"{path}: the timezone is unknown.", f"{path}: không có múi giờ này."),
        ) from None


def _moment(ts: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ts, zone).isoformat(timespec="seconds")


def _alert_line(alert: Alert, zone: ZoneInfo) -> bytes:
    document: dict[str, Any] = {
        "ts": _moment(alert.ts, zone),
        "account_id": alert.account_id,
        "score": alert.score,
        "rule": alert.rule,
        "rule_score": alert.rule_score,
    }
    if alert.subject_ids:
        document["subject_ids"] = alert.subject_ids
    document |= {
        "reason": alert.reason.vi,
        "reason_en": alert.reason.en,
        "event_lines": [int(one) for one in alert.lookup_ids],
        "case": alert.case_key,
    }
    return orjson.dumps(document) + b"\n"


def _case_line(case: CaseScore, zone: ZoneInfo) -> bytes:
    document = {
        "case": case.case_key,
        "account_id": case.account_id,
        "unit_code": case.unit_code,
        "opened_at": _moment(case.opened_at, zone),
        "until": _moment(case.until, zone),
        "score": case.score,
        "rules": [{"rule": one.rule, "score": one.score, "ts": _moment(one.ts, zone)} for one in case.rules],
        "event_lines": [int(one) for one in case.lookup_ids],
    }
    return orjson.dumps(document) + b"\n"


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all."""
    half = path.with_name(path.name + ".part")
    try:
        with half.open("wb", buffering=1 << 16) as file:
            yield file
        half.replace(path)
    except OSError as error:
        raise CommandError(
            "not_written",
            Sentence(
                f"The file {path} cannot be written ({error.strerror}); name another one.",
                f"Không ghi được tệp {path} ({error.strerror}); hãy chọn tệp khác.",
            ),
        ) from None
    finally:
        half.unlink(missing_ok=True)
