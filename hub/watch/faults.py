"""Records that the engine could not take: a watch that stops at one watches nothing, so it goes on and says so."""

from __future__ import annotations

from collections import Counter

from hub.errors import place_of


class Faults:
    """Counts them, by where the program failed; never with the text of an exception, which may quote a number."""

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many there were."""
        return self.places.total()

    def note(self, error: Exception) -> str:
        """Count one; return its class and place, and nothing where that is known already."""
        place = f"{type(error).__name__}, {place_of(error)}"
        self.places[place] += 1
        return place if self.places[place] == 1 else ""
