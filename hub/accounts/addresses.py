"""Where the API of accounts is, who may call what, and how it is described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.accounts import api
from hub.accounts.api import AccountApi
from hub.accounts.frame import APPROVING
from hub.web.parameters import IDEMPOTENCY_KEY, filters
from hub.web.resources import Operation, Parameter, Resource, Success

TAG = "accounts"

_ID = Parameter(
    "id",
    "path",
    "Login name in the dossier system; equal to `actor.account_id` of a look-up.",
    {"type": "string", "pattern": "^[0-9A-Za-z._:+-]{1,64}$"},
    required=True,
    example="h99-can-bo-01",
)
_AUTHORITY = {
    "person": "Trần Thị Mẫu",
    "reason": "Cấp tài khoản cho bộ phận một cửa",
    "document_number": "12/CV-UBND",
}
EXAMPLE = {
    "officer": {"full_name": "Nguyễn Văn Thử", "number": "099199000123", "code": "CB-0001"},
    "unit_code": "H99.12",
    "role": "one_stop",
    "purpose": "Tiếp nhận hồ sơ tại bộ phận một cửa",
    "scope": {
        "units": ["H99.12"],
        "procedures": [],
        "operations": ["find_citizen", "confirm"],
        "data_groups": ["identity", "residence"],
    },
    "valid_from": "2026-10-01",
    "request": _AUTHORITY,
}
_DECISION = {
    "request_number": 1,
    "person": "Lê Văn Duyệt",
    "reason": "Đúng đối tượng, đúng phạm vi",
    "document_number": "34/CV-PC06",
    "consent_document": "34/CV-PC06",
}
_SECONDMENT = {
    "since": "2026-11-02",
    "until": "2026-11-27",
    "role": "one_stop",
    "unit_code": "H99.13",
    "request": _AUTHORITY,
}
_BAD_QUERY = {400: "malformed_query, repeated_parameter, bad_cursor", 422: "a parameter is invalid"}
_STALE = "account_state, idempotency_conflict"


def _read(
    name: str, handler: Any, summary: str, answer: Success, *, query: TypeAdapter[Any] | None = None, **rest: Any
) -> Operation:
    return Operation(
        method="GET",
        handler=handler,
        access=Scope.ACCOUNTS_READ,
        name=name,
        summary=summary,
        tag=TAG,
        successes=(answer,),
        **{
            "description": "A client that has agencies sees theirs.",
            "parameters": () if query is None else filters(query),
            "refusals": {} if query is None else _BAD_QUERY,
            **rest,
        },
    )


def _post(
    name: str, handler: Any, summary: str, description: str, *, access: Scope, body: TypeAdapter[Any], **rest: Any
) -> Operation:
    return Operation(
        method="POST",
        handler=handler,
        access=access,
        name=name,
        summary=summary,
        description=description,
        tag=TAG,
        body=body,
        parameters=(_ID, IDEMPOTENCY_KEY),
        successes=(Success(200, "Where the account stands now.", api.STANDING, headers=("Idempotency-Replayed",)),),
        **rest,
    )


def resources(accounts: AccountApi, guard: Guard) -> Sequence[Resource]:
    """Return the addresses of accounts; the province's profile says which scope decides."""
    base, one = "/v1/accounts", "/v1/accounts/{id}"
    return (
        Resource(base, (_read("list_accounts", accounts.page, "List accounts by id", _PAGE, query=api.QUERY),), guard),
        Resource(
            one,
            (
                _read(
                    "get_account",
                    accounts.one,
                    "Read one account with what waits for it",
                    Success(200, "The account.", api.DETAIL),
                    description="Holds the officer's personal data.",
                    parameters=(_ID,),
                    refusals={404: "account_not_found"},
                ),
                _declare(accounts),
            ),
            guard,
        ),
        Resource(
            f"{one}/history",
            (
                _read(
                    "list_account_acts",
                    accounts.history,
                    "List what was done to an account, newest first",
                    Success(200, "The page.", api.HISTORY),
                    parameters=(_ID, *filters(api.HISTORY_QUERY)),
                    refusals={404: "account_not_found", **_BAD_QUERY},
                ),
            ),
            guard,
        ),
        Resource(f"{one}/roster", (_roster(accounts),), guard),
        Resource(f"{one}/secondments", (_secondment(accounts),), guard),
        *_decisions(accounts, guard),
        *_measures(accounts, guard),
        *_files(accounts, guard),
    )


_PAGE = Success(200, "The page.", api.PAGE)


def _declare(accounts: AccountApi) -> Operation:
    return Operation(
        method="PUT",
        handler=accounts.declare,
        access=Scope.ACCOUNTS_REQUEST,
        name="put_account",
        summary="Request an account, or bring it in step",
        description="The same again changes nothing. A new account, and a change of what it may be used for, waits"
        " for the other party; until then what was granted stays in force. Contact and home are taken over at once.",
        tag=TAG,
        body=api.DECLARATION,
        body_example=EXAMPLE,
        parameters=(_ID,),
        successes=(
            Success(201, "A new request that waits.", api.DECLARED),
            Success(200, "Unchanged, amended, or a change that waits.", api.DECLARED),
        ),
        refusals={
            403: "other_party_required, agency_not_allowed",
            409: "account_ended, request_pending",
            422: "account_id, or a field is invalid",
        },
    )


