"""What an answer of the portal means: by HTTP status, by shape, by ``error_code``; never by searching text.

The portal answers business errors with HTTP 200, writes ``error_code`` sometimes as a number and sometimes
as a text, and says nothing public about most codes. Everything that decides is in the tables of this file
and in the code lists of the settings. Its ``message`` is read by nobody: it may quote a citizen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.national_portal import wire
from adapters.national_portal.settings import NationalPortalSettings
from adapters.transport.http import HttpAnswer
from contracts.errors import LienThongError, Malformed, NeedsPerson, OutcomeUnknown, Rejected, Sentence, TryLater

Message = TypeVar("Message", bound=wire.Received)


# --- error_code -------------------------------------------------------------------------------------------


DONE_CODE = "0"
"""The one ``error_code`` that every public client reads as success."""


class Verdict(Enum):
    """What an ``error_code`` says; what follows from it depends on the service and is the publisher's."""

    DONE = "done"
    SESSION_LOST = "session_lost"
    ALREADY_EXISTS = "already_exists"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    """Every code that no list names: the public facts name no others."""


class Codes:
    """The one table from ``error_code`` to its meaning."""

    def __init__(self, settings: NationalPortalSettings) -> None:
        self._table: dict[str, Verdict] = {
            DONE_CODE: Verdict.DONE,
            **dict.fromkeys(settings.session_error_codes, Verdict.SESSION_LOST),
            **dict.fromkeys(settings.already_exists_codes, Verdict.ALREADY_EXISTS),
            **dict.fromkeys(settings.not_found_codes, Verdict.NOT_FOUND),
        }

    def verdict(self, code: str) -> Verdict:
        """Return the meaning of a code in its normal form."""
        return self._table.get(code, Verdict.REFUSED)


_CODE = re.compile(r"0|-?[1-9][0-9]{0,5}")


def normal_code(value: int | str) -> str:
    """Return an ``error_code`` as text; raises `Malformed` for what is no code, so that no text passes as one."""
    code = str(value)
    if _CODE.fullmatch(code) is None:
        raise Malformed(_not_the_contract("error_code"))
    return code


# --- shape ------------------------------------------------------------------------------------------------


def read(model: type[Message], content: bytes) -> Message:
    """Return the message in an answer's body; raises `Malformed` for HTML, cut-off JSON and wrong types."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise Malformed(_not_the_contract(_place(error))) from error


def read_part(model: type[Message], value: Any, place: str) -> Message:
    """Return a message out of an already parsed part of an answer, e.g. ``result``."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Malformed(_not_the_contract(_join(place, _place(error)))) from error


def malformed(place: str) -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    return Malformed(_not_the_contract(place))


def _place(error: ValidationError) -> str:
    # Only the first place: it is for a person to look up, and its parts are our field names and indices.
    return ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])


def _join(place: str, rest: str) -> str:
    return f"{place}.{rest}" if rest else place


def _not_the_contract(place: str) -> Sentence:
    where, where_vi = (f" at {place}", f" tại {place}") if place else ("", "")
    return Sentence(
        en=f"The national portal's answer is not what its protocol promises{where}.",
        vi=f"Trả lời của Cổng Dịch vụ công quốc gia không đúng giao thức{where_vi}.",
    )


# --- drift ------------------------------------------------------------------------------------------------

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def safe_name(name: str) -> str:
    """Return a field name from outside if it looks like one: it ends in a metric, and could hold anything."""
    return name if _FIELD_NAME.fullmatch(name) else "(unprintable)"


def unknown_fields(message: BaseModel) -> Iterator[str]:
    """Yield the path of every field that our model of the message does not know, lists counted once per item."""
    yield from map(safe_name, message.model_extra or ())
    for name in message.model_fields_set & type(message).model_fields.keys():
        value = getattr(message, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, BaseModel):
                for inner in unknown_fields(part):
                    yield f"{name}.{inner}"


# --- HTTP status ------------------------------------------------------------------------------------------

_TRY_LATER = Sentence(
    en="The national portal failed to answer a question; asking again changes nothing.",
    vi="Cổng Dịch vụ công quốc gia không trả lời được yêu cầu tra cứu; hỏi lại không làm thay đổi dữ liệu.",
)
_UNKNOWN = Sentence(
    en="The national portal failed while handling a write; it will be asked what it holds before anything is repeated.",
    vi="Cổng Dịch vụ công quốc gia gặp lỗi khi xử lý; hệ thống sẽ tra cứu lại trước khi gửi lần nữa.",
)
_TOO_MANY = Sentence(
    en="The national portal or the forward adapter asks us to slow down.",
    vi="Cổng Dịch vụ công quốc gia hoặc trục kết nối yêu cầu giảm tốc độ gửi.",
)
_NOT_READ = Sentence(
    en="The national portal or the forward adapter did not wait for our whole request; it was not handled.",
    vi="Cổng Dịch vụ công quốc gia hoặc trục kết nối không nhận hết yêu cầu; yêu cầu chưa được xử lý.",
)
_NO_ENTRY = Sentence(
    en="The forward adapter or the national portal refuses us entry; check the access rights of this subsystem.",
    vi="Trục kết nối hoặc Cổng Dịch vụ công quốc gia từ chối truy cập; hãy kiểm tra quyền của phân hệ này.",
)
_REFUSED_REQUEST = Sentence(
    en="The forward adapter or the national portal does not accept this request.",
    vi="Trục kết nối hoặc Cổng Dịch vụ công quốc gia không chấp nhận yêu cầu này.",
)
_WRONG_ADDRESS = Sentence(
    en="Nothing of the national portal answers at this address; check adapter_url, dstcode and the service paths.",
    vi="Địa chỉ này không phải của Cổng Dịch vụ công quốc gia; hãy kiểm tra adapter_url, dstcode và đường dẫn dịch vụ.",
)

_REACTION_TO_STATUS: dict[int, tuple[type[LienThongError], Sentence]] = {
    400: (Rejected, _REFUSED_REQUEST),
    401: (NeedsPerson, _NO_ENTRY),
    403: (NeedsPerson, _NO_ENTRY),
    407: (NeedsPerson, _NO_ENTRY),
    408: (TryLater, _NOT_READ),
    413: (Rejected, _REFUSED_REQUEST),
    422: (Rejected, _REFUSED_REQUEST),
    429: (TryLater, _TOO_MANY),
}
"""Every other status below 500 means that something else than the portal answers: a person must look."""


def check_status(answer: HttpAnswer, *, is_write: bool) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing (see `Codes`).

    What the security server says of itself (``X-Road-Error``, ``Retry-After``) was raised by the transport.
    """
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successes; an empty one fails when it is read
        return
    code = f"HTTP {status}"
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        if is_write:
            raise OutcomeUnknown(_UNKNOWN, upstream_code=code)
        raise TryLater(_TRY_LATER, upstream_code=code)
    reaction, sentence = _REACTION_TO_STATUS.get(status, (NeedsPerson, _WRONG_ADDRESS))
    raise reaction(sentence, upstream_code=code)
