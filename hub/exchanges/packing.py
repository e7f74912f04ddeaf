"""Which claimed exchanges one call carries: pure decisions between the claim and the sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.courier import Courier

DEPTH = 10
"""Open exchanges read per lane and claim: what one call may carry at most."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The exchanges of one call, before their content is opened."""

    courier: Courier
    exchanges: list[ClaimedExchange]

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


def pack(heads: Sequence[Sequence[ClaimedExchange]], couriers: Mapping[str, Courier]) -> list[Packed]:
    """Form calls, oldest first: one per lane, or shared by lanes where that is allowed and nothing is in doubt."""
    calls: list[Packed] = []
    shared: dict[tuple[str, bool], Packed] = {}
    for head in heads:
        courier = couriers[head[0].operation]
        if courier.operation.batch_within_lane or head[0].doubts:
            calls.append(Packed(courier, list(head)))
            continue
        # Dossiers known there and those to be asked for go in calls of their own: the first need one call.
        key = (head[0].operation, head[0].known_there)
        call = shared.get(key)
        if call is None or len(call.exchanges) >= courier.operation.batch:
            call = shared[key] = Packed(courier, [])
            calls.append(call)
        call.exchanges.extend(head)
    return calls
