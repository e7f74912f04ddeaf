"""The worker's loop for one connection: claim lanes, send, react, record.

Nothing leaves before it is durable that it may have left, and nothing is forgotten when the process ends between
any two instructions: a lease that runs out brings the lane back, and an exchange found in ``sending`` is settled by
asking before it is repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from hub.exchanges.attempt import LEASE_MARGIN, RunnerOptions
from hub.exchanges.breaker import Breaker, BreakerState, TokenBucket
from hub.exchanges.claims import ClaimedExchange, claim, mark_sending, release, seconds_until_due
from hub.exchanges.completing import Finished, end_overtaken
from hub.exchanges.courier import Courier, Parcel
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.flusher import Flusher
from hub.exchanges.hand import Hand, LaneInHand
from hub.exchanges.packing import DEPTH, Packed, head_of, pack
from hub.exchanges.reactions import RetryPolicy
from hub.exchanges.sender import Sender
from hub.health import metrics
from hub.settings import DeliverySettings
from hub.store.engine import Store
from hub.store.errors import SealError, StoreUnavailable

_log = logging.getLogger(__name__)

_HORIZON_SECONDS = 0.5
"""How far ahead lanes are kept in hand: what would wait longer is left to whichever worker is free first."""

_SLOW_CALL_SECONDS = 1.0
"""How long a call is taken to last before one was made."""

_UNREADABLE = (SealError, ValueError, LookupError)
"""What opening a damaged record raises."""

_UNREADABLE_WAIT = timedelta(minutes=5)
"""A record that cannot be read is tried again: the key that opens it may come."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A call that may leave: its exchanges are marked as sending."""

    courier: Courier
    parcels: list[Parcel]
    lanes: Mapping[int, LaneInHand]


