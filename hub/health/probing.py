"""The probe of a connection: its layers in order, up to the first that fails, and what they come to.

The layers below the partner's protocol are in `hub.health.layers`; here follow login, contract and a harmless real
call, which one question answers together: whose step failed is told by the login that was watched and by the class
of the error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from contracts.errors import LienThongError, Malformed, Sentence
from contracts.ports import AdapterContext, DossierPublisher, ProcedureCatalogue, SessionStore, TlsFiles
from hub.health.blame import Blame, blame_of_error
from hub.health.certificates import SeenCertificate
from hub.health.layers import Layer, LayerResult, Passed, examine_address, judge_clock
from hub.health.sessions import WatchedSessions
from hub.registry import OpenConnection
from hub.settings import HealthSettings

NO_SUCH_DOSSIER = "H99-000101-0000"
"""A dossier that nobody has: of an invented agency, a quarter of a century ago."""

_NO_QUESTION = Sentence(
    en="This connection offers no harmless question, so its login is not proven.",
    vi="Kết nối này không có câu hỏi vô hại nào nên chưa kiểm chứng được đăng nhập.",
)
_LOGGED_IN = Sentence("Our credentials are accepted.", "Tài khoản của ta được chấp nhận.")
_AS_AGREED = Sentence("The answer is as agreed.", "Trả lời đúng như hợp đồng dữ liệu.")
_ANSWERED = Sentence("Asked for a dossier that nobody has, was answered.", "Đã tra cứu một hồ sơ và được trả lời.")


@dataclass(slots=True)
class Notes:
    """What the hub learns from an adapter beside its answers, while a probe runs."""

    sessions: WatchedSessions
    drift: set[str] = field(default_factory=set)
    """Fields of answers that the contract does not know, as ``message.field``."""

    def forget(self) -> None:
        """Begin a new probe."""
        self.sessions.forget()
        self.drift.clear()


class Notebook:
    """Makes the contexts in which connections are opened for probing, and keeps a page for each."""

    def __init__(self, sessions: Callable[[str], SessionStore]) -> None:
        """``sessions`` makes the session store of a connection: the workers' own, or one of this examination."""
        self._sessions = sessions
        self.pages: dict[str, Notes] = {}

    def context(self, name: str) -> AdapterContext:
        """Return the context of one connection."""
        notes = Notes(WatchedSessions(self._sessions(name)))
        self.pages[name] = notes
        return AdapterContext(
            connection_id=name,
            sessions=notes.sessions,
            report_drift=lambda message, part: notes.drift.add(f"{message}.{part}"),
            now=lambda: datetime.now(UTC),
        )


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What one probe of one connection found."""

    connection: str
    at: datetime
    duration_ms: int
    layers: tuple[LayerResult, ...]
    certificates: tuple[SeenCertificate, ...] = ()
    clock_skew: float | None = None
    """Their clock minus ours, in seconds."""

    @property
    def failure(self) -> LayerResult | None:
        """The layer that failed; it is the last."""
        last = self.layers[-1] if self.layers else None
        return last if last is not None and last.passed is Passed.NO else None

    @property
    def passed(self) -> bool:
        """Whether no layer failed."""
        return self.failure is None

    @property
    def proven(self) -> bool:
        """Whether a real call was answered."""
        return any(one.layer is Layer.CALL and one.passed is not Passed.NO for one in self.layers) and self.passed

    @property
    def attention(self) -> LayerResult | None:
        """The first layer that was passed but wants looking at."""
        return next((one for one in self.layers if one.passed is Passed.ATTENTION), None)


async def probe(
    opened: OpenConnection,
    notes: Notes,
    settings: HealthSettings,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ProbeReport:
    """Examine a connection. Raises nothing of the partner's: what goes wrong is what is found."""
    at, began = now(), time.monotonic()
    layers: list[LayerResult] = []
    certificates: list[SeenCertificate] = []
    skew: float | None = None
    tls = opened.adapter.tls(opened.settings) if opened.adapter.tls is not None else TlsFiles()
    for address in opened.adapter.addresses(opened.settings) if opened.adapter.addresses is not None else ():
        wire = await examine_address(
            address,
            tls,
            skew_limit=timedelta(seconds=settings.clock_skew_seconds),
            soon=timedelta(days=settings.certificate_warning_days),
            now=now,
        )
        layers += wire.results
        certificates += wire.certificates
        skew = wire.clock_skew if wire.clock_skew is not None else skew
        if wire.failed:
            break
    else:
        layers += await _ask(opened, notes, settings.slow_seconds)
    return ProbeReport(
        connection=opened.id,
        at=at,
        duration_ms=round((time.monotonic() - began) * 1000),
        layers=tuple(layers),
        certificates=tuple(certificates),
        clock_skew=skew,
    )


