"""Counting in a sliding window, in this process."""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Protocol

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.limits.rules import Quota, Standing

SWEEP_S = 10.0
NAMESPACE = "omega"


class Windows(Protocol):
    """Counts what is taken of quotas."""

    async def take(self, quota: Quota, key: str, cost: int = 1) -> Standing:
        """Take `cost` of what `key` has, where there is so much."""
        ...


class Memory(MemoryStorage):
    """The library's storage, which would look at every key there is whenever one is counted: here a task does so."""

    def start(self) -> None:
        self.timer = asyncio.create_task(self._sweep(), name="limits-sweep")

    async def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            await asyncio.gather(self.timer, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for place, key in enumerate(list(self.expirations)):
                await self.get(key)  # forgets what is over
                if place % 1_000 == 999:
                    await asyncio.sleep(0)


class LocalWindows:
    """Windows of this process alone."""

    def __init__(self) -> None:
        self._storage = Memory()
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)

    def start(self) -> None:
        self._storage.start()

    async def stop(self) -> None:
        await self._storage.stop()

    def __len__(self) -> int:
        """Counters held."""
        return len(self._storage.storage)

    async def take(self, quota: Quota, key: str, cost: int = 1) -> Standing:
        return await taken(self._strategy, quota, key, cost)


async def taken(strategy: SlidingWindowCounterRateLimiter, quota: Quota, key: str, cost: int) -> Standing:
    """One request counted by the library's `strategy`."""
    item = _item(quota)
    allowed = await strategy.hit(item, key, cost=cost)
    stats = await strategy.get_window_stats(item, key)
    left = max(0.0, min(stats.reset_time - time.time(), float(quota.window_s)))
    return Standing(quota, allowed, max(0, int(stats.remaining)), left)


@lru_cache(maxsize=64)
def _item(quota: Quota) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(quota.amount, quota.window_s, f"{NAMESPACE}/{quota.name}")
