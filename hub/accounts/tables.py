"""Tables of the register of officers who may look people up (VP 8.2), and of everything done to it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA

lookup_accounts = sa.Table(
    "lookup_accounts",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True, comment="login name in the dossier system"),
    sa.Column("state", sa.Text, nullable=False, comment="requested, active, suspended, locked, revoked, refused"),
    sa.Column("unit_code", sa.Text, nullable=False, comment="agency the officer belongs to; secondments stand apart"),
    sa.Column("unit_path", sa.Text, nullable=False, comment="its levels from the top: H99.12."),
    sa.Column("role", sa.Text, nullable=False, comment="role of the officer; gives the ceiling of the gate"),
    sa.Column("officer_code", sa.Text, nullable=False, comment="code of the officer (mã cán bộ)"),
    sa.Column("purpose", sa.Text, nullable=False, comment="purpose of the account, as it was granted"),
    sa.Column("scope", JSONB, nullable=False, comment="units, procedures, operations, data_groups"),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, comment="last day; null: without end"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="of the first request"),
    sa.Column("approved_at", sa.DateTime(timezone=True), comment="of the newest grant"),
    sa.Column("activated_at", sa.DateTime(timezone=True), comment="when it last became active; dormancy counts anew"),
    sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), comment="last look-up, within ten minutes"),
    sa.Column("dormant_locked_at", sa.DateTime(timezone=True), comment="when the lock for disuse fell; null: no such"),
    sa.Column(
        "sealed", sa.LargeBinary, nullable=False, comment="name, number, phone, household and home of the officer"
    ),
    comment="Officers allowed to look people up, and those who were.",
    postgresql_with={"fillfactor": "80"},
)

lookup_account_requests = sa.Table(
    "lookup_account_requests",
    METADATA,
    sa.Column("account_id", sa.Text, sa.ForeignKey("lookup_accounts.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="1, 2, 3 of this account"),
    sa.Column("kind", sa.Text, nullable=False, comment="grant, change, secondment, reinstatement"),
    sa.Column("state", sa.Text, nullable=False, comment="pending, approved, refused, superseded"),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False, comment="official who signed the request"),
    sa.Column("party", sa.Text, nullable=False, comment="agency, provincial_office, police"),
    sa.Column("document_number", sa.Text, nullable=False, comment="of the written request"),
    sa.Column("decided_at", sa.DateTime(timezone=True)),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what is asked for, whole"),
    comment="Requests of the one party, each decided by the other.",
)
sa.Index(
    "uq_lookup_account_requests_pending",
    lookup_account_requests.c.account_id,
    unique=True,
    postgresql_where=sa.text("state = 'pending'"),
)

lookup_account_acts = sa.Table(
    "lookup_account_acts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, comment="UUIDv7: sorts by time"),
    sa.Column("account_id", sa.Text, sa.ForeignKey("lookup_accounts.id"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False, comment="official in whose name it was done"),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("document_number", sa.Text, nullable=False, server_default=""),
    sa.Column("consent_document", sa.Text, nullable=False, server_default="", comment="written consent of the police"),
    sa.Column("from_state", sa.Text, comment="null: there was no account"),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("request_number", sa.Integer, comment="request it made or decided"),
    sa.Column("case_id", sa.Uuid, comment="case it came from"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="reason, as typed: it may name a citizen"),
    comment="Everything done to an account; append-only.",
)
sa.Index("ix_lookup_account_acts_account_id", lookup_account_acts.c.account_id, lookup_account_acts.c.id)

lookup_account_roles = sa.Table(
    "lookup_account_roles",
    METADATA,
    sa.Column("account_id", sa.Text, sa.ForeignKey("lookup_accounts.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="of the request that was approved"),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, comment="last day of a secondment; null: a lasting role"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("unit_code", sa.Text, nullable=False),
    comment="Roles and units of an officer over time; a secondment goes before a lasting role while it lasts.",
)

lookup_account_rosters = sa.Table(
    "lookup_account_rosters",
    METADATA,
    sa.Column("account_id", sa.Text, sa.ForeignKey("lookup_accounts.id"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="a duty day, and the night that begins on it"),
    comment="Days on which an officer is on duty outside office hours (lịch trực).",
)

lookup_account_register = sa.Table(
    "lookup_account_register",
    METADATA,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("version", sa.BigInteger, nullable=False, comment="grows with every change of any account"),
    comment="One row, by which a process sees that what it remembers of the accounts is out of date.",
)
