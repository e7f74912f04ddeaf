"""A watched office on a real database: accounts, dossiers and look-ups, at moments a test chooses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import uuid_utils.compat

from contracts.dossier import DossierFacts
from hub.access.clients import Client
from hub.access.guard import Guard
from hub.access.scopes import Scope
from hub.access.signing import KeyRing
from hub.access.tokens import Tokens
from hub.accounts.directory import account_context
from hub.accounts.records import unit_path
from hub.cases.addresses import resources as case_resources
from hub.cases.api import CaseApi
from hub.cases.asking import Explanations
from hub.cases.explanations_api import ExplanationApi
from hub.cases.explanations_api import resources as explanation_resources
from hub.cases.handover import HandOver
from hub.cases.jobs import CaseClock
from hub.cases.reveals import Reveals
from hub.cases.service import CaseService
from hub.dossiers.events_store import event_context
from hub.lookups.log import SubjectHasher
from hub.lookups.rows import EndRow, LookupRow, salted
from hub.lookups.writer import LogWriter
from hub.profiles.profile import Profile, load_profile
from hub.settings import Settings
from hub.store.engine import Store
from hub.watch.api import WatchApi
from hub.watch.api import resources as watch_resources
from hub.watch.live import LiveWatch
from hub.watch.previewing import Previewer
from hub.watch.proposals import Proposals
from hub.watch.reading import WatchReader
from hub.watch.sampling import Sampler
from hub.web.access_log import AccessLog
from hub.web.application import Application
from hub.web.resources import Resource
from tests.hub.api.world import dossier, http
from tests.hub.databases import settled

NOW = datetime(2026, 10, 8, 3, 0, tzinfo=UTC)
"""Thursday, 10 o'clock in Vietnam."""
UNIT = "H99.12"
OFFICER = "canbo01"
DOSSIER = "H99.12-261008-0001"
PERSON = "099199000123"
OWN = {"canbo01": "099155321987", "canbo02": "099162774103", "anninh01": "099171306625", "anninh02": "099183419946"}

_SCOPE = '{"units": ["H99.12"], "procedures": [], "operations": ["find_citizen"], "data_groups": ["identity"]}'


@dataclass
class Clock:
    """Time that only a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment it is."""
        return self.now

    def pass_time(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)


