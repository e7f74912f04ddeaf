"""The other direction: what a partner may call here, and what the hub hands the adapter to answer it.

A connection that serves its partner's calls has the method of `ServesInbound`. The hub receives the request, proves
who calls, bounds size and time, and only then asks the adapter's `InboundHandler`, which speaks the partner's
protocol and nothing else. Refusals of the hub are spoken in that protocol too: see `InboundHandler.refuse`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from contracts.dossier import Dossier
from contracts.errors import Sentence
from contracts.inbox import InboxKind
from contracts.text import Model


class Receipt(StrEnum):
    """What became of a message."""

    NEW = "new"
    """Kept; a repetition would be a duplicate."""
    DUPLICATE = "duplicate"
    """Same id, same content: it is here already, and the sender may be told so."""
    CONFLICT = "conflict"
    """Same id, other content: refused, and a person is told."""


class InboundFault(StrEnum):
    """Why the hub does not let a call through, or could not finish it."""

    NOT_ALLOWED = "not_allowed"
    """Network, certificate or secret are not those of the partner. Say nothing more precise."""
    NO_SERVICE = "no_service"
    """There is no such service, or not with this method."""
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    BAD_ENCODING = "bad_encoding"
    """A compressed body, which is never unpacked."""
    UNAVAILABLE = "unavailable"
    """The database does not answer; nothing was kept, or it is not known. The same call may be repeated."""
    FAILED = "failed"
    """A fault of the hub."""

    @property
    def sentence(self) -> Sentence:
        """What happened and what to do, for the partner's people."""
        return _FAULTS[self]


_FAULTS: dict[InboundFault, Sentence] = {
    InboundFault.NOT_ALLOWED: Sentence(
        "This call is not allowed: network, certificate or secret are not those agreed upon.",
        "Cuộc gọi không được phép: mạng, chứng thư hoặc mã bí mật không đúng như đã thoả thuận.",
    ),
    InboundFault.NO_SERVICE: Sentence(
        "There is no such service at this address.", "Không có dịch vụ này tại địa chỉ đã gọi."
    ),
    InboundFault.TOO_LARGE: Sentence(
        "The message is larger than agreed upon; nothing was kept.", "Thông điệp quá lớn; hệ thống không lưu gì."
    ),
    InboundFault.TOO_SLOW: Sentence(
        "The message did not arrive whole in time; nothing was kept. Send it again.",
        "Thông điệp không tới đủ trong thời hạn; hệ thống không lưu gì. Hãy gửi lại.",
    ),
    InboundFault.BAD_ENCODING: Sentence(
        "A compressed message is not accepted; send it as it is.",
        "Không nhận thông điệp nén; hãy gửi nguyên dạng.",
    ),
    InboundFault.UNAVAILABLE: Sentence(
        "The message could not be kept at the moment; send the same message again later.",
        "Hiện chưa lưu được thông điệp; hãy gửi lại đúng thông điệp này sau.",
    ),
    InboundFault.FAILED: Sentence(
        "The hub failed on this message; send the same message again later and tell its operator.",
        "Hệ thống gặp lỗi khi xử lý; hãy gửi lại đúng thông điệp này sau và báo đơn vị vận hành.",
    ),
}


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """A call of the partner, complete and within its bounds."""

    method: str
    path: str
    """Below the connection's own address, without a slash at either end, e.g. ``search/call``."""
    headers: Mapping[str, str]
    """By lower-case name, without those that prove who calls."""
    body: bytes
    at: datetime
    """When it came, by our clock."""


@dataclass(frozen=True, slots=True)
class InboundAnswer:
    """What the partner is answered: bytes, or pieces of a file as they come."""

    status: int
    content: bytes | AsyncGenerator[bytes]
    media_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InboundContent:
    """A file that came inside a message. Its name stands in the message's body, as text and nothing else."""

    number: int
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message of the partner in canonical form."""

    kind: InboxKind
    their_id: str
    """The partner's own id of the message; the same message has the same one."""
    subject: str | None
    """Code of the dossier it is about, where it has one of our form."""
    body: Model
    """The model that `contracts.inbox.BODIES` names for the kind; every file stands in it with its SHA-256."""
    files: Sequence[InboundContent] = ()
    agency_code: str | None = None
    sent_at: datetime | None = None
    """When the partner says it was sent; shows a clock that is off."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of a dossier on its way to the partner."""

    media_type: str
    content: AsyncGenerator[bytes]
    """Bounded in size and time; whoever does not read it to its end closes it."""


class InboundDesk(Protocol):
    """What the hub does for an adapter that answers its partner. May raise anything; the hub answers for it."""

    async def receive(self, message: InboundMessage) -> Receipt:
        """Keep the message, and return only when it is durable."""
        ...

    async def refuse_message(self, body: bytes, *, service: str) -> None:
        """Record that a message was refused for its form; nothing of it is kept but a digest."""
        ...

    async def find_dossier(self, code: str, *, service: str) -> Dossier | None:
        """Return a dossier the partner asks for; the question is recorded with the name of the service."""
        ...

    async def open_file(self, token: str) -> OpenedFile | None:
        """Return the file that a one-time address stands for; ``None`` when it opens nothing (any more)."""
        ...


class InboundHandler(Protocol):
    """The partner's protocol."""

    def opens_by_address(self, path: str) -> bool:
        """Say whether this address itself is the secret (a one-time address), so that no other is asked for."""
        ...

    async def serve(self, request: InboundRequest) -> InboundAnswer:
        """Answer a call whose sender is proven."""
        ...

    def refuse(self, path: str, fault: InboundFault) -> InboundAnswer:
        """Say in the partner's protocol that a call is refused or failed."""
        ...


@runtime_checkable
class GivesFileAddresses(Protocol):
    """A connection whose partner may fetch files from us under one-time addresses."""

    @property
    def file_path(self) -> str:
        """Below the connection's own address: where the random part of an address follows, e.g. ``downloadfile``."""
        ...


@runtime_checkable
class ServesInbound(Protocol):
    """A connection whose partner calls us."""

    def inbound(self, desk: InboundDesk) -> InboundHandler:
        """Return the handler of its calls. Has no side effects."""
        ...
