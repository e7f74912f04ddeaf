"""The promises of `contracts.ports.PersonalDocumentStore`."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from contracts.conformance.adapter import PortSuite
from contracts.conformance.safety import personal_texts
from contracts.conformance.stage import Stage, staged
from contracts.conformance.subject import Subject
from contracts.conformance.wire import Act
from contracts.document_store import Officer, OwnerKind, PaperQuery, ResultPaperEntry
from contracts.ports import PersonalDocumentStore, RepeatClass, ResultPaperPush

_OFFICER = Officer(name="Lê Văn Thử", number="099088000456")


def _paper() -> ResultPaperEntry:
    return ResultPaperEntry(
        officer=_OFFICER,
        owner_kind=OwnerKind.PERSONAL_NUMBER,
        owner_number="099199000123",
        agency_code="H99.12",
        procedure_code="1.000001.H99",
        catalogue_code="KQ.G99.000001",
        paper_number="01/2026-KS",
        summary="Trích yếu riêng của giấy",
        issued_on=date(2026, 10, 8),
        file_name="giay-khai-sinh.pdf",
        digitised_on=date(2026, 10, 9),
    )


def _query() -> PaperQuery:
    return PaperQuery(owner_number="099199000123", officer=_OFFICER, procedure_code="1.000001.H99")


async def _push(_stage: Stage, connection: Any) -> None:
    await connection.push_result_paper(ResultPaperPush("ex-1", _paper()))


async def _mend(stage: Stage) -> None:
    if not await stage.connection.has_result_paper(_paper()):
        await _push(stage, stage.connection)
    assert await stage.connection.has_result_paper(_paper())


class PersonalDocumentStoreSuite(PortSuite):
    """Papers are asked for by an officer and handed in once."""

    PORT = PersonalDocumentStore
    REPEAT: ClassVar = {
        "find_papers": frozenset({RepeatClass.SAFE}),
        "fetch_file": frozenset({RepeatClass.SAFE}),
        "push_result_paper": frozenset({RepeatClass.RECONCILE_FIRST, RepeatClass.IDEMPOTENT}),
    }
    ACTS: ClassVar = (
        Act(
            "find_papers",
            is_write=False,
            prepare=lambda stage: stage.connection.find_papers(_query()),
            perform=lambda _stage, connection: connection.find_papers(_query()),
            personal=lambda: personal_texts(_query()),
        ),
        Act(
            "push_result_paper",
            is_write=True,
            prepare=lambda stage: stage.connection.find_papers(_query()),
            perform=_push,
            personal=lambda: personal_texts(_paper()),
            mend=_mend,
        ),
    )

    @pytest.mark.asyncio
    async def test_a_paper_that_was_handed_in_is_there(self, subject: Subject) -> None:
        """Asked before and after, as the officer who handed it in."""
        async with staged(subject) as stage:
            assert not await stage.connection.has_result_paper(_paper())
            await _push(stage, stage.connection)
            assert await stage.connection.has_result_paper(_paper())
