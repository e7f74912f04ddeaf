"""The one table that turns a library's exceptions into the hub's reactions.

Two steps, because libraries may be handed an httpx client over our wire. `from_wire` gives every exception of the
wire its precise httpx exception; `to_error` gives every httpx exception its reaction. Both tables name every class
there is, and a test fails when a library, or the wire itself, grows one that is not named here.

What decides between "try again" and "ask first" is whether the request left us. That is never concluded
from the class of an exception: the transport notes how far each call came (`Progress`), and a call counts
as not sent only when the note proves it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypeVar

import httptools
import httpx

from adapters.transport.wire_errors import (
    AddressError,
    AnswerError,
    AnswerTooLongError,
    ConnectionEndedError,
    UnsendableError,
    WireError,
)
from contracts.errors import (
    LienThongError,
    Malformed,
    NeedsPerson,
    OutcomeUnknown,
    Sentence,
    TryLater,
    Unsupported,
)

_Row = TypeVar("_Row")

# --- how far a call came ---------------------------------------------------------------------------------


class Stage(Enum):
    """How far a call came."""

    UNKNOWN = 0
    """Nobody noted anything (another transport, a mock): must be read as "may have been sent"."""
    CONNECTING = 1
    """No byte of the request was written: no connection yet, or one that was closed in time."""
    SENT = 2
    """The first byte was handed to an open connection: the request may have arrived."""


class Progress:
    """The note the transport keeps for one call."""

    __slots__ = ("stage",)

    def __init__(self) -> None:
        self.stage = Stage.UNKNOWN


# --- our own refinements of httpx's classes --------------------------------------------------------------


class CertificateNotTrusted(httpx.ConnectError):
    """Their certificate did not pass our checks; nothing was sent.

    ``verify_code`` is OpenSSL's number (``X509_V_ERR_…``), 0 when OpenSSL gave none.
    """

    def __init__(self, message: str, *, verify_code: int = 0) -> None:
        super().__init__(message)
        self.verify_code = verify_code


class TlsRefused(httpx.ConnectError):
    """The TLS handshake failed: protocol, cipher, or they did not accept our certificate."""


class AnswerUnreadable(httpx.RemoteProtocolError):
    """Bytes came back that are not an HTTP answer."""


class AnswerTooLarge(httpx.DecodingError):
    """The answer, or what it unpacks to, is larger than `HttpSettings.max_response_bytes`."""


# --- wire → httpx ----------------------------------------------------------------------------------------


class _Kind(Enum):
    """What an exception of the wire is about, with the httpx class before and after the request was sent."""

    CONNECTION = (httpx.ConnectError, httpx.ReadError)
    TIMEOUT = (httpx.ConnectTimeout, httpx.ReadTimeout)
    UNREADABLE = (httpx.ConnectError, AnswerUnreadable)
    TOO_LARGE = (httpx.ConnectError, AnswerTooLarge)
    TLS = (httpx.ConnectError, httpx.ReadError, "tls")
    CERTIFICATE = (CertificateNotTrusted, httpx.ReadError)
    ADDRESS = (httpx.UnsupportedProtocol, httpx.ReadError)
    UNSENDABLE = (httpx.LocalProtocolError, httpx.ReadError)

    def at(self, stage: Stage) -> type[httpx.RequestError]:
        """Return the httpx class; only a proven CONNECTING counts as not sent."""
        before, after = self.value[:2]
        chosen: type[httpx.RequestError] = before if stage is Stage.CONNECTING else after
        return chosen


WIRE: dict[type[BaseException], _Kind] = {
    WireError: _Kind.CONNECTION,
    # Includes "closed without a reply", and an answer that began and broke off: there is no whole answer.
    ConnectionEndedError: _Kind.CONNECTION,
    AnswerError: _Kind.UNREADABLE,
    AnswerTooLongError: _Kind.TOO_LARGE,
    AddressError: _Kind.ADDRESS,
    UnsendableError: _Kind.UNSENDABLE,
    httptools.HttpParserError: _Kind.UNREADABLE,
    httptools.HttpParserCallbackError: _Kind.UNREADABLE,
    httptools.HttpParserInvalidStatusError: _Kind.UNREADABLE,
    httptools.HttpParserInvalidMethodError: _Kind.UNREADABLE,
    httptools.HttpParserInvalidURLError: _Kind.UNREADABLE,
    # "101 Switching Protocols", which nobody asked for.
    httptools.HttpParserUpgrade: _Kind.UNREADABLE,
    TimeoutError: _Kind.TIMEOUT,
    OSError: _Kind.CONNECTION,
    ssl.SSLError: _Kind.TLS,
    ssl.SSLCertVerificationError: _Kind.CERTIFICATE,
    RuntimeError: _Kind.CONNECTION,  # uvloop's word for a socket that was closed under our hands
}
"""Every exception class that can come out of a call over the wire."""

_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE", "PROTOCOL_VERSION")


def from_wire(exc: BaseException, progress: Progress) -> httpx.RequestError:
    """Return the httpx exception that says what this one means; the caller raises it ``from`` its cause.

    The new exception carries no text of the old one, which may quote an address with a citizen's number in it.
    """
    tls = _tls_error_under(exc)
    kind = _nearest(WIRE, type(exc))
    name = type(exc).__name__
    if tls is not None and _is_refusal(tls, kind):
        return TlsRefused(f"{name}: {_reason(tls) or 'TLS'}")
    made = kind.at(progress.stage)
    if made is CertificateNotTrusted:
        return CertificateNotTrusted(name, verify_code=getattr(tls, "verify_code", 0) or 0)
    return made(name)


def _is_refusal(tls: ssl.SSLError, kind: _Kind) -> bool:
    """Tell whether a person must act, rather than a line that broke during the handshake.

    With TLS 1.3 a server refuses our certificate only after our side has finished, so the refusal arrives
    where the answer was expected. It is still a refusal of the handshake: the request was never handed on.
    """
    reason = _reason(tls)
    if "_ALERT_" in reason:
        return any(word in reason for word in _CERTIFICATE_ALERTS)
    return kind is _Kind.TLS and not isinstance(tls, ssl.SSLEOFError) and "UNEXPECTED_EOF" not in reason


def _reason(tls: ssl.SSLError) -> str:
    """Return OpenSSL's word for it, as ``SSLV3_ALERT_HANDSHAKE_FAILURE``; an error not of its making has none."""
    return getattr(tls, "reason", None) or ""


