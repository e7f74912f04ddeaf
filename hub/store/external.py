"""A PostgreSQL that somebody else runs: what must be true of it, and which sentence says what is not."""

from __future__ import annotations

import psycopg
from psycopg import AsyncConnection, conninfo, pq

from contracts.errors import Sentence
from hub.store.errors import StoreStartError

OLDEST_VERSION = 15
CONNECT_SECONDS = 10
PING_SECONDS = 3
_MAINTENANCE_DATABASES = ("postgres", "template1")


async def check(url: str) -> None:
    """Make sure that the database at ``url`` can be used.

    The cause of a refusal is found by asking further, never by reading the server's words: those come in
    the server's own language.

    Raises:
        StoreStartError: ``database_url_wrong``, ``database_unreachable``, ``database_starting``,
            ``database_refused``, ``database_missing``, ``database_too_old`` or ``database_read_only``.
    """
    place, database, user = _describe(url)
    try:
        connection = await AsyncConnection.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        _check_answers(url, place)
        if await _lacks_database(url, database):
            raise StoreStartError(
                Sentence(
                    en=f"The database {database} does not exist on {place}; create it, owned by {user}.",
                    vi=f"Không có cơ sở dữ liệu {database} trên {place}; hãy tạo nó với chủ sở hữu là {user}.",
                ),
                code="database_missing",
            ) from None
        raise StoreStartError(
            Sentence(
                en=f"PostgreSQL on {place} refuses user {user} (database {database}); "
                "check the password and pg_hba.conf.",
                vi=f"PostgreSQL trên {place} từ chối người dùng {user} (cơ sở dữ liệu {database}); "
                "hãy kiểm tra mật khẩu và pg_hba.conf.",
            ),
            code="database_refused",
        ) from error
    async with connection:
        await _check_fitness(connection, place)


def _check_answers(url: str, place: str) -> None:
    # A thread would not help: the call keeps the interpreter's lock. It comes only when there is nothing to do but
    # tell what is wrong, and is short.
    answer = pq.PGconn.ping(conninfo.make_conninfo(url, connect_timeout=PING_SECONDS).encode())
    if answer == pq.Ping.NO_RESPONSE:
        raise StoreStartError(
            Sentence(
                en=f"No PostgreSQL answers on {place}; check the address, the network and that the server runs.",
                vi=f"Không có PostgreSQL nào trả lời tại {place}; hãy kiểm tra địa chỉ, mạng và máy chủ có chạy không.",
            ),
            code="database_unreachable",
        )
    if answer == pq.Ping.REJECT:
        raise StoreStartError(
            Sentence(
                en=f"PostgreSQL on {place} is starting, stopping or recovering; try again in a minute.",
                vi=f"PostgreSQL trên {place} đang khởi động, đang dừng hoặc đang phục hồi; hãy thử lại sau một phút.",
            ),
            code="database_starting",
        )


async def _lacks_database(url: str, database: str) -> bool:
    for other in _MAINTENANCE_DATABASES:
        try:
            connection = await AsyncConnection.connect(
                url, dbname=other, autocommit=True, connect_timeout=CONNECT_SECONDS
            )
        except psycopg.OperationalError:
            continue
        async with connection:
            cursor = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            return await cursor.fetchone() is None
    return False


async def _check_fitness(connection: AsyncConnection[tuple[object, ...]], place: str) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_VERSION:
        raise StoreStartError(
            Sentence(
                en=f"PostgreSQL on {place} is version {version}; version {OLDEST_VERSION} or newer is needed.",
                vi=f"PostgreSQL trên {place} là phiên bản {version}; cần phiên bản {OLDEST_VERSION} trở lên.",
            ),
            code="database_too_old",
        )
    cursor = await connection.execute("SELECT pg_is_in_recovery()")
    row = await cursor.fetchone()
    if row is not None and row[0]:
        raise StoreStartError(
            Sentence(
                en=f"PostgreSQL on {place} is a read-only standby; point database_url at the primary.",
                vi=f"PostgreSQL trên {place} là máy dự phòng chỉ đọc; hãy đặt database_url tới máy chính.",
            ),
            code="database_read_only",
        )


def _describe(url: str) -> tuple[str, str, str]:
    """Return place, database and user for a sentence; never the password."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise StoreStartError(
            Sentence(
                en="The setting database_url is not a PostgreSQL address; see postgresql://user:password@host/database.",
                vi="Khóa cấu hình database_url không phải là địa chỉ PostgreSQL dạng "
                "postgresql://user:password@host/database.",
            ),
            code="database_url_wrong",
        ) from None  # the chained error quotes the URL
    user = str(parts.get("user") or "(default)")
    host = str(parts.get("host") or parts.get("hostaddr") or "localhost")
    port = str(parts.get("port") or "5432")
    return f"{host}:{port}", str(parts.get("dbname") or user), user
