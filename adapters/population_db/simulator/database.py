"""The database itself: whom it knows, what it refuses, what it answers. Knows nothing of HTTP.

It refuses what the published message forbids and deployed clients did: elements out of their order, a request id that
comes again, an officer without a number, a permission that was not given. All people in it are invented.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.population_db.settings import PopulationSettings
from adapters.population_db.simulator import writing
from adapters.population_db.simulator.people import Person, Population, populate
from adapters.transport.simulation.faults import RecordFault
from adapters.transport.xml import XmlNode

CITIZEN_CALLS = {
    "TraCuuThongTinCongDan": "look_up",
    "CungCapThongTinCongDan": "provide",
    "CungCapThongTinNhomMau": "blood_group",
    "CungCapThongTinHoGiaDinh": "household",
}
VERDICT_CALLS = {
    "XacThucThongTinCongDan": "identity",
    "XacMinhThongTinNhanThan": "relative",
    "XacMinhThongTinNguoiGiamHo": "guardian",
    "XacMinhThongTinChuHo": "household_head",
    "XacMinhThongTinNoiOHienTai": "present_residence",
    "XacMinhTinhTrangHonNhan": "marital_status",
    "XacMinhTinhTrangChetMatTich": "death",
}
CALLS = CITIZEN_CALLS | VERDICT_CALLS

_HEAD = ("MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo")
_UNIT = ("MaDonVi", "TaiKhoan", "SoDienThoai")
_OFFICER = re.compile(r"[0-9]{12}")
_ASKED_NAME = {"joined": re.compile(r"[A-Z0-9]+"), "spaced": re.compile(r"[A-Z0-9]+( [A-Z0-9]+)*")}
_KEPT_QUESTIONS = 1000


class Refusal(Exception):  # noqa: N818 - the database's way of saying no
    """A call is refused; ``code`` is that of a SOAP fault."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


@dataclass(slots=True)
class Question:
    """A call as it was understood."""

    call: str
    fields: dict[str, str]
    subject: XmlNode | None = None
    """What is to be confirmed, where something is."""
    birth: dict[str, str] = field(default_factory=dict)


