"""The adapters there are, and the connections a configuration makes of them, in its order.

An adapter is a package with an entry point in group ``lienthong.adapters`` whose object is a
`contracts.ports.Adapter` of the same name; ours use the same door as everybody's. Importing this module loads
none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from contracts.errors import Sentence
from contracts.ports import Adapter, AdapterContext, Connection
from hub.settings import ConnectionSettings, Settings, SettingsError
from hub.settings_loading import explain

GROUP = "lienthong.adapters"


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A connection as the hub uses it."""

    id: str
    adapter: Adapter
    configured: ConnectionSettings
    settings: BaseModel
    """The adapter's own settings, checked; may hold secrets."""
    connection: Connection

    @property
    def title(self) -> Sentence:
        """The name operators see."""
        return title_of(self.configured, self.adapter)


def title_of(configured: ConnectionSettings, adapter: Adapter) -> Sentence:
    """Return the configured title of a connection, else the adapter's."""
    if configured.title is not None:
        return Sentence(en=configured.title, vi=configured.title)
    return adapter.title


def load_adapters() -> dict[str, Adapter]:
    """Return all installed adapters by name, in the order of their names.

    Raises:
        SettingsError: An entry point cannot be imported, is no adapter, or its name is taken; names it.
    """
    adapters: dict[str, Adapter] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        adapter = _load(entry)
        if adapter.name != entry.name:
            raise _broken(entry, f"it calls itself {adapter.name}", f"nó tự gọi là {adapter.name}")
        if adapter.name in adapters:
            raise _broken(entry, "another package has that name too", "gói khác cũng dùng tên này")
        adapters[adapter.name] = adapter
    return adapters


def read_connection_settings(settings: Settings, adapters: Mapping[str, Adapter]) -> dict[str, BaseModel]:
    """Check the adapter's own settings of every enabled connection, in the order of configuration.

    Raises:
        SettingsError: An adapter is unknown, or a key is unknown, missing or wrong
            (``connections.<id>.settings.<key>``).
    """
    checked: dict[str, BaseModel] = {}
    for name, configured in settings.connections.items():
        if not configured.enabled:
            continue
        adapter = adapters.get(configured.adapter)
        if adapter is None:
            known = ", ".join(sorted(adapters)) or "-"
            raise SettingsError(
                Sentence(
                    en=f"The setting connections.{name}.adapter names an adapter that is not installed: "
                    f"{configured.adapter}; installed are: {known}.",
                    vi=f"Khóa cấu hình connections.{name}.adapter chỉ tới bộ kết nối chưa được cài đặt: "
                    f"{configured.adapter}; hiện có: {known}.",
                ),
                key=f"connections.{name}.adapter",
            )
        with explain(adapter.settings, prefix=f"connections.{name}.settings"):
            # Values come from TOML and from environment variables, where a number is text: never strict.
            checked[name] = adapter.settings.model_validate(configured.settings, strict=False)
    return checked


def open_connections(
    settings: Settings, adapters: Mapping[str, Adapter], context_factory: Callable[[str], AdapterContext]
) -> dict[str, OpenConnection]:
    """Open every enabled connection, in the order of configuration.

    All settings are checked before the first connection is made. Connecting has no side effects, so there is
    nothing to undo when one fails.

    Args:
        settings: The whole configuration.
        adapters: From `load_adapters`.
        context_factory: Makes the context for a connection id.

    Raises:
        SettingsError: See `read_connection_settings`.
    """
    checked = read_connection_settings(settings, adapters)
    opened: dict[str, OpenConnection] = {}
    for name, own in checked.items():
        configured = settings.connections[name]
        adapter = adapters[configured.adapter]
        opened[name] = OpenConnection(
            id=name,
            adapter=adapter,
            configured=configured,
            settings=own,
            connection=adapter.connect(context_factory(name), own),
        )
    return opened


def _load(entry: EntryPoint) -> Adapter:
    try:
        adapter = entry.load()
    except Exception as error:  # whatever a third party's module raises while it is imported
        kind = type(error).__name__
        raise _broken(entry, f"importing it raises {kind}", f"khi nạp bị lỗi {kind}") from error
    if not isinstance(adapter, Adapter):
        raise _broken(entry, "it is not a contracts.ports.Adapter", "nó không phải là contracts.ports.Adapter")
    return adapter


def _broken(entry: EntryPoint, reason_en: str, reason_vi: str) -> SettingsError:
    package = entry.dist.name if entry.dist is not None else "?"
    return SettingsError(
        Sentence(
            en=f"The adapter {entry.name} ({entry.value}, package {package}) cannot be used: {reason_en}; "
            "repair or uninstall that package.",
            vi=f"Không dùng được bộ kết nối {entry.name} ({entry.value}, gói {package}): {reason_vi}; "
            "hãy sửa hoặc gỡ gói đó.",
        ),
        key=entry.name,
        source=package,
    )
