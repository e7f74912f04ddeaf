"""What an answer of the portal means: by HTTP status, by shape, by ``error_code``; never by searching text.

The portal answers business errors with HTTP 200, writes ``error_code`` sometimes as a number and sometimes
as a text, and says nothing public about most codes. Everything that decides is in the tables of this file
and in the code lists of the settings. Its ``message`` is read by nobody: it may quote a citizen.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, TypeVar

from pydantic import ValidationError

from adapters.national_portal import wire
from adapters.national_portal.settings import NationalPortalSettings
from adapters.transport import answers as shared
from adapters.transport.http import HttpAnswer
from contracts.errors import Malformed, Sentence

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
        raise malformed("error_code")
    return code


# --- shape ------------------------------------------------------------------------------------------------


def read(model: type[Message], content: bytes) -> Message:
    """Return the message in an answer's body; raises `Malformed` for HTML, cut-off JSON and wrong types."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise malformed(shared.place_of(error)) from None


def read_part(model: type[Message], value: Any, place: str) -> Message:
    """Return a message out of an already parsed part of an answer, e.g. ``result``."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise malformed(_join(place, shared.place_of(error))) from None


def read_one(model: type[Message], result: Any, place: str = "result") -> Message | None:
    """Return the one message of a ``result``, an object or a list of one; ``None`` where the list is empty."""
    if isinstance(result, list):
        if not result:
            return None
        if len(result) > 1:
            raise malformed("result")
        result = result[0]
    return read_part(model, result, place)


def rows_of(result: Any) -> tuple[str, list[Any]]:
    """Return the rows of a ``result``, a list or an object whose ``data`` is one, and the place where they stand."""
    place = "result"
    if isinstance(result, dict):
        place, result = "result.data", result.get("data")
    if not isinstance(result, list):
        raise malformed(place)
    return place, result


def malformed(place: str) -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    return shared.malformed(_PARTNER, place)


def _join(place: str, rest: str) -> str:
    return f"{place}.{rest}" if rest else place


# --- HTTP status ------------------------------------------------------------------------------------------

_PARTNER = Sentence("The national portal", "Cổng Dịch vụ công quốc gia")
_WORDS = shared.StatusWords(
    failed=Sentence(
        en="The national portal failed to answer a question; asking again changes nothing.",
        vi="Cổng Dịch vụ công quốc gia không trả lời được yêu cầu tra cứu; hỏi lại không làm thay đổi dữ liệu.",
    ),
    failed_write=Sentence(
        en="The national portal failed while handling a write; it will be asked what it holds before anything is "
        "repeated.",
        vi="Cổng Dịch vụ công quốc gia gặp lỗi khi xử lý; hệ thống sẽ tra cứu lại trước khi gửi lần nữa.",
    ),
    too_many=Sentence(
        en="The national portal or the forward adapter asks us to slow down.",
        vi="Cổng Dịch vụ công quốc gia hoặc trục kết nối yêu cầu giảm tốc độ gửi.",
    ),
    not_read=Sentence(
        en="The national portal or the forward adapter did not wait for our whole request; it was not handled.",
        vi="Cổng Dịch vụ công quốc gia hoặc trục kết nối không nhận hết yêu cầu; yêu cầu chưa được xử lý.",
    ),
    no_entry=Sentence(
        en="The forward adapter or the national portal refuses us entry; check the access rights of this subsystem.",
        vi="Trục kết nối hoặc Cổng Dịch vụ công quốc gia từ chối truy cập; hãy kiểm tra quyền của phân hệ này.",
    ),
    refused=Sentence(
        en="The forward adapter or the national portal does not accept this request.",
        vi="Trục kết nối hoặc Cổng Dịch vụ công quốc gia không chấp nhận yêu cầu này.",
    ),
    wrong_address=Sentence(
        en="Nothing of the national portal answers at this address; check adapter_url, dstcode and the service paths.",
        vi="Địa chỉ này không phải của Cổng Dịch vụ công quốc gia; hãy kiểm tra adapter_url, dstcode và đường dẫn "
        "dịch vụ.",
    ),
)


def check_status(answer: HttpAnswer, *, is_write: bool) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing (see `Codes`)."""
    shared.check_status(answer.status, _WORDS, is_write=is_write)
