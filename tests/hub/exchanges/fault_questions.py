"""Each fault on each question that somebody waits for: the error, what is told, and what asking again brings.

What an officer waits for is asked of the adapter on the road to its played partner, and what the caller is told is
made by the hub's own table (`hub.web.partner`). What the clerk asks for is asked by its jobs, with a whole hub.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from contracts.conformance import EXPECTED, Fault, Stage, Subject, staged
from contracts.conformance.faults import HANGING
from contracts.document_store import Officer, PaperQuery
from contracts.errors import LienThongError
from contracts.population import (
    Asker,
    BirthDate,
    CitizenQuestion,
    Confirmation,
    ConfirmationKind,
    Extent,
    Relative,
)
from contracts.ports import Adapter
from hub.catalogue.settings import CatalogueSettings
from hub.catalogue.sync import CatalogueSync
from hub.web.partner import refusal_of
from tests.hub.exchanges.fault_matrix import CLOSED_SECONDS
from tests.hub.exchanges.fault_operations import PORTAL, STORE, somebody_asks, watch
from tests.hub.whole import CONNECTION, WholeHub
from tests.ports import until_port

REGISTRY, POPULATION = "business_registry", "population_db"
FAULTS = tuple(fault for fault in Fault if fault is not Fault.DUPLICATE_ANSWER)
"""Nothing is created by asking, so nothing can be there already."""
HASTY_SECONDS = 0.5
_NO_RATE = 1000.0
"""Calls in a second; the tables are not about how long a round takes."""

QUERY = PaperQuery(
    owner_number="099199000123",
    officer=Officer(name="Lê Văn Thử", number="099088000456"),
    procedure_code="1.000001.H99",
)
CITIZEN = CitizenQuestion(number="099199000123", name="Trần Thị Mẫu", birth=BirthDate(year=1999, day=date(1999, 1, 2)))
RELATION = Confirmation(
    kind=ConfirmationKind.RELATIVE,
    citizen=CITIZEN,
    relative=Relative(number="099069000121", name="Trần Văn Thử", relation="Cha"),
)
_lookups = itertools.count(1)


def asker() -> Asker:
    """Return an officer with a look-up that no other has."""
    return Asker(
        lookup_id=f"01999999-0000-7000-8000-{next(_lookups):012x}",
        account_id="canbo-1",
        officer_number="099088000456",
        officer_code="CB0001",
        unit_code="H99.12",
        procedure_code="1.000001.H99",
        dossier_code="H99.12-261008-0001",
        purpose="Giải quyết hồ sơ",
    )


@dataclass(frozen=True, slots=True)
class Row:
    """What the run told of one fault on one question."""

    operation: str
    waits: str
    fault: Fault
    became: str
    told: str
    again: str


# --- an officer waits ---------------------------------------------------------------------------------------


async def _nothing(_stage: Stage) -> None:
    return None


async def _first_file(stage: Stage) -> tuple[str, str]:
    (paper, *_) = (await stage.connection.find_papers(QUERY)).papers
    return paper.owner_agency, paper.files[0].location


@dataclass(frozen=True, slots=True)
class Question:
    """A question an officer waits for."""

    operation: str
    adapter: str
    call: str
    """On the wire: what the fault is aimed at."""
    ask: Callable[[Any, Any], Awaitable[Any]]
    """Asks it through a connection, with what was prepared."""
    prepare: Callable[[Stage], Awaitable[Any]] = _nothing
    deadlines: tuple[str, ...] = ()
    """Settings that bound it; shortened where a fault hangs."""
    configured: Mapping[str, Any] = field(default_factory=dict)


_LGSP = {
    "way": "lgsp",
    "lgsp": {"lgsp": {"access_keys": {}, "consumer_key": "x"}, "officer_keys": {"canbo-1": {"key_name": "cb1"}}},
}
"""The population database by the way that has a session to lose."""

QUESTIONS = (
    Question(
        "find_technical_ids",
        PORTAL,
        "TraCuuTechID",
        lambda connection, _: connection.find_technical_ids("099199000123"),
        deadlines=("call_deadline_seconds", "find_technical_ids_deadline_seconds"),
    ),
    Question(
        "find_papers",
        STORE,
        "query",
        lambda connection, _: connection.find_papers(QUERY),
        deadlines=("call_deadline_seconds", "find_papers_deadline_seconds"),
    ),
    Question(
        "fetch_file",
        STORE,
        "file",
        lambda connection, place: connection.fetch_file(*place),
        prepare=_first_file,
        deadlines=("call_deadline_seconds", "fetch_file_deadline_seconds"),
    ),
    Question(
        "find_enterprise",
        REGISTRY,
        "chiTietDoanhNghiep",
        lambda connection, _: connection.find_enterprise("9999999997", asker()),
        deadlines=("find_enterprise_deadline_seconds",),
    ),
    Question(
        "find_citizen",
        POPULATION,
        "TraCuuThongTinCongDan",
        lambda connection, _: connection.find_citizen(CITIZEN, asker(), Extent.USUAL),
        deadlines=("find_citizen_deadline_seconds",),
        configured=_LGSP,
    ),
    Question(
        "find_household",
        POPULATION,
        "CungCapThongTinHoGiaDinh",
        lambda connection, _: connection.find_household(CITIZEN, asker()),
        deadlines=("find_household_deadline_seconds",),
        configured=_LGSP,
    ),
    Question(
        "confirm",
        POPULATION,
        "XacMinhThongTinNhanThan",
        lambda connection, _: connection.confirm(RELATION, asker()),
        deadlines=("confirm_deadline_seconds",),
        configured=_LGSP,
    ),
)


async def ask(question: Question, adapters: Mapping[str, Adapter]) -> list[Row]:
    """Ask a question under every fault, one after the other, and again when all is well."""
    subject = Subject(
        adapter=adapters[question.adapter],
        folder=Path(),
        tests=Path(),
        calls={question.operation: question.call},
        hasty=dict.fromkeys(question.deadlines, HASTY_SECONDS),
        configured=question.configured,
    )
    rows: list[Row] = []
    async with staged(subject) as stage:
        prepared = await question.prepare(stage)
        expected = await question.ask(stage.connection, prepared)
        for fault in FAULTS:
            aimed = None if fault is Fault.REFUSE else question.operation
            await stage.fault(fault, aimed, count=1 if fault is Fault.EXPIRED_SESSION else None)
            # A connection of its own: what is kept open from before would hide that nobody listens.
            connection = stage.connect(hasty=fault in HANGING)
            drift = len(stage.drift)
            try:
                found = await question.ask(connection, prepared)
            except LienThongError as error:
                refusal = refusal_of(error)
                became, told = f"`{type(error).__name__}`", f"{refusal.status} `{refusal.code}`"
            else:
                assert found == expected, (question.operation, fault)
                became = "no error; counted as drift" if len(stage.drift) > drift else "no error"
                told = "200, the answer"
            if fault is Fault.EXPIRED_SESSION:
                _, rules = await stage.control("GET", "/faults")
                assert rules == [], f"{question.operation} never met {fault}"
            elif fault is not Fault.REFUSE:
                assert await stage.hits() > 0, f"{question.operation} never met {fault}"
            await stage.clear_faults()
            await until_port(stage.port, is_open=True)
            assert await question.ask(connection if fault not in HANGING else stage.connection, prepared) == expected
            rows.append(Row(question.operation, "an officer", fault, became, told, "the answer"))
    return rows


# --- the clerk asks -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    """A question the clerk asks in its rounds."""

    operation: str
    call: str
    work: Callable[[WholeHub], Awaitable[str]]
    """Does the round; says what a round without an error has left out."""
    prepare: Callable[[WholeHub, str], Awaitable[Any]]
    arrived: Callable[[WholeHub, str], Awaitable[str]]


async def _fetch(hub: WholeHub) -> str:
    done = await watch(hub).fetch(CONNECTION)
    assert done.refused == 0
    return ""


async def _copy(hub: WholeHub) -> str:
    services = hub.services
    without_rate = CatalogueSettings(requests_per_second=_NO_RATE)
    (done,) = await CatalogueSync(services.store, services.subjects.sources, without_rate).copy_all()
    return "details that did not come" if done.unread else ""


async def _no_catalogue(hub: WholeHub, _code: str) -> None:
    await hub.execute("DELETE FROM catalogue_sources")


async def _question_once(hub: WholeHub, code: str) -> str:
    ((questions, events),) = await hub.rows(
        "SELECT (SELECT count(*) FROM questions WHERE their_id = %s),"
        " (SELECT count(*) FROM inbox_events WHERE their_id = %s)",
        f"CH-{code[-4:]}",
        f"portal:CH-{code[-4:]}",
    )
    assert (questions, events) == (1, 1), code
    return "the question, once"


async def _catalogue_whole(_hub: WholeHub, _code: str) -> str:
    return "the whole catalogue"


ROUNDS = (
    Round("list_questions", "LayDanhSachHoiDapGuiTuDVCQG", _fetch, somebody_asks, _question_once),
    Round("list_answers, of a new question", "LayNoiDungTraLoiTheoCauHoi", _fetch, somebody_asks, _question_once),
    Round("list_catalogue", "LayDanhSachTTHC", _copy, _no_catalogue, _catalogue_whole),
    Round("read_procedure, of the catalogue", "LayThuTuc", _copy, _no_catalogue, _catalogue_whole),
)


async def go_round(hub: WholeHub, one: Round, fault: Fault, code: str) -> Row:
    """Let the clerk go round once under a fault, and once more when all is well; ``code`` is used by no other."""
    await one.prepare(hub, code)
    wish: dict[str, Any] = {"kind": fault.value, "operation": one.call}
    if fault is Fault.REFUSE:
        wish = {"kind": fault.value, "duration_seconds": CLOSED_SECONDS}
    elif fault in {Fault.EXPIRED_SESSION, Fault.EXTRA_FIELD}:
        wish["count"] = 1
    status, answer = await hub.control("POST", "/faults", wish)
    assert status == 201, answer
    try:
        left_out = await one.work(hub)
    except LienThongError as error:
        became, told = f"`{type(error).__name__}`", "the log; nothing of this round is lost"
    else:
        became = "no error"
        told = f"the report: {left_out}" if left_out else "nothing: the round is done"
    _, rules = await hub.control("GET", "/faults")
    assert fault is Fault.REFUSE or not rules or rules[0]["hits"] > 0, f"{one.operation} never met {fault}"
    await hub.control("DELETE", "/faults")
    await until_port(hub.partner.port, is_open=True)
    assert await one.work(hub) == "", (one.operation, fault)
    return Row(one.operation, "the clerk", fault, became, told, await one.arrived(hub, code))


# --- the page -----------------------------------------------------------------------------------------------


def table(rows: Iterable[Row]) -> str:
    """Return the table as Markdown; faults of one question that end alike stand in one row."""
    lines = ["| operation | who waits | faults | becomes | what is told | asked again when all is well |"]
    lines.append("|---|---|---|---|---|---|")
    for operation, found in groupby(rows, key=lambda one: one.operation):
        alike: dict[tuple[str, ...], list[Fault]] = {}
        for one in found:
            alike.setdefault((one.waits, one.became, one.told, one.again), []).append(one.fault)
        for (waits, became, told, again), faults in alike.items():
            names = ", ".join(f"`{fault.value}`" for fault in faults)
            lines.append(f"| {operation} | {waits} | {names} | {became} | {told} | {again} |")
    return "\n".join(lines)


def names() -> list[str]:
    """Return the operations of the table in their order."""
    return [*(one.operation for one in QUESTIONS), *(one.operation for one in ROUNDS)]


def is_expected(operation: str, fault: Fault, became: str) -> bool:
    """Say whether a question of the contract's table may become this; a clerk's round may go on without an answer."""
    if fault not in EXPECTED:
        return became.startswith("no error")
    wanted = f"`{EXPECTED[fault].question.__name__}`"
    return became == wanted or (became == "no error" and operation in {one.operation for one in ROUNDS})
