"""The API of accounts: kept in step by dossier systems, requested, decided by the other party, taken out of use."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.types import ASGIApp

from contracts.accounts import (
    AccountDeclaration,
    AccountId,
    Authority,
    Decision,
    Measure,
    Roster,
    SecondmentRequest,
)
from contracts.codes import AgencyCode
from contracts.errors import Sentence
from hub.accounts.decisions import AccountDecisions
from hub.accounts.exporting import FileKind, dormant_csv, export_accounts, file_name
from hub.accounts.frame import Caller
from hub.accounts.importing import AccountImport, ImportFaults
from hub.accounts.measures import AccountMeasures
from hub.accounts.reading import AccountReader, Filter
from hub.accounts.requests import AccountRequests, Outcome
from hub.accounts.states import AccountState, RequestKind
from hub.accounts.views import AccountDetail, AccountPage, Declared, DormantList, History, ImportReport, Standing
from hub.errors import Refusal
from hub.profiles.values import ProfileValues
from hub.settings import Settings
from hub.sheets import CSV_TYPE
from hub.store.connections import Connection
from hub.store.engine import Store
from hub.web.answers import Answer
from hub.web.body import require_json
from hub.web.conditions import idempotency_key
from hub.web.idempotency import IdempotencyClaim, at_most_once, fingerprint
from hub.web.problems import FieldProblem, ProblemAnswer
from hub.web.queries import read_query
from hub.web.resources import Call
from hub.web.validation import InvalidBody, read_json


class AccountQuery(BaseModel):
    """The filters of the list of accounts; those given must all hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Annotated[AccountState | None, Field(description="In this state.")] = None
    unit: Annotated[AgencyCode | None, Field(description="Of this agency and all below it.")] = None
    pending: Annotated[RequestKind | None, Field(description="With a request of this kind that waits.")] = None
    idle_days: Annotated[
        int | None, Field(ge=1, le=3650, description="Not used for at least so many days, whatever its state.")
    ] = None
    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=500, description="Most entries of a page.")] = 50

    def chosen(self, now: datetime) -> Filter:
        """Return the filter."""
        before = None if self.idle_days is None else now - timedelta(days=self.idle_days)
        return Filter(self.state, self.unit, self.pending, before)


class FileQuery(BaseModel):
    """The filters of an export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Annotated[AccountState | None, Field(description="In this state.")] = None
    unit: Annotated[AgencyCode | None, Field(description="Of this agency and all below it.")] = None


class HistoryQuery(BaseModel):
    """The page of a history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: Annotated[
        str | None, StringConstraints(max_length=64), Field(description="`next_cursor` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most entries of a page.")] = 50


class DormantQuery(BaseModel):
    """How far ahead the list of unused accounts looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ahead_days: Annotated[
        int, Field(ge=0, le=365, description="Also accounts that disuse will lock within so many days.")
    ] = 30


class ImportRequest(Authority):
    """A table of accounts: one written request for all of them."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=1 << 24)]
    """The CSV or XLSX file in Base64."""
    trial: bool = False
    """Only look whether it could be imported."""


QUERY: TypeAdapter[AccountQuery] = TypeAdapter(AccountQuery)
FILE_QUERY: TypeAdapter[FileQuery] = TypeAdapter(FileQuery)
HISTORY_QUERY: TypeAdapter[HistoryQuery] = TypeAdapter(HistoryQuery)
DORMANT_QUERY: TypeAdapter[DormantQuery] = TypeAdapter(DormantQuery)
DECLARATION: TypeAdapter[AccountDeclaration] = TypeAdapter(AccountDeclaration)
DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)
SECONDMENT: TypeAdapter[SecondmentRequest] = TypeAdapter(SecondmentRequest)
ROSTER: TypeAdapter[Roster] = TypeAdapter(Roster)
IMPORT: TypeAdapter[ImportRequest] = TypeAdapter(ImportRequest)
DECLARED = TypeAdapter(Declared)
DETAIL = TypeAdapter(AccountDetail)
STANDING = TypeAdapter(Standing)
PAGE = TypeAdapter(AccountPage)
HISTORY = TypeAdapter(History)
DORMANT = TypeAdapter(DormantList)
REPORT = TypeAdapter(ImportReport)
_ID: TypeAdapter[str] = TypeAdapter(AccountId)

