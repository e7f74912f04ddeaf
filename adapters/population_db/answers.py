"""What an answer of the population database means: by HTTP status, shape and code; never by its words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from adapters.transport import answers as shared
from adapters.transport.faults_to_errors import Call
from adapters.transport.http import HttpAnswer
from adapters.transport.retry_after import not_now
from adapters.transport.x_road_errors import HEADER as X_ROAD_ERROR
from adapters.transport.x_road_errors import normalised, x_road_error
from contracts.errors import LienThongError, Malformed, NeedsPerson, Rejected, Sentence, TryLater

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_X_ROAD = ("server.clientproxy.", "server.serverproxy.", "signer.")
_X_ROAD_CLIENT = frozenset(
    f"client.{one}"
    for one in (
        *("missing_header", "missing_header_field", "duplicate_header_field", "missing_body", "invalid_body"),
        *("inconsistent_headers", "invalid_xml", "invalid_soap", "missing_soap", "missing_rest"),
        *("invalid_content_type", "invalid_soap_action", "invalid_http_method", "invalid_protocol_version"),
        "invalid_client_identifier",
    )
)
"""X-Road's codes for a wrong message; others refine SOAP's ``Client``, which a provider may do as it likes."""
_SOAP_AUTHENTICATION = "Client.Authentication"
"""SOAP 1.1 §4.4.1 names it itself."""


def malformed(place: str = "") -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    return shared.malformed(_PARTNER, place)


def refused(code: str) -> Rejected:
    """Return the error for a code that says no."""
    return Rejected(_REFUSED, upstream_code=printable(code))


def no_rights(code: str) -> NeedsPerson:
    """Return the error for a code that says that we may not ask."""
    return NeedsPerson(_NO_ENTRY, upstream_code=printable(code))


def printable(code: str) -> str:
    """Return a code that comes from outside, where it is one."""
    return code if _CODE.fullmatch(code) else "unreadable"


def fault(code: str, call: Call, reactions: Mapping[str, str]) -> LienThongError:
    """Return the reaction to the code of a SOAP fault, without its prefix.

    ``reactions`` are those of the deployment and win; then X-Road's codes, in both spellings; then SOAP's own four, as
    they are or refined after a dot. Any other code is a refusal that names it.
    """
    configured = reactions.get(code)
    if configured is not None:
        return _CONFIGURED[configured](_SENTENCES[configured], upstream_code=printable(code))
    if _is_of_x_road(code):
        return x_road_error(code, call)
    if code == _SOAP_AUTHENTICATION:
        return no_rights(code)
    kind = code.partition(".")[0]
    if kind in {"Server", "Receiver"}:
        return TryLater(_FAILED, upstream_code=printable(code))
    if kind in {"VersionMismatch", "MustUnderstand"}:
        return NeedsPerson(_NOT_UNDERSTOOD, upstream_code=printable(code))
    return refused(code)


def is_known_fault(code: str, reactions: Mapping[str, str]) -> bool:
    """Tell whether the code is one of the tables; others are drift."""
    kind = code.partition(".")[0]
    soap = {"Client", "Sender", "Server", "Receiver", "VersionMismatch", "MustUnderstand"}
    return code in reactions or kind in soap or _is_of_x_road(code)


def _is_of_x_road(code: str) -> bool:
    known = normalised(code)
    return known.startswith(_X_ROAD) or known in _X_ROAD_CLIENT


def check_road(answer: HttpAnswer, call: Call) -> None:
    """Raise what a security server or a gateway on the way says of itself."""
    code = answer.headers.get(X_ROAD_ERROR)
    if code is not None:
        raise x_road_error(code, call)
    later = not_now(answer.status, answer.headers, call)
    if later is not None:
        raise later


def check_status(status: int) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing. A question changes nothing."""
    shared.check_status(status, _WORDS)


_PARTNER = Sentence("The population database", "Cơ sở dữ liệu quốc gia về dân cư")
_FAILED = Sentence(
    en="The population database failed while answering a question; asking again changes nothing.",
    vi="Cơ sở dữ liệu quốc gia về dân cư gặp lỗi khi trả lời; hỏi lại không làm thay đổi dữ liệu.",
)
_REFUSED = Sentence(
    en="The population database understood the question and refused it; ask its operator what the code means.",
    vi="Cơ sở dữ liệu quốc gia về dân cư hiểu nhưng từ chối yêu cầu; hãy hỏi đơn vị vận hành về ý nghĩa của mã lỗi.",
)
_NO_ENTRY = Sentence(
    en="The population database or the gateway before it refuses us entry; check this connection's account and rights.",
    vi="Cơ sở dữ liệu quốc gia về dân cư hoặc cổng kết nối từ chối truy cập; hãy kiểm tra tài khoản và quyền kết nối.",
)
_NOT_UNDERSTOOD = Sentence(
    en="The population database expects another version of the message; compare it with its operator.",
    vi="Cơ sở dữ liệu quốc gia về dân cư dùng phiên bản thông điệp khác; hãy đối chiếu với đơn vị vận hành.",
)
_TOO_MANY = Sentence(
    en="The population database or the gateway before it asks us to slow down.",
    vi="Cơ sở dữ liệu quốc gia về dân cư hoặc cổng kết nối yêu cầu giảm tốc độ gửi.",
)
_WRONG_ADDRESS = Sentence(
    en="Nothing of the population database answers at this address; check the address and path of this connection.",
    vi="Địa chỉ này không phải của Cơ sở dữ liệu quốc gia về dân cư; hãy kiểm tra địa chỉ và đường dẫn của kết nối.",
)
_WORDS = shared.StatusWords(
    failed=_FAILED, no_entry=_NO_ENTRY, refused=_REFUSED, too_many=_TOO_MANY, wrong_address=_WRONG_ADDRESS
)
_CONFIGURED: dict[str, type[LienThongError]] = {
    "try_later": TryLater,
    "needs_person": NeedsPerson,
    "rejected": Rejected,
}
_SENTENCES = {"try_later": _FAILED, "needs_person": _NO_ENTRY, "rejected": _REFUSED}
