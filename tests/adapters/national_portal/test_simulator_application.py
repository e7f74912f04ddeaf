"""The simulated portal as an application: its paths, its page, its controls."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.national_portal import ADAPTER
from adapters.national_portal.simulator import SimulatorApp, build
from adapters.national_portal.simulator.page import mask
from adapters.transport.forward import ForwardSettings
from contracts.ports import SimulatorContext
from tests.adapters.national_portal import situations as s
from tests.adapters.national_portal.test_mapping import STEP_WIRE
from tests.adapters.national_portal.test_mapping_limits import SAMPLE
from tests.adapters.national_portal.test_simulator import CONTROL, CREDENTIALS, sample

# --- the application ------------------------------------------------------------------------------------------


class Browser:
    """Speaks ASGI to the application."""

    def __init__(self, app: SimulatorApp) -> None:
        self.app = app

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send one request and return status and body."""
        content = b"" if body is None else orjson.dumps(body)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
        return sent[0]["status"], sent[1]["body"]

    async def json(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the parsed body of a success."""
        status, content = await self.ask(method, path, body)
        assert status < 300, content
        return orjson.loads(content)

    async def say(self, service: str, **fields: Any) -> Any:
        """Log in and call a service, as a client would."""
        session = (await self.json("POST", "/mapi/login", CREDENTIALS))["session"]
        envelope = {"session": session, "madonvi": s.USERNAME, "service": service}
        return await self.json("POST", "/mapi/g", envelope | fields)


@pytest.fixture
def browser() -> Browser:
    """A browser in front of a fresh simulator, built the way the sandbox builds it."""
    assert ADAPTER.simulator is not None
    return Browser(ADAPTER.simulator(SimulatorContext(settings=s.settings(), seed=7)))


def test_the_simulator_needs_our_settings() -> None:
    """Settings of another adapter are a mistake of the composition, told at once."""
    wrong = ForwardSettings(adapter_url="http://127.0.0.1:9/x", dstcode=s.DSTCODE)
    with pytest.raises(TypeError):
        build(SimulatorContext(settings=wrong))


async def test_the_state_is_told_in_numbers_and_without_content(browser: Browser) -> None:
    """Counts, calls by service and code; no name and no number of a citizen."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.say("CapNhatTienDoHoSoMC", data=[STEP_WIRE, STEP_WIRE])
    status, content = await browser.ask("GET", f"{CONTROL}/state")
    state = orjson.loads(content)
    assert status == 200
    assert {name: state[name] for name in ("dossiers", "creates", "updates", "steps", "repeated_steps", "logins")} == {
        "dossiers": 1,
        "creates": 1,
        "updates": 0,
        "steps": 2,
        "repeated_steps": 1,
        "logins": 2,
    }
    assert state["counts"] == [
        {"service": "CapNhatTienDoHoSoMC", "code": "0", "calls": 1},
        {"service": "DongBoHoSoMC", "code": "0", "calls": 1},
        {"service": "login", "code": "0", "calls": 2},
    ]
    assert [call["service"] for call in state["calls"]] == ["login", "DongBoHoSoMC", "login", "CapNhatTienDoHoSoMC"]
    assert not any(text in content.decode() for text in (*s.PERSONAL, s.PASSWORD))


async def test_a_dossier_is_shown_whole_for_comparison(browser: Browser) -> None:
    """The portal's own copy, to be compared field by field, and a list with the counts of all."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.say("CapNhatTienDoHoSoMC", data=[STEP_WIRE])
    counts = {"state": "2", "creates": 1, "updates": 0, "steps": 1, "repeated_steps": 0}
    assert await browser.json("GET", f"{CONTROL}/dossiers") == {s.CODE: counts}
    shown = await browser.json("GET", f"{CONTROL}/dossiers/{s.CODE}")
    assert shown == {**counts, "dossier": SAMPLE, "step_list": [STEP_WIRE]}
    assert (await browser.ask("GET", f"{CONTROL}/dossiers/H99.12-261008-0009"))[0] == 404


async def test_the_page_is_vietnamese_and_masks_names(browser: Browser) -> None:
    """What arrived, at a glance; no script, no citizen's name or number, nothing that markup could break."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample(ChuHoSo="<Trần> Thị Mẫu")])
    status, content = await browser.ask("GET", CONTROL)
    page = content.decode()
    assert status == 200
    assert '<html lang="vi">' in page
    assert s.CODE in page
    assert "2 – Được tiếp nhận" in page
    assert "&lt;… T… M…" in page
    assert "<script" not in page
    assert not any(text in page for text in (*s.PERSONAL, s.PASSWORD))


def test_a_masked_name_keeps_initials_only() -> None:
    """Enough to recognise one's own test, too little to know anybody."""
    assert mask("Trần Thị Mẫu") == "T… T… M…"
    assert mask("") == ""


async def test_reset_and_seed(browser: Browser) -> None:
    """A test starts from nothing, or from what it puts there; a bad dossier is refused as on the wire."""
    await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "html_200"})
    await browser.json("POST", f"{CONTROL}/reset")
    assert await browser.json("GET", f"{CONTROL}/dossiers") == {}
    assert await browser.json("GET", f"{CONTROL}/faults") == []
    seeds = {"dossiers": [sample()], "procedures": [{"code": "9.999999.H99", "name": "Thủ tục thêm"}]}
    await browser.json("POST", f"{CONTROL}/seed", seeds)
    assert (await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] in {0, "0"}
    added = sample(MaHoSo="H99.12-261008-0002", MaTTHC="9.999999.H99")
    assert (await browser.say("DongBoHoSoMC", isUpdating="False", data=[added]))["error_code"] in {0, "0"}
    assert (await browser.ask("POST", f"{CONTROL}/seed", {"dossiers": [sample(TrangThaiHoSo="11")]}))[0] == 422


