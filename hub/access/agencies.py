"""For which agencies a client may act: each code it was given stands for that agency and all below it.

Both generations of codes are alive (QĐ 20/2020/QĐ-TTg): ``H56.14`` is written from the top, ``000.00.14.H56`` from
the bottom. They are compared level by level from the top, digits as they are: ``01`` and ``1`` are different
levels here, because for access a doubt must end in "no".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from contracts.codes import agency_of_dossier, is_old_agency_code
from contracts.errors import Sentence
from hub.errors import Refusal


@lru_cache(maxsize=8192)
def levels(code: str) -> tuple[str, ...]:
    """Return the levels of an agency code from the top: ``("H56", "14")`` for ``H56.14`` and ``000.00.14.H56``."""
    parts = code.split(".")
    if is_old_agency_code(code):
        parts.reverse()
        while len(parts) > 1 and not parts[-1].strip("0"):
            parts.pop()  # 00 and 000 fill the levels that an agency does not have
    return tuple(parts)


def covers(agencies: Iterable[str], code: str) -> bool:
    """Say whether agency ``code`` is one of ``agencies`` or lies below one of them."""
    return _covers(agencies if isinstance(agencies, tuple) else tuple(agencies), code)


# Asked three times by every look-up, mostly of the same few clients, accounts and units.
@lru_cache(maxsize=8192)
def _covers(agencies: tuple[str, ...], code: str) -> bool:
    below = levels(code)
    return any(below[: len(above)] == above for above in map(levels, agencies))


def patterns(agencies: Iterable[str]) -> list[str]:
    """Return patterns for SQL's ``LIKE`` that every agency code covered by ``agencies`` fits, in both generations.

    ``H99.12`` begins with the top and ``000.00.12.H99`` ends with it. A few codes may fit that are not covered, so who
    narrows a query by these asks `covers` of what it finds. A code holds no character that a pattern reads otherwise.
    """
    found: dict[str, None] = {}
    for parts in map(levels, agencies):
        above, below = ".".join(parts), ".".join(reversed(parts))
        found |= dict.fromkeys((above, f"{above}.%", below, f"%.{below}"))
    return list(found)


def require_agency(agencies: Iterable[str], dossier_code: str) -> None:
    """Refuse (403) a dossier whose code was issued by an agency outside ``agencies``."""
    if not covers(agencies, agency_of_dossier(dossier_code)):
        raise Refusal(
            403,
            "agency_not_allowed",
            Sentence(
                en="This client may not act for the agency in the dossier code; ask the operator of the hub.",
                vi="Ứng dụng này không được phép thao tác cho cơ quan trong mã hồ sơ; hãy liên hệ quản trị viên.",
            ),
            field="code",
        )
