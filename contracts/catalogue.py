"""The national catalogue: procedures with all their details, and the agencies, fields and services around them.

All of it is public and none of it is written by us, so texts are long and their form is the publisher's; they are
only brought into Unicode normal form. Source: the national database of procedures as the portal hands it on (wire
facts §2.7). A procedure is known by the root of its code (`contracts.codes`), because suffixes come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.codes import is_procedure_code, procedure_root
from contracts.dossier import Channel
from contracts.text import Model

Published = Annotated[str, StringConstraints(max_length=200_000)]
"""A text as it is published; empty where nothing is."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""A code as it is published; it need not be of any form."""


class EntryKind(StrEnum):
    """What the catalogue consists of."""

    PROCEDURE = "procedure"
    AGENCY = "agency"
    FIELD = "field"
    SERVICE = "service"


class CatalogueFee(Model):
    """A fee or charge of one way of doing it."""

    code: Published = ""
    amount: Published = ""
    """As published: usually whole đồng, sometimes a phrase."""
    unit: Published = ""
    note: Published = ""


class ProcessingTime(Model):
    """How long it takes, and what it costs."""

    duration: Published = ""
    """The number, as published."""
    unit: Published = ""
    """Of what the duration is a number, e.g. working days, in the publisher's words."""
    note: Published = ""
    fees: tuple[CatalogueFee, ...] = ()


class SubmissionWay(Model):
    """One way of handing the dossier in."""

    channel: Channel | None = None
    """Direct, online or by post; null where the catalogue says none of the three."""
    times: tuple[ProcessingTime, ...] = ()


class StepsOfCase(Model):
    """The order of steps in one case."""

    case: Published = ""
    steps: tuple[Published, ...] = ()


class CataloguePaper(Model):
    """A paper to be handed in; its code is what a dossier's component names."""

    code: Published = ""
    name: Published = ""
    form_name: Published = ""
    """The published form to be filled in, where there is one."""
    form_url: Published = ""


class PapersOfCase(Model):
    """What is to be handed in, in one case."""

    case: Published = ""
    papers: tuple[CataloguePaper, ...] = ()


class CatalogueResult(Model):
    """What the procedure ends with; its code is what the score wants with every result."""

    code: Published = ""
    name: Published = ""


class LegalBasis(Model):
    """A legal document the procedure rests on."""

    number: Published = ""
    name: Published = ""


class NamedCode(Model):
    """A code with its published name: a field of procedures, an agency that carries them out."""

    code: Published = ""
    name: Published = ""


class CatalogueProcedure(Model):
    """A procedure with everything the national database says of it."""

    code: Key
    name: Published
    public: bool | None = None
    """Whether it is in force for citizens; null where the catalogue does not say."""
    publisher: Published = ""
    """Code of the agency that announced it."""
    fields: tuple[NamedCode, ...] = ()
    ways: tuple[SubmissionWay, ...] = ()
    steps: tuple[StepsOfCase, ...] = ()
    papers: tuple[PapersOfCase, ...] = ()
    results: tuple[CatalogueResult, ...] = ()
    requirements: Published = ""
    subjects: tuple[Published, ...] = ()
    """Who may ask for it."""
    subjects_note: Published = ""
    legal_bases: tuple[LegalBasis, ...] = ()
    agencies: tuple[NamedCode, ...] = ()
    """Who carries it out."""

    @property
    def key(self) -> str:
        """The root where the code is national; else the code itself, which is a local one."""
        return procedure_root(self.code) if is_procedure_code(self.code) else self.code


class CatalogueAgency(Model):
    """An agency as the portal lists it."""

    code: Key
    name: Published
    level: Published = ""

    @property
    def key(self) -> str:
        """Its code."""
        return self.code


class CatalogueField(Model):
    """A field (lĩnh vực) of procedures."""

    code: Key
    name: Published
    sector: Published = ""
    """Code of the sector (ngành) it belongs to."""

    @property
    def key(self) -> str:
        """Its code."""
        return self.code


class CatalogueService(Model):
    """A public service (dịch vụ công) that is offered online for a procedure."""

    code: Key
    name: Published
    procedure_code: Published = ""
    procedure_name: Published = ""
    issuing_agency: Published = ""
    field_name: Published = ""
    applied_by: tuple[Published, ...] = ()
    """Where it is applied: texts as they are, anything else as JSON."""

    @property
    def key(self) -> str:
        """Its code."""
        return self.code


CatalogueEntry = CatalogueProcedure | CatalogueAgency | CatalogueField | CatalogueService

MODELS: dict[EntryKind, type[CatalogueEntry]] = {
    EntryKind.PROCEDURE: CatalogueProcedure,
    EntryKind.AGENCY: CatalogueAgency,
    EntryKind.FIELD: CatalogueField,
    EntryKind.SERVICE: CatalogueService,
}
"""The model of each kind."""


@dataclass(frozen=True, slots=True)
class CatalogueLists:
    """The lists of a catalogue as they came in one go: procedures without their details."""

    procedures: Sequence[CatalogueProcedure]
    agencies: Sequence[CatalogueAgency]
    fields: Sequence[CatalogueField]
    services: Sequence[CatalogueService]
    missing: frozenset[EntryKind] = field(default_factory=frozenset)
    """Lists that did not come; nothing can be concluded of what stands in them."""
