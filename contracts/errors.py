"""Errors named for the reaction they want, and nothing else.

An adapter raises exactly one of the six; the hub reacts to the class and never reads the words. Every
error carries a sentence in English and one in Vietnamese that are safe to show and to log: they never
hold a payload, a name, a number of a citizen, or a secret. The library exception underneath is chained
with ``raise … from`` for the stack trace, and is not part of the sentence.

| class            | what happened                                    | what the hub does                             |
|------------------|--------------------------------------------------|-----------------------------------------------|
| `TryLater`       | nothing was done, it may work later              | waits, then tries again                       |
| `NeedsPerson`    | credentials, certificate, quota, configuration   | holds the connection, tells an operator       |
| `Rejected`       | they understood and said no                      | ends the exchange as refused                  |
| `Malformed`      | their answer breaks the contract                 | settles a write by asking, else quarantines   |
| `Unsupported`    | we cannot say this faithfully on their wire      | ends the exchange as refused, before sending  |
| `OutcomeUnknown` | a write may or may not have happened             | asks the partner before repeating anything    |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Sentence:
    """One safe sentence in both languages: what happened and what a person can do about it."""

    en: str
    vi: str


class LienThongError(Exception):
    """Base of the six reactions; never raised itself."""

    def __init__(
        self,
        sentence: Sentence,
        *,
        connection: str = "",
        operation: str = "",
        exchange_id: str = "",
        upstream_code: str = "",
        field: str = "",
    ) -> None:
        """Build the error.

        ``upstream_code`` is the partner's own code (an ``error_code``, an HTTP status, an ``X-Road-Error``
        type), never their free text, which may quote a citizen's data. ``field`` is the canonical path of
        the value at fault, when there is one.
        """
        super().__init__(sentence.en)
        self.sentence = sentence
        self.connection = connection
        self.operation = operation
        self.exchange_id = exchange_id
        self.upstream_code = upstream_code
        self.field = field


class TryLater(LienThongError):
    """Nothing was done on their side; the same call may succeed later."""

    def __init__(
        self,
        sentence: Sentence,
        *,
        after: timedelta | None = None,
        connection: str = "",
        operation: str = "",
        exchange_id: str = "",
        upstream_code: str = "",
        field: str = "",
    ) -> None:
        """``after`` is the partner's own wish (``Retry-After``); without it the hub's schedule decides."""
        super().__init__(
            sentence,
            connection=connection,
            operation=operation,
            exchange_id=exchange_id,
            upstream_code=upstream_code,
            field=field,
        )
        self.after = after


class NeedsPerson(LienThongError):
    """Repeating is useless until a person changes credentials, certificates, quota or configuration."""


class Rejected(LienThongError):
    """They understood the request and said no."""


class Malformed(LienThongError):
    """Their answer breaks the contract, so nothing can be concluded from it."""


class Unsupported(LienThongError):
    """We cannot express this value on their wire without changing its meaning; nothing was sent."""


class OutcomeUnknown(LienThongError):
    """The request left, no answer came back: a write may have happened."""


REACTIONS: tuple[type[LienThongError], ...] = (
    TryLater,
    NeedsPerson,
    Rejected,
    Malformed,
    Unsupported,
    OutcomeUnknown,
)
"""All reactions there are. A seventh class needs a seventh reaction."""
