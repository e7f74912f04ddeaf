"""Tables of the score guard: clear facts of every dossier, the warnings raised, how far the clerk has come.

Nothing here is a citizen's data: codes, agencies, states, moments and yes or no.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.metadata import METADATA

score_facts = sa.Table(
    "score_facts",
    METADATA,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, comment="first revision of which these facts are true"),
    sa.Column("through", sa.Integer, nullable=False, comment="last revision of which they are known to be true"),
    sa.Column("newest", sa.Boolean, nullable=False, comment="whether they are those of the newest revision"),
    sa.Column("rules", sa.Text, nullable=False, comment="fingerprint of the profile they were worked out with"),
    sa.Column("agency_code", sa.Text, nullable=False),
    sa.Column("procedure_root", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False, comment="direct, online, postal"),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False, comment="struck from the statistics (VP 20)"),
    sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True)),
    sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False, comment="reception, else submission"),
    sa.Column("due_at", sa.DateTime(timezone=True)),
    sa.Column("longest_due_at", sa.DateTime(timezone=True), comment="by the procedure's maximum, where no date is set"),
    sa.Column("ended_at", sa.DateTime(timezone=True), comment="end of processing, as line 2.1 counts it"),
    sa.Column("supplements", sa.SmallInteger, nullable=False, comment="requests"),
    sa.Column("supplement_requested_at", sa.DateTime(timezone=True), comment="of the first"),
    sa.Column("supplement_received_at", sa.DateTime(timezone=True)),
    sa.Column("supplement_renewed", sa.Boolean, nullable=False, comment="its receipt moved the due date"),
    sa.Column("clock_stopped", sa.Boolean, nullable=False, comment="a pause or an open supplement"),
    sa.Column("result_filed", sa.Boolean, nullable=False, comment="a result with catalogue code and file"),
    sa.Column("component_file", sa.Boolean, nullable=False, comment="a component with a file"),
    sa.Column("digitised", sa.Boolean, nullable=False, comment="a digitised component"),
    sa.Column("from_store", sa.Boolean, nullable=False, comment="a component from the personal e-document store"),
    sa.Column("verified_account", sa.Boolean, nullable=False, comment="account verified through VNeID"),
    sa.Column("databases", ARRAY(sa.Text), nullable=False, comment="codes of the databases consulted"),
    sa.Column("fee_asked", sa.Boolean, nullable=False),
    sa.Column("paid_online", sa.Boolean, nullable=False, comment="all fees paid, one of them online"),
    sa.Column("answered_at", sa.DateTime(timezone=True), comment="first answer of the agency to the submission"),
    sa.Column("reception_warn_at", sa.DateTime(timezone=True), comment="online dossiers only"),
    sa.Column("reception_due_at", sa.DateTime(timezone=True), comment="online dossiers only"),
    sa.Column("due_warn_at", sa.DateTime(timezone=True), comment="from then on the deadline is near"),
    sa.Column("apology_warn_at", sa.DateTime(timezone=True), comment="from then on the apology letter is near"),
    sa.Column("apology_due_at", sa.DateTime(timezone=True), comment="when the apology letter must have left"),
    sa.Column("fee_warn_at", sa.DateTime(timezone=True), comment="from then on the end of the payment term is near"),
    sa.Column("fee_due_at", sa.DateTime(timezone=True), comment="end of the payment term that runs"),
    comment="What the score reads of each dossier: of its newest revision, and of those a partner may hold.",
)
sa.Index("uq_score_facts_newest", score_facts.c.code, unique=True, postgresql_where=sa.text("newest"))
sa.Index("ix_score_facts_counted", score_facts.c.counted_at, score_facts.c.code)
sa.Index("ix_score_facts_open", score_facts.c.ended_at, postgresql_where=sa.text("newest"))

score_warnings = sa.Table(
    "score_warnings",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("agency_code", sa.Text, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="when it will be too late"),
    sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("cleared_at", sa.DateTime(timezone=True), comment="when its cause had ended"),
    comment="Early warnings: one open row per dossier and cause.",
)
sa.Index(
    "uq_score_warnings_open",
    score_warnings.c.code,
    score_warnings.c.cause,
    unique=True,
    postgresql_where=sa.text("cleared_at IS NULL"),
)

sa.Index("ix_score_warnings_in_force", score_warnings.c.id, postgresql_where=sa.text("cleared_at IS NULL"))

score_progress = sa.Table(
    "score_progress",
    METADATA,
    sa.Column("id", sa.SmallInteger, primary_key=True, comment="1: there is one row"),
    sa.Column("events_until", sa.DateTime(timezone=True), comment="events recorded before this moment are worked in"),
    sa.Column("swept_at", sa.DateTime(timezone=True), comment="when all dossiers were last compared"),
    sa.Column("worked_at", sa.DateTime(timezone=True), comment="end of the last run"),
    comment="How far the score facts have come.",
)
