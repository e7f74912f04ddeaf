"""Scopes: what an API client may do. A call needs exactly one; there is no scope that includes another."""

from __future__ import annotations

from enum import StrEnum

from contracts.errors import Sentence


class Scope(StrEnum):
    """One permission of an API client."""

    DOSSIERS_READ = "dossiers:read"
    DOSSIERS_WRITE = "dossiers:write"
    EXCHANGES_READ = "exchanges:read"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_MANAGE = "connections:manage"

    @property
    def sentence(self) -> Sentence:
        """What the scope allows, for people."""
        return _SENTENCES[self]


_SENTENCES: dict[Scope, Sentence] = {
    Scope.DOSSIERS_READ: Sentence("Read dossiers of its own agencies.", "Đọc hồ sơ của các cơ quan được giao."),
    Scope.DOSSIERS_WRITE: Sentence(
        "Declare dossiers of its own agencies and record what happens to them.",
        "Khai hồ sơ của các cơ quan được giao và ghi nhận diễn biến của hồ sơ.",
    ),
    Scope.EXCHANGES_READ: Sentence(
        "See the exchanges of all agencies; for operators. They name dossier codes and states, nothing of a citizen.",
        "Xem trao đổi của mọi cơ quan (người vận hành). Chỉ có mã, trạng thái hồ sơ, không có dữ liệu công dân.",
    ),
    Scope.CONNECTIONS_READ: Sentence("See the state of all connections.", "Xem tình trạng mọi kết nối."),
    Scope.CONNECTIONS_MANAGE: Sentence("Pause and resume connections.", "Tạm dừng và nối lại kết nối."),
}


def parse_scopes(text: str) -> frozenset[Scope] | None:
    """Return the scopes of a space-separated list; ``None`` when one of them does not exist."""
    try:
        return frozenset(Scope(word) for word in text.split())
    except ValueError:
        return None
