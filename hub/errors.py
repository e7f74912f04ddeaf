"""Refusals the hub itself speaks: each with a stable code, the field at fault and a sentence in both languages."""

from __future__ import annotations

from contracts.errors import Sentence


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a crash
    """Something the caller asked for is refused; nothing was stored and nothing was sent.

    ``status`` is the HTTP status the API answers with; ``code`` is stable; ``field`` is the path of the
    value at fault in the caller's own document, empty when it is the request as a whole.
    """

    def __init__(self, status: int, code: str, sentence: Sentence, *, field: str = "", exchange_id: str = "") -> None:
        """Build a refusal; the sentence must be safe to log."""
        super().__init__(sentence.en)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.field = field
        self.exchange_id = exchange_id


class RuleViolation(Refusal):
    """The request is well formed but the regulation, or the dossier's own history, forbids it."""

    def __init__(self, code: str, sentence: Sentence, *, field: str = "", status: int = 422) -> None:
        """Refuse with 422, or with 409 where the dossier's present state is what stands in the way."""
        super().__init__(status, code, sentence, field=field)


def place_of(error: BaseException) -> str:
    """Return module and line where an exception was raised: what may be logged of one whose text may quote data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
