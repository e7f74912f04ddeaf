"""Where one person must not decide alone: whoever asked cannot agree, neither through the same client nor by name.

The rule, the codes and the statuses stand here once. What was asked differs (a replay, a change of the watch, citizens'
numbers in a case, a withheld look-up, an account), so each subject gives the sentence in its own words.
"""

from __future__ import annotations

import unicodedata

from contracts.errors import Sentence
from hub.errors import Refusal


def is_same_person(one: str, other: str) -> bool:
    """Say whether two texts name one person: case, width and spaces mean nothing."""
    return _plain(one) == _plain(other)


def decides_alone(client_id: str, person: str, *, asked_by: str, asked_person: str) -> bool:
    """Say whether who decides is who asked; the same client is enough, and so is the same person."""
    return client_id == asked_by or is_same_person(person, asked_person)


def second_person_required(sentence: Sentence, *, field: str = "") -> Refusal:
    """403: somebody agrees to what they asked for themselves."""
    return Refusal(403, "second_person_required", sentence, field=field)


def approval_required(sentence: Sentence) -> Refusal:
    """409: the second person has not agreed yet."""
    return Refusal(409, "approval_required", sentence)


def approved_already(sentence: Sentence) -> Refusal:
    """409: a second approval, where the record names one."""
    return Refusal(409, "approved_already", sentence)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
