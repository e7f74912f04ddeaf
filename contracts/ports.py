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
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from contracts.catalogue import CatalogueLists, CatalogueProcedure
from contracts.document_store import FoundPapers, PaperQuery, ResultPaperEntry
from contracts.dossier import Dossier, Procedure, Step
from contracts.errors import Sentence
from contracts.questions import Answer, GivenAnswer, Question
from contracts.ratings import MonthlyRating
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
    """Whether a call may carry several exchanges of one lane (one dossier), in their order."""
    batch_across_lanes: bool = True
    """Whether a call may carry exchanges of several lanes. What is in doubt is always sent, and asked about, alone."""


@dataclass(frozen=True, slots=True)
class DossierPush:
    """A dossier to be published as of its revision."""

    exchange_id: str
    dossier: Dossier
    known_there: bool
    """Whether an earlier exchange proved that the partner holds this dossier."""
    tried_before: bool = True
    """Whether an earlier message about this dossier may still be under way; false only where none was ever sent."""


@dataclass(frozen=True, slots=True)
class StepPush:
    """One step to be published; the pushes of one dossier in a call are in order."""

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
    """Further canonical facts by their names in `contracts.comparison`, as far as the partner tells them."""


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
        """Append these steps at the partner, all or an error for all; in each dossier in the order given."""
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
class CatalogueSource(Protocol):
    """Publishes the national catalogue: procedures with their details, agencies, fields, services."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``list_catalogue`` and ``read_procedure`` (both safe)."""
        ...

    async def list_catalogue(self) -> CatalogueLists:
        """Return the lists; the one of procedures comes or the call fails, others may be missing."""
        ...

    async def read_procedure(self, code: str) -> CatalogueProcedure | None:
        """Return a procedure with its details; ``None`` is the answer that there is none of this root."""
        ...


@runtime_checkable
class TechnicalIds(Protocol):
    """Knows the technical id (TechID) that stands for the owner of a dossier at the portal."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``find_technical_ids`` (safe)."""
        ...

    async def find_technical_ids(self, number: str) -> Sequence[str]:
        """Return the technical ids of a personal number or tax code; none where it has no account."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerPush:
    """An answer to be published."""

    exchange_id: str
    answer: Answer


@runtime_checkable
class QuestionDesk(Protocol):
    """Gives the questions that wait for us, and takes the answers."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``list_questions`` (safe), ``push_answer`` (reconcile first), ``list_answers`` (safe)."""
        ...

    async def list_questions(self) -> Sequence[Question]:
        """Return all questions the partner shows us, each id once for every content it was told with."""
        ...

    async def push_answer(self, push: AnswerPush) -> CallReport:
        """Hand in an answer."""
        ...

    async def list_answers(self, question_id: str) -> Sequence[GivenAnswer]:
        """Return the answers the partner holds for a question: to know an answered one, to settle a doubt."""
        ...


@dataclass(frozen=True, slots=True)
class RatingPush:
    """A rating of one month to be published."""

    exchange_id: str
    rating: MonthlyRating


@runtime_checkable
class RatingPublisher(Protocol):
    """Takes the monthly satisfaction of citizens."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``push_rating``: idempotent where the partner keeps one rating per month and procedure, else never."""
        ...

    async def push_rating(self, push: RatingPush) -> CallReport:
        """Publish a rating, in place of what the partner had for the month and procedure."""
        ...


@dataclass(frozen=True, slots=True)
class ResultPaperPush:
    """A result paper to be handed in."""

    exchange_id: str
    paper: ResultPaperEntry


@runtime_checkable
class PersonalDocumentStore(Protocol):
    """Holds the papers of citizens and organisations; who asks is always an officer."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """``find_papers``, ``fetch_file`` (safe), ``push_result_paper`` (reconcile first)."""
        ...

    async def find_papers(self, query: PaperQuery) -> FoundPapers:
        """Return the papers the store gives."""
        ...

    async def fetch_file(self, owner_agency: str, location: str) -> bytes:
        """Return the bytes of a file that `find_papers` named."""
        ...

    async def push_result_paper(self, push: ResultPaperPush) -> CallReport:
        """Hand in a result paper for its owner."""
        ...

    async def has_result_paper(self, paper: ResultPaperEntry) -> bool:
        """Ask, as the officer who handed it in, whether the store holds this paper."""
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
    """ASGI application with paths of its own: ``/`` is a page, ``/state`` what it received (``counts``: ``service``,
    ``code``, ``calls``), ``/faults`` takes GET, POST (``kind``, ``operation``, ``share``, ``count``,
    ``duration_seconds``, ``seconds``, ``when``: ``before`` or ``after`` it acts) and DELETE, ``/reset`` takes POST.
    Where dossiers are published, ``/dossiers/{code}`` tells what it holds: ``dossier`` and ``step_list`` in its own
    words, ``creates``. A partner that calls us takes POST ``/inbound_target`` (``url``, ``secret``) and ``/calls/…``,
    which make it call. Others of its own may follow, as ``/seed``."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files a connection speaks TLS with; ``None`` where the system's own, or none, is used."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    """Our client certificate and its chain."""
    key_file: Path | None = None


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
    tls: Callable[[Any], TlsFiles] | None = None
    """Returns the files with which a connection with these settings speaks TLS, for the same checks."""
