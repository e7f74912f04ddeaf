"""Conversations with the portal over loopback HTTP: what is said, in which order, and what it leaves there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.national_portal import mapping
from contracts import dossier as d
from contracts.errors import Malformed, Rejected, Unsupported
from contracts.states import DossierState
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import assert_safe, push, step_pushes, world

CREATE, UPDATE = ("DongBoHoSoMC", "False"), ("DongBoHoSoMC", "True")


def on_wire(dossier: d.Dossier) -> Any:
    return dict(mapping.dossier_to_wire(dossier, s.settings().vocabulary(), lambda url, _path: url))


def code_of(number: int) -> str:
    return f"H99.12-261008-{number:04}"


# --- what the hub is told -------------------------------------------------------------------------------------


async def test_batches_are_as_large_as_configured() -> None:
    """Dossiers of any lane travel together, steps only with those of their own dossier."""
    async with world(dossiers_per_call=7, steps_per_call=3) as w:
        told = {name: (one.batch, one.batch_within_lane) for name, one in w.connection.operations.items()}
    assert told["push_dossier"] == (7, False)
    assert told["push_step"] == (3, True)
    assert told["find_dossier"] == (1, False)


# --- dossiers -------------------------------------------------------------------------------------------------


async def test_a_new_dossier_is_asked_for_and_created() -> None:
    """The portal ends with exactly the mapped content, field by field."""
    async with world() as w:
        dossier = s.full_dossier(revision=1)
        await w.connection.push_dossiers([push(dossier)])
        assert w.calls() == [("login", "", "0"), ("TraCuuHoSo", "", "-1"), (*CREATE, "0")]
        assert w.held() == on_wire(dossier)


async def test_a_known_dossier_is_updated_without_a_question() -> None:
    """What an earlier exchange proved is not asked again."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        later = s.full_dossier(revision=2)
        await w.connection.push_dossiers([push(later, known_there=True)])
        assert w.calls()[3:] == [(*UPDATE, "0")]
        assert w.held() == on_wire(later)


async def test_a_dossier_that_turns_out_to_be_there_is_updated() -> None:
    """The hub does not know it (an unknown outcome, a restored backup); the portal does."""
    async with world() as w:
        w.app.portal.add_dossier(on_wire(s.plain_dossier()))
        dossier = s.full_dossier(revision=2)
        await w.connection.push_dossiers([push(dossier)])
        assert w.calls() == [("login", "", "0"), ("TraCuuHoSo", "", "0"), (*UPDATE, "0")]
        assert w.held() == on_wire(dossier)


async def test_a_batch_of_new_and_known_dossiers_takes_few_calls() -> None:
    """25 dossiers: questions for the unknown only, a few at a time; then updates and creates in batches of 10."""
    async with world(asks_in_flight=3) as w:
        there = [s.plain_dossier(code_of(number)) for number in range(12)]
        for one in there:
            w.app.portal.add_dossier(on_wire(one))
        new = [s.plain_dossier(code_of(number)) for number in range(12, 25)]
        pushes = [push(one, known_there=index < 6) for index, one in enumerate([*there, *new])]
        await w.connection.push_dossiers(pushes)
        calls = w.calls()
        assert calls.count(("TraCuuHoSo", "", "0")) == 6
        assert calls.count(("TraCuuHoSo", "", "-1")) == 13
        writes = [call for call in calls if call[0] == "DongBoHoSoMC"]
        # A batch of creates is confirmed by an update: see the module docstring of the publisher.
        assert writes == [(*UPDATE, "0"), (*UPDATE, "0"), *[(*CREATE, "0"), (*UPDATE, "0")] * 2]
        assert 1 < w.watched.most_at_once["TraCuuHoSo"] <= 3
        assert all(w.held(code_of(number)) == on_wire(s.plain_dossier(code_of(number))) for number in range(25))


