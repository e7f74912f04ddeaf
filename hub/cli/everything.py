"""``lienthong up``: runs everything, says where it is, and stops it in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from contracts.errors import Sentence
from hub.cli.frame import say, say_both
from hub.demo.traffic import play_traffic
from hub.log import configure_logging
from hub.running.supervised import PATIENCE_SECONDS, STOP_SIGNALS
from hub.running.supervisor import Child
from hub.running.up import Running, all_in_one
from hub.settings import LogSettings, Settings
from hub.settings_loading import ENVIRONMENT_PREFIX


def run_up(settings: Settings, *, with_sandbox: bool, with_traffic: bool) -> None:
    """Run until Ctrl-C or SIGTERM. Raises what `hub.running.up.all_in_one` raises."""
    environment = dict(os.environ)
    if sys.stderr.isatty():
        _speak_to_a_person(settings, environment)
    conductor = _Conductor()
    # Not uvloop: nothing is served here, and asyncio knows best how to wait for processes.
    with asyncio.Runner() as runner:
        runner.run(
            conductor.conduct(
                _run(settings, environment, conductor.children, with_sandbox=with_sandbox, with_traffic=with_traffic)
            )
        )
    say("Stopped.  Đã dừng.")


def _speak_to_a_person(settings: Settings, environment: dict[str, str]) -> None:
    """At a terminal, where nothing else is configured: lines for people, and only those that want attention.

    The credentials are shown once; a line for every request would carry them off the screen.
    """
    wanted = {"format": "console", "level": "warning"}
    for name in wanted.keys() - settings.log.model_fields_set:
        environment[f"{ENVIRONMENT_PREFIX}LOG__{name.upper()}"] = wanted[name]
    configure_logging(LogSettings.model_validate({**wanted, **settings.log.model_dump(exclude_unset=True)}))


class _Conductor:
    """Hears Ctrl-C and SIGTERM: the first stops in order, a later Ctrl-C by force."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._task: asyncio.Task[None] | None = None
        self._told_at: float | None = None

    async def conduct(self, work: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        for one in STOP_SIGNALS:
            loop.add_signal_handler(one, self._hear, one)
        self._task = asyncio.create_task(work)
        try:
            await self._task
        except asyncio.CancelledError:
            if self._told_at is None:
                raise
        finally:
            for one in STOP_SIGNALS:
                loop.remove_signal_handler(one)

    def _hear(self, number: signal.Signals) -> None:
        now = asyncio.get_running_loop().time()
        if self._told_at is None and self._task is not None:
            self._told_at = now
            say_both(Sentence(en="Stopping; Ctrl-C again to force.", vi="Đang dừng; bấm Ctrl-C lần nữa để buộc dừng."))
            self._task.cancel()
        elif self._told_at is not None and number is signal.SIGINT and now - self._told_at > PATIENCE_SECONDS:
            say_both(Sentence(en="Forced.", vi="Buộc dừng."))
            for child in self.children:
                child.kill()


async def _run(
    settings: Settings, environment: dict[str, str], children: list[Child], *, with_sandbox: bool, with_traffic: bool
) -> None:
    say("Starting …  Đang khởi động …")
    async with all_in_one(
        settings, with_sandbox=with_sandbox, say=say_both, environment=environment, children=children
    ) as running:
        _show(running)
        if with_traffic and running.credentials is not None:
            say("Invented dossiers are handed in all the time.  Hồ sơ giả định được gửi liên tục.")
            say("Watch them on the sandbox's page, or with: lienthong exchanges list\n")
            await play_traffic(running.api_url, running.credentials)
        await asyncio.Event().wait()


def _show(running: Running) -> None:
    say("Liên Thông is running. Ctrl-C stops it.  Liên Thông đang chạy; bấm Ctrl-C để dừng.\n")
    say(f"API        {running.api_url}    (/openapi.json, /readyz)")
    if running.sandbox_url is not None:
        say(f"Sandbox    {running.sandbox_url}")
    if running.credentials is not None:
        say("\nCredentials of this run, shown once:  Thông tin xác thực của lần chạy này, chỉ hiện một lần:\n")
        say(f"CLIENT_ID={running.credentials.client_id}")
        say(f"CLIENT_SECRET={running.credentials.secret}")
    else:
        say("\nCredentials for a program:  Thông tin xác thực cho một ứng dụng:\n")
        say("lienthong clients add NAME --scope dossiers:write --scope dossiers:read --agency CODE")
    say()
