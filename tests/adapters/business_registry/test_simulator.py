"""The simulator is written from the facts: their fields, their awkwardness, and nothing of our client."""

from __future__ import annotations

from pathlib import Path

import adapters.business_registry as package
from adapters.business_registry.simulator.register import ENTERPRISES, national, province
from contracts.codes import parse_enterprise_code
from tests.adapters.business_registry.worlds import ASKER, CODE, world
from tests.adapters.national_portal.test_quality import imports_of

FOLDER = Path(package.__file__).parent

MAIN = """NAME SHORT_NAME NAME_F ENTERPRISE_GDT_CODE IMP_BUSINESS_CODE ENTERPRISE_STATUS_ID ENTERPRISE_STATUS_NAME
ENTERPRISE_TYPE_NAME FOUNDING_DATE LAST_AMEND_DATE NUMBER_CHANGES"""
CERTIFICATE = """MaNoiBo MaSoDoanhNghiep SoGCNDKKD MaLoaiHinhDN LoaiHinhDN TenTiengViet TenNuocNgoai TenVietTat
NgayDangKyLanDau NgayDangKyThayDoi SoLanDangKyThayDoi TinhTrangPhapLy DaiDienPhapLuat DiaChiTruSo NganhNgheKinhDoanh"""
STATE = "TinhTrangPhapLy MaTinhTrangPhapLy NgayBatDauTamNgung NgayKetThucTamNgung LyDoTamNgung"
PERSON = "HoVaTen LoaiGiayToChungThuc SoGiayChungThuc NgayCap NoiCap QuocTich MaQuocTich"
ADDRESS = "QuocGia TenTinhThanh MaTinhThanh TenQuanHuyen MaQuanHuyen TenPhuongXa MaPhuongXa DiaChi SoNha"


def test_the_simulator_answers_with_exactly_the_fields_of_the_facts() -> None:
    """Wire facts §6, spelt as there: one representative as an object, several as an array, codes as numbers."""
    first, second = (national(one)["Data"] for one in ENTERPRISES[:2])
    assert first.keys() == {"MainInformation", "HOAdress", "Representatives", "BusinessActivities"}
    assert first["MainInformation"].keys() == set(MAIN.split())
    assert first["HOAdress"].keys() == {"AddressFullText"}
    assert first["Representatives"].keys() == {"FULL_NAME"}
    assert [one.keys() for one in second["Representatives"]] == [{"FULL_NAME"}] * 2
    (record,) = province(ENTERPRISES[1])["GetEntCert"]
    assert record.keys() == set(CERTIFICATE.split())
    assert record["MaSoDoanhNghiep"] == 999999990
    assert record["TinhTrangPhapLy"][0].keys() == set(STATE.split())
    assert record["DaiDienPhapLuat"][0]["ThongTinCaNhan"][0].keys() == set(PERSON.split())
    assert record["DiaChiTruSo"][0]["DiaChi"][0].keys() == set(ADDRESS.split())
    assert record["DiaChiTruSo"][0]["DiaChi"][0]["MaTinhThanh"] == 1
    assert record["NganhNgheKinhDoanh"][0].keys() == {"MaNganh", "TenNganh", "LaNganhChinh"}
    assert province(None) == {"GetEntCert": None}
    assert [parse_enterprise_code(one.code) for one in ENTERPRISES] == [one.code for one in ENTERPRISES]


async def test_how_it_answers_is_chosen_and_forgotten() -> None:
    """An unknown form of answering is no control, and a reset begins again with plain answers and six enterprises."""
    async with world() as there:
        assert (await there.control("POST", "/answers/khac"))[0] == 404
        assert (await there.control("GET", "/answers/half"))[0] == 404
        status, _ = await there.control("POST", "/answers/half")
        assert status == 200
        await there.control("POST", "/reset")
        _, state = await there.control("GET", "/state")
        assert (state["answers"], len(state["enterprises"])) == ("plain", 6)


async def test_the_settings_it_hands_out_know_its_codes() -> None:
    """In the sandbox a state has its meaning; a deployment that configures its own keeps them."""
    async with world() as there:
        for code, status in ((CODE, "active"), ("9999999972", "suspended"), ("9999999965", "dissolved")):
            found = await there.connection.find_enterprise(code, ASKER)
            assert found is not None
            assert [state.status for state in found.states] == [status]
    async with world(status_values={}) as there:
        found = await there.connection.find_enterprise(CODE, ASKER)
        assert found is not None
        assert [(state.status, state.words) for state in found.states] == [("other", "Đang hoạt động")]


def test_the_simulator_shares_no_message_with_the_client() -> None:
    """What the simulator answers comes from the facts and not from what our client happens to read."""
    for path in (FOLDER / "simulator").glob("*.py"):
        ours = {name for name in imports_of(path) if name.startswith("adapters.business_registry.")}
        assert {name for name in ours if ".simulator" not in name and ".settings." not in name} == set(), path.name
