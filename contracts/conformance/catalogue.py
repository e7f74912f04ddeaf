"""The promises of `contracts.ports.ProcedureCatalogue` and `contracts.ports.CatalogueSource`."""

from __future__ import annotations

from typing import ClassVar

import pytest

from contracts.conformance.adapter import PortSuite
from contracts.conformance.stage import staged
from contracts.conformance.subject import Subject
from contracts.conformance.wire import Act
from contracts.ports import CatalogueSource, ProcedureCatalogue, RepeatClass

_PROCEDURE = "1.000001"
"""Of the invented province H99; the played partner publishes it."""


class ProcedureCatalogueSuite(PortSuite):
    """The list of procedures: each once, the same when asked again."""

    PORT = ProcedureCatalogue
    REPEAT: ClassVar = {"list_procedures": frozenset({RepeatClass.SAFE})}
    ACTS: ClassVar = (
        Act(
            "list_procedures",
            is_write=False,
            prepare=lambda stage: stage.connection.list_procedures(),
            perform=lambda _stage, connection: connection.list_procedures(),
        ),
    )

    @pytest.mark.asyncio
    async def test_procedures_come_once_each_and_the_same_again(self, subject: Subject) -> None:
        """By national code; asking changes nothing."""
        async with staged(subject) as stage:
            listed = list(await stage.connection.list_procedures())
            assert listed
            codes = [one.code for one in listed]
            assert len(set(codes)) == len(codes)
            assert list(await stage.connection.list_procedures()) == listed


class CatalogueSourceSuite(PortSuite):
    """The whole catalogue, and single procedures with their details."""

    PORT = CatalogueSource
    REPEAT: ClassVar = {
        "list_catalogue": frozenset({RepeatClass.SAFE}),
        "read_procedure": frozenset({RepeatClass.SAFE}),
    }
    ACTS: ClassVar = (
        Act(
            "list_catalogue",
            is_write=False,
            prepare=lambda stage: stage.connection.list_catalogue(),
            perform=lambda _stage, connection: connection.list_catalogue(),
        ),
        Act(
            "read_procedure",
            is_write=False,
            prepare=lambda stage: stage.connection.read_procedure(_PROCEDURE),
            perform=lambda _stage, connection: connection.read_procedure(_PROCEDURE),
        ),
    )

    @pytest.mark.asyncio
    async def test_lists_and_details_tell_the_same_of_a_procedure(self, subject: Subject) -> None:
        """Nothing is missing when nothing failed; a root that nobody published is an answer, not a failure."""
        async with staged(subject) as stage:
            lists = await stage.connection.list_catalogue()
            assert lists.missing == frozenset()
            assert lists.procedures
            (listed,) = [one for one in lists.procedures if one.key == _PROCEDURE]
            read = await stage.connection.read_procedure(_PROCEDURE)
            assert read is not None
            assert (read.key, read.name) == (listed.key, listed.name)
            assert await stage.connection.read_procedure("9.999999") is None