Work = Callable[[Connection], Awaitable[bytes]]


class AccountApi:
    """The handlers; see `hub.accounts.addresses` for the addresses."""

    def __init__(self, store: Store, profile: ProfileValues, settings: Settings) -> None:
        """``profile`` gives the parties, ``settings`` the limits of bodies."""
        self._store = store
        self._max_bytes = settings.api.max_body_bytes
        self._timeout = settings.api.read_timeout_seconds
        self._requests = AccountRequests(store, profile, settings.accounts)
        self._decisions = AccountDecisions(store, profile, settings.accounts)
        self._measures = AccountMeasures(store, profile, settings.accounts)
        self._reader = AccountReader(store, profile)
        self.approved_by = self._requests.approved_by

    # --- reading ----------------------------------------------------------------------------------------------

    async def page(self, call: Call) -> ASGIApp:
        """``GET /v1/accounts``."""
        query = read_query(QUERY, call.scope["query_string"])
        page = await self._reader.page(
            query.chosen(self._requests.now()), _caller(call), cursor=query.cursor, limit=query.limit
        )
        return Answer(200, PAGE.dump_json(page))

    async def one(self, call: Call) -> ASGIApp:
        """``GET /v1/accounts/{id}``."""
        return Answer(200, DETAIL.dump_json(await self._reader.get(call.path["id"], _caller(call))))

    async def history(self, call: Call) -> ASGIApp:
        """``GET /v1/accounts/{id}/history``."""
        query = read_query(HISTORY_QUERY, call.scope["query_string"])
        found = await self._reader.history(call.path["id"], _caller(call), cursor=query.cursor, limit=query.limit)
        return Answer(200, HISTORY.dump_json(found))

    async def export_csv(self, call: Call) -> ASGIApp:
        """``GET /v1/accounts.csv``."""
        return await self._export(call, FileKind.CSV)

    async def export_xlsx(self, call: Call) -> ASGIApp:
        """``GET /v1/accounts.xlsx``."""
        return await self._export(call, FileKind.XLSX)

    async def _export(self, call: Call, kind: FileKind) -> ASGIApp:
        query = read_query(FILE_QUERY, call.scope["query_string"])
        call.begin_work()
        body = await export_accounts(self._store, self._reader, Filter(query.state, query.unit), _caller(call), kind)
        return _file(body, f"tai-khoan-khai-thac.{kind.value}", kind.media_type)

    async def dormant(self, call: Call) -> ASGIApp:
        """``GET /v1/dormant-accounts``."""
        query = read_query(DORMANT_QUERY, call.scope["query_string"])
        return Answer(200, DORMANT.dump_json(await self._reader.dormant(_caller(call), ahead_days=query.ahead_days)))

    async def dormant_csv(self, call: Call) -> ASGIApp:
        """``GET /v1/dormant-accounts.csv``."""
        query = read_query(DORMANT_QUERY, call.scope["query_string"])
        found = await self._reader.dormant(_caller(call), ahead_days=query.ahead_days)
        return _file(dormant_csv(found), file_name(found), CSV_TYPE)

    # --- the requesting party -----------------------------------------------------------------------------------

    async def declare(self, call: Call) -> ASGIApp:
        """``PUT /v1/accounts/{id}``."""
        account_id, caller = _account_id(call), _caller(call)
        declared = read_json(DECLARATION, await self._body(call))
        call.begin_work()
        async with self._store.transaction() as conn:
            outcome = await self._requests.declare(account_id, declared, caller, within=conn)
            standing = await self._reader.standing(account_id, caller, within=conn)
        is_new = outcome is Outcome.REQUESTED and standing.state is AccountState.REQUESTED
        body = DECLARED.dump_json(Declared(account=standing, outcome=outcome.value))
        return Answer(201 if is_new else 200, body)

    async def set_roster(self, call: Call) -> ASGIApp:
        """``PUT /v1/accounts/{id}/roster``."""
        caller = _caller(call)
        roster = read_json(ROSTER, await self._body(call))
        call.begin_work()
        async with self._store.transaction() as conn:
            await self._requests.set_roster(call.path["id"], roster, caller, within=conn)
            standing = await self._reader.standing(call.path["id"], caller, within=conn)
        return Answer(200, STANDING.dump_json(standing))

    async def second(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/secondments``."""
        return await self._act(call, SECONDMENT, self._requests.second)

    async def take_in(self, call: Call) -> ASGIApp:
        """``POST /v1/account-imports``."""
        caller, body = _caller(call), await self._body(call)
        wanted = read_json(IMPORT, body)
        authority = Authority(person=wanted.person, reason=wanted.reason, document_number=wanted.document_number)
        table = AccountImport(self._requests)
        try:
            rows = await table.read(_decoded(wanted.content), authority)

            async def work(conn: Connection) -> bytes:
                return REPORT.dump_json(await table.apply(rows, caller, trial=wanted.trial, within=conn))

            return await self._once(call, body, work)
        except ImportFaults as faults:
            raise InvalidBody(_problem(faults)) from None

    # --- decisions and measures ---------------------------------------------------------------------------------

    async def approve(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/approve``."""
        return await self._act(call, DECISION, self._decisions.approve)

    async def refuse(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/refuse``."""
        return await self._act(call, DECISION, self._decisions.refuse)

    async def suspend(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/suspend``."""
        return await self._act(call, MEASURE, self._measures.suspend)

    async def lock(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/lock``."""
        return await self._act(call, MEASURE, self._measures.lock)

    async def revoke(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/revoke``."""
        return await self._act(call, MEASURE, self._measures.revoke)

    async def reinstate(self, call: Call) -> ASGIApp:
        """``POST /v1/accounts/{id}/reinstate``."""
        return await self._act(call, MEASURE, self._requests.reinstate)

    # --- shared -----------------------------------------------------------------------------------------------

    async def _act(self, call: Call, adapter: TypeAdapter[Any], act: Callable[..., Awaitable[None]]) -> ASGIApp:
        body, caller = await self._body(call), _caller(call)
        said = read_json(adapter, body)

        async def work(conn: Connection) -> bytes:
            await act(call.path["id"], said, caller, within=conn)
            # Kept with its idempotency key, in clear: it holds nothing of the officer.
            return STANDING.dump_json(await self._reader.standing(call.path["id"], caller, within=conn))

        return await self._once(call, body, work)

    async def _once(self, call: Call, body: bytes, work: Work) -> Answer:
        key = idempotency_key(call.headers)
        claim = IdempotencyClaim(call.principal.client_id, key, fingerprint("POST", call.scope["path"], body))
        call.begin_work()
        stored, replayed = await at_most_once(self._store, claim, work)
        return Answer(stored.status, stored.body, ((b"idempotency-replayed", b"true"),) if replayed else ())

    async def _body(self, call: Call) -> bytes:
        require_json(call.headers)
        return await call.body(max_bytes=self._max_bytes, timeout_seconds=self._timeout)


def _caller(call: Call) -> Caller:
    return Caller(call.principal.client_id, tuple(call.principal.agencies))


def _account_id(call: Call) -> str:
    try:
        return _ID.validate_python(call.path["id"])
    except ValueError:
        raise Refusal(
            422,
            "account_id",
            Sentence(
                en="The login name of an account has 1 to 64 letters, digits and the signs . _ : / + -",
                vi="Tên đăng nhập của tài khoản gồm 1 đến 64 chữ cái, chữ số và các dấu . _ : / + -",
            ),
            field="id",
        ) from None


def _decoded(content: str) -> bytes:
    try:
        return b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(
            422,
            "not_base64",
            Sentence(en="The file must be sent in Base64.", vi="Tệp phải được gửi dưới dạng Base64."),
            field="content",
        ) from None


def _file(body: bytes, name: str, media_type: bytes) -> Answer:
    disposition = f'attachment; filename="{name}"'.encode()
    return Answer(200, body, ((b"content-disposition", disposition),), media_type=media_type)


def _problem(faults: ImportFaults) -> ProblemAnswer:
    refusal = Refusal(422, "table_faulty", faults.sentence, field="content")
    errors = [
        FieldProblem(
            code=one.code,
            detail=one.sentence.en,
            detail_vi=one.sentence.vi,
            field=f"rows[{one.row}].{one.column}" if one.column else f"rows[{one.row}]",
        )
        for one in faults.faults
    ]
    return ProblemAnswer(refusal, errors=errors)
