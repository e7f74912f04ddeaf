"""What the portal sends: taken in once, answered after the commit and in its own protocol, nothing lost or leaked."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import zipfile
from datetime import timedelta
from typing import Any

import orjson
import pytest

from hub.store.errors import StoreUnavailable
from tests.hub.inbox.portal_calls import NAME, NOW, PortalCalls, amended, filed, promotion, tax_notice

CODE = "H99.12-261008-0001"


async def test_a_filed_dossier_becomes_one_event_with_every_field(portal: PortalCalls) -> None:
    """Fields with a place of their own are there, and what has none is listed under the portal's name for it."""
    assert await portal.code("nhanhsdvcqg", filed(SoVanBan="12/CV", TruongMoi={"a": [1]})) == 0
    (event,) = await portal.events()
    assert event["kind"] == "dossier.filed"
    assert event["subject"] == CODE
    body = event["body"]
    assert body["declarant"]["name"] == NAME
    assert body["submitted_at"] == "2026-10-08T01:15:00Z"
    assert body["files"][0]["url"] == "https://dvcqg.example/t/1"
    assert {one["name"]: one["value"] for one in body["other"]} == {
        "data.SoVanBan": "12/CV",
        "data.TruongMoi.a[0]": "1",
    }
    assert portal.drifts == [("nhanhsdvcqg", "TruongMoi")]


async def test_the_same_message_again_is_a_duplicate_and_stores_nothing(portal: PortalCalls) -> None:
    """A repetition is answered 1 and leaves one event; both leave an entry in the ledger."""
    assert [await portal.code("nhanhsdvcqg", filed()) for _ in range(3)] == [0, 1, 1]
    assert len(await portal.events()) == 1
    entries = await portal.rows("SELECT facts FROM ledger_queue WHERE kind = 'inbound'")
    assert sorted(orjson.loads(row[0])["receipt"] for row in entries) == ["duplicate", "duplicate", "new"]


async def test_of_messages_that_come_at_the_same_moment_one_is_new(portal: PortalCalls) -> None:
    """The others wait for its commit and are then told apart by their content."""
    other = filed(TenTTHC="Thủ tục khác")
    codes = await asyncio.gather(*(portal.code("nhanhsdvcqg", one) for one in [filed()] * 4 + [other] * 4))
    assert sorted(codes) == [-1, -1, -1, -1, 0, 1, 1, 1]
    assert len(await portal.events()) == 1


async def test_the_same_id_with_other_content_is_refused_and_a_person_is_told(portal: PortalCalls) -> None:
    """What is there stays; the alert names the event and no citizen."""
    await portal.code("nhanhsdvcqg", filed())
    status, answer = await portal.post("nhanhsdvcqg", filed(TenTTHC="Thủ tục khác"))
    assert (status, answer["error_code"]) == (200, -1)
    (event,) = await portal.events()
    assert event["body"]["procedure_name"] == "Thủ tục mẫu"
    ((key, sentence),) = await portal.rows("SELECT key, sentence FROM alerts")
    assert event["id"] in key
    assert NAME not in sentence


async def test_amendments_without_an_id_are_told_apart_by_their_content(portal: PortalCalls) -> None:
    """The same amendment again is a duplicate, another one is new."""
    other = amended(LyDoDieuChinh="Lý do khác")
    assert [await portal.code("nhanhsdvcqg", one) for one in (amended(), amended(), other)] == [0, 1, 0]
    first, second = await portal.events()
    assert first["kind"] == second["kind"] == "dossier.amended"
    assert first["body"]["changes"] == [{"name": "data.ThongTinSuaDoi.NoiDungChiTietKM", "value": "Kéo dài"}]


async def test_a_promotion_notice_keeps_its_files_sealed_and_their_names_as_text(portal: PortalCalls) -> None:
    """A path in a file name is a text like any other, and no file is named after it."""
    message = promotion()
    message["TaiLieuNop"][0]["TenTepDinhKem"] = "../../etc/passwd"
    assert await portal.code("addtthcKhuyenMai", message) == 0
    (event,) = await portal.events()
    files = event["body"]["files"]
    assert [one["name"] for one in files] == ["don.pdf", "../../etc/passwd"]
    assert [one["media_type"] for one in files] == ["application/pdf", "application/octet-stream"]
    sealed = await portal.rows("SELECT sealed FROM inbox_files ORDER BY number")
    assert not any(b"%PDF" in bytes(row[0]) for row in sealed)


