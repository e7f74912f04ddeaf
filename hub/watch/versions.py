"""Rules, thresholds and the list of protected people as versions: which are in force, and what they hold.

A version is a proposal that a second person approved; it is in force from its moment until the next one's. Version 1
of the rules is the one that ships; the list of protected people begins empty, with version 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from hub.store.connections import Connection
from hub.store.sealing import Sealer
from hub.watch.rules import DEFAULT, RuleSet


class ProposalKind(StrEnum):
    """What a proposal changes."""

    RULES = "rules"
    PROTECTED_PEOPLE = "protected_people"


FIRST_VERSION = {ProposalKind.RULES: DEFAULT.version, ProposalKind.PROTECTED_PEOPLE: 0}
"""The version in force before anything was proposed."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What the watch judges by at a moment."""

    rules: RuleSet
    rules_version: int
    people_version: int
    protected: frozenset[str] = field(repr=False)


def proposal_context(proposal_id: UUID | str) -> str:
    """Name the place of a proposal's content for the sealing."""
    return f"watch_proposals:{proposal_id}"


def open_content(sealer: Sealer, proposal_id: UUID, sealed: bytes) -> dict[str, Any]:
    """Return what a proposal holds: ``content``, ``salt``, ``reason``, and where it was decided ``decision``."""
    content: dict[str, Any] = orjson.loads(sealer.open(sealed, proposal_context(proposal_id)))
    return content


async def version_at(conn: Connection, kind: ProposalKind, now: datetime) -> int:
    """Return the number of the version in force."""
    cursor = await conn.execute(
        "SELECT version FROM watch_proposals WHERE kind = %s AND version IS NOT NULL AND active_from <= %s"
        " ORDER BY version DESC LIMIT 1",
        (kind.value, now),
    )
    row = await cursor.fetchone()
    return FIRST_VERSION[kind] if row is None else int(row[0])


async def newest_version(conn: Connection, kind: ProposalKind) -> int:
    """Return the number of the newest version approved, in force or not yet."""
    cursor = await conn.execute("SELECT max(version) FROM watch_proposals WHERE kind = %s", (kind.value,))
    row = await cursor.fetchone()
    return FIRST_VERSION[kind] if row is None or row[0] is None else int(row[0])


async def rules_of(conn: Connection, sealer: Sealer, version: int) -> RuleSet:
    """Return the rules of a version."""
    cursor = await conn.execute(
        "SELECT id, sealed FROM watch_proposals WHERE kind = %s AND version = %s", (ProposalKind.RULES.value, version)
    )
    row = await cursor.fetchone()
    if row is None:
        return DEFAULT
    found = RuleSet.model_validate_json(orjson.dumps(open_content(sealer, row[0], row[1])["content"]))
    return found.model_copy(update={"version": version})


async def people_of(conn: Connection, sealer: Sealer, version: int) -> frozenset[str]:
    """Return the protected people of a version: what all versions up to it added and removed."""
    cursor = await conn.execute(
        "SELECT id, sealed FROM watch_proposals WHERE kind = %s AND version <= %s ORDER BY version",
        (ProposalKind.PROTECTED_PEOPLE.value, version),
    )
    people: set[str] = set()
    for proposal_id, sealed in await cursor.fetchall():
        change = open_content(sealer, proposal_id, sealed)["content"]
        people -= set(change["remove"])
        people |= set(change["add"])
    return frozenset(people)


async def in_force(conn: Connection, sealer: Sealer, now: datetime, known: InForce | None = None) -> InForce:
    """Return what the watch judges by at a moment; ``known`` where that is the same."""
    rules = await version_at(conn, ProposalKind.RULES, now)
    people = await version_at(conn, ProposalKind.PROTECTED_PEOPLE, now)
    if known is not None and (known.rules_version, known.people_version) == (rules, people):
        return known
    return InForce(await rules_of(conn, sealer, rules), rules, people, await people_of(conn, sealer, people))
