"""The index held true to the bucket: write by write where none is missing, else by reading.

Whatever order the repeated writes come in, however often, and whichever are lost: after the next look the index is
what the bucket is. And what the bucket itself lost is written back from the index: a record is gone only when
everybody forgot it, the storage and every replica.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bus.errors import StorageMissing
from bus.kv import Entry, Write
from bus.reading import StreamState
from bus.subjects import Instance
from directory.clock import Clock
from directory.index import Index
from directory.place import Place, Repair, Step, repair, step
from directory.record import Record
from directory.store import Storage, read_record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """All that a bucket holds, as it was read."""

    bucket: StreamState
    entries: list[Entry]
    last: int


class Mirror:
    """Applies one bucket to one index. Not to be used by two tasks at once."""

    def __init__(self, bucket: Storage, index: Index, clock: Clock, make: Callable[[], Awaitable[None]]) -> None:
        """`make` makes the bucket where it is missing. Every method raises StorageAway, OutcomeUnknown and the like."""
        self._bucket = bucket
        self._index = index
        self._clock = clock
        self._make = make
        self._looked_at = clock()
        self.place = Place()

    async def take(self, entry: Entry) -> bool:
        """A repeated write. False: it was passed already, which is worth a look when nothing else comes."""
        found = step(self.place, entry.revision)
        if found is Step.NEXT:
            self._apply(entry)
            self._go_to(entry.revision)
        elif found is Step.GAP:
            await self.look()
        return found is not Step.PASSED

    async def look(self) -> None:
        """Compare with the bucket, and mend what is missing."""
        held = self._index.registry.instances  # before asking: what is written meanwhile is not in the answer
        bucket = await self._state()
        now = self._clock()
        needed = repair(self.place, bucket, now - self._looked_at, held=held, doubted=self._index.doubted)
        if needed is Repair.RESTORE:
            await self._restore()
        elif needed is Repair.REBUILD:
            await self.rebuild()
        elif needed is Repair.CATCH_UP and bucket is not None:
            await self._catch_up(bucket)
        self._looked_at = now

    async def _restore(self) -> None:
        """Write back what the bucket lost, and read everything. Whichever replica is first writes a record."""
        found = await self._read_all()
        there = {entry.key for entry in found.entries}
        lost = [record for record in self._index.registry.records() if record.who.key not in there]
        if lost:
            written = await self._bucket.put_missing([Write(one.who.key, one.to_bytes(), 0) for one in lost])
            log.warning("registry_restored", lost=len(lost), written=written)
            found = await self._read_all()
        self._load(found)

    async def rebuild(self) -> None:
        """Read everything. The bucket is made where it is missing; members that are not in it announce themselves."""
        self._load(await self._read_all())

    async def _read_all(self) -> _Found:
        await self._make()
        bucket = await self._bucket.state()
        return _Found(bucket, *await self._bucket.read_from(1, bucket.last))

    def _load(self, found: _Found) -> None:
        """The index is what was found, and nothing else."""
        held = ((record_of(entry), entry.revision) for entry in found.entries)
        self._index.load((record, revision) for record, revision in held if record is not None)
        self.place = Place(found.bucket.created)
        self._go_to(max(found.last, found.bucket.last))
        log.info("index_built", records=len(self._index.registry), sequence=self.place.sequence)

    async def _catch_up(self, bucket: StreamState) -> None:
        entries, last = await self._bucket.read_from(self.place.sequence + 1, bucket.last)
        for entry in entries:
            self._apply(entry)
        # What was written in between and overwritten since is not there to read.
        self._go_to(max(self.place.sequence, last, bucket.last))

    async def _state(self) -> StreamState | None:
        try:
            return await self._bucket.state()
        except StorageMissing:
            return None

    def _go_to(self, sequence: int) -> None:
        self.place = Place(self.place.created, sequence)
        self._index.complete_to = sequence

    def _apply(self, entry: Entry) -> None:
        who = Instance.from_key(entry.key)
        record = record_of(entry)
        if record is not None:
            self._index.hold(record, entry.revision)
        elif who is not None:
            self._index.drop(who, entry.revision)


def record_of(entry: Entry) -> Record | None:
    """The record of an entry; None for one that is deleted, unreadable, or of another key."""
    return read_record(entry)[0]
