"""What an answer of the database means: by HTTP status and shape; never by its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from adapters.business_registry import wire
from adapters.transport import answers as shared
from adapters.transport.http import HttpAnswer
from contracts.errors import Malformed, Sentence

Message = TypeVar("Message", bound=wire.Received)


def read(model: type[Message], content: bytes, drift: Callable[[str], None]) -> Message:
    """Return the message in an answer's body; that it came as JSON within a JSON text is told to ``drift``.

    Raises `Malformed` for HTML, cut-off JSON and wrong types.
    """
    if content[:1] == b'"':
        # A façade that packs the answer once more. Once is enough: a text within a text is refused below.
        try:
            content = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise malformed("") from None
        drift("(text)")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise malformed(shared.place_of(error)) from None


def malformed(place: str) -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    return shared.malformed(_PARTNER, place)


def unknown_fields(message: BaseModel) -> Iterator[str]:
    """Yield the path of every field that our model of the message does not know."""
    return shared.unknown_fields(message, foreign=(wire.Activity,))


def check_status(answer: HttpAnswer) -> None:
    """Raise the reaction to a status that is no success; a question changes nothing."""
    shared.check_status(answer.status, _WORDS)


_PARTNER = Sentence("The business registration database", "CSDL đăng ký doanh nghiệp")
_WORDS = shared.StatusWords(
    failed=Sentence(
        en="The business registration database failed while answering; asking again changes nothing.",
        vi="CSDL đăng ký doanh nghiệp gặp lỗi khi trả lời; hỏi lại không làm thay đổi dữ liệu.",
    ),
    no_entry=Sentence(
        en="The business registration database refuses us entry; check keys and rights of this connection.",
        vi="CSDL đăng ký doanh nghiệp từ chối truy cập; hãy kiểm tra khóa và quyền của kết nối này.",
    ),
    refused=Sentence(
        en="The business registration database does not accept this question.",
        vi="CSDL đăng ký doanh nghiệp không chấp nhận câu hỏi này.",
    ),
    too_many=Sentence(
        en="The business registration database asks us to slow down.",
        vi="CSDL đăng ký doanh nghiệp yêu cầu giảm tốc độ tra cứu.",
    ),
    wrong_address=Sentence(
        en="Nothing of the business registration database answers at this address; check road, path and category.",
        vi="Địa chỉ này không phải của CSDL đăng ký doanh nghiệp; hãy kiểm tra đường kết nối, path và category.",
    ),
)
