"""The lines of the national score that dossiers decide, and their rates from counts.

Source of the formulas: the index file of the paper to QĐ 766/QĐ-TTg, all of it that is public. The weights of single
lines are not public, so rates are given and no points; what the paper leaves open is a setting (docs/score-guard.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.errors import Sentence


class Line(StrEnum):
    """One line of the score."""

    SYNCHRONISED = "1.4"
    ON_TIME = "2.1"
    ONLINE = "3.3"
    PAID_ONLINE = "3.6"
    RESULT_FILE = "4.1"
    FILES = "4.2"
    DIGITISED = "4.3"
    FROM_STORE = "4.4"
    IDENTIFIED = "4.5"

    @property
    def sentence(self) -> Sentence:
        """What the line measures."""
        return _TITLES[self]

    @property
    def full_mark_at(self) -> float | None:
        """From which rate on the line has its full mark, where that is public."""
        return _FULL_MARKS.get(self)


_TITLES: dict[Line, Sentence] = {
    Line.SYNCHRONISED: Sentence("Dossiers synchronised with the portal", "Hồ sơ được đồng bộ lên Cổng DVCQG"),
    Line.ON_TIME: Sentence("Dossiers handled on time", "Hồ sơ giải quyết đúng hạn"),
    Line.ONLINE: Sentence(
        "Online dossiers with a result on file, times the synchronised rate",
        "Hồ sơ trực tuyến có kết quả điện tử, nhân với tỷ lệ đồng bộ",
    ),
    Line.PAID_ONLINE: Sentence("Dossiers with a fee paid online", "Hồ sơ thanh toán trực tuyến"),
    Line.RESULT_FILE: Sentence("Dossiers with a result file", "Hồ sơ có tệp kết quả giải quyết điện tử"),
    Line.FILES: Sentence("Dossiers with a component file and a result file", "Hồ sơ có tệp thành phần và tệp kết quả"),
    Line.DIGITISED: Sentence("Dossiers with a digitised component", "Hồ sơ có thành phần được số hoá"),
    Line.FROM_STORE: Sentence(
        "Dossiers that reuse the personal e-document store", "Hồ sơ khai thác lại dữ liệu từ kho quản lý điện tử"
    ),
    Line.IDENTIFIED: Sentence(
        "Dossiers that use identity or population data", "Hồ sơ có kết nối, khai thác dữ liệu định danh, dân cư"
    ),
}

_FULL_MARKS: dict[Line, float] = {Line.ONLINE: 0.5, Line.FILES: 0.8}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted on one side for one agency and month."""

    held: int = 0
    """Line 1.4: of our side, our dossiers that the portal holds; of the portal's, all that it holds."""
    received: int = 0
    lines: Mapping[Line, tuple[int, int]] | None = None
    """For every line but 1.4: how many count, of how many."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A line on one side: ``counted`` of ``of``; no rate where there is nothing to count."""

    counted: int
    of: int
    rate: float | None


def rates(counts: Counts, *, expected: int) -> dict[Line, Rate]:
    """Return the rate of every line.

    ``expected`` is how many dossiers the national report system knows; line 1.4 is counted against the larger of it
    and the synchronised ones, and line 3.3 is multiplied by that rate.
    """
    synchronised = _rate(counts.held, max(counts.held, expected))
    found = {Line.SYNCHRONISED: synchronised}
    for line in Line:
        if line is Line.SYNCHRONISED:
            continue
        counted, of = (counts.lines or {}).get(line, (0, 0))
        plain = _rate(counted, of)
        if line is Line.ONLINE and plain.rate is not None:
            plain = Rate(counted, of, plain.rate * (synchronised.rate or 0.0))
        found[line] = plain
    return found


def add(one: Counts, other: Counts) -> Counts:
    """Return the counts of two agencies together."""
    mine, theirs = one.lines or {}, other.lines or {}
    return Counts(
        held=one.held + other.held,
        received=one.received + other.received,
        lines={
            line: (
                mine.get(line, (0, 0))[0] + theirs.get(line, (0, 0))[0],
                mine.get(line, (0, 0))[1] + theirs.get(line, (0, 0))[1],
            )
            for line in mine.keys() | theirs.keys()
        },
    )


def _rate(counted: int, of: int) -> Rate:
    return Rate(counted, of, counted / of if of else None)
