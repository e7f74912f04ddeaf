"""Deciding one call about a dossier: what it comes to, and what is to be written; reads and writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.dossier import Dossier, DossierFacts
from contracts.errors import Sentence
from contracts.events import Event
from contracts.history import DECLARED, accept, declare, is_late, redeclare
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.advice import Advisor
from hub.dossiers.views import Receipt
from hub.dossiers.writing import Head, Written
from hub.errors import Refusal
from hub.exchanges.outbox import PUSH_DOSSIER, PUSH_STEP, NewExchange, new_exchange_id
from hub.web.idempotency import IdempotencyClaim

_NOT_FOUND = Sentence(
    "No dossier with this code has been declared here; declare it first with PUT.",
    "Chưa có hồ sơ nào được khai với mã này; hãy khai bằng PUT trước.",
)
_MISMATCH = Sentence(
    "The dossier has changed since you read it; read it again and repeat your change.",
    "Hồ sơ đã thay đổi kể từ khi bạn đọc; hãy đọc lại rồi thực hiện lại thay đổi.",
)
_EXISTS = Sentence(
    "A dossier with this code has already been declared.",
    "Hồ sơ với mã này đã được khai.",
)


_RECEIPT = Receipt(code="", revision=1, state=DossierState.NEWLY_REGISTERED)
"""Copied and filled in: each is dearer to make anew."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the API client, and the agencies it may write for."""

    client_id: str
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a call came to; ``replayed`` says that the answer is that of an earlier call with the same key."""

    receipt: Receipt
    replayed: bool = False


@dataclass(slots=True, eq=False)
class Change:
    """One call on its way through a batch."""

    code: str
    content: DossierFacts | Event
    caller: Caller
    future: asyncio.Future[Recorded]
    if_match: int | None = None
    if_none_match: bool = False
    claim: IdempotencyClaim | None = None
    body: bytes = b""
    body_hash: bytes = b""

    @property
    def kind(self) -> str:
        """Kind of the event this call makes."""
        return DECLARED if isinstance(self.content, DossierFacts) else self.content.kind


class Decisions:
    """The rules of this province, and the connections that follow dossiers."""

    def __init__(self, rules: DossierRules, publishers: Sequence[str], advisor: Advisor) -> None:
        """``publishers`` in the order of configuration."""
        self._advisor = advisor
        self._rules = rules
        self._publishers = tuple(publishers)

    def decide(
        self, change: Change, head: Head | None, current: Dossier | None, now: datetime
    ) -> tuple[Recorded, Written | None]:
        """Decide one call by itself: the receipt, and what is to be written (nothing for the same facts).

        ``head`` is what stands in clear of the dossier, ``current`` the dossier itself where it is needed: not
        for a first declaration, and not for the same facts to the byte. Raises `Refusal` or `RuleBroken`.
        """
        _require_revision(change, head)
        facts = change.content if isinstance(change.content, DossierFacts) else None
        late_entry = False
        if facts is not None:
            if head is None:
                dossier = declare(change.code, facts, recorded_at=now, rules=self._rules)
            elif head.declared_hash == change.body_hash or current is None or current.facts == facts:
                return _unchanged(change, head), None
            else:
                dossier = redeclare(current, facts, recorded_at=now, rules=self._rules)
            declared_hash = change.body_hash
        else:
            if head is None or current is None:
                raise Refusal(404, "dossier_not_found", _NOT_FOUND, field="code")
            dossier = accept(current, change.content, recorded_at=now, rules=self._rules)  # type: ignore[arg-type]
            late_entry = is_late(change.content, now, self._rules)  # type: ignore[arg-type]
            declared_hash = head.declared_hash
        has_step = current is not None and len(dossier.steps) > len(current.steps)
        row = Written(
            dossier=dossier,
            declared_hash=declared_hash,
            kind=change.kind,
            occurred_at=facts.submitted_at if facts is not None else change.content.occurred_at,  # type: ignore[union-attr]
            late_entry=late_entry,
            step_sequence=dossier.steps[-1].sequence if has_step else None,
            client_id=change.caller.client_id,
            body=change.body,
            body_hash=change.body_hash,
        )
        row.exchanges = self._exchanges(row)
        # Every value is ours and checked; validating the answer again would be the dearest part of a declaration.
        row.receipt = _RECEIPT.model_copy(
            update={
                "code": change.code,
                "revision": dossier.revision,
                "state": dossier.state,
                "created": head is None,
                "late_entry": late_entry,
                "step_sequence": row.step_sequence,
                "exchange_ids": tuple([one.id for one in row.exchanges]),
                "warnings": self._advisor.advise(dossier, change.content, late_entry=late_entry),
            }
        )
        return Recorded(row.receipt), row

    def _exchanges(self, row: Written) -> list[NewExchange]:
        """Return the step first, then the snapshot: the partner's state then ends as the snapshot says."""
        exchanges: list[NewExchange] = []
        for connection in self._publishers:
            if row.step_sequence is not None:
                exchanges.append(
                    NewExchange(
                        id=new_exchange_id(),
                        connection=connection,
                        subject=row.dossier.code,
                        operation=PUSH_STEP,
                        revision=row.dossier.revision,
                        step_sequence=row.step_sequence,
                    )
                )
            exchanges.append(
                NewExchange(
                    id=new_exchange_id(),
                    connection=connection,
                    subject=row.dossier.code,
                    operation=PUSH_DOSSIER,
                    revision=row.dossier.revision,
                )
            )
        return exchanges


def _unchanged(change: Change, head: Head) -> Recorded:
    # The state is not needed to know that nothing changed; reading it would cost every repeat a fold.
    return Recorded(Receipt(code=change.code, revision=head.revision, state=head.state, unchanged=True))


def _require_revision(change: Change, head: Head | None) -> None:
    if change.if_none_match and head is not None:
        raise Refusal(412, "dossier_exists", _EXISTS, field="If-None-Match")
    if change.if_match is not None and (head is None or head.revision != change.if_match):
        raise Refusal(412, "revision_mismatch", _MISMATCH, field="If-Match")
