"""The simulated portal: it accepts what the wire facts say, refuses the rest, and shows what it received."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from adapters.national_portal import ADAPTER
from adapters.national_portal.simulator import SimulatorApp, build
from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from adapters.national_portal.simulator.page import mask
from adapters.national_portal.simulator.portal import SimulatedPortal
from adapters.transport.forward import ForwardSettings
from contracts.ports import SimulatorContext
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.test_mapping import SAMPLE, STEP_WIRE

CREDENTIALS = {"username": s.USERNAME, "password": s.PASSWORD}
CONTROL = "/_sandbox/national_portal"


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return what the clock shows."""
        return self.now


class Talk:
    """A client that knows nothing of ours: it speaks to the portal in plain dictionaries."""

    def __init__(self, *, clock: Any = None, **changes: Any) -> None:
        self.portal = SimulatedPortal(s.settings(**changes), **({"clock": clock} if clock else {}))
        self.session = self.login()["session"]

    def login(self, **changes: Any) -> Any:
        """Log in, with parts of the message changed."""
        return self.portal.login(orjson.dumps(CREDENTIALS | changes))

    def say(self, service: str, **fields: Any) -> Any:
        """Call a service with the session and madonvi that are right."""
        envelope = {"session": self.session, "madonvi": s.USERNAME, "service": service}
        return self.portal.serve(orjson.dumps(envelope | fields))

    def create(self, *dossiers: Any) -> str:
        """Create and return the code as text."""
        return str(self.say("DongBoHoSoMC", isUpdating="False", data=list(dossiers))["error_code"])

    def update(self, *dossiers: Any) -> str:
        """Update and return the code as text."""
        return str(self.say("DongBoHoSoMC", isUpdating="True", data=list(dossiers))["error_code"])

    def step(self, *steps: Any) -> str:
        """Add steps and return the code as text."""
        return str(self.say("CapNhatTienDoHoSoMC", data=list(steps))["error_code"])


def sample(**changes: Any) -> dict[str, Any]:
    return deepcopy(SAMPLE) | changes


# --- what is accepted -----------------------------------------------------------------------------------------


def test_the_samples_of_the_facts_are_accepted() -> None:
    """The re-made samples of §2.3 and §2.4, as they stand, without our adapter in between."""
    talk = Talk()
    assert talk.create(sample()) == "0"
    assert talk.step(STEP_WIRE) == "0"
    assert talk.update(sample(TrangThaiHoSo="4")) == "0"
    held = talk.portal.dossiers[s.CODE]
    assert (held.state, held.creates, held.updates, len(held.steps)) == ("4", 1, 1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"MaDoiTuong": None},
        {"KenhThucHien": None},
        {"SoBienNhan": ""},
        {"NgayTra": ""},
        {"TrangThaiHoSo": 10},
        {"DuocThanhToanTrucTuyen": 1},
        {"GhiChu": "ă" * 2000},
        {"TrichYeuHoSo": "ă" * 1000},
        {"NgayHenTra": "20240229235959"},
        {"MaTTHC": "1.000001.000.00.00.H99"},
        {"MaTTHC": "1.000001"},
        {"DinhDanhCHS": [{"LoaiDinhDanh": "2", "SoDinhDanh": "001234567"}]},
    ],
)
def test_awkward_but_lawful_dossiers_are_accepted(changes: dict[str, Any]) -> None:
    """Empty texts, nulls where the facts say null, numbers where the facts show them, exact limits."""
    assert Talk().create(sample(**changes)) == "0"


# --- what is refused ------------------------------------------------------------------------------------------

