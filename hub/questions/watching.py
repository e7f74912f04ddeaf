"""Questions fetched from the partners, each once, and their deadlines watched.

A new question gets its deadline from the province's profile and becomes an event of the inbox. The partner lists all
of its questions at every call, so one that is here already is left alone; one that comes again with another content
is refused by the inbox, once for each such content, and an alert is raised.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
import uuid_utils.compat
from psycopg import AsyncConnection

from contracts.calendar import VIETNAM, WorkingCalendar
from contracts.codes import is_procedure_code, procedure_root
from contracts.errors import LienThongError, Malformed, Rejected
from contracts.inbox import Declarant, EarlyWarning, InboxKind, QuestionReceived
from contracts.ports import QuestionDesk
from contracts.questions import Question
from hub.health.windows import in_maintenance
from hub.inbox.receiving import Inbound, announce, receive
from hub.profiles.calendar import working_calendar
from hub.profiles.values import ProfileValues
from hub.questions.records import JOINED, STATE, insert_question, open_question
from hub.questions.settings import QuestionSettings
from hub.store.engine import Store
from hub.store.errors import StoreUnavailable

RETRY_SECONDS = 60.0
_MOST_WARNED = 200
"""Warnings made in one transaction."""

_log = structlog.get_logger("hub.questions")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one connection brought."""

    connection: str
    new: int = 0
    known: int = 0
    refused: int = 0
    """Came again with another content."""


