"""The store and its simulator keep the contract every adapter keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

import adapters.personal_store as package
from contracts.conformance import (
    AdapterSuite,
    Capability,
    PersonalDocumentStoreSuite,
    SimulatorSuite,
    Subject,
    WireSuite,
)


class TestPersonalStore(AdapterSuite, WireSuite, PersonalDocumentStoreSuite, SimulatorSuite):
    """Papers asked for and handed in."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(
            adapter=package.ADAPTER,
            folder=Path(package.__file__).parent,
            tests=Path(__file__).parent,
            calls={"login": "login", "find_papers": "query", "fetch_file": "file", "push_result_paper": "paper"},
            hasty={
                "call_deadline_seconds": 1,
                "find_papers_deadline_seconds": 0.3,
                "fetch_file_deadline_seconds": 0.3,
                "push_result_paper_deadline_seconds": 1.5,
            },
            capabilities=frozenset({Capability.LOGIN}),
        )
