"""What exactly goes over the wire, byte by byte where it matters, and the awkward answers that come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from adapters.national_portal.publisher import NationalPortal
from adapters.transport.simulation.asgi import Receive, Scope, Send, answer, live, read_body
from adapters.transport.simulation.server import AsgiServer
from contracts.dossier import Procedure
from contracts.errors import LienThongError, Malformed, Rejected
from contracts.states import DossierState
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import MemorySessions, assert_safe, connect, push

PREFIX = "/XrdAdapter/RestService/forward/"
SESSION = "7b0f0000-1111-2222-3333-444455556666"
LOGIN = {"error_code": 0, "message": "", "session": SESSION}


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    path: str
    query: bytes
    headers: dict[str, str]
    content: bytes


class Portal:
    """A server that answers from a table by service, whatever it is asked, and remembers every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"login": LOGIN}
        self.requests: list[Request] = []
        self.drift: list[tuple[str, str]] = []
        self.connection: NationalPortal

    def sent(self) -> list[tuple[str, Any]]:
        """Return (path, body) of every request."""
        return [(one.path.removeprefix(PREFIX), orjson.loads(one.content)) for one in self.requests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        content = await read_body(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append(Request(scope["path"], scope["query_string"], headers, content))
        service = orjson.loads(content).get("service", "login")
        await answer(send, 200, orjson.dumps(self.answers[service]))


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    """A portal whose answers the test writes."""
    made = Portal()
    async with AsgiServer(made) as server:
        made.connection = connect(s.settings(f"{server.url}{PREFIX}"), MemorySessions(), made.drift)
        yield made
        await made.connection.aclose()


async def test_the_login_is_that_of_the_facts(portal: Portal) -> None:
    """Path, header, credentials of the sample in §2.1; nothing of it in the address."""
    portal.answers["TraCuuHoSo"] = {"error_code": "-1", "message": "Không tìm thấy hồ sơ"}
    await portal.connection.find_dossier(s.CODE)
    assert portal.sent()[0] == ("mapi/login", {"username": "000.00.00.H99", "password": "not-a-real-one"})
    first = portal.requests[0]
    assert first.headers["dstcode"] == s.DSTCODE
    assert first.headers["content-type"] == "application/json"
    assert first.query == b""


async def test_a_question_is_that_of_the_facts(portal: Portal) -> None:
    """Session, madonvi, service and mahoso as in §2.1; the re-made "not found" of the samples is read."""
    portal.answers["TraCuuHoSo"] = {"error_code": "-1", "message": "Không tìm thấy hồ sơ"}
    assert await portal.connection.find_dossier(s.CODE) is None
    assert portal.sent()[1] == (
        "mapi/g",
        {"session": SESSION, "madonvi": "000.00.00.H99", "service": "TraCuuHoSo", "mahoso": s.CODE},
    )
    assert portal.drift == []


async def test_a_create_is_that_of_the_facts(portal: Portal) -> None:
    """The envelope of §2.3: isUpdating is the text "False", data is an array."""
    portal.answers |= {"TraCuuHoSo": {"error_code": -1}, "DongBoHoSoMC": {"error_code": 0, "message": "", "result": []}}
    await portal.connection.push_dossiers([push(s.plain_dossier())])
    path, body = portal.sent()[2]
    assert path == "mapi/g"
    assert list(body) == ["session", "madonvi", "service", "isUpdating", "data"]
    assert (body["session"], body["madonvi"], body["service"]) == (SESSION, "000.00.00.H99", "DongBoHoSoMC")
    assert body["isUpdating"] == "False"
    assert [one["MaHoSo"] for one in body["data"]] == [s.CODE]


async def test_text_goes_out_as_utf8(portal: Portal) -> None:
    """Vietnamese is not escaped; the bytes are UTF-8."""
    portal.answers |= {"TraCuuHoSo": {"error_code": -1}, "DongBoHoSoMC": {"error_code": 0}}
    await portal.connection.push_dossiers([push(s.plain_dossier())])
    assert "Trần Thị Mẫu".encode() in portal.requests[2].content


def found(**changes: Any) -> dict[str, Any]:
    return {"MaHoSo": s.CODE, "TrangThaiHoSo": 4, **changes}


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        "",
        "[]",
        5,
        [found(), found()],
        [[found()]],
        {"MaHoSo": s.CODE},
        found(MaHoSo="H99.12-261008-0002"),
        found(MaHoSo=5),
        found(TrangThaiHoSo=0),
        found(TrangThaiHoSo=11),
        found(TrangThaiHoSo="đang xử lý"),
        found(TrangThaiHoSo=""),
        found(TrangThaiHoSo=None),
        found(TrangThaiHoSo=True),
        found(TenTTHC={"vi": "Thủ tục mẫu"}),
    ],
)
async def test_a_dossier_that_is_none_is_malformed(portal: Portal, result: Any) -> None:
    """Code 0 with a result that is no dossier, or another one, or in no known state."""
    portal.answers["TraCuuHoSo"] = {"error_code": 0, "message": "", "result": result}
    with pytest.raises(Malformed) as broken:
        await portal.connection.find_dossier(s.CODE)
    assert_safe(broken.value)


async def test_an_empty_list_is_not_found(portal: Portal) -> None:
    """A list of dossiers without a dossier says that there is none."""
    portal.answers["TraCuuHoSo"] = {"error_code": 0, "result": []}
    assert await portal.connection.find_dossier(s.CODE) is None


