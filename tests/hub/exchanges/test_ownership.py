"""Whose exchange it is, whatever it carries: dossiers, answers, ratings, result papers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest
import uuid_utils.compat

from hub.errors import Refusal
from hub.exchanges.service import ExchangeService
from hub.store.engine import Store

QUESTION = UUID("00000000-0000-7000-8000-000000000001")
LOST = UUID("00000000-0000-7000-8000-000000000002")
SUBJECTS = {
    "dossier": "H99.12-261008-0001",
    "old dossier": "005.03.12.H99-261008-0002",
    "paper": "result_paper:H99.13-261008-0003:KQ-1",
    "answer": f"question:{QUESTION}",
    "answer to nothing": f"question:{LOST}",
    "rating": "rating:2026-09:1.000001",
    "rating of before": "rating:2026-09:1.000001",
    "something else": "tax_notice:H99.12-x",
}
NOW = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)


@pytest.fixture
async def ids(store: Store) -> Mapping[str, str]:
    """An exchange of each kind: the question is H99.12's, the rating was H99.12's and is now H99.13's."""
    made = {name: uuid_utils.compat.uuid7() for name in SUBJECTS}
    async with store.transaction() as conn:
        await conn.execute(
            "INSERT INTO questions (id, connection, their_id, origin, agency_path, agency_code, received_at, due_at,"
            " state, sealed) VALUES (%s, 'portal', '1', 'list', 'H99.12.', 'H99.12', %s, %s, 'open', '')",
            (QUESTION, NOW, NOW),
        )
        for revision, agency in ((1, "H99.12"), (2, "H99.13")):
            await conn.execute(
                "INSERT INTO ratings (month, procedure_root, revision, agency_code, recorded_at, client_id, sealed)"
                " VALUES ('2026-09', '1.000001', %s, %s, %s, 'client', '')",
                (revision, agency, NOW),
            )
        for lane, (name, subject) in enumerate(SUBJECTS.items(), start=1):
            await conn.execute(
                "INSERT INTO exchanges (id, lane_id, connection, subject, operation, revision, state, accepted_at,"
                " ended_at) VALUES (%s, %s, 'portal', %s, 'push', %s, 'refused', %s, %s)",
                (made[name], lane, subject, 1 if name == "rating of before" else 2, NOW, NOW),
            )
    return {name: str(one) for name, one in made.items()}


@pytest.mark.parametrize(
    ("agencies", "seen"),
    [
        ((), set(SUBJECTS)),
        (("H99",), set(SUBJECTS) - {"answer to nothing", "something else"}),
        (("H99.12",), {"dossier", "old dossier", "answer", "rating of before"}),
        (("005.03.12.H99",), {"old dossier"}),
        (("H99.13", "H98"), {"paper", "rating"}),
        (("H98",), set()),
    ],
)
async def test_a_client_sees_what_its_agencies_sent(
    store: Store, ids: Mapping[str, str], agencies: tuple[str, ...], seen: set[str]
) -> None:
    """In the list, one by one, and to act on: the same ones. What nobody can be named for is the operators'."""
    exchanges = ExchangeService(store, [])
    assert {one.id for one in (await exchanges.page(agencies=agencies)).items} == {ids[name] for name in seen}
    for name, one in ids.items():
        if name in seen:
            assert (await exchanges.get(one, agencies=agencies)).subject == SUBJECTS[name]
            continue
        for refused in (
            exchanges.get(one, agencies=agencies),
            exchanges.replay(one, actor="client", agencies=agencies),
            exchanges.dismiss(one, actor="client", reason="Trùng", agencies=agencies),
        ):
            with pytest.raises(Refusal) as caught:
                await refused
            assert (caught.value.status, caught.value.code) == (404, "exchange_not_found")