async def test_a_tax_notice_becomes_one_event_for_each_dossier(portal: PortalCalls) -> None:
    """Both spellings of the last element are read; the XML itself is file 1."""
    xml = (
        "<DATA><BODY>"
        + "".join(
            f"<ROW_LIST><MA_HSO>{code}</MA_HSO><LIST><SO_QUYET_DINH>TB</SO_QUYET_DINH><SO_TIEN>1.500.000</SO_TIEN>"
            f"<{name}>Trước bạ</{name}><LA>1</LA></LIST></ROW_LIST>"
            for code, name in ((CODE, "TEN_TIEU_MUC"), ("H99.12-261008-0002", "TEN_TIEUMUC"))
        )
        + "</BODY></DATA>"
    )
    assert [await portal.code("nhantbthuedvcqg", tax_notice(xml)) for _ in range(2)] == [0, 1]
    events = await portal.events()
    assert [one["subject"] for one in events] == [CODE, "H99.12-261008-0002"]
    assert [one["body"]["decisions"][0]["item"] for one in events] == ["Trước bạ"] * 2
    assert events[0]["body"]["decisions"][0]["amount_vnd"] == 1_500_000
    assert ("nhantbthuedvcqg", "LIST.LA") in portal.drifts


# --- bad input --------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><DATA><BODY>&b;</BODY></DATA>'
XXE = '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><DATA><BODY>&x;</BODY></DATA>'


def zip_bomb() -> bytes:
    """A zip that unpacks to a thousand times its size."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"\0" * 5_000_000)
    return packed.getvalue()


BAD: list[tuple[str, Any, str]] = [
    ("nhanhsdvcqg", b'{"data": {"MaHoSoQG": "H99', "JSON"),
    ("nhanhsdvcqg", b"[]", "JSON"),
    ("nhanhsdvcqg", b"<html></html>", "JSON"),
    ("nhanhsdvcqg", b"\xff\xfe", "JSON"),
    ("nhanhsdvcqg", filed(MaHoSoQG=""), "MaHoSoQG"),
    ("nhanhsdvcqg", filed(MaHoSoQG=["a"]), "MaHoSoQG"),
    ("nhanhsdvcqg", filed(MaHoSoQG=True), "MaHoSoQG"),
    ("nhanhsdvcqg", filed(NgayNopHoSo="08/10/2026"), "NgayNopHoSo"),
    ("nhanhsdvcqg", filed(TaiLieuNop={}), "TaiLieuNop"),
    ("nhanhsdvcqg", filed() | {"isUpdating": "maybe"}, "isUpdating"),
    ("nhanhsdvcqg", filed(X="a\x00b"), "value"),
    ("nhanhsdvcqg", filed(X="a" * 20_001), "X"),
    ("nhanhsdvcqg", filed(TaiLieuNop=[{"TenTepDinhKem": "a"}] * 51), "TaiLieuNop"),
    ("addtthcKhuyenMai", promotion(TepDonDangKy="!!!"), "TepDonDangKy"),
    ("addtthcKhuyenMai", promotion(TepDonDangKy=7), "TepDonDangKy"),
    ("nhantbthuedvcqg", tax_notice(BOMB), "DTD"),
    ("nhantbthuedvcqg", tax_notice(XXE), "DTD"),
    ("nhantbthuedvcqg", tax_notice("<DATA><BODY>"), "XML"),
    ("nhantbthuedvcqg", tax_notice("<DATA/>"), "ROW_LIST"),
    ("nhantbthuedvcqg", tax_notice(zip_bomb()), "XML"),
    ("nhantbthuedvcqg", tax_notice(gzip.compress(b"<" + b"a" * 3_000_000)), "2097152"),
    ("search/call", {"masohoso": None}, "masohoso"),
    ("dptracuuthanhtoanhs", {}, "masohoso"),
]


async def test_what_cannot_be_taken_in_is_refused_with_the_field(portal: PortalCalls) -> None:
    """HTTP 200 and -1, a sentence that names the field and quotes no value; nothing is kept."""
    for service, body, says in BAD:
        status, answer = await portal.post(service, body)
        assert (status, answer["error_code"]) == (200, -1), says
        assert says in answer["message"], answer
        assert NAME not in answer["message"]
    assert await portal.events() == []
    entries = await portal.rows("SELECT facts FROM ledger_queue")
    assert [orjson.loads(row[0])["receipt"] for row in entries] == ["refused"] * len(BAD)


async def test_json_in_a_string_and_codes_of_the_wrong_type_are_read(portal: PortalCalls) -> None:
    """A message that is a JSON string, an object written as text, a code written as a number: all seen in the wild."""
    inner = filed(MaTTHC=1000001)
    inner["data"] = orjson.dumps(inner["data"]).decode()
    assert await portal.code("nhanhsdvcqg", orjson.dumps(orjson.dumps(inner).decode())) == 0
    (event,) = await portal.events()
    assert event["body"]["procedure_code"] == "1000001"
    assert ("nhanhsdvcqg", "json_in_a_string") in portal.drifts


async def test_ten_megabytes_are_refused_before_they_are_read(portal: PortalCalls) -> None:
    """The limit is the setting's; the sentence says so in the protocol."""
    body = orjson.dumps(promotion(TepDonDangKy=base64.b64encode(b"a" * 7_500_000).decode()))
    assert len(body) > 10_000_000
    status, answer = await portal.post("addtthcKhuyenMai", body)
    assert (status, answer["error_code"]) == (200, -1)
    assert "quá lớn" in answer["message"]


