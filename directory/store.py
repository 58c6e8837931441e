"""Records in the registry bucket: read, and written by compare-and-swap until the decision holds.

A decision to write is made on what the index shows, and the compare-and-swap tells whether that was the truth. One
not to write has no such proof, so it stands only on what the stream's leader holds. Any number of replicas may do this
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bus.errors import FederationError, Malformed, OutcomeUnknown
from bus.kv import Entry, RevisionChanged, Write
from bus.reading import StreamState
from bus.subjects import Instance
from directory.index import Index
from directory.record import Record

ATTEMPTS = 8

Decision = Callable[[Record | None], Record | None]
"""Given the record held (a tombstone too), the record to hold instead; None: leave it."""

log = structlog.get_logger(__name__)


class Storage(Protocol):
    """The registry's bucket as the directory uses it; see `bus.kv.Bucket`."""

    async def get_surely(self, key: str) -> Entry: ...

    async def put(self, write: Write) -> int: ...

    async def put_missing(self, writes: Sequence[Write]) -> int: ...

    async def read_from(self, sequence: int, until: int = 0) -> tuple[list[Entry], int]: ...

    async def keys(self, below: str) -> list[str]: ...

    async def state(self) -> StreamState: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What the bucket holds after a decision, and at which revision; `written` tells whether it was written now."""

    record: Record | None
    revision: int
    written: bool


class Store:
    """The bucket as the writing stations use it. Every write is in this replica's index when the call returns."""

    def __init__(self, bucket: Storage, index: Index, tombstone_s: int) -> None:
        self._bucket = bucket
        self._index = index
        self._tombstone_s = tombstone_s

    async def decide(self, who: Instance, decision: Decision) -> Stored:
        """Apply `decision` to the record of `who`. It may be asked several times, and raise to refuse.

        Raises what `decision` raises, StorageAway, OutcomeUnknown.
        """
        current, revision = self._index.held(who)
        sure = current is None and revision > 0  # a tombstone: its epoch counts, and the index does not keep it
        if sure:
            current, revision = await self._read(who)
        for _ in range(ATTEMPTS):
            wanted = _wanted(decision, current, sure=sure)
            if wanted is not None and wanted is not current:
                if written := await self._written(wanted, revision):
                    return Stored(wanted, written, written=True)
            elif sure:
                return Stored(current, revision, written=False)
            current, revision = await self._read(who)
            sure = True
        raise OutcomeUnknown(f"{who.key}: written by others {ATTEMPTS} times over; ask again")

    async def instances(self, member: str) -> list[Instance]:
        """Every instance of a member that the bucket has a key of. Raises StorageAway."""
        named = map(Instance.from_key, await self._bucket.keys(f"{member}.*"))
        return sorted((who for who in named if who is not None), key=lambda who: who.instance)

    async def _written(self, record: Record, revision: int) -> int:
        """The revision of the write, in the index by then; 0 when somebody else wrote in between."""
        try:
            written = await self._bucket.put(self._write(record, revision))
        except RevisionChanged:
            return 0
        self._index.learn(record.who, record, written)
        return written

    async def _read(self, who: Instance) -> tuple[Record | None, int]:
        """What the leader holds, in the index by then."""
        record, revision = read_record(await self._bucket.get_surely(who.key))
        self._index.learn(who, record, revision)
        return record, revision

    def _write(self, record: Record, revision: int) -> Write:
        ttl = None if record.live else max(self._tombstone_s, record.usable_for_s)
        return Write(record.who.key, record.to_bytes(), revision, ttl)


def _wanted(decision: Decision, current: Record | None, *, sure: bool) -> Record | None:
    """What to write. A refusal counts only when it is `sure` what it refers to."""
    try:
        return decision(current)
    except FederationError:
        if sure:
            raise
        return None


def read_record(entry: Entry) -> tuple[Record | None, int]:
    """The record of an entry and its revision; none for one that is deleted, no record of ours or of another key."""
    if entry.value is None:
        return None, entry.revision
    try:
        record = Record.from_bytes(entry.value)
    except Malformed:
        log.warning("record_unreadable", key=entry.key, revision=entry.revision)
        return None, entry.revision
    if record.who.key != entry.key or Instance.from_key(entry.key) is None:
        log.warning("record_misplaced", key=entry.key, revision=entry.revision)
        return None, entry.revision
    return record, entry.revision
