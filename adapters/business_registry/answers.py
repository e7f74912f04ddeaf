"""What an answer of the database means: by HTTP status and shape; never by its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from adapters.business_registry import wire
from adapters.transport.http import HttpAnswer
from contracts.errors import LienThongError, Malformed, NeedsPerson, Rejected, Sentence, TryLater

Message = TypeVar("Message", bound=wire.Received)

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


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
        raise malformed(_place(error)) from None


def malformed(place: str) -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    where, where_vi = (f" at {place}", f" tại {place}") if place else ("", "")
    return Malformed(
        Sentence(
            en=f"The business registration database's answer is not what its protocol promises{where}.",
            vi=f"Trả lời của CSDL đăng ký doanh nghiệp không đúng giao thức{where_vi}.",
        )
    )


def unknown_fields(message: BaseModel) -> Iterator[str]:
    """Yield the path of every field that our model of the message does not know."""
    yield from (name if _FIELD_NAME.fullmatch(name) else "(unprintable)" for name in message.model_extra or ())
    # Not `model_fields_set`: what was not sent has a default, which holds nothing, and this is cheaper.
    for name, value in vars(message).items():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, BaseModel) and not isinstance(part, wire.Activity):
                yield from (f"{name}.{inner}" for inner in unknown_fields(part))


def _place(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])


# --- HTTP status ------------------------------------------------------------------------------------------


def check_status(answer: HttpAnswer) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        return
    code = f"HTTP {status}"
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        raise TryLater(_FAILED, upstream_code=code)
    reaction, sentence = _REACTIONS.get(status, (NeedsPerson, _WRONG_ADDRESS))
    raise reaction(sentence, upstream_code=code)


_FAILED = Sentence(
    en="The business registration database failed while answering; asking again changes nothing.",
    vi="CSDL đăng ký doanh nghiệp gặp lỗi khi trả lời; hỏi lại không làm thay đổi dữ liệu.",
)
_NO_ENTRY = Sentence(
    en="The business registration database refuses us entry; check keys and rights of this connection.",
    vi="CSDL đăng ký doanh nghiệp từ chối truy cập; hãy kiểm tra khóa và quyền của kết nối này.",
)
_REFUSED_REQUEST = Sentence(
    en="The business registration database does not accept this question.",
    vi="CSDL đăng ký doanh nghiệp không chấp nhận câu hỏi này.",
)
_TOO_MANY = Sentence(
    en="The business registration database asks us to slow down.",
    vi="CSDL đăng ký doanh nghiệp yêu cầu giảm tốc độ tra cứu.",
)
_WRONG_ADDRESS = Sentence(
    en="Nothing of the business registration database answers at this address; check road, path and category.",
    vi="Địa chỉ này không phải của CSDL đăng ký doanh nghiệp; hãy kiểm tra đường kết nối, path và category.",
)
_REACTIONS: dict[int, tuple[type[LienThongError], Sentence]] = {
    400: (Rejected, _REFUSED_REQUEST),
    401: (NeedsPerson, _NO_ENTRY),
    403: (NeedsPerson, _NO_ENTRY),
    407: (NeedsPerson, _NO_ENTRY),
    408: (TryLater, _TOO_MANY),
    422: (Rejected, _REFUSED_REQUEST),
    429: (TryLater, _TOO_MANY),
}
