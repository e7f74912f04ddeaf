"""The portal's messages: read whatever they are, translated without loss, answered in its protocol."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.national_portal import fields_inbound, mapping_inbound
from adapters.national_portal.foreign import BadMessageError, Fields, read_message, unpacked
from adapters.national_portal.inbound import PortalInbound
from adapters.national_portal.inbound_settings import InboundMessageSettings
from contracts.inbound import InboundAnswer, InboundFault, InboundMessage, InboundRequest, Receipt
from contracts.inbox import BODIES

SETTINGS = InboundMessageSettings()
SERVICES = ("search/call", "nhanhsdvcqg", "addtthcKhuyenMai", "nhantbthuedvcqg", "dptracuuthanhtoanhs")
NOW = datetime(2026, 10, 8, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *("MaHoSoQG", "MaHoSo", "masohoso", "data", "Data", "isUpdating", "refId", "ThongTinSuaDoi", "TaiLieuNop"),
        *("NgayNopHoSo", "DiaChiDoanhNghiep", "TepDonDangKy", "FileThongBaoThue", "SecurityKey", "URLTepDangKy", "X"),
    ]
)


class Desk:
    """Keeps what it is handed; knows no dossier."""

    def __init__(self) -> None:
        self.kept: list[InboundMessage] = []

    async def receive(self, message: InboundMessage) -> Receipt:
        self.kept.append(message)
        return Receipt.NEW

    async def refuse_message(self, body: bytes, *, service: str) -> None:
        del body, service

    async def find_dossier(self, code: str, *, service: str) -> None:
        del code, service

    async def open_file(self, token: str) -> None:
        del token


def handler(desk: Desk) -> PortalInbound:
    """The protocol in front of a desk."""
    return PortalInbound(desk, SETTINGS, agency="000.00.00.H99", report_drift=lambda _service, _name: None)


async def ask(desk: Desk, path: str, body: bytes, method: str = "POST") -> InboundAnswer:
    """Call a service."""
    return await handler(desk).serve(InboundRequest(method, path, {}, body, NOW))


@example(path="dptracuuthanhtoanhs", body={"MaHoSo": "\x1b"})
@given(path=st.sampled_from(SERVICES), body=JSON | st.dictionaries(NAMES, JSON, max_size=8))
async def test_whatever_comes_is_answered_in_the_protocol_and_what_is_kept_is_canonical(path: str, body: Any) -> None:
    """HTTP 200 with an error_code; every kept body is read back by the model of its kind."""
    desk = Desk()
    answer = await ask(desk, path, orjson.dumps(body))
    assert answer.status == 200
    assert isinstance(answer.content, bytes)
    assert orjson.loads(answer.content)["error_code"] in {0, 1, -1}
    for message in desk.kept:
        assert BODIES[message.kind].model_validate_json(message.body.model_dump_json()) == message.body


@given(st.binary(max_size=60))
async def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    """Half a message, HTML, another encoding."""
    desk = Desk()
    answer = await ask(desk, "nhanhsdvcqg", b"{" + body)
    assert isinstance(answer.content, bytes)
    assert orjson.loads(answer.content)["error_code"] in {0, -1}


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=6))
def test_no_field_is_lost(content: dict[str, Any]) -> None:
    """Every value of a message stands in the body under its place or under its own name."""
    content["MaHoSoQG"] = "X-1"
    found: list[str] = []
    try:
        envelope = mapping_inbound.open_envelope(Fields(content), SETTINGS)
        message = mapping_inbound.dossier_message(envelope, SETTINGS, drift=found.append)
    except BadMessageError:
        return
    kept = [one["name"] for one in message.body.model_dump()["other"]]
    own = {"MaHoSoQG", "data", "Data", "service", "Service", "madonvi", "isUpdating", "IsUpdating", "session"}
    placed = own | fields_inbound.DOSSIER | set(SETTINGS.reference_fields)
    for name in [name for name, value in content.items() if _holds(value) and name not in placed]:
        plain = unicodedata.normalize("NFC", name)
        assert any(one == plain or one.startswith((f"{plain}.", f"{plain}[")) for one in kept), name


def _holds(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return value not in (None, "") if parts is None else any(map(_holds, parts))


def test_a_file_is_known_by_its_first_bytes_and_not_by_its_name() -> None:
    """A name is what somebody wrote."""
    kinds: Sequence[tuple[bytes, str]] = [
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"MZ", "application/octet-stream"),
    ]
    for content, kind in kinds:
        assert mapping_inbound.media_type_of(content) == kind


def test_an_unpacked_notice_is_bounded() -> None:
    """Plain ones pass; a gzip is unpacked up to the limit; what is cut off or has a tail is refused."""
    import gzip  # noqa: PLC0415

    assert unpacked(b"<a/>", most=10, field="f") == b"<a/>"
    assert unpacked(gzip.compress(b"a" * 10), most=10, field="f") == b"a" * 10
    for bad in (gzip.compress(b"a" * 11), gzip.compress(b"a")[:-3], gzip.compress(b"a") + b"x", b"\x1f\x8bxx"):
        with pytest.raises(BadMessageError):
            unpacked(bad, most=10, field="f")


def test_json_in_a_string_is_read_once_and_no_deeper() -> None:
    """One wrapping is seen in the wild; two are not a message."""
    message, wrapped = read_message(orjson.dumps(orjson.dumps({"a": "b"}).decode()))
    assert wrapped
    assert message.text("a", most=5) == "b"
    with pytest.raises(BadMessageError):
        read_message(orjson.dumps(orjson.dumps(orjson.dumps({}).decode()).decode()))


def test_refusals_are_told_in_the_protocol_and_for_files_by_the_status_too() -> None:
    """A JSON answer with 200 would be kept as the file."""
    speaks = handler(Desk())
    for fault in InboundFault:
        said = speaks.refuse("nhanhsdvcqg", fault)
        assert isinstance(said.content, bytes)
        assert orjson.loads(said.content) == {"error_code": -1, "message": fault.sentence.vi}
        assert said.status == (403 if fault is InboundFault.NOT_ALLOWED else 200)
        assert speaks.refuse("downloadfile/x", fault).status >= 400
