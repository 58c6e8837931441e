"""Which leader of a stream is believed."""

from __future__ import annotations

from typing import Any

import pytest

from bus.reading import IN_TOUCH_S, leads

NEAR, FAR = int((IN_TOUCH_S - 0.1) * 1e9), int((IN_TOUCH_S + 0.1) * 1e9)


def cluster(*active: int) -> dict[str, Any]:
    return {"leader": "n1", "replicas": [{"name": f"n{number}", "active": ns} for number, ns in enumerate(active, 2)]}


@pytest.mark.parametrize(
    ("described", "believed"),
    [
        ({}, True),
        ({"leader": "n1"}, True),
        (cluster(NEAR, NEAR), True),
        (cluster(NEAR, FAR), True),
        (cluster(FAR, FAR), False),
        (cluster(NEAR, NEAR, FAR, FAR), True),
        (cluster(NEAR, FAR, FAR, FAR), False),
        (cluster(FAR), False),
    ],
)
def test_a_leader_in_touch_with_most_copies_leads(described: dict[str, Any], believed: bool) -> None:
    assert leads(described) is believed
