"""The wire, and nothing but the wire: one question out, the XML document of its answer back."""

from __future__ import annotations

import asyncio

from adapters.population_db import answers, reading, templates, wire
from adapters.population_db.contract import Contract
from adapters.population_db.settings import PopulationSettings
from adapters.population_db.ways import DirectWay, FacadeWay, LgspWay, Way
from adapters.transport.faults_to_errors import Call
from adapters.transport.http import HttpAnswer
from contracts.errors import LienThongError, Malformed, Sentence, TryLater
from contracts.population import Asker
from contracts.ports import AdapterContext


class PopulationClient:
    """Asks the database in the configured way. Constructing it has no side effects."""

    def __init__(self, settings: PopulationSettings, context: AdapterContext) -> None:
        self._connection = context.connection_id
        self._report_drift = context.report_drift
        self._reactions = settings.fault_reactions
        self._longest = settings.max_answer_bytes
        self._contract = Contract(settings.wsdl_file) if settings.messages_by == "wsdl" else None
        self._way = _way(settings, context)
        self._calls: dict[str, Call] = {}

    async def ask(self, request: wire.Request, asker: Asker, operation: str, deadline_seconds: float) -> bytes | None:
        """Return the XML of the answer, not yet read; ``None`` where a façade's code says "no such citizen".

        Everything is within ``deadline_seconds``, a login too. Raises any error of `contracts.errors` but
        `OutcomeUnknown`: a question that ends in doubt is `TryLater`.
        """
        call = self._call(operation)
        if self._contract is None:
            answer = await self._way.send(request, templates.render(request), asker, call, deadline_seconds)
            return self._document(answer, call)
        return await self._ask_by_contract(self._contract, request, asker, call, deadline_seconds)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._way.aclose()

    async def _ask_by_contract(
        self, contract: Contract, request: wire.Request, asker: Asker, call: Call, deadline_seconds: float
    ) -> bytes | None:
        try:
            async with asyncio.timeout(deadline_seconds):
                body = await contract.render(request)
                answer = await self._way.send(request, body, asker, call, deadline_seconds)
                document = self._document(answer, call)
                if document is not None:
                    await contract.check(request.call, document)
                return document
        except TimeoutError:
            raise TryLater(_OUT_OF_TIME) from None

    def _document(self, answer: HttpAnswer, call: Call) -> bytes | None:
        answers.check_road(answer, call)
        content = answer.content
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - the class of successes
            # SOAP 1.1 sends its faults with 500: the code in it says more than the status.
            may_be_fault = len(content) <= self._longest and b"Fault" in content
            code = reading.fault_code(content) if may_be_fault else None
            if code is not None:
                raise self.fault(code, call.operation)
            answers.check_status(answer.status)
        document = self._way.document(content)
        if document is None:
            return None
        if len(document) > self._longest:
            raise Malformed(_TOO_LARGE)
        return document

    def fault(self, code: str, operation: str) -> LienThongError:
        """Return the reaction to the code of a SOAP fault; an unknown one is told as drift too."""
        if not answers.is_known_fault(code, self._reactions):
            self._report_drift("Fault", "faultcode")
        return answers.fault(code, self._call(operation), self._reactions)

    def _call(self, operation: str) -> Call:
        call = self._calls.get(operation)
        if call is None:
            call = self._calls[operation] = Call(self._connection, operation, is_write=False)
        return call


def _way(settings: PopulationSettings, context: AdapterContext) -> Way:
    if settings.direct is not None:
        return DirectWay(settings.direct, connection=context.connection_id, now=context.now)
    if settings.lgsp is not None:
        return LgspWay(settings.lgsp, connection=context.connection_id)
    if settings.facade is not None:
        return FacadeWay(settings.facade, connection=context.connection_id)
    raise ValueError("settings name a way without its section")


_OUT_OF_TIME = Sentence(
    en="The time allowed for this question ran out; asking again changes nothing.",
    vi="Hết thời gian cho phép của lượt tra cứu; hỏi lại không làm thay đổi dữ liệu.",
)
_TOO_LARGE = Sentence(
    en="The population database's answer is larger than this connection reads (max_answer_bytes).",
    vi="Trả lời của Cơ sở dữ liệu quốc gia về dân cư vượt quá dung lượng cho phép (max_answer_bytes).",
)
