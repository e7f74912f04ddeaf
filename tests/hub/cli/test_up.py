"""Everything on one machine, as processes: started, watched, stopped in order, with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from contracts.examples import dossier_body
from hub.access.clients import Credentials
from hub.demo.calls import DossierSystem, SandboxControl, call
from hub.running.running_sandbox import as_running
from hub.settings import Settings
from tests.hub.cli.conftest import Call, Running, clean_environment, command_line
from tests.processes import gone

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def credentials(hub: Running) -> Credentials:
    """Return what was printed, once."""
    return Credentials(hub.wait_for(r"^CLIENT_ID=(\S+)$")[1], hub.wait_for(r"^CLIENT_SECRET=(\S+)$")[1])


def api_of(hub: Running) -> str:
    """Return the API's address; the hub is running then."""
    return hub.wait_for(r"^API +(http://\S+)")[1]


def is_ready(base: str, seconds: float = 60) -> bool:
    """Say whether the hub is ready within a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if call(base, "GET", "/readyz").status == 200:
                return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def server_of(data: Path) -> psutil.Process:
    """Return the embedded database server, which runs."""
    return psutil.Process(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))


def is_postmaster(process: psutil.Process) -> bool:
    """Say whether this is a database server and no child of one; what has ended meanwhile is none."""
    try:
        parent = process.parent()
        return process.name() == "postgres" and (parent is None or parent.name() != "postgres")
    except psutil.Error:
        return False


def processes_naming(path: Path) -> list[psutil.Process]:
    """Return the living processes that name a path on their command line."""
    return [one for one in psutil.process_iter() if str(path) in command_line(one)]


def test_a_sandbox_serves_and_stops_on_sigterm(start: Start, hub_environment: dict[str, str]) -> None:
    """From the README: up --sandbox, the printed credentials, a dossier handed in, and it is at the portal.

    SIGTERM then ends every process, found by its pid, with exit code 0.
    """
    hub = start("up", "--sandbox", environment=hub_environment)
    api = DossierSystem(api_of(hub), credentials(hub))
    page = hub.wait_for(r"^Sandbox +(http://\S+)")[1]
    family = hub.family()
    assert {name for name in ("api", "worker", "clerk", "sandbox") if hub.child(name)} == {
        "api",
        "worker",
        "clerk",
        "sandbox",
    }
    code = "H99.12-261008-0001"

    async def hand_in() -> Any:
        answer = await api.put(code, json.loads(dossier_body()))
        assert answer.status == 201, answer.document
        portal = SandboxControl(page, "national_portal")
        async with asyncio.timeout(60):
            while "dossier" not in (held := await portal.get(f"dossiers/{code}")):
                await asyncio.sleep(0.1)
        return held

    assert asyncio.run(hand_in())["dossier"]["ChuHoSo"] == "Trần Thị Mẫu"
    assert hub.stop() == 0
    assert gone(family), "a process stayed behind"
    assert not [line for line in hub.lines if "Traceback" in line]


def test_the_embedded_database_comes_and_goes_with_it(start: Start, tmp_path: Path) -> None:
    """Without a database_url everything is made at the first start, and SIGINT leaves no process behind."""
    data = tmp_path / "data"
    environment = clean_environment(
        LIENTHONG_DATA_DIR=str(data), LIENTHONG_API__PORT="0", LIENTHONG_LOG__LEVEL="warning"
    )
    hub = start("up", environment=environment)
    assert is_ready(api_of(hub))
    server = server_of(data)
    # A child has its server's command line until it gives itself a name, and names itself a moment later.
    assert [one for one in processes_naming(data) if is_postmaster(one)] == [server]
    assert (data / "keys.json").stat().st_mode & 0o777 == 0o600
    family = [*hub.family(), server, *server.children()]
    assert hub.stop(signal.SIGINT) == 0
    assert gone(family), "a process stayed behind"


def test_sigterm_twice_at_once_still_stops_cleanly(start: Start, hub_environment: dict[str, str]) -> None:
    """``timeout`` and some service managers signal a process and its group: that is not impatience."""
    hub = start("up", environment=hub_environment)
    api_of(hub)
    family = hub.family()
    hub.process.send_signal(signal.SIGTERM)
    assert hub.stop() == 0
    assert gone(family)
    assert not [line for line in hub.lines if "Forced" in line]


def test_told_to_stop_while_it_starts(start: Start, tmp_path: Path) -> None:
    """A stop in the middle of the start leaves neither a database nor a process behind."""
    data = tmp_path / "data"
    environment = clean_environment(LIENTHONG_DATA_DIR=str(data), LIENTHONG_API__PORT="0")
    hub = start("up", environment=environment)
    end = time.monotonic() + 60
    while not (data / "postgres.lock").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert hub.stop() == 0
    assert gone(processes_naming(data)), "the database stayed behind"


def test_a_process_that_cannot_start_ends_it_all(call: Call, hub_environment: dict[str, str]) -> None:
    """What never worked is not tried for ever: its own sentence is shown, and nothing is left running."""
    done = call("up", environment={**hub_environment, "LIENTHONG_API__HOST": "192.0.2.1"})
    assert done.returncode == 1
    assert "Error: Cannot listen on 192.0.2.1" in done.stderr
    assert "The process api did not start" in done.stderr
    assert "Traceback" not in done.stderr
    key_file = f"{hub_environment['LIENTHONG_DATA_DIR']}/keys.json"
    assert Path(key_file).exists(), "a database of one's own that is empty gets its key file"
    mine = hub_environment["LIENTHONG_DATABASE_URL"]
    left = [one for one in psutil.process_iter() if _environment(one).get("LIENTHONG_DATABASE_URL") == mine]
    assert left == []


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_dead_processes_are_started_anew(start: Start, hub_environment: dict[str, str]) -> None:
    """A killed worker and a killed api come back, the api at its old address, and both are spoken of."""
    hub = start("up", environment=hub_environment)
    base = api_of(hub)
    assert is_ready(base)
    for name in ("worker", "api"):
        victim = hub.child(name)
        victim.kill()
        hub.wait_for(rf"{name} ended \(SIGKILL\); it starts again in 0.5 s. / {name} đã kết thúc")
        hub.wait_for(rf"{name} runs again")
        assert hub.child(name).pid != victim.pid
    assert is_ready(base)
    assert hub.stop() == 0


def test_a_dead_sandbox_comes_back_where_it_was(start: Start, hub_environment: dict[str, str]) -> None:
    """The others know its address and its password, so a new sandbox takes the old ones."""
    hub = start("up", "--sandbox", environment=hub_environment)
    api_of(hub)
    page = hub.wait_for(r"^Sandbox +(http://\S+)")[1]
    hub.child("sandbox").kill()
    hub.wait_for("sandbox runs again")
    portal = SandboxControl(page, "national_portal")
    assert asyncio.run(portal.get("state"))["refused_logins"] == 0
    assert hub.stop() == 0


def test_nothing_outlives_a_killed_supervisor(start: Start, hub_environment: dict[str, str]) -> None:
    """However the supervisor ends, its processes stop by themselves."""
    hub = start("up", "--sandbox", environment=hub_environment)
    api_of(hub)
    family = hub.family()
    assert len(family) >= 3
    hub.process.kill()
    hub.process.wait(30)
    assert gone(family, seconds=60), "a process outlived its supervisor"
    # The note it left is of a process that is gone, and counts for nothing.
    settings = Settings(data_dir=Path(hub_environment["LIENTHONG_DATA_DIR"]))
    assert (settings.data_dir / "sandbox.json").exists()
    assert as_running(settings) is settings


def test_a_killed_database_is_started_anew(start: Start, tmp_path: Path) -> None:
    """The embedded server dies; the hub is ready again without anybody's help."""
    data = tmp_path / "data"
    environment = clean_environment(LIENTHONG_DATA_DIR=str(data), LIENTHONG_API__PORT="0", LIENTHONG_LOG__LEVEL="error")
    hub = start("up", environment=environment)
    base = api_of(hub)
    assert is_ready(base)
    server_of(data).kill()
    hub.wait_for("The database runs again")
    assert is_ready(base)
    assert hub.stop() == 0


