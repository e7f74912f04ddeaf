"""Asking, fetching and handing in, with the officer as the one who asks; and what the store may answer instead."""

from __future__ import annotations

import base64
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import adapters.personal_store as package
from adapters.personal_store import mapping, wire
from adapters.personal_store.settings import OwnerKindValues, ScopeValues
from adapters.transport.simulation.faults import FaultKind
from contracts.document_store import (
    Officer,
    OwnerKind,
    PaperQuery,
    ResultPaperEntry,
    SignatureState,
    ValidityScope,
)
from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, Rejected, TryLater, Unsupported
from contracts.ports import PersonalDocumentStore, RepeatClass, ResultPaperPush
from tests.adapters.national_portal.test_quality import imports_of
from tests.adapters.personal_store.worlds import (
    OFFICER,
    OWNER,
    PAPER,
    QUERY,
    World,
    assert_safe,
    settings,
    wanted,
    world,
)

FOLDER = Path(package.__file__).parent


# --- who asks ---------------------------------------------------------------------------------------------


def test_the_requester_is_always_the_officer() -> None:
    """Channel 1 with the officer's own number, whatever is looked for; the owner's number stands once."""
    sent = mapping.query_to_wire(QUERY)
    assert sent == {
        "SoDinhDanhChuSoHuu": OWNER,
        "HoTenNguoiYeuCau": OFFICER.name,
        "KenhThucHien": "1",
        "SoDinhDanhNguoiYeuCau": OFFICER.number,
        "MaThuTuc": "1.000001.H99",
        "DanhSachDanhMucKetQua": [],
    }
    assert mapping.query_to_wire(wanted("01/2020"))["DanhSachDanhMucKetQua"] == [
        {"MaKetQua": "KQ.G99.000002", "SoKyHieu": "01/2020"}
    ]


@pytest.mark.parametrize("number", [OWNER, ""])
def test_no_officer_or_the_owner_as_officer_is_refused(number: str) -> None:
    """Refused by the model, and by the adapter again should the model be passed by; nothing is sent."""
    with pytest.raises(ValidationError):
        PaperQuery.model_validate(QUERY.model_dump() | {"officer": {"name": "x", "number": number}})
    forged = QUERY.model_copy(update={"officer": Officer.model_construct(name="x", number=number)})
    with pytest.raises(Unsupported) as refused:
        mapping.query_to_wire(forged)
    assert refused.value.field == "officer.number"


async def test_a_forged_query_never_leaves() -> None:
    """The store hears nothing, not even a login."""
    async with world() as there:
        forged = QUERY.model_copy(update={"officer": Officer.model_construct(name="x", number=OWNER)})
        with pytest.raises(Unsupported) as refused:
            await there.connection.find_papers(forged)
        assert_safe(refused.value)
        assert there.store.logins == 0


# --- asking and fetching ----------------------------------------------------------------------------------


async def test_a_paper_is_found_and_its_file_fetched() -> None:
    """One login for all; the signature that nobody can check is told as such."""
    async with world() as there:
        assert isinstance(there.connection, PersonalDocumentStore)
        found = await there.connection.find_papers(QUERY)
        (paper,) = found.papers
        assert (paper.catalogue_code, paper.paper_number) == ("KQ.G99.000002", "01/2020")
        assert found.signature is SignatureState.UNVERIFIED
        content = await there.connection.fetch_file(paper.owner_agency, paper.files[0].location)
        assert content.startswith(b"%PDF")
        assert there.store.logins == 1
        assert (await there.connection.find_papers(wanted("99/2020"))).papers == ()
        with pytest.raises(Rejected) as refused:
            await there.connection.fetch_file("000.00.00.H99", "/khac")
        assert_safe(refused.value)
        assert there.drift == []


@pytest.mark.parametrize("place", ["body", "header"])
async def test_an_expired_session_costs_one_login(place: str) -> None:
    """Wherever the session travels; a store that refuses the new one too is a matter for a person."""
    async with world(session_in=place) as there:
        await there.connection.find_papers(QUERY)
        there.store.expire_sessions()
        await there.connection.find_papers(QUERY)
        assert there.store.logins == 2
        there.app.faults.add(FaultKind.EXPIRED_SESSION, connection="personal_store", operation="query")
        with pytest.raises(NeedsPerson) as failed:
            await there.connection.find_papers(QUERY)
        assert_safe(failed.value)


