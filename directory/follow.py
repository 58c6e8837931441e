"""The station that keeps the index true: the bucket's snapshot, then its change feed, every gap repaired.

The feed repeats each committed write with its sequence. A sequence that is not the next one is a gap, and so is a
stream that has moved on in silence; both are mended by reading from where we are. A stream that was made anew is read
from its beginning (`place` decides, `mirror` reads).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bus import Bus, Message
from bus.connection import Subscription
from bus.errors import FederationError
from bus.kv import Bucket, Entry
from bus.streams import prepare
from directory.clock import Clock
from directory.index import Index
from directory.mirror import Mirror

log = structlog.get_logger(__name__)


class Follower:
    """Feeds one index from one bucket."""

    def __init__(self, bus: Bus, bucket: Bucket, index: Index, clock: Clock) -> None:
        self._bus = bus
        self._bucket = bucket
        self._mirror = Mirror(bucket, index, clock, lambda: prepare(bus))
        self._changes: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self.ready = asyncio.Event()
        """Set once the index is complete."""

    @property
    def place(self) -> int:
        """The sequence up to which the index is complete."""
        return self._mirror.place.sequence

    async def run(self, gap_check_s: float) -> None:
        """Follow until cancelled."""
        self._subscription = self._bus.listen(self._bus.subjects.change(), self._on_change)
        self._bus.on_return(self.look_again)
        await self._retry(self._mirror.rebuild)
        self.ready.set()
        while True:
            await self._step(await self._next_change(gap_check_s))

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()

    def look_again(self) -> None:
        """Compare with the storage now: changes may have been missed."""
        self._changes.put_nowait(None)

    def _on_change(self, message: Message) -> None:
        entry = self._bucket.read_change(message)
        if entry is not None:
            self._changes.put_nowait(entry)

    async def _next_change(self, gap_check_s: float) -> Entry | None:
        """The next repeated write; None when it is time to compare with the storage."""
        try:
            async with asyncio.timeout(gap_check_s):
                return await self._changes.get()
        except TimeoutError:
            return None

    async def _step(self, entry: Entry | None) -> None:
        if entry is None:
            await self._look()
        else:
            await self._retry(lambda: self._take(entry))

    async def _look(self) -> None:
        """Once: what the feed brings meanwhile must not wait for a storage that does not answer."""
        try:
            await self._mirror.look()
        except FederationError as exc:
            log.warning("storage_not_read", error=exc.code, reason=exc.message)

    async def _take(self, entry: Entry) -> None:
        if not await self._mirror.take(entry) and self._changes.empty():
            await self._look()  # late or twice, or the first sign of a bucket that was made anew

    async def _retry(self, step: Callable[[], Awaitable[None]]) -> None:
        """`step` until it succeeds: the storage may be away for as long as it likes."""
        pause = 0.1
        while True:
            try:
                await step()
                return
            except FederationError as exc:
                log.warning("storage_not_read", error=exc.code, reason=exc.message)
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
