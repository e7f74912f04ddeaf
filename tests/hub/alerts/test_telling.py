"""Every transition is told once through every channel that wants it, tried again, and a silent channel is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.errors import Sentence
from hub.alerts.message import Message, Told
from hub.alerts.reading import AlertService
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.alerts.settings import AlertSettings
from hub.alerts.telling import Teller
from hub.errors import Refusal
from hub.store.engine import Store

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
WORDS = Sentence("It is broken.", "Đã hỏng.")
BROKEN = Sentence("The channel is broken.", "Kênh hỏng.")
SETTINGS = AlertSettings.model_validate(
    {
        "channels": {
            "log": {"kind": "syslog", "address": "udp://127.0.0.1:1", "least": "info"},
            "duty": {"kind": "syslog", "address": "udp://127.0.0.1:2", "least": "critical"},
        },
        "give_up_hours": 1,
    }
)


class Recorder:
    """A channel that remembers, and fails while it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.broken = False
        self.raises = False

    async def tell(self, message: Message) -> Told:
        if self.raises:
            raise RuntimeError("defect")
        self.names.append(message.name)
        if self.broken:
            return Told(BROKEN)
        self.heard.append((message.event.value, message.key))
        return Told()


class Scene:
    """Two channels: one hears everything, one hears what is critical."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.log, self.duty = Recorder(), Recorder()
        self.teller = Teller(store, SETTINGS, {"log": self.log, "duty": self.duty})
        self.service = AlertService(store, SETTINGS)

    async def open(self, key: str, severity: Severity = Severity.CRITICAL, at: datetime = NOW) -> None:
        async with self.store.transaction() as conn:
            await raise_alert(conn, Alert(key, severity, WORDS), now=at)

    async def clear(self, key: str, at: datetime = NOW) -> None:
        async with self.store.transaction() as conn:
            await clear_alert(conn, key, now=at)


@pytest.fixture
def scene(store: Store) -> Scene:
    return Scene(store)


async def test_each_transition_is_told_once(scene: Scene) -> None:
    """However often the teller looks; the all-clear goes where the alert went, and nowhere else."""
    await scene.open("a")
    await scene.open("b", Severity.WARNING)
    for _ in range(3):
        await scene.teller.tell_due(NOW)
    await scene.clear("a")
    await scene.clear("b")
    for _ in range(3):
        await scene.teller.tell_due(NOW)
    assert scene.log.heard == [("opened", "a"), ("opened", "b"), ("cleared", "a"), ("cleared", "b")]
    assert scene.duty.heard == [("opened", "a"), ("cleared", "a")]


async def test_getting_worse_reaches_who_hears_only_the_worst(scene: Scene) -> None:
    """And so does the end of it."""
    await scene.open("a", Severity.WARNING)
    await scene.open("a", Severity.CRITICAL)
    await scene.clear("a")
    await scene.teller.tell_due(NOW)
    assert scene.duty.heard == [("escalated", "a")]
    await scene.teller.tell_due(NOW)
    assert scene.duty.heard == [("escalated", "a"), ("cleared", "a")]


async def test_a_channel_that_fails_is_tried_again_and_is_itself_an_alert(scene: Scene) -> None:
    """In order, with the same name each time; told through the others; over when it takes messages again."""
    scene.duty.broken = True
    await scene.open("a")
    await scene.clear("a")
    now = NOW
    for _ in range(12):
        await scene.teller.tell_due(now)
        now += timedelta(seconds=30)
    assert ("opened", "channel.duty") in scene.log.heard
    assert set(scene.duty.names) == {scene.duty.names[0]}
    channel = next(one for one in (await scene.service.page()).channels if one.name == "duty")
    assert (channel.failing, channel.failure, channel.waiting) == (True, BROKEN.en, 2)
    [shown] = [one for one in (await scene.service.page(state="all")).items if one.key == "a"]
    told = {(one.channel, one.event): one for one in shown.deliveries}
    assert told["duty", "opened"].attempts == len(scene.duty.names)
    assert told["duty", "opened"].failure_vi == BROKEN.vi
    assert told["log", "cleared"].sent_at is not None
    scene.duty.broken = False
    for _ in range(40):
        await scene.teller.tell_due(now)
        now += timedelta(seconds=30)
    assert scene.duty.heard == [("opened", "a"), ("cleared", "a")]
    assert scene.log.heard[-1] == ("cleared", "channel.duty")
    assert not any(one.failing for one in (await scene.service.page()).channels)


async def test_a_message_too_old_is_given_up(scene: Scene) -> None:
    """Nobody is woken for what is long past; that it was never told stays on record."""
    scene.log.broken = True
    await scene.open("a", Severity.INFO)
    await scene.teller.tell_due(NOW)
    await scene.teller.tell_due(NOW + timedelta(hours=2))
    tried = len(scene.log.names)
    await scene.teller.tell_due(NOW + timedelta(hours=4))
    assert len([name for name in scene.log.names[tried:] if name == scene.log.names[0]]) == 0
    [shown] = [one for one in (await scene.service.page()).items if one.key == "a"]
    assert shown.deliveries[0].given_up_at is not None


async def test_a_defect_of_one_channel_does_not_silence_the_others(scene: Scene) -> None:
    """Whatever it raises is a failure of that channel."""
    scene.duty.raises = True
    await scene.open("a")
    await scene.teller.tell_due(NOW)
    assert scene.log.heard == [("opened", "a")]
    channel = next(one for one in (await scene.service.page()).channels if one.name == "duty")
    assert "unforeseen" in channel.failure


async def test_a_channel_that_was_removed(scene: Scene) -> None:
    """What waits for it is given up, so that it does not wait for ever."""
    scene.duty.broken = True
    await scene.open("a")
    await scene.teller.tell_due(NOW)
    teller = Teller(scene.store, AlertSettings(channels={"log": SETTINGS.channels["log"]}), {"log": scene.log})
    await teller.tell_due(NOW)
    [shown] = (await scene.service.page()).items
    assert {one.channel: one.given_up_at is not None for one in shown.deliveries} == {"log": False, "duty": True}


async def test_alerts_are_paged_filtered_and_acknowledged(scene: Scene) -> None:
    """Newest first; the first who looks after one stays on record."""
    for key in ("a", "b", "c"):
        await scene.open(key)
    await scene.clear("b")
    assert [one.key for one in (await scene.service.page()).items] == ["c", "a"]
    assert [one.key for one in (await scene.service.page(state="cleared")).items] == ["b"]
    first = await scene.service.page(state="all", limit=2)
    second = await scene.service.page(state="all", limit=2, cursor=first.next_cursor)
    assert [one.key for one in (*first.items, *second.items)] == ["c", "b", "a"]
    assert second.next_cursor is None
    mine = await scene.service.acknowledge(first.items[0].id, actor="an", now=NOW)
    again = await scene.service.acknowledge(first.items[0].id, actor="bình")
    assert (mine.acknowledged_by, again.acknowledged_by, again.acknowledged_at) == ("an", "an", NOW)
    for work, code in (
        (scene.service.acknowledge(999, actor="an"), "alert_not_found"),
        (scene.service.page(cursor="x"), "bad_cursor"),
    ):
        with pytest.raises(Refusal) as caught:
            await work
        assert caught.value.code == code
