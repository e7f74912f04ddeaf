"""Reading a dossier back: its standing at each system, and the timeline in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from contracts.dossier import CancellationReason, FileRef, Handler
from contracts.errors import Rejected, Sentence, TryLater
from contracts.events import (
    CancellationEntry,
    Event,
    ResultEntry,
    SupplementReceiptEntry,
    SupplementRequestEntry,
    WithdrawalEntry,
)
from contracts.rules import DossierRules
from contracts.states import DossierState
from hub.dossiers.intake import DossierIntake
from hub.dossiers.procedures import ProcedureIndex
from hub.dossiers.service import DossierService
from hub.dossiers.views import DossierAtSystem, SystemStanding
from hub.errors import Refusal
from hub.exchanges.service import ConnectionInfo
from tests.hub.exchanges.conftest import CALLER, OFFICER, PORTAL, World, facts, step, yesterday

CODE = "H99.12-261008-0001"
WORDS = Sentence("They said no.", "Bên nhận từ chối.")


@pytest.fixture
def service(world: World) -> DossierService:
    info = ConnectionInfo(PORTAL, "fake", Sentence("National portal", "Cổng Dịch vụ công quốc gia"), {})
    return DossierService(world.store, [info])


async def standing(service: DossierService) -> DossierAtSystem:
    (system,) = (await service.get(CODE)).systems
    assert system.connection == PORTAL
    return system


def refuse(world: World, operation: str = "push_dossier") -> None:
    def hook(called: str, _pushes: Sequence[Any]) -> None:
        if called == operation:
            raise Rejected(WORDS, upstream_code="-9")

    world.portal.before = hook


async def deliver(world: World) -> None:
    """Work until nothing is due."""

    async def idle() -> bool:
        return await world.scalar("SELECT count(*) FROM lanes WHERE due_at IS NOT NULL") == 0

    async with world.working():
        await world.until(idle)


# --- standing ----------------------------------------------------------------------------------------------------


async def test_a_dossier_stands_as_pending_then_as_current(world: World, service: DossierService) -> None:
    """Pending until the partner confirmed the newest revision, and again with the next change."""
    await world.put(CODE)
    waiting = await standing(service)
    assert (waiting.standing, waiting.open_exchanges) == (SystemStanding.PENDING, 1)
    assert waiting.confirmed_revision is waiting.confirmed_state is waiting.confirmed_at is None
    assert waiting.next_attempt_at is not None
    await deliver(world)
    there = await standing(service)
    assert (there.standing, there.confirmed_revision, there.open_exchanges) == (SystemStanding.CURRENT, 1, 0)
    assert there.confirmed_state is DossierState.ACCEPTED
    assert there.confirmed_at is not None
    assert there.next_attempt_at is None
    await world.record(CODE, step())
    assert (await standing(service)).standing is SystemStanding.PENDING
    await deliver(world)
    there = await standing(service)
    assert (there.standing, there.confirmed_revision) == (SystemStanding.CURRENT, 2)
    assert there.confirmed_state is DossierState.IN_PROCESS


async def test_a_dossier_the_partner_refused_at_first_is_held(world: World, service: DossierService) -> None:
    """Nothing of it can be sent until it is corrected; then it becomes current."""
    refuse(world)
    await world.put(CODE)
    await deliver(world)
    await world.record(CODE, step())
    await deliver(world)
    held = await standing(service)
    assert (held.standing, held.held_reason) == (SystemStanding.HELD, "not_accepted_there")
    assert held.next_attempt_at is None
    world.portal.before = lambda _operation, _pushes: None
    await world.put(CODE, note="Đã sửa")
    await deliver(world)
    assert (await standing(service)).standing is SystemStanding.CURRENT


async def test_a_dossier_whose_newest_revision_was_refused_is_behind(world: World, service: DossierService) -> None:
    """The partner still shows an older revision and nothing is on its way."""
    await world.put(CODE)
    await deliver(world)
    refuse(world)
    await world.put(CODE, note="Mới")
    await deliver(world)
    behind = await standing(service)
    assert (behind.standing, behind.confirmed_revision, behind.open_exchanges) == (SystemStanding.BEHIND, 1, 0)


async def test_a_dossier_whose_first_exchange_was_dismissed_was_never_sent(
    world: World, service: DossierService
) -> None:
    """Nothing is confirmed and nothing is on its way."""
    receipt = await world.put(CODE)
    await world.exchanges.dismiss(receipt.exchange_ids[0], actor="trực ca", reason="Dữ liệu thử")
    never = await standing(service)
    assert (never.standing, never.open_exchanges, never.next_attempt_at) == (SystemStanding.NEVER_SENT, 0, None)


async def test_a_failing_partner_leaves_the_dossier_pending(world: World, service: DossierService) -> None:
    """Waiting for another try is pending, and says when."""

    def fail(_operation: str, _pushes: Sequence[Any]) -> None:
        raise TryLater(WORDS)

    world.portal.before = fail
    await world.put(CODE)
    async with world.working():
        await world.until(lambda: _has_attempts(world))
    waiting = await standing(service)
    assert waiting.standing is SystemStanding.PENDING
    assert waiting.next_attempt_at is not None


async def _has_attempts(world: World) -> bool:
    return await world.scalar("SELECT count(*) FROM attempts") > 0


async def test_a_dossier_comes_back_as_it_was_declared(world: World, service: DossierService) -> None:
    """The whole of it, opened and folded; without a connection it stands nowhere."""
    world.intake = DossierIntake(
        world.store, publishers=[], rules=DossierRules(), procedures=ProcedureIndex(world.store)
    )
    content = facts(summary="Trích yếu", note="Ghi chú")
    await world.intake.put(code=CODE, facts=content, caller=CALLER)
    view = await service.get(CODE)
    assert view.dossier.facts == content
    assert view.dossier.revision == 1
    assert view.systems == ()
    assert view.recorded_at is not None


async def test_an_unknown_dossier_is_refused_with_404(service: DossierService) -> None:
    """For the dossier as for its timeline."""
    for read in (service.get, service.timeline):
        with pytest.raises(Refusal) as caught:
            await read(CODE)
        assert (caught.value.status, caught.value.code, caught.value.field) == (404, "dossier_not_found", "code")


# --- timeline ----------------------------------------------------------------------------------------------------

CHIEF = Handler(name="Phạm Thị Duyệt", department="Phòng Mẫu")
SECRETS = (
    *("Trần Thị Mẫu", "099199000123", OFFICER.name, CHIEF.name, "Trích yếu bí mật", "Thiếu giấy khai tử", "Đã nộp đủ"),
    *("Quyết định cho ông Mẫu", "01/QĐ-MAU", "ket-qua-mau.pdf", "Nhập nhầm của ông Mẫu", "Vì lý do gia đình"),
    "Thẩm định hồ sơ",
)
"""Everything in the history below that is a citizen's, or a person's own words."""


def history() -> list[Event]:
    """One event of every kind, each with words of its own, in an order the rules allow."""
    return [
        step(minutes=1),
        SupplementRequestEntry(
            kind="supplement_request", id="BS01", handler=OFFICER, content="Thiếu giấy khai tử", occurred_at=_at(2)
        ),
        SupplementReceiptEntry(
            kind="supplement_receipt",
            id="BS01",
            handler=OFFICER,
            note="Đã nộp đủ",
            occurred_at=_at(3),
            new_due_at=_at(5000),
        ),
        ResultEntry(
            id="KQ01",
            handler=OFFICER,
            name="Quyết định cho ông Mẫu",
            catalogue_code="KQ.G99.000001",
            paper_number="01/QĐ-MAU",
            occurred_at=_at(4),
            files=(FileRef(id="901", name="ket-qua-mau.pdf", url="https://tep.h99.example/901"),),
        ),
        WithdrawalEntry(handler=OFFICER, reason="Vì lý do gia đình", requested_at=_at(4), occurred_at=_at(5)),
        CancellationEntry(
            reason=CancellationReason.DUPLICATE,
            explanation="Nhập nhầm của ông Mẫu",
            requested_by=OFFICER,
            requested_at=_at(5),
            approved_by=CHIEF,
            occurred_at=_at(6),
        ),
    ]


def _at(minutes: int) -> Any:
    return step(minutes=minutes).occurred_at


async def whole_life(world: World) -> None:
    """Declare, let one of everything happen, deliver, and be refused by the partner once."""
    await world.put(CODE, summary="Trích yếu bí mật", submitted_at=yesterday(-48), received_at=yesterday(-47))
    late = step().model_copy(update={"occurred_at": yesterday(-30)})
    for event in (late, *history()):
        await world.record(CODE, event)
    refuse(world, "push_step")
    await deliver(world)


async def test_the_timeline_tells_all_kinds_in_both_languages(world: World, service: DossierService) -> None:
    """What happened to the dossier and to its messages, by the time it happened."""
    await whole_life(world)
    timeline = await service.timeline(CODE)
    assert timeline.code == CODE
    assert [one.at for one in timeline.entries] == sorted(one.at for one in timeline.entries)
    happened = [one for one in timeline.entries if one.kind != "exchange"]
    assert [one.kind for one in happened] == [
        *("declared", "step", "step", "supplement_request", "supplement_receipt"),
        *("result", "withdrawal", "cancellation"),
    ]
    assert [one.revision for one in happened] == list(range(1, 9))
    assert [one.late_entry for one in happened] == [False, True, *[False] * 6]
    assert "entered late" in happened[1].text
    assert "nhập muộn" in happened[1].text_vi
    assert happened[0].text.startswith("The dossier was declared")
    assert happened[0].text_vi.startswith("Khai hồ sơ")
    assert "(withdrawn_by_citizen)" in happened[6].text
    assert "Công dân yêu cầu rút hồ sơ" in happened[6].text_vi
    sent = [one for one in timeline.entries if one.kind == "exchange"]
    assert all(one.connection == PORTAL and one.exchange_id for one in sent)
    assert any("step 1 was refused" in one.text and "They said no." in one.text for one in sent)
    assert any("bước 1 bị từ chối" in one.text_vi and "Bên nhận từ chối." in one.text_vi for one in sent)
    assert any("National portal: revision 8 was delivered." in one.text for one in sent)
    assert any("Cổng Dịch vụ công quốc gia: phiên bản 8 đã giao." in one.text_vi for one in sent)
    assert not any("superseded" in one.text or "replaced" in one.text for one in sent), "what was never sent is no news"


async def test_a_second_declaration_is_told_as_one(world: World, service: DossierService) -> None:
    """The first declares, the later ones declare again."""
    await world.put(CODE)
    await world.put(CODE, note="Sửa")
    entries = [one for one in (await service.timeline(CODE)).entries if one.kind == "declared"]
    assert [one.revision for one in entries] == [1, 2]
    assert "again" in entries[1].text
    assert "Khai lại" in entries[1].text_vi


async def test_the_timeline_holds_no_personal_data(world: World, service: DossierService) -> None:
    """It is read by operators, who may not see the contents of citizens' dossiers (VP 29.3)."""
    await whole_life(world)
    dossier = (await service.get(CODE)).model_dump_json()
    told = (await service.timeline(CODE)).model_dump_json()
    for secret in SECRETS:
        assert secret in dossier, "the test must look for what is really there"
        assert secret not in told
