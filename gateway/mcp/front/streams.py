"""The streams that last: how many there may be, and how they all end when the gateway does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bus.clock import Clock
from bus.errors import Busy
from gateway.mcp.front.sse import EventStream, StreamLimits


class Ended(Exception):
    """The gateway stops: say goodbye and end the stream."""


class Streams:
    """Everything open that would otherwise outlast any drain."""

    def __init__(self, limits: StreamLimits, most: int, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._most = most
        self._open: set[asyncio.Timeout] = set()
        self._ending = False

    def __len__(self) -> int:
        return len(self._open)

    def answer(self, request: web.Request) -> EventStream:
        """The answer to `request`, a stream only where one is needed."""
        return EventStream(request, self._limits, self._clock)

    @asynccontextmanager
    async def lasting(self) -> AsyncIterator[None]:
        """The length of one such stream. Raises Busy (too many are open), Ended (from within, when `end` is called)."""
        if len(self._open) >= self._most:
            limit = {"limit": self._most}
            raise Busy(f"{self._most} streams are open here; not executed", details=limit)
        if self._ending:
            raise Ended
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._open.add(scope)
                yield
        except TimeoutError:
            if scope.expired():
                raise Ended from None
            raise
        finally:
            self._open.discard(scope)

    def end(self) -> None:
        """End them all, and let none begin."""
        self._ending = True
        for scope in self._open:
            interrupting(scope)()


def interrupting(scope: asyncio.Timeout) -> Callable[[], None]:
    """A callback that ends what runs within the open `scope`, with its TimeoutError."""

    def interrupt() -> None:
        if not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())

    return interrupt
