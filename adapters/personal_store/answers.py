"""What an answer of the store means: by HTTP status, shape, ``errorCode`` and signature; never by its words."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any, TypeVar

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import ValidationError

from adapters.personal_store import wire
from adapters.transport import answers as shared
from adapters.transport.http import HttpAnswer
from contracts.document_store import SignatureState
from contracts.errors import Malformed, NeedsPerson, Rejected, Sentence

Message = TypeVar("Message", bound=wire.Received)

DONE_CODE = "0"
_CODE = re.compile(r"0|-?[1-9][0-9]{0,5}")


def read(model: type[Message], content: bytes) -> Message:
    """Return the message in an answer's body; raises `Malformed` for HTML, cut-off JSON and wrong types."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise malformed(shared.place_of(error)) from None


def read_part(model: type[Message], value: Any, place: str) -> Message:
    """Return a message out of an already parsed part of an answer."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise malformed(f"{place}.{shared.place_of(error)}") from None


def code_of(answer: wire.Answer) -> str:
    """Return the code of an answer as text; raises `Malformed` where there is none or it is no code."""
    value = answer.errorCode if answer.errorCode is not None else answer.error_code
    code = "" if value is None else str(value)
    if _CODE.fullmatch(code) is None:
        raise malformed("errorCode")
    return code


def malformed(place: str) -> Malformed:
    """Return the error for an answer whose part at ``place`` breaks the contract."""
    return shared.malformed(_PARTNER, place)


def refused(code: str) -> Rejected:
    """Return the error for a code that says no."""
    return Rejected(
        Sentence(
            en="The document store understood the request and refused it; ask its operator what the code means.",
            vi="Kho dữ liệu điện tử hiểu nhưng từ chối yêu cầu; hãy hỏi đơn vị vận hành về ý nghĩa của mã lỗi.",
        ),
        upstream_code=code,
    )


def check_status(answer: HttpAnswer, *, is_write: bool) -> None:
    """Raise the reaction to a status that is no success; success itself says nothing."""
    shared.check_status(answer.status, _WORDS, is_write=is_write)


_PARTNER = Sentence("The document store", "Kho dữ liệu điện tử")
_WORDS = shared.StatusWords(
    failed=Sentence(
        en="The document store failed while answering; it is asked again before anything is repeated.",
        vi="Kho dữ liệu điện tử gặp lỗi khi trả lời; hệ thống sẽ hỏi lại trước khi gửi lần nữa.",
    ),
    no_entry=Sentence(
        en="The forward adapter or the document store refuses us entry; check the access rights of this subsystem.",
        vi="Trục kết nối hoặc Kho dữ liệu điện tử từ chối truy cập; hãy kiểm tra quyền của phân hệ này.",
    ),
    refused=Sentence(
        en="The forward adapter or the document store does not accept this request.",
        vi="Trục kết nối hoặc Kho dữ liệu điện tử không chấp nhận yêu cầu này.",
    ),
    too_many=Sentence(
        en="The document store or the forward adapter asks us to slow down.",
        vi="Kho dữ liệu điện tử hoặc trục kết nối yêu cầu giảm tốc độ gửi.",
    ),
    wrong_address=Sentence(
        en="Nothing of the document store answers at this address; check adapter_url, provider_url and the paths.",
        vi="Địa chỉ này không phải của Kho dữ liệu điện tử; hãy kiểm tra adapter_url, provider_url và các đường dẫn.",
    ),
)


# --- signature --------------------------------------------------------------------------------------------


class Signatures:
    """Checks the signature of an answer, where a key is configured."""

    def __init__(self, key_file: Path | None, *, required: bool) -> None:
        """The key is read at the first answer."""
        self._file = key_file
        self._required = required
        self._key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None = None

    def check(self, answer: wire.Answer) -> SignatureState:
        """Return what is known of the signature; raises `Malformed` for a wrong one, `NeedsPerson` without its key."""
        if not answer.signature:
            if self._required:
                raise Malformed(_NO_SIGNATURE)
            return SignatureState.ABSENT
        if self._file is None:
            return SignatureState.UNVERIFIED
        key = self._key = self._key or _load(self._file)
        signed = orjson.dumps(answer.result)
        try:
            signature = base64.b64decode(answer.signature, validate=True)
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            else:
                key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            raise Malformed(_WRONG_SIGNATURE) from None
        return SignatureState.VERIFIED


def _load(path: Path) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        raise NeedsPerson(_NO_KEY) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise NeedsPerson(_NO_KEY)
    return key


_NO_SIGNATURE = Sentence(
    en="The document store's answer carries no signature, which this connection requires (require_signature).",
    vi="Trả lời của Kho dữ liệu điện tử không có chữ ký số mà kết nối này yêu cầu (require_signature).",
)
_WRONG_SIGNATURE = Sentence(
    en="The signature of the document store's answer is wrong; nothing of it is used. Check signature_key_file.",
    vi="Chữ ký số trong trả lời của Kho dữ liệu điện tử không đúng; không dùng kết quả. Hãy kiểm tra khóa.",
)
_NO_KEY = Sentence(
    en="signature_key_file cannot be read as a PEM public key (RSA or EC).",
    vi="Không đọc được signature_key_file dưới dạng khóa công khai PEM (RSA hoặc EC).",
)
