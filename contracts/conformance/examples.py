"""The canonical documents the suite hands to an adapter: complete, invented, the same for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.dossier import Dossier, DossierFacts, Handler, Step
from contracts.examples import dossier_body
from contracts.states import DossierState

CODE = "H99.12-261008-0001"
_DAY = datetime(2026, 10, 8, 2, 0, tzinfo=UTC)


def code_of(number: int) -> str:
    """Return the code of one of several dossiers."""
    return f"H99.12-261008-{number:04}"


def dossier(code: str = CODE, *, revision: int = 1, **facts: Any) -> Dossier:
    """Return an accepted dossier with nearly every field filled; ``facts`` are put above."""
    declared = DossierFacts.model_validate_json(dossier_body()).model_copy(update=facts)
    return Dossier(
        code=code,
        revision=revision,
        state=DossierState.ACCEPTED,
        facts=declared,
        received_at=declared.received_at,
        due_at=declared.due_at,
    )


def step(sequence: int = 1) -> Step:
    """Return a step; each sequence has its own content and moment."""
    return Step(
        sequence=sequence,
        state=DossierState.IN_PROCESS,
        handler=Handler(
            name="Lê Văn Thử", title="Chuyên viên", department="Phòng Tư pháp - Hộ tịch", account_id="canbo01"
        ),
        content=f"Thẩm định hồ sơ lần {sequence}",
        occurred_at=_DAY + timedelta(days=1, minutes=sequence),
        due_at=_DAY + timedelta(days=7),
        recorded_at=_DAY + timedelta(days=1, minutes=sequence + 1),
        late_entry=False,
    )
