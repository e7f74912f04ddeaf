"""The addresses of cases, each with the scope it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.cases.api import (
    ASK,
    BY_PERSON,
    DECIDE,
    DETAIL,
    DONE,
    EVIDENCE,
    LOCK,
    NOTE,
    NUMBERS,
    NUMBERS_QUERY,
    PAGE,
    QUERY,
    QUEUE,
    REASONED,
    SUPPRESS,
    TAG,
    CaseApi,
)
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.resources import Operation, Parameter, Resource, Success

_ID = Parameter("id", "path", "Id of the case.", {"type": "string", "format": "uuid"}, required=True)
_REVEAL = Parameter("reveal", "path", "Id of the reading.", {"type": "string", "format": "uuid"}, required=True)
_PACKAGE = Parameter("package", "path", "Id of the package.", {"type": "string", "format": "uuid"}, required=True)
_PERSON = {"person": "canbo.anninh01"}
_WHY = {**_PERSON, "reason": "Đối chiếu theo yêu cầu kiểm tra định kỳ"}
_STATES = "case_new, case_taken, case_waiting_explanation, case_suppressed, case_decided"


def resources(api: CaseApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of cases."""
    base = "/v1/cases"

    def read(path: str, name: str, handler: Any, summary: str, answer: TypeAdapter[Any], **rest: Any) -> Resource:
        rest = {"access": Scope.CASES_READ, "description": "Citizens' numbers are masked.", **rest}
        operation = Operation(
            method="GET",
            handler=handler,
            name=name,
            summary=summary,
            tag=TAG,
            successes=rest.pop("successes", (Success(200, "The answer.", answer),)),
            **rest,
        )
        return Resource(f"{base}{path}", (operation,), guard)

    def act(path: str, name: str, handler: Any, summary: str, body: TypeAdapter[Any], **rest: Any) -> Resource:
        status = rest.pop("status", 200)
        rest = {
            "access": Scope.CASES_MANAGE,
            "description": "By whoever has taken the case; on record in the history and in the ledger.",
            "parameters": (_ID, IDEMPOTENCY_KEY),
            "body_example": _WHY,
            **rest,
        }
        operation = Operation(
            method="POST",
            handler=handler,
            name=name,
            summary=summary,
            tag=TAG,
            body=body,
            successes=(Success(status, "The case as it is now.", DONE, headers=("Idempotency-Replayed",)),),
            refusals={
                403: "conflict_of_interest, case_not_yours",
                404: "case_not_found",
                409: f"{_STATES}, idempotency_conflict",
                **rest.pop("refusals", {}),
            },
            **rest,
        )
        return Resource(f"{base}{path}", (operation,), guard)

    bad_query = {400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"}
    not_there = {404: "case_not_found, case_part_not_found"}
    package_file = Success(200, "CMS EnvelopedData (DER).", None, media_type="application/pkcs7-mime")
    return (
        read("/queue", "get_case_queue", api.queue, "What can be judged today, most urgent first", QUEUE),
        read(
            "", "list_cases", api.page, "List cases, newest first", PAGE, parameters=filters(QUERY), refusals=bad_query
        ),
        read(
            "/{id}",
            "get_case",
            api.one,
            "One case with all that belongs to it",
            DETAIL,
            parameters=(_ID,),
            refusals=not_there,
        ),
        read(
            "/{id}/evidence",
            "get_case_evidence",
            api.evidence,
            "The frozen evidence, numbers masked; recorded",
            EVIDENCE,
            parameters=(_ID,),
            refusals=not_there,
        ),
        read(
            "/{id}/reveals/{reveal}",
            "read_case_numbers",
            api.numbers,
            "Read citizens' numbers, with an approved permission",
            NUMBERS,
            access=Scope.CASES_REVEAL,
            description="Each reading is an act of the case, stands in the ledger and in the citizens' own view.",
            parameters=(_ID, _REVEAL, *filters(NUMBERS_QUERY)),
            refusals={
                **bad_query,
                **not_there,
                403: "conflict_of_interest, case_not_yours",
                409: "approval_required, reading_over, case_new, case_decided",
            },
        ),
        read(
            "/{id}/packages/{package}",
            "get_case_package",
            api.package,
            "Fetch a hand-over package, which only the police can open",
            DETAIL,
            access=Scope.CASES_MANAGE,
            description="CMS EnvelopedData for the certificate the operator set; see docs/cases.md.",
            parameters=(_ID, _PACKAGE),
            successes=(package_file,),
            refusals=not_there,
        ),
        act(
            "/{id}/take",
            "take_case",
            api.take,
            "Take a case",
            BY_PERSON,
            body_example=_PERSON,
            description="Nobody else can work on it then. One that is put aside may be taken too.",
        ),
        act("/{id}/release", "release_case", api.release, "Give a case back to the queue", REASONED),
        act(
            "/{id}/notes",
            "note_case",
            api.note,
            "Write something down",
            NOTE,
            body_example={**_PERSON, "text": "Đã gọi đơn vị"},
        ),
        act(
            "/{id}/questions",
            "ask_about_case",
            api.ask,
            "Ask the officer to explain look-ups",
            ASK,
            status=201,
            body_example={
                **_PERSON,
                "question": "Đề nghị giải trình",
                "lookup_ids": ["01a0b2c4-0000-7000-8000-000000000001"],
            },
            refusals={422: "lookups_not_of_case, or a field is invalid"},
        ),
        act(
            "/{id}/decide",
            "decide_case",
            api.decide,
            "Give the verdict",
            DECIDE,
            body_example={**_WHY, "verdict": "normal"},
        ),
        act(
            "/{id}/reopen",
            "reopen_case",
            api.reopen,
            "Reopen a decided case",
            REASONED,
            description="It goes back to the queue; its verdict stays in the history.",
        ),
        act(
            "/{id}/suppress",
            "suppress_case",
            api.suppress,
            "Put a case aside, at most 30 days and never one with a hard rule",
            SUPPRESS,
            body_example={**_WHY, "days": 14},
            refusals={
                409: f"hard_rule, {_STATES}, idempotency_conflict",
                422: "suppression_too_long, or a field is invalid",
            },
        ),
        act(
            "/{id}/lock-account",
            "lock_account_of_case",
            api.lock,
            "Lock the account of the case",
            LOCK,
            body_example={**_WHY, "document_number": "12/CV-PA06"},
            refusals={409: "account_state, case_new, idempotency_conflict"},
        ),
        act(
            "/{id}/reveals",
            "ask_case_numbers",
            api.ask_reveal,
            "Ask to read citizens' numbers",
            REASONED,
            access=Scope.CASES_REVEAL,
            status=201,
            description="A second person, with another client, has to approve it.",
        ),
        act(
            "/{id}/reveals/{reveal}/approve",
            "approve_case_numbers",
            api.approve_reveal,
            "Approve a reading of citizens' numbers as the second person",
            BY_PERSON,
            access=Scope.CASES_REVEAL,
            parameters=(_ID, _REVEAL, IDEMPOTENCY_KEY),
            body_example=_PERSON,
            description="Refused for the client and for the person who asked.",
            refusals={
                403: "second_person_required, conflict_of_interest",
                409: "approved_already, idempotency_conflict",
            },
        ),
        act(
            "/{id}/packages",
            "hand_over_case",
            api.make_package,
            "Make a hand-over package for the police",
            REASONED,
            status=201,
            refusals={409: f"handover_recipient_missing, package_too_large, {_STATES}, idempotency_conflict"},
        ),
    )
