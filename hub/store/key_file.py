"""The file of key-encryption keys, the one secret that is not in the database.

JSON, readable by its owner only (mode 0600)::

    {"active": "k20261008-3f9a", "keys": {"k20261008-3f9a": "<32 bytes, base64>"}}

``active`` wraps new data keys; the others still unwrap old ones. Losing the file means losing every sealed
value: it must be backed up apart from the database.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.errors import Sentence
from hub.store.errors import KeyFileError
from hub.store.sealing import KEY_BYTES

OWNER_ONLY = 0o600

_LARGEST = 1 << 20

_KeyId = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    active: _KeyId
    keys: Annotated[dict[_KeyId, str], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key-encryption keys of one key file, as last read or written."""

    path: Path
    active: str
    keys: dict[str, bytes]

    def __repr__(self) -> str:
        return f"KeyFile(path={str(self.path)!r}, active={self.active!r}, keys={sorted(self.keys)!r})"

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new file with one random key; never overwrites one.

        Raises:
            KeyFileError: The file exists or cannot be written.
        """
        name = _new_id()
        created = cls(path=path, active=name, keys={name: secrets.token_bytes(KEY_BYTES)})
        created._write(replace=False)
        return created

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file.

        Raises:
            KeyFileError: It is missing, unreadable, readable by others, or not of the form above.
        """
        content = _read_owner_only(path)
        try:
            document = _Document.model_validate_json(content)
            keys = {name: base64.b64decode(text, validate=True) for name, text in document.keys.items()}
        except (ValidationError, binascii.Error):
            raise _wrong_form(path) from None  # the chained error may quote a key
        if document.active not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise _wrong_form(path)
        return cls(path=path, active=document.active, keys=keys)

    def with_new_key(self) -> KeyFile:
        """Return the same keys and one more; the active one stays. Written by `write`."""
        name = _new_id()
        return KeyFile(path=self.path, active=self.active, keys={**self.keys, name: secrets.token_bytes(KEY_BYTES)})

    def with_active(self, name: str) -> KeyFile:
        """Return the same keys with another active one."""
        if name not in self.keys:
            raise missing_key(self.path, name)
        return KeyFile(path=self.path, active=name, keys=self.keys)

    def without(self, names: frozenset[str]) -> KeyFile:
        """Return the file without keys that wrap nothing any more; the active one always stays."""
        kept = {name: key for name, key in self.keys.items() if name == self.active or name not in names}
        return KeyFile(path=self.path, active=self.active, keys=kept)

    def write(self) -> None:
        """Replace the file in one step: a crash leaves either the old or the new one, never a part."""
        self._write(replace=True)

    def _write(self, *, replace: bool) -> None:
        document = _Document(
            active=self.active, keys={name: base64.b64encode(key).decode() for name, key in self.keys.items()}
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_secret(self.path, document.model_dump_json(indent=2) + "\n", replace=replace)
        except OSError as error:
            raise KeyFileError(
                Sentence(
                    en=f"The key file {self.path} cannot be written: {error.strerror}.",
                    vi=f"Không ghi được tệp khóa {self.path}: {error.strerror}.",
                ),
                code="key_file_not_writable",
            ) from error


def write_secret(path: Path, content: str, *, replace: bool) -> None:
    """Write a file for its owner only, durably and in one step.

    Raises:
        FileExistsError: The file exists and ``replace`` is false.
        OSError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, refuses to overwrite
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def missing_key(path: Path, name: str) -> KeyFileError:
    """Build the error for a data key whose key-encryption key is not in the file."""
    return KeyFileError(
        Sentence(
            en=f"The database needs the key {name}, which is not in the key file {path}; restore the file from backup.",
            vi=f"Cơ sở dữ liệu cần khóa {name} nhưng tệp khóa {path} không có; hãy khôi phục tệp từ bản sao lưu.",
        ),
        code="key_missing",
    )


def _new_id() -> str:
    return f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"


def _read_owner_only(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise KeyFileError(
            Sentence(
                en=f"The key file {path} does not exist; set key_file, or restore the file from backup.",
                vi=f"Không có tệp khóa {path}; hãy đặt key_file hoặc khôi phục tệp từ bản sao lưu.",
            ),
            code="key_file_missing",
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        # Asked of the open file, so that nobody can swap it between the check and the reading.
        mode = os.fstat(descriptor).st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(
                Sentence(
                    en=f"The key file {path} can be used by others than its owner; run: chmod 600 {path}",
                    vi=f"Người khác ngoài chủ sở hữu cũng truy cập được tệp khóa {path}; hãy chạy: chmod 600 {path}",
                ),
                code="key_file_open_to_others",
            )
        return os.read(descriptor, _LARGEST)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> KeyFileError:
    return KeyFileError(
        Sentence(
            en=f"The key file {path} cannot be read: {error.strerror}.",
            vi=f"Không đọc được tệp khóa {path}: {error.strerror}.",
        ),
        code="key_file_unreadable",
    )


def _wrong_form(path: Path) -> KeyFileError:
    return KeyFileError(
        Sentence(
            en=f'The key file {path} is not of the form {{"active": id, "keys": {{id: 32 bytes in base64}}}}.',
            vi=f'Tệp khóa {path} không đúng dạng {{"active": mã, "keys": {{mã: 32 byte dạng base64}}}}.',
        ),
        code="key_file_wrong_form",
    )