REFUSED: dict[str, dict[str, Any]] = {
    "an unknown field": {"MucDo": "4"},
    "a misspelt field": {"maHoSo": s.CODE},
    "no code": {"MaHoSo": ""},
    "a code that is none": {"MaHoSo": "khong-phai-ma"},
    "a number as code": {"MaHoSo": 1},
    "an unknown procedure": {"MaTTHC": "9.999999.H99"},
    "a local procedure": {"MaTTHC": "TS_lop1.000.00.00.H99"},
    "no owner": {"ChuHoSo": ""},
    "an unknown kind of owner": {"LoaiDoiTuong": "5"},
    "a kind of owner as number": {"LoaiDoiTuong": 1},
    "state 0": {"TrangThaiHoSo": "0"},
    "state 11": {"TrangThaiHoSo": "11"},
    "no state": {"TrangThaiHoSo": ""},
    "a state in words": {"TrangThaiHoSo": "Đang xử lý"},
    "true as state": {"TrangThaiHoSo": True},
    "a day that does not exist": {"NgayNopHoSo": "20230229000000"},
    "hour 24": {"NgayNopHoSo": "20261008240000"},
    "another form of date": {"NgayNopHoSo": "2026-10-08T08:15:00"},
    "digits of another script": {"NgayNopHoSo": "２０２６1008081500"},
    "a null date": {"NgayHenTra": None},
    "a null text": {"GhiChu": None},
    "a note too long": {"GhiChu": "ă" * 2001},
    "a summary too long": {"TrichYeuHoSo": "ă" * 1001},
    "an unknown channel": {"KenhThucHien": "0"},
    "an unknown way of return": {"HinhThuc": "2"},
    "yes in words": {"HoSoCoThanhPhanSoHoa": "True"},
    "a list that is none": {"TaiLieuNop": {}},
    "null for a list": {"DanhSachLePhi": None},
    "an item that is none": {"DanhSachLePhi": ["LP01"]},
    "an unknown field in an item": {"DSKetNoiCSDL": [{"MaCSDL": "7", "Ten": ""}]},
    "an identifier of the wrong length": {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099199000"}]},
    "a passport as identifier": {"DinhDanhCHS": [{"LoaiDinhDanh": "3", "SoDinhDanh": "B1234567"}]},
    "a file name too long": {"TaiLieuNop": [SAMPLE["TaiLieuNop"][0] | {"TenTepDinhKem": "a" * 4001}]},  # type: ignore[index]
    "a file address that is none": {"TaiLieuNop": [SAMPLE["TaiLieuNop"][0] | {"DuongDanTaiTepTin": "C:\\don.pdf"}]},  # type: ignore[index]
    "false as 0": {"TaiLieuNop": [SAMPLE["TaiLieuNop"][0] | {"IsDeleted": "0"}]},  # type: ignore[index]
    "a paper name too long": {"DanhSachTepDinhKemKhac": [{"TenGiayTo": "a" * 2001, "SoLuong": 1, "LoaiGiayTo": ""}]},
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_dossier_against_the_facts_is_refused(why: str) -> None:
    """Refused with a code that is no success, and nothing of it is held."""
    talk = Talk()
    assert talk.create(sample(**REFUSED[why])) == "-1"
    assert talk.portal.dossiers == {}


REQUIRED = [
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "ChuHoSo",
    "LoaiDoiTuong",
    "NgayTiepNhan",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
]


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_key_field_is_refused(field: str) -> None:
    """The fields without which the portal cannot place a dossier."""
    broken = sample()
    del broken[field]
    assert Talk().create(broken) == "-1"


@pytest.mark.parametrize("field", list(STEP))
def test_a_step_needs_all_its_fields_and_none_null(field: str) -> None:
    """NoiDungXuLy must not be null, and neither may any other."""
    talk = Talk()
    talk.create(sample())
    assert talk.step({name: value for name, value in STEP_WIRE.items() if name != field}) == "-1"
    assert talk.step(STEP_WIRE | {field: None}) == "-1"
    assert talk.portal.dossiers[s.CODE].steps == []


@pytest.mark.parametrize(
    "changes",
    [
        {"NguoiXuLy": "ă" * 51},
        {"NguoiXuLy": ""},
        {"ThoiDiemXuLy": ""},
        {"TrangThai": "0"},
        {"TrangThai": "11"},
        {"MaHoSo": "H99.12-261008-0099"},
        {"ThuTu": 1},
    ],
)
def test_a_step_against_the_facts_is_refused(changes: dict[str, Any]) -> None:
    """Too long, out of the list, of an unknown dossier, with a field too many."""
    talk = Talk()
    talk.create(sample())
    assert talk.step(STEP_WIRE | changes) == "-1"


@pytest.mark.parametrize(
    "fields",
    [
        {"isUpdating": False, "data": [SAMPLE]},
        {"isUpdating": "false", "data": [SAMPLE]},
        {"isUpdating": "0", "data": [SAMPLE]},
        {"data": [SAMPLE]},
        {"isUpdating": "False", "data": SAMPLE},
        {"isUpdating": "False", "data": []},
        {"isUpdating": "False", "data": [None]},
        {"isUpdating": "False"},
        {"isUpdating": "False", "data": [SAMPLE], "type": "2"},
        {"isUpdating": "False", "data": [SAMPLE], "madonvi": "000.00.00.H98"},
        {"isUpdating": "False", "data": [SAMPLE], "madonvi": None},
    ],
)
def test_an_envelope_against_the_facts_is_refused(fields: dict[str, Any]) -> None:
    """IsUpdating is one of two texts, data an array, madonvi ours, nothing missing and nothing besides."""
    talk = Talk()
    assert str(talk.say("DongBoHoSoMC", **fields)["error_code"]) == "-1"
    assert talk.portal.dossiers == {}


@pytest.mark.parametrize("service", ["DongBoHoSo", "dongbohosomc", "", "?", None, 5])
def test_an_unknown_service_is_refused(service: Any) -> None:
    """Services are spelt exactly."""
    assert str(Talk().say(service)["error_code"]) == "-1"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    """No body makes the portal fall over."""
    talk = Talk()
    assert str(talk.portal.serve(body)["error_code"]) == "-1"
    assert str(talk.portal.login(body)["error_code"]) == "-1"


# --- sessions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"password": "x"}, {"username": "x"}, {"madonvi": s.USERNAME}, {"password": None}])
def test_a_wrong_login_gives_no_session(changes: dict[str, Any]) -> None:
    """Name and password exactly, and nothing else in the message."""
    talk = Talk()
    answer = talk.login(**changes)
    assert str(answer["error_code"]) == "-1"
    assert "session" not in answer
    assert (talk.portal.logins, talk.portal.refused_logins) == (1, 1)


def test_a_session_ends_after_its_lifetime() -> None:
    """A call a moment before is served, a moment after is refused with the session's code."""
    clock = Clock()
    talk = Talk(clock=clock, sandbox={"session_lifetime_seconds": 600})
    clock.now += 599
    assert talk.create(sample()) == "0"
    clock.now += 2
    assert talk.update(sample()) == "-2"
    assert talk.portal.dossiers[s.CODE].updates == 0


@pytest.mark.parametrize("session", ["", "x", None, 5])
def test_a_session_that_is_none_is_refused(session: Any) -> None:
    """Missing, made up or of the wrong type."""
    assert str(Talk().say("TraCuuHoSo", mahoso=s.CODE, session=session)["error_code"]) == "-2"


# --- create, update, look up ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["0", "3", "-3"])
def test_a_duplicate_create_does_not_take_the_content(code: str) -> None:
    """All three codes exist in the wild, with the same words; the old content stays."""
    talk = Talk(sandbox={"duplicate_code": code, "code_type": "text"})
    talk.create(sample())
    answer = talk.say("DongBoHoSoMC", isUpdating="False", data=[sample(TrangThaiHoSo="9")])
    assert answer["error_code"] == code
    assert answer["message"] == "Hồ sơ đã tồn tại"
    assert talk.portal.dossiers[s.CODE].state == "2"


def test_a_call_is_carried_out_whole_or_not_at_all() -> None:
    """One bad dossier or step of a batch, and nothing of the batch is held."""
    talk = Talk()
    other = sample(MaHoSo="H99.12-261008-0002")
    assert talk.create(other, sample(TrangThaiHoSo="11")) == "-1"
    assert talk.create(other, other) == "3"
    assert talk.portal.dossiers == {}
    talk.create(sample())
    assert talk.update(sample(TrangThaiHoSo="4"), other) == "-1"
    assert talk.portal.dossiers[s.CODE].state == "2"
    assert talk.step(STEP_WIRE, STEP_WIRE | {"MaHoSo": "H99.12-261008-0002"}) == "-1"
    assert talk.portal.dossiers[s.CODE].steps == []


def test_steps_are_kept_in_order_and_repeats_are_counted() -> None:
    """The portal appends what it gets; a step sent twice is there twice."""
    talk = Talk()
    talk.create(sample())
    second = STEP_WIRE | {"TrangThai": "9"}
    talk.step(STEP_WIRE, second)
    talk.step(STEP_WIRE)
    held = talk.portal.dossiers[s.CODE]
    assert [orjson.loads(step) for step in held.steps] == [STEP_WIRE, second, STEP_WIRE]
    assert held.repeated_steps == 1


def test_a_look_up_tells_the_documented_fields() -> None:
    """§2.9 lists them; the list of steps is there only when a field for it is configured."""
    talk = Talk(sandbox={"lookup_shape": "object"}, lookup_steps_field="DanhSachTienDo")
    assert str(talk.say("TraCuuHoSo", mahoso=s.CODE)["error_code"]) == "-1"
    talk.create(sample())
    talk.step(STEP_WIRE)
    result = talk.say("TraCuuHoSo", mahoso=s.CODE)["result"]
    assert result.pop("DanhSachTienDo") == [STEP_WIRE]
    assert result == {name: SAMPLE[name] for name in result} | {"TrangThaiHoSo": 2}
    assert set(result) == {
        "MaHoSo",
        "MaTTHC",
        "TenTTHC",
        "MaLinhVuc",
        "TenLinhVuc",
        "LoaiDoiTuong",
        "TrangThaiHoSo",
        "HinhThuc",
        "DonViXuLy",
    }


@pytest.mark.parametrize(
    ("code_type", "types"), [("number", [int, int]), ("text", [str, str]), ("alternate", [str, int])]
)
def test_the_type_of_the_code_is_a_setting(code_type: str, types: list[type]) -> None:
    """Number, text, or each in turn, the same in every run."""
    talk = Talk(sandbox={"code_type": code_type})
    assert [type(talk.say("TraCuuHoSo", mahoso=s.CODE)["error_code"]) for _ in range(2)] == types


def test_the_catalogue_has_the_fields_of_the_facts() -> None:
    """LayThuTuc answers with the uppercase fields of §2.7, found by the root of the code."""
    talk = Talk()
    (found,) = talk.say("LayThuTuc", maTTHC="1.000001.H99")["result"]
    assert set(found) == {
        "MATTHC",
        "TENTTHC",
        "MACOQUANCONGBO",
        "TRANGTHAI",
        "TRINHTUTHUCHIEN",
        "LINHVUCTHUCHIEN",
        "CACHTHUCTHUCHIEN",
        "THANHPHANHOSO",
        "YEUCAU",
        "DOITUONGTHUCHIEN",
        "MOTADOITUONGTHUCHIEN",
        "KETQUATHUCHIEN",
        "CANCUPHAPLY",
        "COQUANTHUCHIEN",
    }
    assert talk.say("LayThuTuc", maTTHC="1.000004.H99")["result"][0]["MATTHC"] == "1.000004.000.00.00.H99"
    assert str(talk.say("LayThuTuc", maTTHC="9.999999")["error_code"]) == "-1"
    assert {"MALINHVUC", "TENLINHVUC", "MANGANH"} == set(talk.say("LayDanhMucLinhVuc")["result"][0])
    assert {"MADONVI", "TENDONVI", "CAPDONVI"} == set(talk.say("LayDanhMucCoQuan")["result"][0])


def test_a_refusal_quotes_the_citizen() -> None:
    """The simulator is hostile on purpose: whoever repeats its words leaks a name."""
    answer = Talk().say("DongBoHoSoMC", isUpdating="False", data=[sample(GhiChu="a" * 2001)])
    assert "Trần Thị Mẫu" in answer["message"]


def test_a_table_of_rules_is_complete() -> None:
    """The tables name the fields of the facts; an empty message is told what it lacks."""
    assert len(DOSSIER) == 38
    assert len(STEP) == 9
    assert find_fault({}, STEP) == "Thiếu trường MaHoSo"
    assert find_fault([], STEP) == "data không phải là đối tượng"


# --- the application ------------------------------------------------------------------------------------------


class Browser:
    """Speaks ASGI to the application."""

    def __init__(self, app: SimulatorApp) -> None:
        self.app = app

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send one request and return status and body."""
        content = b"" if body is None else orjson.dumps(body)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
        return sent[0]["status"], sent[1]["body"]

    async def json(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the parsed body of a success."""
        status, content = await self.ask(method, path, body)
        assert status < 300, content
        return orjson.loads(content)

    async def say(self, service: str, **fields: Any) -> Any:
        """Log in and call a service, as a client would."""
        session = (await self.json("POST", "/mapi/login", CREDENTIALS))["session"]
        envelope = {"session": session, "madonvi": s.USERNAME, "service": service}
        return await self.json("POST", "/mapi/g", envelope | fields)


@pytest.fixture
def browser() -> Browser:
    """A browser in front of a fresh simulator, built the way the sandbox builds it."""
    assert ADAPTER.simulator is not None
    return Browser(ADAPTER.simulator(SimulatorContext(settings=s.settings(), seed=7)))


def test_the_simulator_needs_our_settings() -> None:
    """Settings of another adapter are a mistake of the composition, told at once."""
    wrong = ForwardSettings(adapter_url="http://127.0.0.1:9/x", dstcode=s.DSTCODE)
    with pytest.raises(TypeError):
        build(SimulatorContext(settings=wrong))


async def test_the_state_is_told_in_numbers_and_without_content(browser: Browser) -> None:
    """Counts, calls by service and code; no name and no number of a citizen."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.say("CapNhatTienDoHoSoMC", data=[STEP_WIRE, STEP_WIRE])
    status, content = await browser.ask("GET", f"{CONTROL}/state")
    state = orjson.loads(content)
    assert status == 200
    assert {name: state[name] for name in ("dossiers", "creates", "updates", "steps", "repeated_steps", "logins")} == {
        "dossiers": 1,
        "creates": 1,
        "updates": 0,
        "steps": 2,
        "repeated_steps": 1,
        "logins": 2,
    }
    assert state["counts"] == [
        {"service": "CapNhatTienDoHoSoMC", "code": "0", "calls": 1},
        {"service": "DongBoHoSoMC", "code": "0", "calls": 1},
        {"service": "login", "code": "0", "calls": 2},
    ]
    assert [call["service"] for call in state["calls"]] == ["login", "DongBoHoSoMC", "login", "CapNhatTienDoHoSoMC"]
    assert not any(text in content.decode() for text in (*s.PERSONAL, s.PASSWORD))


async def test_a_dossier_is_shown_whole_for_comparison(browser: Browser) -> None:
    """The portal's own copy, to be compared field by field, and a list with the counts of all."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.say("CapNhatTienDoHoSoMC", data=[STEP_WIRE])
    counts = {"state": "2", "creates": 1, "updates": 0, "steps": 1, "repeated_steps": 0}
    assert await browser.json("GET", f"{CONTROL}/dossiers") == {s.CODE: counts}
    shown = await browser.json("GET", f"{CONTROL}/dossiers/{s.CODE}")
    assert shown == {**counts, "dossier": SAMPLE, "step_list": [STEP_WIRE]}
    assert (await browser.ask("GET", f"{CONTROL}/dossiers/H99.12-261008-0009"))[0] == 404


async def test_the_page_is_vietnamese_and_masks_names(browser: Browser) -> None:
    """What arrived, at a glance; no script, no citizen's name or number, nothing that markup could break."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample(ChuHoSo="<Trần> Thị Mẫu")])
    status, content = await browser.ask("GET", CONTROL)
    page = content.decode()
    assert status == 200
    assert '<html lang="vi">' in page
    assert s.CODE in page
    assert "2 – Được tiếp nhận" in page
    assert "&lt;… T… M…" in page
    assert "<script" not in page
    assert not any(text in page for text in (*s.PERSONAL, s.PASSWORD))


def test_a_masked_name_keeps_initials_only() -> None:
    """Enough to recognise one's own test, too little to know anybody."""
    assert mask("Trần Thị Mẫu") == "T… T… M…"
    assert mask("") == ""


async def test_reset_and_seed(browser: Browser) -> None:
    """A test starts from nothing, or from what it puts there; a bad dossier is refused as on the wire."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "html_200"})
    await browser.json("POST", f"{CONTROL}/reset")
    assert await browser.json("GET", f"{CONTROL}/dossiers") == {}
    assert await browser.json("GET", f"{CONTROL}/faults") == []
    seeds = {"dossiers": [sample()], "procedures": [{"code": "9.999999.H99", "name": "Thủ tục thêm"}]}
    await browser.json("POST", f"{CONTROL}/seed", seeds)
    assert (await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] in {0, "0"}
    added = sample(MaHoSo="H99.12-261008-0002", MaTTHC="9.999999.H99")
    assert (await browser.say("DongBoHoSoMC", isUpdating="False", data=[added]))["error_code"] in {0, "0"}
    assert (await browser.ask("POST", f"{CONTROL}/seed", {"dossiers": [sample(TrangThaiHoSo="11")]}))[0] == 422


async def test_sessions_can_be_forgotten(browser: Browser) -> None:
    """As after a restart of the portal."""
    await browser.json("POST", "/mapi/login", CREDENTIALS)
    await browser.json("DELETE", f"{CONTROL}/sessions")
    assert (await browser.json("GET", f"{CONTROL}/state"))["sessions"] == 0


async def test_faults_are_wished_counted_and_taken_back(browser: Browser) -> None:
    """One wish for one operation, twice: it hits twice and is over."""
    wish = {"kind": "wrong_type", "operation": "TraCuuHoSo", "count": 2}
    rule = await browser.json("POST", f"{CONTROL}/faults", wish)
    assert (rule["kind"], rule["left"], rule["when"]) == ("wrong_type", 2, "before")
    codes = [(await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] for _ in range(3)]
    assert [isinstance(code, list) for code in codes] == [True, True, False]
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "server_500"})
    assert await browser.json("DELETE", f"{CONTROL}/faults") == []
    assert (await browser.ask("POST", "/mapi/login", CREDENTIALS))[0] == 200


FAULTY = {"html_200": (200, b"<html>"), "server_500": (500, b"error"), "wrong_type": (200, b'"error_code":[0]')}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", FAULTY)
async def test_a_fault_before_and_after_acting(browser: Browser, kind: str, when: str) -> None:
    """The same answer, with and without the dossier being there: the client cannot know."""
    session = (await browser.json("POST", "/mapi/login", CREDENTIALS))["session"]
    await browser.json("POST", f"{CONTROL}/faults", {"kind": kind, "operation": "DongBoHoSoMC", "when": when})
    call = {"session": session, "madonvi": s.USERNAME, "service": "DongBoHoSoMC", "isUpdating": "False"}
    status, content = await browser.ask("POST", "/mapi/g", call | {"data": [sample()]})
    assert (status, FAULTY[kind][1] in content) == (FAULTY[kind][0], True)
    assert (s.CODE in browser.app.portal.dossiers) is (when == "after")


async def test_a_duplicate_answer_is_given_to_writes_only(browser: Browser) -> None:
    """A question cannot be answered with "already there"."""
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "duplicate_answer"})
    assert (await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] in {-1, "-1"}
    answer = await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    assert answer["error_code"] in {3, "3"}
    assert browser.app.portal.dossiers == {}


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"kind": "earthquake"},
        {"kind": "html_200", "share": 0},
        {"kind": "html_200", "share": 1.5},
        {"kind": "html_200", "count": 0},
        {"kind": "html_200", "wann": "before"},
        {"kind": "expired_session", "when": "after"},
        {"kind": "duplicate_answer", "when": "after"},
        {"kind": "silence", "when": "after"},
    ],
)
async def test_a_wish_that_cannot_be_granted_is_refused(browser: Browser, wish: dict[str, Any]) -> None:
    """Unknown kinds and keys, impossible shares, and lies about what was done."""
    assert (await browser.ask("POST", f"{CONTROL}/faults", wish))[0] == 422
    assert await browser.json("GET", f"{CONTROL}/faults") == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/mapi/login", 405),
        ("POST", "/mapi/x", 404),
        ("POST", "/", 404),
        ("GET", f"{CONTROL}/nothing", 404),
        ("POST", f"{CONTROL}/state", 404),
        ("POST", "/_sandbox/other/state", 404),
    ],
)
async def test_other_doors_are_closed(browser: Browser, method: str, path: str, status: int) -> None:
    """Only the paths of the facts and of the control plane."""
    assert (await browser.ask(method, path))[0] == status
