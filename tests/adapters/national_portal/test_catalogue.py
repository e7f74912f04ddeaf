"""The catalogue: every field of the wire has its place, and half an answer is told from a whole one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.national_portal import mapping_catalogue
from adapters.national_portal import wire_catalogue as w
from adapters.transport.answers import unknown_fields
from adapters.transport.simulation.faults import FaultKind
from contracts.catalogue import CatalogueProcedure, EntryKind
from contracts.dossier import Channel
from contracts.errors import Malformed, Rejected, TryLater
from contracts.ports import CatalogueSource
from tests.adapters.national_portal.worlds import World, assert_safe, world

FULL: dict[str, Any] = {
    "MATTHC": "1.003560.000.00.00.H99",
    "TENTTHC": "T01",
    "MACOQUANCONGBO": "T02",
    "TRANGTHAI": 1,
    "TRINHTUTHUCHIEN": [{"TRUONGHOP": "T03", "TRINHTU": [{"TENTRINHTU": "T04"}, {"TENTRINHTU": "T05"}]}],
    "LINHVUCTHUCHIEN": [{"MALINHVUC": "T06", "TENLINHVUC": "T07"}],
    "CACHTHUCTHUCHIEN": [
        {
            "KENH": 2,
            "THOIGIAN": [
                {
                    "THOIGIANGIAIQUYET": 0.5,
                    "DONVITINH": "T08",
                    "MOTA": "T09",
                    "PHILEPHI": [{"MAPHILEPHI": "T10", "SOTIEN": 50000, "DONVI": "T11", "MOTA": "T12"}],
                }
            ],
        }
    ],
    "THANHPHANHOSO": [
        {"TRUONGHOP": "T13", "GIAYTO": [{"MAGIAYTO": "T14", "TENGIAYTO": "T15", "TENMAUDON": "T16", "URL": "T17"}]}
    ],
    "YEUCAU": "T18",
    "DOITUONGTHUCHIEN": [{"TENDOITUONG": "T19"}],
    "MOTADOITUONGTHUCHIEN": "T20",
    "KETQUATHUCHIEN": [{"MAKETQUA": "T21", "TENKETQUA": "T22"}],
    "CANCUPHAPLY": [{"SOVANBAN": "T23", "TENVANBAN": "T24"}],
    "COQUANTHUCHIEN": [{"MADONVI": "T25", "TENDONVI": "T26"}],
}
"""Every field of wire facts §2.7, each with a value of its own."""


def read(item: dict[str, Any]) -> tuple[CatalogueProcedure, list[str]]:
    drift: list[str] = []
    return mapping_catalogue.procedure(w.ThuTucDayDu.model_validate(item), drift.append), drift


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


def test_every_field_of_the_facts_has_its_place() -> None:
    """Nothing the national database says is lost; a value stands in the canonical procedure exactly once."""
    procedure, drift = read(FULL)
    assert drift == []
    kept = leaves(procedure.model_dump(mode="json"))
    for number in range(1, 27):
        assert kept.count(f"T{number:02}") == 1, number
    assert procedure.key == "1.003560"
    assert (procedure.public, procedure.ways[0].channel) == (True, Channel.ONLINE)
    assert procedure.ways[0].times[0].duration == "0.5"
    assert procedure.ways[0].times[0].fees[0].amount == "50000"
    assert list(unknown_fields(w.ThuTucDayDu.model_validate(FULL))) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FULL)), inner, max_size=4),
        max_leaves=8,
    ),
    st.sampled_from(sorted(FULL.keys() - {"MATTHC"})),
)
def test_whatever_stands_in_a_field_is_read_or_refused(value: Any, name: str) -> None:
    """The mapping is total: a value of any form becomes a procedure or a fault of the contract, nothing else."""
    try:
        item = w.ThuTucDayDu.model_validate({**FULL, name: value})
    except ValueError:
        return
    drift: list[str] = []
    procedure = mapping_catalogue.procedure(item, drift.append)
    assert CatalogueProcedure.model_validate_json(procedure.model_dump_json()) == procedure


@given(st.dictionaries(st.sampled_from(sorted(FULL)), st.none()))
def test_null_stands_for_nothing(nulls: dict[str, None]) -> None:
    """Every field but the code may be null."""
    procedure, _ = read({**FULL, **nulls, "MATTHC": "2.000986"})
    assert procedure.key == "2.000986"


def test_an_unknown_way_is_drift_and_a_local_code_is_kept() -> None:
    """A channel we do not know is counted, not guessed; a code outside the national form is its own key."""
    changed = {**FULL, "MATTHC": "TS_lop1.000.00.00.H99", "CACHTHUCTHUCHIEN": [{"KENH": "9", "THOIGIAN": None}]}
    procedure, drift = read(changed)
    assert drift == ["CACHTHUCTHUCHIEN.KENH"]
    assert procedure.ways[0].channel is None
    assert procedure.key == "TS_lop1.000.00.00.H99"


def test_entries_without_a_code_are_drift_and_the_others_stay() -> None:
    """One bad row does not cost the list."""
    drift: list[str] = []
    found = mapping_catalogue.agencies(
        [w.DonVi(MADONVI="H99.12", TENDONVI="Phường", CAPDONVI=3), w.DonVi(TENDONVI="?"), w.DonVi(MADONVI="H99.12")],
        drift.append,
    )
    assert [(one.code, one.name, one.level) for one in found] == [("H99.12", "Phường", "3")]
    assert drift == ["MADONVI"]


async def test_the_whole_catalogue_is_read() -> None:
    """Five services, each in its own shape: lists, an object with data, one procedure in a list of one."""
    async with world() as portal:
        assert isinstance(portal.connection, CatalogueSource)
        lists = await portal.connection.list_catalogue()
        assert (len(lists.procedures), lists.missing) == (10, frozenset())
        assert [one.code for one in lists.agencies] == ["000.00.00.H99"]
        assert lists.fields[0].sector == "G99"
        assert lists.services[0].procedure_code == "1.000001.H99"
        assert lists.services[0].applied_by == ('{"MADONVI":"H99.12","TENDONVI":"UBND phường Mẫu"}',)
        details = await portal.connection.read_procedure("1.000004")
        assert details is not None
        assert details.code == "1.000004.000.00.00.H99", "found by its root"
        assert details.papers[0].papers[0].code == "TP01"
        assert await portal.connection.read_procedure("9.999999") is None
        assert portal.drift == []


@pytest.mark.parametrize("kind", [FaultKind.HTML_200, FaultKind.SERVER_500, FaultKind.WRONG_TYPE])
async def test_a_list_that_does_not_come_is_named(kind: FaultKind) -> None:
    """Of a list that did not come nothing may be concluded; the list of procedures itself must come."""
    async with world() as portal:
        portal.faults.add(kind, connection="national_portal", operation="LayDVC")
        lists = await portal.connection.list_catalogue()
        assert lists.missing == {EntryKind.SERVICE}
        assert len(lists.fields) == 4
        portal.faults.clear()
        portal.faults.add(kind, connection="national_portal", operation="LayDanhSachTTHC")
        with pytest.raises((Malformed, TryLater)) as failed:
            await portal.connection.list_catalogue()
        assert_safe(failed.value)


def answering(portal: World, service: str, result: Any, **envelope: Any) -> None:
    """Let the portal answer one service with something else."""
    services = portal.app.portal._services
    fields, _ = services[service]
    services[service] = (fields, lambda _call: {"error_code": 0, "message": "", "result": result, **envelope})


@pytest.mark.parametrize(
    ("result", "place"),
    [
        ('[{"MATTHC": "1.000001.H99"}]', "result"),
        ({"rows": []}, "result.data"),
        ([[]], "result.0"),
        ([{"TENTTHC": "không mã"}], "result.0.MATTHC"),
        ([{"MATTHC": "1.000001.H99", "THANHPHANHOSO": {"GIAYTO": []}}], "result.0.THANHPHANHOSO"),
    ],
)
async def test_an_answer_of_another_shape_is_refused_with_its_place(result: Any, place: str) -> None:
    """JSON in a string, an object without data, rows that are none: the sentence says where, and quotes nothing."""
    async with world() as portal:
        answering(portal, "LayDanhSachTTHC", result)
        with pytest.raises(Malformed) as failed:
            await portal.connection.list_catalogue()
        assert failed.value.sentence.en.endswith(f" at {place}.")
        assert_safe(failed.value)


async def test_another_procedure_than_the_one_asked_for_is_refused() -> None:
    """An answer to another question must not overwrite a procedure."""
    async with world() as portal:
        answering(portal, "LayThuTuc", [{"MATTHC": "1.000002.H99", "TENTTHC": "x"}])
        with pytest.raises(Malformed):
            await portal.connection.read_procedure("1.000001.H99")
        answering(portal, "LayThuTuc", [], error_code="-17")
        with pytest.raises(Rejected) as refused:
            await portal.connection.read_procedure("1.000001.H99")
        assert refused.value.upstream_code == "-17"
        answering(portal, "LayThuTuc", [], error_code="-1")
        assert await portal.connection.read_procedure("1.000001.H99") is None, "a code as text says the same"
