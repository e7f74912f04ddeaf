"""``lienthong sandbox`` as a server of its own, for an integrator."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.demo.calls import call
from hub.registry import load_adapters, read_connection_settings
from hub.settings import Settings
from tests.hub.cli.conftest import Running, clean_environment
from tests.ports import free_ports
from tests.processes import gone

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Running]:
    """Start a sandbox in an empty directory."""
    return lambda *arguments: Running("sandbox", *arguments, environment=clean_environment(), directory=tmp_path)


def test_it_prints_what_an_integrator_needs(start: Callable[..., Running]) -> None:
    """The control plane is where it was wanted, simulators follow it, and the block can be pasted as it is."""
    adapters = load_adapters()
    port = free_ports(len(adapters) + 1)
    portal = port + 1 + list(adapters).index("national_portal")
    with start("--port", str(port), "--password", "chosen") as sandbox:
        page = sandbox.wait_for(r"^Control plane: (http://\S+)$")[1]
        assert page == f"http://127.0.0.1:{port}/_sandbox"
        sandbox.wait_for(r"^file_hosts = ")
        assert call(f"http://127.0.0.1:{port}", "GET", "/_sandbox/simulators").status == 200
        family = sandbox.family()
        assert sandbox.stop() == 0
        assert gone(family)
    # Only now has every line been read; what it logs is no part of the block.
    begin = sandbox.lines.index("[connections.national_portal]")
    block = [line for line in sandbox.lines[begin:] if not line.startswith("{")]
    settings = Settings(**tomllib.loads("\n".join(block)))
    assert "national_portal" in read_connection_settings(settings, adapters)
    own = settings.connections["national_portal"].settings
    assert own["password"] == "chosen"
    assert own["forward"]["adapter_url"].startswith(f"http://127.0.0.1:{portal}/")


def test_secrets_are_random_and_of_one_run(start: Callable[..., Running]) -> None:
    """Without --password each run has a secret of its own."""
    secrets = set()
    for _ in range(2):
        with start("--port", "0") as sandbox:
            secrets.add(sandbox.wait_for(r'^password = "(\S{20,})"$')[1])
            assert sandbox.stop() == 0
    assert len(secrets) == 2
