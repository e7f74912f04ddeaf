"""Every column that holds sealed values, for the rotation of keys; a test finds one that is missing here."""

from __future__ import annotations

from hub.dossiers.events_store import event_context
from hub.store.rotation import SealedColumn

SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    SealedColumn(
        table="dossier_events",
        key_columns=("dossier_code", "revision"),
        blob_column="sealed",
        context=lambda row: event_context(row["dossier_code"], row["revision"]),
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
)
