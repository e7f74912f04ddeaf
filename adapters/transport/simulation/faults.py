"""Faults on demand: which request to which connection goes wrong, how, and how often; reproducible by seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum


class Layer(Enum):
    """Who commits the fault."""

    TRANSPORT = "transport"
    """`FaultProxy`, on the wire."""
    ANSWER = "answer"
    """The simulator application, in what it answers."""


class FaultKind(StrEnum):
    """What goes wrong. "Processed" tells whether the provider carries the request out."""

    REFUSE = "refuse"
    """Nobody listens. With share 1 the port is closed; with a smaller share single connections are reset at once."""
    RESET_BEFORE = "reset_before"
    """The connection is reset before the provider gets the request: not processed."""
    RESET_AFTER = "reset_after"
    """The connection is reset after the provider has answered, without passing the answer on: processed."""
    SILENCE = "silence"
    """The request is taken and nothing ever comes back: not processed."""
    SLOW = "slow"
    """The answer comes ``seconds`` late: processed."""
    TRUNCATED = "truncated"
    """The answer breaks off in the middle: processed."""
    DRIP = "drip"
    """The answer comes byte by byte, ``seconds`` apart: processed."""
    HTML_200 = "html_200"
    """An HTML page with status 200 instead of the answer."""
    EXPIRED_SESSION = "expired_session"
    """The session is declared expired in the middle."""
    WRONG_TYPE = "wrong_type"
    """A field of the answer has another type than agreed."""
    DUPLICATE_ANSWER = "duplicate_answer"
    """The answer says "already there" although this is the first time."""
    SERVER_500 = "server_500"
    """The provider itself fails with status 500."""
    EXTRA_FIELD = "extra_field"
    """The answer has a field more than agreed; the provider has carried the request out."""

    @property
    def layer(self) -> Layer:
        """Who commits it."""
        return Layer.ANSWER if self in _ANSWER_KINDS else Layer.TRANSPORT


class RecordFault(StrEnum):
    """What goes wrong with the record a register answers: committed by simulators of registers only."""

    WRONG_RECORD = "wrong_record"
    """The record of somebody who was not asked for."""
    EMPTY_RECORD = "empty_record"
    """A record without anything in it."""
    TWO_RECORDS = "two_records"
    """The record twice, where there can be one."""
    UNKNOWN_CODES = "unknown_codes"
    """Codes that no published list has."""
    YEAR_ONLY = "year_only"
    """Of the birth date the year alone."""
    TEXT_IN_TEXT = "text_in_text"
    """The answer as a text within the answer."""
    XML_BOMB = "xml_bomb"
    """A document type whose entities unfold to gigabytes."""
    EXTERNAL_ENTITY = "external_entity"
    """A document type that names a file of the reader."""
    HUGE_ANSWER = "huge_answer"
    """More than any answer needs."""
    REFUSAL = "refusal"
    """The register's own no: its error code, or a SOAP fault of the client."""
    X_ROAD_FAULT = "x_road_fault"
    """A security server says no, with status 200 and a code in the body."""

    @property
    def layer(self) -> Layer:
        """Who commits it."""
        return Layer.ANSWER


AnyFault = FaultKind | RecordFault

_ANSWER_KINDS = frozenset(
    {
        FaultKind.HTML_200,
        FaultKind.EXPIRED_SESSION,
        FaultKind.WRONG_TYPE,
        FaultKind.DUPLICATE_ANSWER,
        FaultKind.SERVER_500,
        FaultKind.EXTRA_FIELD,
    }
)

_SECONDS: dict[AnyFault, float] = {FaultKind.SLOW: 2.0, FaultKind.DRIP: 0.05, FaultKind.SILENCE: 3600.0}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to commit now."""

    kind: AnyFault
    seconds: float
    """``slow``: delay of the answer; ``drip``: pause between two bytes; ``silence``: longest silence."""


@dataclass(slots=True)
class FaultRule:
    """A wish: this kind of fault, for this connection, this often, until it is used up."""

    kind: AnyFault
    connection: str
    operation: str | None
    """Only this operation; ``None`` means every one."""
    share: float
    """Part of the matching requests it hits, above 0, at most 1."""
    seconds: float
    left: int | None
    """How many more it hits; ``None`` without a limit."""
    until: float | None
    """Clock reading at which it ends; ``None`` without an end."""
    hits: int = 0


class FaultPlan:
    """All faults wished for; asked once for each request by whoever commits them.

    The same seed, rules and order of requests give the same faults.
    """

    def __init__(self, *, seed: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds, for rules that end by themselves."""
        self._random = random.Random(seed)  # noqa: S311 - reproducible faults, no secret
        self._clock = clock
        self._rules: list[FaultRule] = []
        self._listeners: list[Callable[[], None]] = []

    def add(
        self,
        kind: AnyFault,
        *,
        connection: str,
        operation: str | None = None,
        share: float = 1.0,
        count: int | None = None,
        duration_seconds: float | None = None,
        seconds: float | None = None,
    ) -> FaultRule:
        """Wish for a fault and return its rule, which counts its hits. Earlier rules are asked first."""
        if not 0 < share <= 1:
            raise ValueError("share must be above 0 and at most 1")
        rule = FaultRule(
            kind=kind,
            connection=connection,
            operation=operation,
            share=share,
            seconds=_SECONDS.get(kind, 0.0) if seconds is None else seconds,
            left=count,
            until=None if duration_seconds is None else self._clock() + duration_seconds,
        )
        self._rules.append(rule)
        self._tell()
        return rule

    def remove(self, rule: FaultRule) -> None:
        """Take a wish back; it may have ended by itself already."""
        self._rules = [kept for kept in self._rules if kept is not rule]
        self._tell()

    def clear(self, connection: str | None = None) -> None:
        """Take back every wish, or every wish for one connection."""
        self._rules = [] if connection is None else [rule for rule in self._rules if rule.connection != connection]
        self._tell()

    def rules(self) -> tuple[FaultRule, ...]:
        """Return the wishes still in force."""
        now = self._clock()
        self._rules = [
            rule
            for rule in self._rules
            if (rule.until is None or now < rule.until) and (rule.left is None or rule.left)
        ]
        return tuple(self._rules)

    def choose(self, connection: str, operation: str | None, *, layer: Layer = Layer.ANSWER) -> Fault | None:
        """Return the fault to commit for this request, or ``None``; using up one hit of its rule.

        A simulator application asks for the faults of its answers, the proxy for those of the wire. A rule
        for one operation never hits a request whose operation is unknown (``None``).
        """
        for rule in self.rules():
            if rule.connection != connection or rule.kind.layer is not layer:
                continue
            if rule.operation is not None and rule.operation != operation:
                continue
            if rule.share < 1 and self._random.random() >= rule.share:
                continue
            rule.hits += 1
            if rule.left is not None:
                rule.left -= 1
            return Fault(rule.kind, rule.seconds)
        return None

    def port_is_closed(self, connection: str) -> float | None:
        """Return for how long nobody listens at all (``inf`` without an end); ``None`` when somebody does.

        Only a `FaultKind.REFUSE` for every request, without a count, closes the port: a closed port cannot
        count who knocks.
        """
        ends = [
            float("inf") if rule.until is None else rule.until - self._clock()
            for rule in self.rules()
            if rule.kind is FaultKind.REFUSE
            and rule.connection == connection
            and rule.share == 1
            and rule.operation is None
            and rule.left is None
        ]
        return max(ends, default=None)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever the wishes change; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()
