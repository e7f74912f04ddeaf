"""What the API says about cases. Citizens' numbers stand in none of these but `CaseNumbersView`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from hub.cases.scoring import CaseLevel, CasePriority
from hub.cases.states import CaseState
from hub.watch.records import Verdict


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TrackRecord(View):
    """How often a rule was right, by the verdicts of people, so that a bad rule can be distrusted."""

    rule: str
    hard: bool
    """Whether it may not be suppressed."""
    alerts: int
    cases: int
    violations: int
    normal: int
    not_enough_evidence: int
    undecided: int
    precision: float | None
    """Violations among the cases decided as violation or normal; null before the first."""


class CaseSummary(View):
    """One case in a list."""

    id: str
    number: str
    state: CaseState
    level: CaseLevel
    priority: CasePriority
    account_id: str
    unit_code: str
    title: str
    """The sentence of its strongest rule."""
    title_vi: str
    rules: Sequence[str]
    """The strongest first."""
    lookups: int
    opened_at: datetime
    until: datetime
    taken_by: str | None
    taken_person: str | None
    verdict: Verdict | None
    decided_at: datetime | None
    suppressed_until: datetime | None
    recurs_after: str | None
    """The case of this account that was decided before."""
    explanation_due_at: datetime | None
    """When the officer's answer is due; null while nothing is asked."""
    explanation_overdue: bool


class CaseDone(CaseSummary):
    """A case after an act. Holds nothing that people typed: answers are kept by idempotency key, in clear."""

    made_id: str | None
    """Id of what the act made: a question, a reading, a package."""


class CasePage(View):
    """A page of cases."""

    items: tuple[CaseSummary, ...]
    next_cursor: str | None


class QueueView(View):
    """What can be judged today: the budget's worth first, and how many lie below."""

    budget: int
    """Cases a day: the profile's rate for the number of active accounts."""
    active_accounts: int
    handled_today: int
    """Cases taken or decided today."""
    items: tuple[CaseSummary, ...]
    """The first of those that wait, as many as the budget leaves for today; most urgent first."""
    below: int
    """How many more wait."""
    in_hand: int
    oldest_waiting_since: datetime | None


class CaseAlertView(View):
    """One alert of a case."""

    id: str
    at: datetime
    rule: str
    rule_score: float
    score: float
    reason: str
    reason_vi: str
    rules_version: str
    lookup_ids: Sequence[str]
    people: Sequence[str]
    """Masked."""


class CaseActView(View):
    """One act on a case."""

    number: int
    at: datetime
    act: str
    client_id: str
    person: str
    text: str
    """What the person wrote."""
    facts: Mapping[str, str]


class EvidencePieceView(View):
    """One piece of frozen evidence, without its content."""

    number: int
    at: datetime
    occasion: str
    sha256: str
    lookups: int


class CaseQuestionView(View):
    """A request to explain look-ups."""

    id: str
    purpose: str
    """``case``; ``sample`` (monthly, at random) and ``break_glass`` are asked of a supervisor."""
    case_id: str | None
    account_id: str
    unit_code: str
    lookup_ids: Sequence[str]
    question: str
    asked_at: datetime
    due_at: datetime
    overdue: bool
    cancelled_at: datetime | None
    answered_at: datetime | None
    answered_person: str | None
    answer: str | None
    justified: bool | None


class AskedLookupView(View):
    """A look-up to be explained, as the officer may see it."""

    id: str
    asked_at: datetime
    kind: str
    dossier_code: str | None
    purpose: str
    person: str
    """Masked."""
    outcome: str


class ExplanationView(View):
    """A request to explain look-ups, as the dossier system shows it to the officer or the supervisor."""

    id: str
    purpose: str
    account_id: str
    unit_code: str
    question: str
    asked_at: datetime
    due_at: datetime
    overdue: bool
    answered_at: datetime | None
    cancelled_at: datetime | None
    lookups: tuple[AskedLookupView, ...]


class AnsweredView(View):
    """What became of an answer."""

    id: str
    answered_at: datetime
    overdue: bool
    """Whether it came late."""


class ExplanationPage(View):
    """A page of requests."""

    items: tuple[ExplanationView, ...]
    next_cursor: str | None


class RevealView(View):
    """A permission to read the citizens' numbers of a case."""

    id: str
    asked_by: str
    asked_person: str
    asked_at: datetime
    reason: str
    approved_by: str | None
    approved_person: str | None
    approved_at: datetime | None
    valid_until: datetime | None
    readings: int


class CaseNumbersView(View):
    """The citizens' numbers of a case: look-up id to number."""

    case_id: str
    reveal_id: str
    numbers: Mapping[str, str]


class CasePackageView(View):
    """A hand-over package; its file is fetched apart."""

    id: str
    made_at: datetime
    made_by: str
    made_person: str
    recipient: str
    """SHA-256 of the recipient's certificate, hexadecimal."""
    sha256: str
    """Of the file, hexadecimal; in the ledger."""
    zip_sha256: str
    """Of the archive inside, hexadecimal; in the ledger."""
    bytes: int


class RelatedCase(View):
    """A case that has something in common with this one."""

    id: str
    number: str
    state: CaseState
    verdict: Verdict | None
    unit_code: str
    same_account: bool
    same_unit: bool
    people: int
    """How many people both are about."""
    networks: int
    """How many networks both look-ups came from."""


class CaseDetail(CaseSummary):
    """One case with all that belongs to it."""

    score: float
    rule_scores: Mapping[str, float]
    earlier_violations: int
    verdict_by: str | None
    verdict_person: str | None
    account_state: str | None
    alerts: tuple[CaseAlertView, ...]
    acts: tuple[CaseActView, ...]
    evidence: tuple[EvidencePieceView, ...]
    questions: tuple[CaseQuestionView, ...]
    reveals: tuple[RevealView, ...]
    packages: tuple[CasePackageView, ...]
    related: tuple[RelatedCase, ...]
    track_records: tuple[TrackRecord, ...]
    """Of the rules of this case, over the last 365 days."""


class CaseEvidenceView(View):
    """One piece of evidence, its numbers masked; the digest is of the whole, unmasked piece."""

    number: int
    at: datetime
    occasion: str
    sha256: str
    content: Mapping[str, Any]
