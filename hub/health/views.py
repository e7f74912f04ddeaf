"""What the API says about probes and maintenance windows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from hub.exchanges.views import View
from hub.health.blame import Blame
from hub.health.layers import Layer, Passed
from hub.health.probing import ProbeReport


class LayerView(View):
    """What a probe found in one layer."""

    layer: Layer
    result: Passed
    blame: Blame
    sentence: str
    sentence_vi: str
    milliseconds: int


class ProbeView(View):
    """What a probe found, layer by layer, up to the first that failed."""

    connection: str
    at: datetime
    duration_ms: int
    passed: bool
    proven: bool
    """Whether a real call was answered."""
    clock_skew_seconds: float | None
    """Their clock minus ours."""
    layers: tuple[LayerView, ...]

    @classmethod
    def of(cls, report: ProbeReport) -> ProbeView:
        """Return the report as the API tells it."""
        return cls(
            connection=report.connection,
            at=report.at,
            duration_ms=report.duration_ms,
            passed=report.passed,
            proven=report.proven,
            clock_skew_seconds=None if report.clock_skew is None else round(report.clock_skew, 1),
            layers=tuple(
                LayerView(
                    layer=one.layer,
                    result=one.passed,
                    blame=one.blame,
                    sentence=one.sentence.en,
                    sentence_vi=one.sentence.vi,
                    milliseconds=one.milliseconds,
                )
                for one in report.layers
            ),
        )


class WindowView(View):
    """An announced time in which nothing leaves for a connection."""

    id: int
    connection: str
    state: Literal["ahead", "under_way", "over", "cancelled"]
    starts_at: datetime
    ends_at: datetime
    reason: str
    announced_at: datetime
    announced_by: str
    notice_working_days: int
    """Working days of notice the province's profile demanded."""
    notice_basis: str
    """The article that demands them."""
    notice_until: datetime
    """Until when it had to be announced."""
    short_notice: bool
    """Whether it was announced later than that."""
    urgent_reason: str | None
    cancelled_at: datetime | None
    cancelled_by: str | None


class WindowList(View):
    """Maintenance windows, the next first."""

    items: tuple[WindowView, ...]
