"""Hypothesis strategies for everything the contracts speak; plain valid examples come along.

All data is invented: agency H99, personal numbers of the unassigned province 099, enterprise codes that begin
with the unassigned 99, addresses under the reserved ``.example``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy, composite

from contracts import dossier as d
from contracts import events as e
from contracts import people as p
from contracts.states import DossierState, PauseReason
from tests.contracts.code_strategies import (
    ENTERPRISE_WEIGHTS,
    HOSTILE_TEXTS,
    REFUSED_TEXTS,
    Draw,
    agency_codes,
    digit_texts,
    dossier_codes,
    enterprise_check_digit,
    enterprise_codes,
    level_one_codes,
    moments,
    new_agency_codes,
    old_agency_codes,
    ordered_moments,
    people,
    personal_numbers,
    procedure_codes,
    references,
    texts,
)
from tests.contracts.examples import (
    EXAMPLE_CODE,
    example_cancellation,
    example_events,
    example_facts,
    example_handler,
    example_result,
    example_step,
    example_supplement_receipt,
    example_supplement_request,
    example_withdrawal,
)

__all__ = [
    "ENTERPRISE_WEIGHTS",
    "EXAMPLE_CODE",
    "HOSTILE_TEXTS",
    "REFUSED_TEXTS",
    "Draw",
    "agency_codes",
    "applicants",
    "cancellation_entries",
    "components",
    "contacts",
    "digit_texts",
    "dossier_codes",
    "dossier_facts",
    "enterprise_check_digit",
    "enterprise_codes",
    "events",
    "example_cancellation",
    "example_events",
    "example_facts",
    "example_handler",
    "example_result",
    "example_step",
    "example_supplement_receipt",
    "example_supplement_request",
    "example_withdrawal",
    "fees",
    "file_refs",
    "handlers",
    "identifiers",
    "level_one_codes",
    "moments",
    "new_agency_codes",
    "old_agency_codes",
    "ordered_moments",
    "other_papers",
    "people",
    "personal_numbers",
    "portal_accounts",
    "procedure_codes",
    "references",
    "related_people",
    "result_entries",
    "step_entries",
    "submitters",
    "supplement_receipt_entries",
    "supplement_request_entries",
    "texts",
    "withdrawal_entries",
]

# --- people -----------------------------------------------------------------------------------------------


@cache
def identifiers() -> SearchStrategy[Any]:
    """Draw the identifiers a person may have."""
    return st.one_of(
        st.builds(p.PersonalNumberIdentifier, value=personal_numbers()),
        st.builds(p.IdentityCard9Identifier, value=digit_texts(9)),
        st.builds(
            p.PassportIdentifier,
            value=st.text("0123456789ABCXYZ", min_size=4, max_size=20),
            country=st.sampled_from(["VN", "LA", "KH"]),
        ),
    )


@cache
def contacts() -> SearchStrategy[p.Contact]:
    """Draw contacts, also empty ones."""
    phones = st.one_of(digit_texts(8).map("09".__add__), digit_texts(9).map("+84 ".__add__))
    emails = st.text("abcxyz0189._-", min_size=1, max_size=20).map("{}@h99.example".format)
    return st.builds(
        p.Contact,
        phone=st.none() | phones,
        email=st.none() | emails,
        fax=st.none() | phones,
        address=st.none() | texts(min_size=0),
    )


@cache
def portal_accounts() -> SearchStrategy[p.PortalAccount]:
    """Draw accounts at the national portal."""
    return st.builds(p.PortalAccount, technical_id=st.uuids().map(str), verified_by_vneid=st.booleans())


@cache
def applicants() -> SearchStrategy[Any]:
    """Draw applicants of the four kinds."""
    party = {
        "name": texts(),
        "contact": contacts(),
        "portal_account": st.none() | portal_accounts(),
        "other_information": texts(min_size=0),
    }
    several = st.lists(identifiers(), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(p.PersonApplicant, **party, identifiers=several),
        st.builds(p.EnterpriseApplicant, **party, enterprise_code=enterprise_codes()),
        st.builds(p.AgencyApplicant, **party, agency_code=agency_codes()),
        st.builds(p.OtherApplicant, **party, registration_number=texts(min_size=0, max_size=50)),
    )


@cache
def submitters() -> SearchStrategy[p.Submitter]:
    """Draw people who hand in a dossier."""
    return st.builds(
        p.Submitter,
        name=texts(),
        relation=st.sampled_from(p.SubmitterRelation),
        identifiers=st.lists(identifiers(), max_size=2).map(tuple),
        contact=contacts(),
    )


# --- what the dossier system declares -----------------------------------------------------------------------


@cache
def file_refs() -> SearchStrategy[d.FileRef]:
    """Draw references to files; ids are drawn freely, so callers that need them distinct say so."""
    return st.builds(
        d.FileRef,
        id=references(),
        name=texts(),
        url=st.text("abcxyz0189/_-%.", min_size=1, max_size=40).map("https://tep.h99.example/{}".format),
        media_type=st.none() | st.sampled_from(["application/pdf", "image/svg+xml"]),
        size_bytes=st.none() | st.integers(0, 10**13),
        sha256=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    )


@composite
def components(draw: Draw, files: tuple[d.FileRef, ...] | None = None) -> d.Component:
    """Draw components with none, one or several files."""
    if files is None:
        files = tuple(draw(st.lists(file_refs(), max_size=3, unique_by=lambda file: file.id)))
    replaced = draw(st.none() | references())
    may_be_digitised = st.booleans() if files or replaced else st.just(False)
    return d.Component(
        code=draw(references()),
        name=draw(texts()),
        files=files,
        digitisation=d.Digitisation(
            digitised=draw(may_be_digitised),
            reuse=draw(st.sampled_from(d.Reuse)),
            from_personal_store=draw(may_be_digitised),
            replaced_by_result_code=replaced,
        ),
    )


@cache
def other_papers() -> SearchStrategy[d.OtherPaper]:
    """Draw papers that are no component."""
    return st.builds(d.OtherPaper, name=texts(), quantity=st.integers(1, 10_000), kind=texts(min_size=0))


@cache
def fees() -> SearchStrategy[d.Fee]:
    """Draw fees, paid and unpaid."""
    payment = st.builds(
        d.FeePayment, platform=st.sampled_from(d.PaymentPlatform), paid_at=moments(), reference=references()
    )
    return st.builds(
        d.Fee,
        code=references(),
        name=texts(),
        kind=st.sampled_from(d.FeeKind),
        collection=st.sampled_from(d.FeeCollection),
        amount_vnd=st.integers(0, 10**13),
        payment=st.none() | payment,
    )


@cache
def related_people() -> SearchStrategy[p.RelatedPerson]:
    """Draw people a dossier is about beside applicant and submitter, with and without a name."""
    return st.builds(
        p.RelatedPerson,
        role=st.sampled_from(p.RelatedRole),
        name=texts(min_size=0),
        identifiers=st.lists(identifiers(), min_size=1, max_size=2).map(tuple),
    )


@composite
def dossier_facts(draw: Draw) -> d.DossierFacts:
    """Draw whole declarations with dates in order and distinct file ids."""
    submitted, received, due = draw(ordered_moments(3))
    files = draw(st.lists(file_refs(), max_size=4, unique_by=lambda file: file.id))
    cut = draw(st.integers(0, len(files)))
    parts = [tuple(files[:cut]), tuple(files[cut:])]
    return d.DossierFacts(
        procedure=d.Procedure(
            code=draw(procedure_codes()), name=draw(texts()), field_code=draw(references()), field_name=draw(texts())
        ),
        agency=d.Agency(code=draw(agency_codes()), name=draw(texts())),
        processing_unit=draw(texts()),
        applicant=draw(applicants()),
        submitter=draw(st.none() | submitters()),
        channel=draw(st.sampled_from(d.Channel)),
        submission_place=draw(st.sampled_from(d.SubmissionPlace)),
        result_delivery=draw(st.sampled_from(d.ResultDelivery)),
        summary=draw(texts(min_size=0)),
        note=draw(texts(min_size=0)),
        receipt_number=draw(texts(min_size=0, max_size=64)),
        return_information=draw(texts(min_size=0)),
        submitted_at=submitted,
        received_at=draw(st.sampled_from([None, received])),
        due_at=draw(st.sampled_from([None, due])),
        components=tuple(draw(components(part)) for part in parts),
        other_papers=tuple(draw(st.lists(other_papers(), max_size=2))),
        fees=tuple(draw(st.lists(fees(), max_size=2))),
        databases_consulted=tuple(
            draw(
                st.lists(
                    st.builds(d.DatabaseConsultation, database_code=references(), consulted_at=moments()), max_size=2
                )
            )
        ),
        related_people=tuple(draw(st.lists(related_people(), max_size=2))),
        assigned_accounts=tuple(draw(st.lists(references(), max_size=2))),
    )


# --- what happens to it -----------------------------------------------------------------------------------


@cache
def handlers() -> SearchStrategy[d.Handler]:
    """Draw officers."""
    return st.builds(
        d.Handler,
        name=texts(max_size=50),
        title=texts(min_size=0),
        department=texts(),
        account_id=st.none() | references(),
    )


@composite
def step_entries(draw: Draw) -> e.StepEntry:
    """Draw steps of any state, some with a pause or an extension."""
    started, occurred, planned, due = draw(ordered_moments(4))
    extension = st.builds(
        e.ExtensionEntry, new_due_at=st.just(due), reason=texts(max_size=60), apology_letter=references()
    )
    return e.StepEntry(
        state=draw(st.sampled_from(DossierState)),
        handler=draw(handlers()),
        content=draw(texts()),
        occurred_at=occurred,
        started_at=draw(st.sampled_from([None, started])),
        planned_end_at=draw(st.sampled_from([None, planned])),
        due_at=draw(st.sampled_from([None, due])),
        pause=draw(st.none() | st.sampled_from(PauseReason)),
        extension=draw(st.none() | extension),
    )


@cache
def supplement_request_entries() -> SearchStrategy[e.SupplementRequestEntry]:
    """Draw requests for more papers."""
    return st.builds(
        e.SupplementRequestEntry,
        kind=st.just("supplement_request"),
        id=references(),
        handler=handlers(),
        content=texts(),
        occurred_at=moments(),
        papers=st.lists(other_papers(), max_size=2).map(tuple),
        fees=st.lists(fees(), max_size=2).map(tuple),
    )


@composite
def supplement_receipt_entries(draw: Draw) -> e.SupplementReceiptEntry:
    """Draw receipts of the papers asked for."""
    occurred, due = draw(ordered_moments(2))
    return e.SupplementReceiptEntry(
        kind="supplement_receipt",
        id=draw(references()),
        handler=draw(handlers()),
        note=draw(texts(min_size=0)),
        occurred_at=occurred,
        new_due_at=due,
    )


@cache
def result_entries() -> SearchStrategy[e.ResultEntry]:
    """Draw result papers."""
    return st.builds(
        e.ResultEntry,
        id=references(),
        handler=handlers(),
        name=texts(),
        catalogue_code=references(),
        component_code=st.none() | references(),
        paper_number=texts(min_size=0),
        occurred_at=moments(),
        files=st.lists(file_refs(), min_size=1, max_size=2).map(tuple),
    )


@composite
def withdrawal_entries(draw: Draw) -> e.WithdrawalEntry:
    """Draw withdrawals."""
    requested, occurred = draw(ordered_moments(2))
    return e.WithdrawalEntry(
        handler=draw(handlers()), reason=draw(texts()), requested_at=requested, occurred_at=occurred
    )


@composite
def cancellation_entries(draw: Draw) -> e.CancellationEntry:
    """Draw cancellations, asked for and approved by different people."""
    requested, occurred = draw(ordered_moments(2))
    by = draw(handlers())
    return e.CancellationEntry(
        reason=draw(st.sampled_from(d.CancellationReason)),
        explanation=draw(texts()),
        requested_by=by,
        requested_at=requested,
        approved_by=draw(handlers().filter(lambda other: other != by)),
        occurred_at=occurred,
    )


@cache
def events() -> SearchStrategy[Any]:
    """Draw an event of any kind."""
    return st.one_of(
        step_entries(),
        supplement_request_entries(),
        supplement_receipt_entries(),
        result_entries(),
        withdrawal_entries(),
        cancellation_entries(),
    )
