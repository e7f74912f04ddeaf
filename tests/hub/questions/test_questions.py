"""Questions come in once with their deadline, are warned of, answered, and delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.transport.simulation.faults import FaultKind
from hub.profiles.profile import load_profile
from hub.questions.api import EXAMPLE
from hub.questions.settings import QuestionSettings
from hub.questions.watching import Fetched, QuestionWatch
from tests.hub.api.world import assert_problem, fresh_key
from tests.hub.subjects_world import PORTAL, SubjectWorld

ASKED = datetime(2026, 10, 8, 1, 15, tzinfo=UTC)
"""Thursday 8 October 2026, 08:15 in Vietnam."""
GIVE = "DongBoKetQuaHoiDapGuiTuDVCQG"
CONTENT = "Thủ tục này nộp ở đâu?"


def ask(world: SubjectWorld, number: str = "CH-1", **fields: str) -> None:
    told = {"title": "Hỏi", "content": CONTENT, "asker_name": "Trần Thị Mẫu", "asked_at": "20261008081500"}
    world.portal.app.portal.desk.ask("portal", number, **(told | fields))


def watch(world: SubjectWorld, *, at: datetime = ASKED, profile: str = "default") -> QuestionWatch:
    desks: Any = {PORTAL: world.portal.connection}
    return QuestionWatch(world.store, desks, QuestionSettings(), load_profile(profile), now=lambda: at)


async def listed(world: SubjectWorld, **query: Any) -> list[dict[str, Any]]:
    answer = await world.caller.get("/v1/questions", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def answer(world: SubjectWorld, question_id: str, **changes: Any) -> Any:
    return await world.caller.post(f"/v1/questions/{question_id}/answers", json=EXAMPLE | changes, headers=fresh_key())


async def test_a_question_comes_in_once_with_the_deadline_of_the_profile(world: SubjectWorld) -> None:
    """Ten working days by default, three in Bình Định; fetched again, nothing is added anywhere."""
    ask(world)
    ask(world)
    assert await watch(world).fetch(PORTAL) == Fetched(PORTAL, new=1, known=1), "named twice in one answer"
    assert await watch(world).fetch(PORTAL) == Fetched(PORTAL, known=2)
    (question,) = await listed(world)
    assert (question["state"], question["agency_code"]) == ("open", "000.00.00.H99")
    assert datetime.fromisoformat(question["due_at"]).date().isoformat() == "2026-10-22", "ten working days later"
    assert watch(world, profile="binh_dinh").due_at(ASKED).date().isoformat() == "2026-10-13", "three, over a weekend"
    events = await world.rows("SELECT kind, their_id, agency_code FROM inbox_events")
    assert events == [("question.received", "portal:CH-1", "000.00.00.H99")]
    view = (await world.caller.get(f"/v1/questions/{question['id']}")).json()
    assert (view["question"]["content"], view["answers"]) == (CONTENT, [])
    ((sealed,),) = await world.rows("SELECT sealed FROM questions")
    assert "Mẫu".encode() not in bytes(sealed)


async def test_the_two_lists_have_ids_of_their_own(world: SubjectWorld) -> None:
    """The same id in the portal's list and in ours is two questions."""
    ask(world)
    world.portal.app.portal.desk.ask("agency", "CH-1", content="Câu hỏi khác")
    assert await watch(world).fetch(PORTAL) == Fetched(PORTAL, new=2)
    assert {one["origin"] for one in await listed(world)} == {"portal", "agency"}


async def test_other_content_under_the_same_id_is_refused_once(world: SubjectWorld) -> None:
    """The first content stays; the inbox refuses the other and raises an alert, not at every poll."""
    ask(world)
    await watch(world).fetch(PORTAL)
    world.portal.app.portal.desk.reset()
    ask(world, content="Nội dung khác hẳn")
    for _ in range(3):
        assert await watch(world).fetch(PORTAL) == Fetched(PORTAL, refused=1)
    assert len(await world.rows("SELECT * FROM alerts WHERE cleared_at IS NULL")) == 1
    assert len(await world.rows("SELECT * FROM ledger_queue WHERE kind = 'inbound'")) == 2
    (question,) = await listed(world)
    view = (await world.caller.get(f"/v1/questions/{question['id']}")).json()
    assert view["question"]["content"] == CONTENT


async def test_a_question_answered_elsewhere_needs_nobody(world: SubjectWorld) -> None:
    """Where the portal holds an answer already, no officer is called; it is neither open nor overdue."""
    ask(world)
    desk = world.portal.app.portal.desk
    desk.answers["CH-1"] = [{"HOIDAPID": "CH-1", "NOIDUNGTRALOI": "Đã trả lời"}]
    await watch(world).fetch(PORTAL)
    assert await world.rows("SELECT * FROM inbox_events") == []
    assert [one["state"] for one in await listed(world)] == ["answered"]
    assert await listed(world, overdue="true") == []
    assert await watch(world, at=ASKED + timedelta(days=90)).watch() == 0


