"""Is this machine fit to run the hub? Looks at everything the hub stands on and says what to do where it is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.health.findings import Finding, Verdict, bad, good
from hub.health.layers import Passed
from hub.health.probe_service import probe_alone
from hub.health.probing import ProbeReport
from hub.running.running_sandbox import as_running
from hub.settings import Settings, SettingsError, load_settings
from hub.store import external, keys, schema
from hub.store.connections import connection_options
from hub.store.embedded import MIN_FREE_BYTES, EmbeddedPostgres
from hub.store.errors import KeyFileError, StoreError
from hub.store.key_file import KeyFile

PYTHON = (3, 11)
OLDEST_YEAR = 2026
"""A clock that shows an earlier year was never set."""
SKEW = timedelta(seconds=30)
COMFORTABLE_BYTES = 5 * MIN_FREE_BYTES


async def examine() -> list[Finding]:
    """Look at everything; what cannot be looked at because of an earlier finding is left out."""
    findings = [_python(), _clock()]
    try:
        settings = as_running(load_settings())
    except SettingsError as error:
        return [*findings, bad("settings", error.sentence)]
    findings += [_settings(settings), _ledger(settings)]
    findings += _data_dir(settings)
    findings.append(_key_file(settings))
    findings += await _database(settings)
    return [*findings, *await examine_connections(settings)]


async def examine_connections(settings: Settings) -> list[Finding]:
    """Look at every enabled connection, all at the same time, without a database."""
    try:
        reports = await probe_alone(settings)
    except SettingsError as error:
        return [bad("connections", error.sentence)]
    return [finding for one in reports for finding in findings_of(one)]


_VERDICTS = {Passed.YES: Verdict.GOOD, Passed.ATTENTION: Verdict.ATTENTION, Passed.NO: Verdict.BAD}


def findings_of(report: ProbeReport) -> list[Finding]:
    """Return what a probe found, a line for each layer."""
    return [
        Finding(f"{report.connection}: {one.layer.value}", _VERDICTS[one.passed], one.sentence) for one in report.layers
    ]


# --- the machine ------------------------------------------------------------------------------------------


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        sentence = Sentence(
            en=f"Python {version} is too old; install Python 3.11 or newer and make the environment anew.",
            vi=f"Python {version} quá cũ; hãy cài Python 3.11 trở lên và tạo lại môi trường.",
        )
        return bad("python", sentence)
    return good("python", f"Python {version}.", f"Python {version}.")


def _clock() -> Finding:
    now = datetime.now(UTC)
    try:
        zone = ZoneInfo("Asia/Ho_Chi_Minh")
    except ZoneInfoNotFoundError:
        sentence = Sentence(
            en="The time zone Asia/Ho_Chi_Minh is not known; install the package tzdata.",
            vi="Không có múi giờ Asia/Ho_Chi_Minh; hãy cài gói tzdata.",
        )
        return bad("clock", sentence)
    if now.year < OLDEST_YEAR:
        sentence = Sentence(
            en=f"The clock shows the year {now.year}; set it, and let it follow a time server.",
            vi=f"Đồng hồ đang chỉ năm {now.year}; hãy chỉnh lại và đồng bộ với máy chủ thời gian.",
        )
        return bad("clock", sentence)
    local = now.astimezone(zone)
    return good("clock", f"{local:%Y-%m-%d %H:%M} in Vietnam.", f"{local:%d/%m/%Y %H:%M} giờ Việt Nam.")


def _settings(settings: Settings) -> Finding:
    enabled = [name for name, one in settings.connections.items() if one.enabled]
    if not enabled:
        sentence = Sentence(
            en="They can be read; no connection is configured, so nothing would be sent anywhere.",
            vi="Đọc được cấu hình; chưa có kết nối nào nên sẽ không gửi đi đâu.",
        )
        return Finding("settings", Verdict.ATTENTION, sentence)
    names = ", ".join(enabled)
    return good("settings", f"They can be read; connections: {names}.", f"Đọc được cấu hình; kết nối: {names}.")


def _ledger(settings: Settings) -> Finding:
    """Warn of a log that is called as every other log nobody has named: its proofs do not say whose they are."""
    origin = settings.ledger.origin
    if not settings.ledger.is_example:
        return good("ledger", f"Its checkpoints are signed as {origin}.", f"Điểm kiểm tra được ký với tên {origin}.")
    sentence = Sentence(
        en=f"Its checkpoints would be signed as {origin}, which is only an example; before the first real dossier set "
        "ledger.origin to a name of your own, such as lienthong.<host of the province>/so-cai.",
        vi=f"Điểm kiểm tra đang được ký với tên ví dụ {origin}; trước khi có hồ sơ thật, hãy đặt ledger.origin thành "
        "tên riêng, ví dụ lienthong.<tên miền của tỉnh>/so-cai.",
    )
    return Finding("ledger", Verdict.ATTENTION, sentence)


# --- files ------------------------------------------------------------------------------------------------


def _data_dir(settings: Settings) -> list[Finding]:
    directory = settings.data_dir
    place = _nearest(directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        sentence = Sentence(
            en=f"{place} cannot be written ({error.strerror}); give it to the user of the hub, or set data_dir.",
            vi=f"Không ghi được vào {place} ({error.strerror}); hãy cấp quyền cho người dùng chạy hệ thống "
            "hoặc đặt data_dir.",
        )
        return [bad("data directory", sentence)]
    findings = [_permissions(directory)]
    if settings.database_url is None:
        findings.append(_disk(place))
    return findings


def _nearest(directory: Path) -> Path:
    """Return the directory itself, or the one in which it will be made."""
    return next(one for one in (directory, *directory.resolve().parents) if one.exists())


def _permissions(directory: Path) -> Finding:
    if not directory.exists():
        return good("data directory", f"{directory} is made at the first start.", f"{directory} sẽ được tạo khi chạy.")
    if directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        sentence = Sentence(
            en=f"Others than its owner can write in {directory}; run: chmod 700 {directory}",
            vi=f"Người khác ngoài chủ sở hữu ghi được vào {directory}; hãy chạy: chmod 700 {directory}",
        )
        return bad("data directory", sentence)
    return good("data directory", f"{directory} can be written, by its owner only.", f"{directory} ghi được.")


def _disk(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    gigabytes = f"{free / (1 << 30):.1f} GB"
    if free < MIN_FREE_BYTES:
        sentence = Sentence(
            en=f"Only {gigabytes} are free in {place}; free some space, or set data_dir to another disk.",
            vi=f"{place} chỉ còn trống {gigabytes}; hãy giải phóng dung lượng hoặc đặt data_dir sang ổ khác.",
        )
        return bad("disk", sentence)
    if free < COMFORTABLE_BYTES:
        sentence = Sentence(
            en=f"{gigabytes} are free in {place}; that will not last, plan for more.",
            vi=f"{place} còn trống {gigabytes}; sẽ sớm hết, hãy chuẩn bị thêm.",
        )
        return Finding("disk", Verdict.ATTENTION, sentence)
    return good("disk", f"{gigabytes} are free.", f"Còn trống {gigabytes}.")


def _is_made(settings: Settings) -> bool:
    """Say whether the embedded database has been made."""
    return (settings.data_dir / "postgres" / "PG_VERSION").exists()


def _key_file(settings: Settings) -> Finding:
    path = settings.resolved_key_file
    if not os.path.lexists(path):
        if settings.database_url is None and not _is_made(settings):
            return good("key file", f"{path} is made at the first start.", f"{path} sẽ được tạo khi chạy lần đầu.")
        sentence = Sentence(
            en=f"The key file {path} does not exist; restore it from backup, or for a new database run: "
            "lienthong keys create",
            vi=f"Không có tệp khóa {path}; hãy khôi phục từ bản sao lưu, hoặc với cơ sở dữ liệu mới hãy chạy: "
            "lienthong keys create",
        )
        return bad("key file", sentence)
    try:
        held = KeyFile.load(path)
    except KeyFileError as error:
        return bad("key file", error.sentence)
    return good("key file", f"{path}: {len(held.keys)} keys.", f"{path}: {len(held.keys)} khóa.")


# --- the database -----------------------------------------------------------------------------------------


async def _database(settings: Settings) -> list[Finding]:
    if settings.database_url is None and not _is_made(settings):
        return [good("database", "It is made at the first start.", "Sẽ được tạo khi chạy lần đầu.")]
    findings: list[Finding] = []
    try:
        async with _reachable(settings) as url:
            findings.append(await _version(url))
            await asyncio.to_thread(schema.check_schema, url)
            head = schema.head_revision()
            findings.append(good("tables", f"Version {head}.", f"Phiên bản {head}."))
            findings.append(await _data_keys(url, settings.resolved_key_file))
    except StoreError as error:
        findings.append(bad("tables" if findings else "database", error.sentence))
    return findings


@asynccontextmanager
async def _reachable(settings: Settings) -> AsyncGenerator[str]:
    """Lend the address of the database, the embedded one started if it does not run."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        await external.check(url)
        yield url
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    await asyncio.to_thread(embedded.start_or_attach)
    try:
        yield embedded.url
    finally:
        await asyncio.to_thread(embedded.release)


