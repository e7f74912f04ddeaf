"""The table of library exceptions is complete, and never takes a sent request for an unsent one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import aiohttp
import httpx
import pytest
from aiohttp import client_exceptions, http_exceptions

from adapters.transport import faults_to_errors
from adapters.transport.faults_to_errors import (
    AIOHTTP,
    HTTPX,
    Call,
    Fate,
    Progress,
    Stage,
    certificate_error,
    deadline_error,
    error_of,
    from_aiohttp,
    to_error,
)
from contracts.errors import REACTIONS, NeedsPerson, OutcomeUnknown, TryLater

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


def test_every_exception_of_aiohttp_has_a_row() -> None:
    """A class that a new aiohttp brings must be given a meaning before that aiohttp is used."""
    known = _of("aiohttp", _classes(aiohttp, client_exceptions, http_exceptions))
    known |= _of("aiohttp", _with_subclasses(aiohttp.ClientError))
    known |= _of("aiohttp", _with_subclasses(http_exceptions.HttpProcessingError))
    known = {found for found in known if not _is_of_no_request(found)}
    assert known - set(AIOHTTP) == set()
    assert len(known) > 35


def _is_of_no_request(found: type[BaseException]) -> bool:
    """Warnings, the server side, websockets, and the reader's own end-of-stream mark."""
    elsewhere = ("aiohttp.web", "aiohttp.http_websocket", "aiohttp._websocket", "aiohttp.streams")
    return issubclass(found, Warning) or found.__module__.startswith(elsewhere)


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


@pytest.mark.parametrize("found", sorted(AIOHTTP, key=lambda row: row.__name__), ids=lambda row: row.__name__)
def test_a_write_that_was_sent_is_never_tried_again_by_itself(found: type[BaseException]) -> None:
    """Whatever aiohttp raises after the request was handed over, a write is not said to be unsent."""
    progress = Progress()
    for stage in (Stage.SENT, Stage.UNKNOWN):
        progress.stage = stage
        error = to_error(from_aiohttp(_bare(found), progress), WRITE)
        assert not isinstance(error, TryLater)
        assert isinstance(error, REACTIONS)


@pytest.mark.parametrize("found", sorted(AIOHTTP, key=lambda row: row.__name__), ids=lambda row: row.__name__)
def test_what_was_not_sent_is_never_an_unknown_outcome(found: type[BaseException]) -> None:
    """Before the request was handed over nothing can have happened there."""
    progress = Progress()
    progress.stage = Stage.CONNECTING
    assert not isinstance(to_error(from_aiohttp(_bare(found), progress), WRITE), OutcomeUnknown)


@pytest.mark.parametrize(
    "found", [aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError]
)
def test_closed_without_a_reply_is_a_read_error(found: type[Exception]) -> None:
    """Never ConnectTimeout or ConnectError: a retry rule that trusts those sends twice."""
    progress = Progress()
    progress.stage = Stage.SENT
    translated = from_aiohttp(_bare(found), progress)
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
