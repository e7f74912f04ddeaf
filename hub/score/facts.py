"""What the national score reads of one dossier, worked out from the dossier and the province's calendar.

Sources: QĐ 766/QĐ-TTg as far as its formula paper is public (docs/score-guard.md), and the articles that the values
of the profile name. Pure functions; nothing here reads a clock or holds a citizen's data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from contracts.calendar import WorkingCalendar
from contracts.codes import procedure_root
from contracts.dossier import Channel, Dossier, PaymentPlatform, Supplement
from contracts.history import StoredEvent, fold
from contracts.states import DossierState, PauseReason
from hub.profiles.calendar import after_working_days, before_working_hours, working_calendar
from hub.profiles.values import ProfileValues
from hub.score.terms import ProcedureTerm

_ONLINE_PLATFORMS = frozenset({PaymentPlatform.NATIONAL, PaymentPlatform.PROVINCIAL})

_STOPPED = (DossierState.PROCESSING_STOPPED, DossierState.NOT_ACCEPTED, DossierState.WITHDRAWN_BY_CITIZEN)
"""Ends that are neither "finished" nor "returned". The paper says stop or refuse; a withdrawal ends the work too."""

_VERSION = "1"
"""Grows when the same dossier and profile give other facts, so that those kept are worked out anew."""


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """The facts of a dossier as of some revision; the columns of table ``score_facts`` say what each is."""

    agency_code: str
    procedure_root: str
    channel: str
    state: int
    cancelled: bool
    submitted_at: datetime
    received_at: datetime | None
    counted_at: datetime
    due_at: datetime | None
    longest_due_at: datetime | None
    ended_at: datetime | None
    supplements: int
    supplement_requested_at: datetime | None
    supplement_received_at: datetime | None
    supplement_renewed: bool
    clock_stopped: bool
    result_filed: bool
    component_file: bool
    digitised: bool
    from_store: bool
    verified_account: bool
    databases: tuple[str, ...]
    fee_asked: bool
    paid_online: bool
    answered_at: datetime | None
    reception_warn_at: datetime | None
    reception_due_at: datetime | None
    due_warn_at: datetime | None
    apology_warn_at: datetime | None
    apology_due_at: datetime | None
    fee_warn_at: datetime | None
    fee_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class FactsRow:
    """Facts with the revisions of which they are true."""

    revision: int
    through: int
    newest: bool
    facts: ScoreFacts


class FactReader:
    """Works facts out under one profile."""

    def __init__(self, profile: ProfileValues) -> None:
        """The calendar is made once; `rules` changes whenever something in the profile does that matters here."""
        self._profile = profile
        self._calendar: WorkingCalendar = working_calendar(profile)
        self.rules = _fingerprint(profile, self._calendar)

    def read(self, dossier: Dossier, term: ProcedureTerm | None = None) -> ScoreFacts:
        """Return the facts; ``term`` is the procedure's published maximum, for a dossier without a due date."""
        facts = dossier.facts
        asked = [fee for fee in dossier.fees_asked if fee.amount_vnd > 0 or fee.payment is not None]
        first = dossier.supplements[0] if dossier.supplements else None
        account = getattr(facts.applicant, "portal_account", None)
        longest = None
        if dossier.due_at is None and dossier.received_at is not None and term is not None:
            longest = term.ends(dossier.received_at, self._calendar)
        return ScoreFacts(
            agency_code=facts.agency.code,
            procedure_root=procedure_root(facts.procedure.code),
            channel=facts.channel.value,
            state=dossier.state.number,
            cancelled=dossier.cancellation is not None,
            submitted_at=facts.submitted_at,
            received_at=dossier.received_at,
            counted_at=dossier.received_at or facts.submitted_at,
            due_at=dossier.due_at,
            longest_due_at=longest,
            ended_at=_end_of_processing(dossier),
            supplements=len(dossier.supplements),
            supplement_requested_at=first.requested_at if first else None,
            supplement_received_at=first.received_at if first else None,
            supplement_renewed=_renewed(first),
            clock_stopped=dossier.current_pause is not None or dossier.open_supplement is not None,
            result_filed=any(one.catalogue_code and one.files for one in dossier.results),
            component_file=any(one.files for one in facts.components),
            digitised=any(one.digitisation.digitised for one in facts.components),
            from_store=any(one.digitisation.from_personal_store for one in facts.components),
            verified_account=account is not None and account.verified_by_vneid,
            databases=tuple(dict.fromkeys(one.database_code for one in facts.databases_consulted)),
            fee_asked=bool(asked),
            # While anything is owed the portal is told "not paid" (DuocThanhToanTrucTuyen = 3).
            paid_online=all(fee.payment is not None for fee in asked)
            and any(fee.payment is not None and fee.payment.platform in _ONLINE_PLATFORMS for fee in asked),
            answered_at=_first_answer(dossier),
            **self._terms(dossier),
        )

    def rows(
        self, code: str, events: Sequence[StoredEvent], *, revisions: Iterable[int], term: ProcedureTerm | None = None
    ) -> list[FactsRow]:
        """Return the facts of these revisions and of the newest, equal neighbours in one row; the newest is last."""
        rows: list[FactsRow] = []
        for revision in sorted({*revisions, len(events)}):
            facts = self.read(fold(code, events[:revision]), term)
            if rows and rows[-1].through == revision - 1 and rows[-1].facts == facts:
                rows[-1] = replace(rows[-1], through=revision)
            else:
                rows.append(FactsRow(revision, revision, newest=False, facts=facts))
        rows[-1] = replace(rows[-1], newest=True)
        return rows

    def _terms(self, dossier: Dossier) -> Mapping[str, datetime | None]:
        """Return the moments at which something must have happened, and from which on it is near."""
        profile, calendar = self._profile, self._calendar
        ahead = profile.warning_ahead_working_hours
        terms: dict[str, datetime | None] = dict.fromkeys(
            (
                "reception_warn_at",
                "reception_due_at",
                "due_warn_at",
                "apology_warn_at",
                "apology_due_at",
                "fee_warn_at",
                "fee_due_at",
            )
        )
        if dossier.facts.channel is Channel.ONLINE:
            for name, hours in (
                ("reception_warn_at", profile.reception_warning_working_hours),
                ("reception_due_at", profile.reception_working_hours),
            ):
                terms[name] = calendar.add_working_hours(dossier.facts.submitted_at, timedelta(hours=hours))
        if dossier.due_at is not None:
            terms["due_warn_at"] = before_working_hours(calendar, dossier.due_at, ahead)
            if dossier.extension is None:
                letter = dossier.due_at - timedelta(days=profile.apology_letter_days_ahead)
                terms |= {"apology_due_at": letter, "apology_warn_at": before_working_hours(calendar, letter, ahead)}
        pause = dossier.current_pause
        if pause is not None and pause.reason is PauseReason.FEE_PAYMENT:
            end = after_working_days(calendar, pause.since, profile.fee_payment_working_days)
            terms |= {"fee_due_at": end, "fee_warn_at": before_working_hours(calendar, end, ahead)}
        return terms


