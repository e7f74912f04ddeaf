"""What an ``X-Road-Error`` means for us: one table, a reason for every row.

A security server that fails by itself answers 500 (400 for a bad request) with this header; without it the
answer is the provider's own, whatever its status (X-Road REST protocol v1, "Error handling"). The code is
``Client.…``, ``Server.ClientProxy.…`` (our server), ``Server.ServerProxy.…`` (their server) or ``Signer.…``.
Servers up to 7.7 write ``Server.ClientProxy.NetworkError``, newer ones ``server.clientproxy.network_error``;
both are read.

The question behind each row is whether the provider may have carried the request out. Their server checks
status, access right, service and signature before it calls the provider, and signs and logs the answer
afterwards (nordic-institute/X-Road, ServerRestMessageProcessor.process). Our server signs the request while
sending it, and checks and logs the answer afterwards (ClientRestMessageProcessor.processRequest).
"""

from __future__ import annotations

import re
from enum import Enum

from adapters.transport.faults_to_errors import Call
from contracts.errors import LienThongError, NeedsPerson, OutcomeUnknown, Sentence, TryLater

HEADER = "x-road-error"


class Verdict(Enum):
    """What became of the request, and who can help."""

    PERSON = "refused before the provider was called; repeating is useless until somebody changes something"
    LATER = "the provider was not called; it will work later"
    MAYBE = "the provider may have been called"
    MAYBE_PERSON = "the provider may have been called, and somebody must repair a server before it works again"


_CLIENT_PROXY: dict[str, Verdict] = {
    "maintenance_mode": Verdict.LATER,  # the server does not take messages at all
    "unknown_host": Verdict.LATER,  # the name of their server was not found: no connection, nothing sent
    # Every socket failure at any moment is this code, "connection refused" as well as "cut after the message
    # went out" (ErrorCodes.translateException: SocketException; test case ServerProxyConnectionAborted).
    "network_error": Verdict.MAYBE,
    "io_error": Verdict.MAYBE,
    "http_error": Verdict.MAYBE,
    "service_failed": Verdict.MAYBE,  # with inconsistent_response: they answered, our server rejects the answer
    "internal_error": Verdict.MAYBE,
    # Addressing: checked against the global configuration before anything is sent.
    "unknown_member": Verdict.PERSON,
    "unknown_service": Verdict.PERSON,
    "invalid_security_server": Verdict.PERSON,
    "service_type": Verdict.PERSON,
    "invalid_service_type": Verdict.PERSON,
    "invalid_client_identifier": Verdict.PERSON,
    "access_denied": Verdict.PERSON,
    "service_disabled": Verdict.PERSON,
    # Our own server cannot start to send.
    "ssl_authentication_failed": Verdict.PERSON,
    "malformed_global_conf": Verdict.PERSON,
    "global_conf_outdated": Verdict.PERSON,
    "outdated_global_conf": Verdict.PERSON,
    "hsm_non_operational": Verdict.PERSON,
    # Their server does not accept an unsigned request.
    "cannot_create_signature": Verdict.PERSON,
    "signer": Verdict.PERSON,
    # Used for the answer as well as for the request.
    "cert_validation": Verdict.MAYBE_PERSON,
    "logging_failed": Verdict.MAYBE_PERSON,
    "timestamping_failed": Verdict.MAYBE_PERSON,
    # The signature of the answer does not hold: for the security team, never again by itself.
    "missing_signature": Verdict.MAYBE_PERSON,
    "invalid_signature_value": Verdict.MAYBE_PERSON,
    "malformed_signature": Verdict.MAYBE_PERSON,
    "invalid_message": Verdict.MAYBE,
    "inconsistent_response": Verdict.MAYBE,
}

_SERVER_PROXY: dict[str, Verdict] = {
    # Checked before the provider is called.
    "access_denied": Verdict.PERSON,
    "service_disabled": Verdict.PERSON,
    "unknown_service": Verdict.PERSON,
    "unknown_member": Verdict.PERSON,
    "invalid_security_server": Verdict.PERSON,
    "service_type": Verdict.PERSON,
    "invalid_service_type": Verdict.PERSON,
    "invalid_client_identifier": Verdict.PERSON,
    "client_proxy_version_not_supported": Verdict.PERSON,
    "service_missing_url": Verdict.PERSON,
    "service_malformed_url": Verdict.PERSON,
    "missing_signature": Verdict.PERSON,
    "invalid_signature_value": Verdict.PERSON,
    "malformed_signature": Verdict.PERSON,
    "cert_validation": Verdict.PERSON,
    "malformed_global_conf": Verdict.PERSON,
    "global_conf_outdated": Verdict.PERSON,
    "outdated_global_conf": Verdict.PERSON,
    "ssl_authentication_failed": Verdict.PERSON,  # between their server and the provider: no connection was made
    "maintenance_mode": Verdict.LATER,
    "service_failed.unknown_host": Verdict.LATER,  # the provider's name was not found: no connection was made
    # Signing and logging the answer come after the provider.
    "hsm_non_operational": Verdict.MAYBE_PERSON,
    "cannot_create_signature": Verdict.MAYBE_PERSON,
    "signer": Verdict.MAYBE_PERSON,
    "logging_failed": Verdict.MAYBE_PERSON,
    "timestamping_failed": Verdict.MAYBE_PERSON,
    # Everything about the talk between their server and the provider leaves a write in doubt.
    "service_failed": Verdict.MAYBE,
    "network_error": Verdict.MAYBE,
    "io_error": Verdict.MAYBE,
    "http_error": Verdict.MAYBE,
    "invalid_message": Verdict.MAYBE,
    "inconsistent_response": Verdict.MAYBE,
}

