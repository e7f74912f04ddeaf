"""Whatever comes in whatever order, the engine judges it: nothing it is told may stop the watch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.watch.engine import Engine
from hub.watch.explain import Grade
from hub.watch.records import Context, Dossier, Judgement, Lookup, Subject, Verdict
from hub.watch.rules import RuleSet
from tests.hub.watch.desk import COLLEAGUE, ELSEWHERE, ME, PROTECTED, START, THERE, UNIT, moment, officer

# Few people, whose numbers differ by a digit or follow each other, so that every rule has something to do.
PEOPLE = (*(f"09919900081{digit}" for digit in range(5)), PROTECTED)
OFFICERS = {ME: UNIT, COLLEAGUE: UNIT, THERE: ELSEWHERE, "stranger": UNIT}
CODES = (f"{UNIT}-260601-0001", f"{UNIT}-260601-0002", f"{ELSEWHERE}-260601-0001", "G15.2-260601-0001", "nonsense")
SECONDS = (*(0.0, 1.0, 20.0, 300.0) * 3, 2760.0, 86_400.0, 86_400.0, 6.5 * 86_400.0, -60.0)

_LOOK = st.fixed_dictionaries({
    "account": st.sampled_from(sorted(OFFICERS)),
    "who": st.sampled_from(PEOPLE),
    "code": st.sampled_from((*CODES, *(None,) * 5)),
    "outcome": st.sampled_from(("found", "found", "found", "not_found", "denied")),
    "ip": st.sampled_from(("10.20.1.5", "10.20.9.5", "203.0.113.9", "not an address")),
    "house": st.sampled_from(("", "HK-A", "HK1")),
    "hamlet": st.sampled_from((None, 3, 4, 9)),
})  # fmt: skip
_DOSSIER = st.fixed_dictionaries({
    "code": st.sampled_from(CODES[:3]),
    "parties": st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True),
    "assigned": st.lists(st.sampled_from(sorted(OFFICERS)), max_size=2, unique=True),
})  # fmt: skip
_STEP = st.one_of(
    *(st.tuples(st.just("look"), _LOOK) for _ in range(5)),
    st.tuples(st.just("open"), _DOSSIER),
    st.tuples(st.just("open"), _DOSSIER),
    st.tuples(st.just("amend"), _DOSSIER),
    st.tuples(st.just("close"), st.sampled_from(CODES)),
    st.tuples(st.just("verdict"), st.sampled_from(Verdict)),
    st.tuples(st.just("learn"), st.sampled_from((ME, THERE))),
    st.tuples(st.just("forget"), st.just(None)),
)
_STEPS = st.lists(st.tuples(st.sampled_from(SECONDS), _STEP), min_size=20, max_size=60)


class _Stream:
    """Tells an engine what was drawn, as live and replay tell it: time first, then what happened."""

    def __init__(self) -> None:
        context = Context(START, 60, protected_persons=frozenset({PROTECTED}))
        self.engine = Engine(context, RuleSet(warm_up_days=0))
        for at, (account, unit) in enumerate(sorted(OFFICERS.items())):
            if account != "stranger":
                self.engine.learn_officer(officer(account, at, unit=unit, own_subject_id=PEOPLE[at]))
        self.ts = moment(0, "08:00")
        self.said: list[Judgement] = []
        self.looked = 0

    def take(self, seconds: float, kind: str, facts: Any) -> None:
        """Let time pass, then do one thing."""
        self.ts += seconds
        self.said += self.engine.advance(self.ts)
        match kind:
            case "look":
                self._look(**facts)
            case "open" | "amend":
                known = Dossier(
                    facts["code"],
                    facts["code"].partition("-")[0],
                    "1.001193",
                    tuple(facts["assigned"]),
                    tuple(facts["parties"]),
                    self.ts,
                )
                if kind == "open":
                    self.engine.open_dossier(known)
                else:
                    self.engine.amend_dossier(known, self.ts)
            case "close":
                self.engine.close_dossier(facts, self.ts)
            case "verdict":
                for one in self.engine.cases()[:1]:
                    self.engine.verdict(one.case_key, facts)
            case "learn":
                self.engine.learn_officer(replace(officer(facts, 1), officer_role="other"))
            case _:
                self.engine.forget(self.ts - 30 * 86_400)

    def _look(
        self, *, account: str, who: str, code: str | None, outcome: str, ip: str, house: str, hamlet: Any
    ) -> None:
        subject = Subject(who, "X01", hamlet, house) if outcome == "found" else None
        name, self.looked = str(self.looked), self.looked + 1
        lookup = Lookup(self.ts, account, "one_stop", OFFICERS[account], ip, code, "", who, outcome, name, subject)
        self.said.append(self.engine.judge(lookup))

    def end(self) -> None:
        """Let everything fall due."""
        self.said += self.engine.advance(self.ts + 10 * 86_400)


@given(_STEPS)
def test_every_look_up_is_judged_whatever_comes(steps: list[tuple[float, tuple[str, Any]]]) -> None:
    """None stops it, none stays undecided, weights and scores are what they can be; and the same gives the same."""
    streams = (_Stream(), _Stream())
    for stream in streams:
        for seconds, (kind, facts) in steps:
            stream.take(seconds, kind, facts)
        stream.end()
    one, again = streams
    assert one.said == again.said
    last = {each.explanation.lookup_id: each.explanation for each in one.said if each.explanation is not None}
    assert len(last) == one.looked
    assert all(0.0 <= each.w <= 1.0 for each in last.values())
    assert Grade.AWAITING_REGISTRATION not in {each.grade for each in last.values()}
    scores = [alert.score for each in one.said for alert in each.alerts]
    scores += [rule.score for case in one.engine.cases() for rule in case.rules]
    assert all(math.isfinite(each) and each > 0 for each in scores)
