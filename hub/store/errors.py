"""What can go wrong below the hub's tables. Sentences are safe to show: no password, no address with one, no data."""

from __future__ import annotations

from contracts.errors import Sentence


class StoreError(Exception):
    """Base of the store's errors, never raised itself; ``sentence`` says what happened and what to do."""

    def __init__(self, sentence: Sentence, *, code: str) -> None:
        super().__init__(f"{sentence.en} / {sentence.vi}")
        self.sentence = sentence
        self.code = code
        """Stable snake_case name of the cause, for tests, logs and machines."""


class StoreStartError(StoreError):
    """The database cannot be started, reached or used; repeating is useless until a person acts."""


class StoreUnavailable(StoreError):  # noqa: N818 - a state of the world, not a mistake
    """The database does not answer now; the caller may try again shortly (HTTP 503 with Retry-After).

    ``committed`` is ``False`` when nothing was stored, ``None`` when the connection broke while the commit was
    under way, so that it may or may not have happened.
    """

    def __init__(self, *, committed: bool | None = False) -> None:
        super().__init__(
            Sentence(
                en="The database does not answer at the moment; try again in a few seconds.",
                vi="Cơ sở dữ liệu hiện không trả lời; hãy thử lại sau vài giây.",
            ),
            code="store_unavailable",
        )
        self.committed = committed


class SchemaError(StoreStartError):
    """The tables are not those of this version of the program."""


class KeyFileError(StoreStartError):
    """The file of key-encryption keys is missing, unreadable, too widely readable, or lacks a key."""


class SealError(StoreError):
    """A sealed value cannot be opened: it was altered, belongs elsewhere, or its key is gone."""
