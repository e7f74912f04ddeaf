"""Bad input is refused with its status, a stable code, the field at fault and a sentence in both languages.

And nothing is stored, and nothing will be sent: the tables are counted before and after each case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.hub.api.world import (
    CODE,
    DOSSIER,
    HANDLER,
    PORTAL,
    ApiWorld,
    assert_problem,
    cancellation,
    dossier,
    moment,
    result,
    step,
    supplement,
    withdrawal,
)

Body = dict[str, Any]
JSON = {"content-type": "application/json"}


def _without(body: Body, *path: str | int) -> Body:
    here: Any = body
    for part in path[:-1]:
        here = here[part]
    del here[path[-1]]
    return body


def _with(body: Body, value: object, *path: str | int) -> Body:
    here: Any = body
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return body


NFD = unicodedata.normalize("NFD", "Nguyễn Thị Mẫu")

FACTS: list[tuple[str, Callable[[], Body], str, str]] = [
    ("missing field", lambda: _without(dossier(), "agency"), "field_required", "agency"),
    ("missing deep", lambda: _without(dossier(), "applicant", "name"), "field_required", "applicant.name"),
    ("missing kind", lambda: _without(dossier(), "applicant", "kind"), "field_required", "applicant"),
    ("unknown field", lambda: dossier(colour="red"), "unknown_field", "colour"),
    ("unknown deep", lambda: _with(dossier(), 1, "fees", 0, "tax"), "unknown_field", "fees[0].tax"),
    ("unknown kind", lambda: _with(dossier(), "dog", "applicant", "kind"), "unknown_value", "applicant"),
    ("text for number", lambda: _with(dossier(), "1", "fees", 0, "amount_vnd"), "wrong_type", "fees[0].amount_vnd"),
    ("number for text", lambda: dossier(processing_unit=7), "wrong_type", "processing_unit"),
    ("fraction", lambda: _with(dossier(), 1.5, "fees", 0, "amount_vnd"), "wrong_type", "fees[0].amount_vnd"),
    ("object for list", lambda: dossier(components={}), "wrong_type", "components"),
    ("list for object", lambda: dossier(agency=[]), "wrong_type", "agency"),
    ("null", lambda: dossier(channel=None), "unknown_value", "channel"),
    ("negative fee", lambda: _with(dossier(), -1, "fees", 0, "amount_vnd"), "too_small", "fees[0].amount_vnd"),
    ("unknown channel", lambda: dossier(channel="fax"), "unknown_value", "channel"),
    ("no such day", lambda: dossier(submitted_at="2026-02-30T08:00:00+07:00"), "not_a_date_time", "submitted_at"),
    ("no offset", lambda: dossier(submitted_at="2026-10-08T08:00:00"), "offset_required", "submitted_at"),
    ("day only", lambda: dossier(submitted_at="2026-10-08"), "not_a_date_time", "submitted_at"),
    ("unix time", lambda: dossier(submitted_at=1_760_000_000), "not_a_date_time", "submitted_at"),
    ("too early", lambda: dossier(submitted_at="1826-10-08T08:00:00+07:00"), "impossible_date", "submitted_at"),
    ("too late", lambda: dossier(due_at="2126-10-08T08:00:00+07:00"), "impossible_date", "due_at"),
    (
        "in the future",
        lambda: dossier(submitted_at=moment(72), received_at=None, due_at=None),
        "in_the_future",
        "submitted_at",
    ),
    ("received before submitted", lambda: dossier(received_at=moment(-1)), "dates_out_of_order", ""),
    ("due before received", lambda: dossier(due_at=moment(-1)), "dates_out_of_order", ""),
    ("NFD", lambda: _with(dossier(), NFD, "applicant", "name"), "not_nfc", "applicant.name"),
    ("NFD summary", lambda: dossier(summary=NFD), "not_nfc", "summary"),
    ("control", lambda: dossier(summary="a\u0007b"), "control_character", "summary"),
    ("escaped NUL", lambda: dossier(summary="a\u0000b"), "control_character", "summary"),
    ("blank", lambda: dossier(processing_unit="   "), "blank", "processing_unit"),
    ("empty", lambda: dossier(processing_unit=""), "too_short", "processing_unit"),
    ("long line", lambda: dossier(processing_unit="x" * 256), "too_long", "processing_unit"),
    ("long summary", lambda: dossier(summary="x" * 1001), "too_long", "summary"),
    ("long note", lambda: dossier(note="x" * 2001), "too_long", "note"),
    (
        "9 digits",
        lambda: _with(dossier(), "099199000", "applicant", "identifiers", 0, "value"),
        "personal_number",
        "applicant.identifiers[0].value",
    ),
    (
        "13 digits",
        lambda: _with(dossier(), "0991990001234", "applicant", "identifiers", 0, "value"),
        "personal_number",
        "applicant.identifiers[0].value",
    ),
    (
        "number as number",
        lambda: _with(dossier(), 99199000123, "applicant", "identifiers", 0, "value"),
        "wrong_type",
        "applicant.identifiers[0].value",
    ),
    (
        "card of 12",
        lambda: _with(
            dossier(), [{"kind": "identity_card_9", "value": "099199000123"}], "applicant", "identifiers"
        ),
        "identity_card_9",
        "applicant.identifiers[0].value",
    ),
    ("no identifier", lambda: _with(dossier(), [], "applicant", "identifiers"), "too_few", "applicant.identifiers"),
    (
        "wrong check digit",
        lambda: dossier(applicant={"kind": "enterprise", "name": "Công ty Mẫu", "enterprise_code": "9999999990"}),
        "enterprise_code",
        "applicant.enterprise_code",
    ),
    (
        "not a code",
        lambda: dossier(applicant={"kind": "agency", "name": "Sở Mẫu", "agency_code": "99"}),
        "agency_code",
        "applicant.agency_code",
    ),
    ("agency code", lambda: _with(dossier(), "H9", "agency", "code"), "agency_code", "agency.code"),
    ("procedure code", lambda: _with(dossier(), "TS_lop1", "procedure", "code"), "procedure_code", "procedure.code"),
    (
        "unknown procedure",
        lambda: _with(dossier(), "2.000001.H99", "procedure", "code"),
        "unknown_procedure",
        "procedure.code",
    ),
    (
        "digitised without file",
        lambda: _with(dossier(), [], "components", 0, "files"),
        "digitised_without_file",
        "components[0]",
    ),
    ("same file twice", lambda: _with(dossier(), "103", "components", 0, "files", 0, "id"), "duplicate_file_id", ""),
    ("not an address", lambda: _with(dossier(), "ftp://x/y/z", "components", 0, "files", 0, "url"), "wrong_form",
     "components[0].files[0].url"),
    ("other province", lambda: _with(dossier(), "H98.12", "agency", "code"), "agency_mismatch", "agency.code"),
    ("an array", list, "wrong_type", ""),  # type: ignore[arg-type, return-value]
]  # fmt: skip


@pytest.mark.slow
async def test_a_declaration_is_refused(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """422 with the field; nothing of the declaration is stored."""
    for name, body, code, field in FACTS:
        with subtests.test(name):
            answer = await api.caller.put(DOSSIER, json=body())
            assert_problem(answer, 422, code, field)
            assert set((await api.stored()).values()) == {0}


EVENTS: list[tuple[str, str, Callable[[], Body], int, str, str]] = [
    ("unknown state", "steps", lambda: step(state="lost"), 422, "unknown_value", "state"),
    ("state by number", "steps", lambda: step(state=4), 422, "unknown_value", "state"),
    ("pause, unlawful reason", "steps", lambda: step(pause="holiday"), 422, "unknown_value", "pause"),
    (
        "state 6 without reason",
        "steps",
        lambda: step(state="financial_obligation_requested"),
        422,
        "pause_reason_required",
        "pause",
    ),
    ("long officer", "steps", lambda: step(handler=HANDLER | {"name": "x" * 51}), 422, "too_long", "handler.name"),
    ("no officer", "steps", lambda: _without(step(), "handler"), 422, "field_required", "handler"),
    ("other kind", "steps", lambda: step(kind="result"), 422, "unknown_value", "kind"),
    ("started after", "steps", lambda: step(started_at=moment(5)), 422, "dates_out_of_order", ""),
    ("in the future", "steps", lambda: step(occurred_at=moment(48)), 422, "in_the_future", "occurred_at"),
    ("before submission", "steps", lambda: step(occurred_at=moment(-2)), 422, "before_submission", "occurred_at"),
    ("backwards", "steps", lambda: step(state="newly_registered"), 409, "transition_not_allowed", "state"),
    ("no kind", "supplements", lambda: _without(supplement(), "kind"), 422, "field_required", ""),
    ("wrong kind", "supplements", lambda: supplement(kind="step"), 422, "unknown_value", ""),
    (
        "deep in a union",
        "supplements",
        lambda: supplement(papers=[{"name": NFD}]),
        422,
        "not_nfc",
        "papers[0].name",
    ),
    ("no code", "results", lambda: _without(result(), "catalogue_code"), 422, "field_required", "catalogue_code"),
    ("no file", "results", lambda: result(files=[]), 422, "too_few", "files"),
    ("blank reason", "withdrawals", lambda: withdrawal(reason="  "), 422, "blank", "reason"),
    ("asked after done", "withdrawals", lambda: withdrawal(requested_at=moment(3)), 422, "dates_out_of_order", ""),
    (
        "one person",
        "cancellations",
        lambda: cancellation(approved_by=cancellation()["requested_by"]),
        422,
        "same_person",
        "",
    ),
    ("unknown reason", "cancellations", lambda: cancellation(reason="bored"), 422, "unknown_value", "reason"),
]  # fmt: skip


async def test_an_event_is_refused(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """The same for events: 422 for what is wrong in itself, 409 for what the dossier's state forbids."""
    await api.put()
    before = await api.stored()
    for name, what, body, status, code, field in EVENTS:
        with subtests.test(name):
            assert_problem(await api.post(what, body()), status, code, field)
            assert await api.stored() == before


