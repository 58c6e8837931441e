"""Records in the registry bucket: read, and written by compare-and-swap until the decision holds.

A decision is made on what the index shows; when the bucket turns out to be ahead, it is made again on what the
stream's leader holds. Any number of replicas may do this at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bus.errors import Malformed, OutcomeUnknown
from bus.kv import Bucket, Entry, RevisionChanged, Write
from bus.subjects import Instance
from directory.index import Index
from directory.record import Record

ATTEMPTS = 8

Decision = Callable[[Record | None], Record | None]
"""Given the record held (a tombstone too), the record to hold instead; None: leave it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the bucket holds after a decision, and at which revision; `written` tells whether it was written now."""

    record: Record | None
    revision: int
    written: bool


class Store:
    """The bucket as the writing stations use it. Every write is in this replica's index when the call returns."""

    def __init__(self, bucket: Bucket, index: Index, tombstone_s: int) -> None:
        self._bucket = bucket
        self._index = index
        self._tombstone_s = tombstone_s

    async def decide(self, who: Instance, decision: Decision) -> Stored:
        """Apply `decision` to the record of `who`. It may be asked several times, and raise to refuse.

        Raises what `decision` raises, StorageAway, OutcomeUnknown.
        """
        current, revision = self._index.held(who)
        if current is None and revision:  # a tombstone: its epoch still counts, and the index does not keep it
            current, revision = read_record(await self._bucket.get(who.key))
        for _ in range(ATTEMPTS):
            wanted = decision(current)
            if wanted is None or wanted is current:
                return Stored(current, revision, written=False)
            try:
                written = await self._bucket.put(self._write(wanted, revision))
            except RevisionChanged:
                current, revision = read_record(await self._bucket.get(who.key))
            else:
                self._index.take(wanted, written)
                return Stored(wanted, written, written=True)
        raise OutcomeUnknown(f"{who.key}: written by others {ATTEMPTS} times over; ask again")

    def _write(self, record: Record, revision: int) -> Write:
        ttl = None if record.live else self._tombstone_s
        return Write(record.who.key, record.to_bytes(), revision, ttl)


def read_record(entry: Entry) -> tuple[Record | None, int]:
    """The record of an entry and its revision; an entry that is deleted or no record of ours counts as none."""
    if entry.value is None:
        return None, entry.revision
    try:
        return Record.from_bytes(entry.value), entry.revision
    except Malformed:
        log.warning("record_unreadable", key=entry.key, revision=entry.revision)
        return None, entry.revision