async def test_a_compressed_message_is_never_unpacked(portal: PortalCalls) -> None:
    """Its size would only be known once it had filled the memory."""
    async with portal.client() as caller:
        answer = await caller.post(
            "nhanhsdvcqg",
            content=gzip.compress(orjson.dumps(filed())),
            headers={"content-encoding": "gzip", "x-inbound-secret": "mot-khoa-chung-cua-hai-ben"},
        )
    assert (answer.status_code, answer.json()["error_code"]) == (200, -1)
    assert await portal.events() == []


async def test_a_zip_inside_a_message_is_kept_as_it_is(portal: PortalCalls) -> None:
    """Files are never unpacked here, so a bomb among them stays small."""
    assert await portal.code("addtthcKhuyenMai", promotion(TepDonDangKy=base64.b64encode(zip_bomb()).decode())) == 0
    (event,) = await portal.events()
    assert event["body"]["files"][0]["media_type"] == "application/zip"
    assert event["body"]["files"][0]["size_bytes"] < 10_000


@pytest.mark.parametrize(("ahead", "alerts"), [(10, 1), (-10, 0), (0, 0)])
async def test_a_clock_ten_minutes_ahead_is_told_and_the_message_kept(
    portal: PortalCalls, ahead: int, alerts: int
) -> None:
    """The event carries our time; a message from the past may only have come a slow way."""
    sent = NOW + timedelta(minutes=ahead, hours=7)
    assert await portal.code("nhanhsdvcqg", filed(NgayNopHoSo=sent.strftime("%Y%m%d%H%M%S"))) == 0
    found = await portal.rows("SELECT key FROM alerts WHERE cleared_at IS NULL")
    assert found == [("inbound-clock:national_portal",)] * alerts
    (event,) = await portal.events()
    assert event["occurred_at"] == "2026-10-08T03:00:00+00:00"


async def test_an_alert_of_the_clock_ends_with_the_next_good_message(portal: PortalCalls) -> None:
    """A clock that was put right needs no person to say so."""
    await portal.code("nhanhsdvcqg", filed(NgayNopHoSo="20261008103000"))
    await portal.code("addtthcKhuyenMai", promotion(NgayNopHoSo="20261008100000"))
    assert await portal.rows("SELECT key FROM alerts WHERE cleared_at IS NULL") == []


async def test_without_the_database_the_portal_is_told_to_send_again(
    portal: PortalCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-1 in the protocol while the database is gone; the same message later is taken, and nothing was half kept."""

    def gone() -> Any:
        raise StoreUnavailable(committed=None)

    with monkeypatch.context() as patch:
        patch.setattr(portal.store, "transaction", gone)
        status, answer = await portal.post("nhanhsdvcqg", filed())
    assert (status, answer["error_code"]) == (200, -1)
    assert "gửi lại" in answer["message"]
    assert await portal.code("nhanhsdvcqg", filed()) == 0


async def test_an_answer_lost_after_the_commit_is_a_duplicate_when_sent_again(
    portal: PortalCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was done, its answer did not come: told to send again, the portal hears "taken before"."""
    real = portal.store.transaction
    import contextlib  # noqa: PLC0415

    @contextlib.asynccontextmanager
    async def breaks_after() -> Any:
        async with real() as conn:
            yield conn
        raise StoreUnavailable(committed=None)

    with monkeypatch.context() as patch:
        patch.setattr(portal.store, "transaction", breaks_after)
        assert await portal.code("nhanhsdvcqg", filed()) == -1
    assert await portal.code("nhanhsdvcqg", filed()) == 1
    assert len(await portal.events()) == 1


async def test_a_fault_of_the_hub_is_told_in_the_protocol_without_its_words(
    portal: PortalCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks, the portal gets an answer it can read, and no text of ours that may quote the message."""

    def broken() -> Any:
        raise RuntimeError(NAME)

    monkeypatch.setattr(portal.store, "transaction", broken)
    status, answer = await portal.post("nhanhsdvcqg", filed())
    assert (status, answer["error_code"]) == (200, -1)
    assert NAME not in answer["message"]


async def test_other_addresses_and_methods_are_refused_in_the_protocol(portal: PortalCalls) -> None:
    """What is no service says so; what is no connection is nothing at all."""
    assert await portal.code("nhanhsdvcqg/../x", {}) == -1
    async with portal.client() as caller:
        answer = await caller.get("nhanhsdvcqg", headers={"x-inbound-secret": "mot-khoa-chung-cua-hai-ben"})
        assert answer.json()["error_code"] == -1
        assert (await caller.get("http://hub.test/inbound/other/search/call")).status_code == 404


async def test_the_ledger_gets_digests_and_no_citizen(portal: PortalCalls) -> None:
    """Neither a name nor a number of a citizen stands in clear in any row that a message leaves."""
    await portal.code("nhanhsdvcqg", filed())
    rows = await portal.rows("SELECT row_to_json(q)::text FROM ledger_queue q")
    rows += await portal.rows("SELECT row_to_json(e)::text FROM inbox_events e")
    text = " ".join(row[0] for row in rows)
    assert NAME not in text
    assert "099199000123" not in text