def _tls_error_under(exc: BaseException) -> ssl.SSLError | None:
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__
    return None


# --- httpx → reaction ------------------------------------------------------------------------------------


class Fate(StrEnum):
    """What became of a call that brought no usable answer."""

    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    CERTIFICATE = "certificate"
    TLS = "tls"
    CONFIGURATION = "configuration"
    UNSENDABLE = "unsendable"


HTTPX: dict[type[BaseException], Fate] = {
    httpx.ConnectError: Fate.NOT_SENT,
    httpx.ConnectTimeout: Fate.NOT_SENT,
    httpx.PoolTimeout: Fate.NOT_SENT,
    httpx.ReadError: Fate.NO_ANSWER,
    httpx.ReadTimeout: Fate.NO_ANSWER,
    httpx.WriteError: Fate.NO_ANSWER,
    httpx.WriteTimeout: Fate.NO_ANSWER,
    httpx.CloseError: Fate.NO_ANSWER,
    httpx.RemoteProtocolError: Fate.NO_ANSWER,
    # We never use a proxy; if one ever stood between, what it did with the request is not known.
    httpx.ProxyError: Fate.NO_ANSWER,
    # The bases: a class we do not know yet is read as "may have been sent".
    httpx.HTTPError: Fate.NO_ANSWER,
    httpx.RequestError: Fate.NO_ANSWER,
    httpx.TransportError: Fate.NO_ANSWER,
    httpx.TimeoutException: Fate.NO_ANSWER,
    httpx.NetworkError: Fate.NO_ANSWER,
    httpx.ProtocolError: Fate.NO_ANSWER,
    # Mistakes in the use of httpx; a call that ends so has most likely been sent.
    httpx.StreamError: Fate.NO_ANSWER,
    httpx.StreamConsumed: Fate.NO_ANSWER,
    httpx.StreamClosed: Fate.NO_ANSWER,
    httpx.ResponseNotRead: Fate.NO_ANSWER,
    httpx.RequestNotRead: Fate.NO_ANSWER,
    httpx.CookieConflict: Fate.NO_ANSWER,
    httpx.DecodingError: Fate.UNREADABLE,
    httpx.HTTPStatusError: Fate.UNREADABLE,
    httpx.TooManyRedirects: Fate.UNREADABLE,
    httpx.UnsupportedProtocol: Fate.CONFIGURATION,
    httpx.InvalidURL: Fate.CONFIGURATION,
    httpx.LocalProtocolError: Fate.UNSENDABLE,
    CertificateNotTrusted: Fate.CERTIFICATE,
    TlsRefused: Fate.TLS,
    AnswerUnreadable: Fate.UNREADABLE,
    AnswerTooLarge: Fate.TOO_LARGE,
}
"""Every exception class httpx has, ours included."""


@dataclass(frozen=True, slots=True)
class Call:
    """Whose call it was, for the error that speaks of it."""

    connection: str
    operation: str
    is_write: bool


def to_error(exc: BaseException, call: Call) -> LienThongError:
    """Return the reaction to an httpx exception."""
    fate = _nearest(HTTPX, type(exc))
    if fate is Fate.CERTIFICATE and isinstance(exc, CertificateNotTrusted):
        return certificate_error(exc.verify_code, call)
    return error_of(fate, call)


def deadline_error(progress: Progress, call: Call) -> LienThongError:
    """Return the reaction to a call that outlived its deadline."""
    return error_of(Fate.NOT_SENT if progress.stage is Stage.CONNECTING else Fate.NO_ANSWER, call)