async def test_of_two_revisions_in_one_call_the_newest_is_sent() -> None:
    """Two revisions of one dossier in one batch would be a duplicate to the portal."""
    async with world() as w:
        older, newer = s.plain_dossier(), s.full_dossier(revision=2)
        await w.connection.push_dossiers([push(newer, known_there=True), push(older)])
        assert w.held() == on_wire(newer)
        assert w.app.portal.dossiers[s.CODE].creates == 1


@pytest.mark.parametrize("duplicate_code", ["0", "3", "-3"])
async def test_an_older_message_that_arrives_late_does_not_win(duplicate_code: str) -> None:
    """Between our question and our create an older create of ours is carried out.

    The portal then says "already there", with code 0 as if it had taken the content; the newest revision must
    be what it holds in the end.
    """
    async with world(sandbox={"duplicate_code": duplicate_code}) as w:
        older, newer = s.plain_dossier(), s.full_dossier(revision=2)
        w.watched.meanwhile["DongBoHoSoMC"] = lambda: w.app.portal.add_dossier(on_wire(older))
        await w.connection.push_dossiers([push(newer)])
        assert w.held() == on_wire(newer)


@pytest.mark.parametrize("duplicate_code", ["0", "3", "-3"])
async def test_in_a_batch_only_the_one_that_is_there_changes_sides(duplicate_code: str) -> None:
    """One of a batch of new dossiers turns out to be there: it is updated, the others are created."""
    async with world(sandbox={"duplicate_code": duplicate_code}) as w:
        dossiers = [s.plain_dossier(code_of(number)) for number in range(4)]
        changed = [s.full_dossier(one.code, revision=1) for one in dossiers]
        w.watched.meanwhile["DongBoHoSoMC"] = lambda: w.app.portal.add_dossier(on_wire(dossiers[2]))
        await w.connection.push_dossiers([push(one) for one in changed])
        assert [w.held(one.code) for one in changed] == [on_wire(one) for one in changed]
        assert [w.app.portal.dossiers[one.code].creates for one in changed] == [1, 1, 0, 1]


async def test_a_dossier_the_portal_has_lost_is_created_again() -> None:
    """The hub knows that it was there; the portal, set up anew, does not hold it."""
    async with world() as w:
        dossier = s.plain_dossier()
        await w.connection.push_dossiers([push(dossier, known_there=True)])
        assert w.calls() == [
            ("login", "", "0"),
            (*UPDATE, "-1"),
            ("TraCuuHoSo", "", "-1"),
            (*CREATE, "0"),
        ]
        assert w.held() == on_wire(dossier)


async def test_a_refusal_is_told_by_its_code_and_never_by_its_words() -> None:
    """The portal refuses an unknown procedure and quotes the citizen; only the code comes through."""
    procedure = d.Procedure(code="9.999999.H99", name="Thủ tục lạ", field_code="G99-LV01", field_name="Lĩnh vực mẫu")
    async with world() as w:
        with pytest.raises(Rejected) as refused:
            await w.connection.push_dossiers([push(s.full_dossier(facts=s.full_facts(procedure=procedure)))])
        assert (refused.value.upstream_code, refused.value.exchange_id) == ("-1", "ex-1")
        assert_safe(refused.value)
        assert w.app.portal.dossiers == {}


async def test_a_refused_update_of_a_held_dossier_is_a_refusal() -> None:
    """The dossier is there and its new content is refused: asking told so, and nothing is created twice."""
    procedure = d.Procedure(code="9.999999.H99", name="Thủ tục lạ", field_code="G99-LV01", field_name="Lĩnh vực mẫu")
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        changed = s.plain_dossier(revision=2, facts=s.plain_facts(procedure=procedure))
        with pytest.raises(Rejected):
            await w.connection.push_dossiers([push(changed, known_there=True)])
        assert w.held() == on_wire(s.plain_dossier())


