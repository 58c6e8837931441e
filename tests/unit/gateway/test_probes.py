from __future__ import annotations

import pytest

from gateway.probes import health_answer, health_of


@pytest.mark.parametrize(("status", "word", "code"), [("active", "healthy", 200), ("stale", "unhealthy", 503)])
def test_a_member_is_healthy_while_it_is_active(status: str, word: str, code: int) -> None:
    health = health_of({"id": "a", "name": "A", "version": "1.0.0", "status": status}, now=0.0)
    assert health == {
        "status": word,
        "id": "a",
        "service": "a",
        "type": "tool",
        "name": "A",
        "version": "1.0.0",
        "timestamp": "1970-01-01T00:00:00.000Z",
    }
    assert health_answer(health).status == code


def test_a_member_nobody_announced_is_not_healthy() -> None:
    assert health_of({"id": "a"}, now=0.0)["status"] == "unhealthy"
