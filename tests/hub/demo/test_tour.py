"""The tour says "verified" only of what it has verified."""

from __future__ import annotations

import copy
from typing import Any
from unittest.mock import Mock

import pytest

from hub.access.clients import Credentials
from hub.demo import expected
from hub.demo.calls import Answer
from hub.demo.tour import AtPortal, Tour, Unverified, must_be, must_be_refused


class Portal:
    """A portal's copy, as its control plane shows it."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.held = held

    async def get(self, path: str) -> Any:
        """Return the copy."""
        return self.held.get(path.rpartition("/")[2], {"error": "no such dossier"})


@pytest.fixture
def tour() -> Tour:
    """A tour whose first dossier is at the portal as it should be, with one step."""
    running = Mock(
        api_url="http://127.0.0.1:9", sandbox_url="http://127.0.0.1:9/_sandbox", credentials=Credentials("c", "s")
    )
    tour = Tour(running)
    snapshot = expected.accepted(tour.code, tour.times)
    step = expected.step(tour.code, "4", "Thẩm định hồ sơ", tour.times.ago(5))
    tour.book[tour.code] = AtPortal(snapshot, [step])
    copy_there = {"dossier": snapshot, "step_list": [step], "creates": 1, "repeated_steps": 0}
    tour.portal = Portal({tour.code: copy.deepcopy(copy_there)})  # type: ignore[assignment]
    return tour


def held(tour: Tour) -> dict[str, Any]:
    """Return the portal's copy, to be spoilt."""
    return tour.portal.held[tour.code]  # type: ignore[attr-defined,no-any-return]


async def test_a_true_copy_is_verified(tour: Tour) -> None:
    """Every value of dossier and steps is counted."""
    assert await tour.compare(tour.code) > 70


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda there: there["dossier"].update(ChuHoSo="Ai khác"), "ChuHoSo differs"),
        (lambda there: there["dossier"]["TaiLieuNop"].pop(), "TaiLieuNop has 2 entries"),
        (lambda there: there["step_list"].clear(), "steps has 0 entries"),
        (lambda there: there["step_list"].append(there["step_list"][0]), "steps has 2 entries"),
        (lambda there: there.update(repeated_steps=1), "arrived twice"),
        (lambda there: there.update(creates=2), "created 2 times"),
    ],
)
async def test_a_false_copy_is_found(tour: Tour, spoil: Any, found: str) -> None:
    """A wrong value, a lost or a doubled step, a second creation: each ends the tour."""
    spoil(held(tour))
    with pytest.raises(Unverified, match=found):
        await tour.compare(tour.code)


async def test_a_dossier_that_is_not_there_is_found(tour: Tour) -> None:
    """The portal does not hold it at all."""
    tour.portal.held.clear()  # type: ignore[attr-defined]
    with pytest.raises(Unverified, match="does not hold"):
        await tour.compare(tour.code)


def test_another_status_is_found() -> None:
    """An answer other than the one expected ends the tour, and its code is told."""
    must_be(Answer(201, {}, {}), 201)
    with pytest.raises(Unverified, match="422 wrong_type instead of 201"):
        must_be(Answer(422, {}, {"code": "wrong_type"}), 201)


@pytest.mark.parametrize(
    "problem",
    [
        {"code": "other", "detail": "No.", "detail_vi": "Không.", "field": "a"},
        {"code": "x", "detail": "No.", "detail_vi": "", "field": "a"},
        {"code": "x", "detail": "No.", "detail_vi": "No.", "field": "a"},
        {"code": "x", "detail": "No.", "detail_vi": "Không.", "field": "b"},
    ],
)
def test_a_refusal_must_be_whole(problem: dict[str, Any]) -> None:
    """The right code, the right field, a sentence in each language: less is not a refusal as promised."""
    with pytest.raises(Unverified):
        must_be_refused(Answer(422, {}, problem), 422, "x", "a")


def test_a_whole_refusal_passes() -> None:
    """Code, field and both sentences."""
    must_be_refused(Answer(422, {}, {"code": "x", "detail": "No.", "detail_vi": "Không.", "field": "a"}), 422, "x", "a")
