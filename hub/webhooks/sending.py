"""Sending one message to one receiver by the rules of Standard Webhooks, within one total time, and nowhere else.

Signed with every secret in force (``webhook-id``, ``webhook-timestamp``, ``webhook-signature``), so that a receiver
can take over a new secret while the old one still holds. Where a message may go is decided by `hub.outgoing.Reach`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import perf_counter

from standardwebhooks import Webhook

from hub.errors import Refusal
from hub.outgoing import AddressNotAllowedError, CertificateError, OutgoingClient, UnreachableError
from hub.reach import Reach

__all__ = ["Outcome", "OutgoingClient", "Reach", "Sent", "send"]

USER_AGENT = "LienThong-Webhook/1"


class Outcome(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    """The receiver answered 2xx."""
    REFUSED = "refused"
    """It answered something else."""
    GONE = "gone"
    """It answered 410: it wants no more messages."""
    REDIRECTED = "redirected"
    """It answered 3xx, which is never followed: a signed message goes to the address that was registered."""
    TIMEOUT = "timeout"
    """No answer within the total time."""
    UNREACHABLE = "unreachable"
    """No connection, or it broke, or what came was no HTTP."""
    CERTIFICATE = "certificate"
    """Its certificate is not trusted."""
    NOT_ALLOWED = "not_allowed"
    """The settings do not allow this address; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How one attempt ended; nothing of the receiver's answer is kept but its status."""

    outcome: Outcome
    status: int | None
    duration_ms: int

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the message."""
        return self.outcome is Outcome.DELIVERED


async def send(
    http: OutgoingClient,
    *,
    url: str,
    secrets: Sequence[bytes],
    id: str,  # noqa: A002 - the word of the standard
    at: datetime,
    body: bytes,
    timeout_seconds: float,
) -> Sent:
    """Post one signed message and say how it ended; raises nothing.

    ``id`` stays the same over all attempts of a message, ``at`` is the moment of this attempt, ``body`` is UTF-8
    JSON. At most ``timeout_seconds`` pass, from the name look-up to the status of the answer.
    """
    began = perf_counter()
    status: int | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            status = await http.post(url, headers=_headers(secrets, id, at, body), body=body)
        outcome = _outcome(status)
    except (Refusal, AddressNotAllowedError):
        outcome = Outcome.NOT_ALLOWED
    except TimeoutError:
        outcome = Outcome.TIMEOUT
    except CertificateError:
        outcome = Outcome.CERTIFICATE
    except UnreachableError:
        outcome = Outcome.UNREACHABLE
    return Sent(outcome, status, round((perf_counter() - began) * 1000))


def _headers(secrets: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, at, text) for secret in secrets]
    return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _outcome(status: int) -> Outcome:
    if status // 100 == 2:  # noqa: PLR2004 - the class of success
        return Outcome.DELIVERED
    if status // 100 == 3:  # noqa: PLR2004
        return Outcome.REDIRECTED
    return Outcome.GONE if status == 410 else Outcome.REFUSED  # noqa: PLR2004
