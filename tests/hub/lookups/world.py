"""An office that looks people up: its accounts and dossiers, and registers played in the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from contracts.business import Enterprise
from contracts.population import (
    Address,
    Asker,
    BirthDate,
    CitizenQuestion,
    CitizenRecord,
    Confirmation,
    Confirmed,
    DataGroup,
    Extent,
    Household,
    HouseholdMember,
    Relative,
)
from contracts.ports import Operation, RepeatClass
from hub.accounts.directory import account_context
from hub.accounts.records import unit_path
from hub.lookups.wiring import LookupServices
from hub.store.engine import Store
from tests.hub.api.world import ApiWorld, fresh_key
from tests.hub.lookups.redis_server import RedisServer

CONNECTION = "dan_cu"
DOSSIER = "H99.12-261008-0001"
NUMBER = "099199000123"
OFFICER = "099188000456"
OTHER = "099199000999"
ENTERPRISE = "9999999997"
PURPOSE = "Xác minh người nộp hồ sơ"
ACTOR = {"account_id": "canbo01", "unit_code": "H99.12", "ip": "10.0.0.7"}
QUESTION = {"number": NUMBER, "name": "Trần Thị Mẫu", "birth": {"year": 1999, "day": "1999-01-02"}}
OPERATIONS = ("find_citizen", "find_household", "confirm", "find_enterprise", "technical_id", "stored_papers")
REASON = "Tuần tuyển sinh lớp 10 của xã"

PEOPLE = "/v1/lookups/people"


def _operations(*names: str) -> dict[str, Operation]:
    return {name: Operation(name, RepeatClass.SAFE, deadline_seconds=5.0) for name in names}


def citizen(number: str | None = NUMBER, **changes: Any) -> CitizenRecord:
    """A citizen with every group of data."""
    facts: dict[str, Any] = {
        "number": number,
        "identity_card_9": "099000123",
        "name": "Trần Thị Mẫu",
        "birth": BirthDate(year=1999, day=date(1999, 1, 2)),
        "ethnicity": "01",
        "permanent_residence": Address(commune_code="00070", detail="Thôn 5, xã Mẫu"),
        "father": Relative(name="Trần Văn Mẫu", number="099175000111"),
        "household_head": Relative(number="099175000111", relation="con"),
        "household_book": "HK-01",
    }
    return CitizenRecord(**{**facts, **changes})


@dataclass
class People:
    """A population register: whoever is asked for is there, unless a test says otherwise."""

    operations: Mapping[str, Operation] = field(
        default_factory=lambda: _operations("find_citizen", "find_household", "confirm")
    )
    answer: Callable[[CitizenQuestion], CitizenRecord | None] = lambda question: citizen(question.number or OTHER)
    error: Exception | None = None
    asked: list[tuple[CitizenQuestion, Asker]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """Where it is set, nobody is answered before."""
    before_answer: Callable[[], Any] | None = None

    async def find_citizen(self, question: CitizenQuestion, asker: Asker, extent: Extent) -> CitizenRecord | None:
        """Answer as the test wants."""
        assert isinstance(extent, Extent)
        await self._heard(question, asker)
        return self.answer(question)

    async def find_household(self, question: CitizenQuestion, asker: Asker) -> Household | None:
        """Answer with a household of two."""
        await self._heard(question, asker)
        found = self.answer(question)
        if found is None:
            return None
        head = citizen("099175000111", name="Trần Văn Mẫu")
        members = (HouseholdMember(person=head, relation="chủ hộ"), HouseholdMember(person=found, relation="con"))
        return Household(head=Relative(number="099175000111", name="Trần Văn Mẫu"), members=members)

    async def confirm(self, confirmation: Confirmation, asker: Asker) -> Confirmed:
        """Say yes, or that nobody is known."""
        await self._heard(confirmation.citizen, asker)
        return Confirmed(confirmed=None if self.answer(confirmation.citizen) is None else True)

    async def aclose(self) -> None:
        """Hold nothing."""

    async def _heard(self, question: CitizenQuestion, asker: Asker) -> None:
        assert Asker(**vars(asker)) == asker, "made unchecked, of what was checked"
        self.asked.append((question, asker))
        if self.hold is not None:
            await self.hold.wait()
        if self.before_answer is not None:
            self.before_answer()
        if self.error is not None:
            raise self.error


@dataclass
class Businesses:
    """A business register."""

    operations: Mapping[str, Operation] = field(default_factory=lambda: _operations("find_enterprise"))
    answer: Callable[[str], Enterprise | None] = lambda code: Enterprise(code=code, name="Công ty Mẫu")
    asked: list[str] = field(default_factory=list)

    async def find_enterprise(self, code: str, asker: Asker) -> Enterprise | None:
        """Answer as the test wants."""
        assert asker.officer_number == OFFICER
        self.asked.append(code)
        return self.answer(code)

    async def aclose(self) -> None:
        """Hold nothing."""


@dataclass
class LookupWorld:
    """The hub, its registers, and the database."""

    api: ApiWorld
    lookups: LookupServices
    people: People
    businesses: Businesses
    redis: RedisServer

    @property
    def store(self) -> Store:
        """The database."""
        return self.api.store

    async def ask(self, path: str = PEOPLE, *, actor: Mapping[str, str] = {}, **changes: Any) -> Any:
        """Look up: by default the sample citizen for the sample dossier; ``None`` leaves a member out."""
        body: dict[str, Any] = {"actor": {**ACTOR, **actor}, "dossier_code": DOSSIER, "purpose": PURPOSE}
        if "confirmation" not in changes and "code" not in changes:
            body["question"] = QUESTION
        body = {name: value for name, value in {**body, **changes}.items() if value is not None}
        return await self.api.caller.post(path, json=body, headers=fresh_key())

    async def person(self, number: str, **changes: Any) -> Any:
        """Look a person up."""
        return await self.ask(question={**QUESTION, "number": number}, **changes)

    async def rows(self, query: Any, *values: Any) -> list[Any]:
        """Read from the database."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def do(self, query: Any, *values: Any) -> None:
        """Write to the database."""
        async with self.store.transaction() as conn:
            await conn.execute(query, values)

    async def outcomes(self) -> list[tuple[str, str | None, str | None]]:
        """Return how each look-up ended: outcome, code of a refusal, class of an error; oldest first."""
        return await self.rows(
            "SELECT coalesce(e.outcome, 'under_way'), e.denied_code, e.error FROM lookups a"
            " LEFT JOIN lookup_ends e ON e.asked_at = a.asked_at AND e.lookup_id = a.id ORDER BY a.id"
        )

    async def add_account(self, account_id: str = "canbo01", **changes: Any) -> None:
        """Register an officer, approved by default."""
        now = datetime.now(UTC)
        row: dict[str, Any] = {
            "state": "active",
            "unit_code": "H99.12",
            "role": "one_stop",
            "purpose": "Giải quyết thủ tục",
            "valid_from": now.date() - timedelta(days=400),
            "valid_until": None,
            "created_at": now - timedelta(days=1),
            "last_used_at": None,
            "units": ["H99.12"],
            "procedures": [],
            "operations": list(OPERATIONS),
            "data_groups": [one.value for one in DataGroup],
            "officer_number": OFFICER,
            **changes,
        }
        scope = {name: row.pop(name) for name in ("units", "procedures", "operations", "data_groups")}
        secret = {
            "full_name": "Phạm Thị Thử",
            "officer_number": row.pop("officer_number"),
            "phone": "",
            "household_id": "",
            "home_commune": "",
            "home_hamlet": None,
        }
        sealed = self.store.sealer.seal(orjson.dumps(secret), account_context(account_id))
        await self.do(
            "INSERT INTO lookup_accounts (id, officer_code, unit_path, state, unit_code, role, purpose, scope,"
            " valid_from, valid_until, created_at, state_since, changed_at, last_used_at, sealed)"
            " VALUES (%s, 'CB01', %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, now(), now(), %s, %s)",
            account_id,
            unit_path(row["unit_code"]),
            row["state"],
            row["unit_code"],
            row["role"],
            row["purpose"],
            orjson.dumps(scope).decode(),
            row["valid_from"],
            row["valid_until"],
            row["created_at"],
            row["last_used_at"],
            sealed,
        )

    async def add_dossier(self, code: str = DOSSIER, **changes: Any) -> None:
        """Register a dossier's head; in process by default."""
        row = {
            "agency_code": "H99.12",
            "procedure_root": "1.000001",
            "state": 4,
            "finished_at": None,
            "cancelled": False,
            **changes,
        }
        await self.do(
            "INSERT INTO dossiers (code, agency_code, procedure_root, state, revision, declared_hash, submitted_at,"
            " finished_at, cancelled, recorded_at) VALUES (%s, %s, %s, %s, 1, '', now(), %s, %s, now())",
            code,
            row["agency_code"],
            row["procedure_root"],
            row["state"],
            row["finished_at"],
            row["cancelled"],
        )
