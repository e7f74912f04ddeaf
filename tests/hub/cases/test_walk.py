"""A case under anything that several people try on it: the rows follow the machine, and nothing goes unrecorded."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from hub.cases.asking import Explanations
from hub.cases.records import Acting
from hub.cases.states import HELD, MOVES, CaseAct, CaseState
from hub.errors import Refusal
from hub.watch.records import Verdict
from tests.hub.cases.world import OFFICER, WatchWorld

PEOPLE = [Acting("client-a", "anninh01"), Acting("client-b", "anninh02"), Acting("client-a", OFFICER)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_people_try_the_case_follows_the_machine(world: WatchWorld, seed: int) -> None:
    """Each act that succeeds is a move of the machine by somebody who may make it, and stands in both histories."""
    dice = random.Random(seed)
    lookup = await world.snoop()
    await world.do("UPDATE cases SET hard = %s", seed % 2 == 0)
    case_id, cases = await world.one_case(), world.cases
    explanations = Explanations(world.store)
    done = 1
    state, holder = CaseState.NEW, None
    for _ in range(120):
        world.clock.pass_time(minutes=dice.randrange(1, 120))
        acting = dice.choice(PEOPLE)
        why: dict[str, Any] = {"reason": "vì sao", "now": world.clock.now}
        acts = {
            CaseAct.TAKE: partial(cases.take, case_id, acting, now=world.clock.now),
            CaseAct.RELEASE: partial(cases.release, case_id, acting, **why),
            CaseAct.ASK: partial(
                cases.ask, case_id, acting, question="Vì sao?", lookup_ids=[lookup], now=world.clock.now
            ),
            CaseAct.DECIDE: partial(cases.decide, case_id, acting, verdict=Verdict.NORMAL, **why),
            CaseAct.REOPEN: partial(cases.reopen, case_id, acting, **why),
            CaseAct.SUPPRESS: partial(cases.suppress, case_id, acting, days=dice.choice((1, 31)), **why),
        }
        act = dice.choice([*acts, CaseAct.ANSWER])
        before = await _row(world)
        try:
            if act is CaseAct.ANSWER:
                await _answer_one(world, explanations)
            else:
                await acts[act]()
        except (Refusal, LookupError):
            assert await _row(world) == before
            continue
        done += 1
        after = await _row(world)
        reached = MOVES.get((state, act), state)
        if act is CaseAct.ANSWER and after[0] == state:
            reached = state  # further questions are open, or nobody waits for this one any more
        assert after[0] == reached
        if act is not CaseAct.ANSWER:
            assert acting.person != OFFICER
            if state in HELD:
                assert holder == (acting.client_id, acting.person)
        if act is CaseAct.SUPPRESS:
            assert seed % 2 == 1
            assert after[3] <= world.clock.now + timedelta(days=30)
        state = CaseState(after[0])
        holder = (after[1], after[2]) if state in HELD else None
        assert (after[1] is not None) == (state in {*HELD, CaseState.DECIDED})
    assert done > 10
    [[history]] = await world.rows("SELECT count(*) FROM case_acts")
    assert history == done
    in_ledger = [one for one in await world.acts() if one.startswith("case.") and one != "case.evidence_frozen"]
    assert len(in_ledger) == done


async def _row(world: WatchWorld) -> Any:
    [row] = await world.rows("SELECT state, taken_by, taken_person, suppressed_until FROM cases")
    return row


async def _answer_one(world: WatchWorld, explanations: Explanations) -> None:
    """Answer the oldest open question, as the officer."""
    open_ones: list[tuple[UUID]] = await world.rows(
        "SELECT id FROM case_questions WHERE answered_at IS NULL AND cancelled_at IS NULL ORDER BY id LIMIT 1"
    )
    if not open_ones:
        raise LookupError
    officer = Acting("client-c", OFFICER)
    await explanations.answer(str(open_ones[0][0]), officer, text="Đã rõ", justified=None, now=world.clock.now)
