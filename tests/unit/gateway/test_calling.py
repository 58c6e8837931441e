from __future__ import annotations

import pytest

from gateway.calling import carried
from gateway.shapes import CallHeaders

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _sent(**headers: str) -> CallHeaders:
    return CallHeaders.model_validate({name.replace("_", "-"): value for name, value in headers.items()})


def test_a_trace_travels_on() -> None:
    assert carried(_sent(traceparent=TRACE)) == {"traceparent": TRACE}


@pytest.mark.parametrize("value", ["nonsense", TRACE.upper(), TRACE + "-00"])
def test_a_malformed_trace_is_left_behind(value: str) -> None:
    assert carried(_sent(traceparent=value)) == {}


def test_an_idempotency_key_travels_on() -> None:
    assert carried(_sent(Idempotency_Key="order-7")) == {"Omega-Idempotency-Key": "order-7"}


def test_nothing_travels_unasked() -> None:
    assert carried(_sent()) == {}
