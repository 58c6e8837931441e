"""Every change of the registry at the moment it can be known, heard at each node past the proxies.

A change may be missed by one and come twice to the others; the first to hear it counts. It is for measuring only: what
is true in the end is read from the storage.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import orjson

from bus import Bus, Message
from bus.kv import Bucket
from tests.chaos.journal import Change, Journal
from tests.chaos.stage import Stage


class Watch:
    """What was heard."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._newest: dict[str, Change] = {}

    def listen(self, bus: Bus) -> None:
        bucket = Bucket(bus, bus.settings.bucket)
        bus.listen(bus.subjects.change(), lambda message: self._heard(bucket, message))

    def status(self, key: str) -> str:
        """The newest known; empty for a key that was never heard of."""
        change = self._newest.get(key)
        return change.status if change is not None else ""

    def since(self, key: str) -> float:
        """When it became so."""
        change = self._newest.get(key)
        return change.at if change is not None else 0.0

    def _heard(self, bucket: Bucket, message: Message) -> None:
        entry = bucket.read_change(message)
        if entry is None:
            return
        known = self._newest.get(entry.key)
        if known is not None and known.revision >= entry.revision:
            return
        record = orjson.loads(entry.value) if entry.value else {"status": "", "epoch": 0}
        change = Change(
            key=entry.key,
            revision=entry.revision,
            at=time.monotonic(),
            status=record["status"],
            epoch=record["epoch"],
        )
        self._newest[entry.key] = change
        self._journal.add(change)


@asynccontextmanager
async def watching(stage: Stage, journal: Journal) -> AsyncIterator[Watch]:
    """A watch at every node, for the length of the block."""
    watch = Watch(journal)
    async with AsyncExitStack() as stack:
        for number in range(len(stage.cluster.nodes)):
            bus = await Bus.connect(stage.settings(number), name=f"chaos-watch-{number}")
            stack.push_async_callback(bus.close)
            watch.listen(bus)
            await bus.flush()
        yield watch
