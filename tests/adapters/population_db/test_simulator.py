"""The simulated database: it takes what the facts promise, refuses what they forbid, and its people are invented."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from adapters.population_db.settings import PopulationSettings
from adapters.population_db.simulator import SimulatorApp
from adapters.population_db.simulator.people import Person, populate
from adapters.population_db.simulator.sandbox import ACCOUNT
from contracts.codes import check_person_consistency, parse_identity_card_9, parse_personal_number
from contracts.conformance import Stage, staged
from contracts.population import BirthDate, CitizenQuestion, Extent
from tests.adapters.population_db.test_conformance import subject_of
from tests.adapters.population_db.worlds import ASKER, SAMPLE_REQUEST, SECRET, SERVICE_URL, settings

CLOCK = 1_791_417_600.0


def simulator(**changes: Any) -> SimulatorApp:
    """Return a simulated database at a fixed moment."""
    return SimulatorApp(settings(**changes), clock=lambda: CLOCK)


def proof(timestamp: str = "1791417600000", secret: str = SECRET) -> list[tuple[bytes, bytes]]:
    """Return the headers of a direct call, made from the facts and not by our client."""
    digest = hashlib.sha256(f"{SERVICE_URL}H99{timestamp}{secret}".encode()).hexdigest()
    pair = base64.b64encode(f"H99:{digest}".encode())
    return [(b"authorization", b"Basic " + pair), (b"timestamp", timestamp.encode())]


async def call(app: Any, body: str, headers: list[tuple[bytes, bytes]], path: str = "/dancu") -> tuple[int, str]:
    """POST a body in process and return status and answer."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent).decode()


async def test_the_sample_of_the_facts_is_answered() -> None:
    """§5.3, sent as it stands; the same again is refused, because its request id has been seen."""
    app = simulator()
    status, told = await call(app, SAMPLE_REQUEST, proof())
    assert status == 200
    assert "<ns1:SoDinhDanh>099199000123</ns1:SoDinhDanh>" in told
    assert 'SoCongDan="1"' in told
    status, told = await call(app, SAMPLE_REQUEST, proof())
    assert (status, "Client.MaYeuCau" in told) == (500, True)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        proof(secret="khac"),
        proof("1791417600"),
        proof("1791417000000"),
        proof("không phải số"),
        [(b"authorization", b"Basic !!"), (b"timestamp", b"1791417600000")],
        [proof()[0], (b"timestamp", b"1791417600001")],
    ],
)
async def test_a_wrong_proof_opens_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    """Another secret, a digest of another moment, a moment ten minutes ago."""
    app = simulator()
    assert await call(app, SAMPLE_REQUEST, headers) == (401, "Unauthorized")
    assert not app.database.questions


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<d:MaTichHop>037</d:MaTichHop><d:MaCanBo>", "<d:MaCanBo>"),
        (
            "<d:MaDVC>1.000001</d:MaDVC>\n  <d:MaTichHop>037</d:MaTichHop>",
            "<d:MaTichHop>037</d:MaTichHop><d:MaDVC>1</d:MaDVC>",
        ),
        ("037", "038"),
        ("<d:MaCanBo>099199000999", "<d:MaCanBo>CHUNG"),
        ("TRANTHIMAU", "Trần Thị Mẫu"),
        ("TRANTHIMAU", "TRAN THI MAU"),
        ("</d:NgayThangNamSinh>", "</d:NgayThangNamSinh><d:Them>1</d:Them>"),
        ("NgayThangNam>", "Ngay>"),
        ("SoDinhDanh", "SoGiayTo"),
        ("</soapenv:Body>", ""),
    ],
)
async def test_what_the_facts_forbid_is_refused(old: str, new: str) -> None:
    """Elements out of order, missing or too many; no permission; no officer; a name in another form."""
    assert old in SAMPLE_REQUEST
    app = simulator()
    status, told = await call(app, SAMPLE_REQUEST.replace(old, new), proof())
    assert status in {404, 500}
    assert "SoCongDan" not in told
    assert not app.database.questions