class QuestionWatch:
    """Fetches questions and warns of deadlines."""

    def __init__(
        self,
        store: Store,
        desks: Mapping[str, QuestionDesk],
        settings: QuestionSettings,
        profile: ProfileValues,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``desks`` by connection; ``profile`` says in how many working days an answer is due."""
        self._store = store
        self._desks = desks
        self._settings = settings
        self._working_days = profile.feedback_answer_working_days
        self._calendar: WorkingCalendar = working_calendar(profile)
        self._now = now

    async def run(self) -> None:
        """Fetch and watch, for ever; a connection that is paused or in maintenance is not asked."""
        while True:
            wait = self._settings.poll_minutes * 60
            try:
                for name in await self._awake():
                    try:
                        done = await self.fetch(name)
                    except LienThongError as error:
                        _log.warning("questions_not_fetched", connection=name, code=error.upstream_code)
                        wait = min(wait, RETRY_SECONDS)
                    else:
                        _log.info("questions_fetched", connection=name, new=done.new, refused=done.refused)
                await self.watch()
            except StoreUnavailable:
                wait = min(wait, RETRY_SECONDS)
            await asyncio.sleep(wait)

    async def fetch(self, name: str) -> Fetched:
        """Take in what one connection lists now. Raises one of `contracts.errors`; what was taken in stays."""
        listed = await self._desks[name].list_questions()
        counts = {"new": 0, "known": 0, "refused": 0}
        for question in listed:
            async with self._store.transaction() as conn:
                state = await self._compare(conn, name, question)
            if state == "new":
                answered = await self._is_answered(name, question)
                async with self._store.transaction() as conn:
                    await self._take_in(conn, name, question, answered=answered)
            counts[state] += 1
        return Fetched(name, **counts)

    async def _is_answered(self, name: str, question: Question) -> bool:
        """Ask whether the partner holds an answer already; where it cannot say, a person shall see the question."""
        try:
            return bool(await self._desks[name].list_answers(question.id))
        except (Rejected, Malformed):
            return False

    def due_at(self, asked_at: datetime) -> datetime:
        """Return the last moment for an answer: the end of the last working day that the profile gives."""
        day = self._calendar.add_working_days(asked_at.astimezone(VIETNAM).date(), self._working_days)
        closes = max(one.end for one in self._calendar.office_hours)
        return datetime.combine(day, closes, tzinfo=VIETNAM).astimezone(UTC)

    # --- taking in --------------------------------------------------------------------------------------

    async def _compare(self, conn: AsyncConnection[Any], name: str, question: Question) -> str:
        cursor = await conn.execute(
            "SELECT id, sealed, received_at, due_at, refused_digest FROM questions"
            " WHERE connection = %s AND origin = %s AND their_id = %s FOR UPDATE",
            (name, question.origin.value, question.id),
        )
        row = await cursor.fetchone()
        if row is None:
            return "new"
        if open_question(self._store.sealer, row[0], row[1]) == question:
            return "known"
        digest = hashlib.sha256(question.model_dump_json().encode()).digest()
        if row[4] is None or bytes(row[4]) != digest:
            await conn.execute("UPDATE questions SET refused_digest = %s WHERE id = %s", (digest, row[0]))
            await receive(conn, self._inbound(name, question, row[2], row[3]), sealer=self._store.sealer)
        return "refused"

    async def _take_in(self, conn: AsyncConnection[Any], name: str, question: Question, *, answered: bool) -> None:
        now = self._now()
        due_at = self.due_at(question.asked_at or now)
        code = question.procedure_code
        await insert_question(
            conn,
            self._store.sealer,
            uuid_utils.compat.uuid7(),
            name,
            question,
            procedure_root=procedure_root(code) if is_procedure_code(code) else None,
            received_at=now,
            due_at=due_at,
            state="answered" if answered else "open",
        )
        if not answered:
            await receive(conn, self._inbound(name, question, now, due_at), sealer=self._store.sealer)

    def _inbound(self, name: str, question: Question, at: datetime, due_at: datetime) -> Inbound:
        body = QuestionReceived(
            question_id=_code(question.id),
            title=question.title,
            content=question.content,
            asker=Declarant(name=question.asker_name, email=question.asker_email, phone=question.asker_phone),
            asked_at=question.asked_at,
            answer_by=due_at,
        )
        return Inbound(
            system=name,
            their_id=f"{question.origin.value}:{question.id}",
            kind=InboxKind.QUESTION_RECEIVED,
            subject=None,
            body=body.model_dump_json().encode(),
            at=at,
            agency_code=question.agency_code,
        )

    # --- watching ---------------------------------------------------------------------------------------

    async def watch(self) -> int:
        """Note the answers that have arrived, and warn once of each deadline near or missed; return how many."""
        now = self._now()
        async with self._store.transaction() as conn:
            await conn.execute(
                "UPDATE questions q SET state = 'answered', answered_at = e.ended_at"
                " FROM question_answers a JOIN exchanges e ON e.id = a.exchange_id"
                " WHERE q.state = 'answering' AND a.question_id = q.id AND a.number = q.answers"
                " AND e.state = 'delivered'"
            )
        near = self._calendar.add_working_hours(now, timedelta(hours=self._settings.warn_working_hours))
        warned = 0
        while True:
            async with self._store.transaction() as conn:
                cursor = await conn.execute(
                    f"""
                    SELECT q.id, q.agency_code, q.due_at FROM {JOINED}
                    WHERE q.state <> 'answered' AND {STATE} NOT IN ('answered', 'answering')
                      AND (q.due_at < %(now)s AND q.warned < {_OVERDUE} OR q.due_at <= %(near)s AND q.warned < {_SOON})
                    ORDER BY q.due_at LIMIT {_MOST_WARNED} FOR UPDATE OF q SKIP LOCKED
                    """,  # noqa: S608 - put together from constants
                    {"now": now, "near": near},
                )
                rows = await cursor.fetchall()
                for question_id, agency, due_at in rows:
                    await self._warn(conn, question_id, agency, due_at, now)
            warned += len(rows)
            if len(rows) < _MOST_WARNED:
                return warned

    async def _warn(
        self, conn: AsyncConnection[Any], question_id: UUID, agency: str, due_at: datetime, now: datetime
    ) -> None:
        overdue = due_at < now
        rule = "question_overdue" if overdue else "question_due_soon"
        until = due_at.astimezone(VIETNAM)
        en, vi = _OVERDUE_SENTENCES if overdue else _SOON_SENTENCES
        await announce(
            conn,
            sealer=self._store.sealer,
            kind=InboxKind.EARLY_WARNING,
            subject=None,
            key=f"{rule}:{question_id}",
            body=EarlyWarning(
                rule=rule,
                due_at=due_at,
                sentence=en.format(id=question_id, due=f"{until:%Y-%m-%d %H:%M}"),
                sentence_vi=vi.format(id=question_id, due=f"{until:%H:%M ngày %d/%m/%Y}"),
            ),
            now=now,
            agency_code=agency,
        )
        await conn.execute(
            "UPDATE questions SET warned = %s WHERE id = %s", (_OVERDUE if overdue else _SOON, question_id)
        )

    async def _awake(self) -> list[str]:
        """Return the connections that may be asked now."""
        async with self._store.transaction() as conn:
            cursor = await conn.execute(
                "SELECT id FROM connections WHERE id = ANY(%s) AND paused", (list(self._desks),)
            )
            paused = {row[0] for row in await cursor.fetchall()}
            now = self._now()
            return [one for one in self._desks if one not in paused and await in_maintenance(conn, one, now) is None]


_SOON, _OVERDUE = 1, 2

_SOON_SENTENCES = (
    "Question {id} must be answered by {due} (Vietnam time); nobody has answered yet.",
    "Câu hỏi {id} phải được trả lời trước {due}; hiện chưa có câu trả lời.",
)
_OVERDUE_SENTENCES = (
    "Question {id} should have been answered by {due} (Vietnam time); answer it now.",
    "Câu hỏi {id} đã quá hạn trả lời {due}; cần trả lời ngay.",
)

_CODE = re.compile(r"[0-9A-Za-z._:/+-]{1,64}")


def _code(their_id: str) -> str:
    """Return the partner's id where it can stand as a code, else a digest of it."""
    return their_id if _CODE.fullmatch(their_id) else hashlib.sha256(their_id.encode()).hexdigest()
