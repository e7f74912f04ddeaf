"""What is told of an alert, and how a telling ended: the same for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.errors import Sentence
from hub.alerts.service import AlertEvent
from hub.alerts.severity import Severity


@dataclass(frozen=True, slots=True)
class Message:
    """One transition of an alert, for people and machines outside. Holds nothing of a citizen."""

    id: int
    alert_id: int
    event: AlertEvent
    severity: Severity
    key: str
    sentence: Sentence
    at: datetime
    connection: str | None = None
    cause: str | None = None

    @property
    def name(self) -> str:
        """The id under which receivers recognise a message that comes again."""
        return f"alert-{self.alert_id}-{self.event.value}-{self.id}"


@dataclass(frozen=True, slots=True)
class Told:
    """How one attempt ended; ``failure`` is ``None`` when the channel took the message."""

    failure: Sentence | None = None


class Telling(Protocol):
    """A channel that is open."""

    async def tell(self, message: Message) -> Told:
        """Hand the message over, within the channel's time; raises nothing."""
        ...


HEADS: dict[AlertEvent, Sentence] = {
    AlertEvent.OPENED: Sentence("ALERT", "CẢNH BÁO"),
    AlertEvent.ESCALATED: Sentence("WORSE", "NGHIÊM TRỌNG HƠN"),
    AlertEvent.CLEARED: Sentence("ALL-CLEAR", "ĐÃ HẾT"),
    AlertEvent.TEST: Sentence("TEST", "THỬ"),
}


def head(message: Message, language: str) -> str:
    """Return the first words: what kind of message it is, and how urgent."""
    words = HEADS[message.event]
    urgency = "" if message.event in {AlertEvent.CLEARED, AlertEvent.TEST} else f" {message.severity.value}"
    return f"{words.vi if language == 'vi' else words.en}{urgency}"


def lines(message: Message, language: str) -> list[str]:
    """Return what is told, one line for each language."""
    said = {"en": [message.sentence.en], "vi": [message.sentence.vi]}
    return said.get(language, [message.sentence.vi, message.sentence.en])


def one_line(text: str) -> str:
    """Return the text without anything that could end a line or a header."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
