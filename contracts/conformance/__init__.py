"""The contract suite: what every adapter keeps, as tests to inherit.

An author supplies a fixture ``subject`` (and for the port that publishes dossiers, what the partner must hold) and
gains the tests of `AdapterSuite`, of `WireSuite`, of each port and of the simulator's side. What a partner cannot do
is declared as a `Capability` that is missing; no test is left out by a name. ``docs/adding-an-adapter.md`` begins
here. Needs ``pytest`` and ``pytest-asyncio``: ``pip install "lienthong[conformance]"``. What takes long bears the
mark ``slow``, which the author's configuration declares.
"""

from __future__ import annotations

import pytest

# Before the modules are imported: a failed assertion shall say what was compared.
pytest.register_assert_rewrite(
    *(
        f"contracts.conformance.{name}"
        for name in (
            "adapter",
            "business",
            "catalogue",
            "desk",
            "document_store",
            "population",
            "publisher",
            "safety",
            "simulator",
            "wire",
        )
    )
)

from contracts.conformance.adapter import AdapterSuite, PortSuite, needs  # noqa: E402 - see above
from contracts.conformance.business import BusinessRegisterSuite  # noqa: E402
from contracts.conformance.catalogue import CatalogueSourceSuite, ProcedureCatalogueSuite  # noqa: E402
from contracts.conformance.desk import QuestionDeskSuite, RatingPublisherSuite, TechnicalIdsSuite  # noqa: E402
from contracts.conformance.document_store import PersonalDocumentStoreSuite  # noqa: E402
from contracts.conformance.faults import EXPECTED, Fault  # noqa: E402
from contracts.conformance.inbound import InboundSuite  # noqa: E402
from contracts.conformance.population import PopulationRegisterSuite  # noqa: E402
from contracts.conformance.publisher import DossierPublisherSuite  # noqa: E402
from contracts.conformance.safety import assert_safe, personal_texts  # noqa: E402
from contracts.conformance.simulator import SimulatorSuite  # noqa: E402
from contracts.conformance.stage import CONNECTION, SECRET, MemorySessions, Stage, staged  # noqa: E402
from contracts.conformance.subject import Capability, InboundCall, Subject  # noqa: E402
from contracts.conformance.wire import Act, WireSuite  # noqa: E402

__all__ = [
    "CONNECTION",
    "EXPECTED",
    "SECRET",
    "Act",
    "AdapterSuite",
    "BusinessRegisterSuite",
    "Capability",
    "CatalogueSourceSuite",
    "DossierPublisherSuite",
    "Fault",
    "InboundCall",
    "InboundSuite",
    "MemorySessions",
    "PersonalDocumentStoreSuite",
    "PopulationRegisterSuite",
    "PortSuite",
    "ProcedureCatalogueSuite",
    "QuestionDeskSuite",
    "RatingPublisherSuite",
    "SimulatorSuite",
    "Stage",
    "Subject",
    "TechnicalIdsSuite",
    "WireSuite",
    "assert_safe",
    "needs",
    "personal_texts",
    "staged",
]
