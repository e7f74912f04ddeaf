"""What ends a command of the hub in an expected way: one sentence in both languages instead of a traceback."""

from __future__ import annotations

from contracts.errors import Sentence


class CommandError(Exception):
    """A command cannot do its work; ``code`` is stable, the sentence says what happened and what to do."""

    def __init__(self, code: str, sentence: Sentence) -> None:
        """The sentence is printed and may be logged: no secret, nothing of a citizen."""
        super().__init__(sentence.en)
        self.code = code
        self.sentence = sentence
