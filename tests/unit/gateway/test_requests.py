from __future__ import annotations

import pytest

from bus.randomness import Tokens
from gateway.requests import request_id

IDS = Tokens(8)


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "01:02.03_x"])
def test_a_sane_request_id_is_kept(given: str) -> None:
    assert request_id(given, IDS) == given


@pytest.mark.parametrize("given", [None, "", "a" * 129, "a b", "a\r\nX: y", "<b>", "é"])
def test_any_other_request_id_is_replaced(given: str | None) -> None:
    new = request_id(given, IDS)
    assert len(new) == 16
    assert new != request_id(given, IDS)
