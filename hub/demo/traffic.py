"""Sample traffic: invented dossiers handed in one after the other, each living a life of its own."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog

from contracts.calendar import VIETNAM
from hub.access.clients import Credentials
from hub.demo import sample
from hub.demo.calls import DossierSystem

DOSSIERS_PER_MINUTE = 20.0
STEP_SECONDS = 2.0
AT_ONCE = 12
"""Dossiers alive at the same time."""

_PROCEDURES = (
    ("1.000001.H99", "Thủ tục mẫu", "G99-LV01", "Hộ tịch (mẫu)"),
    ("1.000003.H99", "Xác nhận tình trạng hôn nhân (mẫu)", "G99-LV01", "Hộ tịch (mẫu)"),
    ("1.000004.000.00.00.H99", "Đăng ký biến động đất đai (mẫu)", "G99-LV02", "Đất đai (mẫu)"),
    ("2.000001.H99", "Đăng ký thành lập hộ kinh doanh (mẫu)", "G99-LV03", "Đăng ký kinh doanh (mẫu)"),
)
_CHANNELS = ("online", "online", "direct", "postal")
_WORK = ("Thẩm định hồ sơ", "Lấy ý kiến phối hợp", "Trình lãnh đạo ký")

_log = structlog.get_logger("hub.demo")


async def play_traffic(base: str, credentials: Credentials, *, seed: int | None = None) -> None:
    """Hand in dossiers for ever, at most `DOSSIERS_PER_MINUTE`; what goes wrong is logged and the next one tried."""
    system = DossierSystem(base, credentials)
    dice = random.Random(seed)  # noqa: S311 - variety, no secret
    alive: set[asyncio.Task[None]] = set()
    try:
        for code in codes():
            task = asyncio.create_task(_live(system, code, dice), name=f"traffic {code}")
            alive.add(task)
            task.add_done_callback(alive.discard)
            await asyncio.sleep(60 / DOSSIERS_PER_MINUTE)
            if len(alive) >= AT_ONCE:
                await asyncio.wait(alive, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in alive:
            task.cancel()


def codes() -> Iterator[str]:
    """Yield dossier codes of today that no earlier run of today has used: the sequence begins with the time of day."""
    now = datetime.now(VIETNAM)
    hundredths = int((now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() * 100)
    return (f"H99.12-{now:%y%m%d}-{number:07d}" for number in itertools.count(hundredths))


async def _live(system: DossierSystem, code: str, dice: random.Random) -> None:
    try:
        async for method, path, body in life(code, dice):
            what = f"/v1/dossiers/{code}{path}"
            headers = {} if method == "PUT" else {"Idempotency-Key": f"{code}{path}{dice.getrandbits(64):x}"}
            answer = await system.send(method, what, body, **headers)
            if answer.status >= 400:  # noqa: PLR2004 - refused
                _log.warning("traffic_refused", subject=code, status=answer.status, code=answer.document.get("code"))
                return
            await asyncio.sleep(STEP_SECONDS * dice.uniform(0.5, 1.5))
    except OSError as error:
        _log.warning("traffic_unanswered", subject=code, error=type(error).__name__)


async def life(code: str, dice: random.Random) -> AsyncGenerator[tuple[str, str, Any]]:
    """Yield the calls of one dossier's life, each dated when it is asked for: method, rest of the path, body."""
    yield "PUT", "", _declaration(dice)
    for content in dice.sample(_WORK, k=dice.randint(1, len(_WORK))):
        yield "POST", "/steps", sample.step(content, _now())
    if dice.random() < 0.25:  # noqa: PLR2004 - one in four
        times = sample.Times(_now())
        yield "POST", "/supplements", sample.supplement_request(times, f"BS-{code[-7:]}", 0)
        receipt = sample.supplement_receipt(sample.Times(_now()), f"BS-{code[-7:]}", 0)
        yield "POST", "/supplements", receipt
    if dice.random() < 0.1:  # noqa: PLR2004 - one in ten is withdrawn
        now = _now().isoformat()
        reason = "Công dân đề nghị rút hồ sơ"
        yield (
            "POST",
            "/withdrawals",
            {
                "handler": sample.RECEIVER,
                "reason": reason,
                "requested_at": now,
                "occurred_at": now,
            },
        )
        return
    yield "POST", "/results", sample.result(sample.Times(_now()), 0)
    yield "POST", "/steps", sample.step("Phê duyệt kết quả", _now(), state="processing_finished")
    yield "POST", "/steps", sample.step("Trả kết quả cho công dân", _now(), state="result_returned")


def _declaration(dice: random.Random) -> dict[str, Any]:
    now = _now()
    facts = sample.facts(sample.Times(now))
    code, name, field_code, field_name = dice.choice(_PROCEDURES)
    submitted = now - timedelta(minutes=dice.randint(5, 50))
    return {
        **facts,
        "procedure": {"code": code, "name": name, "field_code": field_code, "field_name": field_name},
        "channel": dice.choice(_CHANNELS),
        "submitted_at": submitted.isoformat(),
        "received_at": (submitted + timedelta(minutes=2)).isoformat(),
        "due_at": (submitted + timedelta(days=5)).isoformat(),
        "fees": [
            {**fee, "payment": {**fee["payment"], "paid_at": (submitted + timedelta(minutes=1)).isoformat()}}
            for fee in facts["fees"]
        ],
        "databases_consulted": [{"database_code": "7", "consulted_at": (submitted + timedelta(minutes=1)).isoformat()}],
    }


def _now() -> datetime:
    return datetime.now(VIETNAM).replace(microsecond=0)
