"""Whom a dossier names, and which accounts handle it, from its stored facts and events as plain JSON.

Read without building the models: the watch reads every event of every dossier, and all of them were checked when they
were accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HANDLERS = ("handler", "requested_by", "approved_by", "confirmed_by", "received_by")


def party_numbers(facts: Mapping[str, Any]) -> frozenset[str]:
    """Return the personal numbers of applicant, submitter and related people of ``DossierFacts`` as JSON."""
    people = [facts.get("applicant"), facts.get("submitter"), *facts.get("related_people", ())]
    return frozenset(
        one["value"]
        for person in people
        if person is not None
        for one in person.get("identifiers", ())
        if one.get("kind") == "personal_number"
    )


def handling_accounts(content: Mapping[str, Any]) -> frozenset[str]:
    """Return the accounts that facts assign a dossier to, or that an event says acted on it."""
    found = set(content.get("assigned_accounts", ()))
    for name in _HANDLERS:
        handler = content.get(name)
        if isinstance(handler, Mapping) and handler.get("account_id"):
            found.add(handler["account_id"])
    return frozenset(found)