def columns(facts: ScoreFacts) -> dict[str, object]:
    """Return the facts by the names of their columns."""
    return asdict(facts) | {"databases": list(facts.databases)}


def _renewed(supplement: Supplement | None) -> bool:
    """Say whether the receipt of the papers moved the due date, so that their time is in the new one already."""
    if supplement is None or supplement.new_due_at is None:
        return False
    return supplement.previous_due_at is None or supplement.new_due_at > supplement.previous_due_at


def _end_of_processing(dossier: Dossier) -> datetime | None:
    """Return the end line 2.1 counts: of state 9, else of state 10, else of a stop or refusal."""
    found = dossier.finished_at or dossier.returned_at
    if found is not None:
        return found
    stopped = [step.occurred_at for step in dossier.steps if step.state in _STOPPED]
    if dossier.cancellation is not None:
        stopped.append(dossier.cancellation.approved_at)
    return min(stopped, default=None)


def _first_answer(dossier: Dossier) -> datetime | None:
    """Return when the agency first answered the submission, whatever it said (VP 15.2a)."""
    answers = [step.occurred_at for step in dossier.steps if step.state is not DossierState.NEWLY_REGISTERED]
    if dossier.received_at is not None:
        answers.append(dossier.received_at)
    return min(answers, default=None)


def _fingerprint(profile: ProfileValues, calendar: WorkingCalendar) -> str:
    parts = (
        _VERSION,
        profile.reception_warning_working_hours,
        profile.reception_working_hours,
        profile.warning_ahead_working_hours,
        profile.apology_letter_days_ahead,
        profile.fee_payment_working_days,
        calendar.office_hours,
        sorted(calendar.holidays),
        sorted(calendar.makeup_days),
        calendar.saturday_morning,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
