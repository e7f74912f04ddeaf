"""The sentences of an embedded server that does not start: what is wrong and what a person can do."""

from __future__ import annotations

from pathlib import Path

from contracts.errors import Sentence
from hub.store.errors import StoreStartError

_MEGABYTE = 1024 * 1024


def disk_full(directory: Path, free: int, needed: int) -> StoreStartError:
    """Too little space is left; a full disk would stop the server in the middle of its work."""
    return StoreStartError(
        Sentence(
            en=f"Only {free // _MEGABYTE} MB are free in {directory}; at least {needed // _MEGABYTE} MB are needed. "
            "Free some space or set data_dir to another disk.",
            vi=f"Thư mục {directory} chỉ còn trống {free // _MEGABYTE} MB; cần ít nhất {needed // _MEGABYTE} MB. "
            "Hãy giải phóng dung lượng hoặc đặt data_dir sang ổ đĩa khác.",
        ),
        code="disk_full",
    )


def not_writable(directory: Path, error: OSError) -> StoreStartError:
    """The data directory cannot be made or written."""
    return StoreStartError(
        Sentence(
            en=f"The data directory {directory} cannot be written: {error.strerror}.",
            vi=f"Không ghi được vào thư mục dữ liệu {directory}: {error.strerror}.",
        ),
        code="data_dir_not_writable",
    )


def wrong_version(directory: Path, found: str, ours: str) -> StoreStartError:
    """The files were made by another major version of PostgreSQL."""
    return StoreStartError(
        Sentence(
            en=f"The data in {directory} is of PostgreSQL {found}, the embedded server is version {ours}; "
            "move the data over with pg_dump and pg_restore of both versions, or delete the directory to begin anew.",
            vi=f"Dữ liệu trong {directory} thuộc PostgreSQL {found}, máy chủ nhúng là phiên bản {ours}; "
            "hãy chuyển dữ liệu bằng pg_dump và pg_restore của hai phiên bản, hoặc xóa thư mục để bắt đầu lại.",
        ),
        code="wrong_version",
    )


def foreign_files(directory: Path) -> StoreStartError:
    """Something that is no database stands where the database should be."""
    return StoreStartError(
        Sentence(
            en=f"{directory} holds files that are not a PostgreSQL database; move them away or set another data_dir.",
            vi=f"{directory} chứa các tệp không phải của cơ sở dữ liệu PostgreSQL; "
            "hãy chuyển chúng đi nơi khác hoặc đặt data_dir khác.",
        ),
        code="foreign_files",
    )


def data_is_ours_elsewhere(directory: Path) -> StoreStartError:
    """The files belong to another system user than the one the server would run as."""
    return StoreStartError(
        Sentence(
            en=f"The database in {directory} belongs to another system user; start the hub as the user that made it.",
            vi=f"Cơ sở dữ liệu trong {directory} thuộc người dùng hệ thống khác; "
            "hãy khởi động bằng đúng người dùng đã tạo ra nó.",
        ),
        code="wrong_owner",
    )


def socket_in_use(path: Path) -> StoreStartError:
    """Another program answers where our server would."""
    return StoreStartError(
        Sentence(
            en=f"The socket {path} is used by another program; stop that program or set another data_dir.",
            vi=f"Chương trình khác đang dùng socket {path}; hãy dừng chương trình đó hoặc đặt data_dir khác.",
        ),
        code="socket_in_use",
    )


def password_missing(path: Path) -> StoreStartError:
    """The database is there and the file with its password is not."""
    return StoreStartError(
        Sentence(
            en=f"The file {path} with the password of the embedded database is missing; restore it from backup.",
            vi=f"Thiếu tệp {path} chứa mật khẩu của cơ sở dữ liệu nhúng; hãy khôi phục tệp này từ bản sao lưu.",
        ),
        code="password_missing",
    )


def password_wrong(path: Path) -> StoreStartError:
    """The embedded database does not accept the password in its file."""
    return StoreStartError(
        Sentence(
            en=f"The embedded database does not accept the password in {path}; restore that file from backup.",
            vi=f"Cơ sở dữ liệu nhúng không chấp nhận mật khẩu trong {path}; hãy khôi phục tệp này từ bản sao lưu.",
        ),
        code="password_wrong",
    )


def not_started(log: Path) -> StoreStartError:
    """The server was launched and did not become ready."""
    return StoreStartError(
        Sentence(
            en=f"The embedded PostgreSQL did not start; its reasons are in {log} and {log.parent / 'log'}.",
            vi=f"PostgreSQL nhúng không khởi động được; lý do được ghi trong {log} và {log.parent / 'log'}.",
        ),
        code="not_started",
    )


def program_failed(program: str, words: str) -> StoreStartError:
    """One of PostgreSQL's programs failed before there was any data."""
    last = words.strip().splitlines()[-1:] or ["no message"]
    return StoreStartError(
        Sentence(
            en=f"The PostgreSQL program {program} failed: {last[0]}.",
            vi=f"Chương trình {program} của PostgreSQL bị lỗi: {last[0]}.",
        ),
        code="program_failed",
    )


def lock_timeout(path: Path) -> StoreStartError:
    """Another process is starting or stopping the server for very long."""
    return StoreStartError(
        Sentence(
            en=f"Another process holds {path}; wait for it to start or stop the database, or end it.",
            vi=f"Tiến trình khác đang giữ {path}; hãy chờ nó khởi động hoặc dừng cơ sở dữ liệu, hoặc kết thúc nó.",
        ),
        code="lock_timeout",
    )
