"""What two systems can compare of a dossier: its facts by canonical name, each as one text.

The names are the paths of the canonical models, those of `DossierFacts` without a prefix; what is derived from the
events (dates, whether anything is digitised) has the name of its field in `Dossier`. An adapter puts what its
partner tells under the same names (`contracts.ports.PartnerDossier.facts`), so that nobody compares apples with
pears.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from contracts.codes import procedure_root
from contracts.dossier import Dossier, DossierFacts
from contracts.personal_data import personal_paths
from contracts.states import TRANSITIONS, DossierState

CODES = frozenset({"procedure.code", "procedure.field_code", "receipt_number"})
"""Names whose values are codes of the administration."""

CHOICES = frozenset(
    {
        "applicant.kind",
        "channel",
        "result_delivery",
        "components.digitised",
        "applicant.portal_account.verified_by_vneid",
    }
)
"""Names whose values come from a short list of words."""

MOMENTS = frozenset({"submitted_at", "received_at", "due_at", "finished_at", "returned_at", "refused_at"})
"""Names whose values are moments, as `moment_text` writes them."""

TEXTS = frozenset(
    {"procedure.name", "procedure.field_name", "processing_unit", "applicant.name", "summary"},
)
"""Names whose values are free text."""

COMPARABLE = CODES | CHOICES | MOMENTS | TEXTS


def comparable_facts(dossier: Dossier) -> dict[str, str]:
    """Return every comparable fact of the dossier as of its revision; an absent value is ``""``."""
    facts = dossier.facts
    account = facts.applicant.portal_account
    return {
        "procedure.code": facts.procedure.code,
        "procedure.name": facts.procedure.name,
        "procedure.field_code": facts.procedure.field_code,
        "procedure.field_name": facts.procedure.field_name,
        "processing_unit": facts.processing_unit,
        "applicant.kind": facts.applicant.kind,
        "applicant.name": facts.applicant.name,
        "applicant.portal_account.verified_by_vneid": truth_text(account is not None and account.verified_by_vneid),
        "summary": facts.summary,
        "receipt_number": facts.receipt_number,
        "channel": facts.channel.value,
        "result_delivery": facts.result_delivery.value,
        "components.digitised": truth_text(any(one.digitisation.digitised for one in facts.components)),
        "submitted_at": moment_text(facts.submitted_at),
        "received_at": moment_text(dossier.received_at),
        "due_at": moment_text(dossier.due_at),
        "finished_at": moment_text(dossier.finished_at),
        "returned_at": moment_text(dossier.returned_at),
        "refused_at": moment_text(dossier.refused_at),
    }


def moment_text(moment: datetime | None) -> str:
    """Return a moment as RFC 3339 in UTC to the second, ``""`` for none; parts of a second are cut off."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def truth_text(value: bool) -> str:  # noqa: FBT001 - the value is the message
    """Return ``true`` or ``false``."""
    return "true" if value else "false"


def is_same(name: str, ours: str, theirs: str) -> bool:
    """Say whether two values of one fact mean the same.

    Text is compared in NFC and without outer blanks. Codes of a procedure are compared by their root
    ``N.NNNNNN``, the only part that is stable between systems.
    """
    one, other = _normal(ours), _normal(theirs)
    if one == other:
        return True
    return name == "procedure.code" and bool(one and other) and procedure_root(one) == procedure_root(other)


def is_personal(name: str) -> bool:
    """Say whether a fact is a citizen's data: then its name may be shown, and its value may not."""
    return f"$.{name}" in personal_paths(DossierFacts)


def states_before(dossier: Dossier) -> frozenset[DossierState]:
    """Return the states the dossier was in before it came to its present one, by its own events."""
    marks = [(dossier.facts.submitted_at, -1, DossierState.NEWLY_REGISTERED)]
    if dossier.facts.received_at is not None:
        marks.append((dossier.facts.received_at, 0, DossierState.ACCEPTED))
    marks.extend((step.occurred_at, step.sequence, step.state) for step in dossier.steps)
    states = [state for _, _, state in sorted(marks, key=lambda mark: mark[:2])]
    while states and states[-1] is dossier.state:
        states.pop()
    return frozenset(states) - {dossier.state}


def _reachable() -> dict[DossierState, frozenset[DossierState]]:
    found: dict[DossierState, frozenset[DossierState]] = {}
    for start in DossierState:
        seen: set[DossierState] = set()
        waiting = list(TRANSITIONS[start])
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                waiting.extend(TRANSITIONS[state])
        found[start] = frozenset(seen)
    return found


REACHABLE: dict[DossierState, frozenset[DossierState]] = _reachable()
"""From each state, all states that lawful moves can lead to, in one step or many."""


def _normal(value: str) -> str:
    return unicodedata.normalize("NFC", value).strip()