RAW: list[tuple[str, bytes, int, str]] = [
    ("empty", b"", 400, "body_missing"),
    ("spaces", b"  \n ", 400, "body_missing"),
    ("cut off", b'{"procedure": {"code": ', 400, "malformed_json"),
    ("no JSON", b"hello", 400, "malformed_json"),
    ("two documents", b"{}{}", 400, "malformed_json"),
    ("raw NUL", b'{"summary": "a\x00b"}', 400, "malformed_json"),
    ("invalid UTF-8", b'{"summary": "\xff\xfe"}', 400, "malformed_json"),
    ("UTF-16", '{"summary": "a"}'.encode("utf-16"), 400, "malformed_json"),
    ("byte order mark", b'\xef\xbb\xbf{"summary": "a"}', 400, "malformed_json"),
    ("lone surrogate", b'{"summary": "\\ud800"}', 400, "malformed_json"),
    ("deep", b'{"summary": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "malformed_json"),
    ("deep objects", b'{"a":' * 2000 + b"1" + b"}" * 2000, 400, "malformed_json"),
    ("number out of bounds", b'{"fees": 1' + b"0" * 5000 + b"}", 400, "malformed_json"),
    ("single quotes", b"{'a': 1}", 400, "malformed_json"),
    ("too large", b'{"summary": "' + b"x" * 1_048_576 + b'"}', 413, "body_too_large"),
]


async def test_what_is_no_json_is_refused(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """A body that cannot be read is 400, one that is too large 413; both languages, nothing stored."""
    for name, body, status, code in RAW:
        with subtests.test(name):
            answer = await api.caller.put(DOSSIER, content=body, headers=JSON)
            assert_problem(answer, status, code, "")
            assert set((await api.stored()).values()) == {0}


async def test_malformed_json_is_located(api: ApiWorld) -> None:
    """The sentence says where the JSON breaks, in both languages."""
    answer = await api.caller.put(DOSSIER, content=b'{"a": 1,\n "b": }', headers=JSON)
    problem = assert_problem(answer, 400, "malformed_json")
    assert "line 2, column 7" in problem["detail"]
    assert "dòng 2, cột 7" in problem["detail_vi"]


async def test_all_faults_are_listed_at_once(api: ApiWorld) -> None:
    """An integrator repairs a document in one round: every fault is named, the first on top."""
    body = _without(dossier(channel="fax", summary=NFD), "agency")
    problem = assert_problem(await api.caller.put(DOSSIER, json=body), 422, "field_required", "agency")
    assert [(one["code"], one["field"]) for one in problem["errors"]] == [
        ("field_required", "agency"),
        ("unknown_value", "channel"),
        ("not_nfc", "summary"),
    ]


async def test_the_list_of_faults_is_bounded(api: ApiWorld) -> None:
    """A document of nothing but faults does not become an answer without end."""
    problem = assert_problem(
        await api.caller.put(DOSSIER, json={f"x{n}": 1 for n in range(500)}), 422, "field_required"
    )
    assert len(problem["errors"]) == 20


async def test_a_wrong_code_in_the_address(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """The dossier code is checked before the body is looked at; the field is ``code``."""
    for code in ("x", "H99.12", "H99.12-261308-0001", "H99.12-261008-1", "H99.12-261008-0001x", "%00", "a%20b"):
        for method in ("GET", "PUT"):
            with subtests.test(f"{method} {code}"):
                answer = await api.caller.request(method, f"/v1/dossiers/{code}", json=dossier())
                assert_problem(answer, 422, "dossier_code", "code")
    assert set((await api.stored()).values()) == {0}


HEADERS: list[tuple[str, dict[str, str], int, str, str]] = [
    ("If-Match without quotes", {"if-match": "1"}, 400, "if_match_invalid", "If-Match"),
    ("weak tag", {"if-match": 'W/"1"'}, 400, "if_match_invalid", "If-Match"),
    ("list", {"if-match": '"1", "2"'}, 400, "if_match_invalid", "If-Match"),
    ("star", {"if-match": "*"}, 400, "if_match_invalid", "If-Match"),
    ("zero", {"if-match": '"0"'}, 400, "if_match_invalid", "If-Match"),
    ("If-None-Match with a tag", {"if-none-match": '"1"'}, 400, "if_none_match_invalid", "If-None-Match"),
    ("text", {"content-type": "text/plain"}, 415, "unsupported_media_type", "Content-Type"),
    ("form", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", "Content-Type"),
    (
        "other charset",
        {"content-type": "application/json; charset=utf-16"},
        415,
        "unsupported_media_type",
        "Content-Type",
    ),
    ("gzip", {"content-encoding": "gzip"}, 415, "unsupported_encoding", "Content-Encoding"),
]


async def test_headers_are_refused(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """A condition or a type that is not understood is refused, never ignored."""
    for name, headers, status, code, field in HEADERS:
        with subtests.test(name):
            answer = await api.caller.put(DOSSIER, content=orjson.dumps(dossier()), headers=JSON | headers)
            assert_problem(answer, status, code, field)
            assert set((await api.stored()).values()) == {0}


KEYS: list[tuple[str, dict[str, Any], str]] = [
    ("none", {}, "idempotency_key_required"),
    ("empty", {"idempotency-key": ""}, "idempotency_key_invalid"),
    ("spaces", {"idempotency-key": "two words"}, "idempotency_key_invalid"),
    ("too long", {"idempotency-key": "x" * 256}, "idempotency_key_invalid"),
    ("not ASCII", {"idempotency-key": "khoá".encode()}, "idempotency_key_invalid"),
]


async def test_every_post_needs_a_key(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """Without a key a repeated POST could not be told from a second one."""
    await api.put()
    before = await api.stored()
    connection = f"/v1/connections/{PORTAL}"
    for path in (f"{DOSSIER}/steps", f"{connection}/pause", f"{connection}/resume"):
        for name, headers, code in KEYS:
            with subtests.test(f"{path} {name}"):
                answer = await api.caller.post(path, json=step(), headers=headers)
                assert_problem(answer, 400, code, "Idempotency-Key")
                assert await api.stored() == before


async def test_the_longest_key_is_accepted(api: ApiWorld) -> None:
    """255 characters are within bounds, and two keys that differ in the last one are two."""
    await api.put()
    for last in "ab":
        answer = await api.caller.post(f"{DOSSIER}/steps", json=step(), headers={"idempotency-key": "k" * 254 + last})
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers


async def test_json_with_a_charset_is_json(api: ApiWorld) -> None:
    """The harmless spelling of the media type is accepted."""
    headers = {"content-type": "Application/JSON;  charset=UTF-8"}
    answer = await api.caller.put(DOSSIER, content=orjson.dumps(dossier()), headers=headers)
    assert answer.status_code == 201


QUERIES: list[tuple[str, int, str, str]] = [
    ("limit=0", 422, "too_small", "limit"),
    ("limit=501", 422, "too_large", "limit"),
    ("limit=many", 422, "wrong_type", "limit"),
    ("colour=red", 422, "unknown_field", "colour"),
    ("state=lost", 422, "unknown_value", "state"),
    ("since=2026-13-01T00:00:00Z", 422, "not_a_date_time", "since"),
    ("since=2026-10-08T00:00:00", 422, "offset_required", "since"),
    ("subject=x", 422, "dossier_code", "subject"),
    ("connection=a%00b", 422, "wrong_form", "connection"),
    ("operation=A%20B", 422, "wrong_form", "operation"),
    ("limit=1&limit=2", 400, "repeated_parameter", ""),
    ("connection=%ff", 400, "malformed_query", ""),
    ("cursor=x", 400, "bad_cursor", "cursor"),
]


async def test_a_query_is_refused(api: ApiWorld, subtests: pytest.Subtests) -> None:
    """A filter that is not understood is refused: leaving it out would answer another question."""
    for query, status, code, field in QUERIES:
        with subtests.test(query):
            assert_problem(await api.caller.get(f"/v1/exchanges?{query}"), status, code, field)


async def test_an_unknown_key_never_becomes_part_of_the_answer(api: ApiWorld) -> None:
    """A field name is the sender's own text; what does not look like a name is not repeated."""
    answer = await api.caller.put(DOSSIER, json=dossier() | {"099199000123 Trần": 1})
    problem = assert_problem(answer, 422, "unknown_field", "?")
    assert "099199000123" not in str(problem)


async def test_code_is_the_one_in_the_address(api: ApiWorld) -> None:
    """The dossier is stored under the code of the address; a body cannot name another."""
    assert_problem(await api.caller.put(DOSSIER, json=dossier(code=CODE)), 422, "unknown_field", "code")
