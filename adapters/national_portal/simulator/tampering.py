"""What a portal must never do and some have done: lose, roll back or alter a dossier without telling anybody.

``POST tampering`` of the control plane. Nothing of it shows in the counts, the calls or the answers: it is found by
comparing, or not at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from adapters.national_portal.simulator.fields import DOSSIER, find_fault
from adapters.national_portal.simulator.portal import HeldDossier, SimulatedPortal
from adapters.national_portal.simulator.refusal import ERROR, Refusal

_State = Annotated[str, Field(pattern=r"^([1-9]|10)$")]


class TamperRequest(BaseModel):
    """``POST tampering``: which dossier, and what happens to the portal's copy."""

    model_config = ConfigDict(extra="forbid")

    code: str
    action: Literal["lose", "roll_back", "alter"]
    """``lose`` forgets it; ``roll_back`` sets it to an earlier state or forgets its last steps; ``alter`` changes
    fields of its content."""
    state: _State | None = None
    """The state after ``roll_back``, or after ``alter``."""
    steps: Annotated[int, Field(ge=0)] | None = None
    """How many of its steps a ``roll_back`` leaves; all when absent."""
    fields: dict[str, Any] = {}
    """What ``alter`` writes over its content, as ``DongBoHoSoMC`` spells it."""


def tamper(portal: SimulatedPortal, wish: TamperRequest) -> HeldDossier | None:
    """Do it, and return the portal's copy as it is now; raises `Refusal` for a dossier it does not hold."""
    held = portal.dossiers.get(wish.code)
    if held is None:
        raise Refusal(ERROR, "Không tìm thấy hồ sơ")
    if wish.action == "lose":
        del portal.dossiers[wish.code]
        return None
    if wish.action == "roll_back" and wish.steps is not None:
        del held.steps[wish.steps :]
    changed = dict(wish.fields) if wish.action == "alter" else {}
    if wish.state is not None:
        changed["TrangThaiHoSo"] = wish.state
    body = {**orjson.loads(held.body), **changed}
    fault = find_fault(body, DOSSIER)
    if fault is not None:
        raise Refusal(ERROR, fault)
    held.body, held.state = orjson.dumps(body), str(body["TrangThaiHoSo"])
    return held
