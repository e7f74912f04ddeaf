"""The catalogue of procedures: saved as published, held in memory, read again when it may have grown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from contracts.dossier import Procedure
from hub.dossiers import procedures
from hub.dossiers.procedures import ProcedureIndex, save_procedures
from hub.errors import Refusal
from hub.store.engine import Store


def procedure(number: int, suffix: str = "", name: str = "Thủ tục mẫu") -> Procedure:
    return Procedure(code=f"1.{number:06d}{suffix}", name=name, field_code="LV01", field_name="Lĩnh vực mẫu")


def refusal(index: ProcedureIndex, code: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        index.require(code)
    return caught.value


async def test_a_procedure_is_known_by_its_root(store: Store) -> None:
    """The suffix names an agency and differs between systems; only the root is stable."""
    await save_procedures(store, "portal", [procedure(1, ".H99")])
    index = ProcedureIndex(store)
    await index.refresh_if_old()
    for code in ("1.000001", "1.000001.H99", "1.000001.000.00.00.H99"):
        index.require(code)
    refused = refusal(index, "1.000002")
    assert (refused.status, refused.code, refused.field) == (422, "unknown_procedure", "procedure.code")
    assert "danh mục" in refused.sentence.vi


async def test_an_empty_catalogue_is_an_outage_of_ours_and_is_asked_for_again_at_once(store: Store) -> None:
    """Before the first synchronisation every dossier would be refused; afterwards the next call goes through."""
    index = ProcedureIndex(store)
    await index.refresh_if_old()
    refused = refusal(index, "1.000001")
    assert (refused.status, refused.code) == (503, "procedures_not_synchronised")
    await save_procedures(store, "portal", [procedure(1)])
    await index.refresh_if_old()
    index.require("1.000001")


async def test_the_copy_in_memory_is_used_until_it_is_old(
    store: Store, monkeypatch: pytest.MonkeyPatch, count_transactions: Callable[[Store], list[int]]
) -> None:
    """One reading in half a minute, however many calls; a dropped procedure is noticed after that."""
    await save_procedures(store, "portal", [procedure(1), procedure(2)])
    index = ProcedureIndex(store)
    counted = count_transactions(store)
    await asyncio.gather(*(index.refresh_if_old() for _ in range(50)))
    assert counted == [1]
    async with store.transaction() as conn:
        await conn.execute("DELETE FROM procedures WHERE root = '1.000002'")
    await index.refresh_if_old()
    index.require("1.000002")
    monkeypatch.setattr(procedures, "_FRESH_SECONDS", 0.0)
    await index.refresh_if_old()
    assert refusal(index, "1.000002").code == "unknown_procedure"


async def test_an_unknown_procedure_makes_the_next_call_look_again(store: Store) -> None:
    """A procedure published a moment ago must not be refused for half a minute."""
    await save_procedures(store, "portal", [procedure(1)])
    index = ProcedureIndex(store)
    await index.refresh_if_old()
    assert refusal(index, "1.000002").code == "unknown_procedure"
    await save_procedures(store, "portal", [procedure(2)])
    await index.refresh_if_old()
    index.require("1.000002")


async def test_saving_again_replaces_and_never_doubles(store: Store) -> None:
    """One row per root: the newest name, source and time win; of two of one call the last."""
    assert await save_procedures(store, "portal", [procedure(1, name="Cũ"), procedure(2)]) == 2
    assert await save_procedures(store, "ministry", [procedure(1, name="Giữa"), procedure(1, ".H99", "Mới")]) == 1
    assert await save_procedures(store, "ministry", []) == 0
    async with store.transaction() as conn:
        rows = await (await conn.execute("SELECT root, code, name, source FROM procedures ORDER BY root")).fetchall()
    assert rows == [
        ("1.000001", "1.000001.H99", "Mới", "ministry"),
        ("1.000002", "1.000002", "Thủ tục mẫu", "portal"),
    ]
