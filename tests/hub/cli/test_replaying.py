"""Replays and emergency stops from the command line."""

from __future__ import annotations

import json
import os
import re
from types import SimpleNamespace

import pytest

from hub.cli import frame
from hub.settings import Settings
from tests.hub.cli.conftest import Lienthong
from tests.hub.cli.test_operate import CONNECTIONS, PORTAL, _set_state, configured, exchange

__all__ = ["configured", "exchange"]


@pytest.mark.slow
def test_everything_is_stopped_by_one_command_and_goes_on(configured: Lienthong, exchange: str) -> None:
    """In force with the command's end; it names who and why. What waits goes on by legal deadline."""
    stopped = configured("connections", "stop", "--all", "--reason", "bão gửi lại")
    assert stopped.exit_code == 0, stopped.output
    assert re.search(rf"{PORTAL}: maintenance\. Stopped by .+ \(command line\): bão gửi lại", stopped.output)
    resumed = configured("connections", "resume", "--all", "--by-deadline")
    assert resumed.exit_code == 0, resumed.output
    assert f"{PORTAL}: unverified" in resumed.output
    single = configured("connections", "stop", PORTAL, "--reason", "bão gửi lại")
    assert "Stopped by" in single.output
    for arguments in (("stop", "--reason", "x"), ("stop", PORTAL, "--all", "--reason", "x"), ("resume",)):
        refused = configured("connections", *arguments)
        assert refused.exit_code == 1
        assert "--all" in refused.output


def test_a_stop_needs_no_adapter(
    configured: Lienthong, exchange: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """What is wrong with an adapter's settings must not keep an operator from stopping everything."""
    broken = {name: {**one, "settings": {"nonsense": True}} for name, one in CONNECTIONS.items()}
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", json.dumps(broken))
    assert configured("connections", "list").exit_code == 1
    stopped = configured("connections", "stop", "--all", "--reason", "bão gửi lại")
    assert stopped.exit_code == 0, stopped.output
    assert "Đã dừng mọi kết nối" in stopped.output
    assert configured("connections", "resume", "--all").exit_code == 0


@pytest.mark.slow
def test_a_replay_from_preview_to_stop(configured: Lienthong, exchange: str, settings: Settings) -> None:
    """The preview says what would happen in both languages; the others say where it stands."""
    _set_state(settings, exchange, "refused")
    done = configured("replays", "preview", "--state", "refused", "--agency", "H99", "--reason", "đã sửa danh mục")
    assert done.exit_code == 0, done.output
    found = re.search(r"replay ([0-9a-f-]{36}): previewed", done.output)
    assert found is not None, done.output
    assert f"exchanges   1: 1 {PORTAL}; 1 idempotent" in done.output
    replay = found[1]
    own = configured("replays", "approve", replay)
    assert own.exit_code == 1
    assert "cần người thứ hai" in own.output
    for command, state in (("start", "running"), ("pause", "paused"), ("stop", "stopped"), ("show", "stopped")):
        done = configured("replays", command, replay)
        assert f"replay {replay}: {state}" in done.output, done.output
    listed = configured("replays", "list")
    assert re.search(rf"{replay} +replay +stopped +1 ", listed.output)
    nothing = configured("replays", "preview", "--action", "dismiss", "--their-code", "-9", "--reason", "trùng")
    assert "exchanges   0: none; none" in nothing.output
    wrong = configured("replays", "preview", "--dossier", "x", "--reason", "trùng")
    assert wrong.exit_code == 1
    assert "Bộ lọc không hợp lệ" in wrong.output


@pytest.mark.parametrize(
    ("number", "behind", "name"),
    [
        (1000, None, "an"),
        (1000, "1001", "an"),
        (0, "1001", "bình"),
        (0, None, "root"),
        (0, "x", "root"),
        (7, None, "7"),
    ],
)
def test_who_acts_is_what_the_system_knows(
    monkeypatch: pytest.MonkeyPatch, number: int, behind: str | None, name: str
) -> None:
    """Variables that anybody may set say nothing; behind sudo it is the person who called it."""
    names = {0: "root", 1000: "an", 1001: "bình"}

    def entry(wanted: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name=names[wanted])

    monkeypatch.setattr(os, "getuid", lambda: number)
    monkeypatch.setattr(frame.pwd, "getpwuid", entry)
    for variable in ("USER", "LOGNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "chi")
    monkeypatch.delenv("SUDO_UID", raising=False)
    if behind is not None:
        monkeypatch.setenv("SUDO_UID", behind)
    assert frame.actor() == f"{'user 7' if name == '7' else name} (command line)"
