"""Look-ups of one invented citizen, written through the log's own writer."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import uuid_utils.compat
from psycopg.types.json import Jsonb

from contracts.people import PersonalNumberIdentifier, PersonApplicant
from contracts.rules import DossierRules
from hub.dossiers.decisions import Caller
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.lookups.rows import EndRow, LookupRow, SubjectKind, salted
from hub.lookups.subjects import SubjectHasher
from hub.lookups.writer import LogWriter
from hub.profiles.profile import load_profile
from hub.store.engine import Store
from hub.usage.service import UsageService
from hub.usage.settings import UsageSettings
from hub.usage.withholdings import Actor, WithholdingService
from tests.hub.exchanges.conftest import PROCEDURE, facts

CITIZEN = "099199000123"
OTHER = "099199000456"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SETTINGS = UsageSettings(confirm_hours=48, withheld_most_days=100, open_case_days=60)
POLICE = Actor("cong-an", "Trần Thị Thử")
OFFICE = Actor("van-phong", "Lê Văn Thử")

_numbers = itertools.count(1)


@dataclass
class UsageWorld:
    """The log, and what is made of it."""

    store: Store
    hasher: SubjectHasher
    writer: LogWriter
    now: datetime = NOW
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def usage(self) -> UsageService:
        """The citizen's own view, at this world's time."""
        profile = load_profile().model_copy(update=self.profile)
        return UsageService(self.store, self.writer, profile, SETTINGS, now=lambda: self.now)

    @property
    def withholdings(self) -> WithholdingService:
        """What is kept from it, at this world's time."""
        return WithholdingService(self.store, SETTINGS, now=lambda: self.now)

    async def look(
        self,
        *,
        number: str = CITIZEN,
        minutes: int = 0,
        found: str | None = None,
        others: Sequence[str] = (),
        **changes: Any,
    ) -> UUID:
        """Write a look-up made some minutes before now.

        ``found`` is whom an old card led to, ``others`` are the people handed out with whoever was looked up.
        """
        at = NOW - timedelta(minutes=minutes)
        stamp = int(at.timestamp() * 1000)
        id_ = UUID(int=(stamp << 80) | (7 << 76) | (2 << 62) | next(_numbers))
        values: dict[str, Any] = {
            "kind": "find_citizen",
            "account_id": "canbo01",
            "unit_code": "H99.12",
            "dossier_code": "H99.12-261008-0001",
            "procedure_root": "1.000001",
            "purpose": "Giải quyết hồ sơ đăng ký khai sinh",
            "break_glass": False,
            **{name: value for name, value in changes.items() if name not in {"outcome", "data_groups"}},
        }
        row = LookupRow(
            id=str(id_),
            asked_at=at,
            connection="population_db",
            client_id="dvc",
            role="one_stop",
            ip="10.0.0.7",
            subject_hash=self.hasher.hash(number),
            subject_kind=SubjectKind.PERSON.value,
            gate={},
            content=salted({"subject": number}),
            **values,
        )
        end = EndRow(
            str(id_),
            at,
            at + timedelta(seconds=1),
            changes.get("outcome", "found"),
            found=1,
            data_groups=changes.get("data_groups", ("identity", "residence")),
            subject_hash=None if found is None else self.hasher.hash(found),
            other_subject_hashes=[self.hasher.hash(one) for one in others],
        )
        await self.writer.whole(row, end)
        return id_

    async def case_about(self, *lookup_ids: UUID, days_ago: float = 1) -> UUID:
        """Write an open case with an alert about these look-ups."""
        case_id = uuid_utils.compat.uuid7()
        opened = NOW - timedelta(days=days_ago)
        await self.do(
            "INSERT INTO cases (id, case_key, account_id, unit_code, opened_at, until, score, rules, hard, lookups,"
            " earlier_violations, state, evidence_hash, changed_at)"
            " VALUES (%s, %s, 'canbo01', 'H99.12', %s, %s, 5, %s, true, 1, 0, 'new', %s, %s)",
            case_id,
            str(case_id),
            opened,
            opened,
            Jsonb({}),
            b"hash",
            opened,
        )
        alert = {
            "id": uuid_utils.compat.uuid7(),
            "key": str(case_id),
            "at": opened,
            "recorded_at": opened,
            "account_id": "canbo01",
            "unit_code": "H99.12",
            "rule": "own_record",
            "rule_score": 5.0,
            "score": 5.0,
            "hard": True,
            "rules_version": "1",
            "engine_case": "canbo01:1",
            "case_id": case_id,
            "reason": "x",
            "reason_vi": "x",
            "lookup_ids": list(lookup_ids),
            "sealed": b"sealed",
        }
        names = ", ".join(alert)
        await self.do(
            f"INSERT INTO watch_alerts ({names}) VALUES ({', '.join(['%s'] * len(alert))})",  # noqa: S608 - ours
            *alert.values(),
        )
        return case_id

    async def put_dossier(self, code: str, number: str) -> None:
        """Take a dossier in, with this citizen as the applicant."""
        await save_procedures(self.store, "national_portal", [PROCEDURE])
        procedures = ProcedureIndex(self.store)
        intake = DossierIntake(self.store, publishers=[], rules=DossierRules(), procedures=procedures)
        applicant = PersonApplicant(name="Trần Thị Mẫu", identifiers=(PersonalNumberIdentifier(value=number),))
        await intake.put(code=code, facts=facts(applicant=applicant), caller=Caller("dvc", ("H99",)))
        await intake.aclose()

    async def do(self, query: Any, *values: Any) -> None:
        """Write to the database."""
        async with self.store.transaction() as conn:
            await conn.execute(query, values)

    async def rows(self, query: Any, *values: Any) -> list[Any]:
        """Read from the database."""
        async with self.store.transaction() as conn:
            return await (await conn.execute(query, values)).fetchall()


@pytest.fixture
async def world(store: Store) -> AsyncIterator[UsageWorld]:
    """The log of an empty province."""
    writer = LogWriter(store)
    yield UsageWorld(store, await SubjectHasher.open(store), writer)
    await writer.aclose()