def error_of(fate: Fate, call: Call) -> LienThongError:
    """Return the error for one fate of one call."""
    if fate is Fate.NO_ANSWER and call.is_write:
        return OutcomeUnknown(_WRITE_WITHOUT_ANSWER, connection=call.connection, operation=call.operation)
    reaction, sentence = _REACTIONS[fate]
    return reaction(sentence, connection=call.connection, operation=call.operation)


_WRITE_WITHOUT_ANSWER = Sentence(
    en="The request was sent but no complete answer came back; it is not known whether the partner carried it out.",
    vi="Đã gửi yêu cầu nhưng không nhận được trả lời đầy đủ; chưa biết bên nhận đã thực hiện hay chưa.",
)

_REACTIONS: dict[Fate, tuple[type[LienThongError], Sentence]] = {
    Fate.NOT_SENT: (
        TryLater,
        Sentence(
            en="The partner's address could not be reached; nothing was sent. It will be tried again.",
            vi="Không kết nối được tới địa chỉ của bên nhận; chưa gửi dữ liệu nào. Hệ thống sẽ thử lại.",
        ),
    ),
    Fate.NO_ANSWER: (
        TryLater,
        Sentence(
            en="The partner gave no complete answer to a question; asking again changes nothing.",
            vi="Bên nhận không trả lời đầy đủ yêu cầu tra cứu; hỏi lại không làm thay đổi dữ liệu.",
        ),
    ),
    Fate.UNREADABLE: (
        Malformed,
        Sentence(
            en="The partner's answer is not valid HTTP or cannot be decoded.",
            vi="Trả lời của bên nhận không đúng giao thức HTTP hoặc không giải mã được.",
        ),
    ),
    Fate.TOO_LARGE: (
        Malformed,
        Sentence(
            en="The partner's answer is larger than this connection allows (max_response_bytes).",
            vi="Trả lời của bên nhận vượt quá dung lượng cho phép của kết nối này (max_response_bytes).",
        ),
    ),
    Fate.CERTIFICATE: (
        NeedsPerson,
        Sentence(
            en="The partner's TLS certificate is not trusted; check the trust store of this connection (ca_file).",
            vi="Chứng thư TLS của bên nhận không được tin cậy; hãy kiểm tra tệp chứng thư gốc của kết nối (ca_file).",
        ),
    ),
    Fate.TLS: (
        NeedsPerson,
        Sentence(
            en="The TLS handshake was refused; check our client certificate and the TLS version with the partner.",
            vi="Bắt tay TLS bị từ chối; hãy cùng bên nhận kiểm tra chứng thư máy khách và phiên bản TLS.",
        ),
    ),
    Fate.CONFIGURATION: (
        NeedsPerson,
        Sentence(
            en="The configured address is not a valid http or https address; nothing was sent.",
            vi="Địa chỉ đã cấu hình không phải là địa chỉ http hoặc https hợp lệ; chưa gửi dữ liệu nào.",
        ),
    ),
    Fate.UNSENDABLE: (
        Unsupported,
        Sentence(
            en="A header of this request holds characters that HTTP cannot carry; nothing was sent.",
            vi="Tiêu đề của yêu cầu chứa ký tự mà HTTP không truyền được; chưa gửi dữ liệu nào.",
        ),
    ),
}

_CERTIFICATE_SENTENCES: dict[int, Sentence] = {
    9: Sentence(
        en="The partner's TLS certificate is not valid yet; check the clock of this machine.",
        vi="Chứng thư TLS của bên nhận chưa có hiệu lực; hãy kiểm tra đồng hồ của máy chủ này.",
    ),
    10: Sentence(
        en="The partner's TLS certificate has expired; the partner must renew it.",
        vi="Chứng thư TLS của bên nhận đã hết hạn; bên nhận cần gia hạn chứng thư.",
    ),
    62: Sentence(
        en="The partner's TLS certificate is for another host name; check the configured address.",
        vi="Chứng thư TLS của bên nhận được cấp cho tên máy chủ khác; hãy kiểm tra địa chỉ đã cấu hình.",
    ),
    64: Sentence(
        en="The partner's TLS certificate is for another IP address; check the configured address.",
        vi="Chứng thư TLS của bên nhận được cấp cho địa chỉ IP khác; hãy kiểm tra địa chỉ đã cấu hình.",
    ),
}
"""By OpenSSL's number: ``X509_V_ERR_CERT_NOT_YET_VALID``, ``_CERT_HAS_EXPIRED``, ``_HOSTNAME_MISMATCH``,
``_IP_ADDRESS_MISMATCH`` (openssl/x509_vfy.h)."""


def certificate_error(verify_code: int, call: Call) -> NeedsPerson:
    """Return the error that says which check their certificate failed."""
    sentence = _CERTIFICATE_SENTENCES.get(verify_code, _REACTIONS[Fate.CERTIFICATE][1])
    code = f"X509:{verify_code}" if verify_code else ""
    return NeedsPerson(sentence, connection=call.connection, operation=call.operation, upstream_code=code)


def _nearest(table: dict[type[BaseException], _Row], wanted: type[BaseException]) -> _Row:
    """Return the row of the class, or of the nearest base that has one."""
    return next(table[base] for base in wanted.__mro__ if base in table)
