"""The addresses of evidence, as an auditor's program uses them."""

from __future__ import annotations

import pytest

from hub.access.scopes import Scope
from hub.app import Services
from hub.exchanges.service import ExchangeService
from hub.ledger import merkle
from hub.ledger.evidence import verify
from hub.ledger.note import VerifierKey, open_checkpoint
from hub.ledger.sealer import LedgerSealer
from tests.hub.api.conftest import CONNECTION, api, services  # noqa: F401 - the fixtures of the API's tests
from tests.hub.api.world import ApiWorld, assert_problem

UNKNOWN = "019a0000-0000-7000-8000-000000000001"


async def dismissed(world: ApiWorld, code: str) -> str:
    """Declare a dossier, end its exchange, and return the exchange."""
    [exchange] = (await world.put(code)).json()["exchange_ids"]
    await ExchangeService(world.store, [CONNECTION]).dismiss(exchange, actor="tester", reason="Thử")
    return str(exchange)


@pytest.fixture
def sealer(services: Services) -> LedgerSealer:  # noqa: F811 - the fixture
    """The sealer of the application's ledger."""
    return LedgerSealer(services.store, origin=services.settings.ledger.origin)


async def test_from_nothing_to_evidence(api: ApiWorld, sealer: LedgerSealer) -> None:  # noqa: F811
    """Each stage on the way says what it is; the answer is what anyone can verify offline."""
    auditor = await api.calling(scopes=[Scope.LEDGER_READ], agencies=[])
    assert_problem(await auditor.get(f"/v1/evidence/{UNKNOWN}"), 404, "exchange_not_found")
    assert_problem(await auditor.get("/v1/evidence/%00"), 404, "exchange_not_found")
    assert_problem(await auditor.get("/v1/ledger/checkpoint"), 404, "nothing_sealed")
    assert_problem(await auditor.get("/v1/ledger/consistency?from=1"), 404, "nothing_sealed")
    [open_one] = (await api.put("H99.12-261008-0001")).json()["exchange_ids"]
    assert_problem(await auditor.get(f"/v1/evidence/{open_one}"), 409, "not_ended_yet")
    exchange = await dismissed(api, "H99.12-261008-0002")
    assert_problem(await auditor.get(f"/v1/evidence/{exchange}"), 409, "not_sealed_yet")
    await sealer.seal()

    checkpoint = (await auditor.get("/v1/ledger/checkpoint")).json()
    keys = [VerifierKey.parse(one) for one in checkpoint["keys"]]
    signed, _ = open_checkpoint(checkpoint["note"], keys)
    assert (signed.size, signed.root.hex()) == (checkpoint["size"], checkpoint["root"])

    answer = await auditor.get(f"/v1/evidence/{exchange.upper()}")
    assert answer.status_code == 200
    verified = verify(answer.content, trusted=keys, checkpoint=signed)
    outcome = next(leaf for _, leaf in verified.entries if leaf.kind == "exchange")
    assert outcome.subject == exchange
    assert {name: outcome.facts[name] for name in ("state", "dossier", "operation", "connection", "revision")} == {
        "state": "dismissed",
        "dossier": "H99.12-261008-0002",
        "operation": "push_dossier",
        "connection": "national_portal",
        "revision": "1",
    }
    act = next(leaf for _, leaf in verified.entries if leaf.kind == "act")
    assert (act.facts["act"], act.facts["actor"]) == ("exchange.dismissed", "tester")


async def test_reading_is_recorded_too(api: ApiWorld, sealer: LedgerSealer) -> None:  # noqa: F811
    """Who read which evidence is in the log; what asks for checkpoints is not."""
    auditor = await api.calling(scopes=[Scope.LEDGER_READ], agencies=[])
    exchange = await dismissed(api, "H99.12-261008-0001")
    await sealer.seal()
    await auditor.get(f"/v1/evidence/{exchange}")
    await auditor.get("/v1/ledger/checkpoint")
    sealed = await sealer.seal()
    assert sealed is not None
    assert sealed.entries == 1
    read = verify((await auditor.get(f"/v1/evidence/evidence:{exchange}")).content)
    [(_, leaf)] = read.entries
    assert leaf.facts["act"] == "evidence.read"
    assert leaf.facts["actor"].startswith("client-")


async def test_consistency_between_two_checkpoints(api: ApiWorld, sealer: LedgerSealer) -> None:  # noqa: F811
    """What was signed first is the beginning of what was signed later; and evidence can lead to either."""
    auditor = await api.calling(scopes=[Scope.LEDGER_READ], agencies=[])
    exchange = await dismissed(api, "H99.12-261008-0001")
    await sealer.seal()
    first = (await auditor.get("/v1/ledger/checkpoint")).json()
    for n in range(2, 9):
        await dismissed(api, f"H99.12-261008-000{n}")
        await sealer.seal()
    last = (await auditor.get("/v1/ledger/checkpoint")).json()
    proof = (await auditor.get(f"/v1/ledger/consistency?from={first['size']}&to={last['size']}")).json()
    assert (proof["from_root"], proof["to_root"]) == (first["root"], last["root"])
    path, old, new = ([bytes.fromhex(one) for one in proof["path"]], *_roots(first, last))
    assert merkle.verify_consistency(first["size"], last["size"], path, old, new)
    assert (await auditor.get(f"/v1/ledger/consistency?from={first['size']}")).json() == proof
    for size in (first["size"], last["size"]):
        answer = await auditor.get(f"/v1/evidence/{exchange}?size={size}")
        assert verify(answer.content).checkpoint.size == size


def _roots(*checkpoints: dict[str, str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(one["root"]) for one in checkpoints)


async def test_what_cannot_be_answered_is_refused(api: ApiWorld, sealer: LedgerSealer) -> None:  # noqa: F811
    """Sizes that are none, out of order or not sealed; a checkpoint that was never signed; no scope."""
    auditor = await api.calling(scopes=[Scope.LEDGER_READ], agencies=[])
    exchange = await dismissed(api, "H99.12-261008-0001")
    await sealer.seal()
    for query, status, code in (
        ("", 422, "missing"),
        ("?from=x", 422, "int_parsing"),
        ("?from=0", 422, "sizes_out_of_order"),
        ("?from=2&to=1", 422, "sizes_out_of_order"),
        ("?from=1&to=99", 409, "not_sealed_yet"),
        ("?from=1&from=2", 400, "repeated_parameter"),
        ("?from=-1", 422, "greater_than_equal"),
        ("?from=99999999999999999999", 422, "less_than_equal"),
    ):
        answer = await auditor.get(f"/v1/ledger/consistency{query}")
        assert answer.status_code == status, (query, answer.text)
        if status != 422 or code.startswith("sizes"):
            assert_problem(answer, status, code)
    assert_problem(await auditor.get(f"/v1/evidence/{exchange}?size=1"), 404, "checkpoint_not_found")
    other = await api.calling(scopes=[Scope.EXCHANGES_READ], agencies=[])
    for path in ("/v1/ledger/checkpoint", "/v1/ledger/consistency?from=1", f"/v1/evidence/{exchange}"):
        assert (await other.get(path)).status_code == 403
