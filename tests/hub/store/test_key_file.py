"""The key file: refused unless it is whole and its owner's alone."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from hub.store.errors import KeyFileError
from hub.store.key_file import KeyFile


def _code(path: Path) -> str:
    with pytest.raises(KeyFileError) as caught:
        KeyFile.load(path)
    assert str(path) in caught.value.sentence.en
    assert str(path) in caught.value.sentence.vi
    return caught.value.code


def test_a_created_file_is_its_owners_alone_and_loads(tmp_path: Path) -> None:
    """A key file is born with mode 0600 and one random active key."""
    path = tmp_path / "new" / "keys.json"
    created = KeyFile.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyFile.load(path) == created
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_creating_never_overwrites(tmp_path: Path) -> None:
    """Overwriting a key file would lose every sealed value."""
    path = tmp_path / "keys.json"
    KeyFile.create(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError):
        KeyFile.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """The hub does not work with a key that others may have read."""
    path = tmp_path / "keys.json"
    KeyFile.create(path)
    path.chmod(mode)
    assert _code(path) == "key_file_open_to_others"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """The sentence names the file and what to do."""
    assert _code(tmp_path / "keys.json") == "key_file_missing"


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    """What cannot be read is an error of its own, not a crash."""
    path = tmp_path / "keys.json"
    path.mkdir(mode=0o700)
    assert _code(path) == "key_file_unreadable"


_GOOD = base64.b64encode(b"s" * 32).decode()


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        json.dumps({"active": "a", "keys": {}}),
        json.dumps({"active": "b", "keys": {"a": _GOOD}}),
        json.dumps({"active": "a", "keys": {"a": "not base64!"}}),
        json.dumps({"active": "a", "keys": {"a": base64.b64encode(b"short").decode()}}),
        json.dumps({"active": "a", "keys": {"a": _GOOD}, "more": 1}),
        json.dumps({"active": 1, "keys": {"a": _GOOD}}),
    ],
)
def test_any_other_form_is_refused_without_quoting_it(tmp_path: Path, document: str) -> None:
    """A damaged key file is refused whole, and its content stays out of the error."""
    path = tmp_path / "keys.json"
    path.write_text(document)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        KeyFile.load(path)
    assert caught.value.code == "key_file_wrong_form"
    assert caught.value.__cause__ is None
    assert _GOOD not in str(caught.value)


def test_the_active_key_cannot_be_taken_out(tmp_path: Path) -> None:
    """Pruning keeps what new data keys are wrapped with."""
    file = KeyFile.create(tmp_path / "keys.json").with_new_key()
    assert set(file.without(frozenset(file.keys)).keys) == {file.active}


def test_a_key_that_is_not_there_cannot_become_active(tmp_path: Path) -> None:
    """Activating an unknown key names the key."""
    with pytest.raises(KeyFileError) as caught:
        KeyFile.create(tmp_path / "keys.json").with_active("k1")
    assert caught.value.code == "key_missing"


def test_secrets_never_show_in_its_repr(tmp_path: Path) -> None:
    """Ids may be logged, keys may not."""
    file = KeyFile.create(tmp_path / "keys.json")
    assert file.active in repr(file)
    assert repr(file.keys[file.active]) not in repr(file)
