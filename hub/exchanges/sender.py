"""One call of a worker, from what is in doubt to what became of each parcel."""

from __future__ import annotations

import asyncio
import logging
import time

from contracts.errors import LienThongError, OutcomeUnknown, Rejected, Sentence, Unsupported
from contracts.ports import RepeatClass
from hub.exchanges.attempt import Call, RunnerOptions, timed_out
from hub.exchanges.breaker import Breaker, TokenBucket
from hub.exchanges.completing import Finished
from hub.exchanges.courier import Courier, Parcel, Settlement
from hub.exchanges.facts import ConnectionFacts
from hub.exchanges.reactions import RetryPolicy, Signal, signal_of
from hub.settings import DeliverySettings

_log = logging.getLogger(__name__)

_PACE_SECONDS = 0.02

_UNEXPECTED = Sentence(
    "The adapter failed in an unforeseen way; this is a fault of the hub, see the worker's log.",
    "Bộ tiếp hợp gặp lỗi không lường trước; đây là lỗi của hệ thống liên thông, xem nhật ký tiến trình.",
)


class Sender:
    """Makes the calls of one connection, and tells its breaker how they went."""

    def __init__(
        self,
        connection: str,
        delivery: DeliverySettings,
        options: RunnerOptions,
        *,
        breaker: Breaker,
        rate: TokenBucket | None,
        facts: ConnectionFacts,
    ) -> None:
        self._connection = connection
        self._delivery = delivery
        self._options = options
        self._policy = RetryPolicy.of(delivery)
        self._breaker = breaker
        self._rate = rate
        self._facts = facts

    async def attempt(self, courier: Courier, parcels: list[Parcel], lease_end: float) -> list[Finished]:
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
        stopped: set[int] = set()
        for parcel in parcels:
            if parcel.exchange.lane_id in stopped:
                finished.append(Call(courier, self._policy, self._options.dice).untouched(parcel))
                continue
            await self._pace()
            finished.extend(await self._send(courier, [parcel], lease_end))
            if finished[-1].state.is_open:
                stopped.add(parcel.exchange.lane_id)
        return finished

    def _observe(self, signal: Signal, error: LienThongError | None = None) -> None:
        self._breaker.observe(signal, time.monotonic())
        self._facts.observe(signal, error, self._breaker, time.monotonic())
