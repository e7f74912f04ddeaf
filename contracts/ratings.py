"""The satisfaction of citizens with a procedure in one month, in three grades (VP 26; QĐ 766/QĐ-TTg group 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from contracts.dossier import Agency
from contracts.text import Model, Paragraph, SchemaNote, VisibleNfc, personal

TOLERANCE = Decimal("0.01")
"""Three shares rounded to two places each may miss 100 by this much."""

Month = Annotated[
    str,
    StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$"),
    SchemaNote("A month of a year, as yyyy-MM.", pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", example="2026-10"),
]

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
"""A share in percent, with at most two decimal places."""


class Grades(Model):
    """How the answers divide among the three grades; the shares add up to 100, or are all 0 where nobody answered."""

    very_satisfied: Percent
    """Rất hài lòng, in percent."""
    satisfied: Percent
    """Hài lòng, in percent."""
    not_satisfied: Percent
    """Chưa hài lòng, in percent."""

    @property
    def total(self) -> Decimal:
        """The sum of the three."""
        return self.very_satisfied + self.satisfied + self.not_satisfied

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if self.total and abs(self.total - 100) > TOLERANCE:
            raise PydanticCustomError("grades_do_not_add_up", "the three grades must add up to 100 percent")
        return self


class RatingEntry(Model):
    """What one month brought for one procedure at one agency, as the dossier system hands it in."""

    agency: Agency
    """The agency whose work was rated."""
    raters: Annotated[int, Field(ge=0, le=10_000_000)]
    """How many people rated."""
    officers: Grades
    """Satisfaction with the handling of the dossier."""
    service: Grades
    """Satisfaction with the online service."""
    opinions: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=2000), VisibleNfc], ...], Field(max_length=1000)
    ] = personal(default=())
    """What people wrote, without their names."""
    content: Paragraph
    """What was rated, in words."""

    @model_validator(mode="after")
    def _somebody_rated(self) -> Self:
        if self.raters and not self.officers.total:
            raise PydanticCustomError("grades_missing", "people rated, so the three grades cannot all be 0")
        if not self.raters and (self.officers.total or self.service.total or self.opinions):
            raise PydanticCustomError("grades_without_raters", "nobody rated, so there are no grades and no opinions")
        return self


class MonthlyRating(RatingEntry):
    """A rating on its way to the portal."""

    month: Month
    procedure_code: str
    """The procedure's code as published in the catalogue."""
    revision: Annotated[int, Field(ge=1)]


def canonical(model: Model) -> dict[str, Any]:
    """Return the model as JSON values; a share is text with two places, so that equal shares are equal."""
    return model.model_dump(mode="json")
