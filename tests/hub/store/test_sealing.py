"""Sealing: what is sealed opens only whole, only in its place, only with its key."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store import sealing
from hub.store.errors import SealError
from hub.store.sealing import KEY_BYTES, OVERHEAD_BYTES, DataKey, Sealer, sealed_with

_PAST = 0.0
_KEY = DataKey(7, b"k" * KEY_BYTES, _PAST)
_SEALER = Sealer([_KEY])

contexts = st.text(max_size=60)
plains = st.binary(max_size=300)


@given(plain=plains, context=contexts)
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: str) -> None:
    """Any value comes back unchanged, and its length grows by the documented overhead."""
    blob = _SEALER.seal(plain, context)
    assert len(blob) == len(plain) + OVERHEAD_BYTES
    assert _SEALER.open(blob, context) == plain


@given(plain=plains, context=contexts, data=st.data())
def test_any_flipped_bit_is_refused(plain: bytes, context: str, data: st.DataObject) -> None:
    """Version, key id, nonce, ciphertext and tag are all covered by the authentication."""
    blob = bytearray(_SEALER.seal(plain, context))
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealError):
        _SEALER.open(bytes(blob), context)


@given(plain=plains, context=contexts, data=st.data())
def test_a_cut_value_is_refused(plain: bytes, context: str, data: st.DataObject) -> None:
    """No prefix of a sealed value opens."""
    blob = _SEALER.seal(plain, context)
    with pytest.raises(SealError):
        _SEALER.open(blob[: data.draw(st.integers(0, len(blob) - 1))], context)


@given(plain=plains, context=contexts, other=contexts)
def test_another_context_is_refused(plain: bytes, context: str, other: str) -> None:
    """A value copied to another row or column does not open there."""
    blob = _SEALER.seal(plain, context)
    if context != other:
        with pytest.raises(SealError) as caught:
            _SEALER.open(blob, other)
        assert caught.value.code == "seal_broken"


@given(plain=plains)
def test_the_same_value_never_looks_the_same(plain: bytes) -> None:
    """Equal values cannot be recognised in the database."""
    assert _SEALER.seal(plain, "c") != _SEALER.seal(plain, "c")


def test_the_value_names_its_data_key() -> None:
    """The key id is in clear, so that a rotation finds what it has to seal anew."""
    assert sealed_with(_SEALER.seal(b"", "c")) == 7


def test_a_value_under_another_key_of_the_same_id_is_refused() -> None:
    """The id only finds the key; it proves nothing."""
    blob = Sealer([DataKey(7, b"x" * KEY_BYTES, _PAST)]).seal(b"plain", "c")
    with pytest.raises(SealError) as caught:
        _SEALER.open(blob, "c")
    assert caught.value.code == "seal_broken"


def test_an_unknown_data_key_is_named_as_such() -> None:
    """A process that has not read a new key yet says so, instead of calling the value broken."""
    blob = Sealer([DataKey(8, b"x" * KEY_BYTES, _PAST)]).seal(b"plain", "c")
    with pytest.raises(SealError) as caught:
        _SEALER.open(blob, "c")
    assert caught.value.code == "data_key_unknown"


def test_values_of_an_older_key_stay_readable() -> None:
    """After a rotation the newest key seals and every known key opens."""
    old = _SEALER.seal(b"old", "c")
    sealer = Sealer([_KEY, DataKey(8, b"n" * KEY_BYTES, _PAST)])
    assert sealer.active_id == 8
    assert sealer.open(old, "c") == b"old"


def test_a_new_key_opens_at_once_and_seals_only_when_its_time_has_come() -> None:
    """Every process has read a new key before the first one uses it."""
    new = DataKey(8, b"n" * KEY_BYTES, monotonic() + 3600)
    sealer = Sealer([_KEY, new])
    assert sealer.active_id == 7
    assert sealer.open(Sealer([DataKey(8, new.secret, _PAST)]).seal(b"new", "c"), "c") == b"new"
    sealer.replace([_KEY, DataKey(8, new.secret, monotonic() - 1)])
    assert sealer.active_id == 8


def test_the_switch_happens_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stays up changes keys without being told."""
    moment = 100.0
    monkeypatch.setattr(sealing, "monotonic", lambda: moment)
    sealer = Sealer([_KEY, DataKey(8, b"n" * KEY_BYTES, 105.0)])
    assert sealed_with(sealer.seal(b"", "c")) == 7
    moment = 104.9
    assert sealed_with(sealer.seal(b"", "c")) == 7
    moment = 105.0
    assert sealed_with(sealer.seal(b"", "c")) == 8


def test_seals_are_counted_per_key() -> None:
    """The limit of use of a data key is kept by counting."""
    sealer = Sealer([_KEY])
    for _ in range(3):
        sealer.seal(b"", "c")
    assert sealer.take_counts() == {7: 3}
    assert sealer.take_counts() == {}


def test_without_a_key_nothing_is_sealed() -> None:
    """There is no fallback to clear text."""
    with pytest.raises(SealError) as caught:
        Sealer([]).seal(b"plain", "c")
    assert caught.value.code == "no_active_key"


def test_a_key_never_shows_in_its_repr() -> None:
    """A data key may be logged by mistake; its secret may not."""
    assert "kkk" not in repr(_KEY)
