"""Certificates on the way to a partner: theirs and ours, their dates, and whether theirs is trusted."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from contracts.errors import Sentence
from contracts.ports import TlsFiles
from hub.health.blame import Blame

TIMEOUT_SECONDS = 8.0

OURS_REFUSED = Sentence(
    en="The partner does not accept our client certificate; check client_certificate_file with the partner.",
    vi="Đối tác không chấp nhận chứng thư máy khách của ta; hãy cùng đối tác kiểm tra client_certificate_file.",
)
_OURS_UNREADABLE = Sentence(
    en="Our client certificate, its key or the trust store cannot be read; check client_certificate_file, "
    "client_key_file and ca_file (PEM, key without a password).",
    vi="Không đọc được chứng thư máy khách, khóa hoặc kho chứng thư gốc; hãy kiểm tra client_certificate_file, "
    "client_key_file và ca_file (PEM, khóa không mật khẩu).",
)


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """A certificate as it was seen at one place."""

    kind: str
    """``server``: theirs; ``client``: ours."""
    place: str
    """``host:port``, or the name of our file."""
    fingerprint: str
    not_before: datetime
    not_after: datetime


@dataclass(slots=True)
class Secured:
    """What was found of the certificates of one address; ``context`` is there when all is well enough to go on."""

    sentence: Sentence
    blame: Blame = Blame.NOBODY
    place: str = ""
    context: ssl.SSLContext | None = None
    seen: list[SeenCertificate] = field(default_factory=list)


class _Stopped(Exception):  # noqa: N818 - a way out of an examination, seen by nobody else
    """Something was found that ends the examination."""

    def __init__(self, found: Secured) -> None:
        self.found = found


async def examine(host: str, port: int, tls: TlsFiles, *, soon: timedelta, now: datetime) -> Secured:
    """Look at our certificate, then at theirs, its dates first, then whether it is trusted."""
    seen: list[SeenCertificate] = []
    try:
        found = await _examine(host, port, tls, seen, soon=soon, now=now)
    except _Stopped as stopped:
        found = stopped.found
    found.seen = seen
    return found


async def _examine(
    host: str, port: int, tls: TlsFiles, seen: list[SeenCertificate], *, soon: timedelta, now: datetime
) -> Secured:
    place = f"{host}:{port}"
    trusting = await _read_ours(tls, seen)
    warnings = [_require_dates(ours, soon=soon, now=now) for ours in seen]
    try:
        theirs = await _shown(host, port, tls)
        if theirs is not None:
            seen.append(theirs)
            warnings.append(_require_dates(theirs, soon=soon, now=now))
        await _handshake(host, port, trusting)
    except ssl.SSLCertVerificationError as error:
        cause = f"certificate {seen[-1].fingerprint}" if seen else place
        raise _Stopped(Secured(_untrusted(place, error), Blame.CERTIFICATE, cause)) from None
    except (OSError, TimeoutError) as error:
        raise _Stopped(_no_tls(place, error)) from None
    for judged in warnings:
        if judged.blame is not Blame.NOBODY:
            judged.context = trusting
            return judged
    end = min((one.not_after for one in seen), default=now)
    return Secured(
        Sentence(f"Valid until {end:%Y-%m-%d}.", f"Có hiệu lực đến {end:%d/%m/%Y}."), place=place, context=trusting
    )


async def _read_ours(tls: TlsFiles, seen: list[SeenCertificate]) -> ssl.SSLContext:
    try:
        context = await asyncio.to_thread(_context, tls)
        if tls.certificate_file is not None:
            seen.append(await asyncio.to_thread(_ours, tls.certificate_file))
    except (OSError, ValueError):
        raise _Stopped(Secured(_OURS_UNREADABLE, Blame.CERTIFICATE, "ours")) from None
    return context


def _require_dates(one: SeenCertificate, *, soon: timedelta, now: datetime) -> Secured:
    """Return what is to be said of its dates; stop where it cannot be used today."""
    judged = judge_dates(one, soon=soon, now=now)
    if not one.not_before <= now < one.not_after:
        raise _Stopped(judged)
    return judged


def judge_dates(seen: SeenCertificate, *, soon: timedelta, now: datetime) -> Secured:
    """Judge the dates of a certificate; blame nobody when they are well."""
    begins, ends, place = seen.not_before, seen.not_after, seen.place
    cause = f"certificate {seen.fingerprint}"
    ours = seen.kind == "client"
    whose, whose_vi = (
        ("Our client certificate", "Chứng thư máy khách của ta")
        if ours
        else (f"The certificate of {place}", f"Chứng thư của {place}")
    )
    if now < begins:
        return Secured(
            Sentence(
                en=f"{whose} is valid only from {begins:%Y-%m-%d}; check the clock of this machine.",
                vi=f"{whose_vi} chỉ có hiệu lực từ {begins:%d/%m/%Y}; hãy kiểm tra đồng hồ của máy này.",
            ),
            Blame.CERTIFICATE,
            cause,
        )
    renew, renew_vi = (
        ("renew it now", "hãy gia hạn ngay") if ours else ("its operator must renew it", "đơn vị vận hành phải gia hạn")
    )
    if now >= ends:
        return Secured(
            Sentence(
                en=f"{whose} expired on {ends:%Y-%m-%d}; {renew}.",
                vi=f"{whose_vi} đã hết hạn ngày {ends:%d/%m/%Y}; {renew_vi}.",
            ),
            Blame.CERTIFICATE,
            cause,
        )
    if ends - now < soon:
        remind, remind_vi = ("renew it", "hãy gia hạn") if ours else ("remind its operator", "hãy nhắc đơn vị vận hành")
        return Secured(
            Sentence(
                en=f"{whose} expires on {ends:%Y-%m-%d}; {remind}.",
                vi=f"{whose_vi} sắp hết hạn ngày {ends:%d/%m/%Y}; {remind_vi}.",
            ),
            Blame.CERTIFICATE,
            cause,
        )
    return Secured(Sentence(f"Valid until {ends:%Y-%m-%d}.", f"Có hiệu lực đến {ends:%d/%m/%Y}."))


def seen_certificate(certificate: x509.Certificate, *, kind: str, place: str) -> SeenCertificate:
    """Return what is kept of a certificate."""
    return SeenCertificate(
        kind=kind,
        place=place,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _ours(path: Path) -> SeenCertificate:
    # The first of the file is ours; what follows is its chain.
    return seen_certificate(x509.load_pem_x509_certificate(path.read_bytes()), kind="client", place=path.name)


def _context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_ours(context, tls)
    return context


def _load_ours(context: ssl.SSLContext, tls: TlsFiles) -> None:
    if tls.certificate_file is not None:
        # The password stands for "none": without it OpenSSL asks on the terminal and hangs.
        context.load_cert_chain(str(tls.certificate_file), None if tls.key_file is None else str(tls.key_file), "")


async def _shown(host: str, port: int, tls: TlsFiles) -> SeenCertificate | None:
    """Return the certificate a server shows, also one that is not to be trusted; nothing is sent to it."""
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE
    await asyncio.to_thread(_load_ours, looking, tls)
    shown = await _handshake(host, port, looking)
    if shown is None:
        return None
    return seen_certificate(x509.load_der_x509_certificate(shown), kind="server", place=f"{host}:{port}")


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> bytes | None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
    return shown


def _no_tls(place: str, error: Exception) -> Secured:
    if isinstance(error, TimeoutError):
        sentence = Sentence(
            en=f"{place} accepts connections but does not answer the TLS greeting; ask its operator.",
            vi=f"{place} nhận kết nối nhưng không trả lời bắt tay TLS; hãy hỏi đơn vị vận hành.",
        )
        return Secured(sentence, Blame.PARTNER, place)
    reason = (getattr(error, "reason", "") or "") if isinstance(error, ssl.SSLError) else ""
    if "_ALERT_" in reason and any(word in reason for word in _REFUSALS):
        return Secured(OURS_REFUSED, Blame.CERTIFICATE, place)
    if (
        isinstance(error, ssl.SSLError)
        and not isinstance(error, ssl.SSLEOFError)
        and reason != "UNEXPECTED_EOF_WHILE_READING"
    ):
        sentence = Sentence(
            en=f"{place} does not speak TLS with us; check that the address should begin with https.",
            vi=f"{place} không thiết lập được TLS; hãy kiểm tra địa chỉ có đúng là https không.",
        )
        return Secured(sentence, Blame.US, place)
    sentence = Sentence(
        en=f"The connection to {place} breaks during the TLS greeting; check what stands between: a firewall, a proxy.",
        vi=f"Kết nối tới {place} bị ngắt khi bắt tay TLS; hãy kiểm tra tường lửa, máy chủ trung gian ở giữa.",
    )
    return Secured(sentence, Blame.NETWORK, place)


_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")
"""Alerts with which a server says no to us; the last is what older ones say when they miss a certificate."""

_HOST_MISMATCH, _IP_MISMATCH = 62, 64
"""``X509_V_ERR_HOSTNAME_MISMATCH`` and ``_IP_ADDRESS_MISMATCH`` (openssl/x509_vfy.h)."""


def _untrusted(place: str, error: ssl.SSLCertVerificationError) -> Sentence:
    if error.verify_code in {_HOST_MISMATCH, _IP_MISMATCH}:
        return Sentence(
            en=f"The certificate of {place} is for another name; check the configured address.",
            vi=f"Chứng thư của {place} được cấp cho tên khác; hãy kiểm tra địa chỉ đã cấu hình.",
        )
    return Sentence(
        en=f"The certificate of {place} is not trusted; check the trust store of this connection (ca_file).",
        vi=f"Chứng thư của {place} không được tin cậy; hãy kiểm tra tệp chứng thư gốc của kết nối (ca_file).",
    )
