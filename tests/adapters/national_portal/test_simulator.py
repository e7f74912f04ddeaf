"""The simulated portal: it accepts what the wire facts say, refuses the rest, and shows what it received."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from adapters.national_portal.simulator.fields import DOSSIER, STEP, find_fault
from adapters.national_portal.simulator.portal import SimulatedPortal
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.test_mapping import STEP_WIRE
from tests.adapters.national_portal.test_mapping_limits import SAMPLE

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
