"""The section ``document_store`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class DocumentStoreHubSettings(Section):
    """How what the personal e-document store gives is handed on."""

    file_minutes: float = Field(
        default=60.0, gt=0, le=1440, description="For how long after a query its files may be fetched, in minutes."
    )