async def test_what_cannot_be_said_is_refused_before_anything_is_sent() -> None:
    """One file of one dossier of the batch is on a foreign host: the exchange and the field are named."""
    foreign = d.FileRef(id="7", name="don.pdf", url="https://khac.example/7")
    facts = s.plain_facts(components=(d.Component(code="TP01", name="Đơn", files=(s.file("1"), foreign)),))
    async with world() as w:
        with pytest.raises(Unsupported) as refused:
            await w.connection.push_dossiers(
                [
                    push(s.plain_dossier(code_of(1)), exchange_id="ex-1"),
                    push(s.plain_dossier(code_of(2), facts=facts), exchange_id="ex-2"),
                ]
            )
        assert (refused.value.exchange_id, refused.value.field) == ("ex-2", "facts.components.0.files.1.url")
        assert_safe(refused.value)
        assert w.calls() == []


async def test_file_addresses_arrive_rewritten() -> None:
    """The portal gets addresses it can reach through the adapter, with the path of ours."""
    base = "http://10.9.9.9:8080/XrdAdapter/RestService/forward?dstcode=VN:GOV:H99:tep"
    forward = {"adapter_url": "http://127.0.0.1:9/x", "dstcode": s.DSTCODE, "file_hosts": [s.FILE_HOST]}
    async with world() as w:
        through = s.settings(
            w.settings.forward.adapter_url,
            forward=forward | {"adapter_url": w.settings.forward.adapter_url, "public_file_base": base},
        )
        connection = type(w.connection)(w.connection._context, through)
        await connection.push_dossiers([push(s.full_dossier())])
        await connection.aclose()
        papers = w.held()["TaiLieuNop"] + w.held()["DanhSachGiayToKetQua"]
    addresses = [one.get("DuongDanTaiTepTin") or one["DuongDanTepTinKetQua"] for one in papers]
    assert addresses == [
        f"http://10.9.9.9:8080/XrdAdapter/RestService/forward/{number}?dstcode=VN:GOV:H99:tep"
        for number in (101, 102, 901, 902)
    ]


# --- steps ------------------------------------------------------------------------------------------------------


async def test_steps_arrive_in_order_in_one_call() -> None:
    """The steps of one dossier go in one call, in the order they were accepted."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        steps = [s.step(number) for number in (1, 2, 3)]
        await w.connection.push_steps(step_pushes(*steps))
        assert w.calls()[-1] == ("CapNhatTienDoHoSoMC", "", "0")
        assert w.held_steps() == [dict(mapping.step_to_wire(s.CODE, one)) for one in steps]


async def test_steps_of_an_unknown_dossier_are_refused() -> None:
    """The portal takes no step of a dossier it does not hold."""
    async with world() as w:
        with pytest.raises(Rejected) as refused:
            await w.connection.push_steps(step_pushes(s.step()))
        assert refused.value.upstream_code == "-1"
        assert_safe(refused.value)


async def test_a_step_that_cannot_be_said_names_its_exchange() -> None:
    """An officer's name beyond the limit: nothing of the batch is sent."""
    officer = s.handler().model_copy(update={"name": "Lê Văn Thử " * 5})
    async with world() as w:
        with pytest.raises(Unsupported) as refused:
            await w.connection.push_steps(step_pushes(s.step(1), s.step(2).model_copy(update={"handler": officer})))
        assert (refused.value.exchange_id, refused.value.field) == ("ex-2", "handler.name")
        assert_safe(refused.value)
        assert w.calls() == []


async def test_a_call_carries_some_steps_and_not_too_many() -> None:
    """The hub promised to keep to the batch that the operation declares."""
    async with world(steps_per_call=2) as w:
        for wrong in ([], step_pushes(s.step(1), s.step(2), s.step(3))):
            with pytest.raises(ValueError, match="at most steps_per_call steps"):
                await w.connection.push_steps(wrong)
        assert w.calls() == []


async def test_steps_of_several_dossiers_go_in_one_call() -> None:
    """Each step names its dossier on the wire, and each dossier gets its own, in order."""
    async with world() as w:
        other = code_of(2)
        for code in (s.CODE, other):
            w.app.portal.add_dossier(on_wire(s.plain_dossier(code)))
        await w.connection.push_steps(
            [*step_pushes(s.step(1), s.step(2)), *step_pushes(s.step(1), code=other)],
        )
        assert [call[0] for call in w.calls()] == ["login", "CapNhatTienDoHoSoMC"]
        assert [len(w.app.portal.dossiers[code].steps) for code in (s.CODE, other)] == [2, 1]


