"""What the API says about the ledger. The evidence itself is described in `hub.ledger.evidence`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """An answer of the API: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CheckpointView(View):
    """A signed state of the log."""

    size: Annotated[int, Field(description="Leaves it covers.")]
    root: Annotated[Hash, Field(description="Root of their tree, in hexadecimal.")]
    note: Annotated[str, Field(description="The checkpoint as a C2SP signed note, to the byte; it holds the same.")]
    keys: Annotated[tuple[str, ...], Field(description="The keys that signed, as C2SP verifier keys.")]


class ConsistencyView(View):
    """Proof that one tree is the beginning of a later one (RFC 9162, section 2.1.4)."""

    from_size: int
    from_root: Hash
    to_size: int
    to_root: Hash
    path: tuple[Hash, ...]


class EntryView(View):
    """One entry with the proof that it is in the log."""

    content_digest: Annotated[Hash, Field(description="SHA-256 of the content the entry stands for.")]
    index: Annotated[int, Field(description="Place in the log, from 0.")]
    leaf: Annotated[str, Field(description="The leaf, to the byte: canonical JSON.")]
    path: Annotated[tuple[Hash, ...], Field(description="The inclusion proof (RFC 9162, section 2.1.3).")]
    salt: Annotated[
        Hash, Field(description="The leaf's digest is SHA-256 of this and the content's digest, both in binary.")
    ]


class EvidenceView(View):
    """All that the log holds about one exchange. To the byte what `lienthong evidence verify` reads."""

    checkpoint: Annotated[str, Field(description="The signed note the proofs lead to.")]
    entries: tuple[EntryView, ...]
    format: str
    keys: tuple[str, ...]
    subject: str
