"""How often honest work looks odd."""

from __future__ import annotations

from dataclasses import dataclass, replace

_ODD = (
    "again",
    "backdated",
    "denied",
    "foreign_elsewhere",
    "kin",
    "neighbours",
    "old_paper",
    "walk_in",
    "withdrawn",
    "wrong_unit",
)


@dataclass
class Habits:
    """How often honest work looks odd; shares of dossiers, look-ups or officer-days."""

    stand_in: float = 0.07
    household: float = 0.11
    typo: float = 0.014
    late: float = 0.03
    backdated: float = 0.0015
    again: float = 0.006
    """Dossiers registered twice, because the first was wrong."""
    withdrawn: float = 0.003
    """Dossiers withdrawn within the hour, because the citizen thought better of it; nobody registers them again."""
    kin: float = 0.004
    """Parties for whose sake a relative of another household is looked up, too."""
    wrong_own: float = 0.008
    wrong_unit: float = 0.003
    after_close: float = 0.02
    neighbours: float = 0.12
    walk_in: float = 0.025
    """Look-ups an officer-day that no dossier will ever explain."""
    old_paper: float = 0.0008
    """Dossiers looked into again more than four days after they were closed."""
    foreign: float = 1.6
    foreign_elsewhere: float = 0.008
    denied: float = 0.012
    visit: float = 0.004
    """Officer-days on which somebody works for half a day in another office."""
    overtime: float = 0.01

    def times(self, factor: float) -> Habits:
        """Return habits in which what no dossier explains well is so many times as frequent."""
        return replace(self, **{name: getattr(self, name) * factor for name in _ODD})