async def test_a_refused_login_is_for_a_person() -> None:
    """The password is wrong: asking again every few seconds would lock the account."""
    async with world() as there:
        there.app._settings = settings(password="khac")
        there.store._settings = settings(password="khac")
        with pytest.raises(NeedsPerson) as failed:
            await there.connection.find_papers(QUERY)
        assert_safe(failed.value)


@pytest.mark.parametrize(
    ("kind", "question", "write"),
    [
        (FaultKind.HTML_200, Malformed, Malformed),
        (FaultKind.WRONG_TYPE, Malformed, Malformed),
        (FaultKind.SERVER_500, TryLater, OutcomeUnknown),
    ],
)
async def test_a_fault_becomes_its_reaction(
    kind: FaultKind, question: type[LienThongError], write: type[LienThongError]
) -> None:
    """The same table as everywhere: a question may be repeated, a write is in doubt."""
    async with world() as there:
        there.app.faults.add(kind, connection="personal_store", operation="query")
        there.app.faults.add(kind, connection="personal_store", operation="file")
        there.app.faults.add(kind, connection="personal_store", operation="paper")
        for act, expected in (
            (there.connection.find_papers(QUERY), question),
            (there.connection.fetch_file("H99", "/x"), question),
            (there.connection.push_result_paper(ResultPaperPush("ex-1", PAPER)), write),
        ):
            with pytest.raises(expected) as failed:
                await act
            assert_safe(failed.value)


# --- what an answer may hold ------------------------------------------------------------------------------


def answering(there: World, path: str, answer: Any) -> None:
    """Let the store answer one path with something else."""
    name, _ = there.app._doors[f"/{path}"]
    there.app._doors[f"/{path}"] = (name, lambda _call, _token: answer)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\kho\\don.pdf", "don.pdf"),
        ("/", "tep"),
        ("..", "tep"),
        (".ẩn", "ẩn"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("don\x00.pdf", "don.pdf"),
        (None, "tep"),
        ("x" * 300, "x" * 255),
    ],
)
async def test_a_path_in_a_file_name_is_no_path(name: str | None, shown: str) -> None:
    """The name is for people: its last part, printable; and it is counted as drift."""
    async with world() as there:
        files = [{"TenTep": name, "DuongDan": "/kho/1"}]
        result = {"DanhSachGiayToKetQua": [{"MaKetQua": "K", "DanhSachTepDinhKem": files}]}
        answering(there, "bndp/public/v1/tracuu", {"errorCode": 0, "result": result})
        found = await there.connection.find_papers(QUERY)
        assert found.papers[0].files[0].name == shown
        assert found.signature is SignatureState.ABSENT
        assert ("find_papers", "DanhSachTepDinhKem.TenTep") in there.drift


@given(st.text())
def test_a_name_is_always_a_plain_name(name: str) -> None:
    """Whatever comes, no folder, no control character, never empty, never hidden."""
    safe = mapping.safe_file_name(name)
    assert safe
    assert len(safe) <= 255
    assert not set(safe) & set("/\\\x00\n\u202e")
    assert not safe.startswith(".")


@pytest.mark.parametrize(
    "answer",
    [
        {"errorCode": 0, "result": "không phải base64!"},
        {"errorCode": "0", "result": "QUJD="},
        {"errorCode": 0, "result": None},
        {"errorCode": 0, "result": {"tep": "QUJD"}},
        {"errorCode": 0, "result": base64.b64encode(b"x" * 4096).decode()},
        {"errorCode": True, "result": "QUJD"},
        "ABC<html>",
    ],
)
async def test_a_file_that_is_none_is_refused(answer: Any) -> None:
    """Garbage, wrong types, too large: bounded before it is decoded, and never quoted."""
    async with world(max_file_bytes=1024) as there:
        answering(there, "bndp/public/v1/taitep", answer)
        with pytest.raises(Malformed) as failed:
            await there.connection.fetch_file("H99", "/x")
        assert_safe(failed.value)


async def test_a_file_comes_in_every_form_seen() -> None:
    """As JSON text, as ``result``, with line ends; ten megabytes of answer are too many."""
    async with world() as there:
        for answer in ("QUJD", {"errorCode": "0", "result": "QUJD"}, "QU\r\nJD"):
            answering(there, "bndp/public/v1/taitep", answer)
            assert await there.connection.fetch_file("H99", "/x") == b"ABC"
        answering(there, "bndp/public/v1/taitep", "QUJD" * 3_000_000)
        with pytest.raises(Malformed) as failed:
            await there.connection.fetch_file("H99", "/x")
        assert_safe(failed.value)


