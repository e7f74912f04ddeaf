"""Questions of citizens and agencies at the national portal, and the answers to them.

Regulations: an answer within the working days of the province's profile (HD 17.2, YB 17.2: ten; BĐ 11: three).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.codes import AgencyCode
from contracts.text import Line, Model, Moment, Nfc, VisibleNfc, personal


class QuestionOrigin(StrEnum):
    """Which list of the portal a question stands in; it decides how the answer goes back."""

    PORTAL = "portal"
    """Asked on the national portal and sent to us (``LayDanhSachHoiDapGuiTuDVCQG``)."""
    AGENCY = "agency"
    """In the questions and answers of our own ministry or province (``LayDanhSachHoiDapBoCoQuan``)."""


class Question(Model):
    """A question as the portal tells it."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """The portal's own id of it."""
    origin: QuestionOrigin
    agency_code: AgencyCode
    """The agency that is asked; where the portal does not say, the one we call as."""
    title: Annotated[str, StringConstraints(max_length=2000), Nfc] = personal(default="")
    content: Annotated[str, StringConstraints(max_length=50_000), Nfc] = personal(default="")
    """The question itself."""
    asker_name: Annotated[str, StringConstraints(max_length=500), Nfc] = personal(default="")
    asker_email: Annotated[str, StringConstraints(max_length=254), Nfc] = personal(default="")
    asker_phone: Annotated[str, StringConstraints(max_length=50), Nfc] = personal(default="")
    asked_at: Moment | None = None
    """When it was asked; null where the portal does not say."""
    procedure_code: Annotated[str, StringConstraints(max_length=64), Nfc] = ""
    """The procedure it is about, as the portal writes it."""


class AnswerEntry(Model):
    """An answer as the dossier system hands it in."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=50_000), VisibleNfc] = personal()
    """The answer to the citizen."""
    officer_name: Line
    """Who answers; published with the answer."""
    officer_title: Line
    """The office of who answers."""
    answered_at: Moment


class Answer(AnswerEntry):
    """An answer on its way to the portal."""

    question_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """The portal's id of the question."""
    origin: QuestionOrigin
    agency_code: AgencyCode
    """The agency that answers."""


class GivenAnswer(Model):
    """An answer the portal holds, as it tells it."""

    officer_name: Annotated[str, StringConstraints(max_length=500), Nfc] = ""
    officer_title: Annotated[str, StringConstraints(max_length=500), Nfc] = ""
    agency_code: Annotated[str, StringConstraints(max_length=64), Nfc] = ""
    answered_at: Moment | None = None
    content: Annotated[str, StringConstraints(max_length=200_000), Nfc] = personal(default="")
