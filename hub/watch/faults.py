"""Records that the engine could not take: a watch that stops at one watches nothing, so it goes on and says so."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from hub.errors import place_of


class Faults:
    """Counts them, by where the program failed; never with the text of an exception, which may quote a number.

    ``with faults:`` passes over what fails; but not a file that cannot be written, which is no record's fault.
    """

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()
        """By class of the exception, module and line."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, OSError):
            return False
        self.places[f"{type(error).__name__}, {place_of(error)}"] += 1
        return True

    @property
    def count(self) -> int:
        """How many there were."""
        return self.places.total()
