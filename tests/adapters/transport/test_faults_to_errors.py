"""The table of library exceptions is complete, and never takes a sent request for an unsent one."""

from __future__ import annotations

import inspect
import socket
import ssl
from collections.abc import Iterator

import httptools
import httpx
import pytest
from httptools.parser import errors as parser_errors

from adapters.transport import connecting, connection, faults_to_errors, http_message, pool, wire, wire_errors
from adapters.transport.faults_to_errors import (
    HTTPX,
    WIRE,
    Call,
    Fate,
    Progress,
    Stage,
    certificate_error,
    deadline_error,
    error_of,
    from_wire,
    to_error,
)
from adapters.transport.wire_errors import ConnectionEndedError, WireError
from contracts.errors import REACTIONS, Malformed, NeedsPerson, OutcomeUnknown, TryLater, Unsupported

WRITE = Call("h99_portal", "push_dossier", is_write=True)
READ = Call("h99_portal", "find_dossier", is_write=False)


def _classes(*modules: object) -> Iterator[type[BaseException]]:
    for module in modules:
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, BaseException):
                yield found


def _with_subclasses(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for child in root.__subclasses__():
        yield from _with_subclasses(child)


def _of(package: str, classes: Iterator[type[BaseException]]) -> set[type[BaseException]]:
    return {found for found in classes if found.__module__.split(".")[0] == package}


def test_every_exception_of_the_wire_has_a_row() -> None:
    """A class that a new parser brings, or that we make, must be given a meaning before it is used."""
    known = _of("httptools", _classes(httptools, parser_errors))
    known |= set(_with_subclasses(WireError))
    ours = _of("adapters", _classes(connecting, connection, http_message, pool, wire, wire_errors))
    known |= {found for found in ours if not issubclass(found, httpx.HTTPError)}
    # TLS has many classes; all but the one for certificates mean that the handshake, or the line, broke.
    known |= {OSError, TimeoutError, ssl.SSLError, ssl.SSLCertVerificationError}
    assert known - set(WIRE) == set()
    assert len(known) > 14


@pytest.mark.parametrize(
    ("found", "before", "after"),
    [
        (ConnectionResetError, TryLater, OutcomeUnknown),
        (ConnectionRefusedError, TryLater, OutcomeUnknown),
        (socket.gaierror, TryLater, OutcomeUnknown),
        (ssl.SSLEOFError, TryLater, OutcomeUnknown),
        (ssl.SSLError, NeedsPerson, NeedsPerson),
        (ssl.SSLCertVerificationError, NeedsPerson, OutcomeUnknown),
        (ConnectionEndedError, TryLater, OutcomeUnknown),
        (wire_errors.AnswerError, TryLater, Malformed),
        (wire_errors.AnswerTooLongError, TryLater, Malformed),
        (wire_errors.AddressError, NeedsPerson, OutcomeUnknown),
        (wire_errors.UnsendableError, Unsupported, OutcomeUnknown),
        (httptools.HttpParserError, TryLater, Malformed),
        (httptools.HttpParserUpgrade, TryLater, Malformed),
    ],
)
def test_the_same_exception_before_and_after_the_first_byte(
    found: type[Exception], before: type[Exception], after: type[Exception]
) -> None:
    """The reactions of a write, spelt out once: whoever changes a row sees what it does."""
    for stage, expected in ((Stage.CONNECTING, before), (Stage.SENT, after)):
        progress = Progress()
        progress.stage = stage
        assert type(to_error(from_wire(_bare(found), progress), WRITE)) is expected


def test_every_exception_of_httpx_has_a_row() -> None:
    """The same for httpx, our own refinements of its classes included."""
    known = _of("httpx", _classes(httpx))
    for root in (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict):
        known |= {found for found in _with_subclasses(root) if found.__module__.split(".")[0] in {"httpx", "adapters"}}
    assert known - set(HTTPX) == set()
    assert len(known) > 28


def test_no_row_is_left_over() -> None:
    """A row for a class that is gone would hide that its successor has none."""
    ours = _of("adapters", _classes(faults_to_errors))
    assert set(HTTPX) - _of("httpx", _classes(httpx)) - ours == set()


@pytest.mark.parametrize("found", sorted(WIRE, key=lambda row: row.__name__), ids=lambda row: row.__name__)
def test_a_write_that_was_sent_is_never_tried_again_by_itself(found: type[BaseException]) -> None:
    """Whatever the wire raises after the request was handed over, a write is not said to be unsent."""
    progress = Progress()
    for stage in (Stage.SENT, Stage.UNKNOWN):
        progress.stage = stage
        error = to_error(from_wire(_bare(found), progress), WRITE)
        assert not isinstance(error, TryLater)
        assert isinstance(error, REACTIONS)


@pytest.mark.parametrize("found", sorted(WIRE, key=lambda row: row.__name__), ids=lambda row: row.__name__)
def test_what_was_not_sent_is_never_an_unknown_outcome(found: type[BaseException]) -> None:
    """Before the request was handed over nothing can have happened there."""
    progress = Progress()
    progress.stage = Stage.CONNECTING
    assert not isinstance(to_error(from_wire(_bare(found), progress), WRITE), OutcomeUnknown)


@pytest.mark.parametrize("found", [ConnectionEndedError, ConnectionResetError, BrokenPipeError])
def test_closed_without_a_reply_is_a_read_error(found: type[Exception]) -> None:
    """Never ConnectTimeout or ConnectError: a retry rule that trusts those sends twice."""
    progress = Progress()
    progress.stage = Stage.SENT
    translated = from_wire(_bare(found), progress)
    assert type(translated) is httpx.ReadError


@pytest.mark.parametrize("found", sorted(HTTPX, key=lambda row: row.__name__), ids=lambda row: row.__name__)
def test_only_a_class_that_proves_it_means_not_sent(found: type[BaseException]) -> None:
    """Of httpx's own classes three say that nothing was sent; any other one leaves a write in doubt or worse."""
    proves_it = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout}
    assert (HTTPX[found] is Fate.NOT_SENT) == (found in proves_it)


