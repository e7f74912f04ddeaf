"""Every column that holds sealed values, for the rotation of keys; a test finds one that is missing here."""

from __future__ import annotations

from hub.accounts.directory import account_context
from hub.accounts.records import act_context, request_context
from hub.cases.opening import alert_context
from hub.cases.records import act_context as case_act_context
from hub.cases.records import evidence_context, reveal_context
from hub.cases.records import question_context as case_question_context
from hub.document_store.papers import paper_context
from hub.document_store.service import found_context
from hub.dossiers.events_store import event_context
from hub.inbox.receiving import body_context, file_context
from hub.ledger.keys import key_context
from hub.lookups.rows import end_context, lookup_context, reason_context
from hub.lookups.subjects import key_context as lookup_key_context
from hub.questions.records import answer_context, question_context
from hub.ratings.delivery import rating_context
from hub.store.rotation import SealedColumn
from hub.usage.withholdings import withholding_context
from hub.watch.versions import proposal_context
from hub.webhooks.endpoints import secret_context

SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    SealedColumn(
        table="dossier_events",
        key_columns=("dossier_code", "revision"),
        blob_column="sealed",
        context=lambda row: event_context(row["dossier_code"], row["revision"]),
    ),
    SealedColumn(
        table="inbox_events",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: body_context(row["id"]),
    ),
    SealedColumn(
        table="inbox_files",
        key_columns=("event_id", "number"),
        blob_column="sealed",
        context=lambda row: file_context(row["event_id"], row["number"]),
        batch=8,
    ),
    SealedColumn(
        table="webhook_secrets",
        key_columns=("endpoint_id", "number"),
        blob_column="sealed",
        context=lambda row: secret_context(row["endpoint_id"], row["number"]),
    ),
    SealedColumn(
        table="ledger_keys",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: key_context(row["id"]),
    ),
    SealedColumn(
        table="partner_sessions",
        key_columns=("connection",),
        blob_column="sealed",
        context=lambda row: f"partner_sessions:{row['connection']}:{row['generation']}",
        context_columns=("generation",),
    ),
    SealedColumn(
        table="signing_keys",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: f"signing-key:{row['id']}",
    ),
    SealedColumn(
        table="questions",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: question_context(row["id"]),
    ),
    SealedColumn(
        table="question_answers",
        key_columns=("question_id", "number"),
        blob_column="sealed",
        context=lambda row: answer_context(row["question_id"], row["number"]),
    ),
    SealedColumn(
        table="ratings",
        key_columns=("month", "procedure_root", "revision"),
        blob_column="sealed",
        context=lambda row: rating_context(row["month"], row["procedure_root"], row["revision"]),
    ),
    SealedColumn(
        table="lookups",
        key_columns=("asked_at", "id"),
        blob_column="sealed",
        context=lambda row: lookup_context(row["id"]),
    ),
    SealedColumn(
        table="lookups",
        key_columns=("asked_at", "id"),
        blob_column="reason_sealed",
        context=lambda row: reason_context(row["id"]),
    ),
    SealedColumn(
        table="lookup_ends",
        key_columns=("asked_at", "lookup_id"),
        blob_column="sealed",
        context=lambda row: end_context(row["lookup_id"]),
    ),
    SealedColumn(
        table="lookup_keys",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: lookup_key_context(row["id"]),
    ),
    SealedColumn(
        table="lookup_accounts",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: account_context(row["id"]),
    ),
    SealedColumn(
        table="lookup_account_requests",
        key_columns=("account_id", "number"),
        blob_column="sealed",
        context=lambda row: request_context(row["account_id"], row["number"]),
    ),
    SealedColumn(
        table="lookup_account_acts",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: act_context(row["id"]),
    ),
    SealedColumn(
        table="found_papers",
        key_columns=("lookup_id",),
        blob_column="sealed",
        context=lambda row: found_context(row["lookup_id"]),
    ),
    SealedColumn(
        table="result_papers",
        key_columns=("dossier_code", "paper_id", "revision"),
        blob_column="sealed",
        context=lambda row: paper_context(row["dossier_code"], row["paper_id"], row["revision"]),
    ),
    SealedColumn(
        table="watch_alerts",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: alert_context(row["id"]),
    ),
    SealedColumn(
        table="watch_proposals",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: proposal_context(row["id"]),
    ),
    SealedColumn(
        table="case_evidence",
        key_columns=("case_id", "number"),
        blob_column="sealed",
        context=lambda row: evidence_context(row["case_id"], row["number"]),
        batch=8,
    ),
    SealedColumn(
        table="case_acts",
        key_columns=("case_id", "number"),
        blob_column="sealed",
        context=lambda row: case_act_context(row["case_id"], row["number"]),
    ),
    SealedColumn(
        table="case_questions",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: case_question_context(row["id"]),
    ),
    SealedColumn(
        table="case_reveals",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: reveal_context(row["id"]),
    ),
    SealedColumn(
        table="usage_withholdings",
        key_columns=("id",),
        blob_column="sealed",
        context=lambda row: withholding_context(row["id"]),
    ),
)
