"""PostgreSQL refuses to run as root; when the hub does, the embedded server runs as a user of its own.

The library behind the embedded server opens every directory above the data to everybody. Here that one user
is let through by an access control list instead, so that a data directory under ``/root`` works and stays
closed to all others.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import Sentence
from hub.store.errors import StoreStartError

USER_NAME = "lienthong-db"

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_EXECUTE = 0o1
_PERMISSIONS = 0o7


@dataclass(frozen=True, slots=True)
class Account:
    """The system user the embedded server runs as."""

    uid: int
    gid: int
    other: bool
    """Whether it is not the user this process runs as."""

    def run_as(self) -> dict[str, Any]:
        """Return what `subprocess.run` needs to run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}

    def give(self, path: Path) -> None:
        """Make the user the owner of ``path``."""
        if self.other:
            os.chown(path, self.uid, self.gid)

    def let_through(self, directories: Iterable[Path]) -> None:
        """Let the user pass these directories, without letting it list or change them.

        Raises:
            StoreStartError: ``directory_closed``: the file system knows no access control lists.
        """
        if not self.other:
            return
        for directory in directories:
            if directory.stat().st_mode & stat.S_IXOTH:
                continue
            try:
                os.setxattr(directory, _ACL, _with_traverse(_read_acl(directory), self.uid))
            except OSError as error:
                raise StoreStartError(
                    Sentence(
                        en=f"The database user {USER_NAME} may not pass the directory {directory}; "
                        f"run chmod o+x {directory}, or set data_dir to another place.",
                        vi=f"Người dùng cơ sở dữ liệu {USER_NAME} không được đi qua thư mục {directory}; "
                        f"hãy chạy chmod o+x {directory} hoặc đặt data_dir ở nơi khác.",
                    ),
                    code="directory_closed",
                ) from error


def server_account() -> Account:
    """Return the user for the embedded server: ourselves, or when we are root a user made for it.

    Raises:
        StoreStartError: ``no_system_user``: it does not exist and cannot be made.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), other=False)
    entry = _find_user() or _create_user()
    return Account(entry.pw_uid, entry.pw_gid, other=True)


def _find_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(USER_NAME)
    except KeyError:
        return None


def _create_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", USER_NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError) as error:
        # Another process may have made it in the meantime; useradd then fails for its lock or for the name.
        found = _find_user()
        if found is None:
            raise StoreStartError(
                Sentence(
                    en=f"PostgreSQL does not run as root and the system user {USER_NAME} cannot be made with useradd; "
                    "make it, or run the hub as an ordinary user.",
                    vi=f"PostgreSQL không chạy bằng root và không tạo được người dùng hệ thống {USER_NAME} "
                    "bằng useradd; hãy tạo người dùng này hoặc chạy bằng người dùng thường.",
                ),
                code="no_system_user",
            ) from error
        return found
    return pwd.getpwnam(USER_NAME)


# --- access control lists: 4 bytes of version, then entries of tag, permissions and id (acl(5)) ------------


def _read_acl(path: Path) -> list[tuple[int, int, int]]:
    try:
        data = os.getxattr(path, _ACL)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        mode = path.stat().st_mode
        return [
            (_USER_OBJ, mode >> 6 & _PERMISSIONS, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & _PERMISSIONS, _NO_ID),
            (_OTHER, mode & _PERMISSIONS, _NO_ID),
        ]
    return list(struct.iter_unpack("<HHI", data[4:]))


def _with_traverse(entries: list[tuple[int, int, int]], uid: int) -> bytes:
    group_class = 0
    kept = []
    allowed = _EXECUTE
    for tag, permissions, owner in entries:
        if tag == _USER and owner == uid:
            allowed |= permissions
        elif tag == _MASK:
            group_class |= permissions
        else:
            kept.append((tag, permissions, owner))
            if tag == _GROUP_OBJ and not any(entry[0] == _MASK for entry in entries):
                group_class |= permissions
    # The mask limits the whole group class; it must let our entry's permission through.
    kept += [(_USER, allowed, uid), (_MASK, group_class | allowed, _NO_ID)]
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    return struct.pack("<I", _ACL_VERSION) + b"".join(struct.pack("<HHI", *entry) for entry in kept)
