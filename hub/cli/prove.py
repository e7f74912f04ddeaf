"""Commands of evidence: export it, verify it anywhere, recompute the whole log, show the key of the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Sentence
from hub.cli.frame import actor, load, run, say, tell_error
from hub.running.command_error import CommandError

if TYPE_CHECKING:
    from hub.ledger.audit import Report
    from hub.ledger.evidence import Verified
    from hub.ledger.note import Checkpoint, VerifierKey

_MOST_BYTES = 64 << 20

_KEYS = Annotated[
    list[str] | None,
    typer.Option("--key", help="Verifier key of the log, got from the province another way; repeat for several."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    of_evidence = typer.Typer(help="What the ledger proves.", no_args_is_help=True)
    of_evidence.command("export")(evidence_export)
    of_evidence.command("verify")(evidence_verify)
    of_evidence.command("audit")(evidence_audit)
    of_evidence.command("key")(evidence_key)
    app.add_typer(of_evidence, name="evidence")


def evidence_export(
    exchange: Annotated[str, typer.Argument(help="Id of the exchange, or of an inbox event.")],
    out: Annotated[Path, typer.Option(help="File to be written; one that is there is not overwritten.")],
    size: Annotated[int | None, typer.Option(min=1, help="Prove against the checkpoint of so many entries.")] = None,
) -> None:
    """Write all that the ledger holds about an exchange, with proofs, into a file for anyone to verify."""
    from hub.ledger.service import LedgerService
    from hub.store.engine import open_store

    settings = load(quiet=True)

    async def read() -> bytes:
        async with await open_store(settings) as store:
            return await LedgerService(store).evidence(exchange, actor=actor(), size=size, indented=True)

    made = run(read())
    try:
        with out.open("xb") as file:
            file.write(made)
    except OSError as error:
        raise CommandError(
            "not_written",
            Sentence(
                f"The file {out} cannot be written ({error.strerror}); name another one.",
                f"Không ghi được tệp {out} ({error.strerror}); hãy chọn tệp khác.",
            ),
        ) from None
    say(f"Wrote {out}. Whoever has it can check it with: lienthong evidence verify {out}")


def evidence_verify(
    file: Annotated[Path, typer.Argument(help="The exported evidence.")],
    key: _KEYS = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint (signed note) got another way; the proof must lead to it.")
    ] = None,
) -> None:
    """Check exported evidence, offline: no database, no configuration. Ends with 1 when anything is wrong."""
    from hub.ledger.evidence import EvidenceFault, verify

    trusted = _parse(key)
    data = _read(file)
    try:
        known = trusted if trusted is not None else _own_keys(data)
        kept = None if checkpoint is None else _read_checkpoint(checkpoint, known)
        verified = verify(data, trusted=trusted, checkpoint=kept)
    except EvidenceFault as fault:
        tell_error(fault.sentence)
        raise typer.Exit(1) from None
    _show(verified)


def _show(verified: Verified) -> None:
    checkpoint = verified.checkpoint
    say(f"Sound: what follows about {verified.subject} is in the log {checkpoint.origin},")
    say(f"as it was signed at {checkpoint.size} entries.  Chứng cứ toàn vẹn.\n")
    for index, leaf in verified.entries:
        facts = " ".join(f"{name}={value}" for name, value in sorted(leaf.facts.items()))
        say(f"{index}  {leaf.at}  {leaf.kind}  {facts}")
    say()
    for key in verified.signed_by:
        say(f"Signed by  {key}")
    if not verified.is_trusted:
        say("The file itself brought this key. Compare it with the one the province publishes, or give it with --key.")
        say("Khóa này do chính tệp mang theo. Hãy đối chiếu với khóa tỉnh công bố, hoặc chỉ rõ bằng --key.")


def evidence_audit(
    key: _KEYS = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint kept elsewhere that the log must agree with; repeatable.")
    ] = None,
) -> None:
    """Recompute the stored log from its beginning and compare it with every checkpoint. Ends with 1 on any fault."""
    from hub.ledger.audit import audit
    from hub.ledger.keys import verifier_keys
    from hub.store.engine import open_store

    settings = load(quiet=True)
    trusted = _parse(key)

    async def recompute() -> Report:
        async with await open_store(settings) as store:
            async with store.transaction() as conn:
                known = trusted if trusted is not None else await verifier_keys(conn)
            kept = [_read_checkpoint(one, known) for one in checkpoint or []]
            return await audit(store, trusted=trusted or (), kept=kept)

    report = run(recompute())
    for fault in report.faults:
        tell_error(fault)
    if report.more:
        say(f"… and {report.more} more.")
    if not report.is_sound:
        raise typer.Exit(1)
    say(f"Sound: {report.entries} entries, {report.checkpoints} checkpoints, root {report.root.hex()}")
    say("Sổ cái toàn vẹn.")


def evidence_key(
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key first; the former one signs beside it for 30 days.")
    ] = False,
) -> None:
    """Show the verifier keys of the log, the newest first: publish them where the log's own operators cannot alter."""
    from hub.ledger import keys
    from hub.store.engine import Store, open_store

    settings = load(quiet=True)

    async def of(store: Store) -> list[VerifierKey]:
        if rotate:
            await keys.replace_checkpoint_key(store, settings.ledger.origin, actor=actor())
        async with store.transaction() as conn:
            return await keys.verifier_keys(conn)

    async def read() -> list[VerifierKey]:
        async with await open_store(settings) as store:
            return await of(store)

    found = run(read())
    for one in found:
        say(str(one))
    if not found:
        say("The log has no key yet; it is made with the first checkpoint.")


# --- reading what was given -----------------------------------------------------------------------------------


def _parse(texts: list[str] | None) -> list[VerifierKey] | None:
    from hub.ledger.note import NoteError, VerifierKey

    if not texts:
        return None
    try:
        return [VerifierKey.parse(one) for one in texts]
    except NoteError as error:
        raise CommandError(
            "not_a_key",
            Sentence(f"The key given cannot be used: {error}.", f"Khóa đã cho không dùng được: {error}."),
        ) from None


def _own_keys(data: bytes) -> list[VerifierKey]:
    from hub.ledger.evidence import verify

    return list(verify(data).signed_by)


def _read_checkpoint(path: Path, keys: list[VerifierKey]) -> Checkpoint:
    from hub.ledger.note import NoteError, open_checkpoint

    try:
        return open_checkpoint(_read(path).decode(), keys)[0]
    except (NoteError, UnicodeDecodeError) as error:
        what = str(error) if isinstance(error, NoteError) else "it is not UTF-8"
        raise CommandError(
            "not_a_checkpoint",
            Sentence(
                f"The checkpoint in {path} does not hold: {what}.",
                f"Điểm kiểm tra trong {path} không hợp lệ: {what}.",
            ),
        ) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(
            "not_read",
            Sentence(
                f"The file {path} cannot be read ({error.strerror}).", f"Không đọc được tệp {path} ({error.strerror})."
            ),
        ) from None
    if len(data) > _MOST_BYTES:
        raise CommandError(
            "too_large",
            Sentence(f"The file {path} is too large to be evidence.", f"Tệp {path} quá lớn, không phải là chứng cứ."),
        )
    return data
