"""The couriers of dossiers: events become snapshots and steps, and unknown outcomes are settled by asking."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.history import OpenedEvent, fold_opened, fold_steps, open_event
from contracts.ports import CallReport, DossierPublisher, DossierPush, StepPush
from hub.dossiers.events_store import read_events
from hub.exchanges.claims import ClaimedExchange
from hub.exchanges.courier import Parcel, Settlement
from hub.exchanges.outbox import PUSH_DOSSIER, PUSH_STEP
from hub.store.sealing import Sealer

_KEPT = 512
"""Dossiers whose opened events are remembered at most."""

HELD_NOT_ACCEPTED = "not_accepted_there"
"""The partner does not know the dossier and refused it: its steps wait for a corrected revision."""


class DossierReader:
    """Opens the events of claimed exchanges, and remembers those of dossiers of which more is to be sent.

    Events never change, so what was read of a dossier serves all exchanges up to its newest revision. It is kept,
    opened, only until the snapshot of that revision has been prepared, and of so many dossiers at most.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._kept: OrderedDict[str, list[OpenedEvent]] = OrderedDict()

    async def events(
        self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]
    ) -> dict[str, list[OpenedEvent]]:
        """Return the events of these dossiers, at least up to the revisions of the exchanges."""
        needed: dict[str, int] = {}
        for one in exchanges:
            needed[one.subject] = max(one.revision, needed.get(one.subject, 0))
        events = {
            code: kept
            for code, revision in needed.items()
            if (kept := self._kept.get(code)) is not None and len(kept) >= revision
        }
        missing = [code for code in needed if code not in events]
        if missing:
            read = await read_events(conn, self._sealer, missing)
            events.update({code: [open_event(one) for one in stored] for code, stored in read.items()})
        self._kept.update(events)
        for one in exchanges:
            if one.operation == PUSH_DOSSIER and one.revision >= len(events.get(one.subject, ())):
                self._kept.pop(one.subject, None)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return events


class SnapshotCourier:
    """Delivers ``push_dossier``: the dossier as of the revision the exchange was accepted with."""

    def __init__(self, publisher: DossierPublisher, reader: DossierReader) -> None:
        """The operation's limits are those the connection declares; couriers of one connection share a reader."""
        self.operation = publisher.operations[PUSH_DOSSIER]
        self._publisher = publisher
        self._reader = reader

    async def prepare(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Parcel]:
        """Fold each dossier up to the revision its exchange names."""
        events = await self._reader.events(conn, exchanges)
        parcels: dict[UUID, Parcel] = {}
        for one in exchanges:
            dossier = fold_opened(one.subject, events[one.subject][: one.revision])
            parcels[one.id] = Parcel(
                exchange=one,
                content=DossierPush(
                    exchange_id=str(one.id),
                    dossier=dossier,
                    known_there=one.known_there,
                    tried_before=not one.is_first_of_lane,
                ),
                confirms_revision=one.revision,
                confirms_state=dossier.state.number,
            )
        return parcels

    async def send(self, parcels: Sequence[Parcel]) -> CallReport:
        """Publish the snapshots; the adapter asks first where the partner may not know the dossier."""
        return await self._publisher.push_dossiers([parcel.content for parcel in parcels])

    async def settle(self, parcels: Sequence[Parcel]) -> Sequence[Settlement]:
        """Answer that it is to be sent: a snapshot replaces whatever arrived, and a first one is asked for."""
        return [Settlement.NOT_APPLIED] * len(parcels)

    def is_overtaken(self, exchange: ClaimedExchange) -> bool:
        """A snapshot is overtaken once a later revision is confirmed: after a correction, or by a late replay."""
        return exchange.confirmed_revision is not None and exchange.revision < exchange.confirmed_revision

    def hold_reason(self, exchange: ClaimedExchange) -> str | None:
        """Hold the lane of a dossier the partner never accepted; its steps would all fail."""
        return None if exchange.known_there else HELD_NOT_ACCEPTED


class StepCourier:
    """Delivers ``push_step``: steps of one dossier, in order, none twice."""

    def __init__(self, publisher: DossierPublisher, reader: DossierReader) -> None:
        """The operation's limits are those the connection declares; couriers of one connection share a reader."""
        self.operation = publisher.operations[PUSH_STEP]
        self._publisher = publisher
        self._reader = reader

    async def prepare(self, conn: AsyncConnection[Any], exchanges: Sequence[ClaimedExchange]) -> Mapping[UUID, Parcel]:
        """Find each step in its dossier, together with the steps before it."""
        events = await self._reader.events(conn, exchanges)
        # Steps are only ever added, so one fold serves all of a dossier's exchanges, whatever their revision.
        steps_of = {code: fold_steps(code, opened) for code, opened in events.items()}
        parcels: dict[UUID, Parcel] = {}
        for one in exchanges:
            steps = steps_of[one.subject]
            sequence = one.step_sequence or 0
            step = steps[sequence - 1]
            parcels[one.id] = Parcel(
                exchange=one,
                content=(
                    StepPush(exchange_id=str(one.id), dossier_code=one.subject, step=step),
                    tuple(self._publisher.step_fingerprint(one.subject, earlier) for earlier in steps[:sequence])
                    if one.may_have_left
                    else (),
                ),
                confirms_revision=None,
                confirms_state=step.state.number,
            )
        return parcels

    async def send(self, parcels: Sequence[Parcel]) -> CallReport:
        """Publish the steps in one call."""
        return await self._publisher.push_steps([parcel.content[0] for parcel in parcels])

    async def settle(self, parcels: Sequence[Parcel]) -> Sequence[Settlement]:
        """Ask for the dossier and look for each step.

        Where the partner lists steps, the n-th of equal steps is there if it is listed n times. Where it does
        not, its state tells only when it has become what this step was to make it.
        """
        theirs = await self._publisher.find_dossier(parcels[0].exchange.subject)
        if theirs is None:
            return [Settlement.NOT_APPLIED] * len(parcels)
        if theirs.step_fingerprints is None:
            return _settle_by_state(parcels, theirs.state.number)
        listed = Counter(theirs.step_fingerprints)
        settlements: list[Settlement] = []
        for parcel in parcels:
            fingerprints: tuple[str, ...] = parcel.content[1]
            needed = fingerprints.count(fingerprints[-1]) if fingerprints else 1
            there = bool(fingerprints) and listed[fingerprints[-1]] >= needed
            settlements.append(Settlement.APPLIED if there else Settlement.NOT_APPLIED)
        return settlements

    def is_overtaken(self, exchange: ClaimedExchange) -> bool:  # noqa: ARG002 - part of the protocol
        """Never: every step counts."""
        return False

    def hold_reason(self, exchange: ClaimedExchange) -> str | None:  # noqa: ARG002 - part of the protocol
        """Let the lane go on: a refused step does not spoil the later ones."""
        return None


def _settle_by_state(parcels: Sequence[Parcel], their_state: int) -> list[Settlement]:
    """Conclude only what the state proves: it became what this one step was to make it, so the step is there.

    An unchanged state proves nothing: that a step moves the state at the partner is not public.
    """
    before = parcels[0].exchange.confirmed_state
    moved = before is not None and before != their_state == parcels[0].confirms_state
    if len(parcels) == 1 and moved:
        return [Settlement.APPLIED]
    return [Settlement.CANNOT_TELL] * len(parcels)