async def test_sessions_can_be_forgotten(browser: Browser) -> None:
    """As after a restart of the portal."""
    await browser.json("POST", "/mapi/login", CREDENTIALS)
    await browser.json("DELETE", f"{CONTROL}/sessions")
    assert (await browser.json("GET", f"{CONTROL}/state"))["sessions"] == 0


async def test_faults_are_wished_counted_and_taken_back(browser: Browser) -> None:
    """One wish for one operation, twice: it hits twice and is over."""
    wish = {"kind": "wrong_type", "operation": "TraCuuHoSo", "count": 2}
    rule = await browser.json("POST", f"{CONTROL}/faults", wish)
    assert (rule["kind"], rule["left"], rule["when"]) == ("wrong_type", 2, "before")
    codes = [(await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] for _ in range(3)]
    assert [isinstance(code, list) for code in codes] == [True, True, False]
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "server_500"})
    assert await browser.json("DELETE", f"{CONTROL}/faults") == []
    assert (await browser.ask("POST", "/mapi/login", CREDENTIALS))[0] == 200


FAULTY = {"html_200": (200, b"<html>"), "server_500": (500, b"error"), "wrong_type": (200, b'"error_code":[0]')}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", FAULTY)
async def test_a_fault_before_and_after_acting(browser: Browser, kind: str, when: str) -> None:
    """The same answer, with and without the dossier being there: the client cannot know."""
    session = (await browser.json("POST", "/mapi/login", CREDENTIALS))["session"]
    await browser.json("POST", f"{CONTROL}/faults", {"kind": kind, "operation": "DongBoHoSoMC", "when": when})
    call = {"session": session, "madonvi": s.USERNAME, "service": "DongBoHoSoMC", "isUpdating": "False"}
    status, content = await browser.ask("POST", "/mapi/g", call | {"data": [sample()]})
    assert (status, FAULTY[kind][1] in content) == (FAULTY[kind][0], True)
    assert (s.CODE in browser.app.portal.dossiers) is (when == "after")


async def test_a_duplicate_answer_is_given_to_writes_only(browser: Browser) -> None:
    """A question cannot be answered with "already there"."""
    await browser.json("POST", f"{CONTROL}/faults", {"kind": "duplicate_answer"})
    assert (await browser.say("TraCuuHoSo", mahoso=s.CODE))["error_code"] in {-1, "-1"}
    answer = await browser.say("DongBoHoSoMC", isUpdating="False", data=[sample()])
    assert answer["error_code"] in {3, "3"}
    assert browser.app.portal.dossiers == {}


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"kind": "earthquake"},
        {"kind": "html_200", "share": 0},
        {"kind": "html_200", "share": 1.5},
        {"kind": "html_200", "count": 0},
        {"kind": "html_200", "wann": "before"},
        {"kind": "expired_session", "when": "after"},
        {"kind": "duplicate_answer", "when": "after"},
        {"kind": "silence", "when": "after"},
    ],
)
async def test_a_wish_that_cannot_be_granted_is_refused(browser: Browser, wish: dict[str, Any]) -> None:
    """Unknown kinds and keys, impossible shares, and lies about what was done."""
    assert (await browser.ask("POST", f"{CONTROL}/faults", wish))[0] == 422
    assert await browser.json("GET", f"{CONTROL}/faults") == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/mapi/login", 405),
        ("POST", "/mapi/x", 404),
        ("POST", "/", 404),
        ("GET", f"{CONTROL}/nothing", 404),
        ("POST", f"{CONTROL}/state", 404),
        ("POST", "/_sandbox/other/state", 404),
    ],
)
async def test_other_doors_are_closed(browser: Browser, method: str, path: str, status: int) -> None:
    """Only the paths of the facts and of the control plane."""
    assert (await browser.ask(method, path))[0] == status
