"""What is small and flat enough."""

from __future__ import annotations

from typing import Any

import pytest

from members.data_validator.bounds import require_flat, require_small
from members.sandbox.refusals import Invalid, TooLarge


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_the_deepest_allowed_value_passes_and_one_level_more_does_not() -> None:
    require_flat("data", nested(5), 5)
    with pytest.raises(TooLarge, match="data is nested more than 5 levels"):
        require_flat("data", nested(6), 5)


def test_a_value_too_deep_for_recursion_is_still_measured() -> None:
    with pytest.raises(TooLarge):
        require_flat("schema", nested(100_000), 128)


def test_size_is_of_both_together() -> None:
    require_small({"schema": "a" * 8, "data": {}}, 12)
    with pytest.raises(TooLarge, match="schema and data have 12 bytes; at most 11"):
        require_small({"schema": "a" * 8, "data": {}}, 11)


@pytest.mark.parametrize("data", [float("nan"), float("inf"), "\ud800"])
def test_what_is_no_json_is_refused(data: Any) -> None:
    with pytest.raises(Invalid):
        require_small({"data": data}, 100)
