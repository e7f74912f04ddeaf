"""The worker's loop for one connection: claim lanes, send, react, record.

Nothing leaves before its claim is durable, and nothing is forgotten when the process ends between any two
instructions: a lease that runs out brings the lane back, and an exchange found in ``sending`` is settled by
asking before it is repeated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from contracts.errors import LienThongError, OutcomeUnknown, Rejected, Sentence, Unsupported
from contracts.ports import RepeatClass
from hub.exchanges.attempt import LEASE_MARGIN, Call, RunnerOptions, timed_out
from hub.exchanges.breaker import Breaker, BreakerState, TokenBucket
from hub.exchanges.claims import (
    ClaimedExchange,
    Finished,
    claim,
    end_overtaken,
    mark_sending,
    release,
    seconds_until_due,
)
from hub.exchanges.courier import Courier, Parcel, Settlement
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.flusher import Flusher
from hub.exchanges.packing import DEPTH, Packed, head_of, pack
from hub.exchanges.reactions import RetryPolicy, Signal, signal_of
from hub.health import metrics
from hub.settings import DeliverySettings
from hub.store.engine import Store
from hub.store.errors import SealError, StoreUnavailable

_log = logging.getLogger(__name__)

_PACE_SECONDS = 0.02

_UNREADABLE = (SealError, ValueError, LookupError)
"""What opening a damaged record raises."""

_UNREADABLE_WAIT = timedelta(minutes=5)
"""A record that cannot be read is tried again: the key that opens it may come."""

_UNEXPECTED = Sentence(
    "The adapter failed in an unforeseen way; this is a fault of the hub, see the worker's log.",
    "Bộ tiếp hợp gặp lỗi không lường trước; đây là lỗi của hệ thống liên thông, xem nhật ký tiến trình.",
)


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
        shareable = (one.operation.batch for one in couriers.values() if not one.operation.batch_within_lane)
        self._lanes_per_call = float(max(shareable, default=1))
        self._wake = asyncio.Event()
        self._flusher = Flusher(store, worker=options.worker, beside=facts.write, after=self.wake)
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = False
        longest = max((courier.operation.deadline_seconds for courier in couriers.values()), default=0.0)
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
        # Waiting for a quarter of the places keeps claims large when work is plenty.
        if free < max(1, self._delivery.max_in_flight // 4):
            return self._options.poll_seconds
        clock = time.monotonic()
        granted = self._breaker.allowance(clock, free)
        allowed = granted if self._rate is None else self._rate.take_up_to(granted, clock)
        calls: list[tuple[Courier, list[Parcel]]] = []
        try:
            if allowed:
                calls = await self._claim(allowed)
        finally:
            if self._rate is not None:
                self._rate.give_back(allowed - len(calls))
            if granted and not calls:
                self._breaker.trial_abandoned()
        if not allowed:
            return self._blocked_for(clock)
        if not calls:
            return await self._until_next_due()
        deadline = clock + self._options.lease.total_seconds()
        for courier, parcels in calls:
            task = asyncio.create_task(self._deliver(courier, parcels, deadline))
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

    async def _claim(self, allowed: int) -> list[tuple[Courier, list[Parcel]]]:
        # A claim may find lanes that need a call each, so it learns from the one before how many lanes to take.
        limit = min(self._options.claim_batch, int(allowed * self._lanes_per_call))
        if self._breaker.state is BreakerState.HALF_OPEN:
            limit = 1
        now = datetime.now(UTC)
        async with self._store.transaction() as conn:
            claimed = await claim(
                conn,
                self._connection,
                limit=limit,
                depth=DEPTH,
                lease=self._options.lease,
                worker=self._options.worker,
            )
            if not claimed:
                return []
            heads, postponed = self._choose(await self._without_overtaken(conn, claimed))
            packed = pack(heads, self._couriers)
            if packed:
                self._lanes_per_call = len(heads) / len(packed)
            starting, excess = packed[:allowed], packed[allowed:]
            calls, unreadable = await self._open(conn, starting)
            chosen = [parcel.exchange for _, parcels in calls for parcel in parcels]
            if chosen:
                await mark_sending(conn, chosen, now=now, worker=self._options.worker)
            await release(conn, postponed, wait=timedelta(seconds=max(0.2, self._policy.first_delay.total_seconds())))
            await release(conn, unreadable, wait=_UNREADABLE_WAIT)
            await release(conn, [one for call in excess for one in call.heads()], wait=timedelta(0))
        self._retries.give_back(sum(one.attempts > 0 for call in excess for one in call.heads()))
        first_attempts = sum(one.attempts == 1 for call in starting for one in call.heads())
        self._retries.add(first_attempts * self._delivery.retry_budget_ratio)
        return calls

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
        """Choose what each lane sends now; return those heads and the lanes whose retry must wait."""
        lanes: dict[int, list[ClaimedExchange]] = {}
        for one in claimed:
            lanes.setdefault(one.lane_id, []).append(one)
        heads: list[list[ClaimedExchange]] = []
        postponed: list[ClaimedExchange] = []
        clock = time.monotonic()
        for lane in lanes.values():
            courier = self._couriers.get(lane[0].operation)
            if courier is None:
                postponed.append(lane[0])
            elif lane[0].attempts == 0 or self._retries.take_up_to(1, clock):
                heads.append(head_of(lane, courier))
            else:
                postponed.append(lane[0])
        return heads, postponed

    # --- one call -------------------------------------------------------------------------------------------

    async def _deliver(self, courier: Courier, parcels: list[Parcel], lease_end: float) -> None:
        try:
            finished = await self._attempt(courier, parcels, lease_end)
        except Exception:  # noqa: BLE001 - whatever it is, the other calls go on
            # The lease brings the lane back; the exchange is then settled by asking.
            _log.exception("delivery failed unexpectedly", extra={"connection": self._connection})
            self._breaker.trial_abandoned()
            return
        for one in finished:
            if one.attempted:
                metrics.attempt(self._connection, one.exchange.operation, one.outcome, one.duration_ms / 1000)
            if not one.state.is_open:
                age = (datetime.now(UTC) - one.exchange.age_from).total_seconds()
                metrics.exchange_ended(self._connection, one.exchange.operation, one.state.value, max(age, 0.0))
        await self._flusher.put(finished)

    async def _attempt(self, courier: Courier, parcels: list[Parcel], lease_end: float) -> list[Finished]:
        """Settle what is in doubt, send the rest, and say what became of each parcel."""
        finished: list[Finished] = []
        doubtful = [one for one in parcels if one.exchange.may_have_left]
        if doubtful and courier.operation.repeat in {RepeatClass.RECONCILE_FIRST, RepeatClass.NEVER}:
            settled, parcels = await self._settle(courier, parcels, lease_end)
            finished.extend(settled)
            if parcels:
                await self._pace()
        if not parcels:
            return finished
        return [*finished, *await self._send(courier, parcels, lease_end)]

    async def _pace(self) -> None:
        """Wait for the rate: what began as one call and becomes several pays for each."""
        while self._rate is not None and not self._rate.take_up_to(1, time.monotonic()):  # noqa: ASYNC110 - time fills it
            await asyncio.sleep(_PACE_SECONDS)

    async def _settle(
        self, courier: Courier, parcels: list[Parcel], lease_end: float
    ) -> tuple[list[Finished], list[Parcel]]:
        """Ask the partner about parcels that may have arrived; return what is decided and what is to be sent."""
        call = Call(courier, self._policy, self._options.dice)
        if not call.fits(lease_end):
            self._observe(Signal.SILENT)
            return [call.untouched(one) for one in parcels], []
        if courier.operation.repeat is RepeatClass.NEVER:
            # Nobody was asked, so nothing is known of the partner either.
            self._observe(Signal.SILENT)
            return [call.undecided(parcels[0]), *(call.untouched(one) for one in parcels[1:])], []
        try:
            async with asyncio.timeout(courier.operation.deadline_seconds):
                settlements = await courier.settle(parcels)
        except TimeoutError:
            unanswered: LienThongError = OutcomeUnknown(timed_out(courier.operation.deadline_seconds))
            self._observe(signal_of(unanswered), unanswered)
            return [call.failed(one, unanswered) for one in parcels], []
        except LienThongError as error:
            # The question failed; the exchange stays in doubt and is asked about again later.
            self._observe(signal_of(error), error)
            doubt = OutcomeUnknown(error.sentence, upstream_code=error.upstream_code)
            return [call.failed(one, doubt) for one in parcels], []
        finished: list[Finished] = []
        for index, (parcel, settlement) in enumerate(zip(parcels, settlements, strict=True)):
            if settlement is Settlement.APPLIED:
                finished.append(call.delivered(parcel))
            elif settlement is Settlement.NOT_APPLIED or self._delivery.unsettled == "resend":
                # Later parcels follow this one: what is already there beyond a gap is for the next round.
                rest = [
                    one
                    for one, other in zip(parcels[index:], settlements[index:], strict=True)
                    if other is not Settlement.APPLIED
                ]
                finished.extend(
                    call.delivered(one)
                    for one, other in zip(parcels[index:], settlements[index:], strict=True)
                    if other is Settlement.APPLIED
                )
                self._observe(Signal.ALIVE)
                return finished, rest
            else:
                finished.append(call.undecided(parcel))
                finished.extend(call.untouched(one) for one in parcels[index + 1 :])
                break
        self._observe(Signal.ALIVE)
        return finished, []

    async def _send(self, courier: Courier, parcels: list[Parcel], lease_end: float) -> list[Finished]:
        call = Call(courier, self._policy, self._options.dice)
        if not call.fits(lease_end):
            self._observe(Signal.SILENT)
            return [call.untouched(one) for one in parcels]
        try:
            async with asyncio.timeout(courier.operation.deadline_seconds):
                report = await courier.send(parcels)
        except TimeoutError:
            error: LienThongError = OutcomeUnknown(timed_out(courier.operation.deadline_seconds))
        except (Rejected, Unsupported) as refusal:
            if len(parcels) > 1:
                return await self._send_singly(courier, parcels, lease_end)
            error = refusal
        except LienThongError as known:
            error = known
        except Exception:  # noqa: BLE001 - an adapter may be anybody's
            _log.exception("adapter raised something else than a reaction", extra={"connection": self._connection})
            error = OutcomeUnknown(_UNEXPECTED, upstream_code="hub_fault")
        else:
            self._observe(Signal.ALIVE)
            return [call.delivered(one, report) for one in parcels]
        self._observe(signal_of(error), error)
        return [call.failed(one, error) for one in parcels]

    async def _send_singly(self, courier: Courier, parcels: list[Parcel], lease_end: float) -> list[Finished]:
        """Find the one that was refused; in a lane, stop at the first that did not come to an end."""
        finished: list[Finished] = []
        for index, parcel in enumerate(parcels):
            await self._pace()
            finished.extend(await self._send(courier, [parcel], lease_end))
            if courier.operation.batch_within_lane and finished[-1].state.is_open:
                call = Call(courier, self._policy, self._options.dice)
                finished.extend(call.untouched(one) for one in parcels[index + 1 :])
                break
        return finished

    def _observe(self, signal: Signal, error: LienThongError | None = None) -> None:
        self._breaker.observe(signal, time.monotonic())
        self._facts.observe(signal, error, self._breaker, time.monotonic())
