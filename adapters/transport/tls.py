"""TLS for outgoing calls: always verified, by our own trust store when one is given."""

from __future__ import annotations

import ssl
from pathlib import Path

from contracts.errors import NeedsPerson, Sentence


def client_context(
    *,
    ca_file: Path | None,
    client_certificate_file: Path | None,
    client_key_file: Path | None,
    connection: str,
) -> ssl.SSLContext:
    """Return a context that checks chain and host name, TLS 1.2 or newer.

    ``ca_file`` (PEM) replaces the system's trust store, it does not add to it: a private network trusts its
    own authority and no other. Raises `NeedsPerson` when one of the files cannot be used; the sentence names
    the setting, never the content.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError) as exc:
        raise NeedsPerson(
            Sentence(
                en="The trust store of this connection (ca_file) cannot be read as PEM certificates.",
                vi="Không đọc được tệp chứng thư gốc của kết nối này (ca_file) dưới dạng PEM.",
            ),
            connection=connection,
            field="ca_file",
        ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_certificate_file is not None:
        _load_own_certificate(context, client_certificate_file, client_key_file, connection)
    return context


def _load_own_certificate(
    context: ssl.SSLContext, certificate_file: Path, key_file: Path | None, connection: str
) -> None:
    try:
        # The password callback stands for "no password": without it OpenSSL asks on the terminal and hangs.
        context.load_cert_chain(str(certificate_file), None if key_file is None else str(key_file), password="")
    except (OSError, ValueError) as exc:
        raise NeedsPerson(
            Sentence(
                en="Our client certificate or its key cannot be used; check client_certificate_file and "
                "client_key_file (PEM, key without a password, key belonging to the certificate).",
                vi="Không dùng được chứng thư máy khách hoặc khóa của chứng thư; hãy kiểm tra client_certificate_file "
                "và client_key_file (dạng PEM, khóa không đặt mật khẩu, khóa đúng với chứng thư).",
            ),
            connection=connection,
            field="client_certificate_file",
        ) from exc
