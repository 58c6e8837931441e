"""Counting in a sliding window, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gateway.limits.rules import Quota, Standing
from gateway.limits.window import Window

SWEEP_S = 10.0


class LocalWindows:
    """Windows of this process alone. Counted here and not by the library, which takes a tenth of a call."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` tells Unix seconds."""
        self._clock = clock
        self._windows: dict[tuple[Quota, str], Window] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep(), name="limits-sweep")

    async def stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    def __len__(self) -> int:
        """Counters held."""
        return len(self._windows)

    async def take(self, quota: Quota, key: str, cost: int = 1) -> Standing:
        """Take `cost` of what `key` has, where there is so much."""
        window = self._windows.get((quota, key))
        if window is None:
            window = self._windows[quota, key] = Window()
        return window.take(quota, cost, self._clock())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for place, (counted, window) in enumerate(list(self._windows.items())):
                if window.over(counted[0], self._clock()):
                    del self._windows[counted]
                if place % 1_000 == 999:
                    await asyncio.sleep(0)
