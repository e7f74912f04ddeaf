"""The shared example: what documentation, benchmarks and tests all use."""

from __future__ import annotations

import json

from contracts.dossier import DossierFacts
from contracts.examples import dossier_body


def test_the_example_is_valid_and_of_the_size_the_benchmarks_promise() -> None:
    """The bar of the intake benchmark is set for a dossier of 2.8 KB with several files in a component."""
    body = dossier_body()
    assert 2_600 <= len(body) <= 3_000
    facts = DossierFacts.model_validate_json(body)
    assert len(facts.components[0].files) > 1


def test_the_example_is_invented() -> None:
    """Only agency H99, personal numbers of 099, and addresses under .example may stand in it."""
    facts = json.loads(dossier_body())
    assert facts["agency"]["code"].startswith("H99")
    for party in (facts["applicant"], facts["submitter"]):
        assert all(identifier["value"].startswith("099") for identifier in party["identifiers"])
    text = dossier_body().decode()
    assert text.count("https://") == text.count(".example/")
