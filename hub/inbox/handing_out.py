"""Giving a partner one-time addresses of ours in place of the files' own, in every dossier that is published to it.

For dossier systems whose files nobody outside may reach: the partner comes to the hub, once for each address, and the
hub fetches the file. Each push makes new addresses; those of an earlier push go on until they are used or over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from contracts.dossier import Dossier, FileRef, Step
from contracts.errors import Sentence
from contracts.inbound import GivesFileAddresses
from contracts.ports import CallReport, DossierPublisher, DossierPush, Operation, PartnerDossier, StepPush
from hub.errors import Refusal
from hub.inbox.downloads import files_of, make_addresses
from hub.inbox.settings import PREFIX, InboundSettings
from hub.registry import OpenConnection
from hub.settings import Settings, SettingsError
from hub.store.engine import Store


class AddressGivingPublisher:
    """A `DossierPublisher` whose partner fetches the files from the hub; everything else is the inner one's."""

    def __init__(
        self,
        inner: DossierPublisher,
        store: Store,
        settings: InboundSettings,
        *,
        connection: str,
        base: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``base`` is the address below which the partner opens files, e.g. ``https://…/inbound/portal/downloadfile``."""
        self._inner = inner
        self._store = store
        self._files = settings.files
        self._reach = settings.files.reach()
        self._connection = connection
        self._base = base
        self._now = now

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Those of the inner publisher."""
        return self._inner.operations

    async def push_dossiers(self, pushes: Sequence[DossierPush]) -> CallReport:
        """Publish the dossiers with addresses of ours."""
        files = [
            (push.dossier.code, file.id) for push in pushes for file in files_of(push.dossier) if self._is_ours(file)
        ]
        if not files:
            return await self._inner.push_dossiers(pushes)
        async with self._store.transaction() as conn:
            tokens = await make_addresses(
                conn, files, connection=self._connection, settings=self._files, now=self._now()
            )
        urls = {file: f"{self._base}/{token}" for file, token in zip(files, tokens, strict=True)}
        return await self._inner.push_dossiers(
            [replace(push, dossier=with_addresses(push.dossier, urls)) for push in pushes]
        )

    async def push_steps(self, pushes: Sequence[StepPush]) -> CallReport:
        """As the inner publisher."""
        return await self._inner.push_steps(pushes)

    async def find_dossier(self, code: str) -> PartnerDossier | None:
        """As the inner publisher."""
        return await self._inner.find_dossier(code)

    def step_fingerprint(self, dossier_code: str, step: Step) -> str:
        """As the inner publisher."""
        return self._inner.step_fingerprint(dossier_code, step)

    def _is_ours(self, file: FileRef) -> bool:
        """Say whether the hub could fetch the file; what it may not reach keeps its own address."""
        try:
            self._reach.check(file.url)
        except Refusal:
            return False
        return True


def with_addresses(dossier: Dossier, urls: Mapping[tuple[str, str], str]) -> Dossier:
    """Return the dossier with other addresses for those of its files, by (dossier code, file id)."""

    def changed(files: Sequence[FileRef]) -> tuple[FileRef, ...]:
        return tuple(file.model_copy(update={"url": urls.get((dossier.code, file.id), file.url)}) for file in files)

    components = tuple(one.model_copy(update={"files": changed(one.files)}) for one in dossier.facts.components)
    results = tuple(one.model_copy(update={"files": changed(one.files)}) for one in dossier.results)
    facts = dossier.facts.model_copy(update={"components": components})
    return dossier.model_copy(update={"facts": facts, "results": results})


def publisher_of(one: OpenConnection, store: Store, settings: Settings) -> DossierPublisher | None:
    """Return what publishes dossiers to this connection: itself, or with addresses of ours where it is set.

    Raises `SettingsError` where addresses of ours are wanted and nobody could open them.
    """
    if not isinstance(one.connection, DossierPublisher):
        return None
    if not one.configured.inbound.hand_out_files:
        return one.connection
    public = settings.inbound.public_url
    if public is None or not isinstance(one.connection, GivesFileAddresses):
        key = f"connections.{one.id}.inbound.hand_out_files"
        raise SettingsError(
            Sentence(
                en=f"The setting {key} needs inbound.public_url and an adapter whose partner fetches files from us.",
                vi=f"Khóa cấu hình {key} cần có inbound.public_url và bộ kết nối mà đối tác lấy tệp từ hệ thống.",
            ),
            key=key,
        )
    base = f"{public.rstrip('/')}{PREFIX}{one.id}/{one.connection.file_path}"
    return AddressGivingPublisher(one.connection, store, settings.inbound, connection=one.id, base=base)
