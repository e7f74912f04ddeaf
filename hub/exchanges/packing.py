"""Which claimed exchanges one call carries: pure decisions between the claim and the sending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.ports import RepeatClass
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.courier import Courier

DEPTH = 10
"""Open exchanges read per lane and claim: what one call may carry at most."""


@dataclass(slots=True)
class Packed:
    """The exchanges of one call, before their content is opened."""

    courier: Courier
    exchanges: list[ClaimedExchange]
    has_room: bool = False
    """Whether more lanes could have gone with it."""

    def heads(self) -> list[ClaimedExchange]:
        """Return the first exchange of each lane in this call."""
        return list({one.lane_id: one for one in reversed(self.exchanges)}.values())


def head_of(lane: Sequence[ClaimedExchange], courier: Courier) -> list[ClaimedExchange]:
    """Return the exchanges at the head of a lane that one call may carry."""
    head = [lane[0]]
    if not courier.operation.batch_within_lane or lane[0].doubts:
        return head
    for one in lane[1 : courier.operation.batch]:
        # What may have left is settled together; what never left goes together; they do not mix.
        if one.operation != lane[0].operation or one.doubts or one.may_have_left != lane[0].may_have_left:
            break
        head.append(one)
    return head


class Packer:
    """Forms calls, oldest first: one per lane, or shared by lanes where that is allowed and nothing is in doubt."""

    def __init__(self, couriers: Mapping[str, Courier]) -> None:
        self._couriers = couriers
        self._shared: dict[tuple[str, bool], Packed] = {}
        self.calls: list[Packed] = []
        self.complete = 0
        """How many of the calls can take no more."""

    def add(self, head: Sequence[ClaimedExchange]) -> None:
        """Put the head of a lane into a call."""
        courier = self._couriers[head[0].operation]
        if _goes_alone(head[0], courier):
            self.calls.append(Packed(courier, list(head)))
            self.complete += 1
            return
        # Dossiers known there and those to be asked for go in calls of their own: the first need one call.
        key = (head[0].operation, head[0].known_there)
        call = self._shared.get(key)
        if call is None or len(call.exchanges) + len(head) > courier.operation.batch:
            if call is not None:
                self._close(call)
            call = self._shared[key] = Packed(courier, [], has_room=True)
            self.calls.append(call)
        call.exchanges.extend(head)
        if len(call.exchanges) >= courier.operation.batch:
            self._close(call)

    def _close(self, call: Packed) -> None:
        self.complete += call.has_room
        call.has_room = False


def pack(heads: Iterable[Sequence[ClaimedExchange]], couriers: Mapping[str, Courier]) -> list[Packed]:
    """Form calls of these heads; see `Packer`."""
    packer = Packer(couriers)
    for head in heads:
        packer.add(head)
    return packer.calls


def _goes_alone(one: ClaimedExchange, courier: Courier) -> bool:
    """Whether the call of this lane carries no other: what is in doubt is asked about lane by lane."""
    asked = courier.operation.repeat in {RepeatClass.RECONCILE_FIRST, RepeatClass.NEVER}
    return not courier.operation.batch_across_lanes or one.doubts > 0 or (asked and one.may_have_left)
