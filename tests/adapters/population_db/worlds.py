"""A database that answers what a test says and keeps what it was asked, and a connection to it; all invented."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from adapters.population_db.mapping import Vocabulary
from adapters.population_db.register import PopulationDatabase, vocabulary
from adapters.population_db.settings import PopulationSettings
from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, live, read_body
from adapters.transport.simulation.server import AsgiServer
from contracts.conformance import MemorySessions
from contracts.errors import REACTIONS, LienThongError
from contracts.population import Asker, BirthDate, CitizenQuestion
from contracts.ports import AdapterContext

CONNECTION = "dan-cu"
SECRET = "only-a-test"
NOW = datetime(2026, 10, 8, tzinfo=UTC)
SERVICE_URL = "https://dancuquocgia.example/dancu"
QUESTION = CitizenQuestion(number="099199000123", name="Trần Thị Mẫu", birth=BirthDate(year=1999, day=date(1999, 1, 2)))
ASKER = Asker(
    lookup_id="0199b3c4-0000-7000-8000-0000000000aa",
    account_id="canbo-1",
    officer_number="099199000999",
    officer_code="CB-0001",
    unit_code="H99.1",
    phone="0900000000",
    procedure_code="1.000001.H99",
    dossier_code="H99.12-261008-0001",
    purpose="Đăng ký khai sinh",
)
PERSONAL = ("099199000123", "099199000999", "Trần Thị Mẫu", "TRẦN THỊ MẪU", "TRANTHIMAU", "đường Thử", SECRET)

SAMPLE = """<ns1:CongdanCollection xmlns:ns1="http://www.mic.gov.vn/dancu/1.0" SoCongDan="1" ThoiDiemDuLieu="20261008">
 <ns1:CongDan>
  <ns1:SoDinhDanh>099199000123</ns1:SoDinhDanh><ns1:SoCMND/>
  <ns1:HoVaTen><ns1:Ho/><ns1:ChuDem/><ns1:Ten>TRẦN THỊ MẪU</ns1:Ten></ns1:HoVaTen>
  <ns1:GioiTinh>2</ns1:GioiTinh><ns1:DanToc>01</ns1:DanToc>
  <ns1:NgayThangNamSinh><ns1:Nam>1999</ns1:Nam></ns1:NgayThangNamSinh>
  <ns1:TinhTrangHonNhan>1</ns1:TinhTrangHonNhan><ns1:NhomMau>00</ns1:NhomMau>
  <ns1:ThuongTru><ns1:MaTinhThanh>99</ns1:MaTinhThanh><ns1:MaQuanHuyen/><ns1:MaPhuongXa>99001</ns1:MaPhuongXa>
   <ns1:ChiTiet>Số 1 đường Thử</ns1:ChiTiet><ns1:QuocGia>VN</ns1:QuocGia></ns1:ThuongTru>
 </ns1:CongDan>
</ns1:CongdanCollection>"""
"""Appendix A of the wire facts."""

SAMPLE_REQUEST = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:d="http://dancuquocgia.bca">
 <soapenv:Header/>
 <soapenv:Body><d:TraCuuThongTinCongDan>
  <d:MaYeuCau>H99-20261008-000001</d:MaYeuCau><d:MaDVC>1.000001</d:MaDVC>
  <d:MaTichHop>037</d:MaTichHop><d:MaCanBo>099199000999</d:MaCanBo>
  <d:SoDinhDanh>099199000123</d:SoDinhDanh><d:HoVaTen>TRANTHIMAU</d:HoVaTen>
  <d:NgayThangNamSinh><d:NgayThangNam>19990102</d:NgayThangNam></d:NgayThangNamSinh>
 </d:TraCuuThongTinCongDan></soapenv:Body>
</soapenv:Envelope>"""
"""§5.3 of the wire facts."""


def settings(**changes: Any) -> PopulationSettings:
    """Return the settings of a direct connection; ``changes`` are put above."""
    direct = {"service_url": SERVICE_URL, "username": "H99", "secret": SECRET}
    fields: dict[str, Any] = {} if "way" in changes else {"direct": direct}
    return PopulationSettings.model_validate(fields | changes)


def words(**changes: Any) -> Vocabulary:
    """Return the vocabulary of settings with every permission given."""
    names = PopulationSettings.model_fields["integration_codes"].annotation.model_fields  # type: ignore[union-attr]
    codes = {name: f"9{index:02}" for index, name in enumerate(names)} | {"look_up": "037", "identity": "033"}
    return vocabulary(settings(**({"integration_codes": codes} | changes)))


@dataclass
class Recorder:
    """ASGI application that keeps what it was asked and answers what it is told to."""

    answers: list[tuple[int, bytes, str]] = field(default_factory=list)
    """Status, body and type of the next answers; the last one stays."""
    asked: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)
    """Headers, body and path of every request but those for a token."""
    tokens: int = 0

    def say(self, body: str, *, status: int = 200, kind: str = "text/xml") -> None:
        """Answer this from now on."""
        self.answers = [(status, body.encode(), kind)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        body = await read_body(receive)
        if scope["path"] == "/token":
            self.tokens += 1
            await answer(send, 200, b'{"access_token": "tok", "expires_in": 3600}')
            return
        self.asked.append(({key.decode(): value.decode() for key, value in scope["headers"]}, body, scope["path"]))
        status, content, kind = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        await answer(send, status, content, content_type=kind)


@dataclass
class World:
    """A database that says what it is told to, and a connection to it."""

    database: Recorder
    connection: PopulationDatabase
    drift: list[tuple[str, str]]


@asynccontextmanager
async def world(*, section: dict[str, Any] | None = None, way: str = "direct", **changes: Any) -> AsyncIterator[World]:
    """Open both; ``section`` is put above the section of the way."""
    recorder = Recorder()
    recorder.say(SAMPLE)
    async with AsgiServer(recorder) as server:
        made: dict[str, Any] = {
            "direct": {"service_url": f"{server.url}/dancu", "username": "H99", "secret": SECRET},
            "lgsp": {"lgsp": {"base_url": server.url, "consumer_key": "khoa", "consumer_secret": SECRET}},
            "facade": {"base_url": server.url},
        }[way]
        built = PopulationSettings.model_validate({"way": way, way: {**made, **(section or {})}} | changes)
        drift: list[tuple[str, str]] = []
        context = AdapterContext(
            CONNECTION, MemorySessions(), lambda message, name: drift.append((message, name)), lambda: NOW
        )
        connection = PopulationDatabase(context, built)
        try:
            yield World(recorder, connection, drift)
        finally:
            await connection.aclose()


def assert_safe(error: LienThongError) -> None:
    """Fail if an error says anything of a citizen or a secret, in whatever way it may come to be printed."""
    assert type(error) in REACTIONS
    said = "".join(traceback.format_exception(error)) + repr(error) + error.sentence.en + error.sentence.vi
    assert [text for text in PERSONAL if text in said + error.upstream_code] == []
    assert error.connection == CONNECTION
    assert error.operation