@dataclass
class WatchWorld:
    """The watch, cases, and the people who work with them."""

    store: Store
    settings: Settings
    profile: Profile
    hasher: SubjectHasher
    clock: Clock = field(default_factory=Clock)
    recipient: Any = None

    def __post_init__(self) -> None:
        settings = self.settings
        self.writer = LogWriter(self.store)
        self.live = self.new_watch()
        self.cases = CaseService(self.store, settings.cases, self.profile)
        self.proposals = Proposals(self.store, settings.watch)
        self.case_clock = CaseClock(self.store, settings.cases, now=self.clock)
        self.sampler = Sampler(self.store, self.profile, settings.watch, settings.cases, now=self.clock)
        self.previewer = Previewer(self.store, self.profile, now=self.clock)
        self._tokens = Tokens(KeyRing(self.store), lifetime_seconds=3600)
        self.guard = Guard(self.store, self._tokens)
        self.app = Application(self._resources(), self.guard, AccessLog(settings.log))

    def new_watch(self) -> LiveWatch:
        """Return a watch that remembers nothing, as after a start."""
        return LiveWatch(self.store, self.profile, self.settings.watch, self.settings.cases, now=self.clock)

    def _resources(self) -> list[Resource]:
        api, guard, now = self.settings.api, self.guard, self.clock
        hand_over = HandOver(self.cases, self.recipient)
        reader = WatchReader(self.store, self.settings.watch)
        return [
            *case_resources(CaseApi(self.cases, Reveals(self.cases), hand_over, api, now=now), guard),
            *explanation_resources(ExplanationApi(Explanations(self.store), self.store, api, now=now), guard),
            *watch_resources(WatchApi(reader, self.proposals, api, now=now), guard),
        ]

    async def caller(self, client_id: str, *scopes: Scope, agencies: tuple[str, ...] = ()) -> httpx.AsyncClient:
        """Return a caller with a token of a client of this id."""
        await self.do(
            "INSERT INTO clients (id, name, secret_hash, scopes, agencies) VALUES (%s, %s, '', %s, %s)",
            client_id,
            client_id,
            [str(one) for one in scopes],
            list(agencies),
        )
        client = Client(client_id, client_id, frozenset(scopes), agencies, self.clock.now, None)
        issued = await self._tokens.issue(client, frozenset(scopes))
        caller = http(self.app)
        caller.headers["authorization"] = f"Bearer {issued}"
        return caller

    # --- the office -------------------------------------------------------------------------------------------

    async def add_account(self, account_id: str = OFFICER, **changes: Any) -> None:
        """Register an officer, approved long ago."""
        row = {"state": "active", "unit_code": UNIT, "role": "one_stop", "number": OWN.get(account_id, ""), **changes}
        secret = {
            "full_name": "Phạm Thị Thử",
            "officer_number": row["number"],
            "phone": "",
            "household_id": "",
            "home_commune": None,
            "home_hamlet": None,
        }
        since = self.clock.now - timedelta(days=100)
        await self.do(
            "INSERT INTO lookup_accounts (id, officer_code, unit_path, state, unit_code, role, purpose, scope,"
            " valid_from, created_at, approved_at, activated_at, state_since, changed_at, sealed)"
            " VALUES (%(id)s, 'CB01', %(path)s, %(state)s, %(unit)s, %(role)s, 'Giải quyết thủ tục', %(scope)s::jsonb,"
            " %(since)s, %(since)s, %(since)s, %(since)s, %(since)s, %(since)s, %(sealed)s)",
            id=account_id,
            path=unit_path(row["unit_code"]),
            state=row["state"],
            unit=row["unit_code"],
            role=row["role"],
            scope=_SCOPE,
            since=since,
            sealed=self.store.sealer.seal(orjson.dumps(secret), account_context(account_id)),
        )

    async def add_dossier(
        self,
        code: str = DOSSIER,
        *,
        person: str = PERSON,
        assigned: tuple[str, ...] = (OFFICER,),
        at: datetime | None = None,
    ) -> None:
        """Record a dossier as the intake does, at a moment."""
        body = dossier(assigned_accounts=list(assigned), agency={"code": UNIT, "name": "UBND phường Mẫu"})
        body["applicant"]["identifiers"] = [{"kind": "personal_number", "value": person}]
        facts = DossierFacts.model_validate_json(orjson.dumps(body)).model_dump_json().encode()
        moment = at or self.clock.now
        await self.do(
            "INSERT INTO dossiers (code, agency_code, procedure_root, state, revision, declared_hash, submitted_at,"
            " recorded_at) VALUES (%s, %s, '1.000001', 2, 1, '', %s, %s)",
            code,
            UNIT,
            moment,
            moment,
        )
        await self.do(
            "INSERT INTO dossier_events (dossier_code, revision, kind, state, occurred_at, recorded_at, late_entry,"
            " client_id, body_hash, sealed) VALUES (%s, 1, 'declared', 2, %s, %s, false, 'x', %s, %s)",
            code,
            moment,
            moment,
            hashlib.sha256(facts).digest(),
            self.store.sealer.seal(facts, event_context(code, 1)),
        )

    async def look_up(
        self,
        person: str = PERSON,
        *,
        account_id: str = OFFICER,
        dossier_code: str | None = DOSSIER,
        at: datetime | None = None,
        ip: str = "10.12.0.7",
        outcome: str = "found",
        unit_code: str = UNIT,
        break_glass: bool = False,
        denied_code: str | None = None,
    ) -> UUID:
        """Leave a look-up that ended in the log, and return its id."""
        moment = at or self.clock.now
        key = uuid_utils.compat.uuid7()
        row = LookupRow(
            id=str(key),
            asked_at=moment,
            kind="find_citizen",
            connection="dan_cu",
            client_id="he-thong",
            account_id=account_id,
            role="one_stop",
            unit_code=unit_code,
            ip=ip,
            dossier_code=dossier_code,
            procedure_root="1.000001",
            purpose="Xác minh người nộp hồ sơ",
            break_glass=break_glass,
            subject_hash=self.hasher.hash(person),
            subject_kind="person",
            gate={},
            content=salted({"subject": person, "question": {"number": person}}),
        )
        answered = {"subject_id": person, "commune": "00070", "hamlet": 5, "household_id": f"HK-{person}"}
        end = EndRow(
            lookup_id=str(key),
            asked_at=moment,
            ended_at=moment,
            outcome="denied" if denied_code else outcome,
            denied_code=denied_code,
            data_groups=["identity"] if outcome == "found" and not denied_code else [],
            content=salted(answered) if outcome == "found" and not denied_code else None,
        )
        await self.writer.whole(row, end)
        return key

    async def snoop(self, *, account_id: str = OFFICER, person_of: str = "", **changes: Any) -> UUID:
        """Look one's own record up, or this person's, under a dossier not about them; let the watch see it."""
        key = await self.look_up(person_of or OWN[account_id], account_id=account_id, **changes)
        await self.watch()
        return key

    async def watch(self, live: LiveWatch | None = None) -> int:
        """Let the watch work until nothing is left; return how many look-ups it read."""
        one, total = live or self.live, 0
        await settled(self.store)
        while read := await one.step():
            total += read
        return total

    # --- the database -----------------------------------------------------------------------------------------

    async def rows(self, query: Any, *values: Any) -> list[Any]:
        """Read from the database."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def do(self, query: Any, *values: Any, **named: Any) -> None:
        """Write to the database."""
        async with self.store.transaction() as conn:
            await conn.execute(query, named or values)

    async def acts(self) -> list[str]:
        """Return the acts the ledger holds, oldest first."""
        found = await self.rows("SELECT facts FROM ledger_queue WHERE kind = 'act' ORDER BY id")
        return [orjson.loads(row[0])["act"] for row in found]

    async def one_case(self) -> str:
        """Return the id of the one case there is."""
        [[case_id]] = await self.rows("SELECT id FROM cases")
        return str(case_id)


async def watch_world(store: Store, settings: Settings, *, recipient: Any = None) -> WatchWorld:
    """Open an office with two officers and two security staff."""
    world = WatchWorld(store, settings, load_profile(), await SubjectHasher.open(store), recipient=recipient)
    for account_id in ("canbo01", "canbo02", "anninh01", "anninh02"):
        await world.add_account(account_id, unit_code="H99.99" if account_id.startswith("anninh") else UNIT)
    await world.add_dossier()
    world.clock.pass_time(minutes=1)
    return world
