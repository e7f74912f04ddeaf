"""What a look-up is made of on its way through the flow: the plan, the request, what is handed out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.lookups import Lookup
from contracts.population import Asker, DataGroup
from hub.accounts.directory import Account
from hub.errors import Refusal
from hub.lookups.counting import Word
from hub.lookups.gate import GateVerdict
from hub.lookups.refusals import refusal
from hub.lookups.rows import LookupOutcome, LookupRow, SubjectKind, salted


class GateRefusal(Refusal):
    """The gate refuses for now: ``wait_seconds`` is when it would not."""

    def __init__(self, code: str, wait_seconds: float) -> None:
        """Take status, field and sentence of the code."""
        made = refusal(code)
        super().__init__(made.status, code, made.sentence, field=made.field)
        self.wait_seconds = wait_seconds


@dataclass(slots=True)
class Handed:
    """What one look-up gave: how it is recorded, and the part of the answer that is about the subject."""

    outcome: LookupOutcome
    found: int
    groups: tuple[str, ...]
    body: bytes = field(repr=False)
    """Members of a JSON object, without its braces."""
    watched: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the watch is told of the person."""
    others: Sequence[str] = field(default=(), repr=False)
    """Personal numbers of further people whose data are handed out."""

    def packed(self) -> bytes:
        """Return it as JSON, to be sealed and kept."""
        return orjson.dumps(
            [self.outcome.value, self.found, self.groups, self.body.decode(), self.watched, self.others],
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Handed:
        """Read what `packed` made."""
        outcome, found, groups, body, watched, others = orjson.loads(packed)
        return cls(LookupOutcome(outcome), found, tuple(groups), body.encode(), watched, others)


class MismatchError(Exception):
    """The partner answered about somebody else."""


@dataclass(slots=True)
class Plan:
    """One kind of look-up, ready to be made."""

    kind: str
    """As in the log: ``confirm:identity``."""
    operation: str
    """As in the scope of accounts: ``confirm``."""
    lookup: Lookup = field(repr=False)
    connection: str | None
    """Who is asked; ``None``: nobody can be."""
    deadline_seconds: float
    subject: str = field(repr=False)
    subject_kind: SubjectKind
    question: bytes = field(repr=False)
    """The question as JSON."""
    ask: Callable[[Asker], Awaitable[Callable[[Sequence[DataGroup], Sequence[DataGroup]], Handed]]] = field(repr=False)
    """Asks; returns what makes of the answer what is handed out, given groups and withheld ones.

    What it returns raises `MismatchError` where the answer is about somebody else.
    """
    needs: DataGroup | None = None
    """A group of data without which the look-up makes no sense."""
    wanted: Sequence[DataGroup] | None = None
    gives_groups: bool = True
    """Whether what is handed out are groups of a citizen's data."""


@dataclass(slots=True)
class Request:
    """One look-up under way."""

    plan: Plan
    row: LookupRow
    account: Account | None
    given: tuple[DataGroup, ...]
    withheld: tuple[DataGroup, ...]
    same: bytes = b""
    kept_under: bytes | None = None
    verdict: GateVerdict | None = None


def asker_of(request: Request) -> Asker:
    """Return on whose behalf a partner is asked; taken from the register, never typed."""
    account, row = request.account, request.row
    procedure_code = request.plan.lookup.procedure_code or row.procedure_root
    if account is None or procedure_code is None:
        raise LookupError("nobody is asked for an account that does not exist, or for no procedure")
    # The register, the dossier and the body of the request were checked, each when it came in.
    return Asker.proven(
        {
            "lookup_id": row.id,
            "account_id": account.id,
            "officer_number": account.officer_number,
            "officer_code": account.officer_code,
            "unit_code": row.unit_code,
            "phone": account.phone,
            "procedure_code": procedure_code,
            "dossier_code": row.dossier_code,
            "purpose": row.purpose,
        }
    )


def reasons_of(lookup: Lookup) -> bytes | None:
    """Return what the officer gave as reasons, to be sealed; ``None`` where there is none."""
    given = {
        name: one.reason for name, one in (("break_glass", lookup.break_glass), ("step_up", lookup.step_up)) if one
    }
    return salted(given) if given else None


def kept_context(key: bytes) -> str:
    """Name the place of an answer in Redis for the sealing, and the form of what `Handed.packed` made."""
    return f"lookup-answer-2:{key.hex()}"


def answer_of(request: Request, handed: Handed, *, repeated: bool = False, cached: bool = False) -> bytes:
    """Return the answer as JSON."""
    verdict = request.verdict
    head = {
        "lookup_id": request.row.id,
        "repeated": repeated,
        "cached": cached,
        "gate": {
            "people_this_hour": 0 if verdict is None else verdict.hour,
            "people_this_day": 0 if verdict is None else verdict.day,
            "stepped_up": verdict is not None and verdict.word is Word.STEPPED_UP,
            "break_glass": request.row.break_glass,
            "degraded": verdict is not None and verdict.degraded,
        },
    }
    return b"%s,%s}" % (orjson.dumps(head)[:-1], handed.body)
