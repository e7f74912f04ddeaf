"""The hand-over package: a case for the police, sealed to their certificate, its digests in the ledger.

A ZIP archive with fixed names inside a CMS EnvelopedData (RFC 5652): the content key is encrypted for the RSA key of
the certificate that the operator configured, so only the police can open it, with any tool that speaks CMS::

    openssl cms -decrypt -inform DER -in case.p7m -inkey key.pem -recip certificate.pem -out case.zip

A passphrase was not chosen: it would have to be told to somebody. The recipient is a setting and not a parameter, so
that nobody who works on cases can choose who gets citizens' numbers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from hub.cases import parts, refusals
from hub.cases.evidence import Piece, numbers_in, read_pieces
from hub.cases.records import Acting, Case
from hub.cases.reveals import record_reading
from hub.cases.service import CaseService
from hub.cases.states import CaseAct
from hub.cases.views import CaseDone
from hub.errors import Refusal
from hub.ledger.service import LedgerService
from hub.store.connections import Connection
from hub.store.joining import joined

MEDIA_TYPE = b"application/pkcs7-mime; smime-type=enveloped-data"
MOST_BYTES = 32 << 20
FORMAT = "lienthong-case-package/1"

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_HEADINGS = (
    "Mã lượt tra cứu",
    "Thời điểm",
    "Tài khoản",
    "Đơn vị",
    "Địa chỉ IP",
    "Mã hồ sơ",
    "Mục đích",
    "Số định danh được tra cứu",
    "Kết quả",
    "Mức giải thích",
    "Phần chưa giải thích được",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def read_recipient(path: Path) -> x509.Certificate:
    """Return the recipient's certificate. Raises ``ValueError`` where it is none or its key not RSA; ``OSError``."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise ValueError("the certificate of the recipient has no RSA key; CMS key transport needs one")  # noqa: TRY004 - its content is wrong, not its type
    return certificate


class HandOver:
    """Makes packages and gives them out."""

    def __init__(self, cases: CaseService, recipient: x509.Certificate | None) -> None:
        """``recipient`` is ``None`` where the operator has set none."""
        self._cases = cases
        self._store = cases.store
        self._recipient = recipient
        self._ledger = LedgerService(cases.store)

    async def make(
        self, case_id: str, acting: Acting, *, reason: str, now: datetime, within: Connection | None = None
    ) -> CaseDone:
        """Make a package of a case one holds; whose numbers are in it is on record as read."""
        if self._recipient is None:
            raise refusals.no_recipient()
        async with joined(self._store, within) as conn:
            one = await self._cases.require(conn, case_id, acting, CaseAct.HAND_OVER, now=now)
            proof = await self._proof(one, acting)
            pieces = await read_pieces(conn, self._store.sealer, one.id)
            acts = [view.model_dump(mode="json") for view in await parts.acts(conn, self._store.sealer, one.id)]
            questions = [
                view.model_dump(mode="json")
                for view in await parts.questions(conn, self._store.sealer, one.id, now=now)
            ]
            archive = archive_of(one, pieces, acts=acts, questions=questions, proof=proof, now=now)
            if len(archive) > MOST_BYTES:
                raise refusals.package_too_large()
            sealed = seal_for(self._recipient, archive)
            key, digest, inner = uuid_utils.compat.uuid7(), hashlib.sha256(sealed), hashlib.sha256(archive)
            recipient = self._recipient.fingerprint(hashes.SHA256()).hex()
            await conn.execute(
                "INSERT INTO case_packages (id, case_id, made_at, made_by, made_person, recipient, sha256, zip_sha256,"
                " content) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    key,
                    one.id,
                    now,
                    acting.client_id,
                    acting.person,
                    recipient,
                    digest.digest(),
                    inner.digest(),
                    sealed,
                ),
            )
            await record_reading(conn, self._cases, one, acting, numbers_in(pieces), reveal_id=None, now=now)
            facts = {
                "package": str(key),
                "sha256": digest.hexdigest(),
                "zip_sha256": inner.hexdigest(),
                "recipient": recipient,
            }
            return await self._cases.done(
                conn, one, CaseAct.HAND_OVER, acting, text=reason, facts=facts, now=now, made_id=key
            )

    async def _proof(self, one: Case, acting: Acting) -> bytes | None:
        """Return what the ledger proves of the case so far; ``None`` while nothing of it is sealed."""
        try:
            return await self._ledger.evidence(f"case:{one.id}", actor=acting.client_id, indented=True)
        except Refusal:
            return None

    async def fetch(self, case_id: str, package_id: str, *, agencies: Sequence[str], now: datetime) -> bytes:
        """Return the file of a package; nobody but its recipient can open it."""
        found = await self._cases.get(case_id, agencies=agencies, now=now)
        if package_id not in {one.id for one in found.packages}:
            raise refusals.package_not_found()
        async with self._store.transaction() as conn:
            cursor = await conn.execute("SELECT content FROM case_packages WHERE id = %s", (UUID(package_id),))
            row = await cursor.fetchone()
        if row is None:
            raise refusals.package_not_found()
        return bytes(row[0])


