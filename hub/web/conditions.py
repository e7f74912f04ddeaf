"""Conditions on revisions: ``If-Match``, ``If-None-Match``, ``ETag``, and the ``Idempotency-Key`` of a POST.

A dossier's entity tag is its revision in quotation marks. Tags here are strong, and one at a time: a list would
say "any of these revisions", which no dossier system can mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from contracts.errors import Sentence
from hub.errors import Refusal

_TAG = re.compile(rb'"([1-9][0-9]{0,8})"')
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


def entity_tag(revision: int) -> bytes:
    """Return the value of the ``ETag`` header for a revision."""
    return b'"%d"' % revision


def if_match(headers: Mapping[bytes, bytes]) -> int | None:
    """Return the revision the caller has seen, ``None`` when it makes no condition; refuse other forms (400)."""
    value = headers.get(b"if-match")
    if value is None:
        return None
    tag = _TAG.fullmatch(value.strip())
    if tag is None:
        raise Refusal(
            400,
            "if_match_invalid",
            Sentence(
                en='If-Match must be one revision in quotation marks, as in "3".',
                vi='If-Match phải là một số phiên bản đặt trong dấu ngoặc kép, ví dụ "3".',
            ),
            field="If-Match",
        )
    return int(tag[1])


def if_none_match(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether the dossier must not exist yet (``If-None-Match: *``); refuse other forms (400)."""
    value = headers.get(b"if-none-match")
    if value is None:
        return False
    if value.strip() != b"*":
        raise Refusal(
            400,
            "if_none_match_invalid",
            Sentence(
                en="If-None-Match must be *, which means: only if the dossier does not exist yet.",
                vi="If-None-Match phải là *, nghĩa là: chỉ khi hồ sơ chưa tồn tại.",
            ),
            field="If-None-Match",
        )
    return True


def idempotency_key(headers: Mapping[bytes, bytes]) -> str:
    """Return the key of a POST; refuse its absence and any other form than 1 to 255 visible ASCII signs (400)."""
    value = headers.get(b"idempotency-key")
    if value is None:
        raise Refusal(
            400,
            "idempotency_key_required",
            Sentence(
                en="A POST needs an Idempotency-Key header, new for each piece of work and the same when repeated.",
                vi="Yêu cầu POST phải có tiêu đề Idempotency-Key, mỗi việc một khóa mới, gửi lại thì giữ nguyên khóa.",
            ),
            field="Idempotency-Key",
        )
    if not _KEY.fullmatch(value):
        raise Refusal(
            400,
            "idempotency_key_invalid",
            Sentence(
                en="The Idempotency-Key must have 1 to 255 visible ASCII characters without spaces.",
                vi="Idempotency-Key phải có 1 đến 255 ký tự ASCII nhìn thấy được, không có khoảng trắng.",
            ),
            field="Idempotency-Key",
        )
    return value.decode("ascii")
