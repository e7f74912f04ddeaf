"""Locks between processes that a crash releases: ``flock`` on a file that may be deleted at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

from hub.store.embedded_errors import lock_timeout, not_writable

_POLL_SECONDS = 0.02


class FileLock:
    """A lock by the name of a file. Not for threads of one process to share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether `share` was called and `drop` was not."""
        return self._descriptor is not None

    @property
    def is_deleted(self) -> bool:
        """Whether the file held is no longer the one of that name."""
        return self._descriptor is not None and not self._is_ours(self._descriptor)

    @contextlib.contextmanager
    def exclusive(self, seconds: float) -> Generator[None]:
        """Hold the lock alone.

        Raises:
            StoreStartError: Others held it for so many seconds, or the file cannot be made.
        """
        until = time.monotonic() + seconds
        while True:
            descriptor = self._open()
            try:
                while not _try(descriptor, fcntl.LOCK_EX):
                    if time.monotonic() > until:
                        raise lock_timeout(self._path)
                    time.sleep(_POLL_SECONDS)
                # Deleted while we waited: then others lock another file of that name.
                if self._is_ours(descriptor):
                    yield
                    return
            finally:
                os.close(descriptor)

    def share(self) -> None:
        """Hold the lock with others, until `drop`."""
        if self.is_held and not self.is_deleted:
            return
        self.drop()
        descriptor = self._open()
        if not _try(descriptor, fcntl.LOCK_SH):
            os.close(descriptor)
            raise lock_timeout(self._path)
        self._descriptor = descriptor

    def try_exclusive(self) -> bool:
        """Turn a shared hold into a sole one if nobody else shares it; say whether that is so."""
        return self._descriptor is not None and _try(self._descriptor, fcntl.LOCK_EX)

    def drop(self) -> None:
        """Let go; does nothing when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise not_writable(self._path.parent, error) from error

    def _is_ours(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
