"""A scene: dossiers taken in by the real intake, a partner's confirmations written as a worker would leave them."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.calendar import VIETNAM
from contracts.dossier import Agency, DossierFacts, Procedure
from contracts.events import Event
from contracts.rules import DossierRules
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.profiles.profile import load_profile
from hub.score.facts import FactReader
from hub.score.lines import Line
from hub.score.projection import Projection
from hub.score.service import ScoreService
from hub.score.views import AgencyScore, LineView
from hub.score.warnings import Warner
from hub.settings import ScoreSettings
from hub.store.engine import Store
from hub.web.idempotency import IdempotencyClaim
from tests.contracts.histories import facts

PORTAL = "national_portal"
CALLER = Caller("test-client", ("H99",))
PROCEDURE = Procedure(code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Hộ tịch")

_numbers = itertools.count(1)


def vn(text: str) -> datetime:
    """A moment in Vietnam: ``2025-10-08 08:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


NOW = vn("2025-12-31 12:00")
"""When tests look, unless they say otherwise: long after the months they look at."""


class Scene:
    """The store with everything the score guard is made of."""

    def __init__(self, store: Store, intake: DossierIntake) -> None:
        self.store = store
        self.intake = intake
        self.projection = Projection(store, FactReader(load_profile()), PORTAL)
        self.warner = Warner(store, PORTAL, settle=timedelta(minutes=30))

    def service(self, **settings: Any) -> ScoreService:
        return ScoreService(self.store, ScoreSettings(**settings), PORTAL)

    async def dossier(self, *events: Event, agency: str = "H99.12", confirmed: bool = True, **changes: Any) -> str:
        """Take a dossier in with what happened to it, recorded long ago; say that the portal holds it, or not."""
        code = f"{agency}-251001-{next(_numbers):04d}"
        declared = {
            "procedure": PROCEDURE,
            "agency": Agency(code=agency, name="UBND phường Mẫu"),
            "submitted_at": vn("2025-10-08 07:30"),
            "received_at": vn("2025-10-08 08:00"),
            "due_at": vn("2025-10-15 17:00"),
            "components": (),
            "databases_consulted": (),
        }
        await self.put(code, facts(**(declared | changes)))
        for event in events:
            await self.happen(code, event)
        await self.execute("UPDATE dossiers SET recorded_at = %s WHERE code = %s", vn("2025-10-01 00:00"), code)
        if confirmed:
            await self.confirm(code)
        return code

    async def put(self, code: str, declared: DossierFacts) -> None:
        await self.intake.put(code=code, facts=declared, caller=CALLER)

    async def happen(self, code: str, event: Event) -> None:
        claim = IdempotencyClaim(CALLER.client_id, uuid.uuid4().hex, uuid.uuid4().bytes)
        await self.intake.record(code=code, event=event, caller=CALLER, claim=claim)

    async def confirm(self, code: str, revision: int | None = None, at: datetime = NOW) -> None:
        """Leave the lane as a delivery would: this revision is at the portal; by default the newest."""
        await self.execute(
            "UPDATE lanes l SET confirmed_revision = coalesce(%s, d.revision), confirmed_at = %s"
            " FROM dossiers d WHERE d.code = l.subject AND l.subject = %s",
            revision,
            at,
            code,
        )

    async def differ(self, code: str, outcome: str, *, their_state: int | None = None, **shown: list[str]) -> None:
        """Leave what a reconciliation found, after the last delivery; ``__`` in a name stands for a dot."""
        run, seen = uuid.uuid4(), NOW + timedelta(days=1)
        await self.execute(
            "INSERT INTO reconciliation_runs (id, connection, origin, requested_by, requested_at, state, phase,"
            " expected, ended_at) VALUES (%s, %s, 'nightly', 'clerk', %s, 'completed', 'dossiers', 1, %s)",
            run,
            PORTAL,
            seen,
            seen,
        )
        await self.execute(
            "INSERT INTO reconciliation_findings (run_id, code, connection, agency, day, outcome, shown, their_state,"
            " found_at) VALUES (%s, %s, %s, 'H99.12', '2025-10-08', %s, %s::jsonb, %s, %s)",
            run,
            code,
            PORTAL,
            outcome,
            json.dumps({name.replace("__", "."): values for name, values in shown.items()}),
            their_state,
            seen,
        )
        await self.execute(
            "INSERT INTO reconciliation_differences (connection, code, agency, day, outcome, since, seen_at)"
            " VALUES (%s, %s, 'H99.12', '2025-10-08', %s, %s, %s)",
            PORTAL,
            code,
            outcome,
            seen,
            seen,
        )

    async def score(self, month: str = "2025-10", *, now: datetime = NOW, **settings: Any) -> AgencyScore:
        """Bring the facts up to date and return the total of a month."""
        await self.projection.catch_up()
        return (await self.service(**settings).scores(month, now=now)).total

    async def costs(self, month: str = "2025-10", *, now: datetime = NOW) -> dict[str, set[str]]:
        """Bring the facts up to date and return the causes of each dossier that costs points."""
        await self.projection.catch_up()
        page = await self.service().costly(month, now=now)
        return {one.code: {str(cause.cause) for cause in one.causes} for one in page.items}

    async def execute(self, query: str, *values: Any) -> None:
        async with self.store.transaction() as conn:
            await conn.execute(query, values)

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()


def line(score: AgencyScore, wanted: Line) -> LineView:
    """Return one line of a score."""
    return next(one for one in score.lines if one.line is wanted)


def counted(score: AgencyScore, wanted: Line) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how many of how many: by our data, and by what the portal holds."""
    found = line(score, wanted)
    return (found.ours.counted, found.ours.of), (found.portal.counted, found.portal.of)


@pytest.fixture
async def scene(store: Store) -> AsyncIterator[Scene]:
    """A province with one procedure and nothing in it yet."""
    await save_procedures(store, "test", [PROCEDURE])
    lenient = DossierRules(max_supplements=5, late_entry_after=timedelta(days=3650), fees_before_result=False)
    intake = DossierIntake(store, publishers=[PORTAL], rules=lenient, procedures=ProcedureIndex(store))
    yield Scene(store, intake)
    await intake.aclose()
