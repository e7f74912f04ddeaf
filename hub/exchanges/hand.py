"""The lanes in a worker's hand: claimed, their next exchanges chosen, nothing of those sent yet.

A lane stays in hand from its claim until all that was read of it has gone or something in it went wrong, so that a
dossier costs one claim and not one for each exchange. What is in hand goes before new lanes are claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.completing import Finished
from hub.exchanges.courier import Courier
from hub.exchanges.packing import Packed, Packer, head_of
from hub.exchanges.views import ExchangeState

PATIENCE_SECONDS = 0.25
"""How long a call that other lanes could share is kept back while fuller calls can go."""


@dataclass(slots=True)
class LaneInHand:
    """A lane whose lease this worker holds."""

    exchanges: list[ClaimedExchange]
    """Open exchanges in their order, as far as they were read; the first ones go next."""
    lease_end: float
    """On the monotonic clock."""
    since: float
    """When its head became the head, on the monotonic clock."""

    @property
    def id(self) -> int:
        """The lane's id."""
        return self.exchanges[0].lane_id

    def may_go_on(self, finished: Sequence[Finished], couriers: Mapping[str, Courier]) -> bool:
        """Say whether the lane may stay in hand after this call.

        It may if all of it arrived, and the next was never tried and would not set the partner back. What the
        partner has confirmed by this call is noted with what follows.
        """
        following = self.exchanges[len(finished) :]
        in_order = [one.exchange.id for one in finished] == [one.id for one in self.exchanges[: len(finished)]]
        if not following or not in_order or any(one.state is not ExchangeState.DELIVERED for one in finished):
            return False
        revisions = [one.confirmed_revision for one in finished if one.confirmed_revision is not None]
        states = [one.confirmed_state for one in finished if one.confirmed_state is not None]
        for one in following:
            one.known_there = one.known_there or any(done.known_there for done in finished)
            one.confirmed_revision = max(revisions, default=one.confirmed_revision)
            one.confirmed_state = states[-1] if states else one.confirmed_state
        head = following[0]
        courier = couriers.get(head.operation)
        return courier is not None and head.attempts == 0 and not head.may_have_left and not courier.is_overtaken(head)

    def go_on(self, finished: Sequence[Finished], *, lease_end: float, now: float) -> None:
        """Put what follows at the head."""
        self.exchanges = self.exchanges[len(finished) :]
        self.lease_end = lease_end
        self.since = now


class Hand:
    """What is in hand, oldest first."""

    def __init__(self, couriers: Mapping[str, Courier]) -> None:
        self._couriers = couriers
        self._lanes: dict[int, LaneInHand] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, lanes: Iterable[LaneInHand]) -> None:
        """Take these in hand; a lane that was there is replaced, for its new token is the one that counts."""
        for one in lanes:
            self._lanes[one.id] = one

    def drop(self, lane_ids: Iterable[int]) -> list[LaneInHand]:
        """Let go of these and return them."""
        return [lane for one in lane_ids if (lane := self._lanes.pop(one, None)) is not None]

    def drop_all(self) -> list[LaneInHand]:
        """Let go of everything and return it."""
        return self.drop(list(self._lanes))

    def drop_expiring(self, before: float) -> list[LaneInHand]:
        """Let go of the lanes whose lease ends too soon for a call, and return them."""
        return self.drop([one.id for one in self._lanes.values() if one.lease_end < before])

    def drop_youngest(self, most: int) -> list[LaneInHand]:
        """Let go of what is in hand beyond so many lanes, and return it."""
        return self.drop(list(self._lanes)[most:]) if len(self._lanes) > most else []

    def calls(self, now: float, wanted: int) -> tuple[list[Packed], list[Packed]]:
        """Form calls of what is in hand: at least ``wanted`` to be sent first, if there are; and what could be fuller.

        Looks no further than it must: there may be many more lanes in hand than go now.
        """
        packer = Packer(self._couriers)
        for lane in self._lanes.values():
            if packer.complete >= wanted:
                break
            packer.add(head_of(lane.exchanges, self._couriers[lane.exchanges[0].operation]))
        ripe: list[Packed] = []
        unripe: list[Packed] = []
        for call in packer.calls:
            waited = now - self._lanes[call.exchanges[0].lane_id].since
            (unripe if call.has_room and waited <= PATIENCE_SECONDS else ripe).append(call)
        return ripe, unripe