_SENTENCES: dict[Verdict, Sentence] = {
    Verdict.PERSON: Sentence(
        en="The security server refused the request before it reached the partner; check the connection's "
        "destination, access rights and certificates with the operator of the security server.",
        vi="Máy chủ bảo mật từ chối yêu cầu trước khi chuyển tới bên nhận; hãy cùng đơn vị quản trị máy chủ bảo mật "
        "kiểm tra địa chỉ đích, quyền truy cập và chứng thư của kết nối.",
    ),
    Verdict.LATER: Sentence(
        en="The security server could not pass the request on at the moment; nothing reached the partner.",
        vi="Máy chủ bảo mật tạm thời không chuyển được yêu cầu; chưa có gì tới bên nhận.",
    ),
    Verdict.MAYBE: Sentence(
        en="The security server lost the request or its answer on the way; asking again changes nothing.",
        vi="Máy chủ bảo mật làm mất yêu cầu hoặc trả lời trên đường truyền; hỏi lại không làm thay đổi dữ liệu.",
    ),
    Verdict.MAYBE_PERSON: Sentence(
        en="A security server cannot sign, log or verify messages; its operator must repair it.",
        vi="Máy chủ bảo mật không ký, không ghi nhật ký hoặc không xác minh được thông điệp; "
        "đơn vị quản trị cần khắc phục.",
    ),
}

_IN_DOUBT = Sentence(
    en="The security server reported a failure after it had taken the request; it is not known whether the "
    "partner carried it out.",
    vi="Máy chủ bảo mật báo lỗi sau khi đã nhận yêu cầu; chưa biết bên nhận đã thực hiện hay chưa.",
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CODE = re.compile(r"[A-Za-z0-9_.]{1,120}")


def normalised(code: str) -> str:
    """Return the code as 7.8 spells it: ``Server.ServerProxy.IOError`` → ``server.serverproxy.io_error``."""
    parts = [_CAMEL.sub("_", part.strip()).lower() for part in code.split(".")]
    return ".".join(_PREFIX_SPELLING.get(part, part) for part in parts)


def verdict(code: str) -> Verdict:
    """Return what an error code means; a code that is not in the table leaves a write in doubt."""
    known = normalised(code)
    if known == "client" or known.startswith("client."):
        # Our message is wrong or we named ourselves wrongly: refused at the door.
        return Verdict.PERSON
    if known == "signer" or known.startswith("signer."):
        # Keys and tokens, on either side, before or after the provider.
        return Verdict.MAYBE_PERSON
    for prefix, table in (("server.clientproxy.", _CLIENT_PROXY), ("server.serverproxy.", _SERVER_PROXY)):
        if known.startswith(prefix):
            return _most_specific(table, known.removeprefix(prefix))
    return Verdict.MAYBE


def x_road_error(code: str, call: Call) -> LienThongError:
    """Return the reaction to an ``X-Road-Error`` header; the error's ``upstream_code`` is the code itself."""
    meaning = verdict(code)
    in_doubt = meaning in {Verdict.MAYBE, Verdict.MAYBE_PERSON}
    if in_doubt and call.is_write:
        reaction: type[LienThongError] = OutcomeUnknown
        sentence = _IN_DOUBT
    else:
        reaction = NeedsPerson if meaning in {Verdict.PERSON, Verdict.MAYBE_PERSON} else TryLater
        sentence = _SENTENCES[meaning]
    # Only a code in its own grammar is repeated: the header comes from outside.
    upstream = code.strip() if _CODE.fullmatch(code.strip()) else "unreadable"
    return reaction(sentence, connection=call.connection, operation=call.operation, upstream_code=upstream)


def _most_specific(table: dict[str, Verdict], suffix: str) -> Verdict:
    parts = suffix.split(".")
    for length in range(len(parts), 0, -1):
        found = table.get(".".join(parts[:length]))
        if found is not None:
            return found
    return Verdict.MAYBE


_PREFIX_SPELLING = {"client_proxy": "clientproxy", "server_proxy": "serverproxy", "op_monitor": "opmonitor"}
