"""What can be configured, and what cannot work."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

import adapters.business_registry as package
from adapters.business_registry.settings import StatusValues
from contracts.business import EnterpriseStatus
from tests.adapters.business_registry.worlds import SECRET, settings

_LGSP = {"base_url": "https://lgsp.h99.example", "consumer_key": "ck", "consumer_secret": SECRET}


@pytest.mark.parametrize(
    "changes",
    [
        {"lgsp": None},
        {"lgsp": _LGSP, "facade": {"base_url": "https://api.h99.example"}},
        {"facade": {"base_url": "https://api.h99.example/x?msdn=1"}},
        {"facade": {"base_url": "https://ai:mat-khau@api.h99.example"}},
        {"path": ""},
        {"path": "../x"},
        {"path": "x?y"},
        {"code_parameter": "category"},
        {"status_values": {"active": ["1"], "dissolved": ["1"]}},
        {"status_values": {"other": ["9"]}},
        {"date_formats": []},
        {"khong_co": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    """Before the first call, and without quoting a secret."""
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    assert SECRET not in str(refused.value)


def test_every_state_has_its_values_but_the_unknown_one() -> None:
    """A canonical state without a place for its codes cannot be overlooked; none has a value nobody has confirmed."""
    assert set(StatusValues.model_fields) == {one.value for one in EnterpriseStatus} - {"other"}
    assert not any(value for _, value in StatusValues())


def test_a_connection_tells_where_it_calls() -> None:
    """Whichever road it takes; the token's own address too."""
    assert package.ADAPTER.addresses is not None
    forward = {"adapter_url": "http://10.0.0.5:8080/XrdAdapter/RestService/forward", "dstcode": "VN:GOV:X:y"}
    for changes, addresses in (
        ({"lgsp": _LGSP | {"token_url": "https://cap-ma.h99.example/token"}}, 2),
        ({"facade": {"base_url": "https://api.h99.example/"}}, 1),
        ({"forward": forward}, 1),
    ):
        assert len(package.ADAPTER.addresses(settings(**changes))) == addresses