def test_a_second_start(start: Start, call: Call, hub_environment: dict[str, str]) -> None:
    """One-time means one time: the credentials of the run before open nothing any more.

    And once a database is a sandbox's it is refused to real connections: invented dossiers would reach the nation.
    """
    first = start("up", "--sandbox", environment=hub_environment)
    api_of(first)
    old = credentials(first)
    assert first.stop() == 0
    second = start("up", "--sandbox", environment=hub_environment)
    base = api_of(second)
    new = credentials(second)
    assert new.client_id == old.client_id
    assert asyncio.run(DossierSystem(base, old).log_in()).status == 401
    assert asyncio.run(DossierSystem(base, new).log_in()).status == 200
    assert second.stop() == 0
    settings = {
        "username": "u",
        "password": "p",
        "madonvi": "000.00.00.H99",
        "forward": {"adapter_url": "http://127.0.0.1:9/forward", "dstcode": "VN:X"},
    }
    real = json.dumps({"national_portal": {"adapter": "national_portal", "settings": settings}})
    done = call("up", environment={**hub_environment, "LIENTHONG_CONNECTIONS": real})
    assert done.returncode == 1
    assert "invented dossiers of the sandbox" in done.stderr
    assert "hồ sơ giả định" in done.stderr


def test_a_sandbox_never_calls_what_is_configured(start: Start, hub_environment: dict[str, str]) -> None:
    """With --sandbox every connection leads to a simulator, whatever the configuration says; others are off."""
    settings = {
        "username": "000.00.00.H98",
        "password": "the-real-one",
        "madonvi": "000.00.00.H98",
        "forward": {
            "adapter_url": "http://127.0.0.1:9/forward",
            "dstcode": "VN:GOV:X",
            "provider_url": "http://real.example",
        },
    }
    environment = {
        **hub_environment,
        "LIENTHONG_CONNECTIONS__PORTAL_A__ADAPTER": "national_portal",
        "LIENTHONG_CONNECTIONS__PORTAL_A__SETTINGS": json.dumps(settings),
    }
    hub = start("up", "--sandbox", environment=environment)
    api_of(hub)
    page = urlsplit(hub.wait_for(r"^Sandbox +(http://\S+)")[1])
    connection = HTTPConnection(page.hostname or "", page.port, timeout=10)
    connection.request("GET", f"{page.path}/simulators")
    listed = json.loads(connection.getresponse().read())
    connection.close()
    (played,) = [one for one in listed if one["connection"] == "portal_a"]
    assert played["state"]["logins"] >= 1, "the worker did not come to the simulator"
    assert played["state"]["refused_logins"] == 0
    for process in (hub.child("api"), hub.child("worker")):
        assert "the-real-one" not in process.environ()["LIENTHONG_CONNECTIONS"]
        assert not [name for name in process.environ() if name.startswith("LIENTHONG_CONNECTIONS__")]
    assert hub.stop() == 0


