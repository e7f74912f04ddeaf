"""Settings of the ledger."""

from __future__ import annotations

from pydantic import Field

from hub.settings_section import Section


class LedgerSettings(Section):
    """The tamper-evident record."""

    origin: str = Field(
        default="lienthong.example/ledger",
        pattern=r"^[^\s+\x00-\x1f\x7f]{1,255}$",
        description="Name of this log and of its key, unique in the world: a host of the province and a path.",
    )
    seal_every_seconds: float = Field(
        default=1.0, ge=1, le=3600, description="How often what happened is sealed and signed, in seconds."
    )

    @property
    def is_example(self) -> bool:
        """Whether the origin still lies under ``.example``, which belongs to nobody (RFC 2606) and so to everybody."""
        return self.origin.partition("/")[0].lower().endswith(".example")