def test_people_are_invented_consistent_and_the_same_again() -> None:
    """Numbers of province 099 that agree with sex and birth; families whose members know each other."""
    people, again, other = populate(7, 300), populate(7, 300), populate(8, 300)
    assert people == again != other
    assert len(people.by_number) >= 300
    for one in people.by_number.values():
        assert parse_personal_number(one.number).startswith("099")
        year = int(one.birth[:4])
        check_person_consistency(one.number, None, year)
        assert int(one.number[3]) % 2 == one.sex - 1
        if one.card:
            assert people.by_card[parse_identity_card_9(one.card)] is one
        assert {one.father, one.mother, one.spouse, one.head} - {""} <= people.by_number.keys()
        assert one in people.households[one.household]
    told = list(people.by_number.values())
    for kind in (
        lambda one: one.year_only,
        lambda one: one.in_parts,
        lambda one: one.home.district,
        lambda one: one.card,
    ):
        assert 0 < sum(bool(kind(one)) for one in told) < len(told)


def question_about(person: Person) -> CitizenQuestion:
    """Return a correct question."""
    return CitizenQuestion(number=person.number, name=person.name, birth=BirthDate(year=int(person.birth[:4])))


async def test_given_people_are_known_at_once() -> None:
    """`seed` puts them in or in place of others; what is wrong with it is told by its place."""
    async with staged(subject_of()) as stage:
        told = {
            "number": "099301000777", "name": "Đỗ Thị & <Thử>", "birth": "20010203", "sex": 2, "married": "3"
        }  # fmt: skip
        assert (await stage.control("POST", "/seed", {"people": [told]}))[0] == 200
        assert (await stage.control("POST", "/seed", {"people": [told | {"married": "2"}]}))[0] == 200
        question = CitizenQuestion(number="099301000777", name="Đỗ Thị Thử", birth=BirthDate(year=2001))
        found = await stage.connection.find_citizen(question, ASKER, Extent.USUAL)
        assert found.name == "ĐỖ THỊ & <THỬ>"
        assert found.marital_status == "married"
        household = await stage.connection.find_household(question, ASKER)
        assert [one.person.number for one in household.members] == ["099301000777"]
        status, refused = await stage.control("POST", "/seed", {"people": [told | {"number": "1"}]})
        assert (status, refused["field"]) == (422, "people.0.number")
        _, listed = await stage.control("GET", "/people")
        assert {"number", "name", "birth", "sex", "commune", "detail", "household"} == set(listed[0])


async def test_everybody_can_be_asked_about() -> None:
    """A sample of all shapes that the generator makes, without drift: what is told fits what is published."""
    async with staged(subject_of(sandbox={"people": 60})) as stage:
        people = populate(0, 60)
        for number, person in enumerate(people.by_number.values()):
            asker = ASKER.model_copy(update={"lookup_id": f"0199b3c4-0000-7000-8000-{number:012x}"})
            found = await stage.connection.find_citizen(question_about(person), asker, Extent.USUAL)
            assert found.number == person.number
            assert found.birth.day is None or found.birth.day.strftime("%Y%m%d") == person.birth
        assert stage.drift == []


async def test_at_once_means_by_the_number_alone() -> None:
    """For measuring: the same answer as else, whoever asks, again and again, without keeping anything."""
    slow, quick = simulator(), simulator(sandbox={"quick": True})
    expected = await call(slow, SAMPLE_REQUEST, proof())
    for _ in range(2):
        assert await call(quick, SAMPLE_REQUEST, []) == expected
    status, told = await call(quick, SAMPLE_REQUEST.replace("099199000123", "099199999999"), [])
    assert (status, "<ns1:CongDan/>" in told) == (200, True)
    assert not quick.database.questions


async def test_the_sandbox_uses_no_key_of_the_deployment() -> None:
    """Addresses, secrets, files of keys and certificates are its own, whatever is configured."""
    http = {"ca_file": "/khong/co.pem", "client_certificate_file": "/khong/co.pem"}
    lgsp = {"lgsp": {"base_url": "https://lgsp.h99.example", "http": http}, "officer_keys_file": "/khong/co.toml"}
    async with staged(subject_of(way="lgsp", lgsp=lgsp)) as stage:
        made = stage.settings
        assert isinstance(made, PopulationSettings)
        assert made.lgsp is not None
        assert made.lgsp.officer_keys_file is None
        assert set(made.lgsp.officer_keys) == {ACCOUNT}
        assert made.http().ca_file is None
        assert made.addresses()[0].startswith("http://127.0.0.1:")
        asker = ASKER.model_copy(update={"account_id": ACCOUNT})
        await _asked(stage, asker)


async def _asked(stage: Stage, asker: Any) -> None:
    person = populate(0, 1).by_number["099199000123"]
    assert await stage.connection.find_citizen(question_about(person), asker, Extent.USUAL) is not None