async def _version(url: str) -> Finding:
    """Name the server's version, and compare its clock with ours."""
    async with await AsyncConnection.connect(url, **connection_options()) as connection:
        version = connection.info.server_version
        began = datetime.now(UTC)
        cursor = await connection.execute("SELECT clock_timestamp()")
        row = await cursor.fetchone()
    skew = abs(row[0] - began) if row is not None else timedelta(0)
    words = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if skew > SKEW:
        seconds = round(skew.total_seconds())
        sentence = Sentence(
            en=f"{words}; its clock and ours are {seconds} s apart: let both follow a time server.",
            vi=f"{words}; đồng hồ của nó lệch máy này {seconds} giây: hãy đồng bộ cả hai với máy chủ thời gian.",
        )
        return bad("database", sentence)
    return good("database", f"{words} answers.", f"{words} có trả lời.")


async def _data_keys(url: str, path: Path) -> Finding:
    """See whether the key file opens the data keys of this database."""
    async with await AsyncConnection.connect(url, **connection_options()) as connection:
        rows = await keys.read_data_keys(connection)
    try:
        if rows:
            keys.unwrap_all(rows, await asyncio.to_thread(KeyFile.load, path))
    except KeyFileError as error:
        return bad("data keys", error.sentence)
    count = len(rows)
    return good("data keys", f"The key file opens all {count}.", f"Tệp khóa mở được cả {count} khóa dữ liệu.")