async def test_a_question_refused_with_another_code_is_a_refusal(portal: Portal) -> None:
    """Not every error is "not found": deployed clients make them one and create duplicates."""
    portal.answers["TraCuuHoSo"] = {"error_code": 7, "message": "Trần Thị Mẫu"}
    with pytest.raises(Rejected) as refused:
        await portal.connection.find_dossier(s.CODE)
    assert refused.value.upstream_code == "7"
    assert_safe(refused.value)


async def test_unknown_fields_are_reported_and_no_error(portal: Portal) -> None:
    """New fields in every part of an answer are counted; the answer is used."""
    portal.answers["login"] = LOGIN | {"expires_in": 600}
    portal.answers["TraCuuHoSo"] = {
        "error_code": 0,
        "message": "",
        "trace_id": "x",
        "result": [found(MucDo="4", LoaiDoiTuong="9", HinhThuc=1)],
    }
    partner = await portal.connection.find_dossier(s.CODE)
    assert partner is not None
    assert partner.state is DossierState.IN_PROCESS
    assert partner.facts == {"result_delivery": "postal"}
    assert portal.drift == [
        ("login", "expires_in"),
        ("TraCuuHoSo", "trace_id"),
        ("TraCuuHoSo", "MucDo"),
        ("TraCuuHoSo", "LoaiDoiTuong"),
    ]


async def test_success_is_decided_by_the_code_and_not_by_words(portal: Portal) -> None:
    """Code 0 with words of failure is success; another code with words of success is a refusal."""
    portal.answers |= {
        "TraCuuHoSo": {"error_code": -1},
        "DongBoHoSoMC": {"error_code": "0", "message": "Thất bại: hồ sơ đã tồn tại"},
    }
    await portal.connection.push_dossiers([push(s.plain_dossier())])
    portal.answers["DongBoHoSoMC"] = {"error_code": 5, "message": "Đồng bộ thành công"}
    with pytest.raises(Rejected) as refused:
        await portal.connection.push_dossiers([push(s.plain_dossier())])
    assert refused.value.upstream_code == "5"


@pytest.mark.parametrize("session", [None, "", 5, ["x"]])
async def test_a_login_without_a_session_is_malformed(portal: Portal, session: Any) -> None:
    """Code 0 without a session cannot be worked with."""
    portal.answers["login"] = {"error_code": 0, "message": "", "session": session}
    with pytest.raises(Malformed) as broken:
        await portal.connection.find_dossier(s.CODE)
    assert_safe(broken.value)


# --- the shapes of the procedure list ---------------------------------------------------------------------------

_FLAT = {"MATTHC": "1.000001.H99", "TENTTHC": "Thủ tục mẫu", "MALINHVUC": "G99-LV01", "TENLINHVUC": "Hộ tịch"}
_NESTED = {
    "MATTHC": "1.000001.H99",
    "TENTTHC": "Thủ tục mẫu",
    "LINHVUCTHUCHIEN": [{"MALINHVUC": "G99-LV01", "TENLINHVUC": "Hộ tịch"}],
}
_BY_NAME = {
    "MADVC": "1.000001.000.00.00.H99.01",
    "TENDVC": "Dịch vụ mẫu",
    "MATTHC": "1.000001.H99",
    "TENTTHC": "Thủ tục mẫu",
    "TENCOQUANBANHANH": "Bộ Mẫu",
    "TENLINHVUC": "Hộ tịch",
    "APDUNGDVC": [],
}


@pytest.mark.parametrize("result", [[_FLAT], [_NESTED], [_BY_NAME], {"data": [_BY_NAME]}, {"data": [_FLAT, _FLAT]}])
async def test_the_known_shapes_of_the_procedure_list(portal: Portal, result: Any) -> None:
    """As LayThuTuc, flat, or as LayDVC, whose field has no code and is looked up by its exact name."""
    portal.answers |= {
        "LayDanhSachTTHC": {"error_code": 0, "result": result},
        "LayDanhMucLinhVuc": {
            "error_code": 0,
            "result": [{"MALINHVUC": "G99-LV01", "TENLINHVUC": "Hộ tịch", "MANGANH": "G99"}],
        },
    }
    assert list(await portal.connection.list_procedures()) == [
        Procedure(code="1.000001.H99", name="Thủ tục mẫu", field_code="G99-LV01", field_name="Hộ tịch")
    ]
    assert portal.drift == []


async def test_a_procedure_of_an_unknown_field_is_counted(portal: Portal) -> None:
    """A name that no field has exactly is not matched by similarity."""
    portal.answers |= {
        "LayDanhSachTTHC": {"error_code": 0, "result": [_BY_NAME]},
        "LayDanhMucLinhVuc": {"error_code": 0, "result": [{"MALINHVUC": "G99-LV01", "TENLINHVUC": "Hộ tịch 2"}]},
    }
    assert await portal.connection.list_procedures() == ()
    assert portal.drift == [("LayDanhSachTTHC", "MATTHC")]


@pytest.mark.parametrize(
    ("reply", "reaction"),
    [
        ({"error_code": 0}, Malformed),
        ({"error_code": 0, "result": {}}, Malformed),
        ({"error_code": 0, "result": [5]}, Malformed),
        ({"error_code": 0, "result": [{"TENTTHC": "Thủ tục mẫu"}]}, Malformed),
        ({"error_code": -1}, Rejected),
    ],
)
async def test_a_procedure_list_that_is_none(portal: Portal, reply: Any, reaction: type[LienThongError]) -> None:
    """No list is no empty list: an empty catalogue would close every counter."""
    portal.answers["LayDanhSachTTHC"] = reply
    with pytest.raises(reaction) as failed:
        await portal.connection.list_procedures()
    assert_safe(failed.value)
