"""What travels as an exchange, as the fault matrix makes it happen: each operation, and the question settling it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.document_store import ResultPaperEntry
from contracts.questions import AnswerEntry
from contracts.ratings import RatingEntry
from hub.document_store.api import PAPER_EXAMPLE
from hub.document_store.papers import LookupCaller, PaperIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.profiles.profile import load_profile
from hub.questions.api import EXAMPLE as ANSWER_EXAMPLE
from hub.questions.service import Answerer, QuestionService
from hub.questions.settings import QuestionSettings
from hub.questions.watching import QuestionWatch
from hub.ratings.api import EXAMPLE as RATING_EXAMPLE
from hub.ratings.service import Rater, RatingService
from hub.web.idempotency import IdempotencyClaim
from tests.hub.exchanges.conftest import CALLER, PROCEDURE, step
from tests.hub.whole import CONNECTION, WholeHub

PORTAL, STORE = "national_portal", "personal_store"
AGENCIES = ("H99",)


@dataclass(frozen=True, slots=True)
class Operation:
    """A row group of the matrix."""

    name: str
    call: str
    """On the wire: what the fault is aimed at."""
    is_write: bool
    exchange: str
    """The operation of the exchange that is watched."""
    prepare: Callable[[WholeHub, str], Awaitable[Any]]
    act: Callable[[WholeHub, str], Awaitable[Any]]
    arrived: Callable[[WholeHub, str], Awaitable[str]]
    """Checks what the partner holds in the end, and says it."""
    adapter: str = PORTAL
    asked_times: int = 3
    """A question is asked so often within one attempt before the hub hears of it."""


async def _nothing(_hub: WholeHub, _code: str) -> None:
    pass


async def _lose(hub: WholeHub, call: str) -> None:
    """Let the answer to the next such call be lost after the partner has acted, so that the hub must ask."""
    status, _ = await hub.control("POST", "/faults", {"kind": "reset_after", "operation": call, "count": 1})
    assert status == 201


def _losing(call: str, act: Callable[[WholeHub, str], Awaitable[Any]]) -> Callable[[WholeHub, str], Awaitable[None]]:
    async def both(hub: WholeHub, code: str) -> None:
        await _lose(hub, call)
        await act(hub, code)

    return both


def _claim() -> IdempotencyClaim:
    return IdempotencyClaim(CALLER.client_id, uuid.uuid4().hex, uuid.uuid4().bytes)


# --- dossiers and steps -----------------------------------------------------------------------------------


async def _declared(hub: WholeHub, code: str) -> None:
    await hub.put(code)
    await hub.until(hub.settled)


async def _step(hub: WholeHub, code: str) -> None:
    await hub.record(code, step(content="Bước một"))


async def _held(hub: WholeHub, code: str) -> Any:
    _, held = await hub.control("GET", f"/dossiers/{code}")
    assert held["creates"] == 1, code
    return held


async def _created_once(hub: WholeHub, code: str) -> str:
    await _held(hub, code)
    return "created once"


async def _newest(hub: WholeHub, code: str) -> str:
    assert (await _held(hub, code))["dossier"]["TrichYeuHoSo"] == "Trích yếu mới", code
    return "the newest revision"


async def _step_once(hub: WholeHub, code: str) -> str:
    held = await _held(hub, code)
    assert (held["steps"], held["repeated_steps"]) == (1, 0), code
    return "the step, once"


# --- answers to questions -----------------------------------------------------------------------------------


def _question(code: str) -> str:
    return f"CH-{code[-4:]}"


async def somebody_asks(hub: WholeHub, code: str) -> None:
    """Let somebody ask at the portal."""
    fields = {"content": f"Câu hỏi {code}", "agency_code": "H99.12", "asked_at": "20261008081500"}
    question = {"origin": "portal", "id": _question(code), "fields": fields}
    status, _ = await hub.control("POST", "/seed", {"questions": [question]})
    assert status == 201


async def _asked(hub: WholeHub, code: str) -> None:
    """A question was asked and fetched."""
    await somebody_asks(hub, code)
    await watch(hub).fetch(CONNECTION)


def watch(hub: WholeHub) -> QuestionWatch:
    """Return the job that fetches questions."""
    services = hub.services
    return QuestionWatch(services.store, services.subjects.desks, QuestionSettings(), load_profile("default"))


async def _answer(hub: WholeHub, code: str) -> None:
    ((key,),) = await hub.rows("SELECT id FROM questions WHERE their_id = %s", _question(code))
    service = QuestionService(hub.services.store, hub.services.subjects.desks)
    entry = AnswerEntry.model_validate_json(orjson.dumps(ANSWER_EXAMPLE))
    await service.answer(str(key), entry, Answerer(CALLER.client_id, frozenset(AGENCIES)), _claim())


async def _answer_once(hub: WholeHub, code: str) -> str:
    _, desk = await hub.control("GET", "/desk")
    (given,) = desk["answers"][_question(code)]
    assert given["NOIDUNGTRALOI"] == ANSWER_EXAMPLE["content"], code
    return "the answer, once"


# --- ratings ------------------------------------------------------------------------------------------------


def _month(code: str) -> tuple[int, int]:
    """Return a year and month that no other cell has."""
    number = int(code[-4:])
    return 2000 + number // 12, number % 12 + 1


async def _rate(hub: WholeHub, code: str) -> None:
    year, month = _month(code)
    service = RatingService(hub.services.store, [CONNECTION], ProcedureIndex(hub.services.store))
    entry = RatingEntry.model_validate_json(orjson.dumps(RATING_EXAMPLE))
    await service.put(f"{year}-{month:02}", PROCEDURE.code, entry, Rater(CALLER.client_id, AGENCIES))


async def _rating_once(hub: WholeHub, code: str) -> str:
    year, month = _month(code)
    _, desk = await hub.control("GET", "/desk")
    (rating,) = [one for one in desk["ratings"] if one["month"] == f"{month}-{year}"]
    assert len(rating["held"]) == 1, code
    return "the rating, once"


# --- result papers ------------------------------------------------------------------------------------------


async def _counted(hub: WholeHub, code: str) -> None:
    """Nothing of this paper is there; the store shows figures only, so they are noted before."""
    hub.notes[code] = await _handed_in(hub)


async def _handed_in(hub: WholeHub) -> int:
    _, state = await hub.control("GET", "/state")
    return int(state["handed_in"])


async def _hand_in(hub: WholeHub, code: str) -> None:
    entry = ResultPaperEntry.model_validate_json(orjson.dumps(PAPER_EXAMPLE | {"paper_number": f"{code[-4:]}/2026"}))
    caller = LookupCaller(CALLER.client_id, AGENCIES)
    await PaperIntake(hub.services.store, [CONNECTION]).put(code, "KQ-0001", entry, caller)


async def _paper_once(hub: WholeHub, code: str) -> str:
    assert await _handed_in(hub) == hub.notes[code] + 1, code
    return "the paper, once"


# --- all ----------------------------------------------------------------------------------------------------

_STEPS, _ANSWERS, _PAPERS = "CapNhatTienDoHoSoMC", "DongBoKetQuaHoiDapGuiTuDVCQG", "paper"

OPERATIONS = (
    Operation(
        "push_dossier, a create",
        "DongBoHoSoMC",
        is_write=True,
        exchange="push_dossier",
        prepare=_nothing,
        act=lambda hub, code: hub.put(code),
        arrived=_created_once,
    ),
    Operation(
        "push_dossier, an update",
        "DongBoHoSoMC",
        is_write=True,
        exchange="push_dossier",
        prepare=_declared,
        act=lambda hub, code: hub.put(code, summary="Trích yếu mới"),
        arrived=_newest,
    ),
    Operation(
        "push_step", _STEPS, is_write=True, exchange="push_step", prepare=_declared, act=_step, arrived=_step_once
    ),
    Operation(
        "find_dossier, before a create",
        "TraCuuHoSo",
        is_write=False,
        exchange="push_dossier",
        prepare=_nothing,
        act=lambda hub, code: hub.put(code),
        arrived=_created_once,
    ),
    Operation(
        "find_dossier, to settle a step",
        "TraCuuHoSo",
        is_write=False,
        exchange="push_step",
        prepare=_declared,
        act=_losing(_STEPS, _step),
        arrived=_step_once,
    ),
    Operation(
        "push_answer",
        _ANSWERS,
        is_write=True,
        exchange="push_answer",
        prepare=_asked,
        act=_answer,
        arrived=_answer_once,
    ),
    Operation(
        "list_answers, to settle an answer",
        "LayNoiDungTraLoiTheoCauHoi",
        is_write=False,
        exchange="push_answer",
        prepare=_asked,
        act=_losing(_ANSWERS, _answer),
        arrived=_answer_once,
    ),
    Operation(
        "push_rating",
        "DongBoDanhGia",
        is_write=True,
        exchange="push_rating",
        prepare=_nothing,
        act=_rate,
        arrived=_rating_once,
    ),
    Operation(
        "push_result_paper",
        _PAPERS,
        is_write=True,
        exchange="push_result_paper",
        prepare=_counted,
        act=_hand_in,
        arrived=_paper_once,
        adapter=STORE,
    ),
    Operation(
        "find_papers, to settle a paper",
        "query",
        is_write=False,
        exchange="push_result_paper",
        prepare=_counted,
        act=_losing(_PAPERS, _hand_in),
        arrived=_paper_once,
        adapter=STORE,
        asked_times=1,
    ),
)