def test_an_unknown_class_is_read_by_its_nearest_base() -> None:
    """A class from the future is treated as its parent, and a child of the root as "may have been sent"."""

    class FromTheFutureError(httpx.TransportError):
        pass

    assert isinstance(to_error(FromTheFutureError("new"), WRITE), OutcomeUnknown)
    assert isinstance(to_error(FromTheFutureError("new"), READ), TryLater)


@pytest.mark.parametrize(
    ("stage", "write", "read"),
    [
        (Stage.UNKNOWN, OutcomeUnknown, TryLater),
        (Stage.CONNECTING, TryLater, TryLater),
        (Stage.SENT, OutcomeUnknown, TryLater),
    ],
)
def test_the_deadline_asks_how_far_the_call_came(stage: Stage, write: type[Exception], read: type[Exception]) -> None:
    """A deadline that passes while waiting for a connection is no unknown outcome; without a note it is."""
    progress = Progress()
    progress.stage = stage
    assert type(deadline_error(progress, WRITE)) is write
    assert type(deadline_error(progress, READ)) is read


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("call", [WRITE, READ], ids=["write", "read"])
def test_every_fate_speaks_both_languages_and_names_the_call(fate: Fate, call: Call) -> None:
    """An operator reads one sentence in either language and knows which call it was."""
    error = error_of(fate, call)
    assert error.sentence.en.endswith(".")
    assert error.sentence.vi.endswith(".")
    assert error.sentence.en != error.sentence.vi
    assert (error.connection, error.operation) == (call.connection, call.operation)


def test_a_certificate_problem_names_the_check_that_failed() -> None:
    """An expired, a foreign and an untrusted certificate need three different people."""
    sentences = {certificate_error(code, READ).sentence.en for code in (9, 10, 20, 62, 64)}
    assert len(sentences) == 5
    assert certificate_error(10, READ).upstream_code == "X509:10"
    assert isinstance(certificate_error(0, READ), NeedsPerson)


def _bare(found: type[BaseException]) -> BaseException:
    """Return an instance without running a constructor that wants a whole request."""
    return found.__new__(found)