async def _ask(opened: OpenConnection, notes: Notes, slow_seconds: float) -> list[LayerResult]:
    """Log in where that is needed and ask a question that changes nothing and names nobody."""
    notes.forget()
    connection, began = opened.connection, time.monotonic()
    try:
        if isinstance(connection, DossierPublisher):
            await connection.find_dossier(NO_SUCH_DOSSIER)
        elif isinstance(connection, ProcedureCatalogue):
            await connection.list_procedures()
        else:
            return [LayerResult(Layer.CREDENTIALS, Passed.ATTENTION, _NO_QUESTION)]
    except LienThongError as error:
        return _failed(error, notes, _since(began))
    seconds = time.monotonic() - began
    found = [LayerResult(Layer.CREDENTIALS, Passed.YES, _LOGGED_IN), _contract(notes)]
    if seconds > slow_seconds:
        slow = Sentence(
            en=f"It answers, but took {seconds:.1f} s for a small question; ask its operator.",
            vi=f"Có trả lời nhưng mất {seconds:.1f} giây cho một câu hỏi nhỏ; hãy hỏi đơn vị vận hành.",
        )
        found.append(LayerResult(Layer.CALL, Passed.ATTENTION, slow, Blame.PARTNER, milliseconds=_since(began)))
    else:
        found.append(LayerResult(Layer.CALL, Passed.YES, _ANSWERED, milliseconds=_since(began)))
    return found


def _failed(error: LienThongError, notes: Notes, milliseconds: int) -> list[LayerResult]:
    blame = blame_of_error(error)
    if blame is Blame.NETWORK:
        # Its port was open a moment ago: who accepts a connection and then says nothing is not the network.
        blame = Blame.PARTNER
    if blame is Blame.CREDENTIALS:
        layer = Layer.CREDENTIALS
    elif isinstance(error, Malformed):
        layer = Layer.CONTRACT
    else:
        layer = Layer.CREDENTIALS if notes.sessions.failure is not None else Layer.CALL
    failed = LayerResult(layer, Passed.NO, error.sentence, blame, milliseconds=milliseconds)
    if layer is Layer.CREDENTIALS or notes.sessions.failure is not None:
        return [failed]
    return [LayerResult(Layer.CREDENTIALS, Passed.YES, _LOGGED_IN), failed]


def _contract(notes: Notes) -> LayerResult:
    if not notes.drift:
        return LayerResult(Layer.CONTRACT, Passed.YES, _AS_AGREED)
    count = len(notes.drift)
    return LayerResult(
        Layer.CONTRACT,
        Passed.ATTENTION,
        Sentence(
            en=f"The answer holds {count} fields the contract does not know; they were left aside, see the drift of "
            "this connection.",
            vi=f"Trả lời có {count} trường chưa có trong hợp đồng dữ liệu; hệ thống bỏ qua, xem mục trôi lược đồ.",
        ),
    )


# --- whose clock ------------------------------------------------------------------------------------------

AGREE_SECONDS = 60.0
"""Clocks closer than this show the same time, for the question whose is wrong."""


def whose_clock(skew: float, others: Iterable[float]) -> str:
    """Tell whose clock is wrong: ``ours``, ``theirs``, or empty when the others do not decide it.

    Args:
        skew: The partner's clock minus ours, in seconds.
        others: The same of other clocks: of partners at other places, of a database on another machine.
    """
    with_them = with_us = 0
    for other in others:
        with_them += abs(other - skew) <= AGREE_SECONDS
        with_us += abs(other) <= AGREE_SECONDS
    if with_them == with_us:
        return ""
    return "ours" if with_them > with_us else "theirs"


def tell_clocks_apart(report: ProbeReport, others: Mapping[str, float], settings: HealthSettings) -> ProbeReport:
    """Return the report with its failed clock layer saying whose clock is wrong, as far as others tell.

    ``others`` are skews by place; the report's own place does not count.
    """
    failed = report.failure
    if failed is None or failed.layer is not Layer.CLOCK or report.clock_skew is None:
        return report
    whose = whose_clock(report.clock_skew, (skew for place, skew in others.items() if place != failed.place))
    limit = timedelta(seconds=settings.clock_skew_seconds)
    judged = judge_clock(report.clock_skew, failed.place, limit, whose=whose, milliseconds=failed.milliseconds)
    return replace(report, layers=(*report.layers[:-1], judged))


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
