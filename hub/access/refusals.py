"""Refusals of access: who is not known (401), who is known but may not (403), and how to ask properly (RFC 6750)."""

from __future__ import annotations

from contracts.errors import Sentence
from hub.access.scopes import Scope
from hub.errors import Refusal

REALM = 'Bearer realm="lienthong"'


class AccessRefusal(Refusal):
    """A refusal that carries the challenge for the ``WWW-Authenticate`` header."""

    def __init__(self, status: int, code: str, sentence: Sentence, challenge: str) -> None:
        """Build the refusal."""
        super().__init__(status, code, sentence)
        self.challenge = challenge


def token_required() -> AccessRefusal:
    """401: no bearer token came with the request."""
    return AccessRefusal(
        401,
        "token_required",
        Sentence(
            en="An access token is needed: get one from POST /oauth/token and send it as Authorization: Bearer …",
            vi="Cần mã truy cập: lấy tại POST /oauth/token và gửi kèm tiêu đề Authorization: Bearer …",
        ),
        REALM,
    )


def token_invalid() -> AccessRefusal:
    """401: the token was not issued here, was changed, or its key is gone."""
    return AccessRefusal(
        401,
        "token_invalid",
        Sentence(
            en="This access token is not valid; get a new one from POST /oauth/token.",
            vi="Mã truy cập không hợp lệ; hãy lấy mã mới tại POST /oauth/token.",
        ),
        f'{REALM}, error="invalid_token"',
    )


def token_expired() -> AccessRefusal:
    """401: the token was valid once."""
    return AccessRefusal(
        401,
        "token_expired",
        Sentence(
            en="This access token has expired; get a new one from POST /oauth/token.",
            vi="Mã truy cập đã hết hạn; hãy lấy mã mới tại POST /oauth/token.",
        ),
        f'{REALM}, error="invalid_token", error_description="expired"',
    )


def client_disabled() -> AccessRefusal:
    """401: the client was disabled after the token was issued."""
    return AccessRefusal(
        401,
        "client_disabled",
        Sentence(
            en="This client has been disabled by the operator of the hub.",
            vi="Ứng dụng này đã bị quản trị viên vô hiệu hóa.",
        ),
        f'{REALM}, error="invalid_token", error_description="client disabled"',
    )


def scope_missing(scope: Scope) -> AccessRefusal:
    """403: the token is good, but not for this."""
    return AccessRefusal(
        403,
        "scope_missing",
        Sentence(
            en=f"This access token lacks the scope {scope.value}.",
            vi=f"Mã truy cập không có quyền {scope.value}.",
        ),
        f'{REALM}, error="insufficient_scope", scope="{scope.value}"',
    )
