"""Sample traffic is what a dossier system may send: lawful from the first call to the last."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from contracts.codes import parse_dossier_code
from contracts.dossier import Dossier, DossierFacts
from contracts.events import Event
from contracts.history import accept, declare
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.demo.traffic import codes, life

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
KINDS = {"/steps": "step", "/results": "result", "/withdrawals": "withdrawal", "/supplements": ""}


async def live(seed: int) -> tuple[Dossier, list[str]]:
    """Play one life against the rules; return the dossier at its end, and the calls made."""
    code = "H99.12-261008-0000001"
    dossier: Dossier | None = None
    calls: list[str] = []
    async for method, path, body in life(code, random.Random(seed)):
        calls.append(f"{method} {path}")
        now = datetime.now(UTC)
        if method == "PUT":
            facts = DossierFacts.model_validate_json(json.dumps(body))
            dossier = declare(code, facts, recorded_at=now, rules=DossierRules())
        else:
            assert dossier is not None
            kind: dict[str, Any] = {"kind": KINDS[path]} if KINDS[path] else {}
            event = EVENT.validate_json(json.dumps({**kind, **body}))
            dossier = accept(dossier, event, recorded_at=now, rules=DossierRules())
    assert dossier is not None
    return dossier, calls


@pytest.mark.parametrize("seed", range(40))
async def test_every_life_is_lawful(seed: int) -> None:
    """No call of a life is refused, and each life comes to its end."""
    dossier, _ = await live(seed)
    assert dossier.state in {DossierState.RESULT_RETURNED, DossierState.WITHDRAWN_BY_CITIZEN}


async def test_lives_differ() -> None:
    """Some are sent back for a supplement, some withdrawn: a reader sees more than one kind of life."""
    calls = [(await live(seed))[1] for seed in range(40)]
    assert any("POST /withdrawals" in one for one in calls)
    assert any("POST /supplements" in one for one in calls)
    assert len({tuple(one) for one in calls}) > 4


def test_codes_are_valid_and_distinct() -> None:
    """Codes of one run are different, and a later run of the same day begins after it."""
    first = codes()
    made = [next(first) for _ in range(50)]
    assert len(set(made)) == 50
    for code in made:
        assert parse_dossier_code(code) == code
