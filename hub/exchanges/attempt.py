"""One call under way: its times, how its outcomes are written down, and what the worker gives every call."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.errors import LienThongError, Sentence
from contracts.ports import CallReport
from hub.exchanges.completing import Finished
from hub.exchanges.courier import Courier, Parcel
from hub.exchanges.outbox import HELD_UNKNOWN
from hub.exchanges.reactions import RetryPolicy, react
from hub.exchanges.views import ExchangeState

LEASE_MARGIN = 5.0
"""Seconds a lease must outlast a call's deadline for the call to start."""

DELIVERED = Sentence("Delivered.", "Đã giao.")
SETTLED = Sentence(
    "The partner already has it: an earlier attempt had arrived.",
    "Bên nhận đã có: lần gửi trước đã tới nơi.",
)
UNDECIDED = Sentence(
    "It is not known whether this write arrived, and the partner cannot tell. A person checks there, then"
    " replays or dismisses it.",
    "Không rõ lần ghi này đã tới nơi hay chưa và bên nhận không cho biết. Cần người kiểm tra, rồi gửi lại hoặc bỏ qua.",
)
NOT_STARTED = Sentence("Not started; it stays in line.", "Chưa bắt đầu gửi; vẫn chờ đến lượt.")


@dataclass(slots=True)
class RunnerOptions:
    """What the worker as a whole decides for every connection."""

    worker: str
    lease: timedelta
    claim_batch: int
    poll_seconds: float
    dice: random.Random = field(default_factory=random.Random)


class Call:
    """One call under way: its times, and how its outcomes are written down."""

    def __init__(self, courier: Courier, policy: RetryPolicy, dice: random.Random) -> None:
        """Start the clock of the call."""
        self._courier = courier
        self._policy = policy
        self._dice = dice
        self._started_at = datetime.now(UTC)
        self._clock = time.monotonic()

    def fits(self, lease_end: float) -> bool:
        """Whether the call ends within the lease even if it takes all of its time."""
        return self._clock + self._courier.operation.deadline_seconds + LEASE_MARGIN < lease_end

    def _finished(self, parcel: Parcel, state: ExchangeState, sentence: Sentence, **more: object) -> Finished:
        values: dict[str, object] = {
            "retry_in": None,
            "outcome": state.value,
            "upstream_code": "",
            "started_at": self._started_at,
            "duration_ms": round((time.monotonic() - self._clock) * 1000),
            "doubts": parcel.exchange.doubts,
            **more,
        }
        return Finished(exchange=parcel.exchange, state=state, sentence=sentence, **values)  # type: ignore[arg-type]

    def delivered(self, parcel: Parcel, report: CallReport | None = None) -> Finished:
        """Say that it is there: by this call (``report``), or, without one, by an earlier call as the partner says."""
        outcome, sentence = ("delivered", DELIVERED) if report else ("settled", SETTLED)
        return self._finished(
            parcel,
            ExchangeState.DELIVERED,
            sentence,
            outcome=outcome,
            upstream_code=report.upstream_code if report else "",
            request_bytes=report.request_bytes if report else None,
            answer_bytes=report.answer_bytes if report else None,
            known_there=True,
            confirmed_revision=parcel.confirms_revision,
            confirmed_state=parcel.confirms_state,
        )

    def failed(self, parcel: Parcel, error: LienThongError) -> Finished:
        """Say what follows from the error (`react`)."""
        verdict = react(
            error,
            repeat=self._courier.operation.repeat,
            attempts=parcel.exchange.attempts,
            doubts=parcel.exchange.doubts,
            accepted_at=parcel.exchange.age_from,
            now=datetime.now(UTC),
            policy=self._policy,
            dice=self._dice,
        )
        held = None
        if not verdict.state.is_open:
            held = self._courier.hold_reason(parcel.exchange)
        elif verdict.retry_in is None:
            held = HELD_UNKNOWN
        return self._finished(
            parcel,
            verdict.state,
            verdict.sentence,
            retry_in=verdict.retry_in,
            outcome=verdict.outcome,
            upstream_code=verdict.upstream_code,
            doubts=parcel.exchange.doubts + (verdict.outcome == "malformed"),
            held_reason=held,
        )

    def undecided(self, parcel: Parcel) -> Finished:
        """Leave a write whose outcome the partner cannot tell to a person."""
        return self._finished(parcel, ExchangeState.UNKNOWN, UNDECIDED, outcome="cannot_tell", held_reason=HELD_UNKNOWN)

    def untouched(self, parcel: Parcel) -> Finished:
        """Put it back in line as it was: nothing was tried."""
        state = ExchangeState.UNKNOWN if parcel.exchange.may_have_left else ExchangeState.WAITING
        return self._finished(parcel, state, NOT_STARTED, retry_in=timedelta(0), attempted=False, outcome="not_started")


def timed_out(seconds: float) -> Sentence:
    """Say that a call took all of its time."""
    return Sentence(
        f"No answer within {seconds:g} seconds; whether it arrived is asked before it is repeated.",
        f"Không có trả lời trong {seconds:g} giây; hệ thống sẽ hỏi bên nhận trước khi gửi lại.",
    )
