"""One count in a sliding window: the library's rule, without the library's time."""

from __future__ import annotations

from random import Random

import pytest
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.limits.rules import Quota
from gateway.limits.window import Window

QUOTA = Quota("requests", 7, window_s=10)


@pytest.mark.parametrize("seed", range(20))
async def test_it_counts_as_the_library_does(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, now = Random(seed), 1_800_000_000.0
    window, storage = Window(), MemoryStorage()
    theirs = SlidingWindowCounterRateLimiter(storage)
    item = RateLimitItemPerSecond(QUOTA.amount, QUOTA.window_s)
    for _ in range(60):
        now += chance.choice([0.0, 0.1, 0.7, 2.0, 5.0, 9.9, 10.0, 21.0]) + chance.random() / 100
        monkeypatch.setattr("time.time", lambda now=now: now)
        cost = chance.choice([1, 1, 1, 2, 5])
        standing = window.take(QUOTA, cost, now)
        assert standing.allowed is await theirs.hit(item, "caller", cost=cost)
        stats = await theirs.get_window_stats(item, "caller")
        assert standing.remaining == stats.remaining
        assert 0 <= standing.reset_s <= QUOTA.window_s
    if storage.timer is not None:
        storage.timer.cancel()


def test_what_was_taken_in_the_window_before_counts_for_the_part_that_is_still_covered() -> None:
    window = Window()
    assert window.take(QUOTA, 7, 100.0).remaining == 0
    assert not window.take(QUOTA, 1, 110.0).allowed
    assert window.take(QUOTA, 1, 115.0).remaining == 3


def test_a_window_is_over_when_nothing_of_it_counts() -> None:
    window = Window()
    window.take(QUOTA, 1, 100.0)
    assert [window.over(QUOTA, at) for at in (109.0, 119.9, 120.0)] == [False, False, True]