def _roster(accounts: AccountApi) -> Operation:
    return Operation(
        method="PUT",
        handler=accounts.set_roster,
        access=Scope.ACCOUNTS_REQUEST,
        name="put_account_roster",
        summary="Replace the duty days of a stretch",
        description="Duty days explain look-ups at night and on days off. Days long over stay as they are.",
        tag=TAG,
        body=api.ROSTER,
        body_example={"since": "2026-11-01", "until": "2026-11-30", "days": ["2026-11-07", "2026-11-21"]},
        parameters=(_ID,),
        successes=(Success(200, "Where the account stands.", api.STANDING),),
        refusals={404: "account_not_found", 422: "roster_past, or a field is invalid"},
    )


def _secondment(accounts: AccountApi) -> Operation:
    return _post(
        "second_account",
        accounts.second,
        "Request another role or unit, for a time or from a day on",
        "Waits for the other party. During a secondment its unit belongs to the scope.",
        access=Scope.ACCOUNTS_REQUEST,
        body=api.SECONDMENT,
        body_example=_SECONDMENT,
        refusals={
            403: "other_party_required, agency_not_allowed",
            404: "account_not_found",
            409: f"request_pending, {_STALE}",
        },
    )


def _decisions(accounts: AccountApi, guard: Guard) -> Sequence[Resource]:
    access = APPROVING[accounts.approved_by]
    refusals = {
        403: "not_the_approving_party, other_party_required, second_person_required",
        404: "account_not_found",
        409: f"nothing_pending, request_changed, {_STALE}",
        422: "police_consent_required, validity_over, or a field is invalid",
    }
    parts = (
        ("approve", accounts.approve, "Approve what waits, as the other party"),
        ("refuse", accounts.refuse, "Refuse what waits, as the other party"),
    )
    return [
        Resource(
            f"/v1/accounts/{{id}}/{name}",
            (
                _post(
                    f"{name}_account",
                    handler,
                    summary,
                    "Refused for the client and the person that requested it, and for the officer.",
                    access=access,
                    body=api.DECISION,
                    body_example=_DECISION,
                    refusals=refusals,
                ),
            ),
            guard,
        )
        for name, handler, summary in parts
    ]


def _measures(accounts: AccountApi, guard: Guard) -> Sequence[Resource]:
    parts = (
        ("suspend", accounts.suspend, "Take an account out of use for a time", "In force at the next look-up."),
        ("lock", accounts.lock, "Lock an account", "In force at the next look-up."),
        ("revoke", accounts.revoke, "Take an account back for good", "A new written request begins it anew."),
        ("reinstate", accounts.reinstate, "Ask to give an account back", "Waits for the other party."),
    )
    return [
        Resource(
            f"/v1/accounts/{{id}}/{name}",
            (
                _post(
                    f"{name}_account",
                    handler,
                    summary,
                    description,
                    access=Scope.ACCOUNTS_MANAGE,
                    body=api.MEASURE,
                    body_example=_AUTHORITY,
                    refusals={
                        404: "account_not_found",
                        409: f"request_pending, {_STALE}" if name == "reinstate" else _STALE,
                        **({403: "other_party_required"} if name == "reinstate" else {}),
                    },
                ),
            ),
            guard,
        )
        for name, handler, summary, description in parts
    ]


def _files(accounts: AccountApi, guard: Guard) -> Sequence[Resource]:
    csv = Success(200, "UTF-8 with BOM; identifiers are text.", None, media_type="text/csv")
    xlsx = Success(
        200,
        "A workbook.",
        None,
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    taken = "Holds officers' personal data; taking it is recorded."
    export = (
        _read(
            "export_accounts_csv",
            accounts.export_csv,
            "Export accounts as CSV",
            csv,
            query=api.FILE_QUERY,
            description=taken,
        ),
        _read(
            "export_accounts_xlsx",
            accounts.export_xlsx,
            "Export accounts as a workbook",
            xlsx,
            query=api.FILE_QUERY,
            description=taken,
        ),
    )
    dormant = Success(200, "By agency.", api.DORMANT)
    take_in = Operation(
        method="POST",
        handler=accounts.take_in,
        access=Scope.ACCOUNTS_REQUEST,
        name="import_accounts",
        summary="Request accounts from a table: all of them or none",
        description="CSV or XLSX with the headings of an export. Faults are told by row and column, up to 200 of them.",
        tag=TAG,
        body=api.IMPORT,
        body_example={**_AUTHORITY, "content": "VMOqbiDEkcSDbmcgbmjhuq1w"},
        parameters=(IDEMPOTENCY_KEY,),
        successes=(Success(200, "What it did.", api.REPORT, headers=("Idempotency-Replayed",)),),
        refusals={
            403: "other_party_required",
            409: "idempotency_conflict",
            422: "table_faulty, sheet_unreadable, sheet_too_large, not_utf8, not_base64, or a field is invalid",
        },
    )
    return (
        Resource("/v1/accounts.csv", (export[0],), guard),
        Resource("/v1/accounts.xlsx", (export[1],), guard),
        Resource("/v1/account-imports", (take_in,), guard),
        Resource(
            "/v1/dormant-accounts",
            (
                _read(
                    "list_dormant_accounts",
                    accounts.dormant,
                    "List accounts locked for disuse, and those soon to be, by agency",
                    dormant,
                    query=api.DORMANT_QUERY,
                ),
            ),
            guard,
        ),
        Resource(
            "/v1/dormant-accounts.csv",
            (
                _read(
                    "export_dormant_accounts",
                    accounts.dormant_csv,
                    "Export the list of unused accounts as CSV",
                    csv,
                    query=api.DORMANT_QUERY,
                ),
            ),
            guard,
        ),
    )