async def test_what_was_never_sent_before_needs_no_confirmation() -> None:
    """Where no message of ours can be under way, a batch of creates is one write; else an update confirms it."""
    async with world() as w:
        fresh = [replace(push(s.plain_dossier(code_of(number))), tried_before=False) for number in range(3)]
        await w.connection.push_dossiers(fresh)
        assert [call for call in w.calls() if call[0] == "DongBoHoSoMC"] == [(*CREATE, "0")]
        mixed = [push(s.plain_dossier(code_of(3))), replace(push(s.plain_dossier(code_of(4))), tried_before=False)]
        await w.connection.push_dossiers(mixed)
        writes = [call for call in w.calls() if call[0] == "DongBoHoSoMC"]
        assert writes == [(*CREATE, "0"), (*CREATE, "0"), (*UPDATE, "0")]
        assert all(w.held(code_of(number)) == on_wire(s.plain_dossier(code_of(number))) for number in range(5))


# --- asking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["object", "list"])
@pytest.mark.parametrize("code_type", ["number", "text"])
async def test_both_shapes_of_an_answer_are_read(shape: str, code_type: str) -> None:
    """The result is an object or a list of one, codes and states are numbers or texts."""
    async with world(sandbox={"lookup_shape": shape, "code_type": code_type}) as w:
        await w.connection.push_dossiers([push(s.full_dossier())])
        for _ in range(2):
            found = await w.connection.find_dossier(s.CODE)
            assert found is not None
            assert (found.code, found.state) == (s.CODE, DossierState.RESULT_RETURNED)
            assert found.step_fingerprints is None
            assert found.facts == {
                "procedure.code": "1.000001.H99",
                "procedure.name": "Thủ tục mẫu",
                "procedure.field_code": "G99-LV01",
                "procedure.field_name": "Lĩnh vực mẫu",
                "applicant.kind": "person",
                "result_delivery": "postal",
                "processing_unit": "UBND phường Mẫu",
            }
        assert w.drift == []


async def test_listed_steps_settle_an_unknown_outcome() -> None:
    """Where the portal lists steps, each that arrived is recognised, and one that did not is not."""
    async with world(lookup_steps_field="DanhSachTienDo") as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        arrived = [s.step(1), s.step(2, started_at=None, content="Nội dung  khác ")]
        await w.connection.push_steps(step_pushes(*arrived))
        found = await w.connection.find_dossier(s.CODE)
        assert found is not None
        assert found.step_fingerprints == tuple(w.connection.step_fingerprint(s.CODE, one) for one in arrived)
        missing = s.step(3, occurred_at=s.DAY + timedelta(days=2))
        assert w.connection.step_fingerprint(s.CODE, missing) not in found.step_fingerprints


async def test_promised_steps_that_are_missing_are_no_empty_list() -> None:
    """Reading silence as "no steps" would send every step again."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        promised = s.settings(w.settings.forward.adapter_url, lookup_steps_field="DanhSachTienDo")
        connection = type(w.connection)(w.connection._context, promised)
        with pytest.raises(Malformed) as broken:
            await connection.find_dossier(s.CODE)
        await connection.aclose()
        assert_safe(broken.value)


# --- procedures -----------------------------------------------------------------------------------------------


async def test_public_procedures_are_listed_by_their_national_code() -> None:
    """Public ones once each; the local code is left out and counted; unpublished ones are not offered."""
    async with world() as w:
        procedures = await w.connection.list_procedures()
        codes = [one.code for one in procedures]
        assert "1.000001.H99" in codes
        assert "1.000004.000.00.00.H99" in codes
        assert "2.000003" in codes
        assert "1.000099.H99" not in codes
        assert len(codes) == len(set(codes)) == 8
        assert procedures[0] == d.Procedure(
            code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Hộ tịch (mẫu)"
        )
        assert w.drift == [("LayDanhSachTTHC", "MATTHC")]
