"""The session: one for all workers, renewed once for all, never a reason to send a write twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.transport.simulation.faults import FaultKind
from contracts.errors import Malformed, NeedsPerson, TryLater
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.worlds import assert_safe, connect, push, step_pushes, world


async def test_one_login_serves_many_calls() -> None:
    """The session is kept: logging in for every call is what deployed systems do wrong."""
    async with world() as w:
        for _ in range(5):
            await w.connection.find_dossier(s.CODE)
        assert w.app.portal.logins == 1


async def test_a_session_lost_in_the_middle_costs_one_login_for_all_workers() -> None:
    """Four workers with twenty calls under way stumble over the same expiry: one login, every call succeeds."""
    async with world() as w:
        await w.connection.push_dossiers([push(s.plain_dossier())])
        workers = [connect(w.settings, w.sessions, w.drift) for _ in range(4)]
        w.app.portal.expire_sessions()
        found = await asyncio.gather(*(worker.find_dossier(s.CODE) for worker in workers for _ in range(5)))
        assert all(one is not None for one in found)
        assert w.app.portal.logins == 2
        await asyncio.gather(*(worker.aclose() for worker in workers))


@pytest.mark.parametrize("number", range(3))
async def test_a_session_lost_before_any_call_of_a_push_changes_nothing(number: int) -> None:
    """The expiry hits the question, the create or the steps: the result is the same, and nothing is there twice."""
    services = ("TraCuuHoSo", "DongBoHoSoMC", "CapNhatTienDoHoSoMC")
    async with world() as w:
        w.faults.add(FaultKind.EXPIRED_SESSION, connection="national_portal", operation=services[number], count=1)
        await w.connection.push_dossiers([push(s.plain_dossier())])
        await w.connection.push_steps(step_pushes(s.step()))
        assert w.app.portal.logins == 2
        assert w.app.portal.dossiers[s.CODE].creates == 1
        assert len(w.held_steps()) == 1


async def test_a_session_refused_twice_needs_a_person() -> None:
    """A fresh session that is refused is no expiry: one login, one repeat, then somebody must look."""
    async with world() as w:
        w.faults.add(FaultKind.EXPIRED_SESSION, connection="national_portal", operation="TraCuuHoSo")
        with pytest.raises(NeedsPerson) as refused:
            await w.connection.find_dossier(s.CODE)
        assert refused.value.upstream_code == "-2"
        assert w.app.portal.logins == 2
        assert_safe(refused.value)


async def test_an_old_session_is_renewed_before_it_fails() -> None:
    """After the assumed lifetime the session is renewed without waiting for the error."""
    async with world(session_lifetime_seconds=300) as w:
        await w.connection.find_dossier(s.CODE)
        w.sessions.age(datetime.now(UTC) - timedelta(seconds=240))
        await w.connection.find_dossier(s.CODE)
        assert w.app.portal.logins == 1
        w.sessions.age(datetime.now(UTC) - timedelta(seconds=301))
        await w.connection.find_dossier(s.CODE)
        assert w.app.portal.logins == 2


async def test_another_code_for_a_lost_session_is_a_setting() -> None:
    """Which code means "log in again" is not public: it is configured, not built in."""
    async with world(session_error_codes=["9"]) as w:
        await w.connection.find_dossier(s.CODE)
        w.app.portal.expire_sessions()
        assert await w.connection.find_dossier(s.CODE) is None
        assert w.app.portal.logins == 2


async def test_wrong_credentials_need_a_person() -> None:
    """Repeating is useless; the error says where to look and shows no secret."""
    async with world() as w:
        wrong = connect(s.settings(w.settings.forward.adapter_url, password="another-one"), w.sessions, w.drift)
        with pytest.raises(NeedsPerson) as refused:
            await wrong.push_dossiers([push(s.full_dossier())])
        await wrong.aclose()
        assert refused.value.upstream_code == "-1"
        assert "password" in refused.value.sentence.en
        assert_safe(refused.value)
        assert "another-one" not in repr(refused.value)
        assert (w.app.portal.logins, w.app.portal.refused_logins) == (0, 1)


@pytest.mark.parametrize("kind", [FaultKind.HTML_200, FaultKind.WRONG_TYPE])
async def test_a_login_answer_that_is_none_is_malformed(kind: FaultKind) -> None:
    """A page or a wrong type instead of a session."""
    async with world() as w:
        w.faults.add(kind, connection="national_portal", operation="login")
        with pytest.raises(Malformed) as broken:
            await w.connection.find_dossier(s.CODE)
        assert_safe(broken.value)


async def test_a_login_without_answer_may_be_tried_again() -> None:
    """A login is harmless to repeat: no unknown outcome, even inside a push."""
    async with world() as w:
        w.faults.add(FaultKind.RESET_AFTER, connection="national_portal", operation="login")
        with pytest.raises(TryLater) as later:
            await w.connection.push_dossiers([push(s.plain_dossier())])
        assert_safe(later.value)
        assert w.app.portal.dossiers == {}
