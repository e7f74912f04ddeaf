"""Where the people live whom a unit looks up: how likely chance alone leads to the same person, household or hamlet."""

from __future__ import annotations

from collections import Counter, deque

from hub.watch.records import Subject

_WEEK = 7 * 86_400.0
_PER_HOUSEHOLD = 2.0
"""People known of one household, about; households are not counted, which would need all of them in memory."""
_FEWEST = 1_000.0
"""A commune is never thought to have fewer people than this, however few are known yet."""


class _Commune:
    """How many people of a commune, and of each of its hamlets, one unit looked up."""

    __slots__ = ("hamlets", "total")

    def __init__(self) -> None:
        self.total = 0
        self.hamlets: dict[int | None, int] = {}


class _Area:
    """Where the people live whom one unit looked up."""

    __slots__ = ("communes", "total")

    def __init__(self) -> None:
        self.total = 0
        self.communes: dict[str, _Commune] = {}


class Places:
    """Counts of people by unit, commune and hamlet; no person is remembered."""

    def __init__(self) -> None:
        self._of_unit: dict[str, _Area] = {}
        self._everybody = 0
        self._people: Counter[str] = Counter()
        self._lately: dict[str, deque[float]] = {}

    def note(self, unit_code: str, subject: Subject, *, is_new: bool) -> None:
        """Count a person that a unit looked up."""
        area = self._of_unit.get(unit_code)
        if area is None:
            area = self._of_unit[unit_code] = _Area()
        area.total += 1
        commune = area.communes.get(subject.commune)
        if commune is None:
            commune = area.communes[subject.commune] = _Commune()
        commune.total += 1
        commune.hamlets[subject.hamlet] = commune.hamlets.get(subject.hamlet, 0) + 1
        if is_new:
            self._people[subject.commune] += 1
            self._everybody += 1

    def share(self, unit_code: str, commune: str, hamlet: int | None) -> float:
        """Return which share of the unit's people lives in a hamlet, never quite nothing."""
        area = self._of_unit.get(unit_code)
        if area is None:
            return 1.0
        held = area.communes.get(commune)
        return ((held.hamlets.get(hamlet, 0) if held is not None else 0) + 0.5) / (area.total + 50.0)

    def commune_share(self, unit_code: str, commune: str) -> float:
        """Return which share of the unit's people lives in a commune, never quite nothing."""
        area = self._of_unit.get(unit_code)
        if area is None:
            return 1.0
        held = area.communes.get(commune)
        return ((held.total if held is not None else 0) + 0.5) / (area.total + 50.0)

    def chance(self, unit_code: str, commune: str, group: float) -> float:
        """Return how likely one look-up by chance meets one of ``group`` people of a commune."""
        return self.commune_share(unit_code, commune) * group / self.people(commune)

    @property
    def everybody(self) -> float:
        """About how many people may be met by chance at all."""
        return max(_FEWEST, float(self._everybody))

    def people(self, commune: str) -> float:
        """Return about how many people of a commune may be met by chance."""
        return max(_FEWEST, float(self._people[commune]))

    def households(self, commune: str) -> float:
        """Return about how many households of a commune may be met by chance."""
        return max(_FEWEST, self._people[commune]) / _PER_HOUSEHOLD

    def unexplained(self, subject: Subject, ts: float) -> int:
        """Count an unexplained look-up in a commune; return how many there were within the seven days before."""
        held = self._lately.get(subject.commune)
        if held is None:
            held = self._lately[subject.commune] = deque(maxlen=5_000)
        while held and held[0] < ts - _WEEK:
            held.popleft()
        before = len(held)
        held.append(ts)
        return before
