"""Tables of the cases: what waits to be judged by a person, its frozen evidence, and every act on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.store.metadata import METADATA

cases = sa.Table(
    "cases",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("serial", sa.BigInteger, sa.Identity(always=True), nullable=False, comment="for its number"),
    sa.Column("case_key", sa.Text, nullable=False, unique=True, comment="account and first alert"),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("unit_code", sa.Text, nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="later alerts make another case"),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("rules", JSONB, nullable=False, comment="best score by rule, each once"),
    sa.Column("hard", sa.Boolean, nullable=False, comment="holds a rule that cannot be suppressed"),
    sa.Column("lookups", sa.Integer, nullable=False, comment="look-ups it is about; see hub.cases.evidence"),
    sa.Column("recurs_after", sa.Uuid, comment="the case of this account that was decided before"),
    sa.Column("earlier_violations", sa.Integer, nullable=False, comment="of this account, when it was opened"),
    sa.Column("state", sa.Text, nullable=False, comment="new, taken, waiting_explanation, suppressed, decided"),
    sa.Column("taken_by", sa.Text, comment="API client"),
    sa.Column("taken_person", sa.Text),
    sa.Column("taken_at", sa.DateTime(timezone=True)),
    sa.Column("verdict", sa.Text, comment="violation, normal, not_enough_evidence"),
    sa.Column("verdict_by", sa.Text),
    sa.Column("verdict_person", sa.Text),
    sa.Column("decided_at", sa.DateTime(timezone=True)),
    sa.Column("suppressed_until", sa.DateTime(timezone=True)),
    sa.Column("suppressed_score", sa.Float, comment="its score when it was suppressed"),
    sa.Column("evidence_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the first piece of evidence"),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    comment="One account over seven days: what a person judges.",
)
sa.Index("ix_cases_account_id", cases.c.account_id, cases.c.opened_at)
sa.Index("ix_cases_open", cases.c.state, cases.c.score, postgresql_where=sa.text("state <> 'decided'"))
sa.Index("ix_cases_decided_at", cases.c.decided_at)

case_marks = sa.Table(
    "case_marks",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True, comment="person or network"),
    sa.Column("mark", sa.Text, primary_key=True, comment="keyed hash of a person in hexadecimal, or a network"),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), primary_key=True),
    comment="What cases may have in common.",
)
sa.Index("ix_case_marks_case_id", case_marks.c.case_id)

case_evidence = sa.Table(
    "case_evidence",
    METADATA,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("occasion", sa.Text, nullable=False, comment="opened, grown, taken or decided"),
    sa.Column("sha256", sa.LargeBinary, nullable=False, comment="of the content, which holds a salt; in the ledger"),
    sa.Column("lookups", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="canonical JSON"),
    comment="Evidence as it was known at a moment, frozen; never changed, only resealed.",
)

case_acts = sa.Table(
    "case_acts",
    METADATA,
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False, comment="login name; empty: the program"),
    sa.Column("facts", JSONB, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what the person wrote; it may name a citizen"),
    comment="What was done with a case, in order; each act is in the ledger too.",
)

case_questions = sa.Table(
    "case_questions",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), comment="null: asked of a supervisor without a case"),
    sa.Column("purpose", sa.Text, nullable=False, comment="case, sample or break_glass"),
    sa.Column("account_id", sa.Text, nullable=False, comment="whose look-ups are to be explained"),
    sa.Column("unit_code", sa.Text, nullable=False),
    sa.Column("lookup_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="in working hours of the profile"),
    sa.Column("overdue_told", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Column("answered_by", sa.Text, comment="API client"),
    sa.Column("answered_person", sa.Text),
    sa.Column("justified", sa.Boolean, comment="what the supervisor says"),
    sa.Column("cancelled_at", sa.DateTime(timezone=True), comment="the case was decided without an answer"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="question and answer"),
    comment="Explain this look-up: asked of the officer, or of the supervisor.",
)
sa.Index(
    "ix_case_questions_open",
    case_questions.c.due_at,
    postgresql_where=sa.text("answered_at IS NULL AND cancelled_at IS NULL"),
)
sa.Index("ix_case_questions_case_id", case_questions.c.case_id)

case_reveals = sa.Table(
    "case_reveals",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_person", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_person", sa.Text),
    sa.Column("approved_at", sa.DateTime(timezone=True)),
    sa.Column("valid_until", sa.DateTime(timezone=True)),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the reason"),
    comment="Permissions to read citizens' numbers in a case, each asked for by one and approved by another.",
)
sa.Index("ix_case_reveals_case_id", case_reveals.c.case_id)

case_readings = sa.Table(
    "case_readings",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("reveal_id", sa.Uuid, comment="null: the reading is a hand-over package for the police"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("subject_hashes", ARRAY(sa.LargeBinary), nullable=False, comment="keyed hashes of whose number was read"),
    comment="Each time citizens' numbers left a case.",
)
sa.Index("ix_case_readings_case_id", case_readings.c.case_id)

case_packages = sa.Table(
    "case_packages",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7"),
    sa.Column("case_id", sa.Uuid, sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_person", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False, comment="SHA-256 of the recipient's certificate"),
    sa.Column("sha256", sa.LargeBinary, nullable=False, comment="of the file as handed over; in the ledger"),
    sa.Column("zip_sha256", sa.LargeBinary, nullable=False, comment="of the archive inside; in the ledger"),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="CMS, only the recipient can open it"),
    comment="Packages handed over to the police.",
)
sa.Index("ix_case_packages_case_id", case_packages.c.case_id)