def seal_for(recipient: x509.Certificate, content: bytes) -> bytes:
    """Return the content as CMS EnvelopedData (DER, AES-256-CBC) that only the holder of the key opens."""
    return (
        PKCS7EnvelopeBuilder()
        .set_data(content)
        .add_recipient(recipient)
        .set_content_encryption_algorithm(algorithms.AES256)
        .encrypt(Encoding.DER, [PKCS7Options.Binary])
    )


def archive_of(
    one: Case,
    pieces: Sequence[Piece],
    *,
    acts: Sequence[Mapping[str, Any]],
    questions: Sequence[Mapping[str, Any]],
    now: datetime,
    proof: bytes | None = None,
) -> bytes:
    """Return the archive: evidence to the byte as it was frozen, a table of look-ups, acts, and a manifest of digests.

    Names in it are made from numbers of ours alone. The same content makes the same archive.
    """
    files: dict[str, bytes] = {f"evidence/{piece.number:04d}.json": piece.content for piece in pieces}
    files["lookups.csv"] = _table(one, pieces)
    files["acts.json"] = _json(acts)
    files["explanations.json"] = _json(questions)
    files["README.txt"] = _README.encode()
    if proof is not None:
        files["ledger.json"] = proof
    files["manifest.json"] = _json(
        {
            "format": FORMAT,
            "case": {
                "id": str(one.id),
                "number": one.number,
                "account_id": one.account_id,
                "unit_code": one.unit_code,
                "opened_at": one.opened_at,
                "score": one.score,
                "rules": one.rules,
                "verdict": one.verdict,
            },
            "made_at": now,
            "ledger_subject": f"case:{one.id}",
            "files": [
                {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in sorted(files.items())
            ],
        }
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _table(one: Case, pieces: Sequence[Piece]) -> bytes:
    """Return the look-ups as CSV for a spreadsheet: UTF-8 with BOM, every value text, each look-up once."""
    rows: dict[str, Mapping[str, Any]] = {}
    for piece in pieces:
        rows |= {lookup["id"]: lookup for lookup in piece.document["lookups"]}
    text = io.StringIO(newline="")
    text.write(_BOM)
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    for lookup in sorted(rows.values(), key=lambda row: (row["asked_at"], row["id"])):
        explained = lookup["explanation"] or {}
        writer.writerow(
            [
                _plain(value)
                for value in (
                    lookup["id"],
                    lookup["asked_at"],
                    one.account_id,
                    lookup["unit_code"],
                    lookup["ip"] or "",
                    lookup["dossier_code"] or "",
                    lookup["purpose"],
                    lookup["subject"],
                    lookup["outcome"],
                    explained.get("grade", ""),
                    explained.get("w", ""),
                )
            ]
        )
    return text.getvalue().encode()


def _plain(value: object) -> str:
    """Return a value that no spreadsheet takes for a formula, and no number for a number."""
    text = str(value)
    if text.startswith(_FORMULA):
        return f"'{text}"
    return f'="{text}"' if text.isdigit() else text


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)


_README = """Gói hồ sơ vụ việc chuyển cơ quan công an / Case package for the police

manifest.json      danh mục tệp và mã băm SHA-256 / files with their SHA-256
evidence/NNNN.json chứng cứ nguyên trạng khi được khoá; SHA-256 của từng tệp có trong sổ cái /
                   evidence exactly as frozen; the SHA-256 of each file stands in the ledger
lookups.csv        bảng lượt tra cứu / table of look-ups
ledger.json        chứng minh của sổ cái (nếu đã niêm phong) / proofs of the ledger, where sealed already
acts.json          diễn biến xử lý / what was done with the case
explanations.json  yêu cầu và nội dung giải trình / what the officer was asked and answered

Kiểm chứng / verify:  lienthong evidence verify ledger.json
"""
