"""Look-ups of people: who asks, for which dossier, and what."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.codes import AgencyCode, DossierCode, TaxCode
from contracts.text import Code, Model, SchemaNote, personal


def parse_address(value: str) -> str:
    """Check an IP address, version 4 or 6."""
    try:
        ip_address(value)
    except ValueError:
        raise PydanticCustomError("ip_address", "not an IP address such as 10.0.0.7") from None
    return value


IpAddress = Annotated[
    str,
    StringConstraints(max_length=45),
    AfterValidator(parse_address),
    SchemaNote("An IP address, version 4 or 6.", example="10.0.0.7"),
]


class Actor(Model):
    """The officer on whose behalf the dossier system calls."""

    account_id: Code
    """The officer's account in the dossier system."""
    unit_code: AgencyCode
    """The officer's unit."""
    ip: IpAddress
    """Where the officer sits."""


class TechnicalIdQuestion(Model):
    """A question for the TechID of the owner of a dossier."""

    actor: Actor
    dossier_code: DossierCode
    """The dossier the answer is for: a look-up serves a dossier."""
    number: TaxCode = personal()
    """The owner's personal number or tax code."""