class SimulatedDatabase:
    """State and rules of the simulated database."""

    def __init__(self, settings: PopulationSettings, *, seed: int = 0) -> None:
        self._settings = settings
        self._seed = seed
        self.counts: Counter[tuple[str, str]] = Counter()
        self.questions: deque[dict[str, str]] = deque(maxlen=_KEPT_QUESTIONS)
        """The last calls as they were understood: who asked, with which request id, about whom."""
        self.people = Population()
        self._request_ids: set[str] = set()
        self._quick: dict[bytes, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """Begin again with the invented people."""
        self.counts.clear()
        self.questions.clear()
        self._request_ids.clear()
        self._quick.clear()
        self.people = populate(self._seed, self._settings.sandbox.people)

    def seed(self, people: list[Person]) -> None:
        """Put people in, or in place of those with the same numbers."""
        for one in people:
            self.people.add(one)
        self._quick.clear()

    # --- answering --------------------------------------------------------------------------------------

    def answer(self, question: Question, fault: RecordFault | None = None) -> str:
        """Return the answer's element, with a wrong record where one is wished for. Raises `Refusal`."""
        self._admit(question)
        person = self._person(question)
        if question.call in VERDICT_CALLS:
            return self._verdict(question, person)
        return self.records(question.call, person, fault)

    def records(self, call: str, person: Person | None, fault: RecordFault | None = None) -> str:
        """Return what a call for citizens tells of a person."""
        if fault is RecordFault.WRONG_RECORD:
            person = self.people.other_than(person)
        if person is None or fault is RecordFault.EMPTY_RECORD:
            return writing.collection((), 0)
        if call == "CungCapThongTinNhomMau":
            return writing.collection([writing.blood_group(person)], 1)
        members = self.people.households[person.household] if call == "CungCapThongTinHoGiaDinh" else [person]
        told = [
            writing.citizen(
                one,
                self.people,
                year_only=fault is RecordFault.YEAR_ONLY,
                unknown_codes=fault is RecordFault.UNKNOWN_CODES,
            )
            for one in members
        ]
        if fault is RecordFault.TWO_RECORDS:
            told *= 2
        return writing.collection(told, len(told))

    def quick(self, number: bytes) -> bytes:
        """Return the whole answer to `TraCuuThongTinCongDan` by the number alone, made once for each person."""
        made = self._quick.get(number)
        if made is None:
            person = self.people.by_number.get(number.decode("ascii", "replace"))
            made = writing.envelope(self.records("TraCuuThongTinCongDan", person)).encode()
            if person is not None:
                self._quick[number] = made
        return made

    # --- rules ------------------------------------------------------------------------------------------

    def _admit(self, question: Question) -> None:
        told = question.fields
        permission = getattr(self._settings.integration_codes, CALLS[question.call])
        if not told["MaTichHop"] or told["MaTichHop"] != permission:
            raise Refusal("Client.MaTichHop", "Mã tích hợp không được cấp cho dịch vụ này")
        if not told["MaDVC"]:
            raise Refusal("Client.MaDVC", "Thiếu mã dịch vụ công")
        officer = told["MaCanBo"]
        if not officer or (self._settings.officer_id == "personal_number" and _OFFICER.fullmatch(officer) is None):
            raise Refusal("Client.MaCanBo", "Cán bộ không có số định danh")
        if _ASKED_NAME[self._settings.name_form].fullmatch(told["HoVaTen"]) is None:
            raise Refusal("Client.HoVaTen", f"Họ tên {told['HoVaTen']} không đúng định dạng")
        if not told["MaYeuCau"] or told["MaYeuCau"] in self._request_ids:
            raise Refusal("Client.MaYeuCau", "Mã yêu cầu trùng lặp")
        self._request_ids.add(told["MaYeuCau"])
        self.questions.append(
            {
                "call": question.call,
                "request_id": told["MaYeuCau"],
                "officer": officer,
                "subject": told.get("SoDinhDanh") or told.get("SoCMND", ""),
                "name": told["HoVaTen"],
                "service_code": told["MaDVC"],
                "integration_code": told["MaTichHop"],
                "unit": told.get("MaDonVi", ""),
                "account": told.get("TaiKhoan", ""),
            }
        )

    def _person(self, question: Question) -> Person | None:
        told = question.fields
        person = self.people.by_number.get(told.get("SoDinhDanh", "")) or self.people.by_card.get(
            told.get("SoCMND", "")
        )
        if person is None or told["HoVaTen"] != person.asked_name(self._settings.name_form):
            return None
        day, year = question.birth.get("NgayThangNam", ""), question.birth.get("Nam", "")
        is_right = day == person.birth or ((year or day[:4]) == person.birth[:4] and (person.year_only or not day))
        return person if is_right else None

    def _verdict(self, question: Question, person: Person | None) -> str:
        if question.call == "XacThucThongTinCongDan":
            return writing.verdict("true" if person is not None else "false")
        if person is None:
            return writing.verdict("")
        if question.call == "XacMinhTinhTrangHonNhan" and question.subject is None:
            return writing.verdict("true", person.married)
        holds = _RULES[question.call](self.people, person, question.subject)
        return writing.verdict("true" if holds else "false")


def read_question(call: str, node: XmlNode, settings: PopulationSettings) -> Question:
    """Return a call's elements; they must be all of them, in the published order. Raises `Refusal`."""
    head = (*_HEAD, *(_UNIT if settings.unit_elements else ()))
    names = [one.name for one in node.children]
    number = names[len(head)] if len(names) > len(head) else ""
    wanted = [*head, number, "HoVaTen", "NgayThangNamSinh"]
    if number not in {"SoDinhDanh", "SoCMND"} or names[: len(wanted)] != wanted:
        raise Refusal("Client", "Thông điệp sai thứ tự hoặc thiếu phần tử")
    rest = node.children[len(wanted) :]
    subject = getattr(settings.element_names, CALLS[call], None)
    is_optional = call == "XacMinhTinhTrangHonNhan"
    if [one.name for one in rest] != ([] if subject is None or (is_optional and not rest) else [subject]):
        raise Refusal("Client", "Thông điệp sai thứ tự hoặc có phần tử không xác định")
    birth = node.children[len(wanted) - 1].children
    if [one.name for one in birth] not in (["NgayThangNam"], ["Nam"]):
        raise Refusal("Client", "Ngày sinh không đúng định dạng")
    return Question(
        call=call,
        fields={one.name: one.text for one in node.children[: len(wanted) - 1]},
        subject=rest[0] if rest else None,
        birth={one.name: one.text for one in birth},
    )


# --- what can be confirmed ----------------------------------------------------------------------------------

_Rule = Callable[[Population, Person, XmlNode | None], bool]


def _named(people: Population, node: XmlNode | None) -> Person | None:
    told = {one.name: one.text for one in node.children} if node is not None else {}
    return people.by_number.get(told.get("SoDinhDanh", "")) or people.by_card.get(told.get("SoCMND", ""))


def _is_relative(people: Population, person: Person, node: XmlNode | None) -> bool:
    other = _named(people, node)
    near = {person.father, person.mother, person.spouse}
    return other is not None and (other.number in near or person.number in {other.father, other.mother})


def _is_guardian(people: Population, person: Person, node: XmlNode | None) -> bool:
    other = _named(people, node)
    return other is not None and other.number == person.representative


def _is_head(people: Population, person: Person, node: XmlNode | None) -> bool:
    other = _named(people, node)
    return other is not None and other.number == person.head


def _lives_there(_people: Population, person: Person, node: XmlNode | None) -> bool:
    told = {one.name: one.text for one in node.children} if node is not None else {}
    return told.get("MaPhuongXa") == person.home.commune and told.get("ChiTiet") in {"", person.home.detail}


_RULES: dict[str, _Rule] = {
    "XacMinhThongTinNhanThan": _is_relative,
    "XacMinhThongTinNguoiGiamHo": _is_guardian,
    "XacMinhThongTinChuHo": _is_head,
    "XacMinhThongTinNoiOHienTai": _lives_there,
    "XacMinhTinhTrangHonNhan": lambda _people, person, node: node is not None and node.text == person.married,
    "XacMinhTinhTrangChetMatTich": lambda _people, person, _node: person.dead,
}


def as_node(name: str, value: Any) -> XmlNode:
    """Return a JSON value of the façade as the element it stands for."""
    if isinstance(value, dict):
        return XmlNode(name, children=[as_node(key, one) for key, one in value.items()])
    return XmlNode(name, text=str(value))
