"""The streams that last: how many there may be, and how they all end when the gateway does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bus.clock import Clock
from bus.errors import Busy
from gateway.access.proofs import Proof
from gateway.mcp.front.sse import EventStream, StreamLimits

LOOK_S = 0.5


class Ended(Exception):
    """The gateway stops, or the caller may listen no more: say goodbye and end the stream."""


class Streams:
    """Everything open that would otherwise outlast any drain."""

    def __init__(self, limits: StreamLimits, most: int, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._most = most
        self._open: dict[asyncio.Timeout, Proof] = {}
        self._ending = False
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        """Look from now on whether those who listen still may."""
        self._looking = asyncio.create_task(self._end_what_holds_no_more(), name="streams")

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def answer(self, request: web.Request) -> EventStream:
        """The answer to `request`, a stream only where one is needed."""
        return EventStream(request, self._limits, self._clock)

    @asynccontextmanager
    async def lasting(self, proof: Proof) -> AsyncIterator[None]:
        """The length of one such stream. Raises Busy (too many are open), and Ended from within: when `end` is called,
        and when `proof` holds no more."""
        if len(self._open) >= self._most:
            limit = {"limit": self._most}
            raise Busy(f"{self._most} streams are open here; not executed", details=limit)
        if self._ending:
            raise Ended
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._open[scope] = proof
                yield
        except TimeoutError:
            if scope.expired():
                raise Ended from None
            raise
        finally:
            self._open.pop(scope, None)

    def end(self) -> None:
        """End them all, and let none begin."""
        self._ending = True
        for scope in self._open:
            interrupting(scope)()

    async def _end_what_holds_no_more(self) -> None:
        """A key that was revoked, or a token whose time is over, ends what was opened with it."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.time()
            for scope in [scope for scope, proof in self._open.items() if not proof.holds(now)]:
                interrupting(scope)()


def interrupting(scope: asyncio.Timeout) -> Callable[[], None]:
    """A callback that ends what runs within the open `scope`, with its TimeoutError."""

    def interrupt() -> None:
        if not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())

    return interrupt