@given(st.binary(max_size=200))
def test_bytes_survive_base64(content: bytes) -> None:
    """What was put in comes out."""
    assert mapping.file_bytes(base64.b64encode(content).decode()) == content


@pytest.mark.parametrize(
    "result", [None, [], {"DanhSachGiayToKetQua": {}}, {"DanhSachGiayToKetQua": [{"DanhSachTepDinhKem": [{}]}]}, "{}"]
)
async def test_a_result_of_another_shape_is_refused(result: Any) -> None:
    """Also JSON in a string."""
    async with world() as there:
        answering(there, "bndp/public/v1/tracuu", {"errorCode": 0, "result": result})
        with pytest.raises(Malformed) as failed:
            await there.connection.find_papers(QUERY)
        assert_safe(failed.value)


async def test_unknown_fields_and_codes_are_told() -> None:
    """A new field is drift; an unknown code is a refusal that names it and nothing else."""
    async with world() as there:
        answering(there, "bndp/public/v1/tracuu", {"errorCode": 0, "result": {"Moi": 1, "DanhSachGiayToKetQua": None}})
        assert (await there.connection.find_papers(QUERY)).papers == ()
        assert there.drift == [("find_papers", "Moi")]
        answering(there, "bndp/public/v1/tracuu", {"errorCode": "42", "message": "Trần Thị Mẫu"})
        with pytest.raises(Rejected) as refused:
            await there.connection.find_papers(QUERY)
        assert refused.value.upstream_code == "42"
        assert_safe(refused.value)


# --- the signature ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    """The store's key."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def key_file(key: ec.EllipticCurvePrivateKey, tmp_path: Path) -> Path:
    """Its public half."""
    path = tmp_path / "kho.pem"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return path


async def test_a_signature_is_checked_where_a_key_is_configured(
    key: ec.EllipticCurvePrivateKey, key_file: Path
) -> None:
    """A right one is told as verified; a wrong one costs the whole answer; a missing one where it is required."""
    async with world(signature_key_file=key_file, require_signature=True) as there:
        with pytest.raises(Malformed) as failed:
            await there.connection.find_papers(QUERY)
        assert "signature" in failed.value.sentence.en
        there.store.sign = lambda result: key.sign(result, ec.ECDSA(hashes.SHA256()))
        assert (await there.connection.find_papers(QUERY)).signature is SignatureState.VERIFIED
        signed = {"DanhSachGiayToKetQua": []}
        signature = base64.b64encode(there.store.sign(orjson.dumps(signed))).decode()
        for answer in (
            {"errorCode": 0, "signature": signature, "result": {"DanhSachGiayToKetQua": None}},
            {"errorCode": 0, "signature": "không phải base64", "result": signed},
            {"errorCode": 0, "result": signed},
        ):
            answering(there, "bndp/public/v1/tracuu", answer)
            with pytest.raises(Malformed):
                await there.connection.find_papers(QUERY)


async def test_a_key_that_cannot_be_read_is_for_a_person(tmp_path: Path) -> None:
    """Never a reason to go on without checking."""
    async with world(signature_key_file=tmp_path / "khong-co.pem") as there:
        with pytest.raises(NeedsPerson) as failed:
            await there.connection.find_papers(QUERY)
        assert_safe(failed.value)


# --- handing in -------------------------------------------------------------------------------------------


async def test_a_result_paper_is_handed_in_and_found_again() -> None:
    """Every field of the model of wire facts §4; asked for afterwards by its code and number, as the officer."""
    async with world() as there:
        assert there.connection.operations["push_result_paper"].repeat is RepeatClass.RECONCILE_FIRST
        assert not await there.connection.has_result_paper(PAPER)
        report = await there.connection.push_result_paper(ResultPaperPush("ex-1", PAPER))
        assert report.upstream_code == "0"
        assert there.store.handed_in == [
            {
                "LoaiDinhDanhCHS": "1",
                "MaChuGiayTo": OWNER,
                "MaCoQuan": "H99.12",
                "MaGiayToKetQua": "KQ.G99.000002",
                "SoKyHieu": "09/2026",
                "TrichYeuNoiDung": PAPER.summary,
                "NgayCap": "20261014",
                "ThoiHanHieuLuc": "",
                "PhamViHieuLuc": "1",
                "TenFileGiayToKetQuaDinhKem": "giay-khai-sinh.pdf",
                "NgaySoHoa": "20261014",
                "MaCSDLDaKetNoi": "7,8",
            }
        ]
        assert await there.connection.has_result_paper(PAPER)
        assert all(one["SoDinhDanhNguoiYeuCau"] == OFFICER.number for one in there.store.queries)
        assert {"KenhThucHien": "1"}.items() <= there.store.queries[-1].items()