def test_other_terminals_see_the_sandbox(start: Start, call: Call, hub_environment: dict[str, str]) -> None:
    """The README's tour by hand: commands beside ``up --sandbox`` show and check its connections, and only then."""
    hub = start("up", "--sandbox", environment=hub_environment)
    api_of(hub)
    note = Path(hub_environment["LIENTHONG_DATA_DIR"]) / "sandbox.json"
    assert note.stat().st_mode & 0o777 == 0o600
    listed = call("connections", "list", environment=hub_environment)
    assert "national_portal" in listed.stdout, listed.stderr
    examined = call("doctor", environment=hub_environment)
    assert examined.returncode == 0, examined.stdout
    assert "national_portal: call" in examined.stdout
    assert hub.stop() == 0
    assert not note.exists()
    assert "No connection is configured" in call("connections", "list", environment=hub_environment).stdout


def test_demo_traffic_flows(start: Start, hub_environment: dict[str, str]) -> None:
    """``make run``: dossiers arrive at the simulated portal by themselves, none refused."""
    hub = start("up", "--sandbox", "--demo-traffic", environment=hub_environment)
    api_of(hub)
    portal = SandboxControl(hub.wait_for(r"^Sandbox +(http://\S+)")[1], "national_portal")

    async def flows() -> Any:
        async with asyncio.timeout(90):
            while (state := await portal.get("state"))["dossiers"] < 3 or state["steps"] < 3:
                await asyncio.sleep(0.2)
        return state

    state = asyncio.run(flows())
    assert state["repeated_steps"] == 0
    assert hub.stop() == 0
    assert not [line for line in hub.lines if "traffic_refused" in line]