async def test_a_deadline_is_warned_of_twice_and_no_more(world: SubjectWorld) -> None:
    """Two working days before it, and when it has passed; through the inbox, without the question's words."""
    ask(world)
    await watch(world).fetch(PORTAL)
    assert await watch(world)._awake() == [PORTAL]
    await world.do("UPDATE connections SET paused = true WHERE id = %s", PORTAL)
    assert await watch(world)._awake() == [], "a stop is a stop; deadlines are watched all the same"
    due = watch(world).due_at(ASKED)
    assert await watch(world, at=due - timedelta(days=4)).watch() == 0
    for at, expected in ((due - timedelta(days=1), 1), (due - timedelta(hours=1), 0), (due + timedelta(hours=1), 1)):
        assert await watch(world, at=at).watch() == expected
    assert await watch(world, at=due + timedelta(days=30)).watch() == 0
    events = await world.rows("SELECT kind, their_id FROM inbox_events ORDER BY id")
    assert [one[1].split(":")[0] for one in events[1:]] == ["question_due_soon", "question_overdue"]
    assert {one[0] for one in events[1:]} == {"warning.raised"}


async def test_an_answer_travels_as_an_exchange(world: SubjectWorld) -> None:
    """Accepted durably, delivered once, in the question's own lane; then the question is answered."""
    ask(world)
    await watch(world).fetch(PORTAL)
    (question,) = await listed(world)
    key = fresh_key()
    path = f"/v1/questions/{question['id']}/answers"
    first = await world.caller.post(path, json=EXAMPLE, headers=key)
    again = await world.caller.post(path, json=EXAMPLE, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    receipt = first.json()
    assert again.json() == receipt
    assert_problem(await answer(world, question["id"]), 409, "already_answered", "id")
    async with world.delivering():
        done = await world.ended(receipt["exchange_id"])
    assert (done["state"], done["operation"], done["subject"]) == (
        "delivered",
        "push_answer",
        f"question:{question['id']}",
    )
    (held,) = world.portal.app.portal.desk.answers["CH-1"]
    assert held["NOIDUNGTRALOI"] == EXAMPLE["content"]
    assert [one["state"] for one in await listed(world)] == ["answered"]
    assert await listed(world, state="open") == []
    await watch(world).watch()
    assert await world.rows("SELECT state, answered_at IS NOT NULL FROM questions") == [("answered", True)]
    view = (await world.caller.get(f"/v1/questions/{question['id']}")).json()
    assert [one["content"] for one in view["answers"]] == [EXAMPLE["content"]]


async def test_a_lost_answer_is_settled_by_asking(world: SubjectWorld) -> None:
    """The portal took it and answered nonsense: it is asked, found there, and not sent a second time."""
    ask(world)
    await watch(world).fetch(PORTAL)
    (question,) = await listed(world)
    world.portal.app.late_faults.add(FaultKind.HTML_200, connection=PORTAL, operation=GIVE, count=1)
    receipt = (await answer(world, question["id"])).json()
    async with world.delivering():
        done = await world.ended(receipt["exchange_id"])
    assert done["state"] == "delivered"
    assert [one["outcome"] for one in done["attempt_list"]] == ["malformed", "settled"]
    assert len(world.portal.app.portal.desk.answers["CH-1"]) == 1


async def test_a_refused_answer_can_be_given_anew(world: SubjectWorld) -> None:
    """The portal says no: the question says so, stays due, and takes another answer."""
    ask(world)
    await watch(world).fetch(PORTAL)
    (question,) = await listed(world)
    questions = world.portal.app.portal.desk.questions
    taken, questions["portal"] = questions["portal"], []
    first = (await answer(world, question["id"])).json()
    async with world.delivering():
        assert (await world.ended(first["exchange_id"]))["state"] == "refused"
        (shown,) = await listed(world, state="answer_failed")
        assert shown["overdue"] is (datetime.fromisoformat(shown["due_at"]) < datetime.now(UTC))
        questions["portal"] = taken
        second = (await answer(world, question["id"])).json()
        assert (second["number"], (await world.ended(second["exchange_id"]))["state"]) == (2, "delivered")


async def test_questions_are_for_their_agencies(world: SubjectWorld) -> None:
    """A client of a ward sees the questions of that ward and of no other; a page ends where it says."""
    for number, agency in (("1", "H99.12"), ("2", "H99.13"), ("3", "H99.12.01")):
        ask(world, number, agency_code=agency, asked_at=f"2026100{number}080000")
    await watch(world).fetch(PORTAL)
    assert [one["agency_code"] for one in await listed(world)] == ["H99.12", "H99.13", "H99.12.01"]
    ward = await world.api.calling(agencies=["H99.12"])
    seen = (await ward.get("/v1/questions", params={"limit": 1})).json()
    assert [one["agency_code"] for one in seen["items"]] == ["H99.12"]
    rest = (await ward.get("/v1/questions", params={"cursor": seen["next_cursor"]})).json()
    assert [one["agency_code"] for one in rest["items"]] == ["H99.12.01"]
    assert rest["next_cursor"] is None
    other = next(one for one in await listed(world) if one["agency_code"] == "H99.13")
    assert_problem(await ward.get(f"/v1/questions/{other['id']}"), 404, "question_not_found")
    assert_problem(await ward.get("/v1/questions", params={"cursor": "x"}), 400, "bad_cursor")
    assert_problem(await answer(world, "không-phải-mã"), 404, "question_not_found")
    late = await answer(world, other["id"], answered_at="2099-01-01T00:00:00+07:00")
    assert_problem(late, 422, "in_the_future", "answered_at")
