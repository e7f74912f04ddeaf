"""Cases, put together: their job for the clerk, their addresses for the api."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.x509 import Certificate

import hub.cases.addresses
import hub.cases.explanations_api
from contracts.errors import Sentence
from hub.access.guard import Guard
from hub.cases.api import CaseApi
from hub.cases.asking import Explanations
from hub.cases.explanations_api import ExplanationApi
from hub.cases.handover import HandOver, read_recipient
from hub.cases.jobs import CaseClock
from hub.cases.reveals import Reveals
from hub.cases.service import CaseService
from hub.clerk import Job
from hub.profiles.profile import Profile
from hub.settings import Settings, SettingsError
from hub.store.engine import Store
from hub.web.resources import Resource


def jobs(settings: Settings, store: Store) -> list[Job]:
    """Return what the clerk does for cases."""
    return [Job("cases", CaseClock(store, settings.cases).run)]


def resources(
    settings: Settings,
    store: Store,
    guard: Guard,
    profile: Profile,
) -> Sequence[Resource]:
    """Return the addresses of cases and explanations.

    Raises `hub.settings.SettingsError` where the certificate of the recipient cannot be used.
    """
    cases = CaseService(store, settings.cases, profile)
    hand_over = HandOver(cases, _recipient(settings.cases.handover_certificate_file))
    explanations = ExplanationApi(Explanations(store), store, settings.api)
    return (
        *hub.cases.addresses.resources(CaseApi(cases, Reveals(cases), hand_over, settings.api), guard),
        *hub.cases.explanations_api.resources(explanations, guard),
    )


def _recipient(path: Path | None) -> Certificate | None:
    if path is None:
        return None
    try:
        return read_recipient(path)
    except (OSError, ValueError) as error:
        raise SettingsError(
            Sentence(
                f"The certificate {path} cannot be used ({type(error).__name__}): it must be X.509 in PEM with an RSA"
                " key.",
                f"Không dùng được chứng thư {path}: cần X.509 dạng PEM có khóa RSA.",
            ),
            key="cases.handover_certificate_file",
        ) from error