class ConnectionRunner:
    """Delivers the exchanges of one connection until it is told to stop."""

    def __init__(
        self,
        store: Store,
        connection: str,
        couriers: Mapping[str, Courier],
        delivery: DeliverySettings,
        *,
        options: RunnerOptions,
        facts: ConnectionFacts,
    ) -> None:
        """``couriers`` by operation name; an exchange of any other operation stays untouched."""
        self._store = store
        self._connection = connection
        self._couriers = couriers
        self._delivery = delivery
        self._options = options
        self._facts = facts
        self._policy = RetryPolicy.of(delivery)
        self._breaker = Breaker.of(delivery)
        self._rate = (
            TokenBucket(delivery.rate_per_second, max(1.0, delivery.rate_per_second))
            if delivery.rate_per_second
            else None
        )
        floor = delivery.retry_budget_floor_per_second
        self._retries = TokenBucket(floor, max(10.0, 10 * floor, delivery.max_in_flight * delivery.retry_budget_ratio))
        # How many lanes a call carried of late: a claim takes no more lanes than may start.
        shareable = (one.operation.batch for one in couriers.values() if one.operation.batch_across_lanes)
        self._lanes_per_call = float(max(shareable, default=1))
        self._sender = Sender(connection, delivery, options, breaker=self._breaker, rate=self._rate, facts=facts)
        self._hand = Hand(couriers)
        self._call_seconds = _SLOW_CALL_SECONDS
        self._wake = asyncio.Event()
        self._flusher = Flusher(store, worker=options.worker, beside=facts.write, after=self.wake, lease=options.lease)
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._longest = longest = max((one.operation.deadline_seconds for one in couriers.values()), default=0.0)
        if options.lease.total_seconds() < 2 * longest + 2 * LEASE_MARGIN:
            message = (
                f"worker.lease_seconds must be at least {2 * longest + 2 * LEASE_MARGIN:g} for connection {connection}"
            )
            raise ValueError(message)

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self) -> None:
        """Start nothing new; `run` returns when what is under way has been recorded."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver until stopped."""
        flushing = asyncio.create_task(self._flusher.run(), name=f"flush {self._connection}")
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    pause = await self._round()
                except StoreUnavailable:
                    pause = 1.0
                if pause > 0 and not self._stopping:
                    await self._sleep(pause)
            if self._calls:
                await asyncio.wait(self._calls)
            await self._flusher.drained()
            with contextlib.suppress(StoreUnavailable):
                await self._put_back(self._hand.drop_all())
        finally:
            flushing.cancel()
            for call in self._calls:
                call.cancel()

    async def _sleep(self, seconds: float) -> None:
        waker = asyncio.create_task(self._wake.wait())
        # A call that ends frees its place, so it wakes the loop as a notification does.
        await asyncio.wait({waker, *self._calls}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        waker.cancel()

    # --- one round ------------------------------------------------------------------------------------------

    async def _round(self) -> float:
        """Claim and start what may start now; return how many seconds to wait before the next round."""
        free = self._delivery.max_in_flight - len(self._calls)
        # Waiting for a quarter of the places keeps rounds large when work is plenty.
        if free < max(1, self._delivery.max_in_flight // 4):
            return self._options.poll_seconds
        clock = time.monotonic()
        granted = self._breaker.allowance(clock, free)
        allowed = granted if self._rate is None else self._rate.take_up_to(granted, clock)
        calls: list[_Started] = []
        try:
            if self._breaker.state is not BreakerState.CLOSED:
                # A connection in trouble holds no lanes: another worker, or a person, may have better luck with them.
                await self._put_back(self._hand.drop_all())
            if allowed:
                calls = await self._next_calls(allowed, clock)
        finally:
            if self._rate is not None:
                self._rate.give_back(allowed - len(calls))
            if granted and not calls:
                self._breaker.trial_abandoned()
        if not allowed:
            return self._blocked_for(clock)
        if not calls:
            return await self._until_next_due()
        for call in calls:
            task = asyncio.create_task(self._deliver(call))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        return 0.0

    def _blocked_for(self, clock: float) -> float:
        if self._breaker.state is BreakerState.OPEN:
            return max(0.05, self._breaker.open_until - clock)
        return self._options.poll_seconds if self._breaker.state is BreakerState.HALF_OPEN else 0.05

    async def _until_next_due(self) -> float:
        async with self._store.transaction() as conn:
            due = await seconds_until_due(conn, self._connection)
        return self._options.poll_seconds if due is None else min(max(due, 0.02), self._options.poll_seconds)

    async def _next_calls(self, allowed: int, clock: float) -> list[_Started]:
        """Return what goes now: first what is in hand, then what is claimed; all of it marked as sending."""
        await self._put_back(self._hand.drop_expiring(clock + self._longest + LEASE_MARGIN))
        ripe, unripe = self._hand.calls(clock, allowed)
        if len(ripe) < allowed:
            # A claim may find lanes that need a call each, so it learns from the one before how many lanes to take.
            limit = min(self._options.claim_batch, max(1, int((allowed - len(ripe)) * self._lanes_per_call)))
            if self._breaker.state is BreakerState.HALF_OPEN:
                limit = 1
            if await self._claim(limit):
                most = math.ceil((allowed + self._calls_ahead()) * self._lanes_per_call)
                await self._put_back(self._hand.drop_youngest(most))
                ripe, unripe = self._hand.calls(clock, allowed)
        starting = [*ripe, *unripe][:allowed]
        lanes = {one.id: one for one in self._hand.drop(one.lane_id for call in starting for one in call.heads())}
        try:
            return await self._start(starting, lanes)
        except BaseException:
            # Still leased; whether the mark was written does not matter, it is written again.
            self._hand.add(lanes.values())
            raise

    def _calls_ahead(self) -> int:
        """Return how many calls' worth of lanes may wait in hand behind those under way."""
        return int(self._delivery.max_in_flight * max(1.0, _HORIZON_SECONDS / self._call_seconds))

    async def _claim(self, limit: int) -> bool:
        """Take due lanes in hand; say whether there were any."""
        lease_end = time.monotonic() + self._options.lease.total_seconds()
        async with self._store.transaction() as conn:
            claimed = await claim(
                conn,
                self._connection,
                limit=limit,
                depth=DEPTH,
                lease=self._options.lease,
                worker=self._options.worker,
            )
            lanes, postponed = self._choose(await self._without_overtaken(conn, claimed) if claimed else [])
            await release(conn, postponed, wait=timedelta(seconds=max(0.2, self._policy.first_delay.total_seconds())))
        now = time.monotonic()
        self._hand.add(LaneInHand(lane, lease_end, now) for lane in lanes)
        if lanes:
            heads = [head_of(lane, self._couriers[lane[0].operation]) for lane in lanes]
            self._lanes_per_call = len(lanes) / len(pack(heads, self._couriers))
        return bool(claimed)

    async def _start(self, starting: Sequence[Packed], lanes: Mapping[int, LaneInHand]) -> list[_Started]:
        """Open what these calls carry, and record that it may leave; what must not go is put back."""
        if not starting:
            return []
        now = datetime.now(UTC)
        async with self._store.unattended() as conn:
            opened, unreadable = await self._open(conn, starting)
            chosen = [parcel.exchange for _, parcels in opened for parcel in parcels]
            marked = await mark_sending(conn, self._connection, chosen, now=now, worker=self._options.worker)
            await release(conn, unreadable, wait=_UNREADABLE_WAIT)
        self._retries.add(
            sum(one.attempts == 1 for call in starting for one in call.heads()) * self._delivery.retry_budget_ratio
        )
        started: list[_Started] = []
        for courier, parcels in opened:
            going = [one for one in parcels if one.exchange.id in marked]
            if going:
                held = {one.exchange.lane_id: lanes[one.exchange.lane_id] for one in going}
                started.append(_Started(courier, going, held))
        if len(marked) < len(chosen):
            going_lanes = {one.lane_id for one in chosen if one.id in marked}
            stopped = {one.lane_id for one in chosen} - going_lanes
            await self._put_back([lanes[one] for one in stopped])
        return started

    async def _put_back(self, lanes: Sequence[LaneInHand]) -> None:
        """Give lanes back that are not sent for now: they are due at once, for whoever may send them."""
        if lanes:
            self._retries.give_back(sum(one.exchanges[0].attempts > 0 for one in lanes))
            async with self._store.transaction() as conn:
                await release(conn, [one.exchanges[0] for one in lanes], wait=timedelta(0))

    async def _open(
        self, conn: AsyncConnection[Any], calls: Sequence[Packed]
    ) -> tuple[list[tuple[Courier, list[Parcel]]], list[ClaimedExchange]]:
        """Open what the calls carry; return them, and what cannot be read: it must not stop the others."""
        parcels: dict[UUID, Parcel] = {}
        for operation, courier in self._couriers.items():
            exchanges = [one for call in calls if call.courier is courier for one in call.exchanges]
            try:
                parcels.update(await courier.prepare(conn, exchanges) if exchanges else {})
            except _UNREADABLE:
                for one in exchanges:
                    try:
                        parcels.update(await courier.prepare(conn, [one]))
                    except _UNREADABLE as error:
                        # Without its trace, which may quote what was read.
                        _log.error(
                            "an exchange cannot be read, it is tried again later",
                            extra={"exchange": str(one.id), "operation": operation, "error": type(error).__name__},
                        )
        unreadable = [one for call in calls for one in call.exchanges if one.id not in parcels]
        lanes = {one.lane_id for one in unreadable}
        opened = [
            (call.courier, [parcels[one.id] for one in call.exchanges if one.lane_id not in lanes]) for call in calls
        ]
        return [call for call in opened if call[1]], unreadable

    async def _without_overtaken(
        self, conn: AsyncConnection[Any], claimed: Sequence[ClaimedExchange]
    ) -> list[ClaimedExchange]:
        """End the exchanges that would set the partner back; their lanes come again at once."""
        now = datetime.now(UTC)
        overtaken = [
            one
            for one in claimed
            if (courier := self._couriers.get(one.operation)) is not None and courier.is_overtaken(one)
        ]
        if not overtaken:
            return list(claimed)
        await end_overtaken(conn, overtaken, now=now, worker=self._options.worker)
        freed = {one.lane_id for one in overtaken}
        self.wake()
        return [one for one in claimed if one.lane_id not in freed]

    def _choose(self, claimed: Sequence[ClaimedExchange]) -> tuple[list[list[ClaimedExchange]], list[ClaimedExchange]]:
        """Return the claimed lanes that may send, and the heads of those whose retry must wait."""
        lanes: dict[int, list[ClaimedExchange]] = {}
        for one in claimed:
            lanes.setdefault(one.lane_id, []).append(one)
        chosen: list[list[ClaimedExchange]] = []
        postponed: list[ClaimedExchange] = []
        clock = time.monotonic()
        for lane in lanes.values():
            courier = self._couriers.get(lane[0].operation)
            if courier is None:
                postponed.append(lane[0])
            elif lane[0].attempts == 0 or self._retries.take_up_to(1, clock):
                chosen.append(lane)
            else:
                postponed.append(lane[0])
        return chosen, postponed

    # --- one call -------------------------------------------------------------------------------------------

    async def _deliver(self, call: _Started) -> None:
        lease_end = min(one.lease_end for one in call.lanes.values())
        began = time.monotonic()
        try:
            finished = await self._sender.attempt(call.courier, call.parcels, lease_end)
        except Exception:  # noqa: BLE001 - whatever it is, the other calls go on
            # The lease brings the lane back; the exchange is then settled by asking.
            _log.exception("delivery failed unexpectedly", extra={"connection": self._connection})
            self._breaker.trial_abandoned()
            return
        self._count(finished)
        self._call_seconds += (max(time.monotonic() - began, 1e-4) - self._call_seconds) / 8
        of_lane: dict[int, list[Finished]] = {}
        for one in finished:
            of_lane.setdefault(one.exchange.lane_id, []).append(one)
        if not self._stopping and len(self._hand) < self._calls_ahead():
            for lane_id, ones in of_lane.items():
                ones[0].goes_on = call.lanes[lane_id].may_go_on(ones, self._couriers)
        renewed = time.monotonic() + self._options.lease.total_seconds()

        def keep(kept: AbstractSet[int]) -> None:
            now = time.monotonic()
            for lane_id in kept:
                call.lanes[lane_id].go_on(of_lane[lane_id], lease_end=renewed, now=now)
                self._hand.add([call.lanes[lane_id]])

        await self._flusher.put([one for ones in of_lane.values() for one in ones], keep)

    def _count(self, finished: Sequence[Finished]) -> None:
        now = datetime.now(UTC)
        for one in finished:
            if one.attempted:
                metrics.attempt(self._connection, one.exchange.operation, one.outcome, one.duration_ms / 1000)
            if not one.state.is_open:
                age = (now - one.exchange.age_from).total_seconds()
                metrics.exchange_ended(self._connection, one.exchange.operation, one.state.value, max(age, 0.0))
