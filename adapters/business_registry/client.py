"""The database's wire and nothing but the wire: one question on one of the three roads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from adapters.business_registry import answers
from adapters.business_registry.settings import RegistrySettings
from adapters.transport.forward import ForwardClient
from adapters.transport.http import HttpAnswer, HttpClient
from adapters.transport.lgsp import LgspClient

_HEADERS = {"Accept": "application/json"}


class _Road(Protocol):
    """What the three roads have in common."""

    async def request(
        self,
        method: str,
        url: str,
        /,
        *,
        operation: str,
        deadline_seconds: float,
        is_write: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send one request within the deadline."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class RegistryClient:
    """Asks the database; constructing it has no side effects."""

    def __init__(self, settings: RegistrySettings, connection: str) -> None:
        self._road, self._url = _road(settings, connection)
        self._deadline = settings.find_enterprise_deadline_seconds
        self._parameters = (
            {"category": settings.category, "version": settings.category_version}
            if settings.named_by == "category"
            else {}
        )
        self._code_parameter = settings.code_parameter

    async def ask(self, code: str, operation: str) -> bytes:
        """Return the body of the answer about a code; the deadline covers a new token too.

        Raises any error of `contracts.errors` but `OutcomeUnknown`: a question may always be asked again.
        """
        answer = await self._road.request(
            "GET",
            self._url,
            operation=operation,
            deadline_seconds=self._deadline,
            is_write=False,
            headers=_HEADERS,
            params={**self._parameters, self._code_parameter: code},
        )
        answers.check_status(answer)
        return answer.content

    async def aclose(self) -> None:
        """Close every connection."""
        await self._road.aclose()


def _road(settings: RegistrySettings, connection: str) -> tuple[_Road, str]:
    """Return the client of the one road that is configured, and the address to call on it."""
    if settings.forward is not None:
        return ForwardClient(settings.forward, connection=connection), settings.path
    if settings.lgsp is not None:
        return LgspClient(settings.lgsp, connection=connection), f"{settings.lgsp.base_url}/{settings.path}".rstrip("/")
    facade = settings.facade
    assert facade is not None  # noqa: S101 - the settings have exactly one road
    client = HttpClient(facade.http.allowing(facade.base_url), connection=connection)
    return client, f"{facade.base_url}/{settings.path}".rstrip("/")
