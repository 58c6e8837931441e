"""The station that keeps the index true: the bucket's snapshot, then its change feed, every gap repaired.

The feed repeats each committed write with its sequence. A sequence that is not the next one is a gap, and so is a
stream that has moved on in silence; both are mended by reading from where we are. A stream that is behind us was
made anew: everything is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bus import Bus, Instance, Message
from bus.connection import Subscription
from bus.errors import FederationError, StorageMissing
from bus.kv import Bucket, Entry
from bus.streams import prepare
from directory.index import Index
from directory.store import read_record

log = structlog.get_logger(__name__)


class Follower:
    """Feeds one index from one bucket."""

    def __init__(self, bus: Bus, bucket: Bucket, index: Index) -> None:
        self._bus = bus
        self._bucket = bucket
        self._index = index
        self._place = 0
        self._changes: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self.ready = asyncio.Event()
        """Set once the index is complete."""

    @property
    def place(self) -> int:
        """The sequence up to which the index is complete."""
        return self._place

    async def run(self, gap_check_s: float) -> None:
        """Follow until cancelled."""
        self._subscription = self._bus.listen(self._bus.subjects.change(), self._on_change)
        self._bus.on_return(self.look_again)
        await self._retry(self._rebuild)
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
        if entry is not None and entry.revision == self._place + 1:
            self._apply(entry)
            self._place = entry.revision
        elif entry is None or entry.revision > self._place:
            await self._retry(self._check)

    # reading ------------------------------------------------------------------------------------------------------

    async def _check(self) -> None:
        try:
            newest = await self._bucket.last_sequence()
        except StorageMissing:
            await self._rebuild()
            return
        if newest < self._place:
            await self._rebuild()
        elif newest > self._place:
            await self._catch_up(newest)

    async def _catch_up(self, newest: int) -> None:
        entries, last = await self._bucket.read_from(self._place + 1)
        for entry in entries:
            self._apply(entry)
        # What was written in between and overwritten or purged since is not there to read.
        self._place = max(self._place, last, newest)

    async def _rebuild(self) -> None:
        """Read everything. The streams are made where they are missing: the members announce themselves again."""
        await prepare(self._bus)
        newest = await self._bucket.last_sequence()
        entries, last = await self._bucket.read_from(1)
        records = ((read_record(entry)) for entry in entries)
        self._index.load((record, revision) for record, revision in records if record is not None)
        self._place = max(last, newest)
        log.info("index_built", records=len(self._index.registry), sequence=self._place)

    def _apply(self, entry: Entry) -> None:
        record, revision = read_record(entry)
        if record is not None and record.who.key == entry.key:
            self._index.take(record, revision)
            return
        who = Instance.from_key(entry.key)
        if who is not None:
            self._index.drop(who)

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