def test_every_field_of_the_wire_is_sent() -> None:
    """The message has exactly the fields of the facts."""
    there = settings(databases_as="list", date_format="dd/MM/yyyy")
    vocabulary = mapping.Vocabulary(
        owner_kinds=dict.fromkeys([PAPER.owner_kind], there.owner_kind_values.personal_number),
        scopes=dict.fromkeys([PAPER.scope], there.scope_values.national),
        date_format=there.date_format,
        databases_as=there.databases_as,
    )
    sent = mapping.paper_to_wire(PAPER, vocabulary)
    assert sent.keys() == wire.GiayToKetQua.__annotations__.keys()
    assert (sent["NgayCap"], sent["MaCSDLDaKetNoi"]) == ("14/10/2026", ["7", "8"])


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"require_signature": True},
        {"session_error_codes": ("0",)},
        {"session_error_codes": ("-1",)},
        {"max_file_bytes": 20 << 20},
        {"khong_co": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    """Before the first call, and without quoting a secret."""
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    assert "not-a-real-one" not in str(refused.value)


# --- what quality.toml claims -----------------------------------------------------------------------------


def test_every_canonical_field_is_accounted_for() -> None:
    """Each field of a result paper and of a query changes what is sent, or is one of those the README names."""
    vocabulary = settings_vocabulary()
    unsent = {"officer", "procedure_code"}
    changes: dict[str, Any] = {
        "owner_kind": OwnerKind.IDENTITY_CARD_9,
        "owner_number": "099000123",
        "agency_code": "H99.13",
        "catalogue_code": "KQ.2",
        "paper_number": "10/2026",
        "summary": "Khác",
        "issued_on": date(2026, 10, 1),
        "valid_until": date(2030, 1, 1),
        "scope": ValidityScope.PROVINCIAL,
        "file_name": "khac.pdf",
        "digitised_on": date(2026, 10, 15),
        "databases": (),
    }
    assert changes.keys() | unsent == ResultPaperEntry.model_fields.keys()
    before = mapping.paper_to_wire(PAPER, vocabulary)
    for name, value in changes.items():
        after = mapping.paper_to_wire(PAPER.model_copy(update={name: value}), vocabulary)
        assert sum(one != other for one, other in zip(before.values(), after.values(), strict=True)) == 1, name
    assert PaperQuery.model_fields.keys() == {"owner_number", "officer", "procedure_code", "wanted"}


def settings_vocabulary() -> mapping.Vocabulary:
    """Return the value lists of the default settings."""
    there = settings()
    return mapping.Vocabulary(
        owner_kinds={one: getattr(there.owner_kind_values, one.value) for one in OwnerKind},
        scopes={one: getattr(there.scope_values, one.value) for one in ValidityScope},
        date_format=there.date_format,
        databases_as=there.databases_as,
    )


@pytest.mark.parametrize(("members", "section"), [(OwnerKind, OwnerKindValues), (ValidityScope, ScopeValues)])
def test_a_value_table_has_one_field_per_canonical_value(members: type[StrEnum], section: type[BaseModel]) -> None:
    """A canonical value without a code cannot be overlooked."""
    assert set(section.model_fields) == {one.value for one in members}


@pytest.mark.parametrize("module", ["mapping.py", "wire.py"])
def test_the_mapping_imports_nothing_that_talks(module: str) -> None:
    """Translation is pure: no network, no clock, no file."""
    ours = imports_of(FOLDER / module)
    assert {name.split(".")[0] for name in ours} <= {
        "__future__", "adapters", "base64", "binascii", "collections", "contracts", "dataclasses", "datetime",
        "pydantic", "re", "typing", "unicodedata",
    }  # fmt: skip
    assert not any(part in name for name in ours for part in (".client", ".store.", ".settings", "transport"))


def test_the_simulator_shares_no_message_with_the_client() -> None:
    """What the simulator accepts comes from the facts and not from what our client happens to send."""
    for path in (FOLDER / "simulator").glob("*.py"):
        ours = {name for name in imports_of(path) if name.startswith("adapters.personal_store.")}
        assert {name for name in ours if ".simulator" not in name and ".settings." not in name} == set(), path.name
