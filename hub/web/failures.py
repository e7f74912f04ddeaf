"""What the application raises, turned into problems: one table from the kind of exception to its answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from hub.access.refusals import AccessRefusal
from hub.errors import Refusal
from hub.store.errors import StoreUnavailable
from hub.web.problems import (
    ProblemAnswer,
    http_failure,
    internal_error,
    method_not_allowed,
    no_such_address,
    store_unavailable,
)
from hub.web.resources import WORK_BEGAN
from hub.web.validation import InvalidBody, refuse_invalid

RETRY_AFTER_SECONDS = 5


def problem_for(error: Exception, scope: Scope) -> ProblemAnswer | None:  # noqa: PLR0911 - a table
    """Return the problem that answers ``error``; ``None`` when it is no answer but a fault of the hub."""
    match error:
        case InvalidBody():
            return error.answer
        case AccessRefusal():
            return ProblemAnswer(error, headers={"www-authenticate": error.challenge})
        case Refusal():
            # A body that came too slowly is still under way: the connection cannot be used again.
            return ProblemAnswer(error, headers=_retry(error.status), close=error.status == HTTPStatus.REQUEST_TIMEOUT)
        case StoreUnavailable():
            nothing_stored = error.committed is False or WORK_BEGAN not in scope
            refusal = store_unavailable(nothing_stored=nothing_stored)
            return ProblemAnswer(refusal, headers=_retry(refusal.status))
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return ProblemAnswer(no_such_address())
        case HTTPException(status_code=HTTPStatus.METHOD_NOT_ALLOWED):
            return ProblemAnswer(method_not_allowed(), headers=error.headers)
        case HTTPException():
            return ProblemAnswer(http_failure(error.status_code), headers=error.headers)
        case RequestValidationError():
            return refuse_invalid(cast("Any", error.errors()), None)
        case _:
            return None


def unforeseen(scope: Scope) -> ProblemAnswer:
    """Return the problem for a fault of the hub, which says what became of the caller's work."""
    return ProblemAnswer(internal_error(nothing_stored=WORK_BEGAN not in scope))


def _retry(status: int) -> dict[str, str]:
    return {"retry-after": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
