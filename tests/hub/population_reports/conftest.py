"""Half a year of an invented province's look-ups, accounts and cases, written as their owners write them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hub.accounts.records import unit_path
from hub.store.engine import Store

NOW = datetime(2024, 11, 22, 3, 0, tzinfo=UTC)
UNITS = ("H99.12", "H99.12.01", "H99.13", "000.00.14.H99")
KINDS = ("find_citizen", "find_household", "confirm:identity", "find_enterprise", "technical_id", "usage")
OUTCOMES = ("found", "found", "found", "not_found", "denied", "failed", "mismatch", "repeated", None)
VERDICTS = (None, "violation", "normal", "not_enough_evidence")


@dataclass
class Seeded:
    """What was written, as dictionaries: what a report is compared with."""

    lookups: list[dict[str, Any]] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)


async def insert(conn: Any, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to a table; keys that begin with a dot are for the test only."""
    if not rows:
        return
    names = [name for name in rows[0] if not name.startswith(".")]
    places = ", ".join(f"%({name})s" for name in names)
    async with conn.cursor() as cursor:
        query = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of ours
        await cursor.executemany(query, rows)


def _account(dice: random.Random, number: int) -> dict[str, Any]:
    made = datetime(2023, 6, 1, tzinfo=UTC) + timedelta(days=dice.randrange(300))
    used = dice.choice([None, made + timedelta(days=dice.randrange(30)), NOW - timedelta(days=dice.randrange(90))])
    state = dice.choice(["active", "active", "active", "requested", "suspended", "locked", "revoked"])
    unit = dice.choice(UNITS)
    return {
        "id": f"canbo{number:02}",
        "state": state,
        "unit_code": unit,
        "unit_path": unit_path(unit),
        "role": dice.choice(["one_stop", "civil_status"]),
        "officer_code": f"=00{number:02}" if number == 3 else f"00{number:02}",
        "purpose": "Giải quyết thủ tục hành chính",
        "scope": Jsonb({}),
        "valid_from": date(2023, 6, 1),
        "created_at": made,
        "activated_at": None if state == "requested" else made + timedelta(days=1),
        "state_since": made,
        "changed_at": made,
        "last_used_at": used,
        "dormant_locked_at": NOW if state == "locked" and number % 2 else None,
        "sealed": b"sealed",
    }


def _lookup(dice: random.Random, accounts: list[dict[str, Any]]) -> dict[str, Any]:
    account = dice.choice(accounts)
    outcome = dice.choice(OUTCOMES)
    person = dice.randrange(1, 60).to_bytes(32)
    return {
        "asked_at": datetime(2024, 6, 15, tzinfo=UTC) + timedelta(seconds=dice.randrange(160 * 86400)),
        "id": uuid.UUID(int=dice.getrandbits(128)),
        "kind": dice.choice(KINDS),
        "connection": "population_db",
        "client_id": "dvc",
        "account_id": account["id"],
        "role": account["role"],
        # A seconded officer looks up for another unit than the one of the register.
        "unit_code": dice.choice(UNITS) if dice.random() < 0.2 else account["unit_code"],
        "purpose": "Giải quyết hồ sơ",
        "break_glass": dice.random() < 0.1,
        "subject_hash": person if dice.random() < 0.97 else None,
        "subject_kind": "person",
        "sealed": b"sealed",
        "gate": Jsonb({}),
        ".outcome": outcome,
        ".found_hash": (255 - dice.randrange(20)).to_bytes(32) if outcome == "found" and dice.random() < 0.2 else None,
        ".judgements": [dice.choice([0.0, 0.1, 0.5, 1.0]) for _ in range(dice.choice([0, 1, 1, 1, 2]))]
        if outcome in {"found", "not_found"}
        else [],
    }


async def seed(store: Store, *, seed_of: int = 7, lookups: int = 600) -> Seeded:
    """Write and return the province."""
    dice = random.Random(seed_of)
    world = Seeded(accounts=[_account(dice, number) for number in range(16)])
    world.lookups = [_lookup(dice, world.accounts) for _ in range(lookups)]
    ends = [
        {
            "asked_at": one["asked_at"],
            "lookup_id": one["id"],
            "ended_at": one["asked_at"],
            "outcome": one[".outcome"],
            "denied_code": dice.choice(["account_locked", "purpose_required"]) if one[".outcome"] == "denied" else None,
            "data_groups": [],
            "subject_hash": one[".found_hash"],
        }
        for one in world.lookups
        if one[".outcome"] is not None
    ]
    codes = {end["lookup_id"]: end["denied_code"] for end in ends}
    for one in world.lookups:
        one[".denied_code"] = codes.get(one["id"])
    judgements = [
        {
            "lookup_id": one["id"],
            "late": late == 1,
            "asked_at": one["asked_at"],
            "account_id": one["account_id"],
            "unit_code": one["unit_code"],
            "grade": "unexplained" if w >= 0.5 else "party_assigned",
            "w": w,
            "decided_at": one["asked_at"],
            "evidence": Jsonb({}),
            "rules_version": "1",
        }
        for one in world.lookups
        for late, w in enumerate(one[".judgements"])
    ]
    for number in range(24):
        account = dice.choice(world.accounts)
        world.acts.append(
            {
                "id": uuid.UUID(int=dice.getrandbits(128)),
                "account_id": account["id"],
                "at": datetime(2024, 8, 1, tzinfo=UTC) + timedelta(days=dice.randrange(110)),
                "act": dice.choice(["suspend", "lock", "revoke", "approve"]),
                "client_id": "ca",
                "person": "Trần Thị Thử",
                "party": dice.choice(["police", "program"]),
                "document_number": f"{number}/QĐ-CA",
                "from_state": "active",
                "to_state": "locked",
                "case_id": uuid.UUID(int=number) if number % 5 == 0 else None,
                "sealed": b"sealed",
            }
        )
        opened = datetime(2024, 8, 1, tzinfo=UTC) + timedelta(days=dice.randrange(110))
        verdict = dice.choice(VERDICTS)
        world.cases.append(
            {
                "id": uuid.UUID(int=1000 + number),
                "case_key": f"{account['id']}:{number}",
                "account_id": account["id"],
                "unit_code": account["unit_code"],
                "opened_at": opened,
                "until": opened + timedelta(days=7),
                "score": 3.0,
                "rules": Jsonb({}),
                "hard": False,
                "lookups": 1,
                "earlier_violations": 0,
                "state": "new" if verdict is None else "decided",
                "verdict": verdict,
                "decided_at": None if verdict is None else opened + timedelta(days=dice.randrange(1, 40)),
                "evidence_hash": b"hash",
                "changed_at": opened,
            }
        )
    async with store.transaction() as conn:
        await insert(conn, "lookup_accounts", world.accounts)
        await insert(conn, "lookups", world.lookups)
        await insert(conn, "lookup_ends", ends)
        await insert(conn, "lookup_explanations", judgements)
        await insert(conn, "lookup_account_acts", world.acts)
        await insert(conn, "cases", world.cases)
    return world


@pytest.fixture
async def seeded(store: Store) -> Seeded:
    """The province, written."""
    return await seed(store)
