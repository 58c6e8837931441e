"""One clock for the many waits that nearly always end before their time: deadlines, signs of silence.

The event loop's own timers are a heap, and a cancelled one stays in it until its time comes. Here a wait is one entry
in the set of its tick, gone when it is cancelled (a hashed timing wheel: Varghese and Lauck, 1987).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

TICK_S = 0.1
"""How late a callback may be."""
SHORT_S = 1.0
"""A shorter wait is the loop's own, and on time."""


class Timer:
    """A callback that waits for its time."""

    __slots__ = ("_among", "callback")

    def __init__(self, callback: Callable[[], None], among: set[Timer]) -> None:
        self.callback = callback
        self._among = among
        among.add(self)

    def cancel(self) -> None:
        """It is not called any more; without effect once it was."""
        self._among.discard(self)


class Clock:
    """Calls back later, on the running loop; for one loop. While nobody waits, nothing runs."""

    def __init__(self) -> None:
        self._ticks: dict[int, set[Timer]] = {}
        self._due: list[int] = []
        self._alarm: asyncio.Handle | None = None
        self._rings_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on: the one that runs when it is first asked. Looking for it is a system call each time."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def __len__(self) -> int:
        """Waits of a second and more that are neither over nor cancelled."""
        return sum(map(len, self._ticks.values()))

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer | asyncio.TimerHandle:
        """Call `callback` in `seconds`, at most a tenth of a second late. `cancel` of what is returned prevents it."""
        loop = self.loop
        if seconds < SHORT_S:
            return loop.call_later(seconds, callback)
        tick = int((loop.time() + seconds) / TICK_S) + 1
        among = self._ticks.get(tick)
        if among is None:
            among = self._ticks[tick] = set()
            heappush(self._due, tick)
            self._set_alarm(loop)
        return Timer(callback, among)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
        when = self._due[0] * TICK_S
        if self._alarm is None or when < self._rings_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._rings_at = when  # what uvloop returns for "at once" does not know its time
            self._alarm = loop.call_at(when, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        now = loop.time() / TICK_S
        over: list[Timer] = []
        while self._due and (self._due[0] <= now or not self._ticks[self._due[0]]):
            over += self._ticks.pop(heappop(self._due))
        if self._due:
            self._set_alarm(loop)
        for timer in over:
            loop.call_soon(timer.callback)
