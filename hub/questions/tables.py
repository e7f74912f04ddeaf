"""Tables of questions and answers; every text is sealed."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.metadata import METADATA

questions = sa.Table(
    "questions",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("their_id", sa.Text, nullable=False, comment="the partner's own id"),
    sa.Column("origin", sa.Text, nullable=False, comment="which of the partner's lists it came from"),
    sa.Column("agency_path", sa.Text, nullable=False, comment="the agency's levels from the top: H99.12."),
    sa.Column("agency_code", sa.Text, nullable=False),
    sa.Column("procedure_root", sa.Text),
    sa.Column("asked_at", sa.DateTime(timezone=True), comment="as the partner says, where it says so"),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="end of the last working day to answer"),
    sa.Column("state", sa.Text, nullable=False, comment="open, answering, answered or answer_failed"),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Column("answers", sa.Integer, nullable=False, server_default="0", comment="answers accepted here"),
    sa.Column("warned", sa.SmallInteger, nullable=False, server_default="0", comment="1: due soon, 2: overdue"),
    sa.Column("refused_digest", sa.LargeBinary, comment="SHA-256 of other content that came under the same id"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the question, AES-256-GCM"),
    sa.UniqueConstraint("connection", "origin", "their_id"),
    comment="Questions to be answered, with their deadline.",
)
sa.Index("ix_questions_due_at", questions.c.due_at, postgresql_where=sa.text("state <> 'answered'"))

question_answers = sa.Table(
    "question_answers",
    METADATA,
    sa.Column("question_id", sa.Uuid, sa.ForeignKey("questions.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("exchange_id", sa.Uuid, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the answer, AES-256-GCM"),
    comment="Answers accepted here; the exchange points to its number.",
)
