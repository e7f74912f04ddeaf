"""Failures are counted per key, within bounds."""

from __future__ import annotations

from hub.access.throttle import FailureThrottle


class Clock:
    """Time that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_burst_is_allowed_and_then_one_at_a_time() -> None:
    """Ten mistakes are human; after that one every six seconds."""
    clock = Clock()
    throttle = FailureThrottle(burst=3, seconds=6, now=clock)
    key = ("client", "10.0.0.1")
    assert [throttle.fail(key) for _ in range(3)] == [0, 0, 0]
    assert throttle.fail(key) == 6
    assert throttle.fail(key) == 6, "being told to wait does not make the wait longer"
    clock.now += 6
    assert throttle.fail(key) == 0
    assert throttle.fail(key) == 6
    clock.now += 60
    assert [throttle.fail(key) for _ in range(4)] == [0, 0, 0, 6]


def test_keys_do_not_disturb_each_other() -> None:
    """One misconfigured client does not hold up another."""
    throttle = FailureThrottle(burst=1, seconds=6, now=Clock())
    assert throttle.fail(("a", "10.0.0.1")) == 0
    assert throttle.fail(("a", "10.0.0.1")) > 0
    assert throttle.fail(("a", "10.0.0.2")) == 0
    assert throttle.fail(("b", "10.0.0.1")) == 0


def test_memory_is_bounded() -> None:
    """Made-up names do not fill the memory; the one unused for longest is forgotten."""
    throttle = FailureThrottle(burst=1, seconds=6, max_keys=2, now=Clock())
    throttle.fail(("a", ""))
    throttle.fail(("b", ""))
    throttle.fail(("a", ""))
    throttle.fail(("c", ""))
    assert throttle.fail(("a", "")) > 0
    assert throttle.fail(("b", "")) == 0
