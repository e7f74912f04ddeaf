"""The doors between the hub and the adapters: one protocol per capability, few methods each.

The hub calls an adapter only through these; an adapter never calls the hub except through what its
`AdapterContext` hands it. Every operation declares its repeat class, and retry, replay and console obey it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from contracts.dossier import Dossier, Procedure, Step
from contracts.errors import Sentence
from contracts.states import DossierState


class RepeatClass(StrEnum):
    """What may be done when it is not known whether an operation happened."""

    SAFE = "safe"
    """A question: repeat at will."""
    IDEMPOTENT = "idempotent"
    """The partner honours a key, or the adapter asks first: repeating changes nothing."""
    RECONCILE_FIRST = "reconcile_first"
    """Ask the partner what happened before repeating."""
    NEVER = "never"
    """A person decides."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a port can do on one connection, with what the hub must know to deliver it."""

    name: str
    repeat: RepeatClass
    deadline_seconds: float
    """Upper bound of one call, everything included; the lease of a worker is longer than this."""
    batch: int = 1
    """How many exchanges one call may carry."""
    batch_within_lane: bool = False
    """Whether the exchanges of one call must be of one lane (one dossier)."""


@dataclass(frozen=True, slots=True)
class DossierPush:
    """A dossier to be published as of its revision."""

    exchange_id: str
    dossier: Dossier
    known_there: bool
    """Whether an earlier exchange proved that the partner holds this dossier."""


@dataclass(frozen=True, slots=True)
class StepPush:
    """One step to be published; pushes of one call are of one dossier and in order."""

    exchange_id: str
    dossier_code: str
    step: Step


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one successful call weighed and how the partner coded its yes; recorded with the attempt."""

    request_bytes: int
    answer_bytes: int
    upstream_code: str = ""


@dataclass(frozen=True, slots=True)
class PartnerDossier:
    """What the partner says it holds."""

    code: str
    state: DossierState
    step_fingerprints: tuple[str, ...] | None
    """One fingerprint per step, in their order; ``None`` where the partner does not list steps."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further canonical facts by name, as far as the partner tells them."""


@runtime_checkable
class DossierPublisher(Protocol):
    """Publishes dossiers and their steps at a system that follows them."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``push_dossier`` (idempotent), ``push_step`` (reconcile first), ``find_dossier`` (safe)."""
        ...

    async def push_dossiers(self, pushes: Sequence[DossierPush]) -> CallReport:
        """Create or replace these dossiers at the partner, all or an error for all.

        Where ``known_there`` is false the adapter asks the partner first; "already exists" is never guessed.
        Raises any error of `contracts.errors`.
        """
        ...

    async def push_steps(self, pushes: Sequence[StepPush]) -> CallReport:
        """Append these steps at the partner, all or an error for all."""
        ...

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        """Return what the partner holds; ``None`` is its answer "not found", not a failure to ask."""
        ...

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        """Return what `find_dossier` would list for this step, to settle an unknown outcome."""
        ...


@runtime_checkable
class ProcedureCatalogue(Protocol):
    """Knows the administrative procedures."""

    async def list_procedures(self) -> Sequence[Procedure]:
        """Return all procedures the partner publishes for this agency."""
        ...


@runtime_checkable
class Connection(Protocol):
    """An adapter configured for this deployment. Constructing it has no side effects."""

    async def aclose(self) -> None:
        """Release everything; also works after a failed start."""
        ...


@dataclass(frozen=True, slots=True)
class SharedSession:
    """A session at a partner, shared by all workers. ``generation`` grows with every login."""

    token: str
    generation: int
    obtained_at: datetime


class SessionStore(Protocol):
    """Keeps one session per connection for all workers, so that one expiry costs one login."""

    async def current(self) -> SharedSession | None:
        """Return the session in use, if there is one."""
        ...

    async def renew(self, stale: SharedSession | None, login: Callable[[], Awaitable[str]]) -> SharedSession:
        """Return a session newer than ``stale``.

        Only one worker at a time runs ``login``; one that waited gets what the other obtained.
        """
        ...


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What the hub hands an adapter when it opens a connection."""

    connection_id: str
    sessions: SessionStore
    report_drift: Callable[[str, str], None]
    """Called with (message, field) for every field of an answer that the contract does not know."""
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SimulatorContext:
    """What the sandbox hands a simulator: its own random seed and the settings of the connection it plays."""

    settings: BaseModel
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SandboxContext:
    """What the sandbox hands an adapter whose partner it is to play on this machine."""

    connection_id: str
    """The connection that will talk to the played partner; faults name it."""
    configured: Mapping[str, Any]
    """The adapter's own keys as this deployment has them, unchecked and perhaps incomplete: the partner is played
    as they describe it, except where it is reached and who may log in."""
    secret: str
    """What the played partner demands as a password or key; never one of the deployment's own."""
    port: int = 0
    """Where the partner is to be reached on loopback; 0 takes a free port."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PlayedPartner:
    """A partner at work on loopback, behind the road on which it is reached and the faults of its wire."""

    address: str
    """The base address of the road to it, without a slash at its end."""
    port: int
    settings: BaseModel
    """The settings with which a connection reaches it."""
    control: Any
    """ASGI application with paths of its own: ``/`` is a page, ``/state`` what it received, ``/faults`` takes GET,
    POST (``kind``, ``operation``, ``share``, ``count``, ``duration_seconds``, ``seconds``) and DELETE."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """All the hub needs to know of an adapter; what its package exports as ``ADAPTER``."""

    name: str
    title: Sentence
    settings: type[BaseModel]
    """Strict settings class: unknown keys are errors, every field is described."""
    connect: Callable[[AdapterContext, Any], Connection]
    simulator: Callable[[SimulatorContext], Any] | None = None
    """Builds the ASGI application that plays the partner on the same wire."""
    sandbox: Callable[[SandboxContext], AbstractAsyncContextManager[PlayedPartner]] | None = None
    """Plays the partner on loopback while its context is open: the simulator, the road to it, faults of the wire."""
    addresses: Callable[[Any], Sequence[str]] | None = None
    """Returns the addresses (URLs) that a connection with these settings calls, for checks of name, port and TLS."""
