"""What JetStream says of a stream, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from bus.streams import is_as_wanted, passes


@pytest.mark.parametrize(
    ("problem", "over_soon"),
    [
        ({"code": 404, "err_code": 10059, "description": "stream not found"}, True),
        ({"code": 503, "err_code": 10008, "description": "JetStream system temporarily unavailable"}, True),
        ({"code": 400, "err_code": 10005, "description": "no suitable peers for placement, peer offline"}, True),
        ({"code": 400, "err_code": 10052, "description": "stream name is required"}, False),
        ({"code": 500, "err_code": 10047, "description": "insufficient storage resources available"}, False),
        ({}, False),
    ],
)
def test_a_cluster_that_is_coming_up_is_asked_again(problem: dict[str, Any], over_soon: bool) -> None:
    assert passes(problem) is over_soon


@pytest.mark.parametrize(
    ("held", "as_wanted"),
    [
        ({"name": "a", "metadata": {"omega": "events", "_nats.ver": "2"}, "more": 1}, True),
        ({"name": "a", "metadata": {"omega": "registry"}}, False),
        ({"name": "b", "metadata": {"omega": "events"}}, False),
        ({"name": "a"}, False),
    ],
)
def test_the_words_a_server_adds_change_nothing(held: dict[str, Any], as_wanted: bool) -> None:
    assert is_as_wanted(held, {"name": "a", "metadata": {"omega": "events"}, "max_age": 0}) is as_wanted
