"""The same messages from a WSDL, by zeep: strict where `templates` and `reading` are quick and tolerant.

Needed for acceptance at a partner (``messages_by = "wsdl"``), with the partner's own WSDL where its messages differ
from the published ones, and to hold the quick way to the contract. zeep is imported and the files are read at the first
message, in a thread; nothing is fetched, and answers are parsed by our hardened parser and never by zeep's.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from adapters.population_db import answers, reading, wire
from contracts.errors import NeedsPerson, Sentence, Unsupported

OWN = Path(__file__).parent / "contract" / "population.wsdl"


class Contract:
    """A WSDL in use. Constructing it reads nothing."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` is the WSDL, its schemas beside it; without it our own."""
        self._path = path or OWN
        self._loaded: _Loaded | None = None
        self._loading = asyncio.Lock()

    async def render(self, request: wire.Request) -> bytes:
        """Return the SOAP envelope of a request.

        Raises:
            Unsupported: The WSDL has no such call, or does not take these elements.
            NeedsPerson: The WSDL cannot be used.
        """
        loaded = await self._load()
        return await asyncio.to_thread(loaded.render, request)

    async def check(self, call: wire.Call, document: bytes) -> None:
        """Raise `Malformed` unless an answer is what the WSDL promises; `reading.SoapFault` for a fault."""
        loaded = await self._load()
        await asyncio.to_thread(loaded.parse, call, document)

    def loaded(self) -> _Loaded:
        """Load it here and now; for tests and tools, never on the event loop."""
        if self._loaded is None:
            self._loaded = _Loaded(self._path)
        return self._loaded

    async def _load(self) -> _Loaded:
        if self._loaded is None:
            async with self._loading:
                await asyncio.to_thread(self.loaded)
        return self.loaded()


class _Loaded:
    """zeep's reading of the WSDL."""

    def __init__(self, path: Path) -> None:
        import zeep.exceptions  # noqa: PLC0415 - a tenth of a second and much memory, for who needs it
        from zeep import Client, Settings  # noqa: PLC0415 - as above
        from zeep.transports import Transport  # noqa: PLC0415 - as above

        folder = path.resolve().parent

        class FilesBesideIt(Transport):
            """Reads the files of the WSDL's folder and nothing else; never calls anybody."""

            def load(self, url: str) -> bytes:
                wanted = Path(url.removeprefix("file://")).resolve()
                if wanted.parent != folder:
                    raise OSError("outside of the folder of the WSDL")
                return wanted.read_bytes()

            def post(self, *_args: Any, **_options: Any) -> Any:
                raise OSError("zeep calls nobody here")

            get = post

        try:
            # zeep has no types of its own for mypy.
            self._client: Any = Client(  # type: ignore[no-untyped-call]
                str(path),
                transport=FilesBesideIt(),  # type: ignore[no-untyped-call]
                settings=Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True),
            )
            self._operations = self._client.service._binding._operations  # noqa: SLF001 - zeep offers no list
        except Exception:  # noqa: BLE001 - whatever a foreign WSDL makes of zeep
            # Not chained: zeep's words may quote the file and its path.
            raise NeedsPerson(_NO_WSDL, field="wsdl_file") from None
        self._failures = (zeep.exceptions.Error, TypeError, ValueError, AttributeError)

    def render(self, request: wire.Request) -> bytes:
        """Return the envelope."""
        from lxml import etree  # noqa: PLC0415 - beside zeep, which brings it

        if request.call not in self._operations:
            raise Unsupported(_NO_CALL, field="wsdl_file")
        try:
            envelope = self._client.create_message(self._client.service, str(request.call), **_values(request.elements))
            # The published request has an empty header, which zeep leaves out.
            envelope.insert(0, etree.Element(f"{{{wire.SOAP}}}Header"))
            return bytes(etree.tostring(envelope, encoding="UTF-8", xml_declaration=True))
        except self._failures:
            # Not chained: zeep quotes the value it does not take.
            raise Unsupported(_NOT_TAKEN, field="wsdl_file") from None

    def parse(self, call: wire.Call, document: bytes) -> Any:
        """Return zeep's reading of an answer. Raises `Malformed`, or `reading.SoapFault`."""
        kind = self._operations[call].output.body
        element = reading.message(document, frozenset({str(kind.name)}))
        try:
            return kind.parse(element, self._client.wsdl.types)
        except self._failures:
            raise answers.malformed(str(kind.name)) from None

    def read(self, call: wire.Call, document: bytes) -> wire.CongdanCollection | wire.KetQuaXacThuc:
        """Return an answer to our own WSDL as `reading` does, to compare the two. Raises as `parse`."""
        told = self.parse(call, document)
        if call not in wire.COLLECTIONS:
            return wire.KetQuaXacThuc(TonTai=told.TonTai, TinhTrangHonNhan=told.TinhTrangHonNhan)
        return wire.CongdanCollection(
            SoCongDan=told.SoCongDan or "",
            GhiChu=told.GhiChu or "",
            ThoiDiemDuLieu=told.ThoiDiemDuLieu or "",
            id=told.id or "",
            CongDan=[_as(one, wire.CongDan) for one in told.CongDan or ()],
        )


def _values(elements: wire.Elements) -> dict[str, Any]:
    return {name: one if isinstance(one, str) else _values(one) for name, one in elements}


def _as(told: Any, kind: type[Any]) -> Any:
    """Return what zeep read as one of our messages; ``None`` is what it makes of an empty element."""
    parts = wire.PARTS[kind]
    found: dict[str, Any] = {}
    for name in kind.__annotations__:
        value = getattr(told, name, None)
        found[name] = _as(value, parts[name]) if name in parts and value is not None else value
    return found


_NO_WSDL = Sentence(
    en="wsdl_file cannot be used: it must be a WSDL 1.1 with a SOAP binding, its schemas in the same folder.",
    vi="Không dùng được wsdl_file: cần là WSDL 1.1 có liên kết SOAP, các lược đồ nằm cùng thư mục.",
)
_NO_CALL = Sentence(
    en="The WSDL of this connection has no such call (wsdl_file); nothing was sent.",
    vi="WSDL của kết nối này không có chức năng được gọi (wsdl_file); chưa gửi gì.",
)
_NOT_TAKEN = Sentence(
    en="The WSDL of this connection does not take these elements (wsdl_file, element_names); nothing was sent.",
    vi="WSDL của kết nối này không nhận các phần tử được gửi (wsdl_file, element_names); chưa gửi gì.",
)
